"""A small file system in the worker's own memory: what a submission writes is here, and ends with its process.

Nothing of it reaches the kernel, so it asks for no permission, works at every level alike, and leaves nothing behind. It
has no links, no owners and no permissions. `own_files` puts it in the place of the system's.
"""

from __future__ import annotations

import errno
import itertools
import os
import stat
import time
from dataclasses import dataclass
from typing import Any
from weakref import WeakSet

MIB = 1024 * 1024
MOST_BYTES = 16 * MIB
"""Bytes of all files of a worker together."""
MOST_NODES = 256
"""Files and folders of a worker."""
MOST_OPEN = 64
"""Files of a worker that are open at a time."""
# No descriptor of the system has such a number: a worker may open some dozens.
_FIRST_NUMBER = 1 << 20
_TMPFILE = getattr(os, "O_TMPFILE", 0)
_DEVICE = 0x6D656D


class Node:
    """What a file and a folder have in common. number: no other one has it. mtime_ns: of its last change."""

    kind = 0

    def __init__(self, number: int) -> None:
        self.number = number
        self.mtime_ns = time.time_ns()

    @property
    def size(self) -> int:
        """Bytes, as ``stat`` tells them."""
        return 0

    def describe(self) -> os.stat_result:
        """What ``stat`` tells of it."""
        seconds, nanoseconds = self.mtime_ns // 10**9, self.mtime_ns
        plain = (self.kind, self.number, _DEVICE, 1, os.getuid(), os.getgid(), self.size, seconds, seconds, seconds)
        exact = dict.fromkeys(("st_atime_ns", "st_mtime_ns", "st_ctime_ns"), nanoseconds)
        rounded: dict[str, Any] = dict.fromkeys(("st_atime", "st_mtime", "st_ctime"), nanoseconds / 1e9)
        return os.stat_result(plain, rounded | exact | {"st_blksize": 4096, "st_blocks": (self.size + 511) // 512})


class Folder(Node):
    """Names and what they stand for."""

    kind = stat.S_IFDIR | 0o700

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.entries: dict[str, Node] = {}


class Content(Node):
    """The bytes of a file, whatever its names and however often it is open."""

    kind = stat.S_IFREG | 0o600

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.data = bytearray()

    @property
    def size(self) -> int:
        """Its bytes."""
        return len(self.data)


@dataclass(slots=True)
class Place:
    """Where a path leads: a name in a folder, and what is there. told: the path as an error names it."""

    folder: Folder
    name: str
    node: Node | None
    path: str
    told: Any

    def error(self, number: int) -> OSError:
        """The error of that number at this place."""
        return OSError(number, os.strerror(number), self.told)

    def existing(self) -> Node:
        """What is there. Raises FileNotFoundError."""
        if self.node is None:
            raise self.error(errno.ENOENT)
        return self.node


@dataclass(slots=True)
class Opened:
    """An open file or folder: what a descriptor stands for."""

    node: Node
    path: str
    flags: int
    position: int = 0

    def content(self, *, writing: bool = False) -> Content:
        """The file to read or write. Raises IsADirectoryError, and OSError where it was opened for the other."""
        if self.flags & os.O_ACCMODE == (os.O_RDONLY if writing else os.O_WRONLY):
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        if not isinstance(self.node, Content):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        return self.node


class MemoryFiles:
    """The tree of one worker, below its roots, and what is open of it."""

    def __init__(self, *roots: str) -> None:
        """roots: absolute paths of one name each; the first is the working folder at the beginning."""
        self.working_folder: str = roots[0]
        self.opened: dict[int, Opened] = {}
        self._nodes: WeakSet[Node] = WeakSet()
        self._numbers = itertools.count(1)
        self._top = Folder(next(self._numbers))
        for root in roots:
            self._top.entries[root.strip("/")] = Folder(next(self._numbers))

    def locate(self, path: str, told: Any) -> Place | None:
        """Where a normal absolute path leads; None where that is outside. Raises OSError where its folder is none."""
        *above, name = path.strip("/").split("/")
        root = (above or [name])[0]
        if root not in self._top.entries:
            return None
        folder: Node = self._top
        for part in above:
            below = folder.entries.get(part) if isinstance(folder, Folder) else None
            if below is None:
                number = errno.ENOENT if isinstance(folder, Folder) else errno.ENOTDIR
                raise OSError(number, os.strerror(number), told)
            folder = below
        if not isinstance(folder, Folder):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), told)
        return Place(folder, name, folder.entries.get(name), path, told)

    def has_root(self, place: Place) -> bool:
        """Whether a place is one of the roots, which stay as they are."""
        return place.folder is self._top

    # Open files

    def open(self, place: Place, flags: int) -> int:
        """Open what is at a place, or make it, as the system does. Returns a number that takes the place of a descriptor."""
        node = place.node
        if _TMPFILE and flags & _TMPFILE == _TMPFILE:
            # In a folder, and without a name.
            if not isinstance(node, Folder):
                raise place.error(errno.ENOTDIR)
            node = self._add(Content, place)
        elif node is None:
            if not flags & os.O_CREAT:
                raise place.error(errno.ENOENT)
            node = place.folder.entries[place.name] = self._add(Content, place)
        elif flags & os.O_CREAT and flags & os.O_EXCL:
            raise place.error(errno.EEXIST)
        elif isinstance(node, Folder) and flags & (os.O_ACCMODE | os.O_CREAT | os.O_TRUNC):
            raise place.error(errno.EISDIR)
        elif isinstance(node, Content) and flags & os.O_DIRECTORY:
            raise place.error(errno.ENOTDIR)
        if isinstance(node, Content) and flags & os.O_TRUNC:
            self._resize(node, 0)
        if len(self.opened) >= MOST_OPEN:
            raise place.error(errno.EMFILE)
        number = next(number for number in range(_FIRST_NUMBER, _FIRST_NUMBER + MOST_OPEN) if number not in self.opened)
        self.opened[number] = Opened(node, place.path, flags)
        return number

    def close(self, number: int) -> None:
        """Forget an open file. Raises OSError where there is none of that number."""
        if self.opened.pop(number, None) is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))

    def read(self, number: int, size: int) -> bytes:
        """As os.read: the next bytes, none at the end."""
        opened = self._of(number)
        data = opened.content().data
        found = bytes(data[opened.position : opened.position + size])
        opened.position += len(found)
        return found

    def write(self, number: int, data: Any) -> int:
        """As os.write: the number of bytes written, all of them. Raises OSError where there is no room left."""
        opened = self._of(number)
        content = opened.content(writing=True)
        raw = memoryview(data).cast("B")
        start = len(content.data) if opened.flags & os.O_APPEND else opened.position
        end = start + len(raw)
        if raw:
            if end > len(content.data):
                self._resize(content, end)
            content.data[start:end] = raw
            content.mtime_ns = time.time_ns()
        opened.position = end
        return len(raw)

    def seek(self, number: int, offset: int, whence: int) -> int:
        """As os.lseek."""
        opened = self._of(number)
        start = {os.SEEK_SET: 0, os.SEEK_CUR: opened.position, os.SEEK_END: opened.node.size}.get(whence)
        if start is None or start + offset < 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        opened.position = start + offset
        return opened.position

    def truncate(self, content: Node, size: int) -> None:
        """Cut a file to that many bytes, or fill it up with zeros. Raises OSError."""
        if not isinstance(content, Content) or size < 0:
            number = errno.EINVAL if size < 0 else errno.EISDIR
            raise OSError(number, os.strerror(number))
        self._resize(content, size)

    def _of(self, number: int) -> Opened:
        if number not in self.opened:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return self.opened[number]

    # Names

    def make_folder(self, place: Place) -> None:
        """As os.mkdir."""
        if place.node is not None:
            raise place.error(errno.EEXIST)
        place.folder.entries[place.name] = self._add(Folder, place)

    def remove(self, place: Place, *, folder: bool) -> None:
        """As os.rmdir or os.unlink."""
        node = place.existing()
        if self.has_root(place):
            raise place.error(errno.EBUSY)
        if isinstance(node, Folder) is not folder:
            raise place.error(errno.ENOTDIR if folder else errno.EISDIR)
        if isinstance(node, Folder) and node.entries:
            raise place.error(errno.ENOTEMPTY)
        del place.folder.entries[place.name]

    def rename(self, place: Place, to: Place) -> None:
        """As os.rename."""
        node = place.existing()
        if self.has_root(place) or self.has_root(to):
            raise place.error(errno.EBUSY)
        if to.node is node:
            return
        if to.path.startswith(f"{place.path}/"):
            raise place.error(errno.EINVAL)
        if place.path.startswith(f"{to.path}/"):
            raise to.error(errno.ENOTEMPTY)
        if to.node is not None:
            if isinstance(node, Folder) is not isinstance(to.node, Folder):
                raise to.error(errno.ENOTDIR if isinstance(node, Folder) else errno.EISDIR)
            self.remove(to, folder=isinstance(node, Folder))
        del place.folder.entries[place.name]
        to.folder.entries[to.name] = node

    # Room

    def _add(self, kind: type[Node], place: Place) -> Node:
        if len(self._nodes) >= MOST_NODES:
            raise _no_room(place.told)
        node = kind(next(self._numbers))
        self._nodes.add(node)
        return node

    def _resize(self, content: Content, size: int) -> None:
        grown = size - len(content.data)
        if grown > 0:
            if sum(node.size for node in self._nodes) + grown > MOST_BYTES:
                raise _no_room(None)
            content.data.extend(bytes(grown))
        else:
            del content.data[size:]
        content.mtime_ns = time.time_ns()


def _no_room(told: Any) -> OSError:
    words = f"{os.strerror(errno.ENOSPC)}: a graded program may keep {MOST_BYTES // MIB} MiB in {MOST_NODES} files"
    return OSError(errno.ENOSPC, words, told) if told is not None else OSError(errno.ENOSPC, words)
