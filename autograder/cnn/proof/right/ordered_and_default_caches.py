"""Caches that are a dict subclass, an OrderedDict and a defaultdict; every input is cast to float64 and copied."""

from collections import OrderedDict, defaultdict

import numpy as np


class Cache(dict):
    """A dict whose keys can be read as attributes."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


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
        x = np.array(x, dtype=np.float64)
        weights = np.asarray(self.weights, dtype=np.float64)
        out_h = (x.shape[2] - self.filter_size) // self.stride + 1
        out_w = (x.shape[3] - self.filter_size) // self.stride + 1
        cache = Cache(x=x, out=np.zeros((x.shape[0], self.n_outchannel, out_h, out_w), dtype=np.float64))
        for row, col, view in self._get_filtersizeXfiltersize_views(x):
            cache.out[:, :, row, col] = np.tensordot(view[:, 0], weights, ((1, 2), (1, 2)))
        return cache

    def backward(self, cache, grad_output):
        grad_output = np.asarray(grad_output, dtype=np.float64)
        grads = np.zeros((self.n_outchannel, self.filter_size, self.filter_size), dtype=np.float64)
        for row, col, view in self._get_filtersizeXfiltersize_views(cache.x):
            grads += np.tensordot(grad_output[:, :, row, col], view[:, 0], ((0,), (0,)))
        return grads


class MaxPooling2dLayer:
    def __init__(self, filter_size=2):
        self.filter_size = filter_size

    def _get_filtersizeXfiltersize_views(self, x):
        size = self.filter_size
        for row in range(x.shape[2] // size):
            for col in range(x.shape[3] // size):
                yield row, col, x[:, :, row * size : (row + 1) * size, col * size : (col + 1) * size]

    def forward(self, x):
        x = np.array(x, dtype=np.float64)
        size = self.filter_size
        cache = OrderedDict()
        cache["x"] = x
        cache["windows"] = defaultdict(list)
        cache["out"] = np.zeros(x.shape[:2] + (x.shape[2] // size, x.shape[3] // size))
        for row, col, view in self._get_filtersizeXfiltersize_views(x):
            peak = view.max(axis=(2, 3), keepdims=True)
            cache["out"][:, :, row, col] = peak[:, :, 0, 0]
            cache["windows"][row].append((col, view == peak))
        cache.move_to_end("x")
        return cache

    def backward(self, cache, grad_output):
        size = self.filter_size
        grads = np.zeros(cache["x"].shape, dtype=np.float64)
        for row, masks in cache["windows"].items():
            for col, mask in masks:
                rows, cols = slice(row * size, (row + 1) * size), slice(col * size, (col + 1) * size)
                grads[:, :, rows, cols] = mask * grad_output[:, :, row, col, None, None]
        return grads


class ConvolutionalNetwork:
    def __init__(self, convolution, pooling, mlp):
        self.convolution = convolution
        self.pooling = pooling
        self.mlp = mlp

    def forward(self, x):
        cache = defaultdict(dict)
        cache["convolution"] = self.convolution.forward(x)
        cache["pooling"] = self.pooling.forward(cache["convolution"]["out"])
        cache["mlp"] = self.mlp.forward(cache["pooling"]["out"].reshape(len(x), -1))
        cache["out"] = cache["mlp"]["out"]
        return cache

    def backward(self, cache, labels):
        grads = OrderedDict()
        grads["mlp"] = self.mlp.backward(cache["mlp"], labels)
        pooled = grads["mlp"]["x"].reshape(cache["pooling"]["out"].shape)
        grads["pooling"] = self.pooling.backward(cache["pooling"], pooled)
        grads["convolution"] = self.convolution.backward(cache["convolution"], grads["pooling"])
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
