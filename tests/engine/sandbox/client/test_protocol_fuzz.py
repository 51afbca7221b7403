"""Whatever a worker writes: no hang, no crash of the grader, no wrong score. Everything here is seeded."""

from __future__ import annotations

import json
import math
import os
import random
import resource
import select
import signal
import threading
from collections import Counter
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest

import toy_course
from cnn_assignment.core.model import ReportStatus, Status
from cnn_assignment.judging.failures import judge_failure
from cnn_assignment.running.pool import GraderProcess
from cnn_assignment.sandbox import wire
from cnn_assignment.sandbox.client.protocol import Answer, BadReply, Request, TimeLimits, WorkerFailure
from cnn_assignment.sandbox.client.proxies import Conversation, fetch
from cnn_assignment.sandbox.client.worker_process import Woken, WorkerProcess
from cnn_assignment.testing import Mismatch, assert_array, assert_unchanged, collect, own_cache

RIGHT = np.array([[1.5, -2.0, 3.25], [0.5, 4.0, 7.0]])
CAPS = wire.Caps(payload_bytes=4096, items=1000)
ASKED = Request((("put", 1, 0),), want=1, caps=CAPS, windows=())
SHORT = TimeLimits(cpu_s=1.0, wall_s=0.25)
ROUNDS = 5000
MIB = 1024 * 1024


class Puppet:
    """The other end of the pipes: it answers what the grader sends with whatever the fuzzer made of the right reply."""

    def __init__(self, dies=True):
        """dies: whether it ends after its reply, as most hostile processes do, or stays there and says no more."""
        self._dies = dies
        self._thread = None
        self.pid = os.getpid()
        self._their_read, self._write_fd = os.pipe()
        self._read_fd, self._their_write = os.pipe()
        self.worker = WorkerProcess(self, self._write_fd, self._read_fd)
        self.closed = False

    def early(self, data):
        os.write(self._their_write, data)

    def answer_with(self, make_pieces):
        """Read one request, then write the pieces that are made of its nonce."""

        def play():
            with suppress(OSError):
                header_size, payload_size = wire.FRAME.unpack(self._take(wire.FRAME.size))
                header = json.loads(self._take(header_size))
                self._take(payload_size)
                for piece in make_pieces(header["nonce"]):
                    os.write(self._their_write, piece)

        self._thread = threading.Thread(target=play)
        self._thread.start()

    def _take(self, size):
        data = b""
        while len(data) < size:
            part = os.read(self._their_read, size - len(data))
            if not part:
                raise OSError("closed")
            data += part
        return data

    def end(self):
        self.worker.kill()
        # Whoever still writes or reads gets an error, now that the grader's ends are closed.
        self._thread.join(timeout=20)
        assert not self._thread.is_alive()
        for fd in (self._their_read, self._their_write):
            os.close(fd)

    # What WorkerProcess asks of a backend.

    def cpu_now(self):
        return 0.0

    def wait(self, fd, event, timeout_ms):
        poll = select.poll()
        if fd is not None:
            poll.register(fd, event)
        if not self._dies:
            return Woken.PIPE if poll.poll(timeout_ms) else Woken.TIME
        ended = not self._thread.is_alive()
        if poll.poll(0 if ended else 1):
            return Woken.PIPE
        return Woken.END if ended else Woken.TIME

    def kill(self):
        pass

    def exit_code(self):
        return -signal.SIGKILL

    def close(self):
        self.closed = True


def frame(header, payload=b""):
    text = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    return wire.FRAME.pack(len(text), len(payload)) + text + payload


# What the fuzzer makes. Each takes the generator and the nonce, and gives pieces to be written one after the other.


def right_reply(nonce, value=RIGHT):
    tree, buffers = wire.encode(value)
    return wire.pack({"nonce": nonce, "value": tree}, buffers)


def flip_bits(rng, nonce):
    data = bytearray(right_reply(nonce))
    for _ in range(rng.randint(1, 6)):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    yield bytes(data)


def truncate(rng, nonce):
    data = right_reply(nonce)
    yield data[: rng.randrange(len(data))]


def lie_about_lengths(rng, nonce):
    data = right_reply(nonce)
    sizes = [rng.choice((0, 1, 7, 255, 65536, 65537, 1 << 31, (1 << 32) - 1)) for _ in range(2)]
    real = wire.FRAME.unpack(data[: wire.FRAME.size])
    sizes = [rng.choice((size, told)) for size, told in zip(sizes, real, strict=True)]
    yield wire.FRAME.pack(*sizes) + data[wire.FRAME.size :]


