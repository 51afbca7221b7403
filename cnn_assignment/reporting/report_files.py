"""Reports as files: ``DIR/<student>.json``."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cnn_assignment.core.errors import UsageError
from cnn_assignment.core.model import Report
from cnn_assignment.core.names import REMEDY, why_not_a_student
from cnn_assignment.core.texts import shorten

_UNFINISHED = (".report-", ".tmp")


def report_path(directory: Path, student: str) -> Path:
    """Where a student's report lies. Raises UsageError for a name that cannot be a student's."""
    reason = why_not_a_student(student)
    if reason is not None:
        raise UsageError(f"'{shorten(student)}' cannot name a file: it {reason}", remedy=REMEDY)
    return directory / f"{student}.json"


def write_report(report: Report, directory: Path) -> Path:
    """Write a report and return its path. Equal reports give equal bytes; a reader never sees half a file.

    The folder is made where it is missing. Raises UsageError for a name that cannot be a student's.
    """
    path = report_path(directory, report.student)
    directory.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report.to_json(), indent=2, sort_keys=False, ensure_ascii=False, allow_nan=False)
    replace_file(path, f"{text}\n")
    return path


def read_report(path: Path) -> Report:
    """The inverse of `write_report`. Raises UsageError for a file that is no report."""
    with _only_reports(path):
        return Report.from_json(json.loads(path.read_bytes()))


def read_summary(path: Path, data: bytes | None = None) -> Report:
    """A report as `Report.without_tests` leaves it, in a tenth of the time. data: the bytes of the file, if they were read already.

    Raises UsageError for a file that is no report.
    """
    with _only_reports(path):
        found = json.loads(path.read_bytes() if data is None else data)
        return Report.from_json(found | {"tasks": [task | {"tests": []} for task in found["tasks"]]}).without_tests()


@contextmanager
def _only_reports(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise UsageError(
            f"not a report: {error}", place=path.as_posix(), remedy="Make it again with `cnn-assignment grade`."
        ) from error


def replace_file(path: Path, text: str) -> None:
    """Put UTF-8 text in place in one step, through a file beside it, with the usual permissions of a new file."""
    # Lone surrogates cannot be encoded; they come from file names and student messages, and become question marks.
    data = text.encode("utf-8", "replace")
    number, name = tempfile.mkstemp(dir=path.parent, prefix=_UNFINISHED[0], suffix=_UNFINISHED[1])
    temporary = Path(name)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(data)
        temporary.chmod(0o644)  # mkstemp makes private files, and instructors share these
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def remove_unfinished(directory: Path) -> None:
    """Remove what `replace_file` left in a folder when it was killed. For whoever alone writes there."""
    before, after = _UNFINISHED
    for path in directory.glob(f"{before}*{after}"):
        path.unlink(missing_ok=True)
