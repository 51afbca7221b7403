"""The floor: one process in which pytest collected the hidden tests once, and the submissions' code runs among them.

No proxies, no worker, no stand-ins, no limits, no diagnosis, no report. It speaks JSON, one object a line: told
``{"source", "direct"}`` it answers ``{"passed"}``, the ids of the tests that this text passes. direct: whether the test
functions are just called; else pytest runs its items, with its fixtures and hooks.
"""

from __future__ import annotations

import importlib
import io
import itertools
import json
import os
import sys
import zlib
from contextlib import redirect_stderr
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import IO, Any

import numpy as np
import plain_testing
import pytest
from _pytest.runner import runtestprotocol
from benchkit import NAME, the_assignment

# The names of these are those that hidden tests import; see plain_testing.
sys.modules["cnn_assignment.testing"] = plain_testing

_PYTEST_ARGUMENTS = (
    *("-c", os.devnull),
    *("-p", "no:terminal", "-p", "no:cacheprovider", "-p", "no:logging", "-p", "no:warnings"),
    *("-p", "no:unraisableexception", "-p", "no:threadexception", "-p", "no:faulthandler", "-s"),
)


class Floor:
    """A pytest plugin: the fixtures of hidden tests, and a loop over submissions in the place of pytest's own."""

    def __init__(self, orders: IO[str], answers: IO[str]) -> None:
        self._assignment = the_assignment()
        self._orders = orders
        self._answers = answers
        self._module = ModuleType(NAME)
        self._remembered: dict[tuple[str, int], Any] = {}
        self._failed = False
        sys.path.insert(0, str(self._assignment.solution_file.parent))
        self._solution = importlib.import_module(NAME)
        provided = {path.stem: importlib.import_module(path.stem) for path in self._assignment.provided_files}
        self._provided = SimpleNamespace(**provided)

    @pytest.fixture
    def student(self) -> ModuleType:
        """The submission's module itself."""
        return self._module

    @pytest.fixture
    def student_files(self) -> SimpleNamespace:
        """The provided files."""
        return self._provided

    @pytest.fixture
    def reference(self) -> ModuleType:
        """The solution's module."""
        return self._solution

    @pytest.fixture
    def reference_files(self) -> SimpleNamespace:
        """The provided files."""
        return self._provided

    @pytest.fixture
    def rng(self, request: pytest.FixtureRequest) -> np.random.Generator:
        """The same numbers as in the kit."""
        return self._rng(request.node)

    @pytest.fixture
    def once(self, request: pytest.FixtureRequest) -> Any:
        """Expected values are worked out once, as in the kit."""
        return self._once(request.node)

    def _rng(self, item: pytest.Item) -> np.random.Generator:
        return np.random.default_rng([self._assignment.seed, zlib.crc32(f"{item.path.name}::{item.name}".encode())])

    def _once(self, item: pytest.Item) -> Any:
        number = itertools.count()

        def once(function: Any, *arguments: Any) -> Any:
            key = (item.nodeid, next(number))
            if key not in self._remembered:
                self._remembered[key] = function(*arguments)
            return self._remembered[key]

        return once

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run all items on each submission."""
        for line in self._orders:
            order = json.loads(line)
            self._load(order["source"])
            run = self._call if order["direct"] else self._run_item
            items: list[Any] = session.items
            following = [*items[1:], None]
            passed = [item.nodeid for item, after in zip(items, following, strict=True) if run(item, after)]
            self._answers.write(json.dumps({"passed": passed}) + "\n")
            self._answers.flush()
        return True

    def _load(self, source: str) -> None:
        self._module = ModuleType(NAME)
        sys.modules[NAME] = self._module
        code = compile(source, f"{NAME}.py", "exec", dont_inherit=True)
        exec(code, self._module.__dict__)  # noqa: S102 - the floor protects nothing

    def _run_item(self, item: Any, following: Any) -> bool:
        self._failed = False
        runtestprotocol(item, log=False, nextitem=following)
        return not self._failed

    def _call(self, item: Any, _following: Any) -> bool:
        fixtures = {
            "student": self._module,
            "student_files": self._provided,
            "reference": self._solution,
            "reference_files": self._provided,
            "rng": self._rng(item),
            "once": self._once(item),
            **(item.callspec.params if hasattr(item, "callspec") else {}),
        }
        wanted = item.function.__code__.co_varnames[: item.function.__code__.co_argcount]
        try:
            item.function(**{name: fixtures[name] for name in wanted})
        except Exception:  # noqa: BLE001 - a wrong answer, or whatever student code raises
            return False
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> pytest.TestReport:
        """No rendered traceback: the kit makes none either, and nobody would read it."""
        self._failed |= call.excinfo is not None
        outcome: Any = "passed" if call.excinfo is None else "failed"
        phase: Any = call.when
        return pytest.TestReport(item.nodeid, item.location, {}, outcome, None, phase)


def main() -> None:
    """Take orders on standard input, answer on standard output."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # What submissions and tests print must not end up among the answers.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    folder = str(Path(the_assignment().autograder_dir))
    with redirect_stderr(io.StringIO()):
        pytest.main([folder, f"--rootdir={folder}", *_PYTEST_ARGUMENTS], plugins=[Floor(sys.stdin, answers)])


if __name__ == "__main__":
    main()
