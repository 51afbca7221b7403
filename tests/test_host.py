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

import numpy as np
import pytest

from cnn_assignment.sandbox import launch, wire
from cnn_assignment.sandbox.host import (
    Answer,
    BadReply,
    CallRaised,
    CallTimedOut,
    Request,
    Sandbox,
    SandboxError,
    TimeLimits,
    WorkerDied,
)
from cnn_assignment.sandbox.limits import WorkerLimits
from cnn_assignment.sandbox.protocol import Stopwatch
from sandbox_kit import (
    FORGER,
    LEVELS,
    LOADING,
    PATIENT,
    SHORT_CPU,
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


@pytest.fixture(scope="module", params=LEVELS, ids=["limits", "confined", "namespaced"])
def sandbox(request):
    with Sandbox(request.param) as opened:
        assert (opened.level, opened.problem) == (request.param, "")
        yield opened


@pytest.fixture(scope="module")
def loose():
    """For student code that signals, forks or runs programs, which a confined worker cannot."""
    with Sandbox(1) as opened:
        yield opened


@pytest.fixture(autouse=True)
def nothing_left(request):
    """After whatever student code did: no dead process, no worker, no descriptor, and the next worker works."""
    used = [request.getfixturevalue(name) for name in ("sandbox", "loose") if name in request.fixturenames]
    before = count_descriptors()
    yield
    for sandbox in used:
        assert run(sandbox, "answer = int", 3) == 3
        assert children_of(zygote_of(sandbox)) == []
    if used:
        assert count_descriptors() == before


def attack(source: str) -> str:
    return FORGER + textwrap.dedent(source)


# Time


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
from cnn_assignment.sandbox.host import Sandbox, TimeLimits
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
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
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


def test_waiting_costs_no_processor_time(sandbox):
    source = """
        import time

        def answer(seconds):
            time.sleep(seconds)
            return seconds
    """
    assert run(sandbox, source, 0.5, limits=TimeLimits(cpu_s=0.25, wall_s=60)) == 0.5


def test_each_request_has_its_own_time(sandbox):
    source = """
        import time

        def answer():
            start = time.process_time()
            while time.process_time() < start + 0.15:
                pass
            return 1
    """
    with working(sandbox, source) as worker:
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
def test_a_reply_in_drips_does_not_outlive_the_clock(sandbox, where):
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
        run(sandbox, source, where, limits=SHORT_WALL)


def test_a_request_that_is_read_in_sips_does_not_outlive_the_clock(sandbox):
    source = attack("""
        def answer():
            forge({"value": 1})
            while True:
                os.read(3, 4096)
                time.sleep(0.05)
    """)
    with working(sandbox, source) as worker:
        assert call(worker, "answer") == 1
        with pytest.raises(CallTimedOut, match="wall"):
            call(worker, "answer", np.zeros(4_000_000), limits=SHORT_WALL)


def test_questions_without_end_do_not_outlive_the_clock(sandbox):
    source = attack("""
        def answer():
            question = frame_of({"nonce": find_worker()._nonce, "ask": ["l", "Layer.parts", ["d"], ["t"]]})
            while True:
                os.write(4, question * 20)
                os.read(3, 65536)
    """)
    with pytest.raises(CallTimedOut, match=r"CPU|wall"):
        run(sandbox, source, limits=TimeLimits(cpu_s=5, wall_s=0.3), ask=lambda *_: Answer(1))


# Ends


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
def test_a_confined_worker_goes_on_after_what_it_may_not_do(body):
    source = f"""
import os

def answer():
    {body}
"""
    with Sandbox() as confined, working(confined, source) as worker:
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


def test_a_worker_that_closes_its_end_between_requests_is_not_waited_for(sandbox):
    source = """
        import os, threading, time

        def later():
            time.sleep(0.1)
            os.close(4)

        def answer():
            threading.Thread(target=later, daemon=True).start()
            return os.getpid()
    """
    with working(sandbox, source) as worker:
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


def test_killing_twice_and_after_the_end_is_harmless(sandbox):
    worker = sandbox.spawn(WorkerLimits())
    assert worker.alive
    worker.kill()
    worker.kill()
    assert not worker.alive
    with pytest.raises(WorkerDied, match="status None"):
        worker.load(make_order(""), LOADING)


# Replies that are none


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param("os.write(4, b'garbage' * 9)", "more parts than the grader takes", id="garbage"),
        pytest.param("os.write(4, frame_of({'value': 1}))", "another request", id="no nonce"),
        pytest.param("os.write(4, frame_of({'nonce': '0' * 32, 'value': 1}))", "another request", id="guessed nonce"),
        pytest.param("os.write(4, frame_of({'nonce': None, 'value': 1}))", "another request", id="null nonce"),
        pytest.param("os.write(4, frame_of(b''))", "another request", id="empty"),
        pytest.param("os.write(4, frame_of(b'[1]'))", "another request", id="no object"),
        pytest.param("os.write(4, frame_of(begin()))", "not JSON", id="not finished"),
        pytest.param("os.write(4, frame_of(begin() + b', 7}'))", "not JSON", id="no JSON"),
        pytest.param("os.write(4, frame_of(begin() + b',\"value\":' + b'[' * 60000))", "not JSON", id="deep"),
        pytest.param("os.write(4, struct.pack('>II', 65537, 0))", "more parts", id="header too long"),
        pytest.param("os.write(4, struct.pack('>II', 2**32 - 1, 0))", "more parts", id="header of 4 GiB"),
        pytest.param("os.write(4, struct.pack('>II', 2, 65537))", "larger than the right answer", id="payload too long"),
        pytest.param("os.write(4, struct.pack('>II', 2, 2**32 - 1))", "larger than the right", id="payload of 4 GiB"),
        pytest.param("forge({'value': ['l', 1, 2]}, b'left over')", "belong to no array", id="bytes left over"),
        pytest.param("forge({'value': ['a', '|O', [1], 'C']}, bytes(8))", "may not cross", id="object dtype"),
        pytest.param("forge({'value': ['a', '<f8', [2], 'C']}, bytes(8))", "larger than the bytes", id="short payload"),
        pytest.param("forge({'value': ['a', '<f8', [0, 2**62], 'N']})", "cannot be", id="impossible shape"),
        pytest.param("forge({'value': ['l', *range(101)]})", "more items", id="too many items"),
        pytest.param("forge({'value': ['h', 0]})", "malformed tag 'h'", id="a handle"),
        pytest.param("forge({'value': ['w', 0, ['s', 0, 1, 1]]})", "malformed tag 'w'", id="a window of nothing"),
        pytest.param("forge({'error': 5})", "an error without a description", id="error without words"),
        pytest.param("forge({'error': {'type': 1, 'message': '', 'step': 0, 'at': None}})", "without a desc", id="type"),
        pytest.param("forge({'ask': ['l', 'Layer.parts', ['d'], ['t']]})", "no stand-in asks", id="question"),
        pytest.param("forge({'ask': None})", "no stand-in asks", id="empty question"),
    ],
)  # fmt: skip
def test_what_is_no_reply_is_refused_and_ends_the_worker(sandbox, body, words):
    source = attack(f"""
        def begin():
            return b'{{"nonce":"%s"' % find_worker()._nonce.encode()

        def answer():
            {body}
            time.sleep(1000)
    """)
    with working(sandbox, source) as worker:
        with pytest.raises(BadReply, match=words):
            call(worker, "answer", caps=wire.Caps(payload_bytes=1000, items=100))
        assert not worker.alive
        assert state_of(worker.pid) is None


