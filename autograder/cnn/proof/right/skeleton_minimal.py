"""The skeleton as handed out, its gaps filled in with the fewest words that do it."""

import numpy as np


class Convolution2dLayer:
    """Square filters that slide over images with one channel. No bias, no padding."""

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
        for row, col, view in self._get_filtersizeXfiltersize_views(x):
            cache["out"][:, :, row, col] = (view * self.weights).sum((2, 3))
        return cache

    def backward(self, cache, grad_output):
        x = cache["x"]
        out_h, out_w = grad_output.shape[2:]
        grads = np.zeros((self.n_outchannel, self.filter_size, self.filter_size))
        for row in range(self.filter_size):
            for col in range(self.filter_size):
                last_row, last_col = row + (out_h - 1) * self.stride, col + (out_w - 1) * self.stride
                met = x[:, :, row : last_row + 1 : self.stride, col : last_col + 1 : self.stride]
                grads[:, row, col] = (met * grad_output).sum((0, 2, 3))
        return grads


class MaxPooling2dLayer:
    """The maximum of every window, channel by channel. Windows are square and lie side by side."""

    def __init__(self, filter_size=2):
        self.filter_size = filter_size

    def _get_filtersizeXfiltersize_views(self, x):
        size = self.filter_size
        h, w = x.shape[2:]
        for row in range(h // size):
            for col in range(w // size):
                yield row, col, x[..., row * size :, col * size :][..., :size, :size]

    def forward(self, x):
        batch, channels, h, w = x.shape
        cache = {"x": x, "out": np.zeros((batch, channels, h // self.filter_size, w // self.filter_size))}
        for row, col, view in self._get_filtersizeXfiltersize_views(x):
            cache["out"][:, :, row, col] = view.max((2, 3))
        return cache

    def backward(self, cache, grad_output):
        x = cache["x"]
        grads = np.zeros(x.shape)
        windows = self._get_filtersizeXfiltersize_views(x)
        grad_windows = self._get_filtersizeXfiltersize_views(grads)
        for (row, col, view), (_, _, grad_view) in zip(windows, grad_windows):
            mask = view == view.max((2, 3), keepdims=True)
            grad_view[mask] = (mask * grad_output[:, :, row, col][..., None, None])[mask]
        return grads
