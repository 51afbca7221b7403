"""Further cases of a hidden test: drawn at random, they earn nothing, and show what the grader says of the others to be true.

A parametrised test has them where its mark ``further_cases(draw=…)`` says how a case is drawn.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from cnn_assignment.core.traits import Traits, read_traits
from cnn_assignment.explaining.patterns import PatternSearch
from cnn_assignment.judging.collected import FURTHER_CASES, CollectedTest

# Drawn, to choose from; a few dozen of them are tried.
_DRAWN = 400
# To find a small case that fails.
_SMALLEST = 24


def has_further_cases(test: CollectedTest) -> bool:
    """Whether the test says how further cases of it are drawn, and takes one case at a time."""
    return len(test.parameters) == 1 and test.item.get_closest_marker(FURTHER_CASES) is not None


def draw_cases(test: CollectedTest, count: int = _DRAWN, *, more: int = 0) -> list[CollectedTest]:
    """So many further cases of a test, the same ones each time. more: another number gives other ones."""
    (mark,) = test.item.iter_markers(FURTHER_CASES)
    (name,) = test.parameters
    function = test.item.originalname
    cases = _draw(mark.kwargs["draw"], f"{test.item.path.name}::{function}", count, more)
    return [
        replace(test, id=f"{function}[further {more}.{number}]", instead={name: case})
        for number, case in enumerate(cases)
    ]


@lru_cache(maxsize=64)
def _draw(draw: Callable[[np.random.Generator], Any], function: str, count: int, more: int) -> tuple[Any, ...]:
    """The cases themselves, drawn once: they are the same for every submission."""
    rng = np.random.default_rng([more, zlib.crc32(function.encode())])
    return tuple(draw(rng) for _ in range(count))


class FurtherCases:
    """The further cases of one test function, tried on one submission.

    tests: the function's own cases, and passed, which of them were. session: judges one test; None where what comes of
    it does not hang on the code alone.
    """

    def __init__(
        self,
        tests: Sequence[CollectedTest],
        passed: Sequence[bool],
        session: Callable[[CollectedTest], bool | None],
    ) -> None:
        self._own = list(zip([read_traits(test.parameters) for test in tests], passed, strict=True))
        self._further = draw_cases(tests[0])
        self._traits = [read_traits(test.parameters) for test in self._further]
        self._session = session
        self._results: dict[int, bool | None] = {}

    def find_pattern(self, subject: str) -> str:
        """What sets the failing cases apart, as a sentence about the subject; "" where nothing does for certain."""
        pattern = PatternSearch(self._own, self._traits, self._try).find()
        return pattern.tell(subject) if pattern is not None else ""

    def find_small_failure(self) -> str:
        """A small case that fails, as a sentence; "" where none was found.

        Some of every size are tried, and then the smallest ones.
        """
        by_size = sorted(range(len(self._traits)), key=lambda number: _size(self._traits[number]))
        for number in (*by_size[:: len(by_size) // _SMALLEST], *by_size[:_SMALLEST]):
            if self._try(number) is None:
                return ""
        failed = next((number for number in by_size if self._results.get(number) is False), None)
        if failed is None:
            return ""
        return f"A small case that failed too, with random numbers: {_describe(self._traits[failed])}."

    def _try(self, number: int) -> bool | None:
        if number not in self._results:
            self._results[number] = self._session(self._further[number])
        return self._results[number]


def _numbers(traits: Traits) -> Mapping[str, float]:
    return {name: value for name, value in traits.items() if not isinstance(value, bool)}


def _size(traits: Traits) -> float:
    return sum(_numbers(traits).values())


def _describe(traits: Traits) -> str:
    return ", ".join(f"{name} {value}" for name, value in _numbers(traits).items())
