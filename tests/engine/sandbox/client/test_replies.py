"""Nothing that a worker sends is believed: what is no reply ends it, and no size is taken on trust."""

from __future__ import annotations

import time

import numpy as np
import pytest

from cnn_assignment.sandbox import wire
from cnn_assignment.sandbox.client.protocol import (
    BadReply,
    CallRaised,
)
from cnn_assignment.sandbox.limits import WorkerLimits
from sandbox_kit import (
    LOADING,
    attack,
    call,
    make_order,
    run,
    state_of,
    working,
)

pytestmark = pytest.mark.usefixtures("nothing_left")


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
def test_what_is_no_reply_is_refused_and_ends_the_worker(confined, body, words):
    source = attack(f"""
        def begin():
            return b'{{"nonce":"%s"' % find_worker()._nonce.encode()

        def answer():
            {body}
            time.sleep(1000)
    """)
    with working(confined, source) as worker:
        with pytest.raises(BadReply, match=words):
            call(worker, "answer", caps=wire.Caps(payload_bytes=1000, items=100))
        assert not worker.alive
        assert state_of(worker.pid) is None


@pytest.mark.parametrize(
    "question", ["['l', 'a.b', ['d'], ['l']]", "['l', 5, ['d'], ['t']]", "['t', 'a.b', ['d']]", "7"]
)
def test_a_malformed_question_never_reaches_whoever_answers(confined, question):
    asked = []
    source = attack(f"""
        def answer():
            forge({{"ask": {question}}})
            time.sleep(1000)
    """)
    with pytest.raises(BadReply, match="no stand-in asks"):
        run(confined, source, ask=lambda *told: asked.append(told))
    assert asked == []


@pytest.mark.parametrize("inside", ["['d', ['weights', ['h', 0]]], ['t']", "['d'], ['t', ['l', ['h', 0]]]"])
def test_a_question_cannot_name_objects_of_another_worker(confined, inside):
    asked = []
    source = attack(f"""
        def answer():
            forge({{"ask": ["l", "Layer.parts", {inside}]}})
            time.sleep(1000)
    """)
    with pytest.raises(BadReply, match="malformed tag 'h'"):
        run(confined, source, ask=lambda *told: asked.append(told))
    assert asked == []


def test_a_reply_that_was_sent_before_the_request_is_refused(confined):
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
    with working(confined, source) as worker:
        assert call(worker, "answer") == 1
        time.sleep(0.4)
        with pytest.raises(BadReply, match="bytes that nobody asked for"):
            call(worker, "answer")


def test_a_second_reply_is_refused_at_the_next_request(confined):
    source = attack("""
        def answer():
            forge({"value": 100})
            time.sleep(0.05)
            return 1
    """)
    with working(confined, source) as worker:
        # A forged reply is the student's own answer, no more and no less.
        assert call(worker, "answer") == 100
        time.sleep(0.5)
        with pytest.raises(BadReply, match="bytes that nobody asked for"):
            call(worker, "answer")


def test_an_old_nonce_is_worth_nothing(confined):
    source = attack("""
        old = []

        def answer():
            old.append(find_worker()._nonce)
            if len(old) > 1:
                os.write(4, frame_of({"nonce": old[0], "value": 100}))
            return len(old)
    """)
    with working(confined, source) as worker:
        assert call(worker, "answer") == 1
        with pytest.raises(BadReply, match="another request"):
            call(worker, "answer")


@pytest.mark.parametrize("value", ["5", "None", "['d', ['type', 'x']]", "'text'"])
def test_a_forged_reply_to_loading_is_refused(confined, value):
    worker = confined.spawn(WorkerLimits())
    with pytest.raises(BadReply, match="a list of failures was due"):
        worker.load(make_order(attack(f"forge({{'value': {value}}})")), LOADING)
    assert not worker.alive


def test_a_forged_list_of_failures_holds_nothing_but_dicts(confined):
    worker = confined.spawn(WorkerLimits())
    order = make_order(attack("forge({'value': ['l', 5, ['d', ['type', 'x']]]})"))
    assert worker.load(order, LOADING) == [{"type": "x"}]
    worker.kill()


def test_forged_words_can_be_printed_and_are_short(confined):
    source = attack(r"""
        def answer():
            text = '{"nonce":"%s","error":{"type":"%s","message":"\\ud800%s","step":0,"at":["\\udfff",7]}}'
            os.write(4, frame_of((text % (find_worker()._nonce, "T" * 999, "m" * 9999)).encode()))
            time.sleep(1000)
    """)
    with working(confined, source) as worker, pytest.raises(CallRaised, match="TTTT") as caught:
        call(worker, "answer")
    failure = caught.value
    assert (failure.type_name, failure.place) == ("T" * 60, None)
    assert failure.message == "?" + "m" * 399
    assert str(failure).encode("utf-8")


# Sizes


def test_a_reply_that_is_too_large_is_described_or_refused_but_never_taken(confined):
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
    with working(confined, source) as worker:
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


def test_large_arrays_cross_in_both_directions(confined):
    x = np.arange(1_000_000.0)
    value = run(confined, "def answer(x): return x * 2", x)
    assert np.array_equal(value, 2 * x)


@pytest.mark.parametrize("stream", [1, 2])
def test_floods_of_output_go_nowhere(confined, stream):
    source = f"""
        import os, sys

        def answer():
            for _ in range(100):
                os.write({stream}, b"x" * 1_000_000)
            print("text", flush=True)
            print("text", file=sys.stderr, flush=True)
            return 1
    """
    assert run(confined, source) == 1
