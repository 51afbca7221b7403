"""A submission's folder as reading sees it: plain files by their names, none of them reached by way of a link."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Protocol

from cnn_assignment.core.errors import TooLargeError

FILE_CAP = 128 * 1024 * 1024
# For all that is asked of one submission's folder: no homework needs more.
_MOST_REQUESTS = 500
_MOST_BYTES = 16 * 1024 * 1024
_MOST_ENTRIES = 1_000


class Files(Protocol):
    """Files beside a submission, by their names relative to its folder, parts joined by ``/``."""

    def read(self, name: str, most: int) -> bytes | None:
        """The bytes of a plain file; None where there is none. Raises TooLargeError for one with more than most."""

    def find_module(self, folder: str) -> str | None:
        """The name of a plain ``*.py`` in a folder, None where that is no folder or holds none."""


class FolderFiles:
    """The files of a folder on this machine, within a budget for everything that is asked of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._requests_left = _MOST_REQUESTS
        self._bytes_left = _MOST_BYTES

    def read(self, name: str, most: int) -> bytes | None:
        """See `Files`."""
        self._requests_left -= 1
        *folders, last = _parts(name)
        if self._requests_left < 0 or not last:
            return None
        try:
            with _opened(self._folder, folders) as number:
                data = _read_plain(last, number, min(most, self._bytes_left))
        except OSError:
            return None
        self._bytes_left -= len(data)
        return data

    def find_module(self, folder: str) -> str | None:
        """See `Files`."""
        self._requests_left -= 1
        parts = _parts(folder)
        if self._requests_left < 0 or not all(parts):
            return None
        with suppress(OSError), _opened(self._folder, parts) as number, os.scandir(number) as entries:
            found = (e for e in islice(entries, _MOST_ENTRIES) if e.name.endswith(".py"))
            names = sorted(entry.name for entry in found if entry.is_file(follow_symlinks=False))
            return f"{folder}/{names[0]}" if names else None
        return None


def is_folder(path: Path) -> bool:
    """Whether this is a folder, and no link to one. Never raises, whatever it is.

    pathlib raises where a link's target is a name that no file can have, or lies in a folder without permission.
    """
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def read_plain(path: Path, most: int = FILE_CAP) -> bytes:
    """The bytes of a plain file. Raises OSError, also for a link, and TooLargeError where there are more than most."""
    return _read_plain(os.fspath(path), None, most)


def _read_plain(name: str, folder: int | None, most: int) -> bytes:
    # Without waiting, because a pipe may have no writer.
    number = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    with open(number, "rb") as stream:  # noqa: PTH123 - of a descriptor that was opened with care
        found = os.fstat(number)
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is not a plain file", name)
        if found.st_size > most:
            raise TooLargeError(name)
        data = stream.read(most + 1)
    if len(data) > most:
        raise TooLargeError(name)
    return data


def _parts(name: str) -> list[str]:
    """The parts of a relative name, "" for each that would not be one."""
    return [part if part not in (".", "..") and "\0" not in part else "" for part in name.split("/")]


@contextmanager
def _opened(folder: Path, parts: list[str]) -> Iterator[int]:
    """A descriptor of a folder in a folder, for as long as it takes. Raises OSError, also for a link on the way."""
    if not all(parts):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "/".join(parts))
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    number = os.open(folder, flags)
    try:
        for part in parts:
            inner = os.open(part, flags | os.O_NOFOLLOW, dir_fd=number)
            os.close(number)
            number = inner
        yield number
    finally:
        os.close(number)
