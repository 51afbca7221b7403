"""nbgrader finds the programs that it starts by name, also in an environment that was not activated."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cnn_assignment.core.programs import own_programs_first, put_own_programs_first

OWN = str(Path(sys.executable).parent)


def test_own_programs_come_first_for_a_while_only(monkeypatch):
    monkeypatch.setenv("PATH", os.defpath)
    with own_programs_first():
        assert os.environ["PATH"].split(os.pathsep)[0] == OWN
        assert shutil.which("alembic") == str(Path(OWN) / "alembic")
    assert os.environ["PATH"] == os.defpath


def test_asking_twice_changes_nothing(monkeypatch):
    monkeypatch.setenv("PATH", os.defpath)
    put_own_programs_first()
    once = os.environ["PATH"]
    put_own_programs_first()
    assert os.environ["PATH"] == once == OWN + os.pathsep + os.defpath


@pytest.mark.nbgrader
@pytest.mark.parametrize("command", [["generate_assignment", "cnn", "--force"]])
def test_nbgrader_makes_a_database_in_an_environment_that_is_not_activated(tmp_path, course_root, command):
    for name in ("autograder", "solutions", "source"):
        shutil.copytree(course_root / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(course_root / "nbgrader_config.py", tmp_path)
    environment = {**os.environ, "PATH": os.defpath}
    done = subprocess.run(
        [Path(OWN) / "nbgrader", *command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "gradebook.db").is_file()
