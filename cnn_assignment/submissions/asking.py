"""The questions of the rest of the kit about a submission: each is answered in a confined process, none in this one."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from cnn_assignment.core.errors import TooLargeError, UnreadableSubmissionError
from cnn_assignment.core.model import Assignment
from cnn_assignment.submissions.plain.budgets import Budget
from cnn_assignment.submissions.plain.folder import FILE_CAP, FolderFiles, read_plain
from cnn_assignment.submissions.plain.values import ExtractedCode, Shown, Wanted

if TYPE_CHECKING:
    from cnn_assignment.submissions.reader import Reader


def extract_file(path: Path, assignment: Assignment, budget: Budget | None = None) -> ExtractedCode:
    """Extract the layers' code from a notebook or a module. budget: the time for it, if several readings share one.

    Raises UnreadableSubmissionError, with the reason in words for the student, where there is nothing to extract, OSError
    as the system does, and GraderError where this machine cannot read anything.
    """
    raw = _read_file(path)
    with _reader(assignment) as reader:
        return reader.extract(raw, path.name, Wanted.of(assignment), FolderFiles(path.parent), budget)


def find_own_files(path: Path, assignment: Assignment) -> tuple[Path, ...]:
    """The files beside a submission that its extraction looks at, also those that it leaves out. Raises OSError."""
    try:
        raw = _read_file(path)
    except UnreadableSubmissionError:
        return ()
    with _reader(assignment) as reader:
        names = reader.find_modules(raw, path.name, Wanted.of(assignment), FolderFiles(path.parent))
    return tuple(path.parent / name for name in names)


def show_file(raw: bytes, name: str, assignment: Assignment) -> Shown:
    """The cells of a submitted file in order. Raises UnreadableSubmissionError and GraderError as `extract_file` does."""
    with _reader(assignment) as reader:
        return reader.show(raw, name, Wanted.of(assignment))


def _read_file(path: Path) -> bytes:
    try:
        return read_plain(path)
    except TooLargeError as error:
        raise UnreadableSubmissionError(
            f"{path.name} is larger than {FILE_CAP // 2**20} MiB", remedy="Clear its outputs and submit it again."
        ) from error


@dataclass(slots=True)
class _Shared:
    """The one reader of this interpreter, and the release that it knows.

    It is shared, because a process to fork from takes longer to start than a submission takes to read.
    """

    lock: threading.Lock = field(default_factory=threading.Lock)
    reader: Reader | None = None
    release: Path | None = None

    def close(self) -> None:
        if self.reader is not None:
            self.reader.close()
            self.reader = None


@cache
def _shared() -> _Shared:
    shared = _Shared()
    atexit.register(shared.close)
    return shared


@contextmanager
def _reader(assignment: Assignment) -> Iterator[Reader]:
    """The reader for an assignment, for one thread at a time."""
    # The reader imports NumPy, for which a command that only looks into a gradebook need not wait.
    from cnn_assignment.submissions.reader import Reader

    release = assignment.release_file.resolve()
    shared = _shared()
    with shared.lock:
        if shared.reader is None or shared.release != release:
            shared.close()
            shared.reader, shared.release = Reader(release), release
        yield shared.reader
