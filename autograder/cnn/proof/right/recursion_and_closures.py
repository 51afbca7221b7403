"""Recursion where others loop, closures that remember the window, and lambdas as attributes."""

from functools import reduce

import numpy as np


def make_window(size, step):
    """A function that cuts the window at (row, col) out of an array of four axes."""

    def window(x, row, col):
        return x[:, :, row * step : row * step + size, col * step : col * step + size]

    return window


def walk(rows, cols, row=0, col=0):
    """(row, col) for a whole grid, one row a call."""
    if row < rows:
        for c in range(col, cols):
            yield row, c
        yield from walk(rows, cols, row + 1)


class Convolution2dLayer:
    def __init__(self, filter_size=3, stride=1, n_outchannel=32):
        self.filter_size = filter_size
        self.stride = stride
        self.n_outchannel = n_outchannel
        self.window = make_window(filter_size, stride)
        self.count = lambda length: (length - filter_size) // stride + 1

    def initialize_weights(self):
        self.weights = np.random.uniform(0, 1, (self.n_outchannel, self.filter_size, self.filter_size))

    def _get_filtersizeXfiltersize_views(self, x):
        for row, col in walk(*map(self.count, x.shape[2:])):
            yield row, col, self.window(x, row, col)

    def forward(self, x):
        out = np.zeros((len(x), self.n_outchannel, self.count(x.shape[2]), self.count(x.shape[3])))

        def fill(row, col, view):
            out[:, :, row, col] = np.einsum("n...ab,k...ab->n...k", view[:, 0], self.weights)

        for place in self._get_filtersizeXfiltersize_views(x):
            fill(*place)
        return {"x": x, "out": out}

    def backward(self, cache, grad_output):
        def step(total, place):
            row, col, view = place
            return total + np.einsum("nk,nab->kab", grad_output[:, :, row, col], view[:, 0])

        return reduce(step, self._get_filtersizeXfiltersize_views(cache["x"]), np.zeros(self.weights.shape))


class MaxPooling2dLayer:
    def __init__(self, filter_size=2):
        self.filter_size = filter_size
        self.window = make_window(filter_size, filter_size)
        self.first = lambda values: int(np.argmax(values))

    def _get_filtersizeXfiltersize_views(self, x):
        for row, col in walk(x.shape[2] // self.filter_size, x.shape[3] // self.filter_size):
            yield row, col, self.window(x, row, col)

    def _largest(self, planes):
        if len(planes) == 1:
            return planes[0]
        middle = len(planes) // 2
        return np.maximum(self._largest(planes[:middle]), self._largest(planes[middle:]))

    def forward(self, x):
        out = np.zeros((*x.shape[:2], x.shape[2] // self.filter_size, x.shape[3] // self.filter_size))
        for row, col, view in self._get_filtersizeXfiltersize_views(x):
            out[:, :, row, col] = self._largest([view[:, :, a, b] for a, b in walk(*view.shape[2:])])
        return {"x": x, "out": out, "back": lambda grad_output: self._send_back(x, grad_output)}

    def _send_back(self, x, grad_output):
        grads = np.zeros(x.shape)
        for row, col, view in self._get_filtersizeXfiltersize_views(x):
            target = self.window(grads, row, col)
            for n, c in walk(*x.shape[:2]):
                place = divmod(self.first(view[n, c]), self.filter_size)
                target[n, c][place] = grad_output[n, c, row, col]
        return grads

    def backward(self, cache, grad_output):
        return cache["back"](grad_output)