@pytest.mark.parametrize(
    "question", ["['l', 'a.b', ['d'], ['l']]", "['l', 5, ['d'], ['t']]", "['t', 'a.b', ['d']]", "7"]
)
def test_a_malformed_question_never_reaches_whoever_answers(sandbox, question):
    asked = []
    source = attack(f"""
        def answer():
            forge({{"ask": {question}}})
            time.sleep(1000)
    """)
    with pytest.raises(BadReply, match="no stand-in asks"):
        run(sandbox, source, ask=lambda *told: asked.append(told))
    assert asked == []


@pytest.mark.parametrize("inside", ["['d', ['weights', ['h', 0]]], ['t']", "['d'], ['t', ['l', ['h', 0]]]"])
def test_a_question_cannot_name_objects_of_another_worker(sandbox, inside):
    asked = []
    source = attack(f"""
        def answer():
            forge({{"ask": ["l", "Layer.parts", {inside}]}})
            time.sleep(1000)
    """)
    with pytest.raises(BadReply, match="malformed tag 'h'"):
        run(sandbox, source, ask=lambda *told: asked.append(told))
    assert asked == []


def test_a_reply_that_was_sent_before_the_request_is_refused(sandbox):
    source = attack("""
        import threading

        def answer():
            nonce = find_worker()._nonce
            def later():
                time.sleep(0.1)
                os.write(4, frame_of({"nonce": nonce, "value": 100}))
            threading.Thread(target=later).start()
            return 1
    """)
    with working(sandbox, source) as worker:
        assert call(worker, "answer") == 1
        time.sleep(0.4)
        with pytest.raises(BadReply, match="bytes that nobody asked for"):
            call(worker, "answer")


def test_a_second_reply_is_refused_at_the_next_request(sandbox):
    source = attack("""
        def answer():
            forge({"value": 100})
            time.sleep(0.05)
            return 1
    """)
    with working(sandbox, source) as worker:
        # A forged reply is the student's own answer, no more and no less.
        assert call(worker, "answer") == 100
        time.sleep(0.5)
        with pytest.raises(BadReply, match="bytes that nobody asked for"):
            call(worker, "answer")


