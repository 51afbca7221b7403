"""A course and an assignment of one's own: it works as it stands, and nothing that is there is written over."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import fields, replace
from functools import partial
from pathlib import Path

import pytest

from cnn_assignment.authoring.scaffold import start_assignment, start_course
from cnn_assignment.core.errors import AuthoringError, UsageError
from cnn_assignment.core.layout import find_course, list_assignments, load_assignment
from cnn_assignment.core.model import Limits
from places import ROOT
from toy_course import edit, tree, write


@pytest.fixture
def course(tmp_path):
    start_course(tmp_path / "course")
    return tmp_path / "course"


@pytest.fixture(scope="module")
def wheel_python(tmp_path_factory):
    """The Python of a new environment with nothing but the kit's wheel and what that asks for."""
    folder = tmp_path_factory.mktemp("wheel")
    words = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder]
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    python = folder / "venv/bin/python"
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else shutil.which("uv")
    install = [uv, "pip", "install", "--python", python] if uv else [python, "-m", "pip", "install"]
    subprocess.run([*install, "--quiet", wheel, "--constraint", ROOT / "requirements.lock"], check=True)
    return python


@pytest.mark.nbgrader
def test_from_nothing_to_feedback_by_commands_alone(tmp_path, wheel_python):
    """For an assignment of classes and one of functions."""

    def command(name, *words, cwd):
        plain = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        plain["PATH"] = f"{wheel_python.parent}{os.pathsep}{plain['PATH']}"
        words = [wheel_python.with_name(name), *words]
        done = subprocess.run(words, cwd=cwd, env=plain, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{words}: {done.stdout}\n{done.stderr}"
        return done.stdout

    root = tmp_path / "course"
    kit = partial(command, "cnn-assignment")
    assert "Next" in kit("init", root, cwd=tmp_path)
    kit("new", "demo-a", cwd=root)
    # From anywhere in the course, and a second one disturbs nothing.
    kit("new", "demo-b", "--functions", cwd=root / "solutions")
    kit("build", "--all", cwd=root)
    for name, module in (("demo-a", "demo_a"), ("demo-b", "demo_b")):
        assert json.loads(kit("verify", name, "--json", cwd=root))["survivors"] == []
        kit("grade", name, f"examples/{name}", "--out", f"out/{name}", "--no-gradebook", cwd=root)
        reports = {
            path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (root / "out" / name).glob("*.json")
        }
        assert {student: report["score"] for student, report in reports.items()} == {
            "right": 10.0,
            "bias-forgotten": 6.0,
        }
        (told,) = {
            sentence
            for task in reports["bias-forgotten"]["tasks"]
            for test in task["tests"]
            for sentence in test["diagnosis"]
        }
        assert told.endswith("it is the bias that is missing.")
        work = (root / f"examples/{name}/bias-forgotten/{module}.py").read_text(encoding="utf-8")
        write(root / f"submitted/ada/{name}/{module}.py", work)
        command("nbgrader", "generate_assignment", name, "--force", cwd=root)
        command("nbgrader", "autograde", name, "--create", cwd=root)
        command("nbgrader", "generate_feedback", name, cwd=root)
        assert (root / f"feedback/ada/{name}/{name}.html").is_file()
    command("nbgrader", "export", cwd=root)
    with (root / "grades.csv").open(encoding="utf-8", newline="") as file:
        scores = {row["assignment"]: float(row["score"]) for row in csv.DictReader(file) if row["student_id"] == "ada"}
    assert scores == {"demo-a": 6.0, "demo-b": 6.0}


def test_a_new_course_holds_three_files_and_is_one(course):
    assert sorted(tree(course)) == [".gitignore", "README.md", "nbgrader_config.py"]
    assert len((course / "README.md").read_text(encoding="utf-8").splitlines()) == 10
    assert find_course(course) == course
    assert list_assignments(course) == ()


@pytest.mark.parametrize("functions", [False, True], ids=["classes", "functions"])
def test_every_key_of_the_settings_is_there_and_what_is_commented_out_is_the_default(course, functions):
    start_assignment(course, "demo", functions=functions)
    path = course / "autograder/demo/assignment.toml"
    plain = load_assignment(course, "demo")
    path.write_text(re.sub(r"(?m)^# (?=[a-z_-]+ = |\[)", "", path.read_text(encoding="utf-8")), encoding="utf-8")
    stand_in = "linear_forward" if functions else "LinearLayer.forward"
    assert load_assignment(course, "demo") == replace(plain, stand_ins={"demo-backward": (stand_in,)})
    settings = tomllib.loads(path.read_text(encoding="utf-8"))
    edit(path, "format = 1", "format = 1\nunknown = 1")
    with pytest.raises(AuthoringError) as refused:
        load_assignment(course, "demo")
    assert set(settings) == set(str(refused.value).partition("Known keys: ")[2].rstrip(".").split(", "))
    assert set(settings["limits"]) == {field.name for field in fields(Limits)}


@pytest.mark.parametrize(
    ("name", "fact"),
    [
        ("Demo", "cannot be the name of an assignment"),
        ("demo_a", "cannot be the name of an assignment"),
        ("../demo", "cannot be the name of an assignment"),
        ("-demo", "cannot be the name of an assignment"),
        ("d" * 41, "cannot be the name of an assignment"),
        ("", "cannot be the name of an assignment"),
        ("json", "would be taken for a module of Python or of the tests"),
        ("numpy", "would be taken for a module of Python or of the tests"),
        ("cases", "would be taken for a module of Python or of the tests"),
        ("class", "would be taken for a module of Python or of the tests"),
        ("there", "assignment.toml: is there already"),
        ("there-too", "solutions/there_too.py: is there already"),
        ("given", "given.py is a file that the assignment 'there' gives to its students"),
    ],
)
def test_a_name_that_collides_is_refused_before_anything_is_written(course, name, fact):
    write(course / "autograder/there/assignment.toml", 'classes = ["A"]\nprovided = ["given.py"]\n')
    write(course / "solutions/there_too.py", "")
    before = tree(course)
    with pytest.raises(UsageError, match=fact):
        start_assignment(course, name)
    assert tree(course) == before


def test_a_course_is_not_begun_over_another_one(course):
    before = tree(course)
    with pytest.raises(UsageError, match=r"nbgrader_config\.py: is there already"):
        start_course(course)
    assert tree(course) == before
