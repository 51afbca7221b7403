"""Turns values into a JSON tree and the bytes of arrays: in the grader, and in the worker."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from cnn_assignment.sandbox.wire.values import (
    DTYPES,
    LARGEST_INTEGER,
    NESTING_CAP,
    Caps,
    Handle,
    Opaque,
    WindowOf,
    WireError,
    printable,
    type_name,
)

# How to read a value of a subclass, such as a named tuple or a member of an enumeration, as an exact value of its base:
# with the base's own methods, so that it counts what the value holds and not what the subclass says.
_READERS: dict[type, Callable[[Any], Any]] = {
    str: str.__str__,
    int: int.__int__,
    float: float.__float__,
    complex: complex.__complex__,
    list: list.copy,
    tuple: lambda value: tuple(tuple.__iter__(value)),
}


def encode(value: Any, caps: Caps | None = None, arguments: tuple[Any, ...] = ()) -> tuple[Any, list[bytes]]:
    """Turn a value into a JSON tree and the array bytes that belong to it.

    Arrays that are windows into one of the arguments cross as slices. Raises WireError where the value is larger
    than the caps; a single array that is too large, or of a dtype that may not cross, becomes a description.
    """
    encoder = _Encoder(caps or Caps(), arguments)
    return encoder.encode(value), encoder.buffers


class _Encoder:
    def __init__(self, caps: Caps, arguments: tuple[Any, ...]) -> None:
        self.items_left = caps.items
        self.bytes_left = caps.payload_bytes
        self.text_cap = caps.text
        self.arguments = arguments
        self.buffers: list[bytes] = []

    def encode(self, value: Any, depth: int = 0) -> Any:
        if depth > NESTING_CAP:
            raise WireError(f"containers are nested deeper than {NESTING_CAP}")
        # Real types only: isinstance would believe what an object says about its __class__.
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind is Handle:
            return ["h", value.number]
        if kind not in _READERS:
            # The numbers of NumPy come first, because some of them are subclasses of Python's.
            if issubclass(kind, np.ndarray):
                return self._encode_array(value, depth)
            if issubclass(kind, np.generic):
                return self._encode_scalar(value)
            value = _to_exact(value)
            kind = type(value)
        if kind is str:
            return self._cut(value) if len(value) <= self.text_cap else ["o", "str", "too long a text"]
        if kind is int:
            return value if -LARGEST_INTEGER <= value < LARGEST_INTEGER else ["o", "int", "too large an integer"]
        if kind is float:
            return value if math.isfinite(value) else ["f", repr(value)]
        if kind is complex:
            return ["c", self.encode(value.real, depth + 1), self.encode(value.imag, depth + 1)]
        if kind in (list, tuple):
            self._spend_items(len(value))
            return ["l" if kind is list else "t", *[self.encode(item, depth + 1) for item in value]]
        if issubclass(kind, dict):
            return self._encode_dict(value, depth)
        if kind is slice:
            return ["s", *(self.encode(part, depth + 1) for part in (value.start, value.stop, value.step))]
        if value is Ellipsis:
            return ["e"]
        if kind is WindowOf:
            return ["w", value.argument, *(self.encode(part, depth + 1) for part in value.slices)]
        if kind is Opaque:
            return ["o", self._cut(value.type_name), self._cut(value.reason)]
        return ["o", type_name(value), ""]

    def _cut(self, text: str) -> str:
        return printable(text[: self.text_cap])

    def _spend_items(self, count: int) -> None:
        self.items_left -= count
        if self.items_left < 0:
            raise WireError("more items than the grader asked for")

    def _encode_dict(self, value: dict[Any, Any], depth: int) -> Any:
        # What the dict holds, whatever a subclass says that it does. No new dict: that would ask the keys.
        pairs = list(dict.items(value))
        self._spend_items(len(pairs))
        return ["d", *[[self.encode(key, depth + 1), self.encode(item, depth + 1)] for key, item in pairs]]

    def _encode_scalar(self, value: np.generic) -> Any:
        if value.dtype.str not in DTYPES:
            return ["o", type_name(value), ""]
        if value.nbytes > self.bytes_left:
            return ["o", type_name(value), "size"]
        self.bytes_left -= value.nbytes
        self.buffers.append(value.tobytes())
        return ["n", value.dtype.str]

    def _encode_array(self, value: np.ndarray[Any, Any], depth: int) -> Any:
        plain = np.asarray(value)
        plain = plain.view(np.ndarray) if type(plain) is not np.ndarray else plain
        if plain.dtype.str not in DTYPES:
            return ["x", plain.dtype.str[:64], list(plain.shape), "dtype"]
        window = self._find_window(plain)
        if window is not None:
            return self.encode(window, depth)
        if plain.nbytes > self.bytes_left:
            return ["x", plain.dtype.str, list(plain.shape), "size"]
        self.bytes_left -= plain.nbytes
        self.buffers.append(plain.tobytes())
        return ["a", plain.dtype.str, list(plain.shape), _order(plain)]

    def _find_window(self, value: np.ndarray[Any, Any]) -> WindowOf | None:
        for number, argument in enumerate(self.arguments):
            if isinstance(argument, np.ndarray):
                slices = _slices_into(value, argument)
                if slices is not None:
                    return WindowOf(number, slices)
        return None


def _to_exact(value: Any) -> Any:
    """The value itself, or where its type is a subclass of a plain one, the exact value of that one that it holds."""
    kind = type(value)
    for base, read in _READERS.items():
        if issubclass(kind, base):
            return read(value)
    return value


def _order(value: np.ndarray[Any, Any]) -> str:
    """How the bytes lie in memory, which a receiver rebuilds: C, F, or N for neither."""
    if value.flags.c_contiguous:
        return "C"
    return "F" if value.flags.f_contiguous else "N"


def _slices_into(value: np.ndarray[Any, Any], base: np.ndarray[Any, Any]) -> tuple[slice, ...] | None:
    """The basic slices with which value was cut out of base, a C-contiguous array, or None where it was not."""
    # An array without axes is left out: cutting it gives a number.
    if (
        value.ndim == 0
        or value.ndim != base.ndim
        or value.dtype != base.dtype
        or value.size == 0
        or not base.flags.c_contiguous
    ):
        return None
    if not np.may_share_memory(value, base):
        return None
    offset = value.__array_interface__["data"][0] - base.__array_interface__["data"][0]
    if offset < 0 or offset % base.itemsize:
        return None
    starts = np.unravel_index(offset // base.itemsize, base.shape)
    slices = []
    for start, length, stride, base_stride, extent in zip(
        starts, value.shape, value.strides, base.strides, base.shape, strict=True
    ):
        if length > extent:
            return None
        step = stride // base_stride if length > 1 else 1
        if length > 1 and (stride % base_stride or step < 1):
            return None
        stop = int(start) + (length - 1) * step + 1
        if stop > extent:
            return None
        slices.append(slice(int(start), stop, int(step)))
    return tuple(slices)
