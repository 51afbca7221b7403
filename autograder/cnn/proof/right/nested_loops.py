"""Plain nested Python loops over every index, one multiplication at a time."""

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
                i = row * self.stride
                j = col * self.stride
                yield row, col, x[:, :, i : i + self.filter_size, j : j + self.filter_size]

    def forward(self, x):
        batch, _, h, w = x.shape
        out_h = (h - self.filter_size) // self.stride + 1
        out_w = (w - self.filter_size) // self.stride + 1
        out = np.zeros((batch, self.n_outchannel, out_h, out_w))
        for n in range(batch):
            for k in range(self.n_outchannel):
                for row in range(out_h):
                    for col in range(out_w):
                        total = 0.0
                        for a in range(self.filter_size):
                            for b in range(self.filter_size):
                                pixel = x[n, 0, row * self.stride + a, col * self.stride + b]
                                total += pixel * self.weights[k, a, b]
                        out[n, k, row, col] = total
        return {"x": x, "out": out}

    def backward(self, cache, grad_output):
        x = cache["x"]
        batch, _, out_h, out_w = grad_output.shape
        grads = np.zeros((self.n_outchannel, self.filter_size, self.filter_size))
        for n in range(batch):
            for k in range(self.n_outchannel):
                for row in range(out_h):
                    for col in range(out_w):
                        upstream = grad_output[n, k, row, col]
                        for a in range(self.filter_size):
                            for b in range(self.filter_size):
                                grads[k, a, b] += upstream * x[n, 0, row * self.stride + a, col * self.stride + b]
        return grads


class MaxPooling2dLayer:
    def __init__(self, filter_size=2):
        self.filter_size = filter_size

    def _get_filtersizeXfiltersize_views(self, x):
        size = self.filter_size
        for row in range(x.shape[2] // size):
            for col in range(x.shape[3] // size):
                yield row, col, x[:, :, row * size : row * size + size, col * size : col * size + size]

    def forward(self, x):
        batch, channels, h, w = x.shape
        out = np.zeros((batch, channels, h // self.filter_size, w // self.filter_size))
        for n in range(batch):
            for c in range(channels):
                for row in range(h // self.filter_size):
                    for col in range(w // self.filter_size):
                        best = x[n, c, row * self.filter_size, col * self.filter_size]
                        for a in range(self.filter_size):
                            for b in range(self.filter_size):
                                pixel = x[n, c, row * self.filter_size + a, col * self.filter_size + b]
                                if pixel > best:
                                    best = pixel
                        out[n, c, row, col] = best
        return {"x": x, "out": out}

    def backward(self, cache, grad_output):
        x = cache["x"]
        batch, channels, h, w = x.shape
        grads = np.zeros((batch, channels, h, w))
        for n in range(batch):
            for c in range(channels):
                for row in range(h // self.filter_size):
                    for col in range(w // self.filter_size):
                        best_i = row * self.filter_size
                        best_j = col * self.filter_size
                        for a in range(self.filter_size):
                            for b in range(self.filter_size):
                                i = row * self.filter_size + a
                                j = col * self.filter_size + b
                                if x[n, c, i, j] > x[n, c, best_i, best_j]:
                                    best_i = i
                                    best_j = j
                        grads[n, c, best_i, best_j] = grad_output[n, c, row, col]
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
        flat = mlp_grads["x"]
        pooled_shape = cache["pooling"]["out"].shape
        grad_pooled = np.zeros(pooled_shape)
        for n in range(pooled_shape[0]):
            position = 0
            for c in range(pooled_shape[1]):
                for i in range(pooled_shape[2]):
                    for j in range(pooled_shape[3]):
                        grad_pooled[n, c, i, j] = flat[n, position]
                        position += 1
        grad_convolved = self.pooling.backward(cache["pooling"], grad_pooled)
        filter_grads = self.convolution.backward(cache["convolution"], grad_convolved)
        return {"convolution": filter_grads, "mlp": mlp_grads}

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
