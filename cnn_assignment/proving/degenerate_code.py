"""What makes an answer know nothing: put into a solution as text, so it runs where student code does.

So it needs NumPy and the standard library only. `degenerate.read_helper` makes one function of this whole module.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import functools
import inspect
import io
import itertools
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np

KINDS = ("zeros", "ones", "input", "argument", "random", "empty", "nothing")

_Method = TypeVar("_Method", bound=Callable[..., Any])
_SEED = 20
# A cache may hold itself.
_DEPTH = 8
# Arguments of more axes than this are not tried in every order.
_MOST_AXES = 4
_FACTORS = (1, -1, 2, 1 / 2)


def knows_nothing(kind: str) -> Callable[[_Method], _Method]:
    """Decorate a function so that its result has the right form and says nothing.

    kind: "zeros", "ones", "input" (the first array among the arguments, cut or repeated), "argument" (whichever array
    among the arguments comes closest to the right one: as it is, its axes in another order, reshaped, cut, repeated,
    negated, doubled or halved), "random", "empty", or "nothing" for None. Every array in the result is replaced by one of
    its shape and dtype, in dicts, lists, tuples, dataclasses and in what an iterator yields; an array that is one of the
    arguments stays. Numbers with a fraction are replaced too, and texts, by an empty one or by a text that was given.
    Whole numbers and truth values inside of a result are places and flags, and stay, unless there is nothing else in it.
    A generator stays one. Where a method returns None, its answer is what it bound to attributes of its object: these are
    replaced in the same way, or as they were before for "nothing". What a function only writes into its arguments is not
    touched, and what it prints is not seen.
    """

    def decorate(function: _Method) -> _Method:
        @functools.wraps(function)
        def answer(*args: Any, **kwargs: Any) -> Any:
            given = _Given(args, kwargs)
            before = dict(getattr(args[0], "__dict__", {})) if args else {}
            with contextlib.redirect_stdout(io.StringIO()):
                result = function(*args, **kwargs)
            if result is None and args:
                _degrade_attributes(args[0], before, kind, given)
            if kind == "nothing":
                return iter(()) if inspect.isgeneratorfunction(function) else None
            return _degenerate(result, kind, given, whole_too=not _tells_more(result))

        return answer  # type: ignore[return-value]

    return decorate


class _Given:
    """What a function was given: arrays, and a text, "" where there is none."""

    def __init__(self, *values: Any) -> None:
        self.arrays = list(_arrays_in(values))
        self.text = next((value for part in values for value in _texts_in(part)), "")


def _texts_in(value: Any) -> Iterator[str]:
    for part in value.values() if isinstance(value, dict) else value:
        if isinstance(part, str):
            yield part


def _tells_more(value: Any, depth: int = 0) -> bool:
    """Whether there is more in a result than whole numbers and truth values."""
    if isinstance(value, dict | list | tuple) and depth < _DEPTH:
        return any(_tells_more(part, depth + 1) for part in (value.values() if isinstance(value, dict) else value))
    if _is_record(value) and depth < _DEPTH:
        return any(_tells_more(part, depth + 1) for part in vars(value).values())
    # An iterator is not looked into: that would use it up.
    return isinstance(value, np.ndarray | float | complex | np.inexact | str | Iterator)


def _is_record(value: Any) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type) and hasattr(value, "__dict__")


def _degrade_attributes(owner: Any, before: dict[str, Any], kind: str, given: _Given) -> None:
    """Put an answer that knows nothing in the place of every attribute that a call has bound anew."""
    for name, value in list(getattr(owner, "__dict__", {}).items()):
        if name in before and before[name] is value:
            continue
        if kind != "nothing":
            setattr(owner, name, _degenerate(value, kind, given))
        elif name in before:
            setattr(owner, name, before[name])
        else:
            delattr(owner, name)


def _arrays_in(value: Any, depth: int = 0) -> Iterator[np.ndarray[Any, Any]]:
    """Every array in arguments, from the left to the right."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, dict | list | tuple) and depth < _DEPTH:
        for part in value.values() if isinstance(value, dict) else value:
            yield from _arrays_in(part, depth + 1)


def _degenerate(value: Any, kind: str, given: _Given, depth: int = 0, *, whole_too: bool = False) -> Any:
    """The value with nothing in its arrays, fractions and texts. whole_too: nor in its whole numbers."""
    if isinstance(value, np.ndarray):
        return value if any(value is array for array in given.arrays) else _degenerate_array(value, kind, given.arrays)
    is_whole = isinstance(value, int | np.integer | np.bool_)
    if isinstance(value, float | complex | np.inexact) or (is_whole and whole_too):
        return _degenerate_number(value, kind, given.arrays)
    if isinstance(value, str):
        return given.text if kind in ("input", "argument") else ""
    if depth >= _DEPTH:
        return value

    def inside(part: Any) -> Any:
        return _degenerate(part, kind, given, depth + 1, whole_too=whole_too)

    if isinstance(value, dict):
        return {key: inside(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        parts = [inside(part) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else parts if isinstance(value, list) else tuple(parts)
    if _is_record(value):
        emptied = copy.copy(value)
        vars(emptied).update({name: inside(part) for name, part in vars(value).items()})
        return emptied
    if isinstance(value, Iterator):
        return (inside(part) for part in value)
    return value


def _degenerate_array(
    right: np.ndarray[Any, Any], kind: str, given: list[np.ndarray[Any, Any]]
) -> np.ndarray[Any, Any]:
    """An array like the right one; "empty" has no elements."""
    if kind == "empty":
        return np.zeros(0, right.dtype)
    if kind == "argument":
        return min(_hand_back(right, given), key=lambda array: _distance(array, right), default=np.zeros_like(right))
    filled: np.ndarray[Any, Any] = np.full(right.shape, kind == "ones", right.dtype)
    if kind == "random":
        filled[...] = np.random.default_rng(_SEED).normal(size=right.shape)
    if kind == "input" and given:
        filled[...] = np.resize(given[0], right.shape)
    return filled


def _hand_back(right: np.ndarray[Any, Any], given: list[np.ndarray[Any, Any]]) -> Iterator[np.ndarray[Any, Any]]:
    """All that a function can make of its arguments without knowing anything, in the right one's shape and dtype."""
    for array in given:
        for shaped, factor in itertools.product(_bring_into_shape(array, right.shape), _FACTORS):
            with np.errstate(all="ignore"):
                yield (shaped if factor == 1 else factor * shaped).astype(right.dtype)


def _bring_into_shape(array: np.ndarray[Any, Any], shape: tuple[int, ...]) -> Iterator[np.ndarray[Any, Any]]:
    orders = itertools.permutations(range(array.ndim)) if array.ndim <= _MOST_AXES else [tuple(range(array.ndim))]
    for turned in map(array.transpose, orders):
        if turned.ndim == len(shape) and all(have >= due for have, due in zip(turned.shape, shape, strict=True)):
            yield turned[tuple(map(slice, shape))]
    if array.size:
        yield np.resize(array, shape)


def _distance(array: np.ndarray[Any, Any], right: np.ndarray[Any, Any]) -> float:
    """How many of the values are wrong."""
    return float(np.sum(~np.isclose(array, right, rtol=1e-6, atol=0, equal_nan=True)))


def _degenerate_number(right: Any, kind: str, given: list[np.ndarray[Any, Any]]) -> Any:
    """A number of the same type, or an empty array."""
    array = _degenerate_array(np.asarray(right), kind, given)
    return array if kind == "empty" else type(right)(array[()])
