"""MaxPooling2dLayer inherits the convolution's window helper by setting its own stride."""

import numpy as np


class Convolution2dLayer:
    def __init__(self, filter_size=3, stride=1, n_outchannel=32):
        self.filter_size = filter_size
        self.stride = stride
        self.n_outchannel = n_outchannel

    def initialize_weights(self):
        self.weights = np.random.uniform(0, 1, (self.n_outchannel, self.filter_size, self.filter_size))

    def _get_output_size(self, x):
        h, w = x.shape[2:]
        return (h - self.filter_size) // self.stride + 1, (w - self.filter_size) // self.stride + 1

    def _get_filtersizeXfiltersize_views(self, x):
        out_h, out_w = self._get_output_size(x)
        for row in range(out_h):
            for col in range(out_w):
                top, left = row * self.stride, col * self.stride
                yield row, col, x[:, :, top : top + self.filter_size, left : left + self.filter_size]

    def forward(self, x):
        cache = {"x": x, "out": np.zeros((len(x), self.n_outchannel, *self._get_output_size(x)))}
        filters = self.weights.reshape(self.n_outchannel, -1)
        for row, col, view in self._get_filtersizeXfiltersize_views(x):
            cache["out"][:, :, row, col] = view.reshape(len(x), -1) @ filters.T
        return cache

    def backward(self, cache, grad_output):
        grads = np.zeros((self.n_outchannel, self.filter_size**2))
        for row, col, view in self._get_filtersizeXfiltersize_views(cache["x"]):
            grads += grad_output[:, :, row, col].T @ view.reshape(len(view), -1)
        return grads.reshape(self.weights.shape)


class MaxPooling2dLayer(Convolution2dLayer):
    def __init__(self, filter_size=2):
        super().__init__(filter_size, stride=filter_size, n_outchannel=0)

    def initialize_weights(self):
        raise TypeError("a pooling layer has no weights")

    def _get_filtersizeXfiltersize_views(self, x):
        yield from super()._get_filtersizeXfiltersize_views(x)

    def forward(self, x):
        cache = {"x": x, "out": np.zeros(x.shape[:2] + self._get_output_size(x))}
        for row, col, view in self._get_filtersizeXfiltersize_views(x):
            cache["out"][:, :, row, col] = view.max(axis=(2, 3))
        return cache

    def backward(self, cache, grad_output):
        x = cache["x"]
        grads = np.zeros(x.shape)
        for (row, col, view), (*_, grad_view) in zip(
            self._get_filtersizeXfiltersize_views(x), self._get_filtersizeXfiltersize_views(grads)
        ):
            grad_view[...] = (view == view.max(axis=(2, 3), keepdims=True)) * grad_output[:, :, [[row]], [[col]]]
        return grads
