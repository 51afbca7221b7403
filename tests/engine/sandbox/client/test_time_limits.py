"""A request is held to its CPU and wall time by the kernel's clocks, whatever student code does."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from cnn_assignment.sandbox.client.protocol import (
    Answer,
    CallTimedOut,
    TimeLimits,
)
from cnn_assignment.sandbox.limits import WorkerLimits
from places import KITS
from sandbox_kit import SHORT_CPU, SHORT_WALL, attack, call, make_order, run, state_of, working

pytestmark = pytest.mark.usefixtures("nothing_left")


def test_a_busy_loop_is_stopped_by_its_processor_time(sandbox):
    source = """
        def answer():
            while True:
                pass
    """
    with working(sandbox, source) as worker:
        with pytest.raises(CallTimedOut, match=re.escape("more than 0.2 s of CPU time")) as caught:
            call(worker, "answer", limits=SHORT_CPU)
        assert not worker.alive
        assert state_of(worker.pid) is None
    assert (caught.value.kind, caught.value.limit_s) == ("CPU", 0.2)


def test_a_sleep_is_stopped_by_the_clock(sandbox):
    source = """
        import time

        def answer():
            time.sleep(1000)
    """
    with pytest.raises(CallTimedOut, match=re.escape("more than 0.3 s of wall time")) as caught:
        run(sandbox, source, limits=SHORT_WALL)
    assert caught.value.kind == "wall"


# Stopped, as by a virtual machine that is paused, between the question and the answer: all of it, or the grader alone.
PAUSED = """
import sys
from cnn_assignment.sandbox.client.host import Sandbox
from cnn_assignment.sandbox.client.protocol import TimeLimits
from sandbox_kit import call, working

SOURCE = '''
import time

def answer():
    for _ in range(8):
        time.sleep(0.1)
    return 1
'''
with Sandbox(1) as sandbox, working(sandbox, SOURCE) as worker:
    print(worker.pid, flush=True)
    print(call(worker, "answer", limits=TimeLimits(cpu_s=60, wall_s=3)), worker.waited_s < 3)
"""


@pytest.mark.parametrize("whole", [True, False], ids=["machine", "grader"])
def test_time_in_which_the_grader_was_stopped_is_not_the_students(tmp_path, whole):
    program = tmp_path / "paused.py"
    program.write_text(PAUSED, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(KITS)}
    with subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, text=True, env=environment) as grader:
        worker = int(grader.stdout.readline())
        stopped = [grader.pid, worker] if whole else [grader.pid]
        time.sleep(0.2)
        try:
            for pid in stopped:
                os.kill(pid, signal.SIGSTOP)
            time.sleep(4)
        finally:
            # Nobody could wait for one that stays stopped.
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
        assert grader.communicate(timeout=60)[0] == "1 True\n"


def test_waiting_costs_no_processor_time(confined):
    source = """
        import time

        def answer(seconds):
            time.sleep(seconds)
            return seconds
    """
    assert run(confined, source, 0.5, limits=TimeLimits(cpu_s=0.25, wall_s=60)) == 0.5


def test_each_request_has_its_own_time(confined):
    source = """
        import time

        def answer():
            start = time.process_time()
            while time.process_time() < start + 0.15:
                pass
            return 1
    """
    with working(confined, source) as worker:
        assert [call(worker, "answer", limits=TimeLimits(cpu_s=0.3, wall_s=60)) for _ in range(4)] == [1] * 4


def test_a_loop_that_ignores_every_signal_is_stopped(sandbox):
    source = """
        import signal, threading

        def answer():
            for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
                signal.signal(number, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals))
            while True:
                try:
                    while True:
                        pass
                except BaseException:
                    pass
    """
    with pytest.raises(CallTimedOut, match="CPU"):
        run(sandbox, source, limits=SHORT_CPU)


def test_the_time_of_all_threads_counts(sandbox):
    source = """
        import threading, time

        def burn():
            while True:
                pass

        def answer():
            for _ in range(3):
                threading.Thread(target=burn, daemon=True).start()
            time.sleep(1000)
    """
    with pytest.raises(CallTimedOut, match="CPU"):
        run(sandbox, source, limits=SHORT_CPU)


def test_code_that_never_loads_is_stopped(sandbox):
    worker = sandbox.spawn(WorkerLimits())
    with pytest.raises(CallTimedOut, match="CPU"):
        worker.load(make_order("while True: pass"), SHORT_CPU)
    assert not worker.alive


def test_a_stopped_process_is_killed_all_the_same(loose):
    source = """
        import os, signal

        def answer():
            os.kill(os.getpid(), signal.SIGSTOP)
    """
    with pytest.raises(CallTimedOut, match="wall"):
        run(loose, source, limits=SHORT_WALL)


@pytest.mark.parametrize("where", ["preamble", "header", "payload"])
def test_a_reply_in_drips_does_not_outlive_the_clock(confined, where):
    # The next byte is always there before anybody has waited for it, and all of them take seconds.
    source = attack("""
        def answer(start):
            data = frame_of({"nonce": find_worker()._nonce, "value": ["a", "|u1", [20000], "C"]}, bytes(20000))
            begin = {"preamble": 0, "header": 8, "payload": len(data) - 20000}[start]
            os.write(4, data[:begin])
            for at in range(begin, len(data)):
                os.write(4, data[at : at + 1])
                time.sleep(0.0002)
    """)
    with pytest.raises(CallTimedOut, match="wall"):
        run(confined, source, where, limits=SHORT_WALL)


def test_a_request_that_is_read_in_sips_does_not_outlive_the_clock(confined):
    source = attack("""
        def answer():
            forge({"value": 1})
            while True:
                os.read(3, 4096)
                time.sleep(0.05)
    """)
    with working(confined, source) as worker:
        assert call(worker, "answer") == 1
        with pytest.raises(CallTimedOut, match="wall"):
            call(worker, "answer", np.zeros(4_000_000), limits=SHORT_WALL)


def test_questions_without_end_do_not_outlive_the_clock(confined):
    source = attack("""
        def answer():
            question = frame_of({"nonce": find_worker()._nonce, "ask": ["l", "Layer.parts", ["d"], ["t"]]})
            while True:
                os.write(4, question * 20)
                os.read(3, 65536)
    """)
    with pytest.raises(CallTimedOut, match=r"CPU|wall"):
        run(confined, source, limits=TimeLimits(cpu_s=5, wall_s=0.3), ask=lambda *_: Answer(1))
