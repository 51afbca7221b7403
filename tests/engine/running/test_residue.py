"""Whatever ends a class, nothing of it is left: no process, file, shared memory, message queue or descriptor."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

import toy_course
from cnn_assignment.core.layout import load_assignment
from cnn_assignment.running.class_run import CLASS_TABLE
from cnn_assignment.running.journal import JOURNAL
from cnn_assignment.running.pool import grade_all
from processes import COMMAND, await_that, descendants, is_running
from sandbox_kit import count_descriptors
from toy_course import TOTAL, answer, left_open, submit

# Each tries to leave something behind. None may harm the machine if it succeeds.
HOSTILE = {
    "daemon": """
        import os, time
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(30)
            os._exit(0)
    """,
    "files": """
        import os
        for folder in ("/tmp", "/dev/shm", "/var/tmp", os.getcwd()):
            open(f"{folder}/{MARK}", "w").write("left")
    """,
    "temporary": "import tempfile\ntempfile.mkstemp(prefix=MARK)",
    "shared": "import mmap\nfrom multiprocessing import shared_memory\nshared_memory.SharedMemory(MARK, create=True, size=64)",
    "segment": "import ctypes\nctypes.CDLL(None).shmget(0x6B6974, 4096, 0o1666)",
    "queue": "import ctypes\nctypes.CDLL(None).mq_open(('/' + MARK).encode(), 0o102, 0o600, None)",
    "threads": "import threading, time\nfor _ in range(20): threading.Thread(target=time.sleep, args=(30,)).start()",
    "exit": "import os\nos._exit(0)",
    "stopped": "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
    "output": "import os\nfor _ in range(100): os.write(1, b'x' * 65536)",
    "memory": "keep = [bytearray(1 << 24) for _ in range(1000)]",
    "sleep": "import time\ntime.sleep(1000)",
}
ENDLESS = "while True: pass"
RIGHT = "cache['out'][:] = self.factor * (x + HALF)"


def kept_by_system(mark: str) -> set[str]:
    """Everything with a name or a number that outlives a process, as far as a submission could make it."""
    found = set()
    for folder in (Path(tempfile.gettempdir()), Path("/tmp"), Path("/dev/shm"), Path("/var/tmp"), Path("/")):
        found |= {str(path) for path in folder.glob("*") if mark in path.name}
    for name in ("shm", "msg", "sem"):
        found |= {
            f"{name} {line}" for line in Path(f"/proc/sysvipc/{name}").read_text().splitlines() if " 7039348 " in line
        }
    return found


def marked(mark: str) -> set[int]:
    """Processes in whose environment or command the mark is, except for this one."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark.encode() in (folder / "environ").read_bytes() and int(folder.name) != os.getpid():
                found.add(int(folder.name))
    return {pid for pid in found if is_running(pid)}


class Course:
    """A toy course with its own folder for temporary files and a mark by which its processes are found."""

    def __init__(self, root: Path) -> None:
        self.mark = f"residue-{secrets.token_hex(6)}"
        self.root = toy_course.make_course(root / "course").root
        self.temporary = root / "tmp"
        self.temporary.mkdir(mode=0o755)

    def submit(self, student: str, scale: str) -> None:
        submit(self.root, student, answer(scale=scale.replace("MARK", repr(self.mark))))

    @contextmanager
    def grading(self, jobs: int = 2) -> Iterator[subprocess.Popen[str]]:
        """The command at work. Leaving this waits until every process that it started has ended."""
        words = ("grade", "toy", "submitted", "--out", "out", "--no-gradebook", "--jobs", str(jobs))
        environment = {**os.environ, "TMPDIR": str(self.temporary), "RESIDUE_MARK": self.mark}
        with subprocess.Popen(
            [sys.executable, "-c", COMMAND, *words],
            cwd=self.root,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def await_student_code(self, process: subprocess.Popen[str], finished: int) -> set[int]:
        """Wait until that many reports are written and a worker burns time; returns the command's processes."""
        await_that(lambda: len(list((self.root / "out").glob("*.json"))) >= finished)
        await_that(lambda: any(is_worker(pid) and cpu_ticks(pid) >= 20 for pid in descendants(process.pid)))
        return descendants(process.pid)

    def left(self) -> tuple[list[str], set[str], set[int]]:
        return sorted(path.name for path in self.temporary.iterdir()), kept_by_system(self.mark), marked(self.mark)


def is_worker(pid: int) -> bool:
    """Whether a process is a leader of a session of its own below another Python, as workers are."""
    with suppress(OSError):
        return os.getsid(pid) == pid and Path(f"/proc/{pid}/comm").read_text() != "bwrap\n" and not children(pid)
    return False


def command_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def children(pid: int) -> str:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text()


def cpu_ticks(pid: int) -> int:
    """CPU time of a process in clock ticks (proc_pid_stat(5)); 0 where it has ended."""
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])
    return 0


