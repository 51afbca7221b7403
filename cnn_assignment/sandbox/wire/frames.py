"""Frames: how a header and the bytes that belong to it travel through a pipe."""

from __future__ import annotations

import json
import struct
from typing import Any

from cnn_assignment.sandbox.wire.values import WireError

FRAME = struct.Struct(">II")
"""The lengths of a frame's header and payload, which come before these."""
_MOST_DIGITS = 20
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
