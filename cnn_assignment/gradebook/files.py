"""Files of a submission: the names of those beside it, and copying regular files only, no more than a limit."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import IO

# What nbgrader looks for beside a graded notebook: when it was handed in, and the secret that names its feedback.
TIMESTAMP, SECRET = "timestamp.txt", "submission_secret.txt"

_CHUNK = 1024 * 1024


class TooLargeError(ValueError):
    """More bytes than the limit; what was written so far is the caller's to remove."""


class Budget:
    """A number of bytes that several copies share."""

    def __init__(self, most: int) -> None:
        self._most = self._left = most

    def copy(self, source: IO[bytes], target: IO[bytes]) -> None:
        """Copy to the end of source. Raises TooLargeError once all copies together have more bytes than the budget."""
        while chunk := source.read(_CHUNK):
            self._left -= len(chunk)
            if self._left < 0:
                raise TooLargeError(f"more than {self._most / 2**20:.3g} MiB")
            target.write(chunk)


def copy_regular_files(source: Path, target: Path, budget: Budget) -> list[Path]:
    """Copy a folder's files and folders into an existing folder; returns what was left out: links, pipes and the like.

    Safe against a source that changes meanwhile: nothing is opened by way of a link. Raises TooLargeError.
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
                        budget.copy(stream, copy)
                else:
                    left_out.append(Path(folder, name))
    return left_out
