"""Expected values, test source and the solution exist nowhere in the memory of the processes that serve student code.

The whole memory of a worker is read from outside while student code pauses inside a call of a real grading, and so is
the zygote's. The same search finds what the student's own code holds, and finds every secret in the grader's process:
so it can find things.
"""

from __future__ import annotations

import os
import signal
import struct
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import toy_course
from cnn_assignment.core.layout import load_assignment
from cnn_assignment.core.model import Assignment, Report
from cnn_assignment.running.pool import GraderProcess
from sandbox_kit import below_bubblewrap, children_of, state_of, wait_until

HIDDEN_TEXT = "hidden-sentinel-9f41c7"
SOLUTION_TEXT = "solution-sentinel-b7720e"
SETTINGS_TEXT = "settings-sentinel-5d18aa"
STUDENT_TEXT = "student-sentinel-03be96"
EXPECTED_NUMBER = 1.2345678901234567e-77
SOLUTION_NUMBER = 7.6543210987654321e-88
STUDENT_NUMBER = 2.7182818284590452e-99
INPUT_NUMBER = 3.1415926535897932e-66

HIDDEN_TEST = f'''"""Scaling"""

import os
import sys

import numpy as np
import pytest

from cnn_assignment.testing import assert_array

SECRET = "{HIDDEN_TEXT}"
# Longer than one element, as expected values are; made here, so that no code object shares it.
EXPECTED = np.full(64, float("{EXPECTED_NUMBER!r}"))


@pytest.mark.points(2)
def test_paused(student, reference):
    """{HIDDEN_TEXT} in a title"""
    x = np.full(16, {INPUT_NUMBER!r})
    right = reference.Scaler(3.0).forward(x)["out"] + reference.SECRET_NUMBERS[:16] + EXPECTED[:16]
    assert_array(student.Scaler(3.0).forward(x)["out"], right, "out")
'''

SOLUTION = toy_course.SOLUTION.replace(
    "class Scaler:",
    f'SECRET = "{SOLUTION_TEXT}"\nSECRET_NUMBERS = np.full(64, float("{SOLUTION_NUMBER!r}"))\n\n\nclass Scaler:',
)

# Time enough for a pause.
SETTINGS = f"""
title = "{SETTINGS_TEXT}"
classes = ["Scaler", "Cutter"]
provided = ["given.py"]

[limits]
call_cpu_s = 60
call_wall_s = 600
submission_wall_s = 1200
"""

# It pauses inside the call until a signal comes, since it sees no file, holding its own sentinels and a copy of what
# it was given.
PAUSED = f"""
import signal, time
import numpy as np

OWN = "{STUDENT_TEXT}"

class Scaler:
    def __init__(self, factor=2.0):
        self.factor = factor

    def forward(self, x):
        told = []
        signal.signal(signal.SIGUSR1, lambda *_: told.append(1))
        mine = np.full(64, float("{STUDENT_NUMBER!r}"))
        given = x + 0.0
        while len(x) == 16 and not told:
            time.sleep(0.02)
        return {{"x": x, "out": given + mine[0]}}

class Cutter:
    pass
"""


@dataclass(frozen=True)
class Memories:
    """All readable memory of the three kinds of process during one paused call, and the report that came of it."""

    grader: bytes
    zygote: bytes
    workers: tuple[bytes, ...]
    report: Report


def read_memory(pid: int) -> bytes:
    """Every readable page of a process, private or shared, file or not."""
    pieces = []
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text(encoding="utf-8").splitlines():
            addresses, permissions, *_, name = [*line.split(maxsplit=5), ""][:6]
            if "r" not in permissions or name in {"[vvar]", "[vsyscall]", "[vvar_vclock]"}:
                continue
            start, stop = (int(address, 16) for address in addresses.split("-"))
            memory.seek(start)
            while start < stop:
                try:
                    piece = memory.read(min(stop - start, 1 << 24))
                except OSError:
                    # A hole in a mapping of a file that has become shorter: one page has nothing to read.
                    piece = b""
                start += len(piece) or 4096
                memory.seek(start)
                pieces.append(piece)
    return b"".join(pieces)


def encodings(secret: str | float) -> list[bytes]:
    """How a secret can lie in memory: text in Python's three widths, numbers in both orders, and as digits."""
    if isinstance(secret, str):
        return [secret.encode(codec) for codec in ("utf-8", "utf-16-le", "utf-32-le")]
    return [struct.pack("<d", secret), struct.pack(">d", secret), repr(secret).encode()]


def holds(memory: bytes, secret: str | float) -> bool:
    return any(encoded in memory for encoded in encodings(secret))


