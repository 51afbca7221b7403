"""im2col and one matrix product, with the columns kept in the cache for backward."""

import numpy as np


def im2col(x, size, stride):
    """(batch, channels, h, w) -> (batch, channels, positions, size * size)"""
    batch, channels, h, w = x.shape
    out_h = (h - size) // stride + 1
    out_w = (w - size) // stride + 1
    columns = np.empty((batch, channels, out_h * out_w, size * size))
    for a in range(size):
        for b in range(size):
            pixels = x[:, :, a : a + stride * out_h : stride, b : b + stride * out_w : stride]
            columns[..., a * size + b] = pixels[:, :, :out_h, :out_w].reshape(batch, channels, -1)
    return columns


class Convolution2dLayer:
    def __init__(self, filter_size=3, stride=1, n_outchannel=32):
        self.filter_size = filter_size
        self.stride = stride
        self.n_outchannel = n_outchannel

    def initialize_weights(self):
        self.weights = np.random.uniform(0, 1, (self.n_outchannel, self.filter_size, self.filter_size))

    def _get_filtersizeXfiltersize_views(self, x):
        _, _, h, w = x.shape
        for row in range((h - self.filter_size) // self.stride + 1):
            for col in range((w - self.filter_size) // self.stride + 1):
                top, left = row * self.stride, col * self.stride
                yield row, col, x[:, :, top : top + self.filter_size, left : left + self.filter_size]

    def forward(self, x):
        batch, _, h, w = x.shape
        out_h = (h - self.filter_size) // self.stride + 1
        out_w = (w - self.filter_size) // self.stride + 1
        columns = im2col(x, self.filter_size, self.stride)[:, 0]
        flat_weights = self.weights.reshape(self.n_outchannel, -1)
        out = columns @ flat_weights.T  # (batch, positions, n_outchannel)
        out = out.transpose(0, 2, 1).reshape(batch, self.n_outchannel, out_h, out_w)
        return {"x": x, "out": out, "columns": columns}

    def backward(self, cache, grad_output):
        columns = cache["columns"].reshape(-1, self.filter_size**2)
        upstream = grad_output.transpose(1, 0, 2, 3).reshape(self.n_outchannel, -1)
        return (upstream @ columns).reshape(self.n_outchannel, self.filter_size, self.filter_size)


class MaxPooling2dLayer:
    def __init__(self, filter_size=2):
        self.filter_size = filter_size

    def _get_filtersizeXfiltersize_views(self, x):
        size = self.filter_size
        h, w = x.shape[2:]
        for row in range(h // size):
            for col in range(w // size):
                yield row, col, x[:, :, row * size : (row + 1) * size, col * size : (col + 1) * size]

    def forward(self, x):
        batch, channels, h, w = x.shape
        columns = im2col(x, self.filter_size, self.filter_size)
        out = columns.max(axis=-1).reshape(batch, channels, h // self.filter_size, w // self.filter_size)
        return {"x": x, "out": out, "winners": columns.argmax(axis=-1)}

    def backward(self, cache, grad_output):
        size = self.filter_size
        batch, channels, out_h, out_w = grad_output.shape
        columns = np.zeros((batch, channels, out_h * out_w, size * size))
        upstream = grad_output.reshape(batch, channels, -1, 1)
        np.put_along_axis(columns, cache["winners"][..., np.newaxis], upstream, axis=-1)
        # col2im: the windows do not overlap, so every column lands in pixels of its own.
        grads = np.zeros(cache["x"].shape)
        for a in range(size):
            for b in range(size):
                plane = columns[..., a * size + b].reshape(batch, channels, out_h, out_w)
                grads[:, :, a : a + size * out_h : size, b : b + size * out_w : size][:, :, :out_h, :out_w] = plane
        return grads


class ConvolutionalNetwork:
    def __init__(self, convolution, pooling, mlp):
        self.convolution = convolution
        self.pooling = pooling
        self.mlp = mlp

    def forward(self, x):
        convolution = self.convolution.forward(x)
        pooling = self.pooling.forward(convolution["out"])
        mlp = self.mlp.forward(pooling["out"].reshape(len(x), -1))
        return {"convolution": convolution, "pooling": pooling, "mlp": mlp, "out": mlp["out"]}

    def backward(self, cache, labels):
        mlp_grads = self.mlp.backward(cache["mlp"], labels)
        grad = np.reshape(mlp_grads["x"], cache["pooling"]["out"].shape)
        grad = self.pooling.backward(cache["pooling"], grad)
        grad = self.convolution.backward(cache["convolution"], grad)
        return {"convolution": grad, "mlp": mlp_grads}

    def loss(self, cache, labels):
        return self.mlp.loss(cache["mlp"], labels)

    def predict(self, x):
        return self.forward(x)["out"].argmax(axis=1)

    def train(self, x, labels, learning_rate=0.3, n_epochs=30, batch_size=32, rng=0):
        rng = np.random.default_rng(rng)
        history = {"loss": [], "accuracy": []}
        for _ in range(n_epochs):
            losses, hits = [], []
            order = rng.permutation(len(x))
            for start in range(0, len(x), batch_size):
                batch = order[start : start + batch_size]
                cache = self.forward(x[batch])
                losses.append(len(batch) * self.loss(cache, labels[batch]))
                hits.append(np.sum(cache["out"].argmax(axis=1) == labels[batch]))
                grads = self.backward(cache, labels[batch])
                self.convolution.weights = self.convolution.weights - learning_rate * grads["convolution"]
                self.mlp.update(grads["mlp"], learning_rate)
            history["loss"].append(float(sum(losses) / len(x)))
            history["accuracy"].append(float(sum(hits) / len(x)))
        return history
