"""itertools.product and list comprehensions; results are nested lists first and an array at the end."""

from itertools import product

import numpy as np


class Convolution2dLayer:
    def __init__(self, filter_size=3, stride=1, n_outchannel=32):
        self.filter_size = filter_size
        self.stride = stride
        self.n_outchannel = n_outchannel

    def initialize_weights(self):
        self.weights = np.random.uniform(0, 1, (self.n_outchannel, self.filter_size, self.filter_size))

    def _get_filtersizeXfiltersize_views(self, x):
        f, s = self.filter_size, self.stride
        rows, cols = ((length - f) // s + 1 for length in x.shape[2:])
        return [
            (row, col, x[:, :, row * s : row * s + f, col * s : col * s + f])
            for row, col in product(range(rows), range(cols))
        ]

    def forward(self, x):
        f, s = self.filter_size, self.stride
        rows, cols = ((length - f) // s + 1 for length in x.shape[2:])
        out = [
            [
                [
                    [np.vdot(image[0, r * s : r * s + f, c * s : c * s + f], weights) for c in range(cols)]
                    for r in range(rows)
                ]
                for weights in self.weights
            ]
            for image in x
        ]
        return {"x": x, "out": np.array(out)}

    def backward(self, cache, grad_output):
        windows = self._get_filtersizeXfiltersize_views(cache["x"])
        grads = [
            sum(grad_output[n, k, row, col] * view[n, 0] for row, col, view in windows for n in range(len(grad_output)))
            for k in range(self.n_outchannel)
        ]
        return np.array(grads)


class MaxPooling2dLayer:
    def __init__(self, filter_size=2):
        self.filter_size = filter_size

    def _get_filtersizeXfiltersize_views(self, x):
        f = self.filter_size
        return [
            (row, col, x[:, :, f * row : f * (row + 1), f * col : f * (col + 1)])
            for row, col in product(range(x.shape[2] // f), range(x.shape[3] // f))
        ]

    def forward(self, x):
        f = self.filter_size
        n_rows, n_cols = x.shape[2] // f, x.shape[3] // f
        out = [
            [
                [
                    [max(channel[f * r : f * r + f, f * c : f * c + f].ravel().tolist()) for c in range(n_cols)]
                    for r in range(n_rows)
                ]
                for channel in image
            ]
            for image in x
        ]
        return {"x": x, "out": np.array(out, dtype=float)}

    def backward(self, cache, grad_output):
        x, f = cache["x"], self.filter_size
        grads = np.zeros(x.shape)
        for n, c, row, col in product(*map(range, grad_output.shape)):
            places = list(product(range(row * f, (row + 1) * f), range(col * f, (col + 1) * f)))
            best = max(places, key=lambda place: x[n, c, place[0], place[1]])  # max keeps the first of equals
            grads[(n, c, *best)] = grad_output[n, c, row, col]
        return grads
