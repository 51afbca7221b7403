"""Convolution backward that walks over the windows again and adds up one outer product for each."""

import numpy as np


class Convolution2dLayer:
    def __init__(self, filter_size=3, stride=1, n_outchannel=32):
        self.filter_size = filter_size
        self.stride = stride
        self.n_outchannel = n_outchannel

    def initialize_weights(self):
        self.weights = np.random.uniform(0, 1, (self.n_outchannel, self.filter_size, self.filter_size))

    def _get_output_size(self, x):
        h, w = x.shape[2:]
        return (h - self.filter_size) // self.stride + 1, (w - self.filter_size) // self.stride + 1

    def _get_filtersizeXfiltersize_views(self, x):
        out_h, out_w = self._get_output_size(x)
        for row in range(out_h):
            for col in range(out_w):
                top, left = row * self.stride, col * self.stride
                yield row, col, x[:, :, top : top + self.filter_size, left : left + self.filter_size]

    def forward(self, x):
        cache = {"x": x, "out": np.zeros((len(x), self.n_outchannel, *self._get_output_size(x)))}
        for row, col, view in self._get_filtersizeXfiltersize_views(x):
            # view has one channel, which the filters' axis broadcasts against
            cache["out"][:, :, row, col] = (view * self.weights).sum(axis=(2, 3))
        return cache

    def backward(self, cache, grad_output):
        grads = np.zeros_like(self.weights)
        for row, col, view in self._get_filtersizeXfiltersize_views(cache["x"]):
            upstream = grad_output[:, :, row, col, np.newaxis, np.newaxis]
            grads += np.add.reduce(upstream * view, axis=0)
        return grads
