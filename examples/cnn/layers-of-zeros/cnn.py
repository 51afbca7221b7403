# the shapes are right, values to follow...
import numpy as np


class Convolution2dLayer:
    def __init__(self, filter_size=3, stride=1, n_outchannel=32):
        self.filter_size, self.stride, self.n_outchannel = filter_size, stride, n_outchannel

    def initialize_weights(self):
        self.weights = np.random.uniform(0, 1, (self.n_outchannel, self.filter_size, self.filter_size))

    def forward(self, x):
        h = (x.shape[2] - self.filter_size) // self.stride + 1
        w = (x.shape[3] - self.filter_size) // self.stride + 1
        return {"x": x, "out": np.zeros((x.shape[0], self.n_outchannel, h, w))}

    def backward(self, cache, grad_output):
        return np.zeros_like(self.weights)


class MaxPooling2dLayer:
    def __init__(self, filter_size=2):
        self.filter_size = filter_size

    def _get_filtersizeXfiltersize_views(self, x):
        size = self.filter_size
        for row in range(x.shape[2] // size):
            for col in range(x.shape[3] // size):
                yield row, col, np.zeros((x.shape[0], x.shape[1], size, size))

    def forward(self, x):
        size = self.filter_size
        return {"x": x, "out": np.zeros((x.shape[0], x.shape[1], x.shape[2] // size, x.shape[3] // size))}

    def backward(self, cache, grad_output):
        return np.zeros_like(cache["x"])


class ConvolutionalNetwork:
    def __init__(self, convolution, pooling, mlp):
        self.convolution, self.pooling, self.mlp = convolution, pooling, mlp

    def forward(self, x):
        conv = self.convolution.forward(x)
        pool = self.pooling.forward(conv["out"])
        mlp = self.mlp.forward(pool["out"].reshape(len(x), -1))
        return {"convolution": conv, "pooling": pool, "mlp": mlp, "out": mlp["out"]}

    def backward(self, cache, labels):
        # the mlp's own gradients are right, it is only the filters that are missing
        return {
            "convolution": np.zeros_like(self.convolution.weights),
            "mlp": self.mlp.backward(cache["mlp"], labels),
        }
