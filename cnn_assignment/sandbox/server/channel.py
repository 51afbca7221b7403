"""The worker's end of the pipes to the grader."""

from __future__ import annotations

import os
from typing import Any

from cnn_assignment.sandbox import wire


class Channel:
    """Blocking frames over two pipe descriptors, the worker's side."""

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self._read_fd = read_fd
        self._write_fd = write_fd
        self._inbox = wire.Inbox()

    def receive(self) -> tuple[dict[str, Any], bytes]:
        """The next frame. Raises EOFError when the grader has closed its end."""
        header_size, payload_size = wire.FRAME.unpack(self._read(wire.FRAME.size))
        return wire.parse_header(self._read(header_size)), self._read(payload_size)

    def send(self, header: dict[str, Any], buffers: list[bytes]) -> None:
        """Write one frame whole."""
        data = memoryview(wire.pack(header, buffers))
        while data:
            data = data[os.write(self._write_fd, data) :]

    def _read(self, size: int) -> bytes:
        while missing := self._inbox.missing(size):
            part = os.read(self._read_fd, missing)
            if not part:
                raise EOFError
            self._inbox += part
        return self._inbox.take(size)
