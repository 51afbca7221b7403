"""The cache that a student's forward hands to their backward, so that each is graded on its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnn_assignment.core.comparing import Array, has_form, is_same
from cnn_assignment.sandbox import wire
from cnn_assignment.sandbox.client.protocol import CallRaised, WorkerFailure
from cnn_assignment.sandbox.client.proxies import Remote, conversation_of, fetch, label_of
from cnn_assignment.testing.measuring import caps_for
from cnn_assignment.testing.mismatch import WorkerGoneError
from cnn_assignment.testing.values import find_difference
from cnn_assignment.testing.worker_side import put

Right = Mapping[str, Array] | Sequence[Any] | None
"""The entries of a right cache: by key, by place in a tuple, or None where a cache is the student's own business."""


@dataclass(frozen=True, slots=True)
class Owed:
    """The entries that a cache must have: right ones, and the keys of those of which only the form matters.

    part: where the cache lies in what forward returns; None where it is all of it.
    """

    right: Mapping[Any, Any]
    form_only: frozenset[Any]
    is_tuple: bool
    part: int | str | None

    @classmethod
    def of(cls, right: Mapping[str, Array] | Sequence[Any], form_only: Collection[Any], part: int | str | None) -> Owed:
        """What is owed where this is right."""
        is_tuple = not isinstance(right, Mapping)
        return cls(dict(enumerate(right)) if is_tuple else dict(right), frozenset(form_only), is_tuple, part)

    def is_met(self, key: Any, value: Any) -> bool:
        """Whether a value is as good as the right one."""
        right = self.right[key]
        if not isinstance(right, np.ndarray):
            return find_difference(value, right, "") is None
        return is_same(value, right) or (key in self.form_only and has_form(value, right) and _is_finite(value))

    def give(self, key: Any) -> Any:
        """What stands in for a value that is not."""
        return np.ones_like(self.right[key]) if key in self.form_only else self.right[key]

    def give_all(self) -> Any:
        """A whole cache."""
        given = {key: self.give(key) for key in self.right}
        return tuple(given.values()) if self.is_tuple else given


def _is_finite(value: Array) -> bool:
    return value.dtype.kind not in "fc" or bool(np.isfinite(value).all())


def own_cache(
    student: Remote,
    forward: Remote,
    args: tuple[Any, ...],
    right: Right = None,
    *,
    form_only: Collection[int | str] = (),
    part: int | str | None = None,
) -> Remote:
    """The cache that the student's own forward returns for args, with the entries of right repaired where wrong.

    Where forward raises or returns no such cache it is right itself. So backward is graded on its own. forward is a
    remote method or function, args may hold remote objects.

    right: the entries of a right cache, by key, or in order where a cache is a tuple; entries that are no arrays are
    compared as `assert_value` does. Without it a cache is the student's own business: they get back what their
    forward made, whatever it is, and where that raises, the test ends with its error.

    part: where the cache lies in what forward returns, such as 1 in ``out, cache``.

    form_only: keys of entries whose values a right backward does not need. They keep what forward put there, if it has
    the right shape and dtype and is finite, and else become ones: no expected value reaches the student's code.
    """
    return own_caches(student, forward, [(args, right)], form_only=form_only, part=part)[0]


def own_caches(
    student: Remote,
    forward: Remote,
    calls: Sequence[tuple[tuple[Any, ...], Right]],
    *,
    form_only: Collection[int | str] = (),
    part: int | str | None = None,
) -> list[Remote]:
    """As `own_cache`, for several calls whose caches are alive at once.

    They are repaired after the last call, and kept apart: a forward that hands out the same dict or the same array
    again costs backward nothing.
    """
    conversation = conversation_of(student)
    rights = [right for _, right in calls if right is not None]
    if not rights:
        if len(calls) == 1:
            return [_take(forward(*calls[0][0]), part)]
        caches = [_make_cache(forward, args, part, apart=True) for args, _ in calls]
        # Where forward raises it does so again, in the test.
        found = zip(caches, calls, strict=True)
        return [_take(forward(*args), part) if cache is None else cache for cache, (args, _) in found]
    if len(rights) < len(calls):
        raise ValueError("own_caches needs a right cache for every call, or for none")
    if len(calls) > 1 or conversation.is_deadly(label_of(forward)):
        # What went wrong before, in the constructor say, is not forward's: it ends the test in its own words.
        conversation.fetch(None, wire.Caps())
    # What is still to be done before forward goes along with it, and is told from it by its step.
    before = conversation.pending
    owed = [Owed.of(right, form_only, part) for right in rights]
    try:
        if conversation.is_deadly(label_of(forward)):
            return [_right_cache(student, forward, due) for due in owed]
        made = [_make_cache(forward, args, part, apart=len(calls) > 1) for args, _ in calls]
        return [_repair(student, forward, cache, due, before) for cache, due in zip(made, owed, strict=True)]
    except CallRaised:
        raise
    except WorkerFailure as failure:
        if conversation.is_deadly(label_of(forward)):
            raise WorkerGoneError from failure
        # Not forward's doing: the submission does not load, or its time is used up.
        raise


def _take(made: Remote, part: int | str | None) -> Remote:
    return made if part is None else made[part]


def _make_cache(forward: Remote, args: tuple[Any, ...], part: int | str | None, *, apart: bool) -> Remote | None:
    """The cache that forward makes; None where it raises. apart: as a copy of its own, if it can be copied."""
    conversation = conversation_of(forward)
    try:
        cache = _take(forward(*args), part)
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
        entries = fetch(put(student, [cache[key] for key in owed.right]), caps_for(list(owed.right.values())))
    except CallRaised as error:
        if error.step < before:
            raise
        return _right_cache(student, forward, owed)
    try:
        if not isinstance(entries, list) or len(entries) != len(owed.right):
            # Code that writes its replies itself.
            return _right_cache(student, forward, owed)
        wrong = [key for key, value in zip(owed.right, entries, strict=True) if not owed.is_met(key, value)]
        if owed.is_tuple and wrong:
            # Nothing can be put into a tuple.
            cache = put(student, tuple(owed.give(key) if key in wrong else cache[key] for key in owed.right))
        else:
            for key in wrong:
                cache[key] = owed.give(key)
        if wrong:
            fetch(put(student, None))
            named = " and ".join(f"item {key}" if owed.is_tuple else f'"{key}"' for key in wrong)
            were = "was" if len(wrong) == 1 else "were"
            conversation_of(student).remarks.append(
                f"{named} {were} put right in the cache of your {label_of(forward)}"
            )
    except CallRaised:
        return _right_cache(student, forward, owed)
    return cache


def _right_cache(student: Remote, forward: Remote, owed: Owed) -> Remote:
    conversation_of(student).remarks.append(f"a right cache stood in for the one that your {label_of(forward)} owes")
    return put(student, owed.give_all())
