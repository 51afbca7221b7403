"""Whether what came is the right answer to other numbers of the same test: a buffer, a memory or a state that was kept.

A hidden test makes its expected values with the fixture ``once``, so all right answers that it has made are known here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from cnn_assignment.core.comparing import Array, is_equal

_SAID = (
    "These values are right for other numbers of this test, and not for those of this call. Look at everything that one "
    "call can take over from another."
)

# Where an array stands in what ``once`` gave: keys and indices, from the outside in.
Place = tuple[Any, ...]


def find_stale(expected: Array, actual: object, answers: Sequence[Any]) -> tuple[str, ...]:
    """A sentence if actual is another right answer of the test than the one that was due, and else none.

    answers: what ``once`` gave in this run of the test, from functions such as one that returns a cache and a gradient.
    Only what stands there where the due answer does is an answer of the same kind, and not an input, say.
    """
    if not isinstance(actual, np.ndarray) or not _is_unmistakable(actual):
        return ()
    known = [dict(_walk(answer)) for answer in answers]
    places = {place for found in known for place, array in found.items() if _is_multiple(expected, array)}
    others = (found[place] for found in known for place in places & found.keys())
    if any(is_equal(actual, other) and not is_equal(other, expected) for other in others):
        return (_SAID,)
    return ()


def _walk(value: Any, place: Place = ()) -> Iterator[tuple[Place, Array]]:
    if isinstance(value, np.ndarray):
        yield place, value
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from _walk(part, (*place, key))
    elif isinstance(value, list | tuple):
        for number, part in enumerate(value):
            yield from _walk(part, (*place, number))


def _is_multiple(expected: Array, array: Array) -> bool:
    """Whether expected is array or, as the answer to a multiple of what array answers, some number times it."""
    if is_equal(expected, array):
        return True
    if array.shape != expected.shape or expected.dtype.kind != "f" or array.dtype.kind != "f":
        return False
    with np.errstate(all="ignore"):
        factor = np.vdot(array, expected) / np.vdot(array, array)
        return bool(np.isfinite(factor)) and is_equal(expected, factor * array)


def _is_unmistakable(values: Array) -> bool:
    """Whether values can hardly be those of something else by accident: some are no whole numbers."""
    return values.dtype.kind in "fc" and bool((np.isfinite(values) & (values != np.round(values))).any())
