"""Copying what students hand in: regular files only, and no more than a limit."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import IO

_CHUNK = 1024 * 1024


class TooLargeError(ValueError):
    """More bytes than the limit; what was written so far is the caller's to remove."""


def copy_stream(source: IO[bytes], target: IO[bytes], most: int) -> int:
    """Copy to the end of source; returns the number of bytes. Raises TooLargeError once there are more than most."""
    copied = 0
    while chunk := source.read(_CHUNK):
        copied += len(chunk)
        if copied > most:
            raise TooLargeError(f"more than {most // 2**20} MiB")
        target.write(chunk)
    return copied


def copy_regular_files(source: Path, target: Path, most: int) -> list[Path]:
    """Copy a folder's files and folders into an existing folder; returns what was left out: links, pipes and the like.

    Safe against a source that changes meanwhile: nothing is opened by way of a link. most: bytes in all; raises
    TooLargeError beyond it.
    """
    left_out = []
    for folder, folders, names, fd in os.fwalk(source, follow_symlinks=False):
        inside = target / Path(folder).relative_to(source)
        for name in folders:
            if stat.S_ISLNK(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode):
                left_out.append(Path(folder, name))
            else:
                (inside / name).mkdir()
        for name in names:
            try:
                # Without waiting, because a pipe may have nobody who writes.
                file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=fd)
            except OSError:
                left_out.append(Path(folder, name))
                continue
            with os.fdopen(file, "rb") as stream:
                if stat.S_ISREG(os.fstat(file).st_mode):
                    with (inside / name).open("xb") as copy:
                        most -= copy_stream(stream, copy, most)
                else:
                    left_out.append(Path(folder, name))
    return left_out
