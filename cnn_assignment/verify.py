"""Proving an assignment before it is released: what must earn full marks does, what must earn none does not."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from cnn_assignment.authoring.leaks import find_leaks
from cnn_assignment.authoring.release import check
from cnn_assignment.authoring.skeleton import fill_only, open_gaps
from cnn_assignment.errors import AuthoringError
from cnn_assignment.grading.pool import collect_tasks, grade_all
from cnn_assignment.layout import task_order
from cnn_assignment.model import Assignment, Report, Submission, Task, Verdict

# Solution and skeleton as module and as notebook, whether the build is up to date, and the leaks.
_COMMON_CLAIMS = 6


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the proof: what was tried, what it must earn, what it earned, and whether that is right."""

    claim: str
    expected: str
    found: str
    holds: bool


@dataclass(frozen=True, slots=True)
class _Claim:
    """A submission made for the proof, and what each task must earn on it."""

    name: str
    text: str
    path: Path
    scores: dict[str, float]
    statuses: dict[str, Verdict]


def count_claims(assignment: Assignment) -> int:
    """How many findings a proof has."""
    return len(task_order(assignment)) + _COMMON_CLAIMS


def verify(
    assignment: Assignment, jobs: int = 1, progress: Callable[[Finding], None] = lambda _: None
) -> tuple[Finding, ...]:
    """Every finding, in the order of the proof; progress is told of each as soon as it is known.

    Raises AuthoringError where the assignment is not built or its files are not valid.
    """
    tasks = collect_tasks(assignment)
    _refuse_unbuilt(assignment)
    findings = []
    with tempfile.TemporaryDirectory() as folder:
        claims = _make_claims(assignment, tasks, Path(folder))
        submissions = [Submission(claim.name, claim.path) for claim in claims]
        by_name = {claim.name: claim for claim in claims}
        with closing(grade_all(assignment, submissions, jobs)) as reports:
            for report in reports:
                findings.append(_compare(by_name[report.student], report))
                progress(findings[-1])
    order = [claim.text for claim in claims]
    findings.sort(key=lambda finding: order.index(finding.claim))
    for finding in (_compare_with_build(assignment, tasks), _look_for_leaks(assignment)):
        findings.append(finding)
        progress(finding)
    return tuple(findings)


def _refuse_unbuilt(assignment: Assignment) -> None:
    for path in (assignment.source_dir, assignment.release_dir):
        if not (path / f"{assignment.name}.ipynb").is_file():
            raise AuthoringError(
                "the assignment is not built",
                place=path.relative_to(assignment.root).as_posix(),
                remedy=f"Run `cnn-assignment build {assignment.name}` first.",
            )


def _make_claims(assignment: Assignment, tasks: Sequence[Task], folder: Path) -> list[_Claim]:
    name = assignment.name
    full = {task.id: task.max_score for task in tasks}
    none = dict.fromkeys(full, 0.0)
    passed, untouched = dict.fromkeys(full, Verdict.PASSED), dict.fromkeys(full, Verdict.NOT_ATTEMPTED)
    solution = assignment.solution_file.read_text(encoding="utf-8")
    label = f"solutions/{name}.py"

    def module(key: str, text: str) -> Path:
        path = folder / key / f"{name}.py"
        path.parent.mkdir()
        path.write_text(text, encoding="utf-8")
        return path

    def notebook(key: str, source: Path) -> Path:
        path = folder / key / f"{name}.ipynb"
        path.parent.mkdir()
        return Path(shutil.copy(source / path.name, path))

    skeleton = open_gaps(solution, label, assignment.hints)
    claims = [
        _Claim("module", "the solution as a module", module("module", solution), full, passed),
        _Claim("notebook", "the solution notebook", notebook("notebook", assignment.source_dir), full, passed),
        _Claim("skeleton", "the skeleton", module("skeleton", skeleton), none, untouched),
        _Claim("release", "the released notebook", notebook("release", assignment.release_dir), none, untouched),
    ]
    for task in tasks:
        path = module(f"only-{task.id}", fill_only(solution, [task.id], label))
        scores = none | {task.id: task.max_score}
        statuses = untouched | {task.id: Verdict.PASSED}
        claims.append(_Claim(f"only-{task.id}", f"only {task.id} filled", path, scores, statuses))
    return claims


def _compare(claim: _Claim, report: Report) -> Finding:
    got = {task.id: task for task in report.tasks}
    total = sum(claim.scores.values())
    wrong = [
        f"{task}: {got[task].score:g} ({got[task].status})" if task in got else f"{task}: no score"
        for task in claim.scores
        if task not in got or (got[task].score, got[task].status) != (claim.scores[task], claim.statuses[task])
    ]
    found = f"{report.score:g}" if not wrong else f"{report.score:g}; {', '.join(wrong)}"
    if report.notes:
        found += f"; {' '.join(report.notes)}"
    return Finding(claim.text, f"{total:g}", found, not wrong and report.score == total)


def _compare_with_build(assignment: Assignment, tasks: tuple[Task, ...]) -> Finding:
    try:
        # The first line of each difference names the file; the others show it.
        stale = [text.splitlines()[0] for text in check(assignment, tasks, assignment.hints)]
    except AuthoringError as error:
        stale = [str(error)]
    return Finding("source/ and release/ are as a build makes them", "yes", "; ".join(stale) or "yes", not stale)


def _look_for_leaks(assignment: Assignment) -> Finding:
    leaks = find_leaks(assignment, assignment.release_dir)
    return Finding("answers and hidden tests in the release", "none", "; ".join(leaks) or "none", not leaks)