def make_course(root: Path) -> Assignment:
    """The toy course with secrets in its tests, its solution and its settings, and time enough for a pause."""
    toy_course.make_course(root)
    toy_course.write(root / "solutions/toy.py", SOLUTION)
    toy_course.write(root / "autograder/toy/test_scale.py", HIDDEN_TEST)
    toy_course.write(root / "autograder/toy/assignment.toml", SETTINGS)
    return load_assignment(root, "toy")


def workers_of(zygote: int) -> list[int]:
    return [pid for pid in children_of(zygote) if state_of(pid) not in (None, "Z")]


def waits_for_signal(pid: int) -> bool:
    """Whether a process has a handler for SIGUSR1 (SigCgt of proc_pid_status(5)); without one it would die."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False
    caught = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(caught >> (signal.SIGUSR1 - 1) & 1)


@pytest.fixture(scope="module")
def memories(tmp_path_factory) -> Memories:
    root = tmp_path_factory.mktemp("course")
    assignment = make_course(root)
    submission = toy_course.submit(root, "ada", PAUSED)
    reports: list[Report] = []
    with GraderProcess(assignment) as grader:
        thread = threading.Thread(target=lambda: reports.append(grader.grade(submission)))
        thread.start()
        try:
            assert grader.level == 3
            (started,) = children_of(grader._process.pid)
            zygote = below_bubblewrap(started)
            wait_until(
                lambda: any(holds(read_memory(pid), STUDENT_NUMBER) for pid in workers_of(zygote)),
                "a worker is inside the student's method",
            )
            workers = tuple(read_memory(pid) for pid in workers_of(zygote))
            found = read_memory(grader._process.pid), read_memory(zygote), workers
        finally:
            while thread.is_alive():
                for pid in workers_of(zygote):
                    if waits_for_signal(pid):
                        os.kill(pid, signal.SIGUSR1)
                thread.join(0.02)
    return Memories(*found, reports[0])


SECRETS = {
    "the text of a hidden test": HIDDEN_TEXT,
    "an expected value": EXPECTED_NUMBER,
    "the text of the solution": SOLUTION_TEXT,
    "an array of the solution": SOLUTION_NUMBER,
    "the settings": SETTINGS_TEXT,
}
PHRASES = ("autograder/toy", "test_scale.py", "cnn_assignment.testing", "points(2)")


@pytest.mark.parametrize("name", SECRETS)
def test_no_secret_is_in_a_worker_or_in_the_zygote(memories, name):
    assert not holds(memories.zygote, SECRETS[name])
    assert not any(holds(worker, SECRETS[name]) for worker in memories.workers)


@pytest.mark.parametrize("phrase", PHRASES)
def test_no_path_and_no_line_of_a_hidden_test_is_in_a_worker_or_in_the_zygote(memories, phrase):
    assert not holds(memories.zygote, phrase)
    assert not any(holds(worker, phrase) for worker in memories.workers)


@pytest.mark.parametrize("name", SECRETS)
def test_the_same_search_finds_every_secret_in_the_graders_process(memories, name):
    assert holds(memories.grader, SECRETS[name])


@pytest.mark.parametrize("phrase", PHRASES[:3])
def test_the_same_search_finds_paths_and_lines_in_the_graders_process(memories, phrase):
    assert holds(memories.grader, phrase)


def test_the_same_search_finds_in_the_worker_what_student_code_holds(memories):
    assert len(memories.workers) == 1
    (worker,) = memories.workers
    assert holds(worker, STUDENT_TEXT)
    assert holds(worker, STUDENT_NUMBER)
    # What a test hands over is there too, of course: the search sees arrays that came by the wire.
    assert holds(worker, INPUT_NUMBER)


def test_the_zygote_holds_no_student_code(memories):
    assert not holds(memories.zygote, STUDENT_TEXT)
    assert not holds(memories.zygote, STUDENT_NUMBER)
    assert not holds(memories.zygote, INPUT_NUMBER)
    assert len(memories.zygote) > 10 << 20


def test_the_paused_submission_was_graded_for_real(memories):
    report = memories.report
    assert report.status.value == "graded"
    outcomes = {test.id: test for task in report.tasks if task.id == "scale" for test in task.tests}
    assert [(test.outcome.value, test.message) for test in outcomes.values()] == [
        ("failed", "out: 16 of 16 values are wrong, the first at index [0]")
    ]


def test_the_numbers_are_not_to_be_found_by_accident():
    numbers = (EXPECTED_NUMBER, SOLUTION_NUMBER, STUDENT_NUMBER, INPUT_NUMBER)
    assert len({struct.pack("<d", number)[:4] for number in numbers}) == len(numbers)
    assert all(0 < abs(number) < np.inf and 0 not in struct.pack("<d", number)[:6] for number in numbers)
