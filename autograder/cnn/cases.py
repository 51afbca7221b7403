"""Shapes that hurt, and what the hidden tests of several tasks share. Never imported where student code runs.

The cases are a covering array: of any two traits of theirs, such as "stride is 1" and "images are square", all four
combinations occur that can occur, so that what fails tells one trait from another. `cnn-assignment verify` names pairs
that never differ. Each kind of case can be drawn at random too, for the grader to try what it is about to say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from cnn_assignment.testing import put

# The axes of images and of filters, as the diagnosis names them.
IMAGES = ("example", "channel", "row", "column")
FILTERS = ("filter", "row", "column")
# Sizes that are drawn: mostly small ones, because they are tried by the dozen.
BATCHES = (1, 1, 1, 2, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8, 9)
WINDOWS = (1, 1, 2, 2, 3, 4, 5)


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

    @classmethod
    def at_random(cls, rng: np.random.Generator, name: str = "") -> Convolution:
        """A case of any kind."""
        filter_size = int(rng.choice((1, 1, 2, 2, 3, 3, 3, 4, 5, 6, 7, 8)))
        stride = int(rng.choice((1, 1, 1, 2, 2, 3, 3, 4, 5)))
        h, w = draw_sizes(rng, filter_size, stride)
        n_outchannel = int(rng.choice((1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 8, 32, 33)))
        return cls(name, int(rng.choice(BATCHES)), h, w, filter_size, stride, n_outchannel)

    @property
    def left_over(self) -> bool:
        """rows or columns are left over."""
        return (self.h - self.filter_size) % self.stride > 0 or (self.w - self.filter_size) % self.stride > 0

    @property
    def square(self) -> bool:
        """images are square."""
        return self.h == self.w

    @property
    def one_window(self) -> bool:
        """there is a single window."""
        return self.filter_size > max(self.h, self.w) - self.stride

    @property
    def apart(self) -> bool:
        """windows do not overlap."""
        return self.stride >= self.filter_size

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


def draw_sizes(rng: np.random.Generator, size: int, stride: int) -> tuple[int, int]:
    """Height and width of images under windows of that size and stride: often square, often with a remainder."""

    def draw() -> int:
        remainder = int(rng.integers(stride)) if rng.random() < 1 / 2 else 0
        return size + (int(rng.choice(WINDOWS)) - 1) * stride + remainder

    h = draw()
    return h, h if rng.random() < 1 / 3 else draw()


CONVOLUTIONS = (
    Convolution("a small batch", 3, 6, 5, 3, 1, 2),
    Convolution("one example", 1, 5, 7, 3, 1, 3),
    Convolution("one filter, square images", 2, 6, 6, 3, 1, 1),
    Convolution("stride 2 with a remainder", 2, 8, 10, 3, 2, 3),
    Convolution("stride 2, nothing left over", 5, 7, 9, 3, 2, 1),
    Convolution("stride larger than the filter", 3, 10, 11, 2, 3, 2),
    Convolution("stride 4, square images", 8, 6, 6, 2, 4, 4),
    Convolution("filter size 1, stride 2", 2, 4, 5, 1, 2, 3),
    Convolution("filter size 1, one example", 1, 13, 6, 1, 3, 1),
    Convolution("filter size 1, one pixel", 8, 1, 1, 1, 1, 2),
    Convolution("filter size 5, stride 3", 2, 11, 9, 5, 3, 4),
    Convolution("filter size 5, windows side by side", 2, 10, 15, 5, 5, 2),
    Convolution("filter size 6", 5, 10, 8, 6, 2, 1),
    Convolution("filter size 7, one column of windows", 8, 11, 7, 7, 1, 4),
    Convolution("one window", 2, 5, 4, 4, 2, 3),
    Convolution("one window, square images", 1, 7, 7, 6, 4, 1),
    Convolution("one row of windows", 2, 2, 28, 2, 4, 5),
    Convolution("32 filters, stride 2", 3, 6, 9, 3, 2, 32),
    Convolution("an image of 28 by 28, 32 filters", 1, 28, 28, 3, 1, 32),
    Convolution("images of 28 by 28, two filters", 2, 28, 28, 4, 5, 2),
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

    @classmethod
    def at_random(cls, rng: np.random.Generator, name: str = "") -> Pooling:
        """A case of any kind, now and then of more pixels than a byte can count."""
        filter_size = int(rng.choice((1, 1, 2, 2, 2, 3, 3, 4, 5, 6)))
        h, w = draw_sizes(rng, filter_size, filter_size)
        if rng.random() < 1 / 8:
            h, w = h + 16, w + 16
        return cls(name, int(rng.choice(BATCHES)), int(rng.choice((1, 1, 1, 2, 2, 3, 4, 5))), h, w, filter_size)

    @property
    def left_over(self) -> bool:
        """rows or columns are left over."""
        return self.h % self.filter_size > 0 or self.w % self.filter_size > 0

    @property
    def square(self) -> bool:
        """images are square."""
        return self.h == self.w

    @property
    def one_window(self) -> bool:
        """there is a single window."""
        return 2 * self.filter_size > max(self.h, self.w)

    @property
    def many_pixels(self) -> bool:
        """an image has more than 256 pixels."""
        return self.h * self.w > 256

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
    Pooling("several examples, one channel, square images", 5, 1, 6, 6, 3),
    Pooling("one example, square images with a remainder", 1, 4, 9, 9, 2),
    Pooling("one window", 2, 3, 5, 4, 4),
    Pooling("one window, square images, one channel", 1, 1, 7, 7, 5),
    Pooling("one window, nothing left over", 5, 1, 2, 2, 2),
    Pooling("one row of windows", 3, 1, 4, 19, 3),
    Pooling("window size 5, one column of windows", 8, 2, 20, 5, 5),
    Pooling("many pixels, square images", 2, 1, 18, 18, 2),
    Pooling("many pixels, window size 4 with a remainder", 1, 2, 21, 17, 4),
    Pooling("window size 1, one pixel", 1, 1, 1, 1, 1),
    Pooling("window size 1, many pixels", 3, 1, 17, 17, 1),
    Pooling("window size 1", 2, 2, 3, 4, 1),
)
LEFT_OVER = POOLINGS[1]
ONE_PIXEL = POOLINGS[-1]
ALIKE_POOLINGS = (LEFT_OVER, replace(LEFT_OVER, filter_size=3), replace(LEFT_OVER, filter_size=1))


def every(cases: Sequence, draw: Callable[..., Any] | None = None) -> Any:
    """Run a test on each case, under its name.

    draw: makes a case from a random generator, for the grader to try what it is about to say of those that fail.
    """
    run = pytest.mark.parametrize("case", cases, ids=[case.name for case in cases])
    if draw is None:
        return run
    return lambda function: run(pytest.mark.further_cases(draw=draw)(function))


# Memory

LAYOUTS = {
    "every second column of an array": lambda array: (np.repeat(array, 2, axis=-1), np.s_[..., ::2]),
    "cut out of a larger array": lambda array: (
        np.pad(array, ((0, 0), (0, 0), (1, 2), (2, 1)), constant_values=7.0),
        np.s_[..., 1:-2, 2:-1],
    ),
    "reversed": lambda array: (array[..., ::-1, ::-1].copy(), np.s_[..., ::-1, ::-1]),
    "in Fortran order": lambda array: (np.asfortranarray(array), np.s_[...]),
    "transposed": lambda array: (array.swapaxes(2, 3).copy(), None),
}
"""Views that are no array of their own: what is laid out in memory, and what is taken of it, or its transpose."""

in_any_layout = pytest.mark.parametrize("layout", LAYOUTS)


def lay_out(student: Any, array: np.ndarray, layout: str) -> Any:
    """Images (…, …, h, w) where the student's code runs, as a view of that kind."""
    base, taken = LAYOUTS[layout](array)
    remote = put(student, base)
    return remote[taken] if taken is not None else remote.swapaxes(2, 3)
