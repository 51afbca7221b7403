"""Reads what a worker tells of the place where its code raised, a scene, and believes nothing of it.

A description of any other form than that of `server.scenes` is dropped. What is left are short texts, small integers and kinds from a
fixed list: they are shown, within the budget of what student code may choose, and never looked up or run.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from cnn_assignment.sandbox import wire

_KINDS = frozenset(
    {
        *("none", "bool", "int", "float", "complex", "str", "list", "tuple", "set", "dict", "range", "generator"),
        *("array", "scalar", "function", "class", "module", "object"),
    }
)
_ACTIONS = frozenset(
    {
        *("read", "write", "attribute", "call", "operate", "compare", "unpack", "iterate", "truth", "name", "raise"),
        *("assert", "import", "recursion", "other"),
    }
)
_LONGEST = 80
_MOST = 16
_LARGEST = 10**9
_DTYPE = re.compile(r"[<>|=]?([?bBhHiIlLqQfdgFDGSUVOMmTcpPe]\d{0,6})")
_DTYPE_NAMES = {"b": "bool", "i": "int", "u": "uint", "f": "float", "c": "complex"}


@dataclass(frozen=True, slots=True)
class Fact:
    """What a value was. number: of an int its value, of a container how many items it has; None where it is not told.

    shape: of an array; of a tuple of integers, these. names: keys of a dict, attributes of an object, parameters of a
    function; the first few.
    """

    kind: str
    name: str = ""
    number: int | None = None
    shape: tuple[int, ...] = ()
    dtype: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the expression that failed: what it is there, how it is written ("" where that is long), what it was."""

    role: str
    text: str
    fact: Fact | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """What was tried where student code raised.

    where: the function in which it failed; called: the one that the test called. through: the function of a library, or
    of Python, that was called there and raised; "" where the line raised itself. word: an operator, an attribute or a
    name. lines: where a variable gets its value. of_self, elsewhere, names, lost: where a name that is not defined does
    stand: an attribute of self, other functions, names that are nearly the same, a statement that failed.
    """

    action: str
    where: str = ""
    called: str = ""
    through: str = ""
    word: str = ""
    parts: tuple[Part, ...] = ()
    lines: tuple[int, ...] = ()
    of_self: bool = False
    elsewhere: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    lost: tuple[str, int] | None = None

    def part(self, role: str) -> Part:
        """The only part of that role; one without text and fact where there is none, or several."""
        found = [part for part in self.parts if part.role == role]
        return found[0] if len(found) == 1 else Part(role, "")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the test asked for when something was raised outside of the student's code.

    kind: the operation, see `worker.Worker`. method: the call whose result it was about, or that was made. word: the
    key or the attribute. holder: what the student's code gave. count: how many values were handed over by position.
    """

    kind: str
    method: str = ""
    word: str = ""
    holder: Fact | None = None
    count: int | None = None


def read_scene(tree: Any, read_place: Any, labels: Collection[str]) -> Scene | None:
    """The scene that a worker sent; None where it is none."""
    match tree:
        case {"action": str(action), "parts": list(parts)} if action in _ACTIONS and len(parts) <= _MOST:
            read = [_read_part(part) for part in parts]
        case _:
            return None
    known = [part for part in read if part is not None]
    if len(known) < len(read):
        return None
    return Scene(
        action,
        where=_read_text(tree.get("where")),
        called=_read_text(tree.get("called")),
        through=_read_text(tree.get("through")),
        word=_read_text(tree.get("word")),
        parts=tuple(known),
        lines=tuple(_read_number(line) or 0 for line in _read_list(tree.get("lines"))),
        of_self=tree.get("of_self") is True,
        elsewhere=_read_texts(tree.get("elsewhere")),
        names=_read_texts(tree.get("names")),
        lost=read_place(tree.get("lost"), labels),
    )


def read_asked(
    operations: tuple[tuple[Any, ...], ...], labels: Mapping[int, str], step: int, holder: Any
) -> Asked | None:
    """What the operation of that number was. Operations and labels are the grader's own, step and holder the worker's word."""
    if not 0 <= step < len(operations):
        return None
    kind, _, *arguments = operations[step]
    if not arguments:
        return None
    target, *rest = arguments
    label = labels.get(target.number, "") if isinstance(target, wire.Handle) else ""
    word = rest[0] if rest and type(rest[0]) is str else ""
    count = len(rest[0]) if kind == "call" and not rest[1] else None
    return Asked(kind, label.rpartition(".")[2], word, read_fact(holder), count)


def read_fact(tree: Any) -> Fact | None:
    """The fact that a worker sent; None where it is none."""
    match tree:
        case {"kind": str(kind)} if kind in _KINDS:
            shape = [_read_number(size) for size in _read_list(tree.get("shape"))]
            sizes = tuple(size for size in shape if size is not None and (size >= 0 or kind == "tuple"))
            if len(sizes) < len(shape):
                return None
            names = _read_texts(tree.get("names"))
            dtype = _read_dtype(tree.get("dtype"))
            return Fact(kind, _read_text(tree.get("name")), _read_number(tree.get("number")), sizes, dtype, names)
    return None


def _read_part(tree: Any) -> Part | None:
    match tree:
        case {"role": str(role), "text": str(text), "fact": fact}:
            return Part(_read_text(role), _read_text(text), read_fact(fact))
    return None


def _read_list(tree: Any) -> list[Any]:
    return tree[:_MOST] if isinstance(tree, list) else []


def _read_texts(tree: Any) -> tuple[str, ...]:
    return tuple(text for text in map(_read_text, _read_list(tree)) if text)


def _read_text(tree: Any) -> str:
    """A short text. Without backticks: they say where a sentence quotes, see `telling`."""
    if not isinstance(tree, str) or len(tree) > _LONGEST or "`" in tree:
        return ""
    return wire.printable(tree)


def _read_number(tree: Any) -> int | None:
    return tree if type(tree) is int and abs(tree) <= _LARGEST else None


def _read_dtype(tree: Any) -> str:
    """The name of a dtype, such as float64."""
    found = _DTYPE.fullmatch(tree) if isinstance(tree, str) else None
    if found is None:
        return ""
    letter, size = found[1][0], found[1][1:]
    if letter in "iufc" and size:
        return f"{_DTYPE_NAMES[letter]}{8 * int(size)}"
    return {"b": "bool", "O": "object", "U": "str", "S": "bytes"}.get(letter, "")
