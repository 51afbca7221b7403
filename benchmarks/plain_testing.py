"""What hidden tests are written with, for tests that run in the same process as the code under test.

A stand-in for `cnn_assignment.testing` without proxies: an object of the student is that object itself. Tests
that import it do the same arithmetic and the same comparisons as with the kit, with nothing between them and the code.
"""

from __future__ import annotations

import builtins
import copy
import dataclasses
import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np

from cnn_assignment.core.comparing import find_wrong, has_form, is_same


class Mismatch(AssertionError):  # noqa: N818 - the name that tests know it by
    """A wrong answer."""


def fail(message: str, *, found: Any = None) -> NoReturn:
    """Fail the test."""
    del found
    raise Mismatch(message)


def fetch(value: Any) -> Any:
    """The value, which is here already."""
    return value


def put(student: Any, value: Any) -> Any:
    """A copy; an array that does not lie in one piece becomes one that does not either."""
    del student
    if isinstance(value, np.ndarray) and not value.flags.c_contiguous:
        wide = np.empty((*value.shape, 2), value.dtype)
        wide[..., 0] = value
        return wide[..., 0]
    return copy.deepcopy(value)


def collect(iterable: Iterable[Any], at_most: int) -> list[Any]:
    """The first at_most + 1 items."""
    return list(itertools.islice(iter(iterable), at_most + 1))


def side_by_side(student: Any, *iterables: Iterable[Any]) -> Iterable[Any]:
    """The items of several iterables in step."""
    del student
    return builtins.zip(*iterables, strict=False)


def assert_array(
    actual: Any, expected: np.ndarray, what: str, *, or_else: Sequence[np.ndarray] = (), axes: Sequence[str] = ()
) -> None:
    """Compare type, shape, dtype and every value."""
    del axes
    if not isinstance(actual, np.ndarray):
        raise Mismatch(f"{what}: expected a numpy.ndarray, got {type(actual).__name__}")
    if actual.shape != expected.shape or actual.dtype != expected.dtype:
        raise Mismatch(
            f"{what}: expected shape {expected.shape} and dtype {expected.dtype}, got {actual.shape} and {actual.dtype}"
        )
    if all(find_wrong(actual, answer).any() for answer in (expected, *or_else)):
        raise Mismatch(f"{what}: values are wrong")


def assert_unchanged(actual: Any, original: np.ndarray, what: str) -> None:
    """The array still holds the original values."""
    if not is_same(actual, original):
        raise Mismatch(f"{what} is not what it was before the call")


def copy_of(actual: Any, right: np.ndarray) -> np.ndarray:
    """A copy of the array, or right where it has another form."""
    return np.array(actual) if has_form(actual, right) else right


@dataclasses.dataclass(frozen=True)
class Owed:
    """The entries that a cache must have: right ones, and the keys of those of which only the form matters."""

    right: Mapping[str, np.ndarray]
    form_only: frozenset[str]

    def is_met(self, key: str, value: Any) -> bool:
        """Whether a value is as good as the right one."""
        right = self.right[key]
        return is_same(value, right) or (key in self.form_only and has_form(value, right) and np.isfinite(value).all())

    def give(self, key: str) -> np.ndarray:
        """What stands in for a value that is not."""
        return np.ones_like(self.right[key]) if key in self.form_only else self.right[key]


def own_cache(
    student: Any,
    forward: Any,
    args: tuple[Any, ...],
    right: Mapping[str, np.ndarray],
    *,
    form_only: Collection[str] = (),
) -> Any:
    """The cache of the student's own forward, its entries repaired where wrong."""
    return own_caches(student, forward, [(args, right)], form_only=form_only)[0]


def own_caches(
    student: Any,
    forward: Any,
    calls: Sequence[tuple[tuple[Any, ...], Mapping[str, np.ndarray]]],
    *,
    form_only: Collection[str] = (),
) -> list[Any]:
    """As `own_cache`, for several calls whose caches are alive at once."""
    del student
    made = [_make_cache(forward, args, apart=len(calls) > 1) for args, _ in calls]
    owed = [Owed(right, frozenset(form_only)) for _, right in calls]
    return [_repair(cache, due) for cache, due in zip(made, owed, strict=True)]


def _make_cache(forward: Any, args: tuple[Any, ...], *, apart: bool) -> Any:
    try:
        cache = forward(*args)
        return copy.copy(cache) if apart else cache
    except Exception:  # noqa: BLE001 - student code raises what it likes
        return None


def _repair(cache: Any, owed: Owed) -> Any:
    try:
        for key in [key for key in owed.right if not owed.is_met(key, cache[key])]:
            cache[key] = owed.give(key)
    except Exception:  # noqa: BLE001 - no such cache
        return {key: copy.deepcopy(owed.give(key)) for key in owed.right}
    return cache
