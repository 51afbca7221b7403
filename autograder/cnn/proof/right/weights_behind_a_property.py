"""Weights that are copied when they are set and again when they are read, and caches that can only be made with all parts."""

import numpy as np


class Cache(dict):
    """A dict that knows the layer it came from. There is no copy of it."""

    def __init__(self, layer, x, out):
        super().__init__(x=x, out=out)
        self.layer = layer

    def __copy__(self):
        raise TypeError("a cache belongs to one call")


class Convolution2dLayer:
    def __init__(self, filter_size=3, stride=1, n_outchannel=32):
        self.filter_size = filter_size
        self.stride = stride
        self.n_outchannel = n_outchannel

    @property
    def weights(self):
        return self._rows.reshape(-1, self.filter_size, self.filter_size).copy()

    @weights.setter
    def weights(self, values):
        values = np.array(values, dtype=float)
        if values.shape != (self.n_outchannel, self.filter_size, self.filter_size):
            raise ValueError(f"weights of shape {values.shape}")
        self._rows = values.reshape(self.n_outchannel, -1)
        self._rows.setflags(write=False)

    def initialize_weights(self):
        self.weights = np.random.uniform(0, 1, (self.n_outchannel, self.filter_size, self.filter_size))

    def _get_filtersizeXfiltersize_views(self, x):
        for row, top in enumerate(range(0, x.shape[2] - self.filter_size + 1, self.stride)):
            for col, left in enumerate(range(0, x.shape[3] - self.filter_size + 1, self.stride)):
                yield row, col, x[:, :, top : top + self.filter_size, left : left + self.filter_size]

    def forward(self, x):
        x = x.view()
        x.flags.writeable = False
        responses = {}
        for row, col, view in self._get_filtersizeXfiltersize_views(x):
            responses[row, col] = view.reshape(len(x), -1) @ self._rows.T
        rows, cols = (last + 1 for last in max(responses))
        out = np.array([[responses[row, col] for col in range(cols)] for row in range(rows)])
        return Cache(self, x, out.transpose(2, 3, 0, 1))

    def backward(self, cache, grad_output):
        grads = np.zeros(self._rows.shape)
        for row, col, view in self._get_filtersizeXfiltersize_views(cache["x"]):
            grads += grad_output[:, :, row, col].T @ view.reshape(len(view), -1)
        return grads.reshape(self.n_outchannel, self.filter_size, self.filter_size)


class MaxPooling2dLayer:
    def __init__(self, filter_size=2):
        self.filter_size = filter_size

    def _get_filtersizeXfiltersize_views(self, x):
        size = self.filter_size
        for row, col in np.ndindex(x.shape[2] // size, x.shape[3] // size):
            yield row, col, x[:, :, row * size : (row + 1) * size, col * size : (col + 1) * size]

    def forward(self, x):
        out = np.full((*x.shape[:2], x.shape[2] // self.filter_size, x.shape[3] // self.filter_size), -np.inf)
        for row, col, view in self._get_filtersizeXfiltersize_views(x):
            out[:, :, row, col] = view.max(axis=(2, 3))
        return Cache(self, x, out)

    def backward(self, cache, grad_output):
        grads = np.zeros(cache["x"].shape)
        for row, col, view in self._get_filtersizeXfiltersize_views(grads):
            place = np.s_[:, :, row * self.filter_size :, col * self.filter_size :]
            window = cache["x"][place][:, :, : self.filter_size, : self.filter_size]
            top = window.max(axis=(2, 3), keepdims=True)
            np.copyto(view, grad_output[:, :, row, col, None, None], where=window == top)
        return grads
