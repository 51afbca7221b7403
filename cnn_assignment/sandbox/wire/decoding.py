"""Rebuilds values from a JSON tree and the bytes of arrays, and takes nothing that is malformed or too large."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from cnn_assignment.sandbox.wire.values import (
    DTYPES,
    LARGEST_INTEGER,
    NESTING_CAP,
    TEXT_CAP,
    Caps,
    Opaque,
    WindowOf,
    WireError,
    printable,
)

# How NumPy writes any dtype that is not a record.
_DTYPE = re.compile(r"[<>|=]?[?bBhHiIlLqQpPefdgFDGSUVOMmTc]\d{0,6}(?:\[\d{0,4}[A-Za-z]{1,2}\])?")


def decode(
    tree: Any,
    payload: bytes,
    caps: Caps | None = None,
    *,
    handles: Callable[[int], Any] | None = None,
    windows: int = 0,
) -> Any:
    """Rebuild a value. Every array is a new, writable, exact ndarray. Raises WireError on anything malformed.

    handles: what becomes of a handle's number, where the sender may name objects of the receiver: the grader may, and a
    worker never. windows: how many arguments there are of which windows may come.
    """
    decoder = Decoder(payload, caps or Caps(), handles=handles, windows=windows)
    value = decoder.decode(tree)
    if decoder.offset != len(payload):
        raise WireError("bytes that belong to no array")
    return value


class Decoder:
    """Rebuilds values whose arrays lie one after the other in one payload; see `decode`."""

    def __init__(
        self, payload: bytes, caps: Caps, *, handles: Callable[[int], Any] | None = None, windows: int = 0
    ) -> None:
        self.handles = handles
        self.windows = windows
        self.payload = memoryview(payload)
        self.offset = 0
        self.items_left = caps.items

    def decode(self, tree: Any, depth: int = 0) -> Any:
        """The next value. Raises WireError on anything malformed."""
        kind = type(tree)
        if kind is str:
            return printable(tree)
        if tree is None or kind is int or kind is float or kind is bool:
            if kind is int and not -LARGEST_INTEGER <= tree < 2 * LARGEST_INTEGER:
                raise WireError("an integer of more than 64 bits")
            return tree
        if depth > NESTING_CAP:
            raise WireError(f"containers are nested deeper than {NESTING_CAP}")
        if kind is not list or not tree or type(tree[0]) is not str:
            raise WireError("a value without a tag")
        depth += 1
        match tree:
            # What is frequent comes first.
            case ["h", int(number)] if self.handles is not None:
                return self.handles(number)
            case ["a", str(dtype), list(shape), ("C" | "F" | "N") as order]:
                try:
                    return _lay_out(self._take(dtype, _read_shape(shape)), order)
                except ValueError as error:
                    # An empty array can have a shape whose other sizes are more than NumPy takes.
                    raise WireError("an array of a shape that cannot be") from error
            case ["t", *rest]:
                self._spend_items(len(rest))
                return tuple([self.decode(item, depth) for item in rest])
            case ["l", *rest]:
                self._spend_items(len(rest))
                return [self.decode(item, depth) for item in rest]
            case ["d", *rest]:
                self._spend_items(len(rest))
                return self._decode_dict(rest, depth)
        return self._decode_rare(tree[0], tree[1:], depth)

    def _decode_rare(self, tag: str, rest: list[Any], depth: int) -> Any:
        match tag, rest:
            case "f", [("nan" | "inf" | "-inf") as text]:
                return float(text)
            case "c", [real, imag]:
                parts = self.decode(real, depth), self.decode(imag, depth)
                if all(isinstance(part, float) for part in parts):
                    return complex(*parts)
            case "s", [_, _, _]:
                return slice(*(self.decode(part, depth) for part in rest))
            case "e", []:
                return Ellipsis
            case "o", [str(name), str(reason)]:
                return Opaque(printable(name[:80]), printable(reason[:TEXT_CAP]))
            case "x", [str(dtype), list(shape), str(reason)]:
                known = dtype if _DTYPE.fullmatch(dtype) else "unknown"
                told = f"shape {_read_shape(shape)}, dtype {known}: {reason[:80]}"
                return Opaque("ndarray", printable(told))
            case "n", [str(dtype)]:
                return self._take(dtype, ())[()]
            case "w", [int(argument), *parts] if 0 <= argument < self.windows and len(parts) <= NESTING_CAP:
                slices = tuple(self.decode(part, depth) for part in parts)
                if all(isinstance(part, slice) for part in slices):
                    return WindowOf(argument, slices)
        raise WireError(f"an unknown or malformed tag {tag[:20]!r}")

    def _spend_items(self, count: int) -> None:
        self.items_left -= count
        if self.items_left < 0:
            raise WireError("more items than the grader asked for")

    def _decode_dict(self, rest: list[Any], depth: int) -> dict[Any, Any]:
        result = {}
        for pair in rest:
            if not isinstance(pair, list) or len(pair) != 2:  # noqa: PLR2004 - a key and a value
                raise WireError("a dict entry that is not a pair")
            key, value = self.decode(pair[0], depth), self.decode(pair[1], depth)
            try:
                result[key] = value
            except TypeError as error:
                raise WireError("a dict key that cannot be one") from error
        return result

    def _take(self, dtype: str, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
        if dtype not in DTYPES:
            raise WireError("a dtype that may not cross")
        kind = np.dtype(dtype)
        # Python integers: a product of hostile sizes must not wrap around before it is compared.
        size = math.prod(shape) * kind.itemsize
        if size > len(self.payload) - self.offset:
            raise WireError("an array larger than the bytes that came with it")
        flat = np.frombuffer(self.payload[self.offset : self.offset + size], dtype=kind)
        self.offset += size
        return flat.reshape(shape).copy()


def _read_shape(shape: list[Any]) -> tuple[int, ...]:
    if len(shape) > NESTING_CAP or not all(type(n) is int and 0 <= n < LARGEST_INTEGER for n in shape):
        raise WireError("a shape that is not a short list of sizes")
    return tuple(shape)


def _lay_out(value: np.ndarray[Any, Any], order: str) -> np.ndarray[Any, Any]:
    """Rebuild the memory layout of the sender, so that a test can hand over arrays that are not contiguous."""
    if order == "F":
        return np.asfortranarray(value)
    if order == "N" and value.ndim:
        spread = np.zeros((*value.shape[:-1], 2 * value.shape[-1]), dtype=value.dtype)
        spread[..., ::2] = value
        return spread[..., ::2]
    return value
