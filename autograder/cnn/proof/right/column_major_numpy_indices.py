"""Windows in column-major order, their row and col np.int64, handed out as an iterator over a tuple."""

import numpy as np


class Convolution2dLayer:
    def __init__(self, filter_size=3, stride=1, n_outchannel=32):
        self.filter_size = filter_size
        self.stride = stride
        self.n_outchannel = n_outchannel

    def initialize_weights(self):
        self.weights = np.random.uniform(0, 1, (self.n_outchannel, self.filter_size, self.filter_size))

    def _get_filtersizeXfiltersize_views(self, x):
        tops = np.arange(0, x.shape[2] - self.filter_size + 1, self.stride)
        lefts = np.arange(0, x.shape[3] - self.filter_size + 1, self.stride)
        for col, left in zip(np.arange(lefts.size), lefts):
            for row, top in zip(np.arange(tops.size), tops):
                yield row, col, x[:, :, top : top + self.filter_size, left : left + self.filter_size]

    def forward(self, x):
        h, w = np.array(x.shape[2:])
        out_h = (h - self.filter_size) // self.stride + 1
        out_w = (w - self.filter_size) // self.stride + 1
        out = np.zeros((len(x), self.n_outchannel, out_h, out_w))
        for row, col, view in self._get_filtersizeXfiltersize_views(x):
            out[:, :, row, col] = np.einsum("nij,kij->nk", view.squeeze(axis=1), self.weights)
        return {"x": x, "out": out}

    def backward(self, cache, grad_output):
        grads = np.zeros(self.weights.shape)
        for row, col, view in self._get_filtersizeXfiltersize_views(cache["x"]):
            grads += np.einsum("nk,nij->kij", grad_output[:, :, row, col], view[:, 0, :, :])
        return grads


class MaxPooling2dLayer:
    def __init__(self, filter_size=2):
        self.filter_size = filter_size

    def _get_filtersizeXfiltersize_views(self, x):
        f = self.filter_size
        rows = np.arange(x.shape[2] // f, dtype=np.int64)
        cols = np.arange(x.shape[3] // f, dtype=np.int64)
        return iter(
            tuple((r, c, x[:, :, r * f : (r + 1) * f, c * f : (c + 1) * f]) for c in reversed(cols) for r in rows)
        )

    def forward(self, x):
        f = self.filter_size
        out = np.empty(x.shape[:2] + (x.shape[2] // f, x.shape[3] // f))
        for row, col, view in self._get_filtersizeXfiltersize_views(x):
            out[:, :, row, col] = view.max(axis=(2, 3))
        return {"x": x, "out": out}

    def backward(self, cache, grad_output):
        grads = np.zeros(cache["x"].shape)
        for (row, col, view), (_, _, grad_view) in zip(
            self._get_filtersizeXfiltersize_views(cache["x"]), self._get_filtersizeXfiltersize_views(grads)
        ):
            grad_view[...] = (view == view.max(axis=(2, 3), keepdims=True)) * grad_output[:, :, row, col, None, None]
        return grads
