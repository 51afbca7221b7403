"""Which file of a student's folder is the submission.

The rule, as docs/student.md tells it: a file with the assignment's name, or else any other notebook or module in the
folder that is not one of the files that students were given. Of several, the one that defines the most of the classes
counts, then the one in which the fewest gaps are open, then the one with the right name, then the notebook.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from cnn_assignment.core.errors import UnreadableSubmissionError
from cnn_assignment.core.layout import list_assignments
from cnn_assignment.core.model import Assignment, Submission
from cnn_assignment.submissions.asking import extract_file
from cnn_assignment.submissions.plain.budgets import CHOOSE_CPU_S, Budget
from cnn_assignment.submissions.plain.folder import is_folder
from cnn_assignment.submissions.plain.values import Wanted

LINKED = "The folder is a link, which is not followed."

_SUFFIXES = (".ipynb", ".py")
_ENDINGS = (".txt", ".json", ".download")
_DEPTH = 3
_MOST_CANDIDATES = 20
_MOST_ENTRIES = 1_000
# Of one folder; the order in which a system lists more than these is its own.
_MOST_LISTED = 10_000
_SHOWN = 5
_PASSED_OVER = frozenset({"__MACOSX", "__pycache__", "node_modules", "site-packages", "venv"})


def find_submission(student: str, folder: Path, assignment: Assignment) -> Submission:
    """The submission in a student's folder, which is nbgrader's ``<student>/<assignment>/`` or ``<student>/``.

    Its path is None where the folder holds nothing to read; links are not followed.
    """
    nested = folder / assignment.name
    if work_folder(folder, assignment) != nested:
        found = find_in_folder(student, folder, assignment, is_shared=True)
        is_linked = is_folder(folder) and found.path is None and os.path.islink(nested)  # noqa: PTH114 - it never raises
        return replace(found, notes=(*found.notes, LINKED)) if is_linked else found
    found = find_in_folder(student, nested, assignment)
    beside = find_in_folder(student, folder, assignment, depth=1) if found.path is None else found
    return found if beside.path is None else replace(beside, folder=nested)


def work_folder(folder: Path, assignment: Assignment) -> Path:
    """Where a student's work and its time lie: ``<student>/<assignment>/``, or without that ``<student>/``."""
    nested = folder / assignment.name
    return nested if is_folder(folder) and is_folder(nested) else folder


def find_in_folder(
    student: str, folder: Path, assignment: Assignment, *, depth: int = _DEPTH, is_shared: bool = False
) -> Submission:
    """The submission in a folder that is for this assignment only, or in the folders in it down to a depth.

    is_shared: whether folders of other assignments may lie in it, as nbgrader lays them out.
    """
    if folder.is_symlink():
        return Submission(student, None, notes=(LINKED,), folder=folder)
    others = set(list_assignments(assignment.root)) - {assignment.name}
    others |= _other_assignments(folder, assignment) if is_shared else set()
    files = list(_files(folder, depth, passed_over=others))
    candidates = [file for file in files if _is_candidate(file, assignment)]
    if candidates:
        candidates.sort(key=lambda file: _rank(file, folder, assignment))
        return _choose(student, folder, candidates[:_MOST_CANDIDATES], assignment)
    shown = ", ".join(_name(file, folder) for file in files[:_SHOWN])
    more = f" and {len(files) - _SHOWN} more" if len(files) > _SHOWN else ""
    notes = [f"The folder holds {shown}{more}."] if files else []
    notes += [f"{name} is the folder of another assignment." for name in sorted(others) if is_folder(folder / name)]
    return Submission(student, None, notes=tuple(notes[:_SHOWN]), folder=folder)


def _other_assignments(folder: Path, assignment: Assignment) -> set[str]:
    """The folders of other assignments in a student's folder: nbgrader names the main notebook like its folder."""
    with suppress(OSError), os.scandir(folder) as entries:
        names = (entry.name for entry in islice(entries, _MOST_LISTED) if entry.is_dir(follow_symlinks=False))
        others = (name for name in names if assignment.name.lower() not in name.lower())
        return {name for name in others if _holds_its_own(folder / name)}
    return set()


def _holds_its_own(folder: Path) -> bool:
    """Whether a folder holds a notebook or a module of its name. Never raises."""
    return any(os.path.isfile(folder / f"{folder.name}{suffix}") for suffix in _SUFFIXES)  # noqa: PTH113


