"""The hidden tests of one assignment inside pytest: their fixtures, their plan, and the judging of one test."""

from __future__ import annotations

import importlib
import itertools
import sys
import traceback
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, chdir, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from _pytest.runner import runtestprotocol

from cnn_assignment.core.errors import AuthoringError, GraderError
from cnn_assignment.core.model import Assignment, Outcome, Status
from cnn_assignment.judging.collected import (
    DEGENERATE_PASSES,
    FURTHER_CASES,
    CollectedTask,
    CollectedTest,
    collect_tests,
)
from cnn_assignment.judging.failures import is_open_gap, judge_failure
from cnn_assignment.judging.replay import Playback, ReplayCache, RunResult
from cnn_assignment.judging.session import Session
from cnn_assignment.judging.signature import FailureSignature, sign_failure
from cnn_assignment.sandbox.client.protocol import SandboxError
from cnn_assignment.sandbox.client.proxies import Conversation, Remote
from cnn_assignment.testing.mismatch import WorkerGoneError


@dataclass(frozen=True, slots=True, eq=False)
class JudgedTest:
    """One test on one submission: what the report says of it, and what it takes to explain that.

    signature is None where the test was passed. stand_ins_used: the methods in whose place right ones answered. remarks: what
    the test did to be about its own task alone. reports: what pytest made of it.
    """

    outcome: Outcome
    signature: FailureSignature | None
    stand_ins_used: frozenset[str]
    remarks: tuple[str, ...]
    reports: list[pytest.TestReport]


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """A test that is being run, its conversation with the submission, and what `once` gave in it."""

    test: CollectedTest
    conversation: Conversation
    answers: list[Any] = field(default_factory=list)


