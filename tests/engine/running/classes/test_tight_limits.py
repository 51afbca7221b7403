"""A class beside submissions that take all the threads and processes they can get, where the user may have few."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from attacks.users import bubblewrap_works_for
from class_kit import RIGHT, give, open_course, recorded_scores, run_as
from cnn_kit import NAME, submit
from toy_course import write

pytestmark = pytest.mark.usefixtures("unmeasured")

LIMIT = 48
"""Processes and threads that the user may have (`ulimit -u`)."""
# Of no other test: the kernel counts all that a user runs.
USER = 62848
NAMESPACED = pytest.mark.skipif(
    not bubblewrap_works_for("ordinary user"), reason="bubblewrap does not work for an ordinary user here"
)
HONEST = [f"honest-{number}" for number in range(6)]

# Whatever they got stays theirs until they end.
TAKERS = {
    "threads": "threading.Thread(target=time.sleep, args=(1000,)).start()",
    "bare threads": "_thread.start_new_thread(time.sleep, (1000,))",
    "forks": "os.fork() or time.sleep(1000)",
    "programs": "subprocess.Popen(['sleep', '1000'])",
}
GREEDY = """
import _thread, os, subprocess, threading, time

class Taker:
    def take(self):
        for _ in range(200):
            try:
                {}
            except BaseException:
                pass

TAKER = Taker()
"""
METHOD = re.compile(
    r"^(    def (?:__init__|forward|backward|_get_filtersizeXfiltersize_views)\(self.*\n)", re.MULTILINE
)


def greedy(how: str) -> str:
    """The solution, every method of which takes more."""
    future, rest = RIGHT.read_text(encoding="utf-8").split("import numpy as np\n", 1)
    body = METHOD.sub(r"\1        TAKER.take()\n", rest)
    return f"{future}import numpy as np\n{GREEDY.format(TAKERS[how])}{body}"


@pytest.fixture(scope="module")
def course() -> Iterator[Path]:
    with open_course() as course:
        for student in HONEST:
            submit(course, student, RIGHT)
        for number, how in enumerate(TAKERS):
            # One before all honest ones, and one after them.
            for student in (f"greedy-{number}", f"later-{number}"):
                write(course / f"submitted/{student}/{NAME}/{NAME}.py", greedy(how))
        give(course, USER)
        yield course


@pytest.mark.parametrize("level", [2, pytest.param(3, marks=NAMESPACED)])
@pytest.mark.parametrize("jobs", [1, 2])
def test_where_a_user_may_have_few_processes_every_honest_student_is_graded(course, jobs, level):
    # Without bubblewrap, the sandbox has level 2.
    path = os.environ["PATH"] if level > 2 else str(Path(sys.executable).parent)
    words = ("cnn-assignment", "grade", NAME, "submitted", "--no-gradebook", "--jobs", str(jobs))
    run_as(USER, course, *words, "--fresh", "--out", f"out-{jobs}-{level}", most_tasks=LIMIT, path=path)
    found = [json.loads(path.read_bytes()) for path in (course / f"out-{jobs}-{level}").glob("*-*.json")]
    reports = {report["student"]: report for report in found}
    assert {student: reports[student]["score"] for student in HONEST} == dict.fromkeys(HONEST, 100)
    # Those too that took all they could get: whatever is missing to them, no test of theirs is the grader's error.
    assert len(reports) == len(HONEST) + 2 * len(TAKERS)
    assert {(report["status"], report["sandbox"]["level"]) for report in found} == {("graded", level)}


def test_nbgrader_grades_them_too(course):
    run_as(USER, course, "nbgrader", "autograde", NAME, "--create", most_tasks=LIMIT)
    scores = recorded_scores(course)
    assert {student: scores[student] for student in HONEST} == dict.fromkeys(HONEST, 100)
    assert len(scores) == len(HONEST) + 2 * len(TAKERS)
