"""Stand-ins in the trusted process for objects that live in a worker.

A `Remote` looks like the object behind it: reading an attribute, calling, indexing and assigning are written down and
travel together with the next operation that needs an answer, `Conversation.fetch`. So an error of student code
surfaces at the fetch that follows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import numpy as np

from cnn_assignment.sandbox import wire
from cnn_assignment.sandbox.client.protocol import BadReply, Request

# Carries one request to whatever worker serves the conversation; label names the last call in it.
Carrier = Callable[[Request, str], Any]


class Conversation:
    """The operations of one test on one worker, in order."""

    def __init__(self, carry: Carrier, is_deadly: Callable[[str], bool] = lambda _: False) -> None:
        self._carry = carry
        # Whether a call of that name is known to end its worker.
        self.is_deadly = is_deadly
        # What a test's helpers did on their own account, in words for the student.
        self.remarks: list[str] = []
        self._pending: list[tuple[Any, ...]] = [("forget", 0)]
        self._next_number = 1
        self._label = ""
        # Of what was looked up or called, by number.
        self._labels: dict[int, str] = {}

    @property
    def pending(self) -> int:
        """How many operations wait for the next fetch."""
        return len(self._pending)

    def module(self) -> Remote:
        """The submission's own module."""
        return Remote(self, 0, "")

    def import_module(self, name: str) -> Remote:
        """A module of the worker, such as a provided file."""
        return self.note("module", name, label=name)

    def put(self, value: Any) -> Remote:
        """A copy of value in the worker, to be passed on and looked at again. Memory layout travels too."""
        return self.note("put", value, label="")

    def note(self, kind: str, *arguments: Any, label: str) -> Remote:
        """Write an operation down; its result is the returned remote object."""
        number = self._next_number
        self._next_number += 1
        self._pending.append((kind, number, *(_to_handles(argument) for argument in arguments)))
        if kind in {"call", "get"}:
            self._labels[number] = label
        if kind == "call":
            self._label = label
        return Remote(self, number, label)

    def fetch(self, remote: Remote | None, caps: wire.Caps) -> Any:
        """Send what is pending and return a copy of the remote object, or None where none is asked for.

        Raises protocol.WorkerFailure for what student code did wrong.
        """
        if remote is None and len(self._pending) == 0:
            return None
        operations, self._pending = tuple(self._pending), []
        want = None if remote is None else _number(remote)
        return self._carry(Request(operations, want, caps, labels=self._labels), self._label)


class Remote:
    """An object in a worker. Its value is read with `fetch`, never by comparing or iterating over it."""

    __slots__ = ("_conversation", "_label", "_number")

    def __init__(self, conversation: Conversation, number: int, label: str) -> None:
        object.__setattr__(self, "_conversation", conversation)
        object.__setattr__(self, "_number", number)
        object.__setattr__(self, "_label", label)

    def __getattr__(self, name: str) -> Remote:
        """The attribute of the object behind. Special names stay here, so that no protocol is found by accident."""
        if name.startswith("__"):
            raise AttributeError(name)
        label = f"{label_of(self)}.{name}" if label_of(self) else name
        return conversation_of(self).note("get", self, name, label=label)

    def __setattr__(self, name: str, value: Any) -> None:
        """Assign to the attribute of the object behind."""
        conversation_of(self).note("set", self, name, value, label=label_of(self))

    def __call__(self, *args: Any, **kwargs: Any) -> Remote:
        """Call the object behind."""
        return conversation_of(self).note("call", self, args, kwargs, label=label_of(self))

    def __getitem__(self, key: Any) -> Remote:
        """Index the object behind."""
        return conversation_of(self).note("item", self, key, label=f"{label_of(self)}[{key!r}]")

    def __setitem__(self, key: Any, value: Any) -> None:
        """Assign to an item of the object behind."""
        conversation_of(self).note("set_item", self, key, value, label=label_of(self))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        """A copy as an array, so that NumPy's own assertions work on a remote value."""
        del copy
        return np.asarray(fetch(self), dtype=dtype)

    def __iter__(self) -> Iterator[Any]:
        """Refused: an endless generator would hang the grader."""
        _refuse("iterate over", "collect(remote, at_most)")

    def __contains__(self, item: object) -> bool:
        """Refused: it would be iterated over."""
        _refuse("look into", "fetch(remote)")

    def __bool__(self) -> bool:  # noqa: PLE0304 - it refuses
        """Refused: the value is elsewhere."""
        _refuse("take the truth value of", "fetch(remote)")

    def __len__(self) -> int:  # noqa: PLE0303 - it refuses
        """Refused: the value is elsewhere."""
        _refuse("take the length of", "fetch(remote)")

    def __eq__(self, other: object) -> bool:
        """Refused: what claims to be equal must not be asked."""
        _refuse("compare", "fetch(remote)")

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        """The expression that made it."""
        return f"<remote {label_of(self) or 'module'}>"


def fetch(remote: Remote, caps: wire.Caps | None = None) -> Any:
    """A copy of the value behind, made of exact built-in types and ndarrays. See `Conversation.fetch`."""
    return conversation_of(remote).fetch(remote, caps or wire.Caps())


def collect(remote: Remote, at_most: int, caps: wire.Caps | None = None) -> list[Any]:
    """The items that iterating over the object gives, as a list; no more than at_most + 1 are taken.

    Raises BadReply where something else comes back, as it does from code that writes its replies itself.
    """
    items = conversation_of(remote).note("collect", remote, at_most + 1, label=label_of(remote))
    found = fetch(items, caps)
    if not isinstance(found, list) or len(found) > at_most + 1:
        raise BadReply("a list of items was due")
    return found


def _refuse(action: str, remedy: str) -> NoReturn:
    raise TypeError(f"a test cannot {action} a remote object; use {remedy}")


def conversation_of(remote: Remote) -> Conversation:
    """The conversation that a remote object belongs to."""
    found: Conversation = object.__getattribute__(remote, "_conversation")
    return found


def label_of(remote: Remote) -> str:
    """How a test names the object, such as ``Layer.forward``."""
    found: str = object.__getattribute__(remote, "_label")
    return found


def _number(remote: Remote) -> int:
    found: int = object.__getattribute__(remote, "_number")
    return found


def _to_handles(value: Any) -> Any:
    """Put handles in the place of remote objects, in containers too."""
    if isinstance(value, Remote):
        return wire.Handle(_number(value))
    if isinstance(value, list):
        return [_to_handles(item) for item in value]
    if isinstance(value, tuple):
        return tuple(_to_handles(item) for item in value)
    if isinstance(value, dict):
        return {key: _to_handles(item) for key, item in value.items()}
    return value
