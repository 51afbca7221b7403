"""All windows stacked into one array, two tensordots, and results that are transposed views."""

import numpy as np


class Convolution2dLayer:
    def __init__(self, filter_size=3, stride=1, n_outchannel=32):
        self.filter_size = filter_size
        self.stride = stride
        self.n_outchannel = n_outchannel

    def initialize_weights(self):
        self.weights = np.random.uniform(0, 1, (self.n_outchannel, self.filter_size, self.filter_size))

    def _output_shape(self, x):
        return tuple((length - self.filter_size) // self.stride + 1 for length in x.shape[2:])

    def _get_filtersizeXfiltersize_views(self, x):
        out_h, out_w = self._output_shape(x)
        for row in range(out_h):
            for col in range(out_w):
                rows = slice(row * self.stride, row * self.stride + self.filter_size)
                cols = slice(col * self.stride, col * self.stride + self.filter_size)
                yield row, col, x[:, :, rows, cols]

    def forward(self, x):
        out_h, out_w = self._output_shape(x)
        # (positions, batch, filter_size, filter_size)
        stack = np.stack([view[:, 0] for _, _, view in self._get_filtersizeXfiltersize_views(x)])
        products = np.tensordot(stack, self.weights, axes=[(2, 3), (1, 2)])  # (positions, batch, n_outchannel)
        out = products.reshape(out_h, out_w, len(x), self.n_outchannel).transpose(2, 3, 0, 1)
        return {"x": x, "out": out, "stack": stack}

    def backward(self, cache, grad_output):
        batch, channels, out_h, out_w = grad_output.shape
        upstream = grad_output.transpose(2, 3, 0, 1).reshape(out_h * out_w, batch, channels)
        grads = np.tensordot(cache["stack"], upstream, axes=([0, 1], [0, 1]))  # (filter rows, filter cols, channels)
        return np.moveaxis(grads, -1, 0)


class MaxPooling2dLayer:
    def __init__(self, filter_size=2):
        self.filter_size = filter_size

    def _get_filtersizeXfiltersize_views(self, x):
        size = self.filter_size
        return [
            (row, col, x[:, :, size * row : size * row + size, size * col : size * col + size])
            for row in range(x.shape[2] // size)
            for col in range(x.shape[3] // size)
        ]

    def forward(self, x):
        batch, channels, h, w = x.shape
        peaks = [view.max(axis=(2, 3)) for _, _, view in self._get_filtersizeXfiltersize_views(x)]
        out = np.array(peaks).reshape(h // self.filter_size, w // self.filter_size, batch, channels)
        return {"x": x, "out": out.transpose(2, 3, 0, 1)}

    def backward(self, cache, grad_output):
        grads = np.zeros_like(cache["x"].T).T  # the axes are stored backwards, which nobody can see
        pairs = zip(
            self._get_filtersizeXfiltersize_views(cache["x"]),
            self._get_filtersizeXfiltersize_views(grads),
            strict=True,
        )
        for (row, col, view), (_, _, target) in pairs:
            mask = view == cache["out"][:, :, row, col][:, :, None, None]
            target[mask] = np.broadcast_to(grad_output[:, :, row, col][:, :, None, None], mask.shape)[mask]
        return grads
