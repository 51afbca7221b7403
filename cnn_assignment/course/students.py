"""The students of a class, and what tells whether one has handed in something else since."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cnn_assignment.errors import UsageError
from cnn_assignment.layout import list_assignments
from cnn_assignment.model import Assignment
from cnn_assignment.names import refusal, why_not_a_student

# Beyond these a folder is graded anew each time, which takes less long than to read all of it.
_MOST_ENTRIES = 2_000
_MOST_BYTES = 200 << 20


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
            remedy=f"It should hold <student>/{assignment.name}.ipynb, <student>/{assignment.name}.py or "
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
            if not entry.name.startswith((".", "__"))
            and (entry.is_dir() or (entry.is_symlink() and not entry.is_file()))
        )


class FolderDigests:
    """Digests of what students handed in for one assignment."""

    def __init__(self, assignment: Assignment) -> None:
        self._others = frozenset(list_assignments(assignment.root)) - {assignment.name}

    def digest(self, student: Student) -> str | None:
        """The digest of every name and every byte in a student's folder, but for other assignments.

        A folder of another assignment's name belongs to this one where a file lies beside it, which could import it.
        Links are not followed. None where the folder cannot be read, or is too large for this to be worth while: then
        nothing is known of it.
        """
        if student.folder.is_symlink():
            return hashlib.sha256(b"link\n").hexdigest()
        total = hashlib.sha256(b"folder\n")
        entries, size = 0, 0
        try:
            for path, entry in self._walk(student.folder):
                entries += 1
                is_file = entry.is_file(follow_symlinks=False)
                size += entry.stat(follow_symlinks=False).st_size if is_file else 0
                if entries > _MOST_ENTRIES or size > _MOST_BYTES:
                    return None
                content = hashlib.sha256(Path(entry.path).read_bytes()).hexdigest() if is_file else _kind(entry)
                total.update(f"{path!r} {content}\n".encode())
        except OSError:
            return None
        return total.hexdigest()

    def _walk(self, folder: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
        todo = [("", str(folder))]
        while todo:
            place, path = todo.pop()
            with os.scandir(path) as found:
                entries = sorted(found, key=lambda entry: entry.name)
            others = self._others if not place and not any(map(_is_file, entries)) else frozenset()
            for entry in entries:
                if entry.name in others:
                    continue
                name = f"{place}{entry.name}"
                yield name, entry
                if entry.is_dir(follow_symlinks=False):
                    todo.append((f"{name}/", entry.path))


def _is_file(entry: os.DirEntry[str]) -> bool:
    return entry.is_file(follow_symlinks=False)


def _kind(entry: os.DirEntry[str]) -> str:
    return "folder" if entry.is_dir(follow_symlinks=False) else "link" if entry.is_symlink() else "other"
