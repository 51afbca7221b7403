"""Helpers outside of the classes: a frozen dataclass, a namedtuple, a module constant and functools.partial."""

from collections import namedtuple
from dataclasses import dataclass
from functools import partial

import numpy as np

IMAGE_AXES = (2, 3)
Window = namedtuple("Window", "row col view")
window_max = partial(np.max, axis=IMAGE_AXES)


@dataclass(frozen=True)
class Geometry:
    size: int
    step: int

    def count(self, length):
        return (length - self.size) // self.step + 1

    def counts(self, x):
        return self.count(x.shape[2]), self.count(x.shape[3])

    def at(self, index):
        start = index * self.step
        return slice(start, start + self.size)

    def windows(self, x):
        rows, cols = self.counts(x)
        for row in range(rows):
            for col in range(cols):
                yield Window(row, col, x[:, :, self.at(row), self.at(col)])


class Convolution2dLayer:
    def __init__(self, filter_size=3, stride=1, n_outchannel=32):
        self.filter_size = filter_size
        self.stride = stride
        self.n_outchannel = n_outchannel
        self.geometry = Geometry(filter_size, stride)

    def initialize_weights(self):
        self.weights = np.random.uniform(0, 1, (self.n_outchannel, self.filter_size, self.filter_size))

    def _get_filtersizeXfiltersize_views(self, x):
        return self.geometry.windows(x)

    def forward(self, x):
        out = np.zeros((len(x), self.n_outchannel) + self.geometry.counts(x))
        for window in self._get_filtersizeXfiltersize_views(x):
            out[:, :, window.row, window.col] = np.inner(
                window.view.reshape(len(x), -1), self.weights.reshape(self.n_outchannel, -1)
            )
        return {"x": x, "out": out, "geometry": self.geometry}

    def backward(self, cache, grad_output):
        geometry = cache["geometry"]
        per_window = [
            np.tensordot(grad_output[:, :, window.row, window.col], window.view[:, 0], axes=(0, 0))
            for window in geometry.windows(cache["x"])
        ]
        return np.sum(per_window, axis=0)


class MaxPooling2dLayer:
    def __init__(self, filter_size=2):
        self.filter_size = filter_size

    def _get_filtersizeXfiltersize_views(self, x):
        return Geometry(self.filter_size, self.filter_size).windows(x)

    def forward(self, x):
        geometry = Geometry(self.filter_size, self.filter_size)
        out = np.zeros(x.shape[:2] + geometry.counts(x))
        for window in geometry.windows(x):
            out[:, :, window.row, window.col] = window_max(window.view)
        return {"x": x, "out": out}

    def backward(self, cache, grad_output):
        geometry = Geometry(self.filter_size, self.filter_size)
        grads = np.zeros(cache["x"].shape)
        for source, target in zip(geometry.windows(cache["x"]), geometry.windows(grads)):
            mask = source.view == window_max(source.view, keepdims=True)
            np.multiply(mask, grad_output[:, :, source.row, source.col, None, None], out=target.view)
        return grads
