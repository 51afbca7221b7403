"""Starting grader processes and handing submissions to them, from a command or from nbgrader."""

from __future__ import annotations

import json
import queue
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from cnn_assignment import __version__
from cnn_assignment.errors import AuthoringError, GraderError, KitError, ProtectionError
from cnn_assignment.model import Assignment, Report, ReportStatus, Submission, Task


class GraderProcess:
    """One grader process. Use as a context manager.

    collect_only: whether it only tells its tasks; it opens no sandbox then, and ends. Raises AuthoringError when the hidden tests are not valid, ProtectionError when the sandbox gives less than the
    assignment's required level, and GraderError when the process does not start.
    """

    def __init__(self, assignment: Assignment, *, collect_only: bool = False) -> None:
        self._assignment = assignment
        # For its temporary files, made by itself: however it ends, they go with this folder.
        self._scratch = Path(tempfile.gettempdir()) / f"cnn-assignment-{secrets.token_hex(8)}"
        self._process = subprocess.Popen(
            # -P: the working folder, which may hold students' files, is not on the path.
            [sys.executable, "-P", "-m", "cnn_assignment.grading.job", str(self._scratch)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        try:
            order: dict[str, Any] = {"root": str(assignment.root), "assignment": assignment.name}
            order |= {"required_level": assignment.limits.required_level, "collect_only": collect_only}
            ready = self._ask(order)
            if "problem" in ready:
                raise _problem(ready["problem"])
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
        """The report of one submission. Raises GraderError when the process has died."""
        answer = self._ask(submission.to_json())
        if "problem" in answer:
            raise _problem(answer["problem"])
        return Report.from_json(answer["report"])

    def close(self) -> None:
        """Let the process end; make it, if it does not."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def abort(self) -> None:
        """End the process now; whoever waits for its answer gets a GraderError."""
        self._process.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, order: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except (OSError, ValueError) as error:
            raise _died(self._process.poll()) from error
        # A process that is killed while it writes leaves half a line.
        if not line.endswith("\n"):
            raise _died(self._process.wait())
        answer: dict[str, Any] = json.loads(line)
        return answer


def collect_tasks(assignment: Assignment) -> tuple[Task, ...]:
    """The tasks of an assignment, their points derived from the hidden tests. Raises AuthoringError."""
    with GraderProcess(assignment, collect_only=True) as grader:
        return grader.tasks


def grade_all(assignment: Assignment, submissions: Sequence[Submission], jobs: int) -> Generator[Report]:
    """Grade with that many processes, yielding each report as it is finished.

    A process that dies costs the submission that it was at, as a grader error, and is replaced. Closing the iterator
    ends the processes.
    """
    todo: queue.SimpleQueue[Submission] = queue.SimpleQueue()
    for submission in submissions:
        todo.put(submission)
    done: queue.SimpleQueue[Report | BaseException] = queue.SimpleQueue()
    stop = threading.Event()
    graders: list[_Runner] = [_Runner(assignment, todo, done, stop) for _ in range(min(jobs, len(submissions)))]
    for grader in graders:
        grader.start()
    try:
        for _ in submissions:
            result = done.get()
            if isinstance(result, BaseException):
                raise result
            yield result
    finally:
        stop.set()
        for grader in graders:
            grader.abort()
        for grader in graders:
            grader.join()


class _Runner(threading.Thread):
    """Feeds one grader process from the queue."""

    def __init__(
        self,
        assignment: Assignment,
        todo: queue.SimpleQueue[Submission],
        done: queue.SimpleQueue[Report | BaseException],
        stop: threading.Event,
    ) -> None:
        super().__init__(daemon=True)
        self._assignment = assignment
        self._todo = todo
        self._done = done
        self._stop_asked = stop
        self._grader: GraderProcess | None = None

    def abort(self) -> None:
        """Let go of the submission that is being graded. To be called after the stop was asked for."""
        grader = self._grader
        if grader is not None:
            grader.abort()

    def run(self) -> None:
        """Until the queue is empty or the class is called off."""
        try:
            while not self._stop_asked.is_set():
                self._done.put(self._grade(self._todo.get_nowait()))
        except queue.Empty:
            pass
        except BaseException as error:  # noqa: BLE001 - told to the thread that waits
            self._done.put(error)
        finally:
            self._let_go()

    def _grade(self, submission: Submission) -> Report:
        try:
            if self._grader is None:
                self._grader = GraderProcess(self._assignment)
            if self._stop_asked.is_set():
                # Called off while the process started, when there was nothing yet to abort.
                self._grader.abort()
            return self._grader.grade(submission)
        except ProtectionError:
            raise
        except GraderError as error:
            self._let_go()
            return withheld(self._assignment, submission, str(error))

    def _let_go(self) -> None:
        if self._grader is not None:
            self._grader.close()
            self._grader = None


def withheld(assignment: Assignment, submission: Submission, reason: str) -> Report:
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


def _died(code: int | None) -> GraderError:
    return GraderError(
        f"the grader process ended unexpectedly (status {code})",
        remedy="Grade this submission alone with --only to see whether it happens again.",
    )


def _problem(told: dict[str, Any]) -> KitError:
    kinds: dict[str, type[KitError]] = {"ProtectionError": ProtectionError, "GraderError": GraderError}
    kind = kinds.get(told["kind"], AuthoringError)
    return kind(told["fact"], place=told["place"], remedy=told["remedy"])
