"""Mixins: one hands out windows, one makes a layer callable, and the layers combine them."""

import numpy as np


class Callable:
    def __call__(self, x):
        return self.forward(x)


class Windows:
    """Needs self.filter_size, and self.stride or the filter size in its place."""

    def _starts(self, length):
        step = getattr(self, "stride", self.filter_size)
        return range(0, length - self.filter_size + 1, step)

    def _get_filtersizeXfiltersize_views(self, x):
        for row, top in enumerate(self._starts(x.shape[2])):
            for col, left in enumerate(self._starts(x.shape[3])):
                yield row, col, x[:, :, top:, left:][:, :, : self.filter_size, : self.filter_size]

    def _empty_output(self, x, channels):
        return np.empty((len(x), channels, len(self._starts(x.shape[2])), len(self._starts(x.shape[3]))))


class Convolution2dLayer(Windows, Callable):
    def __init__(self, filter_size=3, stride=1, n_outchannel=32):
        self.filter_size, self.stride, self.n_outchannel = filter_size, stride, n_outchannel

    def initialize_weights(self):
        self.weights = np.random.uniform(0, 1, (self.n_outchannel, self.filter_size, self.filter_size))

    def forward(self, x):
        out = self._empty_output(x, self.n_outchannel)
        for row, col, view in self._get_filtersizeXfiltersize_views(x):
            for channel, weights in enumerate(self.weights):
                out[:, channel, row, col] = np.sum(view[:, 0] * weights, axis=(1, 2))
        return dict(x=x, out=out)

    def backward(self, cache, grad_output):
        grads = np.zeros((self.n_outchannel, self.filter_size, self.filter_size))
        for row, col, view in self._get_filtersizeXfiltersize_views(cache["x"]):
            for channel in range(self.n_outchannel):
                weighted = view[:, 0] * grad_output[:, channel, row, col].reshape(-1, 1, 1)
                grads[channel] += weighted.sum(axis=0)
        return grads


class MaxPooling2dLayer(Windows, Callable):
    def __init__(self, filter_size=2):
        self.filter_size = filter_size

    def forward(self, x):
        out = self._empty_output(x, x.shape[1])
        for row, col, view in self._get_filtersizeXfiltersize_views(x):
            out[:, :, row, col] = view.max(axis=(2, 3))
        return dict(x=x, out=out)

    def backward(self, cache, grad_output):
        grads = np.zeros(cache["x"].shape)
        out = cache["out"]
        writers = self._get_filtersizeXfiltersize_views(grads)
        for row, col, view in self._get_filtersizeXfiltersize_views(cache["x"]):
            _, _, grad_view = next(writers)
            for n in range(len(out)):
                for c in range(out.shape[1]):
                    grad_view[n, c][view[n, c] == out[n, c, row, col]] = grad_output[n, c, row, col]
        return grads


class ConvolutionalNetwork(Callable):
    def __init__(self, convolution, pooling, mlp):
        self.convolution = convolution
        self.pooling = pooling
        self.mlp = mlp

    def forward(self, x):
        convolution = self.convolution.forward(x)
        pooling = self.pooling.forward(convolution["out"])
        mlp = self.mlp.forward(pooling["out"].reshape(len(x), -1))
        return dict(convolution=convolution, pooling=pooling, mlp=mlp, out=mlp["out"])

    def backward(self, cache, labels):
        grads = dict(mlp=self.mlp.backward(cache["mlp"], labels))
        batch, channels, rows, cols = cache["pooling"]["out"].shape
        upstream = self.pooling.backward(cache["pooling"], grads["mlp"]["x"].reshape(batch, channels, rows, cols))
        grads.update(convolution=self.convolution.backward(cache["convolution"], upstream))
        return grads

    def loss(self, cache, labels):
        return self.mlp.loss(cache["mlp"], labels)

    def predict(self, x):
        return self(x)["out"].argmax(axis=1)

    def train(self, x, labels, learning_rate=0.3, n_epochs=30, batch_size=32, rng=0):
        rng = np.random.default_rng(rng)
        history = {"loss": [], "accuracy": []}
        for _ in range(n_epochs):
            losses, hits = [], []
            order = rng.permutation(len(x))
            for start in range(0, len(x), batch_size):
                batch = order[start : start + batch_size]
                cache = self(x[batch])
                losses.append(len(batch) * self.loss(cache, labels[batch]))
                hits.append(np.sum(cache["out"].argmax(axis=1) == labels[batch]))
                grads = self.backward(cache, labels[batch])
                self.convolution.weights = self.convolution.weights - learning_rate * grads["convolution"]
                self.mlp.update(grads["mlp"], learning_rate)
            history["loss"].append(float(sum(losses) / len(x)))
            history["accuracy"].append(float(sum(hits) / len(x)))
        return history
