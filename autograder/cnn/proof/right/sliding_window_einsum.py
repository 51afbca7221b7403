"""sliding_window_view, stepped over, and einsum for both passes of the convolution."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


class Convolution2dLayer:
    def __init__(self, filter_size=3, stride=1, n_outchannel=32):
        self.filter_size = filter_size
        self.stride = stride
        self.n_outchannel = n_outchannel

    def initialize_weights(self):
        self.weights = np.random.uniform(0, 1, (self.n_outchannel, self.filter_size, self.filter_size))

    def _windows(self, x):
        every = sliding_window_view(x, (self.filter_size, self.filter_size), axis=(2, 3))
        return every[:, :, :: self.stride, :: self.stride]

    def _get_filtersizeXfiltersize_views(self, x):
        windows = self._windows(x)
        for row, col in np.ndindex(*windows.shape[2:4]):
            yield row, col, windows[:, :, row, col]

    def forward(self, x):
        return {"x": x, "out": np.einsum("ncijab,kab->nkij", self._windows(x), self.weights)}

    def backward(self, cache, grad_output):
        return np.einsum("ncijab,nkij->kab", self._windows(cache["x"]), grad_output, optimize=True)


class MaxPooling2dLayer:
    def __init__(self, filter_size=2):
        self.filter_size = filter_size

    def _windows(self, x, writeable=False):
        size = self.filter_size
        if min(x.shape[2:]) < size:
            return np.empty((*x.shape[:2], x.shape[2] // size, x.shape[3] // size, size, size))
        return sliding_window_view(x, (size, size), (2, 3), writeable=writeable)[:, :, ::size, ::size]

    def _get_filtersizeXfiltersize_views(self, x):
        windows = self._windows(x)
        for row, col in np.ndindex(*windows.shape[2:4]):
            yield row, col, windows[:, :, row, col, :, :]

    def forward(self, x):
        return {"x": x, "out": self._windows(x).max((-2, -1))}

    def backward(self, cache, grad_output):
        windows = self._windows(cache["x"])
        peak = windows.max((-2, -1), keepdims=True)
        grads = np.zeros(cache["x"].shape)
        self._windows(grads, writeable=True)[...] = np.where(windows == peak, grad_output[..., None, None], 0.0)
        return grads