@pytest.fixture
def course(tmp_path, monkeypatch):
    made = Course(tmp_path)
    # Workers of root run as nobody, who must be able to walk to what the probe shows them.
    for folder in (made.temporary, *made.temporary.parents):
        if os.geteuid() == 0 and folder.stat().st_uid == 0 and folder.is_relative_to(tempfile.gettempdir()):
            folder.chmod(folder.stat().st_mode | 0o011)
    return made


NOTHING = ([], set(), set())


def test_a_hostile_class_leaves_nothing(course):
    for student, source in HOSTILE.items():
        course.submit(student, f"{source_of(source)}\n{RIGHT}")
    course.submit("loop", ENDLESS)
    submit(course.root, "honest", toy_course.SOLUTION)
    with course.grading() as process:
        stdout, stderr = process.communicate(timeout=200)
    assert process.returncode == 0, stdout
    # On a slow machine it says how far it has come.
    assert [line for line in stderr.splitlines() if not line.startswith("grading ")] == []
    assert course.left() == NOTHING
    scores = {
        path.stem: json.loads(path.read_text(encoding="utf-8"))["score"]
        for path in (course.root / "out").glob("*.json")
    }
    assert set(scores) == {*HOSTILE, "loop", "honest"}
    assert scores["honest"] == TOTAL
    assert scores["loop"] == TOTAL - toy_course.TASKS["scale"]


def source_of(text: str) -> str:
    import textwrap

    return textwrap.dedent(text).strip("\n")


def start_endless_class(course):
    """A class of which the second submission loops for longer than any test waits."""
    settings = course.root / "autograder/toy/assignment.toml"
    toy_course.edit(
        settings, "call_cpu_s = 0.3\ncall_wall_s = 3", "call_cpu_s = 500\ncall_wall_s = 600\nsubmission_wall_s = 900"
    )
    submit(course.root, "a-first", left_open("cut"))
    for student in ("b-loop", "c-loop", "d-loop"):
        course.submit(student, ENDLESS)


def await_end(course, pids):
    for pid in pids:
        await_that(lambda pid=pid: not is_running(pid), seconds=60)
    await_that(lambda: course.left() == NOTHING, seconds=60)


@pytest.mark.parametrize(
    ("ending", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9), (signal.SIGHUP, -1)]
)
def test_a_command_that_is_ended_in_an_endless_loop_leaves_nothing(course, ending, status):
    start_endless_class(course)
    with course.grading() as process:
        theirs = course.await_student_code(process, finished=1)
        assert len(theirs) >= 4
        process.send_signal(ending)
        assert process.wait(timeout=30) == status
        await_end(course, theirs)
    # What was finished is whole.
    assert [path.name for path in sorted((course.root / "out").glob("*.json"))] == ["a-first.json"]
    json.loads((course.root / "out/a-first.json").read_text(encoding="utf-8"))
    assert {path.name for path in (course.root / "out").iterdir()} <= {"a-first.json", CLASS_TABLE, JOURNAL}


def test_a_grader_process_that_is_killed_leaves_nothing_and_the_class_goes_on(course):
    start_endless_class(course)
    with course.grading(jobs=1) as process:
        # Once is an accident, and the submission is tried again; twice is its own doing.
        for _ in range(2):
            theirs = course.await_student_code(process, finished=1)
            (job,) = [pid for pid in theirs if b"cnn_assignment.running.grader" in command_of(pid)]
            os.kill(job, signal.SIGKILL)
            for pid in theirs:
                await_that(lambda pid=pid: not is_running(pid), seconds=20)
        await_that((course.root / "out/b-loop.json").exists)
        report = json.loads((course.root / "out/b-loop.json").read_text(encoding="utf-8"))
        assert report["status"] == "grader_error"
        later = course.await_student_code(process, finished=2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 143
        await_end(course, later)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_command_that_is_ended_while_it_starts_leaves_nothing(course, ending):
    start_endless_class(course)
    with course.grading() as process:
        await_that(lambda: any(course.temporary.iterdir()))
        theirs = descendants(process.pid)
        process.send_signal(ending)
        process.wait(timeout=30)
        await_end(course, theirs)


def test_the_process_that_grades_keeps_no_descriptor(course):
    assignment = load_assignment(course.root, "toy")
    students = [submit(course.root, name, answer(scale=source)) for name, source in (("a", RIGHT), ("b", ENDLESS))]

    def grade() -> None:
        with closing(grade_all(assignment, students, 2)) as reports:
            assert len(list(reports)) == 2

    grade()
    before = count_descriptors()
    grade()
    assert count_descriptors() == before
