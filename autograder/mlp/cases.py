"""Shapes that hurt, and what the hidden tests of several tasks share. Never imported where student code runs.

The cases are a covering array: of any two traits of theirs, such as "there is one example" and "there are as many inputs
as units", all four combinations occur that can occur, so that what fails tells one trait from another. `cnn-assignment
verify` names pairs that never differ. Each kind of case can be drawn at random too, for the grader to try what it is
about to say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from cnn_assignment.testing import assert_array, fail, fetch, put

# The axes of arrays, as the diagnosis names them.
EXAMPLES = ("example", "unit")
INPUTS = ("example", "input")
LOGITS = ("example", "class")
WEIGHTS = ("input", "unit")
BIASES = ("unit",)
# Sizes that are drawn: mostly small ones, because they are tried by the dozen.
SIZES = (1, 1, 1, 2, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8, 9, 12)


@dataclass(frozen=True)
class Linear:
    """Examples (batch, n_inputs) through a layer of n_units."""

    name: str
    batch: int
    n_inputs: int
    n_units: int

    @classmethod
    def at_random(cls, rng: np.random.Generator, name: str = "") -> Linear:
        """A case of any kind, often with two sizes that are equal."""
        batch, n_inputs, n_units = (int(n) for n in rng.choice(SIZES, size=3))
        kind = rng.integers(6)
        if kind == 0:
            n_units = batch
        elif kind == 1:
            n_units = n_inputs
        elif kind == 2:
            n_inputs = batch
        return cls(name, batch, n_inputs, n_units)

    @property
    def square(self) -> bool:
        """there are as many inputs as units."""
        return self.n_inputs == self.n_units

    @property
    def unit_each(self) -> bool:
        """there are as many examples as units."""
        return self.batch == self.n_units

    @property
    def input_each(self) -> bool:
        """there are as many examples as inputs."""
        return self.batch == self.n_inputs

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """x, weights, biases and an upstream gradient, positive and negative, without structure."""
        sizes = (
            (self.batch, self.n_inputs),
            (self.n_inputs, self.n_units),
            (self.n_units,),
            (self.batch, self.n_units),
        )
        x, weights, biases, grad_output = (rng.normal(size=size) for size in sizes)
        return x, weights, biases, grad_output


LINEARS = (
    Linear("a small batch", 4, 3, 2),
    Linear("one example", 1, 5, 3),
    Linear("one example, as many inputs as units", 1, 4, 4),
    Linear("one example, one unit", 1, 6, 1),
    Linear("one input", 7, 1, 4),
    Linear("one unit", 6, 2, 1),
    Linear("as many inputs as units", 2, 3, 3),
    Linear("as many examples as units", 5, 2, 5),
    Linear("as many examples as inputs", 6, 6, 4),
    Linear("all sizes equal", 3, 3, 3),
    Linear("digits: 64 inputs, 32 units", 9, 64, 32),
)
SMALL = LINEARS[0]
# Layers that differ in one size each: what was worked out for one is of no use to the next.
ALIKE = (SMALL, replace(SMALL, n_units=3), replace(SMALL, n_inputs=2), replace(SMALL, batch=6))


@dataclass(frozen=True)
class Prediction:
    """Logits (batch, n_classes), and a label for each example."""

    name: str
    batch: int
    n_classes: int

    @classmethod
    def at_random(cls, rng: np.random.Generator, name: str = "") -> Prediction:
        """A case of any kind, often with as many classes as examples."""
        batch, n_classes = int(rng.choice(SIZES)), int(rng.choice((2, 2, 2, 3, 3, 4, 5, 6, 8, 10, 11)))
        return cls(name, n_classes if rng.random() < 1 / 4 else batch, n_classes)

    @property
    def class_each(self) -> bool:
        """there are as many examples as classes."""
        return self.batch == self.n_classes

    @property
    def more_classes(self) -> bool:
        """there are more classes than examples."""
        return self.n_classes > self.batch

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Logits of ordinary size, and labels, some of which occur more than once where the batch is large enough."""
        logits = 2 * rng.normal(size=(self.batch, self.n_classes))
        labels = rng.integers(0, self.n_classes, size=self.batch)
        if self.batch > 2:
            labels[-1] = labels[0]
        return logits, labels


PREDICTIONS = (
    Prediction("a small batch", 4, 3),
    Prediction("one example", 1, 4),
    Prediction("one example, two classes", 1, 2),
    Prediction("two classes", 5, 2),
    Prediction("as many examples as classes", 3, 3),
    Prediction("two examples, two classes", 2, 2),
    Prediction("more classes than examples", 2, 6),
    Prediction("ten classes", 16, 10),
)
FEW = PREDICTIONS[0]


