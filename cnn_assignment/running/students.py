"""The students of a class, and what tells whether one has handed in something else since."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from cnn_assignment.core.digests import autograder_digest, data_digest, kit_digest
from cnn_assignment.core.errors import TooLargeError, UsageError
from cnn_assignment.core.layout import TIMESTAMP, list_assignments
from cnn_assignment.core.model import Assignment
from cnn_assignment.core.names import refusal, why_not_a_student

# Beyond these a folder is graded anew each time, which takes less long than to read all of it.
_MOST_ENTRIES = 2_000
_MOST_BYTES = 200 << 20
# What programs leave beside the students' folders.
_LITTER = frozenset({"__MACOSX", "__pycache__"})


@dataclass(frozen=True, slots=True)
class Student:
    """One student's folder: nbgrader's ``<student>/<assignment>/`` is in it, or it holds the files itself."""

    name: str
    folder: Path


def find_students(assignment: Assignment, folder: Path, only: Sequence[str] = ()) -> list[Student]:
    """One student for each folder in folder, sorted by name; see `find_misnamed` for those that are left out.

    Raises UsageError where the folder is missing or empty, or does not hold all of the students in only.
    """
    if not folder.is_dir():
        raise UsageError(
            "no such folder", place=str(folder), remedy="Name nbgrader's submitted/ or a folder of student folders."
        )
    names = _folder_names(folder)
    if not names:
        raise UsageError(
            "no student folders in here",
            place=str(folder),
            remedy=f"It should hold <student>/{assignment.name}.ipynb, <student>/{assignment.module}.py or "
            f"<student>/{assignment.name}/….",
        )
    unknown = sorted(set(only) - set(names))
    if unknown:
        raise UsageError(f"no folder for {', '.join(unknown)}", place=str(folder), remedy="Check --only.")
    chosen = [name for name in names if why_not_a_student(name) is None and (not only or name in only)]
    return [Student(name, folder / name) for name in chosen]


def find_misnamed(folder: Path, only: Sequence[str] = ()) -> list[str]:
    """Why folders in folder are nobody's: a line for each whose name cannot be a student's, fit to be shown."""
    told = [refusal(name) for name in _folder_names(folder) if not only or name in only]
    return [line for line in told if line is not None]


def _folder_names(folder: Path) -> list[str]:
    """The names of the folders in folder, sorted; a link counts unless it leads to a file, and is told as one later."""
    with os.scandir(folder) as entries:
        return sorted(
            entry.name
            for entry in entries
            if not entry.name.startswith(".") and entry.name not in _LITTER and _may_be_a_students(entry)
        )


def _may_be_a_students(entry: os.DirEntry[str]) -> bool:
    if entry.is_symlink():
        # Asked so that it never raises: links lead to each other, and to names that no file can have.
        return not os.path.isfile(entry.path)  # noqa: PTH113
    return entry.is_dir(follow_symlinks=False)


class FolderDigests:
    """Digests of what students handed in for one assignment."""

    def __init__(self, assignment: Assignment) -> None:
        self._others = frozenset(list_assignments(assignment.root)) - {assignment.name}

    def digest(self, student: Student) -> str | None:
        """The digest of every name and every byte in a student's folder, but for other assignments.

        Of a ``timestamp.txt`` only the name counts: when work was handed in matters to its penalty, and to no test.
        A folder of another assignment's name counts too where a file that lies beside it, or in what lies beside it,
        might import it. Links are not followed. None where the folder cannot be read, or is too large for this to be
        worth while: then nothing is known of it.
        """
        if student.folder.is_symlink():
            return hashlib.sha256(b"link\n").hexdigest()
        try:
            with os.scandir(student.folder) as found:
                top = sorted(found, key=lambda entry: entry.name)
            set_aside = [entry for entry in top if entry.name in self._others]
            reading = _Reading({entry.name for entry in set_aside} if any(map(_is_file, top)) else set())
            reading.take("", [entry for entry in top if entry.name not in self._others])
            while imported := [entry for entry in set_aside if entry.name in reading.imported]:
                # One at a time: what is in it may import another one.
                set_aside.remove(imported[0])
                reading.take("", imported[:1])
        except (OSError, TooLargeError):
            return None
        return reading.hexdigest


class _Reading:
    """What was read of one folder. imported: of the names in others, those that a file read so far might import."""

    def __init__(self, others: Collection[str]) -> None:
        self._total = hashlib.sha256(b"folder\n")
        self._others = others
        self._entries = self._size = 0
        self.imported: set[str] = set()

    @property
    def hexdigest(self) -> str:
        return self._total.hexdigest()

    def take(self, place: str, entries: Sequence[os.DirEntry[str]]) -> None:
        """Read entries of a folder and all that is in them. Raises OSError, and TooLargeError."""
        todo = [(place, entries)]
        while todo:
            place, entries = todo.pop()
            for entry in entries:
                name = f"{place}{entry.name}"
                self._total.update(f"{name!r} {self._content(entry)}\n".encode())
                if entry.is_dir(follow_symlinks=False):
                    with os.scandir(entry.path) as found:
                        todo.append((f"{name}/", sorted(found, key=lambda each: each.name)))

    def _content(self, entry: os.DirEntry[str]) -> str:
        is_file = _is_file(entry)
        self._entries += 1
        self._size += entry.stat(follow_symlinks=False).st_size if is_file else 0
        if self._entries > _MOST_ENTRIES or self._size > _MOST_BYTES:
            raise TooLargeError
        if not is_file:
            return "folder" if entry.is_dir(follow_symlinks=False) else "link" if entry.is_symlink() else "other"
        if entry.name == TIMESTAMP:
            return "time"
        data = Path(entry.path).read_bytes()
        self.imported.update(name for name in self._others if _might_import(data, name))
        return hashlib.sha256(data).hexdigest()


def _is_file(entry: os.DirEntry[str]) -> bool:
    return entry.is_file(follow_symlinks=False)


def _might_import(data: bytes, name: str) -> bool:
    """Whether a module or notebook might import a module of this name, which there are ways to write otherwise."""
    return name.encode() in data or b"\\u" in data or b"coding" in data or not data.isascii() or b"\0" in data


class ReportKeys:
    """What a report is made from, as one digest for each student."""

    def __init__(self, assignment: Assignment) -> None:
        self._folders = FolderDigests(assignment)
        self.autograder = autograder_digest(assignment)
        self._common = f"{assignment.name} {self.autograder} {kit_digest()}"

    def of(self, student: Student) -> str | None:
        """The key of a student's report; None where it must be made each time."""
        folder = self._folders.digest(student)
        if folder is None:
            return None
        return data_digest(f"{self._common} {student.name!r} {folder}".encode())
