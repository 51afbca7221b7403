"""The sandbox of systems without Linux's pieces: the same protocol and reports, less protection, and it says so."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import toy_course
from cnn_assignment.running.pool import GraderProcess
from cnn_assignment.sandbox import limits
from cnn_assignment.sandbox.client import choice, portable
from cnn_assignment.sandbox.client.host import Sandbox
from cnn_assignment.sandbox.client.portable import PortableSandbox
from cnn_assignment.sandbox.client.probe import probe
from cnn_assignment.sandbox.client.protocol import CallRaised, CallTimedOut, SandboxError, TimeLimits, WorkerDied
from cnn_assignment.sandbox.limits import WorkerLimits
from sandbox_kit import (
    FORGER,
    SHORT_CPU,
    SHORT_WALL,
    call,
    children_of,
    count_descriptors,
    run,
    state_of,
    wait_until,
    working,
)
from toy_course import answer, left_open, submit

# What a system without pidfds looks like to Python.
WITHOUT_PIDFDS = "import os; del os.pidfd_open; "


@pytest.fixture(scope="module")
def sandbox():
    with PortableSandbox() as opened:
        yield opened


@pytest.fixture(autouse=True)
def nothing_left():
    descriptors, children = count_descriptors(), children_of(os.getpid())
    yield
    assert count_descriptors() == descriptors
    assert children_of(os.getpid()) == children


# The same answers


def test_values_and_errors_cross_as_they_do_from_a_forked_worker(sandbox):
    source = """
        import numpy.fft, json, math
        def answer(x): return {"out": x * 2, "sum": float(x.sum()), "all": [1, None, "text", (True, 2j)]}
        def fail(): raise ValueError("no")
    """
    with working(sandbox, source) as worker:
        found = call(worker, "answer", np.arange(6.0).reshape(2, 3))
        np.testing.assert_array_equal(found["out"], 2 * np.arange(6.0).reshape(2, 3))
        assert (found["sum"], found["all"]) == (15.0, [1, None, "text", (True, 2j)])
        with pytest.raises(CallRaised, match="ValueError: no"):
            call(worker, "fail")
        assert worker.alive
        # It may still be on its way back to waiting for requests.
        wait_until(lambda: state_of(worker.pid) == "S", "the worker waits")


def test_reports_are_the_same_but_for_the_level(tmp_path, monkeypatch):
    texts = {
        "ada": toy_course.SOLUTION,
        "bob": left_open("cut", "clear"),
        "cem": answer(cut="return []", scale="raise ValueError('no')"),
        "dee": answer(scale="while True: pass"),
        "eva": answer(slope="import os; os._exit(3)"),
        "fay": answer(cut="import scipy"),
    }
    course = toy_course.make_course(tmp_path)
    submissions = [submit(tmp_path, student, text) for student, text in texts.items()]
    with GraderProcess(course) as grader:
        usual = [grader.grade(submission).to_json() for submission in submissions]
    program = tmp_path / "python-without-pidfds"
    code = f"{WITHOUT_PIDFDS}import runpy; runpy.run_module('cnn_assignment.running.grader', run_name='__main__')"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -c "{code}" "$4"\n', encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    with GraderProcess(course) as grader:
        other = [grader.grade(submission).to_json() for submission in submissions]
    assert [report["sandbox"].pop("level") for report in other] == [1] * len(texts)
    for report in (*usual, *other):
        report.pop("sandbox")
    assert other == usual


# What ends a worker


@pytest.mark.parametrize(
    ("code", "limits", "failure", "words"),
    [
        ("while True: pass", SHORT_CPU, CallTimedOut, "0.2 s of CPU time"),
        ("import time; time.sleep(600)", SHORT_WALL, CallTimedOut, "0.3 s of wall time"),
        ("import os; os._exit(3)", SHORT_CPU, WorkerDied, "status 3"),
        ("import os; os.kill(os.getpid(), 11)", SHORT_CPU, WorkerDied, "status -11"),
        ("import os; os.closerange(0, 64)", SHORT_CPU, WorkerDied, "status 70"),
        ("import os, time; os.closerange(0, 64); time.sleep(600)", SHORT_WALL, CallTimedOut, "wall time"),
    ],
)
def test_what_ends_a_worker_is_told_as_of_a_forked_one(sandbox, code, limits, failure, words):
    with working(sandbox, f"import os\n\ndef answer():\n    {code}\n") as worker:
        with pytest.raises(failure, match=words):
            call(worker, "answer", limits=limits)
        assert state_of(worker.pid) is None


def test_a_worker_goes_on_after_what_its_limits_refuse(sandbox, tmp_path):
    refused = {
        "bytearray(1 << 40)": "MemoryError",
        f"os.write(os.open({str(tmp_path / 'large')!r}, os.O_CREAT | os.O_WRONLY), b'x' * 4096)": "File too large",
        "[open('/dev/null') for _ in range(300)]": "Too many open files",
        "__import__('packaging')": "packaging is not available",
    }
    with working(sandbox, "import os\n\ndef answer(code):\n    return eval(code)\n") as worker:
        for code, words in refused.items():
            with pytest.raises(CallRaised, match=words):
                call(worker, "answer", code, limits=SHORT_CPU)
        assert call(worker, "answer", "7") == 7


def test_a_value_that_was_written_before_the_end_is_still_read(sandbox):
    source = "def answer():\n    forge({'value': 7})\n    os._exit(0)\n"
    with working(sandbox, FORGER + source) as worker:
        assert call(worker, "answer") == 7
        with pytest.raises(WorkerDied, match="status 0"):
            call(worker, "answer")


@pytest.mark.parametrize("end", ["os._exit(0)", "time.sleep(600)", "return 0"])
@pytest.mark.parametrize("with_waitid", [True, False])
def test_what_a_worker_started_ends_with_it(sandbox, monkeypatch, end, with_waitid):
    if not with_waitid:
        # As in Python before 3.13 on macOS.
        monkeypatch.delattr(os, "waitid")
    # The child keeps the pipes open, so that the end of the worker itself cannot be read from them.
    source = f"""
        import os, time

        def answer():
            if os.fork() == 0:
                time.sleep(600)
            {end}
    """
    with working(sandbox, source) as worker:
        if end == "return 0":
            assert call(worker, "answer") == 0
            assert len(members_of(worker.pid)) == 2
        else:
            with pytest.raises((WorkerDied, CallTimedOut), match=r"status 0|wall"):
                call(worker, "answer", limits=SHORT_WALL)
    wait_until(lambda: not members_of(worker.pid), "the group is gone")


def members_of(group):
    """The processes of a group that are not dead."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, number = stat.read_text(encoding="utf-8").rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(number) == group and state != "Z":
            found.append(stat.parent.name)
    return found