def use_a_wrong_nonce(rng, nonce):
    yield right_reply(rng.choice(("", "0" * 32, nonce[::-1], nonce + "0", None, 0, [nonce], {"nonce": nonce}, True)))


def repeat_frames(rng, nonce):
    yield right_reply(nonce, RIGHT * rng.choice((1, 2))) * rng.randint(2, 5)


def drip(rng, nonce):
    data = right_reply(nonce, rng.choice((RIGHT, -RIGHT, 3, "text")))
    while data:
        size = rng.randint(1, 40)
        yield data[:size]
        data = data[size:]


def tell_a_hostile_tree(rng, nonce):
    tree, payload = make_tree(rng, 0), rng.randbytes(rng.choice((0, 0, 8, 48, 100)))
    yield frame({"nonce": nonce, "value": tree}, payload)


def tell_deep_json(rng, nonce):
    depth = rng.choice((31, 32, 33, 34, 500, 3000, 20000))
    opening, closing = rng.choice((('["l",', "]"), ("[", "]"), ('["d",["k",', "]]"), ('{"a":', "}")))
    text = opening * depth + rng.choice(("1", "null", '"x"')) + closing * rng.choice((depth, depth - 1, 0))
    yield frame(f'{{"nonce":"{nonce}","value":{text}}}'.encode()[: wire.HEADER_CAP + rng.randint(0, 1)])


def tell_odd_tokens(rng, nonce):
    token = rng.choice(
        ("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 4000, "9" * 5000, "-0", "1.", "01", '"\\ud800"', "")
    )
    value = rng.choice((token, f'["l",{token}]', f'["a","<f8",[{token}],"C"]', f'["f",{token}]', f'["n",{token}]'))
    yield frame(f'{{"nonce":"{nonce}","value":{value}}}'.encode())


def tell_an_odd_error(rng, nonce):
    error = {"type": "ValueError", "message": "no", "step": 0, "at": ["toy.py", 3]}
    for key in rng.sample(sorted(error), rng.randint(0, 3)):
        error[key] = make_json(rng, 0)
    yield frame({"nonce": nonce, "error": rng.choice((error, make_json(rng, 0)))}, rng.randbytes(rng.choice((0, 9))))


def ask_oddly(rng, nonce):
    question = rng.choice(
        (
            ["l", "Toy.method", ["d", [make_tree(rng, 1), make_tree(rng, 1)]], ["t", make_tree(rng, 1)]],
            ["l", make_tree(rng, 1), make_tree(rng, 1), make_tree(rng, 1)],
            make_tree(rng, 0),
        )
    )
    for _ in range(rng.randint(1, 3)):
        yield frame({"nonce": nonce, "ask": question}, rng.randbytes(rng.choice((0, 0, 8))))
    yield right_reply(nonce, -RIGHT)


def send_noise(rng, nonce):
    yield rng.randbytes(rng.randint(1, 200))


def mutate_text(rng, nonce):
    text = bytearray(right_reply(nonce)[wire.FRAME.size :].partition(b"]}")[0] + b"]}")
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(text))
        text[place : place + rng.randint(0, 3)] = rng.choice((b"[", b"]", b"-", b"9", b'"', b"null", b",", b"\x00"))
    yield frame(bytes(text), RIGHT.tobytes())


def make_json(rng, depth):
    """Any JSON value."""
    plain = (None, True, -1, 0, 1 << 63, -(1 << 70), 1.5, math.nan, "", "text", "x" * 5000, "\ud800", [], {})
    if depth > 3 or rng.random() < 0.6:
        return rng.choice(plain)
    if rng.random() < 0.5:
        return [make_json(rng, depth + 1) for _ in range(rng.randint(0, 4))]
    return {str(make_json(rng, 9))[:50]: make_json(rng, depth + 1) for _ in range(rng.randint(0, 3))}


