"""The solution is graded before any student: where it loses marks, the fault is the grader's, and nobody pays for it.

What was found sound is kept by digest in the user's cache, a file for each state of an assignment and the kit, so it costs
once.
"""

from __future__ import annotations

import ast
import fcntl
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cnn_assignment.core.cache import cache_file, remove_oldest
from cnn_assignment.core.digests import autograder_digest, file_digest, kit_digest
from cnn_assignment.core.errors import AuthoringError
from cnn_assignment.core.model import Assignment, Report, ReportStatus, Status, Submission

# States of assignments that are kept; the oldest go.
_MOST_KEPT = 64
# Of more lost tests nobody reads the names in an error.
_SHOWN = 3
_SOUND = b"sound\n"

_Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef

ScoreFunction = Callable[[Submission], Report]


def is_known_sound(assignment: Assignment) -> bool:
    """Whether the solution got full marks before, with everything as it is now."""
    return _says_sound(_kept_file(assignment))


def require_full_marks(assignment: Assignment, score: ScoreFunction) -> None:
    """Grade the solution as a student would hand it in, unless it is known to be sound.

    score: makes the report of one submission. Processes that ask at the same time wait for the first of them. Raises
    AuthoringError with the tests that it loses, twice in a row.
    """
    kept = _kept_file(assignment)
    with _open_alone(kept) as file:
        if _says_sound(kept):
            return
        is_sound = all(_keeps_its_marks(assignment, path, score) for path in _find_files(assignment))
        if is_sound and file is not None:
            with suppress(OSError):
                os.write(file, _SOUND)
                remove_oldest(kept, _MOST_KEPT)


def _keeps_its_marks(assignment: Assignment, file: Path, score: ScoreFunction) -> bool:
    """Whether a file with the solution gets full marks, or says nothing of them.

    False where the grader fails: that costs nobody marks, because it withholds the grades of all whom it fails at. Raises
    AuthoringError where marks are lost.
    """
    with tempfile.TemporaryDirectory() as folder:
        # Alone: what else lies beside it students do not have.
        submission = Submission("solution", Path(shutil.copy(file, folder)), explain=False)
        report = score(submission)
        if not _is_full(report):
            # A busy machine may cost the solution a call; it does not do so twice.
            report = score(submission)
    if _is_full(report):
        return True
    if file != assignment.solution_file and not _is_built_from(file, assignment):
        return True
    if report.status is ReportStatus.GRADER_ERROR:
        return False
    raise _describe(assignment, file.relative_to(assignment.root).as_posix(), report)


def _find_files(assignment: Assignment) -> list[Path]:
    """The solution as a module, and as the notebook that students fill, where it is built."""
    return [path for path in (assignment.solution_file, assignment.source_file) if path.is_file()]


def _is_full(report: Report) -> bool:
    return report.status is ReportStatus.GRADED and not _lost(report)


def _lost(report: Report) -> list[tuple[str, Status]]:
    """Every test that was not passed, in words, and how it ended."""
    return [
        (f"{task.id}: {test.id}: {test.message or test.outcome}", test.outcome)
        for task in report.tasks
        for test in task.tests
        if test.outcome is not Status.PASSED
    ]


def _describe(assignment: Assignment, file: str, report: Report) -> AuthoringError:
    name, lost = assignment.name, _lost(report)
    place = f"autograder/{name}"
    look = f"`cnn-assignment verify {name}` shows everything, `pytest autograder/{name} --submission {file}` one test."
    if report.status is ReportStatus.UNREADABLE:
        return AuthoringError(
            f"{file}, the solution itself, cannot be read, so nothing is graded: {report.notes[0].removesuffix('.')}",
            place=place,
            remedy=look,
        )
    told = "".join(f"\n  {sentence}" for sentence, _ in lost[:_SHOWN])
    more = f"\n  and {len(lost) - _SHOWN} tests more" if len(lost) > _SHOWN else ""
    if all(outcome is Status.TIMEOUT for _, outcome in lost):
        return AuthoringError(
            f"{file}, the solution itself, ran out of time in {len(lost)} tests, twice, so nothing is graded:{told}{more}",
            place=place,
            remedy="Where this machine is busy, wait or use fewer --jobs; where it is slow, raise the limits in "
            f"autograder/{name}/assignment.toml. {look}",
        )
    unnamed = _find_unnamed(assignment, "\n".join(sentence for sentence, _ in lost))
    names = " ".join(
        f"Name {', '.join(found)} among the {kind} in assignment.toml." for kind, found in unnamed if found
    )
    return AuthoringError(
        f"{file}, the solution itself, gets {report.score:g} of {report.max_score:g}, so nothing is graded:{told}{more}",
        place=place,
        remedy=f"{names or 'Mend the hidden test, the solution or the settings.'} {look}",
    )


def _find_unnamed(assignment: Assignment, told: str) -> list[tuple[str, list[str]]]:
    """Classes and functions of the solution that its lost tests speak of and the settings do not name, by kind."""
    words = set(re.findall(r"\w+", told)) - set(assignment.names)
    unnamed = [node for node in _read_definitions(assignment) if node.name in words]
    classes = [node.name for node in unnamed if isinstance(node, ast.ClassDef)]
    functions = [node.name for node in unnamed if not isinstance(node, ast.ClassDef)]
    return [("classes", classes), ("functions", functions)]


def _is_built_from(notebook: Path, assignment: Assignment) -> bool:
    """Whether a built notebook holds the definitions of the solution as they are now."""
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        built = "\n".join("".join(cell["source"]) for cell in cells)
    except (ValueError, KeyError, TypeError):
        return False
    solution = assignment.solution_file.read_text(encoding="utf-8")
    # A helper function may be in the solution only; a class is never.
    told = [n for n in _read_definitions(assignment) if isinstance(n, ast.ClassDef) or n.name in assignment.names]
    texts = [ast.get_source_segment(solution, node) or "" for node in told]
    return all(text in built for text in texts)


def _read_definitions(assignment: Assignment) -> list[_Definition]:
    tree = ast.parse(assignment.solution_file.read_text(encoding="utf-8"))
    return [node for node in tree.body if isinstance(node, _Definition)]


# What is kept


def _kept_file(assignment: Assignment) -> Path:
    solutions = map(file_digest, _find_files(assignment))
    return cache_file("solutions", autograder_digest(assignment), kit_digest(), *solutions)


def _says_sound(kept: Path) -> bool:
    try:
        return kept.read_bytes() == _SOUND
    except OSError:
        return False


@contextmanager
def _open_alone(path: Path) -> Iterator[int | None]:
    """The open file, once no other process has it; None, and nobody waits, where it cannot be used."""
    file = None
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield file
    finally:
        if file is not None:
            os.close(file)