def test_without_a_clock_for_other_processes_wall_time_is_the_limit(sandbox, monkeypatch):
    monkeypatch.setattr(portable, "read_clock", lambda _: 0.0)
    with pytest.raises(CallTimedOut, match="wall"):
        run(sandbox, "def answer():\n    while True: pass\n", limits=TimeLimits(cpu_s=0.1, wall_s=0.4))


def test_without_a_clock_the_whole_life_of_a_worker_has_an_end(sandbox, monkeypatch):
    monkeypatch.setattr(portable, "read_clock", lambda _: 0.0)
    busy = working(sandbox, "def answer():\n    while True: pass\n", WorkerLimits(cpu_s=2))
    with busy as worker, pytest.raises(WorkerDied, match=f"status -{signal.SIGKILL}"):
        call(worker, "answer")


def test_workers_end_with_their_sandbox():
    with PortableSandbox() as sandbox:
        workers = [sandbox.spawn(WorkerLimits()) for _ in range(2)]
    assert [state_of(worker.pid) for worker in workers] == [None, None]
    for worker in workers:
        worker.kill()


def test_a_worker_that_does_not_start_is_an_error_with_its_reason(monkeypatch, tmp_path):
    for name, script, words in (("mute", "exit 1", "no reason given"), ("wordy", "echo no NumPy >&2", "no NumPy")):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        program.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(program))
        with PortableSandbox() as sandbox, pytest.raises(SandboxError, match=f"a worker did not start: {words}"):
            sandbox.spawn(WorkerLimits())
    monkeypatch.setattr(sys, "executable", str(tmp_path / "absent"))
    with PortableSandbox() as sandbox, pytest.raises(SandboxError, match=r"a worker did not start: .*No such file"):
        sandbox.spawn(WorkerLimits())


