"""The whole convolution as one sparse linear map, written out as a dense 0/1 tensor from pixels to windows."""

import numpy as np


class Convolution2dLayer:
    def __init__(self, filter_size=3, stride=1, n_outchannel=32):
        self.filter_size = filter_size
        self.stride = stride
        self.n_outchannel = n_outchannel

    def initialize_weights(self):
        self.weights = np.random.uniform(0, 1, (self.n_outchannel, self.filter_size, self.filter_size))

    def _get_filtersizeXfiltersize_views(self, x):
        h, w = x.shape[2:]
        for row in range((h - self.filter_size) // self.stride + 1):
            for col in range((w - self.filter_size) // self.stride + 1):
                top, left = row * self.stride, col * self.stride
                yield row, col, x[:, :, top : top + self.filter_size, left : left + self.filter_size]

    def _selection(self, length):
        """(positions, filter_size, length): 1 where the filter's place a meets the pixel i, else 0."""
        starts = np.arange(0, length - self.filter_size + 1, self.stride)
        meets = starts[:, None] + np.arange(self.filter_size)
        return (meets[:, :, None] == np.arange(length)).astype(float)

    def forward(self, x):
        rows, cols = self._selection(x.shape[2]), self._selection(x.shape[3])
        # first along the rows, then along the columns; p and q are places in the output
        half = np.einsum("pai,nij->npaj", rows, x[:, 0])
        patches = np.einsum("qbj,npaj->npqab", cols, half)
        out = np.tensordot(patches, self.weights, axes=((3, 4), (1, 2)))
        return {"x": x, "out": np.moveaxis(out, 3, 1), "patches": patches}

    def backward(self, cache, grad_output):
        return np.tensordot(grad_output, cache["patches"], axes=((0, 2, 3), (0, 1, 2)))
