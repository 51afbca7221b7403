"""A class beside submissions that take all the threads and processes they can get, where the user may have few."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from attacks.users import as_ordinary, bubblewrap_works_for
from cnn_kit import NAME, copy_course, run, submit
from toy_course import write

ROOT = Path(__file__).resolve().parent.parent
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
    future, rest = (ROOT / f"solutions/{NAME}.py").read_text(encoding="utf-8").split("import numpy as np\n", 1)
    body = METHOD.sub(r"\1        TAKER.take()\n", rest)
    return f"{future}import numpy as np\n{GREEDY.format(TAKERS[how])}{body}"


@pytest.fixture(scope="module")
def course() -> Iterator[Path]:
    """A course in a folder that every user can reach."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        course = copy_course(ROOT, Path(folder, "course"), "release")
        run("nbgrader", "generate_assignment", NAME, "--create", "--force", cwd=course)
        for student in HONEST:
            submit(course, student, ROOT / f"solutions/{NAME}.py")
        for number, how in enumerate(TAKERS):
            # One before all honest ones, and one after them.
            for student in (f"greedy-{number}", f"later-{number}"):
                write(course / f"submitted/{student}/{NAME}/{NAME}.py", greedy(how))
        if os.geteuid() == 0:
            for path in (course, *course.rglob("*")):
                os.chown(path, USER, USER)
        yield course


def run_with_few(course: Path, *words: str, path: str = os.environ["PATH"]) -> str:
    """Run a command as a user who may have few processes, demand success, and return what it printed."""
    program, *rest = words
    limit = LIMIT + (0 if os.geteuid() == 0 else own_tasks())
    line = f"ulimit -u {limit} && PATH={shlex.quote(path)} exec {shlex.join([str(Path(sys.executable).parent / program), *rest])}"
    command = ["bash", "-c", f"cd {shlex.quote(str(course))} && {line}"]
    done = subprocess.run(
        as_ordinary(command, USER) if os.geteuid() == 0 else command,
        cwd="/",
        env={"PATH": os.environ["PATH"], "HOME": str(course), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def own_tasks() -> int:
    """How many threads this user has already, in all processes."""
    pids = [path for path in Path("/proc").iterdir() if path.name.isdigit()]
    found = 0
    for path in pids:
        try:
            found += len(list((path / "task").iterdir())) if path.stat().st_uid == os.geteuid() else 0
        except OSError:
            continue
    return found


@pytest.mark.parametrize("level", [2, pytest.param(3, marks=NAMESPACED)])
@pytest.mark.parametrize("jobs", [1, 2])
def test_where_a_user_may_have_few_processes_every_honest_student_is_graded(course, jobs, level):
    # Without bubblewrap, the sandbox has level 2.
    path = os.environ["PATH"] if level > 2 else str(Path(sys.executable).parent)
    words = ("cnn-assignment", "grade", NAME, "submitted", "--no-gradebook", "--jobs", str(jobs))
    run_with_few(course, *words, "--fresh", "--out", f"out-{jobs}-{level}", path=path)
    found = [json.loads(path.read_bytes()) for path in (course / f"out-{jobs}-{level}").glob("*-*.json")]
    reports = {report["student"]: report for report in found}
    assert {student: reports[student]["score"] for student in HONEST} == dict.fromkeys(HONEST, 100)
    # Those too that took all they could get: whatever is missing to them, no test of theirs is the grader's error.
    assert len(reports) == len(HONEST) + 2 * len(TAKERS)
    assert {(report["status"], report["sandbox"]["level"]) for report in found} == {("graded", level)}


def test_nbgrader_grades_them_too(course):
    run_with_few(course, "nbgrader", "autograde", NAME, "--create")
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        scores = {one.student.id: one.score for one in gradebook.assignment_submissions(NAME)}
    assert {student: scores[student] for student in HONEST} == dict.fromkeys(HONEST, 100)
    assert len(scores) == len(HONEST) + 2 * len(TAKERS)