def test_a_worker_knows_nothing_of_the_grader(sandbox, monkeypatch):
    monkeypatch.setenv("COURSE_TOKEN", "sentinel")
    source = """
        import os, sys

        def answer():
            descriptors = sorted(int(name) for name in os.listdir("/proc/self/fd"))[:-1]
            return dict(os.environ), descriptors, [path for path in sys.path if "site-packages" in path], sys.argv
    """
    environment, descriptors, path, arguments = run(sandbox, source)
    assert "COURSE_TOKEN" not in environment
    assert descriptors == [0, 1, 2, 3, 4]
    assert (path, arguments) == ([], [""])


# What is told


def test_the_level_is_told_and_found_by_the_probe():
    with PortableSandbox(0) as sandbox:
        assert sandbox.level == 0
        assert "student code could read the files of this user" in sandbox.problem
        found = probe(sandbox)
    assert found.level == 0
    assert not found.active["no_file_reading"]


def test_here_the_fork_server_is_chosen_and_without_pidfds_it_is_not(monkeypatch):
    with choice.open_sandbox() as chosen:
        assert type(chosen) is Sandbox
    monkeypatch.setattr(choice, "_has_pidfd", lambda: False)
    with choice.open_sandbox(["json"]) as chosen:
        assert type(chosen) is PortableSandbox
        assert run(chosen, "answer = int", 3) == 3


def test_doctor_says_what_is_missing():
    code = f"{WITHOUT_PIDFDS}from cnn_assignment.cli import main; main(['doctor', '--json'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    assert told["level"] == 1
    assert not told["protections"]["no_file_reading"]
    assert "student code could read the files of this user" in told["problem"]


# Other systems


@pytest.mark.parametrize(
    ("platform", "absent"), [("darwin", ()), ("win32", ("resource", "fcntl", "grp", "pwd")), ("freebsd14", ())]
)
def test_the_sandbox_can_be_imported_on_other_systems(platform, absent):
    code = f"""
        import importlib, os, pathlib, pkgutil, select, signal, socket, subprocess, sys, tempfile, numpy
        import json, secrets, importlib.util, sysconfig, ctypes, platform, array, inspect, numpy.random
        for owner, names in (
            (os, ("pidfd_open", "O_PATH", "setresuid", "waitid", "posix_spawn")),
            (signal, ("pidfd_send_signal",)),
            *([(select, ("poll", "epoll")), (socket, ("send_fds", "recv_fds", "AF_UNIX")), (signal, ("SIGKILL",)),
               (os, ("fork", "setsid", "killpg", "getuid"))] if {platform!r} == "win32" else []),
        ):
            for name in names:
                if hasattr(owner, name):
                    delattr(owner, name)
        for name in {absent!r}:
            sys.modules[name] = None
        sys.platform = {platform!r}
        ctypes.CDLL = ctypes.CDLL if {platform!r} != "win32" else None
        import cnn_assignment.sandbox as package
        for found in pkgutil.walk_packages(package.__path__, "cnn_assignment.sandbox."):
            importlib.import_module(found.name)
        import cnn_assignment.judging.session, cnn_assignment.testing
        from cnn_assignment.sandbox.client.choice import open_sandbox
        from cnn_assignment.sandbox.client.protocol import SandboxError
        if {platform!r} == "win32":
            os.name = "nt"
            try:
                open_sandbox()
            except SandboxError as error:
                print(error)
        else:
            print(type(open_sandbox()).__name__)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    words = "no sandbox for win32: on Windows the kit runs inside WSL" if platform == "win32" else "PortableSandbox"
    assert done.stdout.strip() == words, done.stderr


def test_a_limit_that_the_system_does_not_know_is_left_out_only_where_that_is_allowed():
    code = """
        import resource, sys
        del resource.RLIMIT_MSGQUEUE
        from cnn_assignment.sandbox.limits import WorkerLimits, apply_limits
        apply_limits(WorkerLimits(open_files=32), required=False)
        print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        try:
            apply_limits(WorkerLimits(open_files=31))
        except AttributeError:
            print("refused")
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["32", "refused"]


def test_where_nobody_tells_what_is_mapped_the_budget_is_never_cut(monkeypatch, tmp_path):
    told = limits._mapped_bytes()
    monkeypatch.setattr(limits, "_STATM", tmp_path / "absent")
    assert told > 0
    assert limits._mapped_bytes() >= 512 * limits.MIB
