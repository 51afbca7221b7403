"""Running a whole plan on one submission, and writing the report."""

from __future__ import annotations

from cnn_assignment import __version__
from cnn_assignment.errors import GraderError, UnreadableSubmissionError
from cnn_assignment.grading.attempt import Attempt
from cnn_assignment.grading.digests import autograder_digest, file_digest
from cnn_assignment.grading.hidden import HiddenTests
from cnn_assignment.grading.intake import lift_file
from cnn_assignment.grading.plan import PlannedTask, PlannedTest
from cnn_assignment.grading.points import score_task
from cnn_assignment.model import Outcome, Report, ReportStatus, Submission, TaskScore, Verdict
from cnn_assignment.sandbox.probe import Protections
from cnn_assignment.sandbox.protocol import SandboxError, Spawner


class Scorer:
    """Makes reports, one submission after the other, with tests that were collected once."""

    def __init__(self, hidden: HiddenTests, sandbox: Spawner, protections: Protections) -> None:
        self._hidden = hidden
        self._assignment = hidden.assignment
        self._sandbox = sandbox
        self._protections = protections
        self._digest = autograder_digest(hidden.assignment)
        self._tests = [(task, test) for task in hidden.plan for test in task.tests]

    def score(self, submission: Submission) -> Report:
        """The report of one submission. A GraderError becomes a report that withholds the grade."""
        if submission.path is None:
            return self._unreadable(submission, f"no {self._assignment.name}.ipynb and no {self._assignment.name}.py")
        try:
            code = lift_file(submission.path, self._assignment)
        except UnreadableSubmissionError as error:
            return self._unreadable(submission, str(error))
        except OSError as error:
            return self._unreadable(submission, f"{submission.path.name} cannot be read: {error.strerror}")
        attempt = Attempt(self._sandbox, self._assignment, code)
        try:
            tasks = self._run(attempt)
        except (GraderError, SandboxError) as error:
            return self._report(submission, ReportStatus.GRADER_ERROR, (), (str(error),))
        finally:
            attempt.close()
        return self._report(submission, ReportStatus.GRADED, tasks, (*code.notes, *attempt.notes))

    def _run(self, attempt: Attempt) -> tuple[TaskScore, ...]:
        self._hidden.attempt = attempt
        outcomes: dict[str, list[Outcome]] = {task.id: [] for task in self._hidden.plan}
        for number, (task, test) in enumerate(self._tests):
            following = self._tests[(number + 1) % len(self._tests)][1]
            outcome, _ = self._hidden.judge(task, test, following.item)
            outcomes[task.id].append(outcome)
        return tuple(_score(task, outcomes[task.id]) for task in self._hidden.plan)

    def _unreadable(self, submission: Submission, reason: str) -> Report:
        def missed(test: PlannedTest) -> Outcome:
            share = float(test.share)
            return Outcome(test.id, test.title, Verdict.ERROR, 0.0, share, "the submission cannot be read")

        tasks = tuple(_score(task, [missed(test) for test in task.tests]) for task in self._hidden.plan)
        return self._report(submission, ReportStatus.UNREADABLE, tasks, (reason,))

    def _report(
        self, submission: Submission, status: ReportStatus, tasks: tuple[TaskScore, ...], notes: tuple[str, ...]
    ) -> Report:
        # Exact shares are added up: floats would make 99.99999999999999 of thirds.
        outcomes = [outcome for task in tasks for outcome in task.tests]
        planned = [test for _, test in self._tests]
        earned = sum(test.share for test, got in zip(planned, outcomes) if got.outcome is Verdict.PASSED)  # noqa: B905
        readable = submission.path is not None and submission.path.is_file()
        return Report(
            assignment=self._assignment.name,
            student=submission.student,
            status=status,
            score=float(earned),
            max_score=float(sum(test.share for test in planned)),
            tasks=tasks,
            notes=notes,
            file=submission.path.name if submission.path is not None else "",
            digest=file_digest(submission.path) if submission.path is not None and readable else "",
            autograder_digest=self._digest,
            seed=self._assignment.seed,
            kit=__version__,
            level=self._protections.level,
            protections=self._protections.active,
        )


def _score(task: PlannedTask, outcomes: list[Outcome]) -> TaskScore:
    return score_task(task.id, task.title, [test.share for test in task.tests], outcomes)
