"""The wire format between grader and worker: a JSON header and the raw bytes of arrays, and nothing else.

A frame is ``header length, payload length`` (two unsigned 32-bit integers, big-endian), the header (UTF-8 JSON) and
the payload (the bytes of every array of the header, one after the other). Nothing here can run code: there is no
the payload (the bytes of every array of the header, one after the other). Nothing here can run code: there is no
pickle, no ``.npy`` header, and what does not fit one of the tags of `encoding` does not cross.

This package runs in the trusted process and in the worker, so it imports the standard library and NumPy only.
"""

from cnn_assignment.sandbox.wire.decoding import Decoder, decode
from cnn_assignment.sandbox.wire.encoding import encode
from cnn_assignment.sandbox.wire.frames import FRAME, Inbox, dump_header, frame, pack, parse_header
from cnn_assignment.sandbox.wire.values import (
    DTYPES,
    HEADER_CAP,
    NESTING_CAP,
    TEXT_CAP,
    Caps,
    Handle,
    Opaque,
    WindowOf,
    WireError,
    printable,
    read_type_name,
    type_name,
)

__all__ = [
    "DTYPES",
    "FRAME",
    "HEADER_CAP",
    "NESTING_CAP",
    "TEXT_CAP",
    "Caps",
    "Decoder",
    "Handle",
    "Inbox",
    "Opaque",
    "WindowOf",
    "WireError",
    "decode",
    "dump_header",
    "encode",
    "frame",
    "pack",
    "parse_header",
    "printable",
    "read_type_name",
    "type_name",
]
