"""Workers end as the kernel says that they did, and nothing is left of them or of the fork server."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from cnn_assignment.sandbox import wire
from cnn_assignment.sandbox.client import launch
from cnn_assignment.sandbox.client.host import Sandbox
from cnn_assignment.sandbox.client.protocol import (
    CallRaised,
    CallTimedOut,
    Request,
    SandboxError,
    TimeLimits,
    WorkerDied,
)
from cnn_assignment.sandbox.client.worker_process import Stopwatch
from cnn_assignment.sandbox.limits import WorkerLimits
from levels import LEVELS
from places import KITS, ROOT
from sandbox_kit import (
    LOADING,
    PATIENT,
    SHORT_WALL,
    call,
    children_of,
    count_descriptors,
    make_order,
    run,
    state_of,
    wait_until,
    working,
    zygote_of,
)

pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("os._exit(0)", 0),
        ("os._exit(7)", 7),
        ("ctypes.string_at(1)", -signal.SIGSEGV),
        ("os.close(4)", 70),
        ("os.close(3)", 70),
        ("os.closerange(0, 100)", 70),
        ("threading.Thread(target=os._exit, args=(9,)).start(); time.sleep(1000)", 9),
        ("sys.setrecursionlimit(10**9); repr(Deep())", None),
    ],
)  # fmt: skip
def test_a_worker_that_ends_is_told_by_the_kernel(sandbox, body, code):
    check_end(sandbox, body, code)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", -signal.SIGSEGV),
        ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
        ("os.kill(os.getpid(), signal.SIGINT)", -signal.SIGINT),
        ("os.kill(0, signal.SIGTERM)", -signal.SIGTERM),
        ("os.abort()", -signal.SIGABRT),
        ("os.execv('/bin/false', ['false'])", 1),
        ("resource.setrlimit(resource.RLIMIT_AS, (0, 0)); x = [bytearray(1 << 20) for _ in range(99)]", None),
    ],
)  # fmt: skip
def test_a_worker_that_ends_by_a_signal_or_as_another_program_is_told_by_the_kernel(loose, body, code):
    check_end(loose, body, code)


@pytest.mark.parametrize("body", ["os.kill(os.getpid(), 9)", "os.execv('/bin/false', ['false'])", "os.fork()"])
def test_a_confined_worker_goes_on_after_what_it_may_not_do(confined, body):
    source = f"""
import os

def answer():
    {body}
"""
    with working(confined, source) as worker:
        for _ in range(2):
            with pytest.raises(CallRaised, match=r"PermissionError|FileNotFoundError"):
                call(worker, "answer")
        assert worker.alive


def check_end(sandbox, body, code):
    source = f"""
import ctypes, os, resource, signal, sys, threading, time

class Deep:
    # Recursion in C, which the interpreter's own limit no longer holds.
    def __repr__(self): return repr([self])

def answer():
    {body}
