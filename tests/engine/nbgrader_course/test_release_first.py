"""A release that is missing, or of other tests, is told once and before anybody is graded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from class_kit import RIGHT, open_course, recorded_scores
from cnn_kit import NAME, run, submit

pytestmark = pytest.mark.usefixtures("unmeasured")

STUDENTS = ("ada", "bob", "cem")


@pytest.fixture
def course() -> Iterator[Path]:
    with open_course() as course:
        for student in STUDENTS:
            submit(course, student, RIGHT)
        yield course


def lose(course: Path) -> str:
    (course / f"release/{NAME}/{NAME}.ipynb").unlink()
    return "no release notebook"


def outdate(course: Path) -> str:
    path = course / "autograder/cnn/test_pool_views.py"
    path.write_text(path.read_text(encoding="utf-8").replace("points(", "points(2 * ", 1), encoding="utf-8")
    return "points in the notebook"


@pytest.mark.parametrize("trouble", [lose, outdate])
def test_it_is_told_once_and_first_and_what_the_kit_graded_is_recorded_later(course, trouble):
    told = trouble(course)
    said = run("nbgrader", "autograde", NAME, "--create", cwd=course, status=1)
    assert said.count(told) == 1
    assert "Traceback" not in said
    assert not (course / "autograded").exists()

    words = ("cnn-assignment", "grade", NAME, "submitted", "--out", "out")
    said = run(*words, cwd=course, status=3)
    assert said.count(told) == 1
    assert "cnn-assignment build" in said
    assert all(json.loads((course / f"out/{name}.json").read_bytes())["status"] == "graded" for name in STUDENTS)
    assert recorded_scores(course) == {}

    run("cnn-assignment", "build", NAME, cwd=course)
    assert "3 of 3 reports are still right" in run(*words, cwd=course)
    assert set(recorded_scores(course)) == set(STUDENTS)
    run("nbgrader", "autograde", NAME, "--force", "--student", STUDENTS[0], cwd=course)
