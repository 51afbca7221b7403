"""An abstract base class for layers, which knows windows; the network runs through its blocks in a loop."""

from abc import ABC, abstractmethod

import numpy as np


class Layer(ABC):
    def __init__(self, filter_size):
        self.filter_size = filter_size

    @property
    @abstractmethod
    def step(self):
        """Pixels from one window to the next."""

    @abstractmethod
    def forward(self, x): ...

    @abstractmethod
    def backward(self, cache, grad_output): ...

    def output_size(self, x):
        return tuple((length - self.filter_size) // self.step + 1 for length in x.shape[2:])

    def _get_filtersizeXfiltersize_views(self, x):
        out_h, out_w = self.output_size(x)
        for row in range(out_h):
            for col in range(out_w):
                top, left = row * self.step, col * self.step
                yield row, col, x[:, :, top : top + self.filter_size, left : left + self.filter_size]

    def make_cache(self, x, channels):
        return {"x": x, "out": np.zeros((x.shape[0], channels) + self.output_size(x))}


class Convolution2dLayer(Layer):
    def __init__(self, filter_size=3, stride=1, n_outchannel=32):
        super().__init__(filter_size)
        self.stride = stride
        self.n_outchannel = n_outchannel

    @property
    def step(self):
        return self.stride

    def initialize_weights(self):
        self.weights = np.random.uniform(0, 1, (self.n_outchannel, self.filter_size, self.filter_size))

    def forward(self, x):
        cache = self.make_cache(x, self.n_outchannel)
        for row, col, view in self._get_filtersizeXfiltersize_views(x):
            cache["out"][..., row, col] = np.einsum("ncab,kab->nk", view, self.weights)
        return cache

    def backward(self, cache, grad_output):
        grads = np.zeros(self.weights.shape)
        for row, col, view in self._get_filtersizeXfiltersize_views(cache["x"]):
            grads += np.einsum("ncab,nk->kab", view, grad_output[..., row, col])
        return grads


class MaxPooling2dLayer(Layer):
    def __init__(self, filter_size=2):
        super().__init__(filter_size)

    @property
    def step(self):
        return self.filter_size

    def forward(self, x):
        cache = self.make_cache(x, x.shape[1])
        for row, col, view in self._get_filtersizeXfiltersize_views(x):
            cache["out"][..., row, col] = view.max(axis=(-2, -1))
        return cache

    def backward(self, cache, grad_output):
        grads = np.zeros(cache["x"].shape)
        pairs = zip(
            self._get_filtersizeXfiltersize_views(cache["x"]),
            self._get_filtersizeXfiltersize_views(grads),
        )
        for (row, col, view), (_, _, grad_view) in pairs:
            grad_view += np.where(
                view == cache["out"][..., row, col, None, None], grad_output[..., row, col, None, None], 0.0
            )
        return grads


class ConvolutionalNetwork:
    def __init__(self, convolution, pooling, mlp):
        self.convolution = convolution
        self.pooling = pooling
        self.mlp = mlp

    def forward(self, x):
        cache = {}
        signal = x
        for name in ("convolution", "pooling"):
            cache[name] = getattr(self, name).forward(signal)
            signal = cache[name]["out"]
        cache["mlp"] = self.mlp.forward(signal.reshape(len(x), -1))
        cache["out"] = cache["mlp"]["out"]
        return cache

    def backward(self, cache, labels):
        grads = {"mlp": self.mlp.backward(cache["mlp"], labels)}
        signal = grads["mlp"]["x"]
        for name in ("pooling", "convolution"):
            signal = signal.reshape(cache[name]["out"].shape)
            grads[name] = signal = getattr(self, name).backward(cache[name], signal)
        return grads

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
