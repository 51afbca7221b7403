"""How much of an answer may come back: as much as the right one weighs, and a little more."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from cnn_assignment.sandbox import wire

_SLACK_BYTES = 64 * 1024
# As many as come where nobody says how many: what is wrong with a long list is told as of any other value.
_SLACK_ITEMS = wire.Caps().items
_SLACK_CHARACTERS = wire.TEXT_CAP
# Longer ones would not fit into a reply.
_LONGEST_TEXT = 20_000


def is_record(value: Any) -> bool:
    """Whether a value is an object of a dataclass."""
    return is_dataclass(value) and not isinstance(value, type)


def take_apart(value: Any) -> dict[str, Any]:
    """The fields of an object of a dataclass by name; none of anything else."""
    return {field.name: getattr(value, field.name) for field in fields(value)} if is_dataclass(value) else {}


def caps_for(expected: Any) -> wire.Caps:
    """Room for the right answer, its arrays in the widest dtype, and a little more."""
    sizes = _measure(expected)
    return wire.Caps(
        payload_bytes=4 * sizes[0] + _SLACK_BYTES,
        items=2 * sizes[1] + _SLACK_ITEMS,
        text=2 * sizes[2] + _SLACK_CHARACTERS,
    )


def _measure(value: Any) -> tuple[int, int, int]:
    """Bytes of arrays, items of containers, and characters of the longest text."""
    if isinstance(value, np.ndarray | np.generic):
        return value.nbytes, 0, 0
    if isinstance(value, str):
        if len(value) > _LONGEST_TEXT:
            raise TypeError(
                f"a text of {len(value)} characters cannot be compared, the most is {_LONGEST_TEXT}: split it"
            )
        return 0, 0, len(value)
    if is_record(value):
        value = take_apart(value)
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list | tuple):
        sizes = [_measure(part) for part in value]
        return sum(s[0] for s in sizes), len(value) + sum(s[1] for s in sizes), max((s[2] for s in sizes), default=0)
    return 0, 0, 0
