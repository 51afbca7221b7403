"""A grader process: collects the hidden tests once, then grades the submissions that it is told of.

It is a process of its own, so that pytest, the solution and the expected values are neither in the command that
started it nor in nbgrader's server. It speaks JSON, one object a line: first it is told ``{"root", "assignment",
"required_level", "collect_only", "solution_first"}`` and answers ``{"ready"}`` or ``{"problem"}``, then each submission is
answered by ``{"report"}``. It ends when its standard input does. Its one argument is the folder that it makes for its temporary
files: whoever outlives the other, this process or the one that gives the orders, removes it.
"""

from __future__ import annotations

import gc
import io
import json
import os
import select
import shutil
import signal
import sys
import tempfile
import time
from contextlib import redirect_stderr
from pathlib import Path
from typing import IO, Any

import pytest

from cnn_assignment.core.digests import autograder_digest, kit_digest
from cnn_assignment.core.errors import AuthoringError, GraderError, KitError, ProtectionError
from cnn_assignment.core.layout import load_assignment
from cnn_assignment.core.model import Submission
from cnn_assignment.explaining.diagnosis import Diagnostician
from cnn_assignment.explaining.misconception_cache import MisconceptionCache, rows_file
from cnn_assignment.judging.hidden import HiddenTests
from cnn_assignment.judging.replay import ReplayCache
from cnn_assignment.judging.scoring import Scorer
from cnn_assignment.running.client import problem_to_json
from cnn_assignment.running.solution_first import require_full_marks
from cnn_assignment.sandbox.client.choice import open_sandbox
from cnn_assignment.sandbox.client.patience import start_thread
from cnn_assignment.sandbox.client.probe import probe
from cnn_assignment.sandbox.client.protocol import SandboxError

# From the end of its standard input until a grader process that is still busy is ended in the middle.
_GRACE_S = 1.0
_PYTEST_ARGUMENTS = (
    # No configuration of the course and no plugin of the environment decides how hidden tests run.
    *("-c", os.devnull),
    *("-p", "no:terminal", "-p", "no:cacheprovider", "-p", "no:logging", "-p", "no:warnings"),
    *("-p", "no:unraisableexception", "-p", "no:threadexception", "-p", "no:faulthandler", "-s"),
)


class GradingLoop:
    """Runs in the place of pytest's own loop over tests: a loop over submissions around it."""

    def __init__(self, hidden: HiddenTests, orders: IO[str], answers: IO[str], first: dict[str, Any]) -> None:
        self._hidden = hidden
        self._required_level: int = first["required_level"]
        self._collect_only: bool = first["collect_only"]
        self._solution_first: bool = first["solution_first"]
        self._orders = orders
        self._answers = answers
        self.started = False
        self.failure: BaseException | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self) -> bool:
        """Grade until there are no more orders."""
        self.started = True
        tasks = [task.to_task().to_json() for task in self._hidden.collected]
        if self._collect_only:
            _tell(self._answers, {"ready": {"tasks": tasks}})
            return True
        with open_sandbox(self._hidden.assignment.modules) as sandbox:
            protections = probe(sandbox)
            self._refuse_level(protections.level, sandbox.problem)
            kept = MisconceptionCache(rows_file(autograder_digest(self._hidden.assignment), kit_digest()))
            scorer = Scorer(self._hidden, sandbox, protections, Diagnostician(self._hidden, sandbox, kept))
            if self._solution_first:
                require_full_marks(self._hidden.assignment, scorer.score)
            sandbox_facts = {"level": protections.level, "protections": protections.active}
            _tell(self._answers, {"ready": {"tasks": tasks, "sandbox": sandbox_facts}})
            # What is here now stays: each full collection of garbage would look through it again.
            gc.collect()
            gc.freeze()
            for line in self._orders:
                report = scorer.score(Submission.from_json(json.loads(line)))
                _tell(self._answers, {"report": report.to_json()})
        return True

    def _refuse_level(self, level: int, problem: str) -> None:
        if level < self._required_level:
            reason = f" ({problem})" if problem else ""
            raise ProtectionError(
                f"student code must be run at level {self._required_level} here, and the sandbox gives level {level}{reason}",
                remedy="`cnn-assignment doctor` shows what is missing and how to get it.",
            )

    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> bool:
        """Keep the error, and keep its traceback from being printed."""
        self.failure = excinfo.value
        return True

    @staticmethod
    def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> pytest.TestReport:
        """A report without a rendered traceback, which would cost a hundred times the test and be read by nobody."""
        skipped = call.excinfo is not None and call.excinfo.errisinstance(pytest.skip.Exception)
        phase = "call" if call.when == "collect" else call.when
        outcome: Any = "skipped" if skipped else "passed" if call.excinfo is None else "failed"
        return pytest.TestReport(item.nodeid, item.location, {}, outcome, None, phase)


