"""Convolutions by Fourier transforms, maxima by argmax and put_along_axis; arrays in Fortran order and read-only."""

import numpy as np


class Convolution2dLayer:
    def __init__(self, filter_size=3, stride=1, n_outchannel=32):
        self.filter_size = filter_size
        self.stride = stride
        self.n_outchannel = n_outchannel

    def initialize_weights(self):
        self.weights = np.random.uniform(0, 1, (self.n_outchannel, self.filter_size, self.filter_size))

    def _get_filtersizeXfiltersize_views(self, x):
        size, step = self.filter_size, self.stride
        windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(2, 3))[:, :, ::step, ::step]
        for row, col in np.ndindex(windows.shape[2:4]):
            yield row, col, windows[:, :, row, col]

    def forward(self, x):
        """The inverse transform of a product with a conjugate is a cross-correlation; only whole windows are kept."""
        h, w = x.shape[2:]
        spectrum = np.fft.rfft2(x) * np.conj(np.fft.rfft2(self.weights, s=(h, w)))
        full = np.fft.irfft2(spectrum, s=(h, w))
        valid = full[:, :, : h - self.filter_size + 1 : self.stride, : w - self.filter_size + 1 : self.stride]
        out = np.asfortranarray(valid)
        out.setflags(write=False)
        return {"x": x, "out": out}

    def backward(self, cache, grad_output):
        x, size, step = cache["x"], self.filter_size, self.stride
        *many, out_h, out_w = grad_output.shape
        dilated = np.zeros((*many, (out_h - 1) * step + 1, (out_w - 1) * step + 1))
        dilated[:, :, ::step, ::step] = grad_output
        spectrum = np.sum(np.fft.rfft2(x) * np.conj(np.fft.rfft2(dilated, s=x.shape[2:])), axis=0)
        return np.fft.irfft2(spectrum, s=x.shape[2:])[:, :size, :size]


class MaxPooling2dLayer:
    def __init__(self, filter_size=2):
        self.filter_size = filter_size

    def _get_filtersizeXfiltersize_views(self, x):
        size = self.filter_size
        strips = (x[:, :, top : top + size] for top in range(0, x.shape[2] - size + 1, size))
        for row, strip in enumerate(strips):
            for col in range(x.shape[3] // size):
                yield row, col, strip[..., col * size : (col + 1) * size]

    def _pixels(self, x):
        """The pixels of each window along the last axis."""
        size = self.filter_size
        windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(2, 3))[:, :, ::size, ::size]
        return windows.reshape(*windows.shape[:4], -1)

    def forward(self, x):
        pixels = self._pixels(x)
        winners = pixels.argmax(axis=-1)[..., None]
        return {"x": x, "out": np.take_along_axis(pixels, winners, axis=-1)[..., 0], "winners": winners}

    def backward(self, cache, grad_output):
        x = cache["x"]
        places = self._pixels(np.broadcast_to(np.arange(x[0, 0].size).reshape(x.shape[2:]), x.shape))
        winners = self._pixels(x).argmax(axis=-1)[..., None]
        goals = np.take_along_axis(places, winners, axis=-1).reshape(*x.shape[:2], -1)
        flat = np.zeros((*x.shape[:2], x[0, 0].size))
        np.put_along_axis(flat, goals, grad_output.reshape(goals.shape), axis=-1)
        return flat.reshape(x.shape)
