"""The wire format between grader and worker: a JSON header and the raw bytes of arrays, and nothing else.

A frame is ``header length, payload length`` (two unsigned 32-bit integers, big-endian), the header (UTF-8 JSON) and
the payload (the bytes of every array of the header, one after the other). Nothing here can run code: there is no
pickle, no ``.npy`` header, and what does not fit one of the tags below does not cross.

This module runs in the trusted process and in the worker, so it imports the standard library and NumPy only.
"""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

FRAME = struct.Struct(">II")
HEADER_CAP = 64 * 1024
NESTING_CAP = 32
TEXT_CAP = 4096
AHEAD_CAP = 8 * 1024 * 1024
"""Bytes of arrays that may come along with a reply because they are likely to be asked for next."""
# Every dtype that may cross, in native byte order: bool, integers, floats, complex. Never "O", never records.
DTYPES = frozenset(
    np.dtype(name).str
    for name in (
        *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
        *("float16", "float32", "float64", "longdouble", "complex64", "complex128"),
    )
)
# How NumPy writes any dtype that is not a record.
_DTYPE = re.compile(r"[<>|=]?[?bBhHiIlLqQpPefdgFDGSUVOMmTc]\d{0,6}(?:\[\d{0,4}[A-Za-z]{1,2}\])?")
_SAFE_INTEGER = 2**63
_MOST_DIGITS = 20
_LONGEST_NAME = 60
_TYPE_NAME = vars(type)["__name__"].__get__
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
            return value if -_SAFE_INTEGER <= value < _SAFE_INTEGER else ["o", "int", "too large an integer"]
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


def encode(value: Any, caps: Caps | None = None, arguments: tuple[Any, ...] = ()) -> tuple[Any, list[bytes]]:
    """Turn a value into a JSON tree and the array bytes that belong to it.

    Arrays that are windows into one of the arguments cross as slices. Raises WireError where the value is larger
    than the caps; a single array that is too large, or of a dtype that may not cross, becomes a description.
    """
    encoder = _Encoder(caps or Caps(), arguments)
    return encoder.encode(value), encoder.buffers


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
            if kind is int and not -_SAFE_INTEGER <= tree < 2 * _SAFE_INTEGER:
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


def read_type_name(name: str, otherwise: str) -> str:
    """The name of a type, cut; otherwise where it is none: student code gives its classes any name, or makes one up."""
    return name[:_LONGEST_NAME] if name.isidentifier() else otherwise


def _read_shape(shape: list[Any]) -> tuple[int, ...]:
    if len(shape) > NESTING_CAP or not all(type(n) is int and 0 <= n < _SAFE_INTEGER for n in shape):
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


# json.dumps and json.loads would make new ones each time.
_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


def pack(header: dict[str, Any], buffers: list[bytes]) -> bytes:
    """One frame, ready to be written."""
    return frame(dump_header(header), *buffers)


def frame(text: bytes, *buffers: bytes) -> bytes:
    """A frame with a header that is JSON text already."""
    return b"".join((FRAME.pack(len(text), sum(map(len, buffers))), text, *buffers))


class Inbox(bytearray):
    """What has come through a pipe and was not taken yet."""

    def missing(self, size: int) -> int:
        """How many bytes to read next until there are so many; 0 if they are here.

        At least what a pipe holds, so that a short frame is one read.
        """
        return 0 if len(self) >= size else min(max(size - len(self), 1 << 16), 1 << 20)

    def take(self, size: int) -> bytes:
        """The first bytes, which are here."""
        found = bytes(memoryview(self)[:size])
        del self[:size]
        return found


def dump_header(header: dict[str, Any]) -> bytes:
    """The JSON text of a header."""
    return _ENCODER.encode(header).encode("utf-8")


def parse_header(text: bytes) -> dict[str, Any]:
    """The header of a frame. Raises WireError where it is not a JSON object of moderate depth."""
    try:
        header = _DECODER.decode(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise WireError("a header that is not JSON") from error
    if not isinstance(header, dict):
        raise WireError("a header that is not an object")
    return header


def _refuse_constant(name: str) -> float:
    raise ValueError(name)


def _read_integer(text: str) -> int:
    # Before it is converted: thousands of digits take their time, and can hold anything.
    if len(text) > _MOST_DIGITS:
        raise ValueError("an integer of more than 64 bits")
    return int(text)


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_int=_read_integer)
