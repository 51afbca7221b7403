"""The account of a run of the tests: kinds by file, the longest file first, what was left out, and what each file took."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from pathlib import Path, PurePath
from typing import Any

import pytest

from places import TESTS

REQUIRE_ALL = "CNN_ASSIGNMENT_REQUIRE_ALL"
"""Set to 1, as CI does, a test that is left out fails the run."""

_ALL = -1
"""In the place of a count, for a file that was not even read."""

RECORD = "--record-durations"
# Seconds by file, of the run that wrote them down last. Only their order counts.
DURATIONS = TESTS / "durations.json"

# The kinds of tests that `make quick` does without, as marks, by the files and rooms that are of each kind. Single tests
# have such a mark where they stand.
KINDS = {
    "nbgrader": {
        "nbgrader_course",
        "test_authors_api.py",
        "test_cnn_course.py",
        "test_cnn_notebook.py",
        "test_guides.py",
        "test_mlp_notebook.py",
        "test_solution_first.py",
        "test_tight_limits.py",
        "test_troubles.py",
        "test_vectors.py",
    },
    "browser": {"test_formgrader.py"},
    "database": {"test_postgres.py"},
    "class_sized": {
        "test_benchmarks.py",
        "test_class_of_sixty.py",
        "test_example_class.py",
        "test_gate.py",
        "test_hostile_class.py",
        "test_mlp_class.py",
        "test_mlp_gate.py",
        "test_refuting.py",
        "test_same_report.py",
        "test_student_environment.py",
        "test_writing_tests.py",
    },
    "slow": {
        "test_account.py",
        "test_attacks.py",
        "test_class_run.py",
        "test_cluster.py",
        "test_covert_channels.py",
        "test_host.py",
        "test_kills.py",
        "test_launch.py",
        "test_legitimate_code.py",
        "test_mending.py",
        "test_oracles.py",
        "test_plugin.py",
        "test_pool.py",
        "test_portable.py",
        "test_proof.py",
        "test_protocol_fuzz.py",
        "test_public_checks.py",
        "test_raised.py",
        "test_reading.py",
        "test_remote.py",
        "test_replies.py",
        "test_residue.py",
        "test_soak.py",
        "test_time_limits.py",
        "test_unchanged.py",
        "test_worker_memory.py",
    },
}


def kinds_of(path: PurePath) -> list[str]:
    """The kinds of a file's tests."""
    return [kind for kind, names in KINDS.items() if names.intersection(path.parts)]


def _excluded_kinds(expression: str) -> set[str]:
    """The kinds that ``-m "not (one or other)"`` takes away; none for other expressions, which single tests decide."""
    found = re.fullmatch(r"not (?:\(([\w ]+)\)|(\w+))", expression)
    names = (found[1] or found[2]).split(" or ") if found else []
    return set(names) & KINDS.keys()


class Account:
    """A plugin of the tests. With pytest-xdist there is one in each worker, and one where the reports come together."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        # A test or a file, and why it, or how much of it, was left out.
        self._left_out: list[tuple[str, str]] = []
        self._not_chosen: Counter[str] = Counter()
        self._spent: Counter[str] = Counter()

    @property
    def _requires_all(self) -> bool:
        return os.environ.get(REQUIRE_ALL) == "1"

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """Leave out a file all of whose tests -m would take away: to import them all takes each worker ten seconds."""
        if _excluded_kinds(self._config.option.markexpr).isdisjoint(kinds_of(collection_path)):
            return None
        if collection_path.suffix == ".py":
            self._not_chosen[collection_path.relative_to(self._config.rootpath).as_posix()] = _ALL
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Mark the tests by kind, and sort the files, so that no worker begins a long one when the others are done.

        A file that nobody measured may be long, and comes before all.
        """
        spent = json.loads(DURATIONS.read_text(encoding="utf-8"))
        for item in items:
            for kind in kinds_of(item.path):
                item.add_marker(kind)
        items.sort(key=lambda item: (-spent.get(_file_of(item.nodeid), float("inf")), item.path))

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        """A test that -k, -m or --deselect takes away is left out too."""
        self._not_chosen.update(_file_of(item.nodeid) for item in items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Every worker collects all tests and leaves out the same ones, so what one says is right."""
        self._not_chosen = Counter(getattr(node, "workeroutput", {}).get("not_chosen", self._not_chosen))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add up what each file takes, with its fixtures."""
        self._spent[_file_of(report.nodeid)] += report.duration

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Add what was skipped or expected to fail, and fail the run if every test was required."""
        if hasattr(self._config, "workeroutput"):
            self._config.workeroutput["not_chosen"] = dict(self._not_chosen)
            return
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            for kind in ("skipped", "xfailed", "xpassed"):
                self._left_out += [(report.nodeid, _reason(report, kind)) for report in reporter.stats.get(kind, ())]
        self._left_out += [
            (file, f"{'all' if count == _ALL else count} not chosen on the command line")
            for file, count in sorted(self._not_chosen.items())
        ]
        if self._left_out and self._requires_all and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if self._config.getoption(RECORD):
            self._record_durations()

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say at the end which tests were left out and why."""
        terminalreporter.section("left out")
        if not self._left_out:
            terminalreporter.write_line("No test was left out.")
        for name, reason in self._left_out:
            terminalreporter.write_line(f"{name}: {reason}")
        if self._left_out and self._requires_all:
            terminalreporter.write_line(f"{REQUIRE_ALL}=1, so the run fails: {len(self._left_out)} left out.", red=True)

    def _record_durations(self) -> None:
        """Write down what each file of this run took; others keep what they have, and files that are gone lose it."""
        known = json.loads(DURATIONS.read_text(encoding="utf-8"))
        known |= {file: round(seconds) for file, seconds in self._spent.items()}
        here = {file: seconds for file, seconds in sorted(known.items()) if (TESTS.parent / file).is_file()}
        DURATIONS.write_text(json.dumps(here, indent=0) + "\n", encoding="utf-8")


def _file_of(nodeid: str) -> str:
    return nodeid.partition("::")[0]


def _reason(report: pytest.TestReport | pytest.CollectReport, kind: str) -> str:
    if isinstance(report.longrepr, tuple):
        return report.longrepr[2]
    return getattr(report, "wasxfail", "") or kind