def _choose(student: str, folder: Path, candidates: Sequence[Path], assignment: Assignment) -> Submission:
    """The best of the candidates, which are sorted by rank. A single one is not opened for it."""
    values = _weigh(candidates, assignment) if len(candidates) > 1 else [_UNKNOWN]
    best = min(range(len(values)), key=lambda number: values[number][:3])
    chosen = _name(candidates[best], folder)
    # What could have counted in its place; not what it is made of.
    parts = values[best].modules
    rivals = [
        _name(candidate, folder)
        for number, (candidate, value) in enumerate(zip(candidates, values, strict=True))
        if number != best and not value.is_unreadable and _name(candidate, folder) not in parts
    ]
    notes = []
    if rivals:
        notes.append(
            f"{chosen} was graded, and not {', '.join(rivals)}: of several files the one counts that defines the most "
            f"{Wanted.of(assignment).kinds} and leaves the fewest gaps open, and of equals the one with the right name."
        )
    elif not _is_exact(candidates[best], folder, assignment):
        notes.append(f"{chosen} was taken for {assignment.name}{_kind(candidates[best], assignment)}.")
    return Submission(student, candidates[best], notes=tuple(notes), folder=folder)


class _Value(NamedTuple):
    """The value of a file among others, the smallest wins. modules: the files that this file imports."""

    is_unreadable: bool
    missing: int
    open_gaps: int
    modules: tuple[str, ...] = ()


_UNKNOWN = _Value(False, 0, 0)


def _weigh(candidates: Sequence[Path], assignment: Assignment) -> list[_Value]:
    """The values of these files; a file that there is no time left to read counts as unreadable."""
    budget = Budget(CHOOSE_CPU_S)
    return [_value(path, assignment, budget) for path in candidates]


def _value(path: Path, assignment: Assignment, budget: Budget) -> _Value:
    unread = _Value(True, len(assignment.names), 0)
    if budget.left_s <= 0:
        return unread
    try:
        code = extract_file(path, assignment, budget)
    except (OSError, UnreadableSubmissionError):
        # The fault of a file is told when the file is graded, and stops no other file.
        return unread
    return _Value(False, len(code.missing), code.open_gaps, tuple(module.label for module in code.modules))


def _kind(path: Path, assignment: Assignment) -> str:
    """``.ipynb`` or ``.py``, also where a browser added an ending of its own or took this one away; "" for other files."""
    name = path.name.lower()
    for suffix in _SUFFIXES:
        if name.endswith((suffix, *(suffix + ending for ending in _ENDINGS))):
            return suffix
    return _SUFFIXES[0] if name in {assignment.name.lower(), f"{assignment.name.lower()}.json"} else ""


def _rank(path: Path, folder: Path, assignment: Assignment) -> tuple[bool, bool, int, int, str]:
    """The order of files that are worth the same."""
    exact = _is_exact(path, folder, assignment)
    alike = path.stem.lower() in _names(assignment)
    kind = _SUFFIXES.index(_kind(path, assignment))
    return not exact, not alike, len(path.relative_to(folder).parts), kind, path.as_posix()


def _names(assignment: Assignment) -> set[str]:
    """What the file is called without its ending, in small letters: the notebook by the assignment, the file by the module."""
    return {assignment.name.lower(), assignment.module.lower()}


def _is_exact(path: Path, folder: Path, assignment: Assignment) -> bool:
    return path.parent == folder and path.name in {f"{assignment.name}.ipynb", f"{assignment.module}.py"}


def _is_candidate(path: Path, assignment: Assignment) -> bool:
    given = {file.name for file in assignment.provided_files} | {f"test_{assignment.module}.py", "conftest.py"}
    return _kind(path, assignment) != "" and path.name not in given


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _files(folder: Path, depth: int, passed_over: Collection[str]) -> Iterator[Path]:
    """The plain files of a folder and of those in it, links, hidden ones and other assignments left out."""
    entries = 0
    todo = [(folder, 1)]
    while todo:
        place, level = todo.pop(0)
        try:
            with os.scandir(place) as scanned:
                found = sorted(islice(scanned, _MOST_LISTED), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in found:
            entries += 1
            if entries > _MOST_ENTRIES:
                return
            if entry.name.startswith(".") or entry.name in _PASSED_OVER:
                continue
            if entry.is_dir(follow_symlinks=False):
                if level < depth and entry.name not in passed_over:
                    todo.append((Path(entry.path), level + 1))
            elif entry.is_file(follow_symlinks=False):
                yield Path(entry.path)
