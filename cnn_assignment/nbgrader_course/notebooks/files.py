"""Files of a submission: when it was handed in, and copying regular files only, no more than a limit."""

from __future__ import annotations

import math
import os
import stat
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

from cnn_assignment.core.errors import TooLargeError, UsageError
from cnn_assignment.core.layout import TIMESTAMP
from cnn_assignment.core.model import Assignment, Submission
from cnn_assignment.submissions import LINKED, find_in_folder
from cnn_assignment.submissions.plain.folder import read_plain

if TYPE_CHECKING:
    from nbgrader.coursedir import CourseDirectory

# What nbgrader looks for beside a graded notebook: when it was handed in, and the secret that names its feedback.

MOST_LEVELS = 20
"""How deep folders may lie in each other; nobody's work lies deeper, and much that walks through folders fails then."""
MOST_ENTRIES = 20_000
"""The most files and folders of one submission."""

_CHUNK = 1024 * 1024
_LONGEST_TIME = 100
# Neither by way of a link, nor waiting for somebody who writes into a pipe.
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK


class CopyBudget:
    """A number of bytes, and of files and folders, that several copies share, and the processor's time for them.

    within: a budget that others share too. seconds: of this thread's CPU time from now on, which does not run while
    another program has the processor.
    """

    def __init__(
        self,
        most: int,
        most_entries: int = MOST_ENTRIES,
        within: CopyBudget | None = None,
        seconds: float = math.inf,
    ) -> None:
        self._most = self._left = most
        self._most_entries = self._entries_left = most_entries
        self._within = within
        self._seconds, self._until = seconds, time.thread_time() + seconds

    @property
    def left(self) -> int:
        """The bytes that are left."""
        return max(self._left, 0)

    @property
    def seconds_left(self) -> float:
        """The seconds of CPU time that are left."""
        return max(self._until - time.thread_time(), 0.0)

    @property
    def entries_left(self) -> int:
        """The files and folders that are left."""
        return max(self._entries_left, 0)

    def copy(self, source: IO[bytes], target: IO[bytes]) -> None:
        """Copy to the end of source. Raises TooLargeError once all copies together have more bytes than the budget."""
        while chunk := source.read(_CHUNK):
            self.use(len(chunk))
            target.write(chunk)

    def use(self, size: int) -> None:
        """Use so many bytes. Raises TooLargeError where the budget does not have them."""
        self._look_at_clock()
        self._left -= size
        if self._left < 0:
            raise TooLargeError(f"more than {self._most / 2**20:.3g} MiB")
        if self._within is not None:
            self._within.use(size)

    def count(self, entries: int = 1) -> None:
        """Use so many files or folders. Raises TooLargeError where the budget does not have them."""
        self._look_at_clock()
        self._entries_left -= entries
        if self._entries_left < 0:
            raise TooLargeError(f"more than {self._most_entries} members")
        if self._within is not None:
            self._within.count(entries)

    def _look_at_clock(self) -> None:
        if time.thread_time() > self._until:
            raise TooLargeError(f"more than {self._seconds:.3g} seconds of work")


def is_linked(folder: Path, root: Path) -> bool:
    """Whether a student's folder of an assignment, or one that it lies in, is a link.

    root: the course. Above the students' folders an instructor may have put links: of ``submitted/ada/cnn`` the last
    two are looked at.
    """
    above = (
        folder.parents[: len(folder.parts) - len(root.parts) - 2] if folder.is_relative_to(root) else folder.parents[:1]
    )
    return any(path.is_symlink() for path in (folder, *above))


def read_time(folder: Path) -> datetime | None:
    """When a submission was handed in, as its ``timestamp.txt`` says; None without such a file, or with an empty one.

    Raises UsageError for anything else than a short regular file that holds a point in time.
    """
    from nbgrader.utils import parse_utc

    path = folder / TIMESTAMP
    try:
        text = read_plain(path, _LONGEST_TIME).decode("utf-8", "replace").strip()
        return parse_utc(text) if text else None
    except FileNotFoundError:
        return None
    except (ValueError, OverflowError, OSError) as error:
        raise UsageError(
            f"not a point in time: {error}", place=path.as_posix(), remedy="Mend or remove the file."
        ) from error


def copy_regular_files(
    source: Path, target: Path, budget: CopyBudget, is_wanted: Callable[[str, int], bool] = lambda _name, _size: True
) -> list[Path]:
    """Copy a folder's files and folders into an existing folder; returns what was left out: links, pipes and the like.

    Folders below `MOST_LEVELS` are left out too, and files that are not wanted by name and size. Safe against a source
    that changes meanwhile: nothing is opened by way of a link. Raises TooLargeError.
    """
    left_out = []
    for folder, folders, names, fd in os.fwalk(source, follow_symlinks=False):
        place = Path(folder).relative_to(source)
        inside = target / place
        budget.count(len(folders) + len(names))
        if len(place.parts) >= MOST_LEVELS:
            left_out += [Path(folder, name) for name in folders]
            folders.clear()
        for name in folders:
            if stat.S_ISLNK(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode):
                left_out.append(Path(folder, name))
            else:
                (inside / name).mkdir()
        for name in names:
            try:
                file = os.open(name, _OPEN, dir_fd=fd)
            except OSError:
                left_out.append(Path(folder, name))
                continue
            with os.fdopen(file, "rb") as stream:
                found = os.fstat(file)
                if stat.S_ISREG(found.st_mode) and is_wanted(name, found.st_size):
                    with (inside / name).open("xb") as copy:
                        budget.copy(stream, copy)
                else:
                    left_out.append(Path(folder, name))
    return left_out


def find_submitted(course: CourseDirectory, assignment: Assignment, student: str) -> Submission:
    """What a student handed in for an assignment, in the folder that the course's configuration names."""
    folder = Path(course.format_path(course.submitted_directory, student, assignment.name))
    if is_linked(folder, Path(course.root)):
        return Submission(student, None, notes=(LINKED,), folder=folder)
    return find_in_folder(student, folder, assignment)


def release_file(course: CourseDirectory, assignment: Assignment) -> Path:
    """The release notebook, in the folder that the course's configuration names."""
    return Path(course.format_path(course.release_directory, ".", assignment.name)) / f"{assignment.name}.ipynb"
