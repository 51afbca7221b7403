"""Stand-ins: what such a method tells the grader of its object, and how the grader's answer becomes its result."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from cnn_assignment.sandbox import wire

# Characters of a question that may describe the state of its object; the arguments need room too.
_STATE_ROOM = wire.HEADER_CAP // 4


def describe_state(instance: Any, names: Sequence[str]) -> dict[str, Any]:
    """What a right method may have to know of an object: the attributes with these names, and all that it holds.

    Submissions keep attributes in a __dict__, in slots, behind properties or a __getattr__. What would fill a question
    stays out: that which only this submission has may be of any size, and may hold itself.
    """
    found: dict[str, Any] = {}
    for name in names:
        # Where there is no such attribute, code of the submission may raise what it likes.
        with suppress(Exception):
            found[name] = getattr(instance, name)
    with suppress(Exception):
        found = {name: value for name, value in vars(instance).items() if type(name) is str} | found
    room = _STATE_ROOM
    state = {}
    # What was asked for comes first.
    for name in sorted(found, key=lambda name: name not in names):
        try:
            size = len(json.dumps([name, wire.encode(found[name], wire.Caps(items=room))[0]]))
        except wire.WireError:
            continue
        if size <= room:
            room -= size
            state[name] = found[name]
    return state


def make_bare(kind: type, state: dict[str, Any]) -> Any:
    """An object of a class whose constructor did not run, with the attributes of a state that it has room for."""
    instance: Any = object.__new__(kind)
    for name, value in state.items():
        # The state is that of an object of another class, which may keep anything under the name of a method here.
        if not callable(getattr(kind, name, None)):
            # A slot is not there, or a property takes no value: it has its own way to find one.
            with suppress(AttributeError):
                object.__setattr__(instance, name, value)
    return instance


def cut_windows(value: Any, args: tuple[Any, ...]) -> Any:
    """Turn descriptions of windows into real views of the arguments."""
    if isinstance(value, wire.WindowOf):
        return args[value.argument][value.slices]
    if isinstance(value, list | tuple):
        return type(value)(cut_windows(item, args) for item in value)
    if isinstance(value, dict):
        return {key: cut_windows(item, args) for key, item in value.items()}
    return value