def main() -> int:
    """Take orders on standard input, answer on standard output."""
    # Ctrl-C is for the command that started this process; it closes the pipe when it is done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # Whatever a hidden test prints must not end up among the answers.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        os.environ.pop(name, None)
    scratch = Path(sys.argv[1])
    start_thread(lambda: _end_with_command(scratch))
    try:
        _make_scratch(scratch)
        _take_orders(answers)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return 0


def _take_orders(answers: IO[str]) -> None:
    first = sys.stdin.readline()
    if not first:
        return
    order = json.loads(first)
    try:
        assignment = load_assignment(Path(order["root"]), order["assignment"])
        hidden = HiddenTests(assignment, replay_cache=ReplayCache())
        _run_pytest(hidden, GradingLoop(hidden, sys.stdin, answers, order))
    except (KitError, SandboxError) as error:
        _tell(answers, {"problem": _describe(error)})


def _make_scratch(scratch: Path) -> None:
    scratch.mkdir()
    # Workers of another user pass through it to what the probe shows them.
    scratch.chmod(0o711)
    tempfile.tempdir = str(scratch)


def _end_with_command(scratch: Path) -> None:
    """End this process when whoever gives the orders is gone, also while student code keeps it waiting."""
    poll = select.poll()
    # Asked for nothing, poll still tells that the other end is closed, and leaves unread orders where they are.
    poll.register(sys.stdin.fileno(), 0)
    poll.poll()
    time.sleep(_GRACE_S)
    shutil.rmtree(scratch, ignore_errors=True)
    # The fork server and its workers end with this process; the kernel sees to that.
    os._exit(1)


def _run_pytest(hidden: HiddenTests, loop: GradingLoop) -> None:
    """Collect, then grade until there are no more orders. Raises what ended this early."""
    name, folder = hidden.assignment.name, str(hidden.assignment.autograder_dir)
    # What pytest says of an error is told in one line by the command, and in full by pytest itself.
    with redirect_stderr(io.StringIO()) as said:
        pytest.main([folder, f"--rootdir={folder}", *_PYTEST_ARGUMENTS], plugins=[hidden, loop])
    if hidden.problem is not None:
        raise hidden.problem
    if isinstance(loop.failure, KitError | SandboxError):
        raise loop.failure
    if loop.failure is not None and loop.started:
        raise GraderError(
            f"the grader failed: {type(loop.failure).__name__}: {loop.failure}",
            remedy="Please report this with the file.",
        )
    if not loop.started:
        last = said.getvalue().strip().splitlines()[-1:] or ["no reason given"]
        raise AuthoringError(
            f"hidden tests cannot be collected: {last[0].removeprefix('E').strip()}",
            place=f"autograder/{name}",
            remedy=f"Run `pytest autograder/{name}` to see where.",
        )


def _describe(error: KitError | SandboxError) -> dict[str, Any]:
    if isinstance(error, KitError):
        return problem_to_json(error)
    return {"kind": "GraderError", "fact": str(error), "place": "", "remedy": "Run `cnn-assignment doctor`."}


def _tell(answers: IO[str], message: dict[str, Any]) -> None:
    answers.write(json.dumps(message) + "\n")
    answers.flush()


if __name__ == "__main__":
    sys.exit(main())
