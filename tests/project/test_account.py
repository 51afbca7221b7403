"""The account of a run of the tests: kinds by file, the longest file first, and nothing left out in silence."""

from __future__ import annotations

import json
import re
import tomllib

import pytest

from account import DURATIONS, KINDS, RECORD, REQUIRE_ALL, kinds_of
from places import ROOT, TESTS
from processes import run_program
from toy_course import write


@pytest.fixture
def trial(tmp_path):
    """Two files of tests with an account of their own. The second one takes longer."""
    folder = tmp_path / "tests"
    write(folder / "durations.json", "{}")
    write(folder / "test_a.py", "def test_short(): pass\ndef test_other(): pass\n")
    write(folder / "test_b.py", "import time\ndef test_long(): time.sleep(1)\n")
    kit = (TESTS / "kits/account.py").read_text(encoding="utf-8")
    write(
        tmp_path / "account.py",
        kit.replace("from places import TESTS", f"from pathlib import Path\nTESTS = Path({str(folder)!r})"),
    )
    hooks = "def pytest_configure(config): config.pluginmanager.register(account.Account(config))"
    options = f"def pytest_addoption(parser): parser.addoption({RECORD!r}, action='store_true')"
    write(tmp_path / "conftest.py", f"import account\n{hooks}\n{options}\n")
    return tmp_path


def run(trial, *words, workers=0, status=0, **environment):
    """What pytest prints, whatever the run that this test belongs to requires."""
    environment = {REQUIRE_ALL: "0"} | environment
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    words = ("-m", "pytest", "-p", "xdist.plugin", "-p", "no:cacheprovider", "-n", str(workers), *words)
    return run_program(*words, cwd=trial, status=status, **environment).stdout


def test_what_took_long_comes_first_in_the_next_run(trial):
    run(trial, RECORD)
    known = json.loads((trial / "tests/durations.json").read_text(encoding="utf-8"))
    assert known == {"tests/test_a.py": 0, "tests/test_b.py": 1}
    listed = run(trial, "--collect-only", "-q")
    assert listed.split()[:3] == [
        "tests/test_b.py::test_long",
        "tests/test_a.py::test_short",
        "tests/test_a.py::test_other",
    ]


@pytest.mark.parametrize("workers", [0, 1])
def test_what_is_not_chosen_is_told_and_fails_a_run_that_requires_all(trial, workers):
    said = run(trial, "-k", "not short", workers=workers, status=1, **{REQUIRE_ALL: "1"})
    assert "tests/test_a.py: 1 not chosen on the command line" in said
    assert "so the run fails: 1 left out" in said
    assert "1 not chosen" in run(trial, "-k", "not short")
    assert "No test was left out." in run(trial, **{REQUIRE_ALL: "1"})


def test_every_kind_has_files_and_no_quick_run():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    marks = [line.partition(":")[0] for line in settings["tool"]["pytest"]["ini_options"]["markers"]]
    assert marks == list(KINDS)
    (left_out,) = re.findall(r'-m "not \((.+)\)"', (ROOT / "Makefile").read_text(encoding="utf-8"))[:1]
    assert left_out.split(" or ") == marks
    for name in set().union(*KINDS.values()):
        assert len(list(TESTS.rglob(name))) == 1, name
    assert kinds_of(TESTS / "engine/nbgrader_course/test_formgrader.py") == ["nbgrader", "browser"]
    assert kinds_of(TESTS / "engine/core/test_model.py") == []


def test_durations_are_of_files_that_are_there():
    known = json.loads(DURATIONS.read_text(encoding="utf-8"))
    assert [file for file in known if not (ROOT / file).is_file()] == []


@pytest.mark.parametrize("workers", [0, 1])
def test_a_file_of_a_kind_that_is_not_chosen_is_not_even_read_and_is_told(trial, workers):
    write(trial / "tests/test_formgrader.py", "raise SystemError('read')\n")
    words = ("-m", "not (browser or slow)", "-W", "ignore")
    said = run(trial, *words, workers=workers)
    assert "tests/test_formgrader.py: all not chosen on the command line" in said
    assert "3 passed" in said
    assert "1 left out" in run(trial, *words, workers=workers, status=1, **{REQUIRE_ALL: "1"})
    assert "read" in run(trial, "-m", "browser", workers=workers, status=2 if not workers else 1)
