"""Running a whole plan on one submission, and writing the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from typing import Protocol

from cnn_assignment import __version__
from cnn_assignment.core.digests import autograder_digest, submission_digest
from cnn_assignment.core.errors import GraderError, UnreadableSubmissionError
from cnn_assignment.core.model import Outcome, Report, ReportStatus, Status, Submission, TaskScore
from cnn_assignment.judging.collected import CollectedTask, CollectedTest
from cnn_assignment.judging.hidden import HiddenTests, JudgedTest
from cnn_assignment.judging.points import score_task
from cnn_assignment.judging.session import Session
from cnn_assignment.judging.signature import FailureSignature
from cnn_assignment.judging.stand_ins import StandInAnswers
from cnn_assignment.judging.telling import make_teller
from cnn_assignment.sandbox.client.probe import Protections
from cnn_assignment.sandbox.client.protocol import SandboxError
from cnn_assignment.sandbox.client.worker_process import Spawner
from cnn_assignment.submissions import ExtractedCode, extract_file

_WITH_DROPPED = "What was left out like training was run for this grade, because the code earns more with it."


class Explainer(Protocol):
    """What finds reasons for lost marks."""

    def explain(
        self, task: CollectedTask, row: Sequence[FailureSignature | None], code: ExtractedCode
    ) -> tuple[tuple[str, ...], ...]:
        """What to tell the student of each test of a task; nothing of those that were passed. code: what was tested."""

    def sign(self, row: Sequence[FailureSignature | None]) -> tuple[tuple[str, ...], ...]:
        """What each test of a task gave, in the place of reasons, for a proof; nothing of those that were passed."""


class Scorer:
    """Makes reports, one submission after the other, with tests that were collected once."""

    def __init__(self, hidden: HiddenTests, sandbox: Spawner, protections: Protections, explainer: Explainer) -> None:
        self._hidden = hidden
        self._assignment = hidden.assignment
        self._sandbox = sandbox
        self._protections = protections
        self._explainer = explainer
        self._digest = autograder_digest(hidden.assignment)
        self._answers = StandInAnswers()
        self._teller = make_teller(hidden.assignment)

    def score(self, submission: Submission) -> Report:
        """The report of one submission. A GraderError becomes a report that withholds the grade."""
        if submission.path is None:
            return self._unreadable(submission, f"no {self._assignment.name}.ipynb and no {self._assignment.module}.py")
        try:
            code = extract_file(submission.path, self._assignment)
        except UnreadableSubmissionError as error:
            return self._unreadable(submission, str(error))
        except OSError as error:
            return self._unreadable(submission, f"{submission.path.name} cannot be read: {error.strerror}")
        except GraderError as error:
            return self._report(submission, "", ReportStatus.GRADER_ERROR, (), (str(error),))
        digest = submission_digest(submission.path, (code.with_dropped or code).modules)
        plan = self._plan(submission)
        try:
            tested, judged, load_notes = self._judge_best(submission, code, plan)
            if submission.sign:
                tasks = [_score(task, self._sign(judged[task.id])) for task in plan]
                return self._report(submission, digest, ReportStatus.GRADED, tasks, load_notes, is_told=False)
            if submission.explain:
                tasks = [_score(task, self._explain(task, judged[task.id], tested)) for task in plan]
            else:
                tasks = [_score(task, [found.outcome for found in judged[task.id]]) for task in plan]
        except (GraderError, SandboxError) as error:
            return self._report(submission, digest, ReportStatus.GRADER_ERROR, (), (str(error),))
        stand_in_notes = [note for task in tasks for note in _describe_stand_ins(task, judged[task.id])]
        notes = (*submission.notes, *code.notes, *load_notes, *stand_in_notes)
        return self._report(submission, digest, ReportStatus.GRADED, tasks, notes)

    def _plan(self, submission: Submission) -> list[CollectedTask]:
        return [task for task in self._hidden.collected if not submission.tasks or task.id in submission.tasks]

    def _judge_best(
        self, submission: Submission, code: ExtractedCode, plan: Sequence[CollectedTask]
    ) -> tuple[ExtractedCode, dict[str, list[JudgedTest]], tuple[str, ...]]:
        """What the tests say of the code, or of the same code with what was left out of it, whichever earns more."""
        judged, notes = self._judge_patiently(submission, code, plan)
        is_whole = all(found.signature is None for task in plan for found in judged[task.id])
        if code.with_dropped is None or is_whole:
            return code, judged, notes
        again, other_notes = self._judge_patiently(submission, code.with_dropped, plan)
        if _earned(plan, again) <= _earned(plan, judged):
            return code, judged, notes
        return code.with_dropped, again, (_WITH_DROPPED, *other_notes)

    def _judge_patiently(
        self, submission: Submission, code: ExtractedCode, plan: Sequence[CollectedTask]
    ) -> tuple[dict[str, list[JudgedTest]], tuple[str, ...]]:
        try:
            return self._judge(submission, code, plan)
        except SandboxError:
            # What held the machine may have been this very submission: its workers are gone now.
            return self._judge(submission, code, plan)

    def _judge(
        self, submission: Submission, code: ExtractedCode, plan: Sequence[CollectedTask]
    ) -> tuple[dict[str, list[JudgedTest]], tuple[str, ...]]:
        """What the tests say of the code, and what is to be noted of its loading."""
        self._hidden.session = session = Session(self._sandbox, self._assignment, code, self._answers)
        try:
            return self._hidden.judge_all(plan, until_loss=submission.until_loss), session.notes
        finally:
            session.close()

    def _explain(self, task: CollectedTask, judged: Sequence[JudgedTest], code: ExtractedCode) -> list[Outcome]:
        # Where a task was left after its first lost mark, there is less to explain.
        task = replace(task, tests=task.tests[: len(judged)])
        try:
            told = self._explainer.explain(task, [found.signature for found in judged], code)
        except SandboxError:
            # An explanation is an extra: the grade stands without it.
            return [found.outcome for found in judged]
        return [replace(found.outcome, diagnosis=why) for found, why in zip(judged, told, strict=True)]

    def _sign(self, judged: Sequence[JudgedTest]) -> list[Outcome]:
        signed = self._explainer.sign([found.signature for found in judged])
        return [replace(found.outcome, diagnosis=said) for found, said in zip(judged, signed, strict=True)]

    def _unreadable(self, submission: Submission, reason: str) -> Report:
        def missed(test: CollectedTest) -> Outcome:
            share = float(test.share)
            return Outcome(test.id, test.title, Status.ERROR, 0.0, share, "the submission cannot be read")

        tasks = [_score(task, [missed(test) for test in task.tests]) for task in self._plan(submission)]
        digest = ""
        # There may be no file, or none that this user may read.
        with suppress(OSError):
            if submission.path is not None:
                digest = submission_digest(submission.path)
        return self._report(submission, digest, ReportStatus.UNREADABLE, tasks, (reason, *submission.notes))

    def _report(
        self,
        submission: Submission,
        digest: str,
        status: ReportStatus,
        tasks: Sequence[TaskScore],
        notes: tuple[str, ...],
        *,
        is_told: bool = True,
    ) -> Report:
        # Exact shares are added up: floats would make 99.99999999999999 of thirds.
        shares = {(task.id, test.id): test.share for task in self._hidden.collected for test in task.tests}
        earned = [shares[task.id, test.id] for task in tasks for test in task.tests if test.outcome is Status.PASSED]
        most = [shares[task.id, test.id] for task in tasks for test in task.tests] or list(shares.values())
        report = Report(
            assignment=self._assignment.name,
            student=submission.student,
            status=status,
            score=float(sum(earned)),
            max_score=float(sum(most)),
            tasks=tuple(tasks),
            notes=notes,
            file=submission.path.name if submission.path is not None else "",
            digest=digest,
            autograder_digest=self._digest,
            seed=self._assignment.seed,
            kit=__version__,
            level=self._protections.level,
            protections=self._protections.active,
        )
        # Fingerprints are for no reader, and must not be cut.
        return self._teller.tell(report) if is_told else report


def _score(task: CollectedTask, outcomes: Sequence[Outcome]) -> TaskScore:
    # Where a task was left after its first lost mark, the tests that were not run are not in the report.
    shares = [test.share for test in task.tests[: len(outcomes)]]
    return score_task(task.id, task.title, shares, outcomes)


def _earned(plan: Sequence[CollectedTask], judged: Mapping[str, Sequence[JudgedTest]]) -> Fraction:
    """The points of the tests that were passed."""
    pairs = (pair for task in plan for pair in zip(task.tests, judged[task.id], strict=False))
    return sum((test.share for test, found in pairs if found.signature is None), Fraction(0))


def _describe_stand_ins(task: TaskScore, judged: Sequence[JudgedTest]) -> list[str]:
    """For the student: what stood in for methods of other tasks, so that this one could be graded on its own."""
    if task.status is Status.NOT_ATTEMPTED:
        return []
    remarks = list(dict.fromkeys(remark for found in judged for remark in found.remarks))
    stand_ins_used = sorted({name for found in judged for name in found.stand_ins_used})
    if stand_ins_used:
        kinds = sorted({"methods" if "." in name else "functions" for name in stand_ins_used}, reverse=True)
        remarks.append(f"right {' and '.join(kinds)} stood in for your own {', '.join(stand_ins_used)}")
    return [f"{task.id} was graded on its own: {'; '.join(remarks)}."] if remarks else []
