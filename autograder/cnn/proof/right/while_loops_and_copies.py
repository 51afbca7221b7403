"""While loops with counters; every window is a copy, and gradients are put back by their pixel indices."""

import numpy as np


class Convolution2dLayer:
    def __init__(self, filter_size=3, stride=1, n_outchannel=32):
        self.filter_size = filter_size
        self.stride = stride
        self.n_outchannel = n_outchannel

    def initialize_weights(self):
        self.weights = np.random.uniform(0, 1, (self.n_outchannel, self.filter_size, self.filter_size))

    def _get_filtersizeXfiltersize_views(self, x):
        pieces = []
        row, i = 0, 0
        while i + self.filter_size <= x.shape[2]:
            col, j = 0, 0
            while j + self.filter_size <= x.shape[3]:
                pieces.append((row, col, x[:, :, i : i + self.filter_size, j : j + self.filter_size].copy()))
                col, j = col + 1, j + self.stride
            row, i = row + 1, i + self.stride
        return pieces

    def forward(self, x):
        pieces = self._get_filtersizeXfiltersize_views(x)
        last_row, last_col, _ = pieces[-1]
        out = np.zeros((len(x), self.n_outchannel, last_row + 1, last_col + 1))
        for row, col, piece in pieces:
            out[:, :, row, col] = np.dot(piece.reshape(len(x), -1), self.weights.reshape(self.n_outchannel, -1).T)
        return {"x": x, "out": out, "pieces": pieces}

    def backward(self, cache, grad_output):
        grads = np.zeros((self.n_outchannel, self.filter_size, self.filter_size))
        todo = list(cache["pieces"])
        while todo:
            row, col, piece = todo.pop()
            k = 0
            while k < self.n_outchannel:
                grads[k] += np.tensordot(grad_output[:, k, row, col], piece[:, 0], axes=1)
                k += 1
        return grads


class MaxPooling2dLayer:
    def __init__(self, filter_size=2):
        self.filter_size = filter_size

    def _get_filtersizeXfiltersize_views(self, x):
        size = self.filter_size
        row = 0
        while (row + 1) * size <= x.shape[2]:
            col = 0
            while (col + 1) * size <= x.shape[3]:
                yield row, col, np.array(x[:, :, row * size : (row + 1) * size, col * size : (col + 1) * size])
                col += 1
            row += 1

    def forward(self, x):
        batch, channels, h, w = x.shape
        out = np.zeros((batch, channels, h // self.filter_size, w // self.filter_size))
        for row, col, piece in self._get_filtersizeXfiltersize_views(x):
            piece = piece.reshape(batch, channels, -1)
            piece.sort(axis=2)  # it is a copy
            out[:, :, row, col] = piece[:, :, -1]
        return {"x": x, "out": out}

    def backward(self, cache, grad_output):
        x, out, size = cache["x"], cache["out"], self.filter_size
        grads = np.zeros(x.shape)
        i = 0
        while i < out.shape[2] * size:
            j = 0
            while j < out.shape[3] * size:
                row, col = i // size, j // size
                is_max = x[:, :, i, j] == out[:, :, row, col]
                grads[:, :, i, j] = np.where(is_max, grad_output[:, :, row, col], 0.0)
                j += 1
            i += 1
        return grads
