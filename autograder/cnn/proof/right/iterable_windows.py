"""The windows of both layers are an object with __iter__ and __len__, which can be walked over again and again."""

import numpy as np


class WindowGrid:
    def __init__(self, x, size, step):
        self.x, self.size, self.step = x, size, step
        self.rows = (x.shape[2] - size) // step + 1
        self.cols = (x.shape[3] - size) // step + 1

    def __len__(self):
        return self.rows * self.cols

    def __getitem__(self, place):
        row, col = place
        top, left = row * self.step, col * self.step
        return self.x[:, :, top : top + self.size, left : left + self.size]

    def __iter__(self):
        for index in range(len(self)):
            row, col = divmod(index, self.cols)
            yield row, col, self[row, col]


class Convolution2dLayer:
    def __init__(self, filter_size=3, stride=1, n_outchannel=32):
        self.filter_size = filter_size
        self.stride = stride
        self.n_outchannel = n_outchannel

    def initialize_weights(self):
        self.weights = np.random.uniform(0, 1, (self.n_outchannel, self.filter_size, self.filter_size))

    def _get_filtersizeXfiltersize_views(self, x):
        return WindowGrid(x, self.filter_size, self.stride)

    def forward(self, x):
        grid = self._get_filtersizeXfiltersize_views(x)
        out = np.zeros((x.shape[0], self.n_outchannel, grid.rows, grid.cols))
        for row, col, view in grid:
            out[:, :, row, col] = np.tensordot(view, self.weights[:, np.newaxis], axes=([1, 2, 3], [1, 2, 3]))
        return {"x": x, "out": out, "grid": grid}

    def backward(self, cache, grad_output):
        grads = np.zeros_like(self.weights)
        for row, col, view in cache["grid"]:
            grads += (grad_output[:, :, row, col][..., None, None] * view).sum(0)
        return grads


class MaxPooling2dLayer:
    def __init__(self, filter_size=2):
        self.filter_size = filter_size

    def _get_filtersizeXfiltersize_views(self, x):
        return WindowGrid(x, self.filter_size, self.filter_size)

    def forward(self, x):
        grid = self._get_filtersizeXfiltersize_views(x)
        out = np.zeros((x.shape[0], x.shape[1], grid.rows, grid.cols))
        for row, col, view in grid:
            out[:, :, row, col] = view.max(axis=(2, 3))
        return {"x": x, "out": out}

    def backward(self, cache, grad_output):
        grads = np.zeros(cache["x"].shape)
        targets = self._get_filtersizeXfiltersize_views(grads)
        for row, col, view in self._get_filtersizeXfiltersize_views(cache["x"]):
            peak = view.max(axis=(2, 3), keepdims=True)
            targets[row, col][...] = np.where(view == peak, grad_output[:, :, row, col][:, :, None, None], 0)
        return grads
