"""Assertions on answers that are no arrays, or hold some: numbers, texts, tuples, lists, dicts, dataclasses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnn_assignment.core.comparing import find_wrong
from cnn_assignment.sandbox import wire
from cnn_assignment.sandbox.client.proxies import Remote, fetch
from cnn_assignment.testing.arrays import describe_array, is_right_array, name_type
from cnn_assignment.testing.measuring import caps_for, is_record, take_apart
from cnn_assignment.testing.mismatch import Mismatch
from cnn_assignment.testing.worker_side import put


@dataclass(frozen=True, slots=True)
class Difference:
    """What is wrong with an answer, and where in it. expected and actual: the arrays there, where both are arrays."""

    place: str
    problem: str
    expected: Any = None
    actual: Any = None


def assert_value(
    actual: Remote | Any,
    expected: Any,
    what: str,
    *,
    or_else: Sequence[Any] = (),
    rtol: float | None = None,
    atol: float | None = None,
) -> None:
    """Compare an answer of any kind with the right one. Raises Mismatch.

    expected: a number, a truth value, a text, None, an array, a dataclass, or a list, tuple or dict of these. A whole
    number is due where it is one, and any real number where it is a float; Python's and NumPy's numbers are the same.
    Texts, keys and lengths are right or wrong. Arrays are compared as `assert_array` does, and of a dataclass the
    fields, by name, in whatever class has them.

    what: the value's name for the student. or_else: further right answers. rtol, atol: as for `assert_array`.

    Raises TypeError where expected holds anything else, or a text of more than 20,000 characters, which is the test's
    fault.
    """
    answers = (expected, *or_else)
    first: tuple[Difference, Any] | None = None
    for answer in answers:
        value = _fetch(actual, answer) if isinstance(actual, Remote) else actual
        found = find_difference(value, answer, what, rtol=rtol, atol=atol)
        if found is None:
            return
        first = first or (found, value)
    assert first is not None
    difference, value = first
    message = f"{difference.place}: {difference.problem}"
    if isinstance(difference.expected, np.ndarray) and isinstance(difference.actual, np.ndarray):
        raise Mismatch(message, difference.expected, difference.actual, what=difference.place)
    raise Mismatch(message, actual=value, what=what)


def find_difference(
    value: Any, expected: Any, place: str, *, rtol: float | None = None, atol: float | None = None
) -> Difference | None:
    """The first thing that is wrong with a value; None where nothing is. Raises TypeError as `assert_value` does."""
    if is_record(expected):
        # What came was taken apart by `_fetch`, or is one too.
        mine = value if isinstance(value, dict) else take_apart(value)
        for name, part in take_apart(expected).items():
            if name not in mine:
                return Difference(place, f"it has no {name}")
            if found := find_difference(mine[name], part, f"{place}.{name}", rtol=rtol, atol=atol):
                return found
        return None
    if isinstance(expected, np.ndarray):
        if is_right_array(value, (expected,), rtol=rtol, atol=atol):
            return None
        return Difference(place, describe_array(value, expected, rtol=rtol, atol=atol), expected, value)
    if isinstance(expected, list | tuple | dict):
        return _compare_container(value, expected, place, rtol, atol)
    for kind, compare in _SCALARS:
        if isinstance(expected, kind):
            problem = compare(value, expected, rtol, atol)
            return Difference(place, problem) if problem else None
    raise TypeError(f"assert_value cannot compare {type(expected).__name__}: give it numbers, texts or lists of these")


def _fetch(actual: Remote, expected: Any) -> Any:
    return fetch(_mirror(actual, expected), caps_for(expected))


def _mirror(actual: Remote, expected: Any) -> Remote:
    """What is compared of an answer: all of it, or the fields that a dataclass in the right one has."""
    if is_record(expected):
        return put(actual, {name: _mirror(getattr(actual, name), part) for name, part in take_apart(expected).items()})
    if isinstance(expected, list | tuple) and any(map(is_record, expected)):
        parts = [_mirror(actual[number], part) for number, part in enumerate(expected)]
        return put(actual, parts if isinstance(expected, list) else tuple(parts))
    if isinstance(expected, dict) and any(map(is_record, expected.values())):
        return put(actual, {key: _mirror(actual[key], part) for key, part in expected.items()})
    return actual


def _compare_container(
    value: Any, expected: Any, place: str, rtol: float | None, atol: float | None
) -> Difference | None:
    kind: type = next(kind for kind in (dict, tuple, list) if isinstance(expected, kind))
    if not issubclass(type(value), kind):
        return Difference(place, f"expected a {kind.__name__}, got {name_type(value)}")
    pairs: list[tuple[str, Any, Any]]
    if kind is dict:
        missing, extra = len(expected.keys() - value.keys()), len(value.keys() - expected.keys())
        if missing:
            return Difference(place, f"{missing} of {_count(len(expected), 'key')} missing")
        if extra:
            return Difference(place, f"{_count(extra, 'key')} too many")
        pairs = [(f"{place}[{key!r}]", value[key], part) for key, part in expected.items()]
    else:
        if len(value) != len(expected):
            return Difference(place, f"expected {_count(len(expected), 'item')}, got {len(value)}")
        pairs = [(f"{place}[{n}]", mine, part) for n, (mine, part) in enumerate(zip(value, expected, strict=True))]
    found = (find_difference(mine, part, where, rtol=rtol, atol=atol) for where, mine, part in pairs)
    return next((difference for difference in found if difference is not None), None)


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


# Scalars: what is wrong with a value, "" where nothing is. No message holds what is right.


def _compare_nothing(value: Any, _: None, *__: Any) -> str:
    return "" if value is None else f"expected None, got {name_type(value)}"


def _compare_truth(value: Any, expected: bool, *_: Any) -> str:
    if not isinstance(value, bool | np.bool_):
        return f"expected True or False, got {name_type(value)}"
    return "" if bool(value) == bool(expected) else "it is wrong"


def _compare_whole(value: Any, expected: int, *_: Any) -> str:
    if not isinstance(value, int | np.integer) or isinstance(value, bool):
        return f"expected a whole number, got {name_type(value)}"
    return "" if int(value) == int(expected) else f"{int(value)} is wrong"


def _compare_number(value: Any, expected: Any, rtol: float | None, atol: float | None) -> str:
    is_complex = isinstance(expected, complex | np.complexfloating)
    real = int | float | np.integer | np.floating
    if isinstance(value, bool) or not isinstance(value, real | complex | np.complexfloating if is_complex else real):
        return f"expected a {'complex ' if is_complex else ''}number, got {name_type(value)}"
    due = np.asarray(expected)
    if not find_wrong(np.asarray(value, due.dtype), due, rtol, absolute=atol).any():
        return ""
    return f"{value:.6g} is wrong"


def _compare_text(value: Any, expected: str, *_: Any) -> str:
    if isinstance(value, wire.Opaque) and value.type_name == "str":
        return "the text is too long"
    if not isinstance(value, str):
        return f"expected a text, got {name_type(value)}"
    if value == expected:
        return ""
    same = next(
        (n for n, (a, b) in enumerate(zip(value, expected, strict=False)) if a != b), min(len(value), len(expected))
    )
    if same == len(value):
        return f"the text ends too early, after {_count(same, 'character')}"
    line = value.count("\n", 0, same) + 1
    column = same - (value.rfind("\n", 0, same) + 1) + 1
    place = f"line {line}, character {column}" if line > 1 or "\n" in expected.rstrip("\n") else f"character {column}"
    return f"the text goes on too long, from {place}" if same == len(expected) else f"the text is wrong from {place} on"


_SCALARS: tuple[tuple[Any, Callable[..., str]], ...] = (
    (type(None), _compare_nothing),
    (bool | np.bool_, _compare_truth),
    (int | np.integer, _compare_whole),
    (float | complex | np.inexact, _compare_number),
    (str, _compare_text),
)