"""
    with working(sandbox, source) as worker:
        if code is None:
            with pytest.raises((CallRaised, WorkerDied), match=r"MemoryError|RecursionError|ended"):
                call(worker, "answer")
            return
        if body == "os.close(3)":
            # The answer still comes; the next request finds nobody.
            assert call(worker, "answer") is None
        with pytest.raises(WorkerDied, match=re.escape(f"status {code}")) as caught:
            call(worker, "answer")
        assert caught.value.code == code
        assert not worker.alive
        with pytest.raises(WorkerDied, match="status None"):
            call(worker, "answer")


def test_a_child_that_keeps_the_pipe_open_does_not_hide_the_end(loose):
    source = """
        import os, time

        def answer(path):
            if os.fork() == 0:
                os.setsid()
                # Ends by itself, since nothing else would end it at this level.
                time.sleep(3)
                os._exit(0)
            os._exit(5)
    """
    with pytest.raises(WorkerDied, match="status 5"):
        run(loose, source, "")


def test_a_child_in_the_workers_group_ends_with_it(loose):
    source = """
        import os, time

        def answer():
            child = os.fork()
            if child == 0:
                time.sleep(1000)
            return child
    """
    with working(loose, source) as worker:
        child = call(worker, "answer")
        assert state_of(child) is not None
    wait_until(lambda: state_of(child) in (None, "Z"), "the child has ended")


def test_a_worker_that_closes_its_end_between_requests_is_not_waited_for(confined):
    source = """
        import os, threading, time

        def later():
            time.sleep(0.1)
            os.close(4)

        def answer():
            threading.Thread(target=later, daemon=True).start()
            return os.getpid()
    """
    with working(confined, source) as worker:
        call(worker, "answer")
        time.sleep(0.3)
        with pytest.raises(CallTimedOut, match="wall"):
            call(worker, "answer", limits=SHORT_WALL)
        assert not worker.alive
        assert state_of(worker.pid) is None


def test_a_worker_that_ended_between_requests_is_told_as_dead(sandbox):
    source = """
        import os, threading

        def answer():
            threading.Timer(0.1, os._exit, (6,)).start()
            return 1
    """
    with working(sandbox, source) as worker:
        assert call(worker, "answer") == 1
        wait_until(lambda: state_of(worker.pid) is None, "the worker has ended")
        with pytest.raises(WorkerDied, match="status 6"):
            call(worker, "answer")


def test_killing_twice_and_after_the_end_is_harmless(confined):
    worker = confined.spawn(WorkerLimits())
    assert worker.alive
    worker.kill()
    worker.kill()
    assert not worker.alive
    with pytest.raises(WorkerDied, match="status None"):
        worker.load(make_order(""), LOADING)


def test_two_hundred_workers_leave_no_descriptor_and_no_process(sandbox):
    before = count_descriptors()
    zygote = zygote_of(sandbox)
    zygote_before = len(list(Path(f"/proc/{zygote}/fd").iterdir()))
    for _ in range(200):
        sandbox.spawn(WorkerLimits()).kill()
    assert count_descriptors() == before
    assert children_of(zygote) == []
    assert len(list(Path(f"/proc/{zygote}/fd").iterdir())) == zygote_before


def test_many_workers_live_side_by_side(sandbox):
    # More than a hundred, because the zygote's descriptors then have numbers above a hundred.
    workers = [sandbox.spawn(WorkerLimits()) for _ in range(110)]
    try:
        for worker in (workers[0], *workers[-25:]):
            worker.load(make_order("import os\nanswer = os.getpid"), LOADING)
            # In a namespace it has another number than the one that the grader knows.
            assert call(worker, "answer") == worker._process._inner_pid
            assert (worker.pid == worker._process._inner_pid) == (sandbox.level < 3)
    finally:
        for worker in workers:
            worker.kill()


def test_a_workers_descriptors_are_closed_when_it_is_killed(sandbox):
    worker = sandbox.spawn(WorkerLimits())
    mine = (worker._process._pidfd, worker._read_fd, worker._write_fd)
    assert all(Path(f"/proc/self/fd/{fd}").exists() for fd in mine)
    worker.kill()
    assert not any(Path(f"/proc/self/fd/{fd}").exists() for fd in mine)


@pytest.mark.parametrize("level", LEVELS)
def test_closing_the_sandbox_ends_everything_at_once(level):
    before = count_descriptors()
    sandbox = Sandbox(level)
    workers = [sandbox.spawn(WorkerLimits())]
    workers[0].load(make_order(""), LOADING)
    # The last of these have hardly begun when the end comes.
    workers += [sandbox.spawn(WorkerLimits()) for _ in range(3)]
    # bubblewrap's process, if there is one, and the zygote.
    above = {sandbox._process.pid, zygote_of(sandbox)}
    sandbox.close()
    assert [state_of(pid) for pid in (*above, *(worker.pid for worker in workers))] == [None] * (len(above) + 4)
    for worker in workers:
        worker.kill()
    sandbox.close()
    assert count_descriptors() == before


@pytest.mark.parametrize("level", LEVELS)
def test_everything_ends_when_the_grader_is_killed(tmp_path, level):
    grader = tmp_path / "grader.py"

    grader.write_text(
        textwrap.dedent(f"""
            import sys, time
            sys.path[:0] = [{str(KITS)!r}, {str(ROOT)!r}]
            from sandbox_kit import LOADING, make_order, zygote_of
            from cnn_assignment.sandbox.client.host import Sandbox
            from cnn_assignment.sandbox.limits import WorkerLimits
            sandbox = Sandbox({level})
            busy, idle = sandbox.spawn(WorkerLimits()), sandbox.spawn(WorkerLimits())
            source = "import signal\\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\\ndef later():\\n  while True: pass\\n"
            source += "import threading\\nthreading.Thread(target=later).start()"
            busy.load(make_order(source), LOADING)
            print(sandbox._process.pid, zygote_of(sandbox), busy.pid, idle.pid, flush=True)
            time.sleep(1000)
        """),
        encoding="utf-8",
    )
    with subprocess.Popen([sys.executable, str(grader)], stdout=subprocess.PIPE, text=True) as process:
        pids = [int(word) for word in process.stdout.readline().split()]
        assert len(pids) == 4
        assert all(state_of(pid) not in (None, "Z") for pid in pids)
        process.kill()
    wait_until(lambda: all(state_of(pid) in (None, "Z") for pid in pids), "zygote and workers have ended")


def test_a_fork_server_that_does_not_start_is_an_error_with_its_reason(monkeypatch, tmp_path):
    before = count_descriptors()
    for name, script, words in (
        ("mute", "#!/bin/sh\nexit 1\n", "no reason given"),
        ("wordy", "#!/bin/sh\necho first >&2\necho 'no NumPy here' >&2\nexit 1\n", "no NumPy here"),
    ):
        program = tmp_path / name
        program.write_text(script, encoding="utf-8")
        program.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(program))
        with pytest.raises(SandboxError, match=f"the fork server did not start: {words}"):
            Sandbox(1)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "absent"))
    with pytest.raises(SandboxError, match=r"the fork server did not start: .*No such file"):
        Sandbox()
    assert count_descriptors() == before


def test_the_end_of_the_fork_server_is_the_graders_problem_and_mended_by_the_next_worker():
    source = """
        import os, signal, time

        def answer():
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(1000)
    """
    before = count_descriptors()
    with Sandbox(1) as sandbox:
        other = sandbox.spawn(WorkerLimits())
        with working(sandbox, source) as worker, pytest.raises(SandboxError, match="the fork server is gone"):
            call(worker, "answer")
        wait_until(lambda: sandbox._process.poll() is not None, "the fork server has ended")
        assert run(sandbox, "answer = int", 4) == 4
        with pytest.raises(SandboxError, match="the fork server is gone"):
            other.load(make_order(""), LOADING)
        other.kill()
    assert count_descriptors() == before


@pytest.mark.parametrize("level", LEVELS)
def test_a_fork_server_that_was_killed_is_replaced_at_the_same_level(level):
    with Sandbox(level) as sandbox:
        worker = sandbox.spawn(WorkerLimits())
        os.kill(zygote_of(sandbox), signal.SIGKILL)
        wait_until(lambda: sandbox._process.poll() is not None, "the fork server has ended")
        wait_until(lambda: state_of(worker.pid) in (None, "Z"), "its worker has ended")
        worker.kill()
        assert run(sandbox, "answer = int", 4) == 4
        assert sandbox.level == level


def test_a_fork_server_that_could_come_back_with_less_protection_does_not(monkeypatch):
    before = count_descriptors()
    with Sandbox(2) as sandbox:
        os.kill(zygote_of(sandbox), signal.SIGKILL)
        wait_until(lambda: sandbox._process.poll() is not None, "the fork server has ended")
        boot = "from cnn_assignment.sandbox import confinement; confinement.landlock_abi = lambda: 0\nmain("
        with monkeypatch.context() as patch:
            patch.setattr(launch, "_BOOT", launch._BOOT.replace("main(", boot))
            for _ in range(2):
                with pytest.raises(
                    SandboxError, match="came back at level 1 instead of 2: this kernel has no Landlock"
                ):
                    sandbox.spawn(WorkerLimits())
        assert run(sandbox, "answer = int", 4) == 4
        assert sandbox.level == 2
    assert count_descriptors() == before


def test_a_closed_sandbox_gives_no_workers():
    sandbox = Sandbox()
    sandbox._process.kill()
    sandbox._process.wait()
    sandbox._start_at = lambda _: None
    before = count_descriptors()
    with pytest.raises(SandboxError, match="the fork server is gone"):
        sandbox.spawn(WorkerLimits())
    assert count_descriptors() <= before


def test_what_a_test_sends_must_be_something_that_can_cross(confined):
    loop = []
    loop.append(loop)
    with working(confined, "") as worker:
        with pytest.raises(wire.WireError, match="nested deeper"):
            worker.request(Request((("put", 1, loop),)), PATIENT)
        assert worker.request(Request((("put", 1, [2]),), 1), PATIENT) == [2]


def test_a_pipe_that_is_always_ready_does_not_stop_the_clock(confined):
    with working(confined, "") as worker:
        read_fd, write_fd = os.pipe()
        os.write(write_fd, b"x")
        watch = Stopwatch(worker._process.cpu_now, TimeLimits(cpu_s=60.0, wall_s=0.0))
        with pytest.raises(CallTimedOut, match="wall"):
            worker._wait(read_fd, select.POLLIN, watch)
        os.close(read_fd)
        os.close(write_fd)
