"""What travels to another machine: an assignment and submissions, as plain bytes under relative names."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from cnn_assignment.core.errors import GraderError, TooLargeError
from cnn_assignment.core.layout import load_assignment
from cnn_assignment.core.model import Assignment, Submission
from cnn_assignment.submissions import find_own_files
from cnn_assignment.submissions.plain.folder import FILE_CAP, read_plain
from cnn_assignment.submissions.python.parsing import SOURCE_CAP

# A folder with more modules than these is first asked which of them are needed.
_FEW_MODULES = 50
_FEW_BYTES = 1024 * 1024

File = tuple[str, bytes | None]
"""A relative name and the content; None for a file that is larger than the kit reads."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """All that a grader process reads of an assignment, and nothing of any other one.

    required_level: the least protection with which student code is run. digest: that of the files.
    """

    name: str
    required_level: int
    files: tuple[File, ...]
    digest: str

    @classmethod
    def pack(cls, assignment: Assignment, required_level: int) -> Bundle:
        """Read the hidden tests and what lies with them, the solution, and the provided files."""
        files = tuple(
            (path.relative_to(assignment.root).as_posix(), path.read_bytes()) for path in _files_of(assignment)
        )
        return cls(assignment.name, required_level, files, _digest(files))

    def unpack(self, root: Path) -> Assignment:
        """Lay the files out in a folder that is a course then. Raises GraderError where they are not as packed."""
        _write(self.files, root)
        found = tuple((name, (root / name).read_bytes()) for name, _ in self.files)
        if _digest(found) != self.digest:
            raise GraderError(
                f"the files of {self.name} are not what was sent", remedy="Look at the disk and the memory there."
            )
        assignment = load_assignment(root, self.name)
        return replace(assignment, limits=replace(assignment.limits, required_level=self.required_level))


@dataclass(frozen=True, slots=True)
class Payload:
    """A submission with its files. name: that of the submission's own, "" where there is nothing to read."""

    order: dict[str, Any]
    name: str
    files: tuple[File, ...]

    @classmethod
    def pack(cls, submission: Submission, assignment: Assignment) -> Payload:
        """Read the submission's file, and the modules beside it that reading may look at; links are not followed.

        Raises OSError where the file cannot be read.
        """
        order = replace(submission, path=None, folder=None).to_json()
        path = submission.path
        if path is None:
            return cls(order, "", ())
        files = [(path.name, _read(path, FILE_CAP))]
        modules = dict.fromkeys(_modules_beside(path, assignment))
        files += [(module.relative_to(path.parent).as_posix(), _read(module, SOURCE_CAP)) for module in modules]
        return cls(order, path.name, tuple(files))

    @property
    def size(self) -> int:
        """The bytes of its files."""
        return sum(len(content or b"") for _, content in self.files)

    @property
    def is_cut(self) -> bool:
        """Whether the submission's own file is too large to be read, and so was not sent."""
        return bool(self.files) and self.files[0][1] is None

    def unpack(self, folder: Path) -> Submission:
        """Lay the files out in a folder of their own. What was too large is again, and holds nothing."""
        _write(self.files, folder)
        path = str(folder / self.name) if self.name else None
        return Submission.from_json(self.order | {"path": path, "folder": str(folder)})


def _files_of(assignment: Assignment) -> Iterator[Path]:
    """In an order that is the same everywhere. What is missing is told by whoever needs it."""
    inside = (path for path in assignment.autograder_dir.rglob("*") if _is_needed(path, assignment))
    yield from sorted(path for path in inside if path.is_file())
    # The release only makes reading faster: most submissions hold most of its cells. The source is graded first.
    built = (assignment.release_file, assignment.source_file)
    others = dict.fromkeys((assignment.solution_file, *assignment.provided_files, *built))
    yield from (path for path in others if path.is_file())


def _is_needed(path: Path, assignment: Assignment) -> bool:
    if path.is_relative_to(assignment.proof_dir):
        return False
    names = path.relative_to(assignment.autograder_dir).parts
    return not any(name.startswith(".") or name == "__pycache__" for name in names)


def _digest(files: Iterable[File]) -> str:
    total = hashlib.sha256()
    for name, content in files:
        total.update(f"{name}:{hashlib.sha256(content or b'').hexdigest()}\n".encode())
    return total.hexdigest()


def _write(files: Iterable[File], folder: Path) -> None:
    for name, content in files:
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise ValueError(f"a name that leads out of the folder: {name!r}")
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as stream:
            if content is None:
                stream.truncate(FILE_CAP + 1)
            else:
                stream.write(content)


def _read(path: Path, cap: int) -> bytes | None:
    """The bytes of a plain file, None where there are more than cap. Raises OSError, also for a link."""
    try:
        return read_plain(path, cap)
    except TooLargeError:
        return None


def _modules_beside(path: Path, assignment: Assignment) -> tuple[Path, ...]:
    """All modules in the folder of a submission where they are few, else those that reading looks at.

    Reading knows exactly what it needs, but takes a hundred times as long as reading a few files.
    """
    few: list[Path] = []
    total = 0
    with os.scandir(path.parent) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entry.name.isidentifier():
                    return find_own_files(path, assignment)
            elif entry.name.endswith(".py") and entry.name != path.name and entry.is_file(follow_symlinks=False):
                few.append(Path(entry.path))
                total += entry.stat(follow_symlinks=False).st_size
                if len(few) > _FEW_MODULES or total > _FEW_BYTES:
                    return find_own_files(path, assignment)
    return tuple(sorted(few))
