"""np.ndindex, np.ndenumerate and np.nditer in the place of range."""

import numpy as np


class Convolution2dLayer:
    def __init__(self, filter_size=3, stride=1, n_outchannel=32):
        self.filter_size = filter_size
        self.stride = stride
        self.n_outchannel = n_outchannel

    def initialize_weights(self):
        self.weights = np.random.uniform(0, 1, (self.n_outchannel, self.filter_size, self.filter_size))

    def _output_size(self, x):
        return tuple((np.array(x.shape[2:]) - self.filter_size) // self.stride + 1)

    def _get_filtersizeXfiltersize_views(self, x):
        for row, col in np.ndindex(self._output_size(x)):
            i, j = row * self.stride, col * self.stride
            yield row, col, x[:, :, i : i + self.filter_size, j : j + self.filter_size]

    def forward(self, x):
        out = np.zeros((len(x), self.n_outchannel) + self._output_size(x))
        for n, k, row, col in np.ndindex(out.shape):
            i, j = row * self.stride, col * self.stride
            out[n, k, row, col] = np.sum(x[n, 0, i : i + self.filter_size, j : j + self.filter_size] * self.weights[k])
        return {"x": x, "out": out}

    def backward(self, cache, grad_output):
        x = cache["x"]
        grads = np.zeros((self.n_outchannel, self.filter_size, self.filter_size))
        for (n, k, row, col), upstream in np.ndenumerate(grad_output):
            i, j = row * self.stride, col * self.stride
            grads[k] += upstream * x[n, 0, i : i + self.filter_size, j : j + self.filter_size]
        return grads


class MaxPooling2dLayer:
    def __init__(self, filter_size=2):
        self.filter_size = filter_size

    def _get_filtersizeXfiltersize_views(self, x):
        size = self.filter_size
        for row, col in np.ndindex(x.shape[2] // size, x.shape[3] // size):
            yield row, col, x[:, :, row * size : (row + 1) * size, col * size : (col + 1) * size]

    def forward(self, x):
        size = self.filter_size
        out = np.empty((*x.shape[:2], x.shape[2] // size, x.shape[3] // size))
        with np.nditer(out, flags=["multi_index"], op_flags=["writeonly"]) as cells:
            for cell in cells:
                n, c, row, col = cells.multi_index
                cell[...] = x[n, c, row * size : (row + 1) * size, col * size : (col + 1) * size].max()
        return {"x": x, "out": out}

    def backward(self, cache, grad_output):
        size = self.filter_size
        grads = np.zeros(cache["x"].shape)
        for (n, c, row, col), upstream in np.ndenumerate(grad_output):
            window = cache["x"][n, c, row * size : (row + 1) * size, col * size : (col + 1) * size]
            for a, b in np.argwhere(window == window.max()):
                grads[n, c, row * size + a, col * size + b] = upstream
        return grads