@dataclass(frozen=True)
class Network:
    """A network with hidden layers of these sizes."""

    name: str
    batch: int
    n_inputs: int
    hidden: tuple[int, ...]
    n_classes: int

    @classmethod
    def at_random(cls, rng: np.random.Generator, name: str = "") -> Network:
        """A network of any kind, often with layers of one size."""
        n_inputs, width, batch = (int(n) for n in rng.choice(SIZES, size=3))
        n_classes = int(rng.choice((2, 2, 3, 4, 5, 10)))
        if rng.random() < 1 / 4:
            n_inputs = width = n_classes
        hidden = ((), (width,), (width, 5), (width, 5, 4), (width, width))[int(rng.integers(5))]
        return cls(name, batch, n_inputs, hidden, n_classes)

    @property
    def n_hidden(self) -> int:
        """the number of hidden layers."""
        return len(self.hidden)

    @property
    def equal_sizes(self) -> bool:
        """all layers have the same size."""
        return len({self.n_inputs, *self.hidden, self.n_classes}) == 1

    @property
    def sizes(self) -> tuple[int, ...]:
        """What the constructor is given"""
        return (self.n_inputs, *self.hidden, self.n_classes)

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, list[np.ndarray], list[np.ndarray]]:
        """x, labels, weights and biases. The signals keep their size from layer to layer, and the biases matter."""
        weights = [rng.normal(size=shape) * np.sqrt(2 / shape[0]) for shape in pairwise(self.sizes)]
        biases = [0.3 * rng.normal(size=n) for n in self.sizes[1:]]
        x = rng.normal(size=(self.batch, self.n_inputs))
        return x, rng.integers(0, self.n_classes, size=self.batch), weights, biases

    def make(self, module: Any, weights: list[np.ndarray], biases: list[np.ndarray]) -> Any:
        """The network of a module, the student's or the reference's."""
        network = module.MultilayerPerceptron(self.sizes)
        network.weights, network.biases = list(weights), list(biases)
        return network


NETWORKS = (
    Network("a small batch", 4, 3, (5,), 3),
    Network("one example", 1, 4, (6,), 3),
    Network("no hidden layer", 5, 3, (), 4),
    Network("one example, no hidden layer", 1, 5, (), 2),
    Network("two hidden layers", 6, 4, (5, 3), 2),
    Network("one example, two hidden layers", 1, 2, (6, 5), 4),
    Network("three hidden layers", 3, 6, (5, 4, 7), 3),
    Network("all layers of one size", 2, 3, (3, 3), 3),
    Network("one example, all layers of one size", 1, 4, (4,), 4),
    Network("no hidden layer, as many inputs as classes", 7, 3, (), 3),
    Network("one input", 5, 1, (4,), 2),
    Network("digits: 64 inputs, ten classes", 12, 64, (16,), 10),
)


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
    "every second column of an array": lambda array: (np.repeat(array, 2, axis=1), np.s_[:, ::2]),
    "rows in reverse": lambda array: (array[::-1].copy(), np.s_[::-1]),
    "in Fortran order": lambda array: (np.asfortranarray(array), np.s_[...]),
    "transposed": lambda array: (array.T.copy(), None),
}
"""Views that are no array of their own: what is laid out in memory, and what is taken of it, or its transpose."""


def lay_out(student: Any, array: np.ndarray, layout: str) -> Any:
    """A matrix where the student's code runs, as a view of that kind."""
    base, taken = LAYOUTS[layout](array)
    remote = put(student, base)
    return remote[taken] if taken is not None else remote.T


# What is compared in several tasks


def assert_number(actual: Any, expected: float, what: str) -> None:
    """One float64 number, of Python or of NumPy, or an array that holds one and has no axes."""
    assert_array(_fetch_number(actual, what), np.asarray(expected), what)


def assert_numbers(actual: Sequence[Any], expected: Sequence[float], what: str) -> None:
    """Such numbers, one for each of several batches, and all that is said is said of all of them."""
    found = [_fetch_number(number, what) for number in actual]
    assert_array(np.stack(found), np.asarray(expected), what, axes=("batch",))


def _fetch_number(actual: Any, what: str) -> np.ndarray:
    value = fetch(actual)
    if isinstance(value, np.ndarray) and value.shape != ():
        fail(f"{what}: expected one number, got an array of shape {value.shape}", found=value)
    if not isinstance(value, float | np.floating | np.ndarray):
        kind = type(value).__name__ if type(value) in (int, bool, complex, str, list, tuple, dict, type(None)) else ""
        fail(f"{what}: expected a number, got {kind or 'an object of another type'}")
    return np.asarray(value)


def require_dict(found: Any, *names: str) -> None:
    """Gradients come as a dict. Said here, because the errors of looking for a name in a list are the same everywhere."""
    value = fetch(found)
    if value is None or isinstance(value, list | tuple | np.ndarray):
        listed = ", ".join(f'"{name}"' for name in names)
        fail(f"expected a dict with {listed}, got {type(value).__name__}")
