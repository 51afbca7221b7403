"""One vectorised pass for every place in the filter: shift the image, scale it, add it up."""

import numpy as np


class Convolution2dLayer:
    def __init__(self, filter_size=3, stride=1, n_outchannel=32):
        self.filter_size = filter_size
        self.stride = stride
        self.n_outchannel = n_outchannel

    def initialize_weights(self):
        self.weights = np.random.uniform(0, 1, (self.n_outchannel, self.filter_size, self.filter_size))

    def _get_filtersizeXfiltersize_views(self, x):
        h, w = x.shape[-2:]
        for row, top in enumerate(range(0, h - self.filter_size + 1, self.stride)):
            for col, left in enumerate(range(0, w - self.filter_size + 1, self.stride)):
                yield row, col, x[:, :, top : top + self.filter_size, left : left + self.filter_size]

    def _shifted(self, x, a, b):
        """The pixel that the weight at (a, b) meets in each window: (batch, 1, out_h, out_w)."""
        last_row = x.shape[2] - self.filter_size + a
        last_col = x.shape[3] - self.filter_size + b
        return x[:, :, a : last_row + 1 : self.stride, b : last_col + 1 : self.stride]

    def forward(self, x):
        out = 0.0
        for a in range(self.filter_size):
            for b in range(self.filter_size):
                out = out + self._shifted(x, a, b) * self.weights[None, :, a, b, None, None]
        return {"x": x, "out": out}

    def backward(self, cache, grad_output):
        grads = np.empty(self.weights.shape)
        for a in range(self.filter_size):
            for b in range(self.filter_size):
                grads[:, a, b] = np.sum(grad_output * self._shifted(cache["x"], a, b), axis=(0, 2, 3))
        return grads


class MaxPooling2dLayer:
    def __init__(self, filter_size=2):
        self.filter_size = filter_size

    def _get_filtersizeXfiltersize_views(self, x):
        f = self.filter_size
        h, w = x.shape[-2:]
        for row, top in enumerate(range(0, h - f + 1, f)):
            for col, left in enumerate(range(0, w - f + 1, f)):
                yield row, col, x[:, :, top : top + f, left : left + f]

    def _planes(self, x):
        f = self.filter_size
        out_h, out_w = x.shape[2] // f, x.shape[3] // f
        for a in range(f):
            for b in range(f):
                yield x[:, :, a : out_h * f : f, b : out_w * f : f]

    def forward(self, x):
        out = None
        for plane in self._planes(x):
            out = plane.copy() if out is None else np.maximum(out, plane)
        return {"x": x, "out": out}

    def backward(self, cache, grad_output):
        grads = np.zeros(cache["x"].shape)
        taken = np.zeros(grad_output.shape, dtype=bool)
        for plane, target in zip(self._planes(cache["x"]), self._planes(grads)):
            wins = (plane == cache["out"]) & ~taken  # row-major order, so the first maximum is served first
            target[wins] = grad_output[wins]
            taken |= wins
        return grads
