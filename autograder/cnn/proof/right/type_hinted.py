"""Full type hints with lazy annotations, a TypedDict, the walrus, match statements and keyword defaults."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, NotRequired, TypedDict

import numpy as np

if TYPE_CHECKING:
    from mlp import MultilayerPerceptron
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

WINDOW_AXES: Final[tuple[int, int]] = (2, 3)


class Cache(TypedDict):
    x: Array
    out: Array
    sizes: NotRequired[tuple[int, int]]


class Convolution2dLayer:
    weights: Array

    def __init__(self, filter_size: int = 3, stride: int = 1, n_outchannel: int = 32) -> None:
        self.filter_size: int = filter_size
        self.stride: int = stride
        self.n_outchannel: int = n_outchannel

    def initialize_weights(self) -> None:
        self.weights = np.random.uniform(0, 1, (self.n_outchannel, self.filter_size, self.filter_size))

    def _get_filtersizeXfiltersize_views(self, x: Array) -> Iterator[tuple[int, int, Array]]:
        row = 0
        while (bottom := (top := row * self.stride) + self.filter_size) <= x.shape[2]:
            col = 0
            while (right := (left := col * self.stride) + self.filter_size) <= x.shape[3]:
                yield row, col, x[:, :, top:bottom, left:right]
                col += 1
            row += 1

    def forward(self, x: Array) -> Cache:
        match x.shape:
            case (batch, 1, h, w):
                sizes = (h - self.filter_size) // self.stride + 1, (w - self.filter_size) // self.stride + 1
            case (_, channels, _, _):
                raise ValueError(f"one channel expected, got {channels}")
            case _:
                raise ValueError(f"four axes expected, got {x.ndim}")
        out: Array = np.zeros((batch, self.n_outchannel, *sizes))
        for row, col, view in self._get_filtersizeXfiltersize_views(x):
            out[:, :, row, col] = np.einsum(view, [0, 1, 2, 3], self.weights, [4, 2, 3], [0, 4])
        return Cache(x=x, out=out, sizes=sizes)

    def backward(self, cache: Cache, grad_output: Array, *, check: bool = False) -> Array:
        if check and grad_output.shape != cache["out"].shape:
            raise ValueError("grad_output must have the shape of out")
        x = cache["x"]
        out_h, out_w = grad_output.shape[2:]
        grads: Array = np.zeros(self.weights.shape)
        for row in range(self.filter_size):
            for col in range(self.filter_size):
                seen = x[:, :, row :: self.stride, col :: self.stride][:, :, :out_h, :out_w]
                grads[:, row, col] = (grad_output * seen).sum(axis=(0, 2, 3))
        return grads


class MaxPooling2dLayer:
    def __init__(self, filter_size: int = 2) -> None:
        self.filter_size: int = filter_size

    def _get_filtersizeXfiltersize_views(self, x: Array) -> Iterator[tuple[int, int, Array]]:
        size = self.filter_size
        for row in range(x.shape[2] // size):
            for col in range(x.shape[3] // size):
                yield row, col, x[:, :, (top := row * size) : top + size, (left := col * size) : left + size]

    def forward(self, x: Array) -> Cache:
        out: Array = np.zeros((*x.shape[:2], x.shape[2] // self.filter_size, x.shape[3] // self.filter_size))
        for row, col, view in self._get_filtersizeXfiltersize_views(x):
            out[:, :, row, col] = view.max(axis=WINDOW_AXES)
        return {"x": x, "out": out}

    def backward(self, cache: Cache, grad_output: Array, ties: str = "every") -> Array:
        grads: Array = np.zeros(cache["x"].shape)
        windows = self._get_filtersizeXfiltersize_views(cache["x"])
        grad_windows = self._get_filtersizeXfiltersize_views(grads)
        for (row, col, view), (_, _, grad_view) in zip(windows, grad_windows, strict=True):
            mask = view == view.max(axis=WINDOW_AXES, keepdims=True)
            match ties:
                case "every":
                    pass
                case "first":
                    flat = mask.reshape(*mask.shape[:2], -1)
                    mask = (flat & (np.cumsum(flat, axis=2) == 1)).reshape(mask.shape)
                case other:
                    raise ValueError(f"unknown rule for ties: {other!r}")
            grad_view[:] = mask * grad_output[:, :, row, col, np.newaxis, np.newaxis]
        return grads


class ConvolutionalNetwork:
    def __init__(self, convolution: Convolution2dLayer, pooling: MaxPooling2dLayer, mlp: MultilayerPerceptron) -> None:
        self.convolution = convolution
        self.pooling = pooling
        self.mlp = mlp

    def forward(self, x: Array) -> dict[str, Any]:
        mlp = self.mlp.forward(
            (pooling := self.pooling.forward((convolution := self.convolution.forward(x))["out"]))["out"].reshape(
                len(x), -1
            )
        )
        return {"convolution": convolution, "pooling": pooling, "mlp": mlp, "out": mlp["out"]}

    def backward(self, cache: dict[str, Any], labels: NDArray[np.int64]) -> dict[str, Any]:
        mlp_grads: dict[str, Any] = self.mlp.backward(cache["mlp"], labels)
        grad_pooled: Array = mlp_grads["x"].reshape(cache["pooling"]["out"].shape)
        grad_convolved: Array = self.pooling.backward(cache["pooling"], grad_pooled)
        return {"convolution": self.convolution.backward(cache["convolution"], grad_convolved), "mlp": mlp_grads}

    def loss(self, cache: dict[str, Any], labels: NDArray[np.int64]) -> float:
        return self.mlp.loss(cache["mlp"], labels)

    def predict(self, x: Array) -> NDArray[np.int64]:
        return self.forward(x)["out"].argmax(axis=1)

    def train(
        self,
        x: Array,
        labels: NDArray[np.int64],
        learning_rate: float = 0.3,
        n_epochs: int = 30,
        batch_size: int = 32,
        rng: int | np.random.Generator = 0,
    ) -> dict[str, list[float]]:
        rng = np.random.default_rng(rng)
        history: dict[str, list[float]] = {"loss": [], "accuracy": []}
        for _ in range(n_epochs):
            losses: list[float] = []
            hits: list[int] = []
            order = rng.permutation(len(x))
            for start in range(0, len(x), batch_size):
                batch = order[start : start + batch_size]
                cache = self.forward(x[batch])
                losses.append(len(batch) * self.loss(cache, labels[batch]))
                hits.append(int(np.sum(cache["out"].argmax(axis=1) == labels[batch])))
                grads = self.backward(cache, labels[batch])
                self.convolution.weights = self.convolution.weights - learning_rate * grads["convolution"]
                self.mlp.update(grads["mlp"], learning_rate)
            history["loss"].append(float(sum(losses) / len(x)))
            history["accuracy"].append(float(sum(hits) / len(x)))
        return history