def test_an_old_nonce_is_worth_nothing(sandbox):
    source = attack("""
        old = []

        def answer():
            old.append(find_worker()._nonce)
            if len(old) > 1:
                os.write(4, frame_of({"nonce": old[0], "value": 100}))
            return len(old)
    """)
    with working(sandbox, source) as worker:
        assert call(worker, "answer") == 1
        with pytest.raises(BadReply, match="another request"):
            call(worker, "answer")


@pytest.mark.parametrize("value", ["5", "None", "['d', ['type', 'x']]", "'text'"])
def test_a_forged_reply_to_loading_is_refused(sandbox, value):
    worker = sandbox.spawn(WorkerLimits())
    with pytest.raises(BadReply, match="a list of failures was due"):
        worker.load(make_order(attack(f"forge({{'value': {value}}})")), LOADING)
    assert not worker.alive


def test_a_forged_list_of_failures_holds_nothing_but_dicts(sandbox):
    worker = sandbox.spawn(WorkerLimits())
    order = make_order(attack("forge({'value': ['l', 5, ['d', ['type', 'x']]]})"))
    assert worker.load(order, LOADING) == [{"type": "x"}]
    worker.kill()


def test_forged_words_can_be_printed_and_are_short(sandbox):
    source = attack(r"""
        def answer():
            text = '{"nonce":"%s","error":{"type":"%s","message":"\\ud800%s","step":0,"at":["\\udfff",7]}}'
            os.write(4, frame_of((text % (find_worker()._nonce, "T" * 999, "m" * 9999)).encode()))
            time.sleep(1000)
    """)
    with working(sandbox, source) as worker, pytest.raises(CallRaised, match="TTTT") as caught:
        call(worker, "answer")
    failure = caught.value
    assert (failure.type_name, failure.place) == ("T" * 60, None)
    assert failure.message == "?" + "m" * 399
    assert str(failure).encode("utf-8")


# Sizes


def test_a_reply_that_is_too_large_is_described_or_refused_but_never_taken(sandbox):
    source = """
        import numpy as np

        def answer(what):
            return {"array": np.zeros(1 << 20), "list": [1] * 200_000, "deep": deep(), "header": [1.5] * 50_000}[what]

        def deep():
            value = []
            for _ in range(500):
                value = [value]
            return value
    """
    with working(sandbox, source) as worker:
        small = wire.Caps(payload_bytes=1 << 20)
        assert call(worker, "answer", "array", caps=small) == wire.Opaque(
            "ndarray", "shape (1048576,), dtype <f8: size"
        )
        with pytest.raises(CallRaised, match="WireError: more items than the grader asked for"):
            call(worker, "answer", "list")
        with pytest.raises(CallRaised, match="WireError: containers are nested deeper than 32"):
            call(worker, "answer", "deep")
        assert call(worker, "answer", "array").shape == (1 << 20,)
        with pytest.raises(BadReply, match="more parts than the grader takes"):
            call(worker, "answer", "header")


def test_large_arrays_cross_in_both_directions(sandbox):
    x = np.arange(1_000_000.0)
    value = run(sandbox, "def answer(x): return x * 2", x)
    assert np.array_equal(value, 2 * x)


@pytest.mark.parametrize("stream", [1, 2])
def test_floods_of_output_go_nowhere(sandbox, stream):
    source = f"""
        import os, sys

        def answer():
            for _ in range(100):
                os.write({stream}, b"x" * 1_000_000)
            print("text", flush=True)
            print("text", file=sys.stderr, flush=True)
            return 1
    """
    assert run(sandbox, source) == 1


# Processes and descriptors


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
    kit = Path(__file__).resolve().parent
    grader.write_text(
        textwrap.dedent(f"""
            import sys, time
            sys.path[:0] = [{str(kit)!r}, {str(kit.parent)!r}]
            from sandbox_kit import LOADING, make_order, zygote_of
            from cnn_assignment.sandbox.host import Sandbox
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


def test_what_a_test_sends_must_be_something_that_can_cross(sandbox):
    loop = []
    loop.append(loop)
    with working(sandbox, "") as worker:
        with pytest.raises(wire.WireError, match="nested deeper"):
            worker.request(Request((("put", 1, loop),)), PATIENT)
        assert worker.request(Request((("put", 1, [2]),), 1), PATIENT) == [2]


def test_a_pipe_that_is_always_ready_does_not_stop_the_clock(sandbox):
    with working(sandbox, "") as worker:
        read_fd, write_fd = os.pipe()
        os.write(write_fd, b"x")
        watch = Stopwatch(worker._process.cpu_now, TimeLimits(cpu_s=60.0, wall_s=0.0))
        with pytest.raises(CallTimedOut, match="wall"):
            worker._wait(read_fd, select.POLLIN, watch)
        os.close(read_fd)
        os.close(write_fd)
