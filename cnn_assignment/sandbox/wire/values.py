"""What may cross the wire: the values with a meaning of their own, what a value may weigh, and what is printable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

HEADER_CAP = 64 * 1024
"""Bytes of a frame's header."""
NESTING_CAP = 32
"""How deep containers may be nested."""
TEXT_CAP = 4096
"""Characters of one string."""
LARGEST_INTEGER = 2**63
"""Integers below it, and not below its negative, cross as they are."""
# Every dtype that may cross, in native byte order: bool, integers, floats, complex. Never "O", never records.
DTYPES = frozenset(
    np.dtype(name).str
    for name in (
        *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
        *("float16", "float32", "float64", "longdouble", "complex64", "complex128"),
    )
)
_LONGEST_NAME = 60
_TYPE_NAME = vars(type)["__name__"].__get__


class WireError(Exception):
    """A frame or a value that the format does not allow; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Caps:
    """What one value may weigh on its way through the wire.

    items counts the elements of all containers, text the characters of one string.
    """

    payload_bytes: int = 8 * 1024 * 1024
    items: int = 100_000
    text: int = TEXT_CAP


@dataclass(frozen=True, slots=True)
class Opaque:
    """What arrives in place of a value that cannot cross: the name of its type, and why it stayed."""

    type_name: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Handle:
    """A value that stays in the worker, under its number there."""

    number: int


@dataclass(frozen=True, slots=True)
class WindowOf:
    """A basic slice of the argument with that index, which the receiver cuts out of its own argument."""

    argument: int
    slices: tuple[slice, ...]


def type_name(value: Any) -> str:
    """The name of a value's type, safe to print."""
    # The name that the interpreter keeps: a metaclass can give another, or raise.
    name: str = _TYPE_NAME(type(value))
    return printable(name[:80])


def printable(text: str) -> str:
    """The text in characters that UTF-8 has: lone surrogates are legal in a str, and no report could be written."""
    if type(text) is str and text.isascii():
        return text
    return str.encode(text, "utf-8", "replace").decode("utf-8")


def read_type_name(name: str, otherwise: str) -> str:
    """The name of a type, cut; otherwise where it is none: student code gives its classes any name, or makes one up."""
    return name[:_LONGEST_NAME] if name.isidentifier() else otherwise
