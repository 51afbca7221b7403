"""Pooling that marks the first maximum with a running count of the mask."""

import numpy as np


class MaxPooling2dLayer:
    def __init__(self, filter_size=2):
        self.filter_size = filter_size

    def _get_filtersizeXfiltersize_views(self, x):
        size = self.filter_size
        return tuple(
            (row, col, x[:, :, row * size : (row + 1) * size, col * size : (col + 1) * size])
            for row in range(x.shape[2] // size)
            for col in range(x.shape[3] // size)
        )

    def forward(self, x):
        batch, channels, h, w = x.shape
        cache = {"x": x, "out": np.zeros((batch, channels, h // self.filter_size, w // self.filter_size))}
        for row, col, view in self._get_filtersizeXfiltersize_views(x):
            cache["out"][:, :, row, col] = np.maximum.reduce(view, axis=(2, 3))
        return cache

    def backward(self, cache, grad_output):
        grads = np.zeros(cache["x"].shape)
        size = self.filter_size
        for row, col, view in self._get_filtersizeXfiltersize_views(cache["x"]):
            mask = view == cache["out"][:, :, row : row + 1, col : col + 1]
            flat = mask.reshape(*mask.shape[:2], -1)
            first = (flat & (flat.cumsum(axis=-1) == 1)).reshape(mask.shape)
            upstream = grad_output[:, :, row : row + 1, col : col + 1]
            grads[:, :, row * size : row * size + size, col * size : col * size + size] += first * upstream
        return grads
