"""A student in the middle of debugging: prints, warnings and asserts everywhere, and a demo at the end."""

import sys
import time
import warnings

import numpy as np

DEBUG = True
np.set_printoptions(precision=3, suppress=True)


def log(*words):
    if DEBUG:
        print("[cnn]", *words)


class Convolution2dLayer:
    def __init__(self, filter_size=3, stride=1, n_outchannel=32):
        assert filter_size > 0, f"filter_size = {filter_size}?"
        assert stride > 0, f"stride = {stride}?"
        self.filter_size = filter_size
        self.stride = stride
        self.n_outchannel = n_outchannel

    def initialize_weights(self):
        self.weights = np.random.uniform(0, 1, (self.n_outchannel, self.filter_size, self.filter_size))

    def _get_filtersizeXfiltersize_views(self, x):
        assert x.ndim == 4, f"x has {x.ndim} axes"
        h, w = x.shape[2:]
        for row in range((h - self.filter_size) // self.stride + 1):
            for col in range((w - self.filter_size) // self.stride + 1):
                i, j = row * self.stride, col * self.stride
                view = x[:, :, i : i + self.filter_size, j : j + self.filter_size]
                assert view.shape[2:] == (self.filter_size, self.filter_size), f"{view.shape=}"
                yield row, col, view

    def forward(self, x):
        assert isinstance(x, np.ndarray), f"an array please, not a {type(x).__name__}"
        assert x.dtype == np.float64, f"{x.dtype=}"
        assert x.shape[1] == 1, f"one channel please, not {x.shape[1]}"
        start = time.perf_counter()
        h, w = x.shape[2:]
        if (h - self.filter_size) % self.stride or (w - self.filter_size) % self.stride:
            warnings.warn("some pixels are not seen by any window", stacklevel=2)
        out_h = (h - self.filter_size) // self.stride + 1
        out_w = (w - self.filter_size) // self.stride + 1
        out = np.full((x.shape[0], self.n_outchannel, out_h, out_w), np.nan)
        for row, col, view in self._get_filtersizeXfiltersize_views(x):
            out[:, :, row, col] = np.sum(view * self.weights[np.newaxis], axis=(-1, -2))
        assert not np.isnan(out).any(), "a window was forgotten"
        log("conv forward", x.shape, "->", out.shape, f"{time.perf_counter() - start:.4f} s")
        return {"x": x, "out": out}

    def backward(self, cache, grad_output):
        assert grad_output.shape == cache["out"].shape, f"{grad_output.shape} != {cache['out'].shape}"
        grads = np.zeros((self.n_outchannel, self.filter_size, self.filter_size))
        for row, col, view in self._get_filtersizeXfiltersize_views(cache["x"]):
            grads += np.sum(view * grad_output[:, :, row, col].reshape(*grad_output.shape[:2], 1, 1), axis=0)
        print("conv backward, norm of the gradient:", np.linalg.norm(grads), file=sys.stderr)
        return grads


class MaxPooling2dLayer:
    def __init__(self, filter_size=2):
        self.filter_size = filter_size

    def _get_filtersizeXfiltersize_views(self, x):
        size = self.filter_size
        if x.shape[2] % size or x.shape[3] % size:
            warnings.warn(f"{x.shape[2:]} is not a multiple of {size}", RuntimeWarning, stacklevel=2)
        for row in range(x.shape[2] // size):
            for col in range(x.shape[3] // size):
                yield row, col, x[:, :, row * size : (row + 1) * size, col * size : (col + 1) * size]

    def forward(self, x):
        size = self.filter_size
        out = np.zeros((x.shape[0], x.shape[1], x.shape[2] // size, x.shape[3] // size))
        for row, col, view in self._get_filtersizeXfiltersize_views(x):
            out[:, :, row, col] = np.max(np.max(view, axis=-1), axis=-1)
        log("pool forward", x.shape, "->", out.shape)
        log(out[0, 0])
        return {"x": x, "out": out}

    def backward(self, cache, grad_output):
        grads = np.zeros(cache["x"].shape)
        for (row, col, view), (row2, col2, grad_view) in zip(
            self._get_filtersizeXfiltersize_views(cache["x"]), self._get_filtersizeXfiltersize_views(grads)
        ):
            assert (row, col) == (row2, col2)
            mask = view == cache["out"][:, :, row, col].reshape(*view.shape[:2], 1, 1)
            if (mask.sum(axis=(2, 3)) > 1).any():
                log("a tie at", row, col)
            grad_view[...] = mask * grad_output[:, :, row, col].reshape(*view.shape[:2], 1, 1)
        log("pool backward", grads.shape)
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
        print("keys of the MLP's gradients:", sorted(mlp_grads))
        grad_pooled = mlp_grads["x"].reshape(cache["pooling"]["out"].shape)
        grad_convolved = self.pooling.backward(cache["pooling"], grad_pooled)
        assert grad_convolved.shape == cache["convolution"]["out"].shape
        filter_grads = self.convolution.backward(cache["convolution"], grad_convolved)
        print(f"{filter_grads.shape=}")
        return {"convolution": filter_grads, "mlp": mlp_grads}

    def loss(self, cache, labels):
        return self.mlp.loss(cache["mlp"], labels)

    def predict(self, x):
        return self.forward(x)["out"].argmax(axis=1)

    def train(self, x, labels, learning_rate=0.3, n_epochs=30, batch_size=32, rng=0):
        rng = np.random.default_rng(rng)
        history = {"loss": [], "accuracy": []}
        for epoch in range(n_epochs):
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
            log(f"epoch {epoch:3d}: loss {history['loss'][-1]:.4f}")
        return history


if __name__ == "__main__":
    from mlp import MultilayerPerceptron

    demo = Convolution2dLayer(filter_size=2, n_outchannel=2)
    demo.initialize_weights()
    network = ConvolutionalNetwork(demo, MaxPooling2dLayer(), MultilayerPerceptron((8, 3)))
    images = np.random.default_rng(1).normal(size=(4, 1, 5, 5))
    print(network.train(images, np.array([0, 1, 2, 0]), n_epochs=3))
