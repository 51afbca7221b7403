"""A thousand submissions in a row through one grader process, a third of them hostile: nothing adds up, nobody pays."""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path

import pytest

import toy_course
from cnn_assignment.core.layout import load_assignment
from cnn_assignment.core.model import ReportStatus
from cnn_assignment.running.pool import GraderProcess
from processes import await_that, descendants
from sandbox_kit import state_of
from toy_course import TOTAL, answer, edit, left_open, submit

pytestmark = pytest.mark.usefixtures("unmeasured")

SUBMISSIONS = 1000
# The first ones warm up; then every so many submissions memory and descriptors are looked at.
WARM, EVERY = 200, 10

# What everybody can hand in, and what it is worth.
HONEST = {
    "right": (toy_course.SOLUTION, TOTAL),
    "half_open": (left_open("cut", "clear"), 3.0),
    "wrong_factor": (answer(scale='cache["out"][:] = self.factor * x'), TOTAL - 1.0),
    "raises": (answer(slope="raise ValueError('no')"), TOTAL - 2.0),
    "not_python": ("class Scaler(:", 0.0),
}
# Run where the answer to "cut" should be: two points that they do not earn, while all others are earned.
IN_A_CALL = {
    "os_exit": "import os; os._exit(0)",
    "endless_loop": "while True: pass",
    "memory_bomb": "return iter([bytearray(1 << 30) for _ in range(64)])",
    "fork": "import os\nif os.fork() == 0:\n    while True: pass\nreturn iter([])",
    "fork_and_leave": "import os\nfor _ in range(5):\n    if os.fork() == 0:\n        os.setsid()\nreturn iter([])",
    "writes_the_pipe": "import os; os.write(4, b'\\0\\0\\0\\4\\0\\0\\0\\0null' * 50); return iter([])",
    "closes_descriptors": "import os; os.closerange(0, 64); return iter([])",
    "closes_the_pipe": "import os, time; os.close(4); time.sleep(60)",
    "patches_numpy": "np.zeros = np.sum = np.asarray = np.frombuffer = len; np.ndarray = list; return iter([])",
    "giant_reply": "return iter([np.zeros(1 << 24)] * 2)",
    "giant_text": "return iter(['x' * (1 << 24)])",
    "deep_nesting": "deep = []\nfor _ in range(100_000): deep = [deep]\nreturn iter([deep])",
    "sys_exit": "import sys; sys.exit(0)",
    "keyboard_interrupt": "raise KeyboardInterrupt",
    "output_flood": "import os\nfor _ in range(2000): print('x' * 9999); os.write(1, b'y' * 9999)\nreturn iter([])",
    "thread": "import threading, time\nfor _ in range(2): threading.Thread(target=time.sleep, args=(600,)).start()\nreturn iter([])",
    "recursion": "return self.pieces(x)[0]",
    "c_recursion": "deep = None\nfor _ in range(10 ** 6): deep = (deep,)\nreturn iter([hash(deep)])",
    "bad_del": "class Bad:\n    def __del__(self): raise ValueError\n    __repr__ = __eq__ = __hash__ = __del__\nreturn iter([Bad()])",
    "atexit": "import atexit, os; atexit.register(os._exit, 3); return iter([])",
    "raises_at_any_touch": "class Bad(Exception):\n    def __str__(self): raise self\nraise Bad",
    "signals_itself": "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)",
    "signals_its_parent": "import os, signal; os.kill(os.getppid(), signal.SIGSTOP); return iter([])",
}
# Run when the class Scaler is made: it takes its process, its class, or nothing with it.
AT_LOADING = {
    "exit_at_loading": ("import os; os._exit(1)", 0.0),
    "sys_exit_at_loading": ("import sys; sys.exit(1)", TOTAL - 3.0),
    "loop_at_loading": ("while True: pass", 0.0),
    "memory_at_loading": ("bytearray(1 << 40)", TOTAL - 3.0),
    "patched_at_loading": ("np.allclose = np.array_equal = lambda *_, **__: True", TOTAL),
}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """The toy with small limits and quick tests, so that a thousand submissions take a minute."""
    root = tmp_path_factory.mktemp("course")
    toy_course.make_course(root)
    folder = root / "autograder/toy"
    edit(folder / "assignment.toml", "call_cpu_s = 0.3\ncall_wall_s = 3", "call_cpu_s = 0.15\ncall_wall_s = 0.5")
    edit(folder / "assignment.toml", "[stand_ins]", "memory_mib = 512\ntimeouts_per_method = 1\n\n[stand_ins]")
    edit(folder / "test_scale.py", "[1, 2, 5]", "[2]")
    edit(folder / "test_clear.py", "[2, 3]", "[3]")
    return load_assignment(root, "toy")


def make_submissions():
    """Kind, text and due score of each, every third one hostile, in a seeded order."""
    hostile = {name: (answer(cut=text), TOTAL - 2.0) for name, text in IN_A_CALL.items()}
    for name, (line, due) in AT_LOADING.items():
        hostile[name] = (toy_course.SOLUTION.replace("class Scaler:", f"class Scaler:\n    {line}\n"), due)
    rng = random.Random(3)
    for number in range(SUBMISSIONS):
        if number % 3 == 0:
            names = sorted(hostile)
            # Each kind in turn, so that all appear before the first look at the grader's memory.
            name = names[(number // 3) % len(names)]
            yield name, *hostile[name]
        else:
            name = rng.choice(sorted(HONEST))
            yield name, *HONEST[name]


def measure(pid):
    """Resident KiB and descriptors of the grader's process and of every fork server below it."""
    found = {}
    for number in sorted({pid, *descendants(pid)}):
        status = dict(
            line.split(":", 1) for line in Path(f"/proc/{number}/status").read_text(encoding="utf-8").splitlines()
        )
        descriptors = len(list(Path(f"/proc/{number}/fd").iterdir()))
        found[number] = (int(status["VmRSS"].split()[0]), descriptors)
    return found


def test_a_thousand_submissions_a_third_of_them_hostile(course):
    wrong, kinds = [], Counter()
    measured = {}
    before = descendants(os.getpid())
    with GraderProcess(course) as grader:
        pid = grader._process.pid
        for number, (name, text, due) in enumerate(make_submissions(), 1):
            report = grader.grade(submit(course.root, f"s{number}", text))
            kinds[name] += 1
            status = ReportStatus.UNREADABLE if name == "not_python" else ReportStatus.GRADED
            if (report.status, report.score) != (status, due):
                wrong.append((number, name, report.status, report.score, due, report.notes[:1]))
            if number >= WARM and number % EVERY == 0:
                assert [state_of(child) for child in descendants(pid)].count("Z") == 0
                measured[number] = measure(pid)
    assert wrong == []
    assert len(kinds) == len(HONEST) + len(IN_A_CALL) + len(AT_LOADING)
    early = [measured[number] for number in measured if number <= 2 * WARM]
    late = [measured[number] for number in measured if number > SUBMISSIONS - WARM]
    for processes in (*early, *late):
        assert processes.keys() == early[0].keys()
    for process in early[0]:
        assert {at[process][1] for at in (*early, *late)} == {early[0][process][1]}
        # The least of each, because the allocator keeps some of what a large reply took for the next one.
        kib = [min(at[process][0] for at in part) for part in (early, late)]
        assert kib[1] - kib[0] < 4 * 1024
        assert max(at[process][0] for at in measured.values()) < 256 * 1024
    await_that(lambda: descendants(os.getpid()) <= before)