class HiddenTests:
    """Registered with pytest as a plugin object. session is the submission under test; whoever drives the run sets it."""

    def __init__(self, assignment: Assignment, *, whole: bool = True, replay_cache: ReplayCache | None = None) -> None:
        self.assignment = assignment
        self._replay_cache = replay_cache
        # Whether all tests of the assignment are collected, or only those that an instructor named.
        self._whole = whole
        self.session: Session | None = None
        self.collected: tuple[CollectedTask, ...] = ()
        self.problem: AuthoringError | None = None
        self._running: _Run | None = None
        self._failure: BaseException | None = None
        self._remembered: dict[tuple[str, int], Any] = {}
        self.last_reports: list[pytest.TestReport] = []

    # Fixtures

    @pytest.fixture
    def student(self) -> Remote:
        """The submission's module, seen through the sandbox."""
        return self._run_now().conversation.module()

    @pytest.fixture
    def student_files(self) -> SimpleNamespace:
        """The provided files where the student's code runs: ``student_files.mlp`` is its ``mlp.py``."""
        conversation = self._run_now().conversation
        names = [path.stem for path in self.assignment.provided_modules]
        return SimpleNamespace(**{name: conversation.import_module(name) for name in names})

    @pytest.fixture
    def reference(self) -> Iterator[ModuleType]:
        """The solution's module, here in the trusted process, in whose working folder lie the data files."""
        folder = self.assignment.solution_file.parent
        with ExitStack() as stack:
            if self.assignment.provided_data:
                stack.enter_context(chdir(folder))
            with _importable(folder):
                module = _import_file(self.assignment.solution_file)
            yield module

    @pytest.fixture
    def reference_files(self) -> SimpleNamespace:
        """The provided files, here in the trusted process."""
        with _importable(self.assignment.solution_file.parent):
            return SimpleNamespace(**{path.stem: _import_file(path) for path in self.assignment.provided_modules})

    @pytest.fixture
    def rng(self) -> np.random.Generator:
        """Random numbers that depend on the assignment's seed and on the test's name, and on nothing else."""
        # pytest's own fixture for it, `request`, takes longer to make than all of ours.
        return np.random.default_rng([self.assignment.seed, zlib.crc32(self._run_now().test.key.encode())])

    @pytest.fixture
    def once(self) -> Callable[..., Any]:
        """``once(function, *arguments)`` calls the function once for this test, and remembers what it gave.

        For what is the same for every submission, such as expected values. Its arrays are made read-only.
        """
        number, run = itertools.count(), self._run_now()
        test = run.test.key

        def once(function: Callable[..., Any], *arguments: Any) -> Any:
            key = (test, next(number))
            if key not in self._remembered:
                self._remembered[key] = _freeze(function(*arguments))
            run.answers.append(self._remembered[key])
            return self._remembered[key]

        return once

    def _run_now(self) -> _Run:
        if self._running is None:
            raise GraderError("a hidden test was run without a submission")
        return self._running

    # Hooks

    def pytest_configure(self, config: pytest.Config) -> None:
        """Declare the marker."""
        config.addinivalue_line("markers", "points(n): what a hidden test earns, spread over its cases")
        config.addinivalue_line(
            "markers", f"{DEGENERATE_PASSES}(kind, ...): answers that know nothing and are right in this test or case"
        )
        config.addinivalue_line(
            "markers", f"{FURTHER_CASES}(draw): makes a further case of the test from a random generator"
        )

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> None:
        """Give a further case in the place of the test's own."""
        if self._running is not None and self._running.test.instead is not None:
            pyfuncitem.funcargs.update(self._running.test.instead)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Remember a file that cannot be imported."""
        if report.failed and self.problem is None:
            last_line = report.longreprtext.strip().splitlines()[-1].removeprefix("E").strip()
            self.problem = AuthoringError(
                f"hidden tests cannot be collected: {last_line}",
                place=f"autograder/{self.assignment.name}/{Path(report.nodeid).name}",
                remedy=f"Run `pytest autograder/{self.assignment.name}` to see where.",
            )

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Make the plan before anything is deselected; a test without points, say, stops the run here."""
        if self.problem is None:
            try:
                self.collected = collect_tests(self.assignment, items, whole=self._whole)
            except AuthoringError as error:
                self.problem = error
        if self.problem is not None:
            raise pytest.UsageError(str(self.problem))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, call: pytest.CallInfo[None]) -> None:
        """Keep the first exception of a test: the report that pytest makes of it has only its text."""
        if call.excinfo is not None and self._failure is None:
            self._failure = call.excinfo.value

    # Judging

    def judge_all(self, tasks: Sequence[CollectedTask], *, until_loss: bool = False) -> dict[str, list[JudgedTest]]:
        """Run the tests of these tasks on the session; until_loss leaves a task after its first lost mark.

        Raises GraderError where a test itself is broken.
        """
        found: dict[str, list[JudgedTest]] = {task.id: [] for task in tasks}
        order = [(task, test) for task in tasks for test in task.tests]
        for number, (task, test) in enumerate(order):
            if until_loss and found[task.id] and found[task.id][-1].signature is not None:
                continue
            # pytest must know what comes next to tear down the right fixtures; after the last one, all of them.
            following = None if until_loss or number + 1 == len(order) else order[number + 1][1].item
            found[task.id].append(self.judge(task, test, following))
        # The last ones may not have been run.
        if order:
            _tear_down(order[-1][1].item, None)
        return found

    def judge(self, task: CollectedTask, test: CollectedTest, following: pytest.Item | None) -> JudgedTest:
        """Run one test on the session, if need be once more with right methods in the place of the task's stand-ins.

        following is the item that is run next, if any. Raises GraderError where the test itself is broken.
        """
        result = self._run(test, (), following)
        reports = self.last_reports
        remarks = result.remarks
        stand_ins_used: frozenset[str] = frozenset()
        stand_ins = self.assignment.stand_ins.get(task.id, ())
        if result.failure is not None and stand_ins and not self._is_untouched(result.failure, task):
            other = self._run(test, stand_ins, following)
            remarks = other.remarks
            if (
                other.failure is None
                or is_open_gap(result.failure)
                or judge_failure(other.failure, task.id)[0] is Status.FAILED
            ):
                result, reports, stand_ins_used = other, self.last_reports, self._stand_ins_used()
        share = float(test.share)
        if result.failure is None:
            outcome = Outcome(test.id, test.title, Status.PASSED, share, share)
            return JudgedTest(outcome, None, stand_ins_used, remarks, reports)
        failed = self.session.failed_classes if self.session is not None else None
        status, message = judge_failure(result.failure, task.id, failed)
        outcome = Outcome(test.id, test.title, status, 0.0, share, message)
        return JudgedTest(outcome, sign_failure(result, status, message), stand_ins_used, remarks, reports)

    def _stand_ins_used(self) -> frozenset[str]:
        return frozenset(self.session.stand_ins_used) if self.session is not None else frozenset()

    @staticmethod
    def _is_untouched(failure: BaseException, task: CollectedTask) -> bool:
        return is_open_gap(failure) and judge_failure(failure, task.id)[0] is Status.NOT_ATTEMPTED

    def _run(self, test: CollectedTest, stand_ins: tuple[str, ...], following: pytest.Item | None) -> RunResult:
        # With nothing between a test and its next run, pytest would keep its fixtures: those of the last submission.
        following = following if following is not test.item else None
        while True:
            result = self._run_once(test, stand_ins, following)
            # It ends: each time one more call is known to be deadly, and is not made again.
            if not isinstance(result.failure, WorkerGoneError):
                return result

    def _run_once(self, test: CollectedTest, stand_ins: tuple[str, ...], following: pytest.Item | None) -> RunResult:
        """Run a test, unless it is known how it ends."""
        if self.session is None:
            raise GraderError("a hidden test was run without a submission")
        key, line = (test.key, stand_ins), self.session.line(stand_ins)
        # Where a call does not come back, what a test asks depends on that too.
        replay_cache = self._replay_cache if not self.session.is_troubled else None
        playback = replay_cache.play(key, line) if replay_cache is not None else Playback(line)
        self.last_reports = []
        known = playback.replay()
        if known is not None:
            return known
        conversation = Conversation(playback.carry, line.is_deadly)
        result = self._run_with_pytest(_Run(test, conversation), following)
        if replay_cache is not None:
            replay_cache.keep(key, playback, result)
        return result

    def _run_with_pytest(self, run: _Run, following: pytest.Item | None) -> RunResult:
        # pytest tears down all but what the next test needs, and another one than the next may be run next.
        item = run.test.item
        _tear_down(item, item)
        self._running, self._failure = run, None
        self.last_reports = runtestprotocol(item, log=False, nextitem=following)
        failure = self._caught()
        trouble = _find_trouble(failure)
        if trouble is not None:
            # No test is to blame, and none can be judged: whoever drives the run decides.
            raise trouble
        if failure is not None:
            # Their local values, as large as student code makes them, would wait for the collector of cycles.
            traceback.clear_frames(failure.__traceback__)
        return RunResult(failure, tuple(run.conversation.remarks), tuple(run.answers) if failure is not None else ())

    def _caught(self) -> BaseException | None:
        """What the hook above kept of the test that was just run."""
        return self._failure


