"""A class with files that are made to cost time or memory: it is graded to its end, and nobody else loses a mark."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from class_kit import RIGHT, give, open_course, recorded_scores, run_as
from cnn_kit import NAME, submit
from hostile_files import HOSTILE

pytestmark = pytest.mark.usefixtures("unmeasured")

USER = 62849
KINDS = list(HOSTILE)


@pytest.fixture
def course() -> Iterator[Path]:
    with open_course() as course:
        yield course


def hand_in(course: Path, kinds: list[str]) -> list[str]:
    """A file of each kind, and an honest student before, between and after them. Returns the honest ones."""
    honest = []
    for number, kind in enumerate(kinds):
        name, make = HOSTILE[kind]
        folder = course / f"submitted/s{number:03}/{NAME}"
        folder.mkdir(parents=True)
        (folder / f"{NAME}{Path(name).suffix}").write_bytes(make())
        if number % 10 == 0 or number == len(kinds) - 1:
            honest.append(f"s{number:03}-honest")
            submit(course, honest[-1], RIGHT)
    return honest


def test_a_user_grades_such_a_class_with_the_kits_command(course):
    # Every kind goes through the same grader below.
    kinds = KINDS[::3]
    honest = hand_in(course, kinds)
    give(course, USER)
    run_as(USER, course, "cnn-assignment", "grade", NAME, "submitted", "--no-gradebook", "--out", "out", "--jobs", "1")
    reports = {path.stem: json.loads(path.read_bytes()) for path in (course / "out").glob("s*.json")}
    assert len(reports) == len(kinds) + len(honest)
    assert {student: reports[student]["score"] for student in honest} == dict.fromkeys(honest, 100)
    others = [report for student, report in reports.items() if student not in honest]
    assert {report["status"] for report in others} <= {"graded", "unreadable"}
    assert {report["score"] for report in others} == {0}
    assert all(report["notes"] for report in others if report["status"] == "unreadable")


def test_nbgrader_grades_such_a_class_as_a_user(course):
    honest = hand_in(course, KINDS)
    give(course, USER)
    run_as(USER, course, "nbgrader", "autograde", NAME, "--create")
    scores = recorded_scores(course)
    assert len(scores) == len(KINDS) + len(honest)
    assert {student: score for student, score in scores.items() if score} == dict.fromkeys(honest, 100)
