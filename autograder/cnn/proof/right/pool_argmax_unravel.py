"""Pooling by argmax and np.unravel_index: the first maximum's coordinates are in the cache."""

import numpy as np


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
        batch, channels, h, w = x.shape
        out = np.zeros((batch, channels, h // size, w // size))
        where = np.zeros((2, batch, channels, h // size, w // size), dtype=int)
        n, c = np.ogrid[:batch, :channels]
        for row, col, view in self._get_filtersizeXfiltersize_views(x):
            winners = view.reshape(batch, channels, -1).argmax(axis=2)
            a, b = np.unravel_index(winners, (size, size))
            out[:, :, row, col] = view[n, c, a, b]
            where[0, :, :, row, col] = row * size + a
            where[1, :, :, row, col] = col * size + b
        return {"x": x, "out": out, "where": where}

    def backward(self, cache, grad_output):
        rows, cols = cache["where"]
        n, c = np.ogrid[: grad_output.shape[0], : grad_output.shape[1]]
        grads = np.zeros_like(cache["x"])
        grads[n[..., None, None], c[..., None, None], rows, cols] = grad_output
        return grads
