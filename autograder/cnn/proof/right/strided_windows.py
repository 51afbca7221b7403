"""np.lib.stride_tricks.as_strided, with the strides taken from x.strides, in both layers."""

import numpy as np
from numpy.lib.stride_tricks import as_strided


class Convolution2dLayer:
    def __init__(self, filter_size=3, stride=1, n_outchannel=32):
        self.filter_size = filter_size
        self.stride = stride
        self.n_outchannel = n_outchannel

    def initialize_weights(self):
        self.weights = np.random.uniform(0, 1, (self.n_outchannel, self.filter_size, self.filter_size))

    def _windows(self, x):
        """(batch, 1, h, w) -> (batch, out_h, out_w, filter_size, filter_size), the same memory seen otherwise."""
        batch, _, h, w = x.shape
        f, s = self.filter_size, self.stride
        per_image, _, per_row, per_col = x.strides
        return as_strided(
            x,
            shape=(batch, (h - f) // s + 1, (w - f) // s + 1, f, f),
            strides=(per_image, s * per_row, s * per_col, per_row, per_col),
            writeable=False,
        )

    def _get_filtersizeXfiltersize_views(self, x):
        windows = self._windows(x)
        for row in range(windows.shape[1]):
            for col in range(windows.shape[2]):
                yield row, col, windows[:, row, col][:, np.newaxis]

    def forward(self, x):
        windows = self._windows(x)
        out = np.tensordot(self.weights, windows, axes=([1, 2], [3, 4]))  # (k, batch, out_h, out_w)
        return {"x": x, "out": out.swapaxes(0, 1)}

    def backward(self, cache, grad_output):
        return np.tensordot(grad_output, self._windows(cache["x"]), axes=([0, 2, 3], [0, 1, 2]))


class MaxPooling2dLayer:
    def __init__(self, filter_size=2):
        self.filter_size = filter_size

    def _windows(self, x):
        """(batch, channels, h, w) -> (batch, channels, out_h, out_w, filter_size, filter_size)"""
        f = self.filter_size
        shape = x.shape[:2] + (x.shape[2] // f, x.shape[3] // f, f, f)
        strides = x.strides[:2] + (f * x.strides[2], f * x.strides[3]) + x.strides[2:]
        return as_strided(x, shape, strides)

    def _get_filtersizeXfiltersize_views(self, x):
        windows = self._windows(x)
        for row in range(windows.shape[2]):
            for col in range(windows.shape[3]):
                yield row, col, windows[:, :, row, col]

    def forward(self, x):
        return {"x": x, "out": self._windows(x).max(axis=(4, 5))}

    def backward(self, cache, grad_output):
        windows = self._windows(cache["x"])
        grads = np.zeros(cache["x"].shape)
        is_max = windows == windows.max(axis=(4, 5), keepdims=True)
        self._windows(grads)[...] = is_max * grad_output[..., None, None]
        return grads