def make_tree(rng, depth):
    """A value of the wire, nearly."""
    dtype = rng.choice(("<f8", "<f4", "<i8", "|b1", "<c16", "|O", ">f8", "<U9", "|V8", "float64", "", 8))
    sizes = (0, 1, 2, 3, 6, -1, 1 << 31, 1 << 62, 1 << 63, 1.0, True, None, "2")
    shape = [rng.choice(sizes) for _ in range(rng.choice((0, 1, 1, 2, 3, 40)))]
    inner = (lambda: make_tree(rng, depth + 1)) if depth < 4 else (lambda: make_json(rng, 9))
    match rng.randrange(16):
        case 0:
            return ["a", dtype, shape, rng.choice(("C", "F", "N", "X", None))]
        case 1:
            return ["n", dtype]
        case 2:
            return ["x", dtype, shape, rng.choice(("size", "dtype", "y" * 9000, None))]
        case 3 | 4:
            return [rng.choice("lt"), *(inner() for _ in range(rng.randint(0, 5)))]
        case 5 | 6:
            return ["d", *([inner(), inner()] for _ in range(rng.randint(0, 4)))]
        case 7:
            return ["s", *(rng.choice((None, 0, 2, inner())) for _ in range(3))]
        case 8:
            return ["c", inner(), inner()]
        case 9:
            return ["f", rng.choice(("nan", "inf", "-inf", "1", "0x1p3", None))]
        case 10:
            return rng.choice((["h", 0], ["e"], ["w", 0, ["s", 0, 1, 1]], ["o", "int", "because"], ["q"], [["l"]], []))
        case 11:
            return ["l"] * rng.choice((2, 200, 2000))
        case 12:
            return make_json(rng, 2)
        case _:
            return rng.choice((None, True, 3, 2.5, "text", 1 << 62))


KINDS = (
    *(flip_bits, truncate, lie_about_lengths, use_a_wrong_nonce, repeat_frames, drip, tell_a_hostile_tree),
    *(tell_a_hostile_tree, tell_deep_json, tell_odd_tokens, tell_an_odd_error, ask_oddly, send_noise, mutate_text),
)
PLAIN = (type(None), bool, int, float, complex, str, list, tuple, dict, slice, type(...), np.ndarray, wire.Opaque)


def is_plain(value):
    """Whether a value is made of exact built-in types, exact arrays and scalars of a dtype that may cross."""
    if isinstance(value, np.generic | np.ndarray):
        return (isinstance(value, np.generic) or type(value) is np.ndarray) and value.dtype.str in wire.DTYPES
    if type(value) in (list, tuple):
        return all(map(is_plain, value))
    if type(value) is dict:
        return all(is_plain(key) and is_plain(item) for key, item in value.items())
    return type(value) in PLAIN


def answer_stand_in(name, state, args):
    return Answer(refusal="no") if name != "Toy.method" else Answer([state, list(args)])


@contextmanager
def puppet(**options):
    made = Puppet(**options)
    try:
        yield made
    finally:
        made.end()


def play_round(rng, made):
    """One request and a fuzzed reply; returns what the grader makes of it, a value or a WorkerFailure."""
    kind = rng.choice(KINDS)
    if rng.random() < 0.03:
        made.early(right_reply("0" * 32))
    made.answer_with(lambda nonce: list(kind(rng, nonce)))
    ask = answer_stand_in if kind is ask_oddly and rng.random() < 0.7 else None
    try:
        return kind, made.worker.request(ASKED, SHORT, ask)
    except WorkerFailure as failure:
        return kind, failure


def test_five_thousand_fuzzed_replies_end_as_values_or_as_the_students_failures():
    rng = random.Random(2026)
    seen = Counter()
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    memory = 0
    for number in range(ROUNDS):
        with puppet(dies=number % 20 != 0) as made:
            kind, result = play_round(rng, made)
        assert made.closed
        seen[kind.__name__, type(result).__name__] += 1
        check(result)
        if number == ROUNDS // 5:
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert len(list(Path("/proc/self/fd").iterdir())) == descriptors
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 64 * 1024
    # The fuzzer does reach what it aims at.
    assert {kind for kind, _ in seen} == {kind.__name__ for kind in KINDS}
    assert {result for _, result in seen} >= {
        *("BadReply", "CallRaised", "CallTimedOut", "WorkerDied"),
        *("ndarray", "Opaque", "list", "dict", "slice", "float"),
    }


def check(result):
    """A failure can be judged; a value is plain and passes for the right array only if it is that."""
    if isinstance(result, WorkerFailure):
        status, message = judge_failure(result, "scale")
        assert status in (Status.ERROR, Status.TIMEOUT, Status.NOT_ATTEMPTED)
        message.encode("utf-8")
        assert len(message) < 1000
        return
    assert is_plain(result)
    if isinstance(result, np.ndarray) and result.dtype == RIGHT.dtype and result.shape == RIGHT.shape:
        with np.errstate(all="ignore"):
            close = np.allclose(result, RIGHT, rtol=1e-7, atol=1e-9)
    else:
        close = False
    try:
        assert_array(result, RIGHT, "out")
    except Mismatch:
        return
    assert close


