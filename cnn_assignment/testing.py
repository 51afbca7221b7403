"""What hidden tests are written with, beside plain pytest and its fixtures `student`, `reference`, `rng` and `once`.

The functions here compare in the trusted process, on copies made of exact built-in types and arrays. Their messages
are told to students: they never hold an expected value or a hidden input.
"""

from __future__ import annotations

import builtins
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np

from cnn_assignment.core.comparing import Array, find_wrong, is_same
from cnn_assignment.core.owed import Owed, has_form
from cnn_assignment.sandbox import wire
from cnn_assignment.sandbox.client.protocol import CallRaised, WorkerFailure
from cnn_assignment.sandbox.client.proxies import Remote, collect, conversation_of, fetch, label_of

__all__ = [
    "Mismatch",
    "assert_array",
    "assert_unchanged",
    "collect",
    "copy_of",
    "fail",
    "fetch",
    "own_cache",
    "own_caches",
    "put",
    "side_by_side",
]

_SLACK_BYTES = 64 * 1024
# What messages call by its name. Student code chooses the names of its own classes, and could say anything with them.
_KNOWN_TYPES = frozenset(
    {
        *(name for module in (builtins, np) for name, value in vars(module).items() if isinstance(value, type)),
        *("DataFrame", "OrderedDict", "Series", "Tensor", "defaultdict", "deque", "function", "generator", "method"),
        *(
            "MaskedArray",
            "NoneType",
            "builtin_function_or_method",
            "coroutine",
            "dict_items",
            "dict_keys",
            "dict_values",
        ),
        *("ellipsis", "module"),
    }
)


class Mismatch(AssertionError):  # noqa: N818 - what a test found, in pytest's words a failure and not an error
    """A wrong answer. The text is told to the student; the rest is for the diagnosis only.

    expected and actual: what was due and what came. what: the name of the compared value. axes: names of its axes.
    """

    def __init__(
        self, message: str, expected: Any = None, actual: Any = None, *, what: str = "", axes: Sequence[str] = ()
    ) -> None:
        super().__init__(message)
        self.expected = expected
        self.actual = actual
        self.what = what
        self.axes = tuple(axes)


class WorkerGoneError(Exception):
    """A preparing call ended the worker: the test is to be run again, without that call."""


def fail(message: str, *, found: Any = None) -> NoReturn:
    """Fail the test with a message for the student.

    found: what came, if it can be compared with what a misconception gives: arrays, numbers, or lists of these.
    """
    raise Mismatch(message, actual=found)


def put(student: Remote, value: Any) -> Remote:
    """A copy of value where the student's code runs, to be handed over and looked at again.

    An array that is not C-contiguous arrives as one that is not.
    """
    return conversation_of(student).put(value)


def side_by_side(student: Remote, *iterables: Remote) -> Remote:
    """The items of several iterables in step, as tuples, made where the student's code runs: ``zip`` for remote objects."""
    builtins = conversation_of(student).import_module("builtins")
    # One after the other, so that an error names what cannot be iterated over, and not zip.
    return builtins.zip(*[builtins.iter(iterable) for iterable in iterables])


def assert_array(
    actual: Remote | Any, expected: Array, what: str, *, or_else: Sequence[Array] = (), axes: Sequence[str] = ()
) -> None:
    """Compare type, shape, dtype and every value. Raises Mismatch.

    what: the value's name for the student. or_else: further right answers. axes: a name for each axis, such as
    ``("example", "row")``, with which the diagnosis says where an answer is wrong.
    """
    value = _fetch_array(actual, expected) if isinstance(actual, Remote) else actual
    if isinstance(value, wire.Opaque) and value.type_name == "ndarray":
        found, _, _ = value.reason.rpartition(":")
        raise Mismatch(f"{what}: expected shape {expected.shape} and dtype {expected.dtype}, got {found}")
    problem = _compare(value, (expected, *or_else))
    if problem:
        raise Mismatch(f"{what}: {problem}", expected, value, what=what, axes=axes)


def assert_unchanged(actual: Remote, original: Array, what: str) -> None:
    """The array behind still holds the original values. Raises Mismatch.

    Compared as `assert_array` does: a student's cache is another computation of the same numbers, and rounds otherwise.
    """
    value = _fetch_array(actual, original)
    if not is_same(value, original):
        message = f"{what} is not what it was before the call: change copies, not what you are given"
        # Without what was expected: the message says all, and what would be said of the values could only confuse.
        raise Mismatch(message, actual=value, what=what)


def copy_of(actual: Remote, right: Array) -> Array:
    """A copy of the array behind, with which it can be compared later.

    right: an array of its form, and what is given in its place where something else comes back, as it does from code
    that writes its replies itself.
    """
    value = _fetch_array(actual, right)
    return value if has_form(value, right) else right


def own_cache(
    student: Remote,
    forward: Remote,
    args: tuple[Any, ...],
    right: Mapping[str, Array],
    *,
    form_only: Collection[str] = (),
) -> Remote:
    """The cache that the student's own forward returns for args, with the entries of right repaired where wrong.

    Where forward raises or returns no such cache it is right itself. So backward is graded on its own. forward is a
    remote method, args may hold remote objects.

    form_only: keys of entries whose values a right backward does not need. They keep what forward put there, if it has
    the right shape and dtype and is finite, and else become ones: no expected value reaches the student's code.
    """
    return own_caches(student, forward, [(args, right)], form_only=form_only)[0]


