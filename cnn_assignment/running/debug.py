"""``pytest autograder/cnn --submission FILE``: the grader's own way of judging, with pytest's usual output."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cnn_assignment.core.errors import GraderError, KitError
from cnn_assignment.explaining.diagnosis import Diagnostician
from cnn_assignment.judging.collected import CollectedTask, CollectedTest
from cnn_assignment.judging.hidden import HiddenTests, JudgedTest
from cnn_assignment.judging.session import Session
from cnn_assignment.sandbox.client.choice import open_sandbox
from cnn_assignment.submissions import ExtractedCode, extract_file


class DebugRun:
    """One submission (the solution where none is named) for an instructor who debugs a test."""

    def __init__(self, hidden: HiddenTests, submission: str | None) -> None:
        self._hidden = hidden
        self._path = Path(submission) if submission else hidden.assignment.solution_file
        self._judged: dict[str, list[tuple[CollectedTest, JudgedTest]]] = defaultdict(list)
        self._diagnosis: dict[str, list[tuple[str, ...]]] = {}
        self._notes: tuple[str, ...] = ()
        self._broken: list[str] = []
        self._planned: dict[pytest.Item, tuple[CollectedTask, CollectedTest]] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Iterator[None]:
        """Have a session ready while the tests run."""
        if session.config.option.collectonly:
            return (yield)
        if not self._path.is_file():
            raise pytest.UsageError(f"{self._path}: no such file. Name a notebook or a module after --submission.")
        self._planned = {test.item: (task, test) for task in self._hidden.collected for test in task.tests}
        try:
            code = extract_file(self._path, self._hidden.assignment)
        except KitError as error:
            raise pytest.UsageError(str(error)) from error
        self._notes = code.notes
        with open_sandbox(self._hidden.assignment.modules) as sandbox:
            try:
                diagnostician = Diagnostician(self._hidden, sandbox)
            except KitError as error:
                raise pytest.UsageError(str(error)) from error
            self._hidden.session = tested = Session(sandbox, self._hidden.assignment, code)
            try:
                return (yield)
            finally:
                self._notes += tested.notes
                tested.close()
                self._explain(diagnostician, code)

    def _explain(self, diagnostician: Diagnostician, code: ExtractedCode) -> None:
        """Of the tests that were chosen, whatever -k and the like left out."""
        for task in self._hidden.collected:
            if judged := self._judged[task.id]:
                chosen = replace(task, tests=tuple(test for test, _ in judged))
                told = diagnostician.explain(chosen, [judged_test.signature for _, judged_test in judged], code)
                self._diagnosis[task.id] = list(told)

    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Judge as the grader does, then hand the reports on to pytest."""
        if item not in self._planned:
            return None
        task, test = self._planned[item]
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        try:
            judged_test = self._hidden.judge(task, test, nextitem)
            self._judged[task.id].append((test, judged_test))
            reports = judged_test.reports
        except GraderError as error:
            self._broken.append(f"{item.name}: {error}")
            reports = self._hidden.last_reports
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """What a report would tell the student."""
        terminalreporter.section(f"what {self._path.name} would be told")
        for note in self._notes:
            terminalreporter.line(f"note: {note}")
        for task in self._hidden.collected:
            outcomes = [judged_test.outcome for _, judged_test in self._judged[task.id]]
            if outcomes:
                score, most = sum(o.score for o in outcomes), sum(o.max_score for o in outcomes)
                terminalreporter.line(f"{task.id}: {score:g} of {most:g}")
            for outcome, why in zip(outcomes, self._diagnosis.get(task.id, ()), strict=False):
                if outcome.message:
                    terminalreporter.line(f"    {outcome.title}: {outcome.outcome}: {outcome.message}")
                for sentence in why:
                    terminalreporter.line(f"        {sentence}")
        if self._broken:
            terminalreporter.section("broken hidden tests: a grade would be withheld")
        for line in self._broken:
            terminalreporter.line(line)
