"""What ``open`` and ``os.scandir`` give for files and folders in memory of `memory_files`."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from typing import Any, Self

from cnn_assignment.sandbox.server.files.memory_files import MOST_BYTES, Content, Folder, MemoryFiles, Node


def flags_of(mode: str) -> int | None:
    """The flags of open(2) for a mode; None for one that there is not, which the system's own ``open`` says best."""
    kind = set(mode) & set("rwax")
    if len(kind) != 1 or set(mode) - set("rwaxbt+") or {"b", "t"} <= set(mode) or len(set(mode)) != len(mode):
        return None
    (letter,) = kind
    access = os.O_RDWR if "+" in mode else os.O_RDONLY if letter == "r" else os.O_WRONLY
    also = {"r": 0, "w": os.O_CREAT | os.O_TRUNC, "a": os.O_CREAT | os.O_APPEND, "x": os.O_CREAT | os.O_EXCL}
    return access | also[letter]


class MemoryStream(io.BufferedIOBase):
    """What ``open`` gives for a file in memory. Nothing is held back: what was written is there at once."""

    def __init__(self, files: MemoryFiles, number: int, name: Any, mode: str, *, keeps: bool = False) -> None:
        """number: that of the open file. keeps: whether it stays open when the stream is closed."""
        self._files = files
        self._keeps = keeps
        self._number = number
        self._flags = files.opened[number].flags
        self.name = name
        self.mode = mode

    def readable(self) -> bool:
        """See `io.IOBase`."""
        return self._flags & os.O_ACCMODE != os.O_WRONLY

    def writable(self) -> bool:
        """See `io.IOBase`."""
        return self._flags & os.O_ACCMODE != os.O_RDONLY

    def seekable(self) -> bool:
        """See `io.IOBase`."""
        return True

    def fileno(self) -> int:
        """The number by which functions of ``os`` know it. The system does not."""
        self._check()
        return self._number

    def read(self, size: int | None = -1, /) -> bytes:
        """See `io.BufferedIOBase`."""
        self._check("read" if not self.readable() else "")
        everything = size is None or size < 0
        return self._files.read(self._number, MOST_BYTES if everything or size is None else size)

    def read1(self, size: int = -1, /) -> bytes:
        """See `io.BufferedIOBase`."""
        return self.read(size)

    def peek(self, size: int = 0, /) -> bytes:
        """The next bytes, which are still to be read."""
        del size
        found = self.read(io.DEFAULT_BUFFER_SIZE)
        self.seek(-len(found), os.SEEK_CUR)
        return found

    def write(self, data: Any, /) -> int:
        """See `io.BufferedIOBase`."""
        self._check("write" if not self.writable() else "")
        return self._files.write(self._number, data)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """See `io.IOBase`."""
        self._check()
        return self._files.seek(self._number, offset, whence)

    def truncate(self, size: int | None = None, /) -> int:
        """See `io.IOBase`."""
        self._check("truncate" if not self.writable() else "")
        size = self.tell() if size is None else size
        self._files.truncate(self._files.opened[self._number].node, size)
        return size

    def close(self) -> None:
        """See `io.IOBase`."""
        if not self.closed:
            super().close()
            if not self._keeps:
                self._files.opened.pop(self._number, None)

    def _check(self, refused: str = "") -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file.")
        if refused:
            raise io.UnsupportedOperation(refused)


class Entry:
    """What ``os.scandir`` gives for each name of a folder in memory."""

    __slots__ = ("_node", "name", "path")

    def __init__(self, name: str, path: str, node: Node) -> None:
        self.name = name
        self.path = path
        self._node = node

    def __fspath__(self) -> str:
        """Its path."""
        return self.path

    def inode(self) -> int:
        """See `os.DirEntry`."""
        return self._node.number

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        """See `os.DirEntry`."""
        del follow_symlinks
        return isinstance(self._node, Folder)

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        """See `os.DirEntry`."""
        del follow_symlinks
        return isinstance(self._node, Content)

    def is_symlink(self) -> bool:
        """There are no links."""
        return False

    def is_junction(self) -> bool:
        """And no junctions."""
        return False

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        """See `os.DirEntry`."""
        del follow_symlinks
        return self._node.describe()


class Scan:
    """The iterator of ``os.scandir``: also a context manager."""

    def __init__(self, entries: list[Entry]) -> None:
        self._entries = iter(entries)

    def __iter__(self) -> Iterator[Entry]:
        """See `os.scandir`."""
        return self

    def __next__(self) -> Entry:
        """See `os.scandir`."""
        return next(self._entries)

    def close(self) -> None:
        """See `os.scandir`."""
        self._entries = iter(())

    def __enter__(self) -> Self:
        """See `os.scandir`."""
        return self

    def __exit__(self, *_: object) -> None:
        """See `os.scandir`."""
        self.close()
