"""The grader client: it starts grader processes, asks them for reports, and replaces one that dies.

A submission at which a process died is tried again in a fresh one.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from cnn_assignment import __version__
from cnn_assignment.core.errors import AuthoringError, GraderError, KitError, ProtectionError
from cnn_assignment.core.model import Assignment, Report, ReportStatus, Submission, Task
from cnn_assignment.running.last_words import LastWords
from cnn_assignment.sandbox.client.launch import ONE_THREAD
from cnn_assignment.sandbox.client.patience import with_patience

# One death may come from outside; a second one at the same submission comes from it.
_TRIES = 2


class GraderDiedError(GraderError):
    """A grader process ended without an answer. seen: how, in words that are the same on every machine."""

    def __init__(self, seen: str) -> None:
        self.seen = seen
        super().__init__(
            f"the grader process ended unexpectedly ({seen})",
            remedy="Grade this submission alone with --only to see whether it happens again.",
        )


class GraderProcess:
    """One grader process. Use as a context manager.

    collect_only: whether it only tells its tasks; it opens no sandbox then, and ends. solution_first: whether it grades
    the solution before it is ready, and refuses to go on where that loses marks. on_start: told of the process as soon
    as it can be aborted, long before it is ready. Raises AuthoringError when the hidden tests are not valid, or cost the
    solution marks, ProtectionError when the sandbox gives less than the assignment's required level, and GraderError when the process
    does not start.
    """

    def __init__(
        self,
        assignment: Assignment,
        *,
        collect_only: bool = False,
        solution_first: bool = False,
        on_start: Callable[[GraderProcess], None] = lambda _: None,
    ) -> None:
        # For its temporary files, made by itself: however it ends, they go with this folder.
        self._scratch = Path(tempfile.gettempdir()) / f"cnn-assignment-{secrets.token_hex(8)}"
        self._process = with_patience(
            lambda: subprocess.Popen(
                # -P: the working folder, which may hold students' files, is not on the path.
                [sys.executable, "-P", "-m", "cnn_assignment.running.grader", str(self._scratch)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
                # Expected values must not depend on how many cores there are, or on who starts the process.
                env={**os.environ, **ONE_THREAD},
                start_new_session=True,
            )
        )
        assert self._process.stderr is not None
        self._last_words = LastWords(self._process.stderr)
        # Answers come in the order of what was sent.
        self._sent = self._received = 0
        try:
            on_start(self)
            order: dict[str, Any] = {"root": str(assignment.root), "assignment": assignment.name}
            order |= {"required_level": assignment.limits.required_level}
            order |= {"collect_only": collect_only, "solution_first": solution_first}
            self._give(order)
            ready = self._take()
            if "problem" in ready:
                raise problem_from_json(ready["problem"])
        except BaseException:
            self.close()
            raise
        self.tasks = tuple(Task.from_json(task) for task in ready["ready"]["tasks"])
        sandbox = ready["ready"].get("sandbox", {"level": 0, "protections": {}})
        self.level: int = sandbox["level"]
        self.protections: dict[str, bool] = sandbox["protections"]

    @property
    def running(self) -> bool:
        """Whether the process can still be asked."""
        return self._process.poll() is None

    def grade(self, submission: Submission) -> Report:
        """The report of one submission. Raises GraderDiedError when the process has died."""
        return self.receive(self.send(submission))

    def send(self, submission: Submission) -> int:
        """Let the process begin with a submission; the number is for `receive`. Raises GraderDiedError."""
        self._give(submission.to_json())
        return self._sent

    def owes(self, number: int) -> bool:
        """Whether the report of a submission that was sent can still be received."""
        return self._received < number

    def receive(self, number: int) -> Report:
        """The report of a submission that was sent; those that were sent before it and not received are dropped.

        Raises GraderDiedError when the process has died.
        """
        assert self._received < number <= self._sent, number
        answer = self._take()
        while self._received < number:
            answer = self._take()
        if "problem" in answer:
            raise problem_from_json(answer["problem"])
        return Report.from_json(answer["report"])

    def close(self) -> None:
        """Let the process end; make it, if it does not."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        self._await_end()
        self._last_words.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def abort(self) -> None:
        """End the process now; whoever waits for its answer gets a GraderDiedError."""
        self._process.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _give(self, order: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
        except (OSError, ValueError) as error:
            raise self._died() from error
        self._sent += 1

    def _take(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        try:
            line = self._process.stdout.readline()
        except (OSError, ValueError) as error:
            raise self._died() from error
        # A process that is killed while it writes leaves half a line.
        if not line.endswith("\n"):
            raise self._died()
        self._received += 1
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _await_end(self) -> int:
        try:
            return self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def _died(self) -> GraderDiedError:
        code = self._await_end()
        how = f"status {code}" if code >= 0 else f"signal {-code}, {signal.Signals(-code).name}"
        said = self._last_words.last_line()
        return GraderDiedError(f"{how}: {said}" if said else how)


class CalledOffError(Exception):
    """A grader was called off before it had a report."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A submission that a process is at."""

    process: GraderProcess
    number: int


class GraderClient:
    """Grades with one process at a time, started when it is first needed. Use as a context manager.

    solution_first: whether nothing is graded where the solution loses marks, see `GraderProcess`; a proof wants to know
    what it loses.
    Only `abort` may be called from another thread.
    """

    def __init__(self, assignment: Assignment, *, solution_first: bool = True) -> None:
        self._assignment = assignment
        self._solution_first = solution_first
        self._process: GraderProcess | None = None
        self._lock = threading.Lock()
        self._abortable: GraderProcess | None = None
        self._called_off = False

    def begin(self, submission: Submission) -> Begun | None:
        """Let a process begin with a submission, for `grade`; None where it died. Raises what `start` raises."""
        process = self.start()
        try:
            return Begun(process, process.send(submission))
        except GraderDiedError:
            return None

    def grade(self, submission: Submission, begun: Begun | None = None) -> Report:
        """The report of one submission. begun: what `begin` gave for it.

        Raises what `GraderProcess` raises when the process tells it, and GraderError, with what was seen, when two
        processes died at this submission.
        """
        deaths: list[str] = []
        while len(deaths) < _TRIES:
            try:
                process = self.start()
                if begun is not None and begun.process is process and process.owes(begun.number):
                    return process.receive(begun.number)
                return process.grade(submission)
            except GraderDiedError as death:
                self._refuse_when_called_off()
                deaths.append(death.seen)
            except GraderError:
                # Told by a process, which ends with it.
                self.close()
                raise
        self.close()
        first, second = deaths
        raise GraderError(
            f"the grader process ended at this submission, and again in a fresh one ({first}; {second})",
            remedy="Grade it alone with --only to see whether it happens again.",
        )

    def report(self, submission: Submission) -> Report:
        """The same, but what breaks at this submission alone gives a report that withholds its grade.

        Raises AuthoringError and ProtectionError, which every submission would meet.
        """
        try:
            return self.grade(submission)
        except ProtectionError:
            raise
        except GraderError as error:
            return withheld_report(self._assignment, submission, str(error))

    def start(self) -> GraderProcess:
        """The process, ready; a new one if there is none or if it has died. Raises what `GraderProcess` raises."""
        if self._process is not None and not self._process.running:
            self.close()
        if self._process is None:
            self._refuse_when_called_off()
            self._process = GraderProcess(
                self._assignment, solution_first=self._solution_first, on_start=self._remember
            )
        return self._process

    def abort(self) -> None:
        """End for good, now: whoever waits for a report gets a CalledOffError, and no process is started any more."""
        with self._lock:
            self._called_off = True
            if self._abortable is not None:
                self._abortable.abort()

    def close(self) -> None:
        """End the process, if there is one."""
        with self._lock:
            self._abortable = None
        if self._process is not None:
            self._process.close()
            self._process = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _remember(self, process: GraderProcess) -> None:
        """Let a process be aborted from its first moment on."""
        with self._lock:
            self._abortable = process
            if self._called_off:
                process.abort()

    def _refuse_when_called_off(self) -> None:
        if self._called_off:
            raise CalledOffError("grading was called off")


def withheld_report(assignment: Assignment, submission: Submission, reason: str) -> Report:
    """A report for a submission whose grade is withheld because the grader failed."""
    return Report(
        assignment=assignment.name,
        student=submission.student,
        status=ReportStatus.GRADER_ERROR,
        score=0.0,
        max_score=0.0,
        tasks=(),
        notes=(reason,),
        file=submission.path.name if submission.path is not None else "",
        digest="",
        autograder_digest="",
        seed=assignment.seed,
        kit=__version__,
        level=0,
    )


def collect_tasks(assignment: Assignment) -> tuple[Task, ...]:
    """The tasks of an assignment, their points derived from the hidden tests. Raises AuthoringError."""
    with GraderProcess(assignment, collect_only=True) as grader:
        return grader.tasks


def problem_to_json(error: KitError) -> dict[str, str]:
    """An error as processes tell it to each other."""
    return {"kind": type(error).__name__, "fact": error.fact, "place": error.place, "remedy": error.remedy}


def problem_from_json(told: dict[str, str]) -> KitError:
    """The inverse of `problem_to_json`."""
    kinds: dict[str, type[KitError]] = {"ProtectionError": ProtectionError, "GraderError": GraderError}
    kind = kinds.get(told["kind"], AuthoringError)
    return kind(told["fact"], place=told["place"], remedy=told["remedy"])
