"""The proof of an assignment: every trial graded, the public checks run, the build compared, the release searched."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from pathlib import Path

from cnn_assignment.authoring.leaks import find_leaks
from cnn_assignment.authoring.release import Generate, check
from cnn_assignment.core.errors import AuthoringError
from cnn_assignment.core.model import Assignment, Report, Submission, Task
from cnn_assignment.proving.confounded import find_confounded
from cnn_assignment.proving.gate import make_gate
from cnn_assignment.proving.public_checks import PublicChecks
from cnn_assignment.proving.results import Finding, Result, TaskRow, summarise, tabulate
from cnn_assignment.proving.trials import Trial, make_claims

# Grades submissions with so many processes, and yields each report as it is finished.
Grade = Callable[[Assignment, Sequence[Submission], int], Generator[Report]]


class Proof:
    """What is to be tried of an assignment, ready to run; its length is the number of trials.

    tasks: those of the hidden tests. grade: see `Grade`; the solution is one of the submissions. generate: makes the release
    that the committed one is compared with. gate: whether the proof holds more than solution, skeleton, build and release.
    Raises AuthoringError where the assignment is not built or its files are not valid.
    """

    def __init__(
        self, assignment: Assignment, tasks: tuple[Task, ...], grade: Grade, generate: Generate, *, gate: bool = True
    ) -> None:
        self._assignment = assignment
        self._tasks = tasks
        self._grade_all = grade
        self._generate = generate
        self._trials = make_claims(assignment, self._tasks)
        if gate:
            self._trials += make_gate(assignment, self._tasks)
        self._checks, self._misfit = _make_public_checks(assignment, self._tasks) if gate else (None, "")
        self._gate = gate
        self.results: tuple[Result, ...] = ()
        self.findings: tuple[Finding, ...] = ()

    def __len__(self) -> int:
        return len(self._trials) + (len(self._checks) if self._checks is not None else 0)

    @property
    def holds(self) -> bool:
        """Whether nothing was found that must not be."""
        return all(finding.holds for finding in self.findings)

    @property
    def survivors(self) -> list[str]:
        """Every trial and public check that went otherwise than it must, by name, with what happened."""
        graded = [result.survivor for result in self.results if result.outcome.problem]
        return graded + (self._checks.survivors if self._checks is not None else [])

    @property
    def table(self) -> list[TaskRow]:
        """The gate, task by task."""
        return tabulate(self.results, [task.id for task in self._tasks])

    def run(self, jobs: int = 1, progress: Callable[[str], None] = lambda _: None) -> None:
        """Try everything; progress is told of each trial as soon as it was graded."""
        results = self._grade(self._trials, jobs, progress)
        self.results = tuple(self._take_apart(results, jobs))
        checked = self._run_public_checks(jobs, progress)
        told_apart = [_look_at_traits(self._tasks)] if self._gate else []
        built = (*self._compare_python(), self._compare_with_build(), self._look_for_leaks())
        self.findings = (*summarise(self.results), *told_apart, *checked, *built)

    def _take_apart(self, results: list[Result], jobs: int) -> list[Result]:
        """In the place of a trial that failed as a whole, those of its parts that fail alone, if there are any."""
        failed = {result.trial: result for result in results if result.outcome.problem and result.trial.parts}
        parts = self._grade([part for trial in failed for part in trial.parts], jobs, lambda _: None)
        alone = {result.trial: result for result in parts if result.outcome.problem}
        found = []
        for result in results:
            culprits = [alone[part] for part in result.trial.parts if part in alone] if result.trial in failed else []
            found += culprits or [result]
        return found

    def _grade(self, trials: Sequence[Trial], jobs: int, progress: Callable[[str], None]) -> list[Result]:
        """The results, in the order of the trials."""
        found: dict[int, Result] = {}
        with tempfile.TemporaryDirectory() as folder:
            submissions = [
                _make_submission(self._assignment, number, trial, Path(folder)) for number, trial in enumerate(trials)
            ]
            with closing(self._grade_all(self._assignment, submissions, jobs)) as reports:
                for report in reports:
                    trial = trials[int(report.student)]
                    found[int(report.student)] = Result(trial, trial.rule(report))
                    progress(trial.name)
        return [found[number] for number in sorted(found)]

    def _run_public_checks(self, jobs: int, progress: Callable[[str], None]) -> list[Finding]:
        if self._checks is None:
            return [Finding("public checks can be run", "yes", self._misfit, holds=False)] if self._misfit else []
        self._checks.run(jobs, progress)
        return self._checks.findings

    def _compare_with_build(self) -> Finding:
        try:
            # The first line of each difference names the file; the others show it.
            differences = check(self._assignment, self._tasks, self._assignment.hints, self._generate)
            stale = [text.splitlines()[0] for text in differences]
        except AuthoringError as error:
            stale = [str(error)]
        return Finding("source/ and release/ are as a build makes them", "yes", "; ".join(stale) or "yes", not stale)

    def _compare_python(self) -> list[Finding]:
        """Whether this Python reads all that students are told they may write."""
        told = self._assignment.python
        if not told:
            return []
        here = sys.version_info[:2]
        holds = here >= tuple(map(int, told.split(".")))
        return [Finding("the Python that students are told grades", f"{told} or newer", f"{here[0]}.{here[1]}", holds)]

    def _look_for_leaks(self) -> Finding:
        leaks = find_leaks(self._assignment, self._assignment.release_dir)
        return Finding("answers and hidden tests in the release", "none", "; ".join(leaks) or "none", not leaks)


def _look_at_traits(tasks: Sequence[Task]) -> Finding:
    """Advice: it costs no mark, because the grader tries what it would say, and else says nothing."""
    found = "; ".join(find_confounded(tasks))
    claim = "traits of test cases that never vary, or never differ"
    return Finding(claim, "none", found or "none", holds=True, is_advice=bool(found))


def _make_public_checks(assignment: Assignment, tasks: tuple[Task, ...]) -> tuple[PublicChecks | None, str]:
    """The public checks, or what keeps them from being put together."""
    try:
        return PublicChecks(assignment, tasks), ""
    except AuthoringError as error:
        return None, str(error)


def _make_submission(assignment: Assignment, number: int, trial: Trial, folder: Path) -> Submission:
    """The trial as a student would hand it in, under its number."""
    place = folder / str(number)
    place.mkdir()
    if isinstance(trial.content, Path):
        path = Path(shutil.copy(trial.content, place))
    else:
        path = place / f"{assignment.module}.py"
        path.write_text(trial.content, encoding="utf-8")
    return Submission(str(number), path, trial.tasks, trial.until_loss, trial.explain)
