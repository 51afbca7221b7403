"""CNN homework, im2col style: every window becomes one row of a matrix, then it is all matrix products."""

import numpy as np


def im2col(x, size, stride):
    """(batch, 1, h, w) -> (batch, out_h * out_w, size * size)"""
    batch, _, h, w = x.shape
    out_h = (h - size) // stride + 1
    out_w = (w - size) // stride + 1
    cols = np.empty((batch, out_h * out_w, size * size))
    for i in range(out_h):
        for j in range(out_w):
            patch = x[:, 0, i * stride : i * stride + size, j * stride : j * stride + size]
            cols[:, i * out_w + j] = patch.reshape(batch, -1)
    return cols, out_h, out_w


class Convolution2dLayer:
    def __init__(self, filter_size=3, stride=1, n_outchannel=32):
        self.filter_size = filter_size
        self.stride = stride
        self.n_outchannel = n_outchannel

    def initialize_weights(self):
        self.weights = np.random.uniform(0, 1, (self.n_outchannel, self.filter_size, self.filter_size))

    def _get_filtersizeXfiltersize_views(self, x):
        # not needed any more, im2col does it
        h, w = x.shape[2:]
        for row in range((h - self.filter_size) // self.stride + 1):
            for col in range((w - self.filter_size) // self.stride + 1):
                r, c = row * self.stride, col * self.stride
                yield row, col, x[:, :, r : r + self.filter_size, c : c + self.filter_size]

    def forward(self, x):
        cols, out_h, out_w = im2col(x, self.filter_size, self.stride)
        W = self.weights.reshape(self.n_outchannel, -1)
        out = cols @ W.T  # (batch, positions, filters)
        # transpose BEFORE the reshape, otherwise filters and positions get mixed up (took me an hour)
        out = out.transpose(0, 2, 1).reshape(len(x), self.n_outchannel, out_h, out_w)
        # backward can use the columns again
        return {"x": x, "out": out, "cols": cols}

    def backward(self, cache, grad_output):
        cols = cache.get("cols")
        if cols is None:
            cols, _, _ = im2col(cache["x"], self.filter_size, self.stride)
        batch, filters = grad_output.shape[:2]
        g = grad_output.reshape(batch, filters, -1)  # (batch, filters, positions)
        dW = (g @ cols).sum(axis=0)
        return dW.reshape(self.weights.shape)


class MaxPooling2dLayer:
    def __init__(self, filter_size=2):
        self.filter_size = filter_size

    def _get_filtersizeXfiltersize_views(self, x):
        f = self.filter_size
        rows, cols = x.shape[2] // f, x.shape[3] // f
        return [(i, j, x[:, :, i * f : i * f + f, j * f : j * f + f]) for i in range(rows) for j in range(cols)]

    def forward(self, x):
        batch, channels, h, w = x.shape
        f = self.filter_size
        # cut the remainder off, then two axes for each image axis
        cut = x[:, :, : h // f * f, : w // f * f]
        blocks = cut.reshape(batch, channels, h // f, f, w // f, f)
        return {"x": x, "out": blocks.max(axis=(3, 5))}

    def backward(self, cache, grad_output):
        x, f = cache["x"], self.filter_size
        out_h, out_w = grad_output.shape[2:]
        up = cache["out"].repeat(f, axis=2).repeat(f, axis=3)
        g = grad_output.repeat(f, axis=2).repeat(f, axis=3)
        dx = np.zeros(x.shape)
        inner = x[:, :, : out_h * f, : out_w * f]
        dx[:, :, : out_h * f, : out_w * f] = np.where(inner == up, g, 0.0)
        return dx


class ConvolutionalNetwork:
    def __init__(self, convolution, pooling, mlp):
        self.convolution = convolution
        self.pooling = pooling
        self.mlp = mlp

    def forward(self, x):
        conv = self.convolution.forward(x)
        pool = self.pooling.forward(conv["out"])
        mlp = self.mlp.forward(pool["out"].reshape(len(x), -1))
        return {"convolution": conv, "pooling": pool, "mlp": mlp, "out": mlp["out"]}

    def backward(self, cache, labels):
        mlp_grads = self.mlp.backward(cache["mlp"], labels)
        d_pool = mlp_grads["x"].reshape(cache["pooling"]["out"].shape)
        d_conv = self.pooling.backward(cache["pooling"], d_pool)
        return {"convolution": self.convolution.backward(cache["convolution"], d_conv), "mlp": mlp_grads}


if __name__ == "__main__":
    layer = Convolution2dLayer(2, 1, 1)
    layer.weights = np.array([[[1.0, -1.0], [2.0, 0.0]]])
    print(layer.forward(np.array([[[[2.0, 0, 1], [1, 3, -1]]]]))["out"])  # 4 5
