"""Convolution backward as a correlation of x with the upstream gradient, spread out by the stride."""

import numpy as np


def correlate(images, kernels):
    """images (batch, h, w), kernels (batch, k, a, b) -> (k, h - a + 1, w - b + 1), summed over the batch."""
    _, h, w = images.shape
    _, k, a, b = kernels.shape
    result = np.zeros((k, h - a + 1, w - b + 1))
    for i in range(h - a + 1):
        for j in range(w - b + 1):
            result[:, i, j] = np.einsum("nab,nkab->k", images[:, i : i + a, j : j + b], kernels)
    return result


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

    def forward(self, x):
        dense = np.stack(
            [correlate(image, np.broadcast_to(self.weights, (1, *self.weights.shape))) for image in x],
        )
        return {"x": x, "out": dense[:, :, :: self.stride, :: self.stride]}

    def backward(self, cache, grad_output):
        batch, channels, out_h, out_w = grad_output.shape
        dilated = np.zeros((batch, channels, (out_h - 1) * self.stride + 1, (out_w - 1) * self.stride + 1))
        dilated[:, :, :: self.stride, :: self.stride] = grad_output
        seen_h = dilated.shape[2] + self.filter_size - 1
        seen_w = dilated.shape[3] + self.filter_size - 1
        return correlate(cache["x"][:, 0, :seen_h, :seen_w], dilated)