def own_caches(
    student: Remote,
    forward: Remote,
    calls: Sequence[tuple[tuple[Any, ...], Mapping[str, Array]]],
    *,
    form_only: Collection[str] = (),
) -> list[Remote]:
    """As `own_cache`, for several calls whose caches are alive at once.

    They are repaired after the last call, and kept apart: a forward that hands out the same dict or the same array
    again costs backward nothing.
    """
    conversation = conversation_of(student)
    if len(calls) > 1 or conversation.is_deadly(label_of(forward)):
        # What went wrong before, in the constructor say, is not forward's: it ends the test in its own words.
        conversation.fetch(None, wire.Caps())
    # What is still to be done before forward goes along with it, and is told from it by its step.
    before = conversation.pending
    owed = [Owed(right, frozenset(form_only)) for _, right in calls]
    try:
        if conversation.is_deadly(label_of(forward)):
            return [_right_cache(student, forward, due) for due in owed]
        made = [_make_cache(student, forward, args, apart=len(calls) > 1) for args, _ in calls]
        return [_repair(student, forward, cache, due, before) for cache, due in zip(made, owed, strict=True)]
    except CallRaised:
        raise
    except WorkerFailure as failure:
        if conversation.is_deadly(label_of(forward)):
            raise WorkerGoneError from failure
        # Not forward's doing: the submission does not load, or its time is used up.
        raise


def _make_cache(student: Remote, forward: Remote, args: tuple[Any, ...], *, apart: bool) -> Remote | None:
    """What forward returns; None where it raises. apart: as a copy of its own, if it can be copied."""
    conversation = conversation_of(student)
    try:
        cache = forward(*args)
        if not apart:
            return cache
        conversation.fetch(None, wire.Caps())
    except CallRaised:
        return None
    try:
        copied = conversation.import_module("copy").copy(cache)
        conversation.fetch(None, wire.Caps())
    except CallRaised:
        return cache
    return copied


def _repair(student: Remote, forward: Remote, cache: Remote | None, owed: Owed, before: int) -> Remote:
    """The cache with its wrong entries put right. before: how many operations of the next request are not forward's."""
    if cache is None:
        return _right_cache(student, forward, owed)
    try:
        entries = fetch(put(student, [cache[key] for key in owed.right]), _caps(owed.right.values()))
    except CallRaised as error:
        if error.step < before:
            raise
        return _right_cache(student, forward, owed)
    try:
        if not isinstance(entries, list) or len(entries) != len(owed.right):
            # Code that writes its replies itself.
            return _right_cache(student, forward, owed)
        wrong = [key for key, value in zip(owed.right, entries, strict=True) if not owed.is_met(key, value)]
        for key in wrong:
            cache[key] = owed.give(key)
        if wrong:
            fetch(put(student, None))
            named = " and ".join(f'"{key}"' for key in wrong)
            were = "was" if len(wrong) == 1 else "were"
            conversation_of(student).remarks.append(
                f"{named} {were} put right in the cache of your {label_of(forward)}"
            )
    except CallRaised:
        return _right_cache(student, forward, owed)
    return cache


def _right_cache(student: Remote, forward: Remote, owed: Owed) -> Remote:
    conversation_of(student).remarks.append(f"a right cache stood in for the one that your {label_of(forward)} owes")
    return put(student, {key: owed.give(key) for key in owed.right})


def _fetch_array(actual: Remote, expected: Array) -> Any:
    return fetch(actual, _caps([expected]))


def _caps(expected: Any) -> wire.Caps:
    """Room for the right answers in the widest dtype, and a little more: what is larger only tells its shape."""
    return wire.Caps(payload_bytes=sum(4 * array.nbytes for array in expected) + _SLACK_BYTES)


def _compare(value: Any, answers: Sequence[Array]) -> str:
    """What is wrong with a value of which any of the answers would be right: "" where nothing is."""
    expected = answers[0]
    if not isinstance(value, np.ndarray):
        kind = value.type_name if isinstance(value, wire.Opaque) else type(value).__name__
        return f"expected a numpy.ndarray, got {kind if kind in _KNOWN_TYPES else 'an object of another type'}"
    if value.shape != expected.shape:
        return f"expected shape {expected.shape}, got {value.shape}"
    if value.dtype != expected.dtype:
        return f"expected dtype {expected.dtype}, got {value.dtype}"
    wrong = [find_wrong(value, answer) for answer in answers]
    return _describe_wrong(value, wrong[0]) if all(places.any() for places in wrong) else ""


def _describe_wrong(value: Array, wrong: Array) -> str:
    first = tuple(int(n) for n in np.argwhere(wrong)[0])
    place = f", the first at index {list(first)}" if first else ""
    bad = " (nan)" if value.dtype.kind == "f" and np.isnan(value[first]) else ""
    return f"{int(wrong.sum())} of {wrong.size} values are wrong{place}{bad}"
