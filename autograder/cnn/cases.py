"""Shapes that hurt, and what the hidden tests of several tasks share. Never imported where student code runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

# The axes of images and of filters, as the diagnosis names them.
IMAGES = ("example", "channel", "row", "column")
FILTERS = ("filter", "row", "column")


@dataclass(frozen=True)
class Convolution:
    """Images (batch, 1, h, w) under n_outchannel square filters."""

    name: str
    batch: int
    h: int
    w: int
    filter_size: int
    stride: int
    n_outchannel: int

    @property
    def left_over(self) -> bool:
        """rows or columns are left over."""
        return (self.h - self.filter_size) % self.stride > 0 or (self.w - self.filter_size) % self.stride > 0

    @property
    def oblong(self) -> bool:
        """images are not square."""
        return self.h != self.w

    @property
    def one_window(self) -> bool:
        """there is a single window."""
        return self.filter_size > max(self.h, self.w) - self.stride

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """x, weights and an upstream gradient, positive and negative, without structure."""
        out_h = (self.h - self.filter_size) // self.stride + 1
        out_w = (self.w - self.filter_size) // self.stride + 1
        x = rng.normal(size=(self.batch, 1, self.h, self.w))
        weights = rng.normal(size=(self.n_outchannel, self.filter_size, self.filter_size))
        return x, weights, rng.normal(size=(self.batch, self.n_outchannel, out_h, out_w))

    def make_layer(self, module: Any, weights: np.ndarray) -> Any:
        """The layer of a module, the student's or the reference's."""
        layer = module.Convolution2dLayer(
            filter_size=self.filter_size, stride=self.stride, n_outchannel=self.n_outchannel
        )
        layer.weights = weights
        return layer


CONVOLUTIONS = (
    Convolution("a small batch", 3, 6, 5, 3, 1, 2),
    Convolution("one example", 1, 5, 7, 3, 1, 3),
    Convolution("one filter", 2, 7, 5, 3, 1, 1),
    Convolution("stride 2 with a remainder", 2, 8, 10, 3, 2, 3),
    Convolution("stride larger than the filter", 3, 10, 11, 2, 3, 2),
    Convolution("filter size 1, stride 2", 2, 4, 5, 1, 2, 3),
    Convolution("filter size 2", 2, 5, 5, 2, 1, 2),
    Convolution("filter size 5, stride 3", 2, 11, 9, 5, 3, 4),
    Convolution("one window", 2, 5, 4, 4, 2, 3),
    Convolution("an image of 28 by 28, 32 filters", 1, 28, 28, 3, 1, 32),
)
SMALL = CONVOLUTIONS[3]
# Layers for images of one size that differ in one thing each: what was worked out for one is of no use to the next.
ALIKE = (SMALL, replace(SMALL, stride=1), replace(SMALL, filter_size=2), replace(SMALL, n_outchannel=1))


@dataclass(frozen=True)
class Pooling:
    """Images (batch, channels, h, w) under square windows that lie side by side."""

    name: str
    batch: int
    channels: int
    h: int
    w: int
    filter_size: int

    @property
    def left_over(self) -> bool:
        """rows or columns are left over."""
        return self.h % self.filter_size > 0 or self.w % self.filter_size > 0

    @property
    def oblong(self) -> bool:
        """images are not square."""
        return self.h != self.w

    @property
    def one_window(self) -> bool:
        """there is a single window."""
        return 2 * self.filter_size > max(self.h, self.w)

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """x without ties and an upstream gradient."""
        x = rng.normal(size=(self.batch, self.channels, self.h, self.w))
        shape = (self.batch, self.channels, self.h // self.filter_size, self.w // self.filter_size)
        return x, rng.normal(size=shape)

    def make_layer(self, module: Any) -> Any:
        """The layer of a module, the student's or the reference's."""
        return module.MaxPooling2dLayer(filter_size=self.filter_size)


POOLINGS = (
    Pooling("images of even size", 3, 2, 10, 12, 2),
    Pooling("rows and columns left over", 2, 3, 7, 5, 2),
    Pooling("one example, one channel", 1, 1, 6, 4, 2),
    Pooling("window size 3 with a remainder", 2, 2, 8, 10, 3),
    Pooling("one window", 2, 3, 5, 4, 4),
    Pooling("window size 1", 2, 2, 3, 4, 1),
)
LEFT_OVER = POOLINGS[1]
ONE_PIXEL = POOLINGS[-1]
ALIKE_POOLINGS = (LEFT_OVER, replace(LEFT_OVER, filter_size=3), replace(LEFT_OVER, filter_size=1))


def every(cases: Sequence) -> Any:
    """Run a test on each case, under its name."""
    return pytest.mark.parametrize("case", cases, ids=[case.name for case in cases])


def spread(array: np.ndarray) -> np.ndarray:
    """An equal array that is contiguous in no order."""
    wide = np.repeat(array, 2, axis=-1)
    return wide[..., ::2]
