"""What every test shares: the course, an environment without this user's settings, and the account of the run."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

import toy_course
from account import RECORD, Account
from cnn_assignment.core.model import Assignment
from cnn_assignment.running.client import GraderProcess
from places import ROOT

# Derived from the test itself, so every run tries the same examples, and slow machines fail nothing.
hypothesis.settings.register_profile("kit", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("kit")


@pytest.fixture(scope="session")
def course_root() -> Path:
    """The repository, which is a course. Tests read it; what they change is a copy."""
    return ROOT


@pytest.fixture(scope="session", autouse=True)
def _plain_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Programs are this environment's, and the settings of whoever runs the tests play no part."""
    home = tmp_path_factory.mktemp("home")
    # A program that was started in the background, or with nohup, hands on that it ignores these.
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}")
        patch.setenv("MPLBACKEND", "agg")
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "MPLCONFIGDIR"):
            patch.setenv(name, str(home / name.lower()))
        # What graders keep between runs, for all workers of a run of the tests.
        shared = tmp_path_factory.getbasetemp()
        patch.setenv(
            "XDG_CACHE_HOME", str((shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared) / "cache")
        )
        yield


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Assignment:
    """The toy course, for all tests of a module that does not make a course of its own."""
    return toy_course.make_course(tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="module")
def grader(course: Assignment) -> Iterator[GraderProcess]:
    """A process that grades for the module's course."""
    with GraderProcess(course) as grader:
        yield grader


@pytest.fixture(scope="module")
def unmeasured() -> Iterator[None]:
    """Processes that a module starts are not measured for coverage: thousands of gradings tell it nothing new."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START"):
            patch.delenv(name, raising=False)
        yield


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a run write down how long each file took."""
    parser.addoption(
        RECORD, action="store_true", help="write down how long each file took, for the order of later runs"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Keep account of the run, and know the marks of hidden tests, of which some files are read."""
    config.pluginmanager.register(Account(config))
    config.addinivalue_line("markers", "points(n): what a hidden test earns; it means something in a grader only")
    config.addinivalue_line("markers", "further_cases(draw): makes a further case; it means something in a grader only")