def _find_trouble(failure: BaseException | None) -> SandboxError | None:
    """The sandbox's own failure, if one is behind that of a test, which may have caught it and raised another."""
    seen: set[int] = set()
    while failure is not None and id(failure) not in seen:
        if isinstance(failure, SandboxError):
            return failure
        seen.add(id(failure))
        failure = failure.__cause__ or failure.__context__
    return None


def _tear_down(item: pytest.Item, following: pytest.Item | None) -> None:
    """End the fixtures that the item to be run next does not share. Raises GraderError where that fails."""
    try:
        item.session._setupstate.teardown_exact(following)  # noqa: SLF001 - as pytest does, which has no other way
    except Exception as error:
        raise GraderError(
            f"a fixture of the hidden tests does not end: {type(error).__name__}: {error}",
            place=f"autograder/…/{item.path.name}",
            remedy="Debug it with `pytest autograder/<assignment> --submission FILE`.",
        ) from error


def _freeze(value: Any) -> Any:
    """The value, with the arrays in it made read-only."""
    if isinstance(value, np.ndarray):
        value.setflags(write=False)
    elif isinstance(value, dict):
        _freeze(list(value.values()))
    elif isinstance(value, list | tuple):
        for part in value:
            _freeze(part)
    return value


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def _import_file(path: Path) -> ModuleType:
    return importlib.import_module(path.stem)
