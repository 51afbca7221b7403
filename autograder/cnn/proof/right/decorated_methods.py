"""Own decorators with functools.wraps, properties, static and class methods, and forward reached by __call__."""

import functools

import numpy as np


def with_four_axes(method):
    """Refuse anything but (batch, channels, h, w)."""

    @functools.wraps(method)
    def checked(self, x):
        if x.ndim != 4:
            raise ValueError(f"{method.__name__} wants four axes, got {x.ndim}")
        return method(self, x)

    return checked


def as_float_array(function):
    @functools.wraps(function)
    def converted(*args, **kwargs):
        return np.asarray(function(*args, **kwargs), dtype=np.float64)

    return converted


class Convolution2dLayer:
    def __init__(self, filter_size=3, stride=1, n_outchannel=32):
        self.filter_size = filter_size
        self.stride = stride
        self.n_outchannel = n_outchannel

    @classmethod
    def with_random_weights(cls, *args, **kwargs):
        layer = cls(*args, **kwargs)
        layer.initialize_weights()
        return layer

    def initialize_weights(self):
        self.weights = np.random.uniform(0, 1, self.weight_shape)

    @property
    def weight_shape(self):
        return self.n_outchannel, self.filter_size, self.filter_size

    @property
    def flat_weights(self):
        return self.weights.reshape(self.n_outchannel, -1)

    @staticmethod
    def _count(length, size, stride):
        return 1 + (length - size) // stride

    @with_four_axes
    def _get_filtersizeXfiltersize_views(self, x):
        size, stride = self.filter_size, self.stride
        for row in range(self._count(x.shape[2], size, stride)):
            for col in range(self._count(x.shape[3], size, stride)):
                yield row, col, x[:, :, row * stride : row * stride + size, col * stride : col * stride + size]

    @with_four_axes
    def __call__(self, x):
        size, stride = self.filter_size, self.stride
        out_h = self._count(x.shape[2], size, stride)
        out_w = self._count(x.shape[3], size, stride)
        out = np.zeros((x.shape[0], self.n_outchannel, out_h, out_w))
        for row, col, view in self._get_filtersizeXfiltersize_views(x):
            out[:, :, row, col] = (self.flat_weights @ view.reshape(len(x), -1).T).T
        return {"x": x, "out": out}

    forward = __call__

    @as_float_array
    def backward(self, cache, grad_output):
        grads = np.zeros(self.weight_shape)
        for row, col, view in self._get_filtersizeXfiltersize_views(cache["x"]):
            for pixel_window, upstream in zip(view[:, 0], grad_output[:, :, row, col]):
                grads += np.multiply.outer(upstream, pixel_window)
        return grads


class MaxPooling2dLayer:
    def __init__(self, filter_size=2):
        self.filter_size = filter_size

    @with_four_axes
    def _get_filtersizeXfiltersize_views(self, x):
        size = self.filter_size
        for row in range(x.shape[2] // size):
            for col in range(x.shape[3] // size):
                yield row, col, x[:, :, row * size : (row + 1) * size, col * size : (col + 1) * size]

    @with_four_axes
    def __call__(self, x):
        out = np.zeros(x.shape[:2] + tuple(length // self.filter_size for length in x.shape[2:]))
        for row, col, view in self._get_filtersizeXfiltersize_views(x):
            out[:, :, row, col] = self.peak(view)[:, :, 0, 0]
        return {"x": x, "out": out}

    forward = __call__

    @staticmethod
    def peak(view):
        return view.max(axis=(2, 3), keepdims=True)

    @classmethod
    def mask(cls, view):
        return view == cls.peak(view)

    @as_float_array
    def backward(self, cache, grad_output):
        grads = np.zeros(cache["x"].shape)
        for (row, col, view), (_, _, grad_view) in zip(
            self._get_filtersizeXfiltersize_views(cache["x"]), self._get_filtersizeXfiltersize_views(grads)
        ):
            grad_view[...] = self.mask(view) * grad_output[:, :, row : row + 1, col : col + 1]
        return grads


class ConvolutionalNetwork:
    def __init__(self, convolution, pooling, mlp):
        self.convolution = convolution
        self.pooling = pooling
        self.mlp = mlp

    @with_four_axes
    def __call__(self, x):
        convolution = self.convolution.forward(x)
        pooling = self.pooling.forward(convolution["out"])
        mlp = self.mlp.forward(pooling["out"].reshape(len(x), -1))
        return {"convolution": convolution, "pooling": pooling, "mlp": mlp, "out": mlp["out"]}

    forward = __call__

    def backward(self, cache, labels):
        mlp_grads = self.mlp.backward(cache["mlp"], labels)
        return {
            "convolution": self.convolution.backward(
                cache["convolution"],
                self.pooling.backward(
                    cache["pooling"],
                    mlp_grads["x"].reshape(cache["pooling"]["out"].shape),
                ),
            ),
            "mlp": mlp_grads,
        }

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
