"""Trials: submissions that are made for the proof, each with what must be found of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from cnn_assignment.authoring.skeleton import fill_only, make_skeleton
from cnn_assignment.core.errors import AuthoringError
from cnn_assignment.core.model import Assignment, Report, ReportStatus, Status, Task


class Kind(StrEnum):
    """What a trial is a trial of."""

    CLAIM = "claim"
    DEGENERATE = "degenerate answer"
    MISCONCEPTION = "misconception"
    NEIGHBOURS = "neighbours"
    MUTANT = "mutant"
    EQUIVALENT = "equivalent mutant"
    RIGHT = "right solution"


@dataclass(frozen=True, slots=True)
class TrialOutcome:
    """What was found of a trial: the problem, "" where there is none, and how many lost tests told the right reason."""

    problem: str = ""
    lost: int = 0
    explained: int = 0


@dataclass(frozen=True, slots=True)
class Trial:
    """One submission of the proof.

    name: unique among its kind and task. content: the text of a module, or the notebook itself. rule: what its report
    must show. tasks, until_loss and explain: as in `Submission`. must_be: what a table says is due.
    parts: what to try one by one where this fails, to find out which of several things it is.
    """

    kind: Kind
    name: str
    task: str
    content: str | Path
    rule: Callable[[Report], TrialOutcome]
    tasks: tuple[str, ...] = ()
    until_loss: bool = False
    explain: bool = False
    must_be: str = ""
    parts: tuple[Trial, ...] = ()


def graded(rule: Callable[[Report], TrialOutcome]) -> Callable[[Report], TrialOutcome]:
    """The rule, for reports that are a grade; any other is a problem by itself."""

    def judge(report: Report) -> TrialOutcome:
        if report.status is not ReportStatus.GRADED:
            return TrialOutcome(f"{report.status}: {' '.join(report.notes)}")
        return rule(report)

    return judge


def make_claims(assignment: Assignment, tasks: Sequence[Task]) -> list[Trial]:
    """Solution and skeleton as module and as notebook, and each task filled alone.

    Raises AuthoringError where the assignment is not built.
    """
    full = {task.id: (task.max_score, Status.PASSED) for task in tasks}
    none = {task.id: (0.0, Status.NOT_ATTEMPTED) for task in tasks}
    solution = assignment.solution_file.read_text(encoding="utf-8")
    label = assignment.solution_label
    notebooks = [_built(assignment, folder) for folder in (assignment.source_dir, assignment.release_dir)]
    contents: list[tuple[str, str | Path, _Expected]] = [
        ("the solution as a module", solution, full),
        ("the solution notebook", notebooks[0], full),
        ("the skeleton", make_skeleton(solution, label, assignment.hints), none),
        ("the released notebook", notebooks[1], none),
    ]
    for task in tasks:
        expected = none | {task.id: full[task.id]}
        contents.append((f"only {task.id} filled", fill_only(solution, [task.id], label), expected))
    return [
        Trial(Kind.CLAIM, name, "", content, _scores_as(expected), must_be=f"{_total(expected):g}")
        for name, content, expected in contents
    ]


# Score and status by task id.
_Expected = Mapping[str, tuple[float, Status]]


def _scores_as(expected: _Expected) -> Callable[[Report], TrialOutcome]:
    @graded
    def rule(report: Report) -> TrialOutcome:
        got = {task.id: task for task in report.tasks}
        wrong = [
            f"{task}: {got[task].score:g} ({got[task].status})" if task in got else f"{task}: no score"
            for task, right in expected.items()
            if task not in got or (got[task].score, got[task].status) != right
        ]
        if not wrong and report.score == _total(expected):
            return TrialOutcome()
        return TrialOutcome(f"{report.score:g}; {', '.join(wrong)}")

    return rule


def _total(expected: _Expected) -> float:
    return sum(score for score, _ in expected.values())


def _built(assignment: Assignment, folder: Path) -> Path:
    path = folder / f"{assignment.name}.ipynb"
    if not path.is_file():
        raise AuthoringError(
            "the assignment is not built",
            place=folder.relative_to(assignment.root).as_posix(),
            remedy=f"Run `cnn-assignment build {assignment.name}` first.",
        )
    return path
