"""The hidden tests of an assignment as collected by pytest: which item belongs to which task, and what it earns."""

from __future__ import annotations

import inspect
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from cnn_assignment.core.errors import AuthoringError
from cnn_assignment.core.layout import SETTINGS, task_order
from cnn_assignment.core.model import Assignment, HiddenTest, Task, function_of
from cnn_assignment.core.traits import read_traits
from cnn_assignment.judging.points import share

FILE_PREFIX = "test_"
FURTHER_CASES = "further_cases"
"""The mark of a hidden test that says how further cases of it are drawn."""
# Of all data files together: a worker keeps them in memory, and what its code writes too.
_MOST_DATA = 8 << 20
DEGENERATE_PASSES = "degenerate_passes"
"""The mark of a hidden test, or of one of its cases, in which some answer that knows nothing is right."""


@dataclass(frozen=True, slots=True)
class CollectedTest:
    """One item of a hidden test file, with what it earns.

    instead: what is given to the test in the place of its own parameters, in a case that earns nothing.
    """

    item: pytest.Function
    id: str
    title: str
    share: Fraction
    instead: Mapping[str, Any] | None = None

    @property
    def key(self) -> str:
        """Unique among all tests of the assignment, further cases too."""
        return f"{self.item.path.name}::{self.id}"

    @property
    def function(self) -> str:
        """The test function of a case."""
        return function_of(self.id)

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The parameters of a case; none where the test is not parametrised."""
        if self.instead is not None:
            return self.instead
        return self.item.callspec.params if hasattr(self.item, "callspec") else {}


@dataclass(frozen=True, slots=True)
class CollectedTask:
    """One hidden test file."""

    id: str
    title: str
    tests: tuple[CollectedTest, ...]

    def to_task(self) -> Task:
        """The task without its items, as other rooms know it."""
        tests = tuple(
            HiddenTest(
                test.id, test.title, float(test.share), read_traits(test.parameters), _find_degenerate(test.item)
            )
            for test in self.tests
        )
        return Task(self.id, self.title, float(sum(test.share for test in self.tests)), tests)


def _find_degenerate(item: pytest.Item) -> tuple[str, ...]:
    return tuple(sorted({str(kind) for mark in item.iter_markers(DEGENERATE_PASSES) for kind in mark.args}))


def task_of_file(path: Path) -> str:
    """``test_conv_forward.py`` is the task ``conv-forward``."""
    return path.stem.removeprefix(FILE_PREFIX).replace("_", "-")


def collect_tests(
    assignment: Assignment, items: Sequence[pytest.Item], *, whole: bool = True
) -> tuple[CollectedTask, ...]:
    """Check and group the collected items, in the order of the solution's gaps.

    whole: whether all hidden tests were collected; else only the tasks of these items are planned. Raises AuthoringError for a test without points or docstring, a file without title, a task without tests and a
    gap without a task.
    """
    _require_files(assignment)
    by_file: dict[Path, list[pytest.Function]] = {path: [] for path in assignment.hidden_test_files if whole}
    for item in items:
        if isinstance(item, pytest.Function):
            by_file.setdefault(item.path, []).append(item)
    tasks = {task_of_file(path): _plan_task(assignment, path, found) for path, found in by_file.items()}
    order = task_order(assignment)
    if whole:
        _compare_names(assignment, order, tasks)
    return tuple(tasks[task] for task in order if task in tasks)


def _require_files(assignment: Assignment) -> None:
    for path in assignment.provided_files:
        if not path.is_file():
            raise AuthoringError(
                "no such provided file",
                place=f"solutions/{path.name}",
                remedy=f"Write it, or leave it out of autograder/{assignment.name}/{SETTINGS}.",
            )
    size = sum(path.stat().st_size for path in assignment.provided_data)
    if size > _MOST_DATA:
        raise AuthoringError(
            f"{size / 2**20:.1f} MiB of data files are provided, and code has room for {_MOST_DATA >> 20} when it is graded",
            place=f"autograder/{assignment.name}/{SETTINGS}",
            remedy="Leave out rows, or take fewer digits; `numpy.savez_compressed` makes arrays small.",
        )


def _compare_names(assignment: Assignment, gaps: Sequence[str], tasks: dict[str, CollectedTask]) -> None:
    folder = f"autograder/{assignment.name}"
    if not gaps:
        raise AuthoringError(
            "no gaps",
            place=assignment.solution_label,
            remedy="Mark what students are to fill with `### BEGIN SOLUTION <task>` and `### END SOLUTION`.",
        )
    for gap in gaps:
        if gap not in tasks:
            name = f"{FILE_PREFIX}{gap.replace('-', '_')}.py"
            raise AuthoringError(
                f"the gap {gap!r} has no hidden tests",
                place=f"{folder}/{name}",
                remedy="Write that file, or correct the task id after the marker.",
            )
    for task in tasks:
        if task not in gaps:
            raise AuthoringError(
                f"the task {task!r} has no gap in {assignment.solution_label}",
                place=f"{folder}/{FILE_PREFIX}{task.replace('-', '_')}.py",
                remedy=f"Known gaps: {', '.join(gaps)}. Rename the file, or mark the gap.",
            )


def _plan_task(assignment: Assignment, path: Path, items: list[pytest.Function]) -> CollectedTask:
    place = f"autograder/{assignment.name}/{path.name}"
    if not items:
        raise AuthoringError(
            "a task without tests", place=place, remedy="Write a test_… function with @pytest.mark.points(…)."
        )
    title = inspect.getdoc(items[0].module)
    if not title:
        raise AuthoringError("no docstring", place=place, remedy="Its first line is the title of the task.")
    cases = Counter(_function_id(item) for item in items)
    tests = tuple(_plan_test(item, cases[_function_id(item)], place) for item in items)
    return CollectedTask(task_of_file(path), title.splitlines()[0], tests)


def _function_id(item: pytest.Function) -> str:
    """The test function of an item, the same for all its cases; two classes may have functions of one name."""
    return f"{item.parent.nodeid if item.parent is not None else ''}::{item.originalname}"


def _plan_test(item: pytest.Function, cases: int, place: str) -> CollectedTest:
    place = f"{place}::{item.originalname}"
    marks = list(item.iter_markers("points"))
    points = marks[0].args[0] if len(marks) == 1 and len(marks[0].args) == 1 else None
    if points is None:
        raise AuthoringError(
            "a hidden test without points" if not marks else "points must be given once",
            place=place,
            remedy="Add @pytest.mark.points(n) with one number.",
        )
    is_number = isinstance(points, int | float) and not isinstance(points, bool)
    if not (is_number and math.isfinite(points) and points > 0):
        raise AuthoringError(
            f"points must be a positive number, got {points!r}",
            place=place,
            remedy="Give the test more than 0 points, or leave it out.",
        )
    told = inspect.getdoc(item.function)
    if not told:
        raise AuthoringError("no docstring", place=place, remedy="It is what the student is told about the test.")
    sentence = " ".join(told.split()).removesuffix(".")
    title = f"{sentence} ({item.callspec.id})" if hasattr(item, "callspec") else sentence
    # The name, with the class before it where there is one: unique in the file.
    test_id = item.nodeid.partition("::")[2]
    return CollectedTest(item, test_id, title, share(points, cases))
