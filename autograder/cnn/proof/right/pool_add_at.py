"""Pooling backward by np.add.at on flat indices; the convolution gathers pixels by an index grid."""

import numpy as np


class Convolution2dLayer:
    def __init__(self, filter_size=3, stride=1, n_outchannel=32):
        self.filter_size = filter_size
        self.stride = stride
        self.n_outchannel = n_outchannel

    def initialize_weights(self):
        self.weights = np.random.uniform(0, 1, (self.n_outchannel, self.filter_size, self.filter_size))

    def _grid(self, h, w):
        """Row and column of every pixel of every window, both broadcast to (out_h, out_w, size, size)."""
        offsets = np.arange(self.filter_size)
        tops = np.arange(0, h - self.filter_size + 1, self.stride)
        lefts = np.arange(0, w - self.filter_size + 1, self.stride)
        rows = tops[:, None, None, None] + offsets[None, None, :, None]
        cols = lefts[None, :, None, None] + offsets[None, None, None, :]
        return rows, cols

    def _get_filtersizeXfiltersize_views(self, x):
        rows, cols = self._grid(*x.shape[2:])
        for row in range(rows.shape[0]):
            for col in range(cols.shape[1]):
                yield row, col, x[:, :, rows[row, 0], cols[0, col]]

    def forward(self, x):
        rows, cols = self._grid(*x.shape[2:])
        patches = x[:, 0][:, rows, cols]  # (batch, out_h, out_w, size, size), a copy
        out = patches.reshape(*patches.shape[:3], -1).dot(self.weights.reshape(self.n_outchannel, -1).T)
        return {"x": x, "out": np.ascontiguousarray(np.rollaxis(out, 3, 1)), "grid": (rows, cols)}

    def backward(self, cache, grad_output):
        rows, cols = cache["grid"]
        grads = np.zeros((self.n_outchannel, self.filter_size, self.filter_size))
        for image, upstream in zip(cache["x"][:, 0], grad_output):
            patches = image[rows, cols].reshape(-1, self.filter_size * self.filter_size)
            grads += np.dot(upstream.reshape(self.n_outchannel, -1), patches).reshape(grads.shape)
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
        batch, channels, h, w = x.shape
        out = np.full((batch, channels, h // self.filter_size, w // self.filter_size), -np.inf)
        for row, col, view in self._get_filtersizeXfiltersize_views(x):
            out[:, :, row, col] = view.reshape(batch, channels, -1).max(-1)
        return {"x": x, "out": out}

    def backward(self, cache, grad_output):
        x = cache["x"]
        flat_positions = np.arange(x.size).reshape(x.shape)
        grads = np.zeros(x.size)
        windows = zip(self._get_filtersizeXfiltersize_views(x), self._get_filtersizeXfiltersize_views(flat_positions))
        for (row, col, view), (_, _, positions) in windows:
            pixels = view.reshape(-1, self.filter_size**2)
            places = positions.reshape(-1, self.filter_size**2)
            winners = places[np.arange(len(pixels)), pixels.argmax(axis=1)]
            np.add.at(grads, winners, grad_output[:, :, row, col].ravel())
        return grads.reshape(x.shape)
