"""One grader process: starting it, asking it, and what is seen of it when it dies."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Self

from cnn_assignment.core.errors import AuthoringError, GraderError, KitError, ProtectionError
from cnn_assignment.core.model import Assignment, Report, Submission, Task
from cnn_assignment.sandbox.client.launch import ONE_THREAD
from cnn_assignment.sandbox.client.patience import start_thread, with_patience

_LAST_WORDS = 2_000
_SHOWN = 200
# What differs from machine to machine and from run to run: paths and addresses.
_PRIVATE = re.compile(r"\S*[/\\]\S*|0x[0-9a-fA-F]+")


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
        self._last_words = _LastWords(self._process.stderr)
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


class _LastWords:
    """The end of what a process writes to its standard error; the rest is read and forgotten."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._kept = ""
        self._reader = start_thread(self._read)

    def last_line(self) -> str:
        """The last line of a process that has ended, short, without paths and addresses."""
        self._reader.join(timeout=1)
        lines = [line for line in self._kept.splitlines() if line.strip()]
        return _PRIVATE.sub("…", lines[-1].strip())[:_SHOWN] if lines else ""

    def close(self) -> None:
        """Let go of the stream of a process that has ended."""
        self._reader.join(timeout=1)
        # What a hidden test left running may hold the other end; its reader goes with it.
        if not self._reader.is_alive():
            self._stream.close()

    def _read(self) -> None:
        # By lines of bounded length, so that neither a flood nor an endless line fills the memory.
        with suppress(OSError, ValueError):
            while line := self._stream.readline(_LAST_WORDS):
                self._kept = (self._kept + line)[-_LAST_WORDS:]


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