# Forged values in the hands of a hidden test

TREES = 2000


def forged_values():
    """Values of every type of the wire, as they come out of the decoder."""
    yield from (None, True, 0, -1, 2.5, math.nan, 1j, "", "text", [], (), {}, slice(None), ..., RIGHT, RIGHT[:0])
    yield from (wire.Opaque("int", "why"), wire.Opaque("ndarray", ""), np.float64(1), np.array(3.0), [RIGHT] * 3)
    yield from ([[]], [None, None], {0: 1}, [1, 2, 3], np.arange(2), np.array([True]), np.array([1j]), [(0, RIGHT)])
    rng = random.Random(7)
    for _ in range(TREES):
        with suppress(wire.WireError):
            yield wire.decode(json.loads(json.dumps(make_tree(rng, 0))), rng.randbytes(rng.choice((0, 8, 48))), CAPS)


def forging(value):
    """A remote object of a submission that answers everything with this value."""
    return Conversation(lambda request, _: value if request.want is not None else None).module()


@pytest.mark.parametrize(
    "expected", [RIGHT, np.arange(3), np.array([True, False]), np.array(2.0), RIGHT * 1j, RIGHT.astype(np.float32)]
)
def test_a_forged_value_passes_for_an_array_only_if_it_is_that_array(expected):
    for value in forged_values():
        assert is_plain(value)
        for ask in (assert_array, assert_unchanged):
            try:
                ask(forging(value), expected, "out")
            except Mismatch:
                continue
            assert type(value) is np.ndarray
            assert value.dtype == expected.dtype
            np.testing.assert_allclose(value, expected, rtol=1e-7)


def test_collected_items_are_a_list_whatever_came_back():
    accepted = 0
    for value in forged_values():
        try:
            found = collect(forging(value), at_most=2)
        except BadReply:
            continue
        accepted += 1
        assert type(found) is list
        assert len(found) <= 3
    assert accepted > 20


def test_a_forged_cache_is_none_and_right_values_take_its_place():
    right = {"x": RIGHT, "out": RIGHT + 1}
    for value in forged_values():
        student = forging(value)
        cache = own_cache(student, student.Toy.forward, (RIGHT,), right)
        fetch(cache)


FORGED_CACHE = """
import json, os, struct, sys

def forge(value):
    frame = sys._getframe()
    while type(frame.f_locals.get("self")).__name__ != "Worker":
        frame = frame.f_back
    text = json.dumps({"nonce": frame.f_locals["self"]._nonce, "value": value}, separators=(",", ":")).encode()
    os.write(4, struct.pack(">II", len(text), 0) + text)

class Scaler:
    def __init__(self, factor=2.0):
        self.factor = factor

    def forward(self, x):
        # Only where the hidden test of the slope asks for a cache.
        if len(x) != 4:
            return None
        forge(VALUE)
        while True:
            pass

    def backward(self, cache, grad_output):
        return None

class Cutter:
    def pieces(self, x):
        forge(VALUE)
        while True:
            pass
"""


@pytest.mark.parametrize("value", ["5", "None", "'text'", "['l']", "['l', 1, 2, 3]", "['d', ['x', 1]]", "['t', 1, 2]"])
def test_hidden_tests_of_a_forger_fail_and_nothing_is_withheld(forged_course, value):
    assignment, grader = forged_course
    text = FORGED_CACHE.replace("VALUE", value)
    report = grader.grade(toy_course.submit(assignment.root, "mallory", text))
    assert report.status is ReportStatus.GRADED
    assert report.score == 0


@pytest.mark.parametrize(
    "value",
    [
        "5",
        "['l', 3, None, ['d', ['line', ['l'] + ['y' * 3000] * 15], ['label', ['t'] * 2]]]",
        "['l'] + [['d']] * 5000",
    ],
)
def test_a_forged_word_on_loading_fills_no_report(forged_course, value):
    assignment, grader = forged_course
    text = FORGED_CACHE.replace("class Cutter:", f"class Cutter:\n    forge({value})\n    while True: pass\n")
    report = grader.grade(toy_course.submit(assignment.root, "mallory", text))
    assert report.status is ReportStatus.GRADED
    assert report.score == 0
    assert len(json.dumps(report.to_json())) < 20_000


@pytest.fixture(scope="module")
def forged_course(tmp_path_factory):
    assignment = toy_course.make_course(tmp_path_factory.mktemp("course"))
    with GraderProcess(assignment) as grader:
        yield assignment, grader
