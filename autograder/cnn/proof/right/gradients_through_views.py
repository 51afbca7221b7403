"""Gradients are written through strided views of a result that is allocated flat and shaped last."""

import numpy as np


class Convolution2dLayer:
    def __init__(self, filter_size=3, stride=1, n_outchannel=32):
        self.filter_size = filter_size
        self.stride = stride
        self.n_outchannel = n_outchannel

    def initialize_weights(self):
        self.weights = np.random.uniform(0, 1, (self.n_outchannel, self.filter_size, self.filter_size))

    def _get_filtersizeXfiltersize_views(self, x):
        h, w = x.shape[2:]
        for row in range((h - self.filter_size) // self.stride + 1):
            for col in range((w - self.filter_size) // self.stride + 1):
                top, left = row * self.stride, col * self.stride
                yield row, col, x[:, :, top : top + self.filter_size, left : left + self.filter_size]

    def forward(self, x):
        out_h = (x.shape[2] - self.filter_size) // self.stride + 1
        out_w = (x.shape[3] - self.filter_size) // self.stride + 1
        memory = np.empty((out_h, out_w, self.n_outchannel, len(x)))
        out = memory.transpose(3, 2, 0, 1)
        for row, col, view in self._get_filtersizeXfiltersize_views(x):
            cell = memory[row, col]
            np.matmul(self.weights.reshape(self.n_outchannel, -1), view.reshape(len(x), -1).T, out=cell)
        return {"x": x, "out": out}

    def backward(self, cache, grad_output):
        flat = np.zeros(self.n_outchannel * self.filter_size**2)
        grads = flat.reshape(self.n_outchannel, self.filter_size, self.filter_size)
        for k, plane in enumerate(grads):
            for row, col, view in self._get_filtersizeXfiltersize_views(cache["x"]):
                plane += np.einsum("n,nab->ab", grad_output[:, k, row, col], view[:, 0])
        return grads


class MaxPooling2dLayer:
    def __init__(self, filter_size=2):
        self.filter_size = filter_size

    def _get_filtersizeXfiltersize_views(self, x):
        size = self.filter_size
        for row in range(x.shape[2] // size):
            for col in range(x.shape[3] // size):
                yield row, col, x[:, :, row * size : (row + 1) * size, col * size : (col + 1) * size]

    def forward(self, x):
        size = self.filter_size
        out = np.empty((*x.shape[:2], x.shape[2] // size, x.shape[3] // size))
        for row, col, view in self._get_filtersizeXfiltersize_views(x):
            np.max(view, axis=(2, 3), out=out[:, :, row, col])
        return {"x": x, "out": out}

    def backward(self, cache, grad_output):
        # The last two axes first in memory; and two rows and columns more than needed, cut off by a view.
        batch, channels, h, w = cache["x"].shape
        larger = np.zeros((h + 2, w + 2, batch, channels))
        grads = larger[1:-1, 1:-1].transpose(2, 3, 0, 1)
        for (row, col, view), (_, _, grad_view) in zip(
            self._get_filtersizeXfiltersize_views(cache["x"]), self._get_filtersizeXfiltersize_views(grads)
        ):
            mask = np.equal(view, cache["out"][:, :, row, col, None, None])
            np.copyto(grad_view, grad_output[:, :, row, col, None, None], where=mask)
        return grads
