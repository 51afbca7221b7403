"""A worker carries out what it is asked, and tells of an error what and where it was."""

from __future__ import annotations

import numpy as np
import pytest

from cnn_assignment.sandbox import wire
from cnn_assignment.sandbox.client.protocol import CallRaised, Request
from sandbox_kit import PATIENT, call, run, working


def test_a_call_gives_its_value(sandbox):
    source = """
        import numpy as np

        def answer(x, scale, *, shift=0):
            return {"out": x * scale, "many": [1, (2.5, "text", None)], "which": ...}
    """
    x = np.arange(6.0).reshape(2, 3)
    value = run(sandbox, source, x, 2.0)
    assert np.array_equal(value.pop("out"), 2 * x)
    assert value == {"many": [1, (2.5, "text", None)], "which": ...}


@pytest.mark.parametrize("size", [200, 20_000, 1_000_000])
def test_memory_that_nobody_wrote_holds_the_same_everywhere(sandbox, size):
    source = """
        import numpy as np

        def answer(size):
            return np.unique(np.empty(size, dtype=np.uint8))
    """
    # Below a kilobyte NumPy hands out what it was given back before.
    assert run(sandbox, source, 8 * size).tolist() == [0x7F]


def test_every_kind_of_operation_is_carried_out(sandbox):
    source = """
        class Layer:
            def __init__(self, size, *, name):
                self.size, self.name, self.table = size, name, {}

            def pairs(self):
                yield from self.table.items()
    """
    h = wire.Handle
    operations = (
        ("forget", 0),
        ("put", 1, [1, 2]),
        ("get", 2, h(0), "Layer"),
        ("call", 3, h(2), (h(1),), {"name": "n"}),
        ("set", 4, h(3), "name", (h(1), {"deep": [h(1)]})),
        ("get", 5, h(3), "table"),
        ("set_item", 6, h(5), "key", h(1)),
        ("item", 7, h(5), "key"),
        ("get", 8, h(3), "pairs"),
        ("call", 9, h(8), (), {}),
        ("collect", 10, h(9), 5),
        ("get", 11, h(3), "name"),
        ("module", 12, "math"),
        ("get", 13, h(12), "pi"),
        ("bare", 14, h(2), {"size": 7}),
        ("get", 15, h(14), "size"),
        ("settle", 16, h(1), 3),
        ("put", 17, (h(7), h(10), h(11), h(13), h(15), h(16))),
    )
    with working(sandbox, source) as worker:
        value = worker.request(Request(operations, 17), PATIENT)
    assert value == ([1, 2], [("key", [1, 2])], ([1, 2], {"deep": [[1, 2]]}), 3.141592653589793, 7, (False, [1, 2]))


def test_an_operation_that_does_not_exist_is_an_error_and_not_the_end(sandbox):
    with working(sandbox, "answer = int") as worker:
        with pytest.raises(CallRaised, match="ValueError: unknown operation leap"):
            worker.request(Request((("leap", 1),), 1), PATIENT)
        assert call(worker, "answer", 3) == 3


def test_an_object_without_a_constructor_takes_attributes_and_keeps_its_methods(sandbox):
    source = """
        class Slots:
            __slots__ = ("size",)

            def double(self):
                return 2 * self.size

            @property
            def half(self):
                return self.size / 2
    """
    operations = (
        ("get", 1, wire.Handle(0), "Slots"),
        ("bare", 2, wire.Handle(1), {"size": 3, "double": 4, "half": 5, "other": 6}),
        ("get", 3, wire.Handle(2), "double"),
        ("call", 4, wire.Handle(3), (), {}),
        ("get", 5, wire.Handle(2), "half"),
        ("put", 6, [wire.Handle(4), wire.Handle(5)]),
    )
    with working(sandbox, source) as worker:
        assert worker.request(Request(operations, 6), PATIENT) == [6, 1.5]


def test_a_new_conversation_forgets_the_objects_of_the_last(sandbox):
    with working(sandbox, "answer = int") as worker:
        worker.request(Request((("put", 5, 1),)), PATIENT)
        assert worker.request(Request((), 5), PATIENT) == 1
        with pytest.raises(CallRaised, match="KeyError: 5"):
            worker.request(Request((("forget", 0),), 5), PATIENT)
        assert call(worker, "answer", 3) == 3


def test_an_endless_generator_is_collected_as_far_as_asked(sandbox):
    source = """
        import itertools
        answer = itertools.count
    """
    assert run(sandbox, source, 5, collect=4) == [5, 6, 7, 8]


def test_settle_tells_an_iterator_from_a_value(sandbox):
    source = """
        def answer():
            yield from (1, 2, 3)
    """
    operations = (
        ("get", 1, wire.Handle(0), "answer"),
        ("call", 2, wire.Handle(1), (), {}),
        ("settle", 3, wire.Handle(2), 2),
    )
    with working(sandbox, source) as worker:
        assert worker.request(Request(operations, 3), PATIENT) == (True, [1, 2])


def test_a_window_of_an_argument_is_told_as_one(sandbox):
    x = np.arange(20.0).reshape(4, 5)
    operations = (
        ("put", 1, x),
        ("item", 2, wire.Handle(1), (slice(1, 3), slice(0, 5, 2))),
        ("put", 3, [wire.Handle(2), wire.Handle(1)]),
    )
    with working(sandbox, "") as worker:
        window, whole = worker.request(Request(operations, 3, windows=(9, 1)), PATIENT)
    assert window.argument == whole.argument == 1
    assert np.array_equal(x[window.slices], x[1:3, 0:5:2])
    assert np.array_equal(x[whole.slices], x)


def test_arrays_arrive_with_the_layout_that_they_had(sandbox):
    source = """
        def answer(*arrays):
            return [(a.flags.c_contiguous, a.flags.f_contiguous, a.flags.writeable) for a in arrays]
    """
    x = np.arange(24.0).reshape(4, 6)
    value = run(sandbox, source, x, np.asfortranarray(x), x[:, ::2], x.T[::2, ::2])
    assert value == [(True, False, True), (False, True, True), (False, False, True), (False, False, True)]


def test_what_cannot_cross_stays_and_can_be_passed_back(sandbox):
    source = """
        class Thing:
            pass

        def answer():
            return Thing()

        def is_thing(x):
            return type(x) is Thing
    """
    with working(sandbox, source) as worker:
        assert call(worker, "answer") == wire.Opaque("Thing")
        operations = (("get", 3, wire.Handle(0), "is_thing"), ("call", 4, wire.Handle(3), (wire.Handle(2),), {}))
        assert worker.request(Request(operations, 4), PATIENT) is True


@pytest.mark.parametrize("length", [10, 5000, 200_000])
def test_a_long_text_goes_to_student_code_whole(sandbox, length):
    assert run(sandbox, "answer = len", "é" * length) == length


# Errors


@pytest.mark.parametrize(
    ("body", "type_name", "message"),
    [
        ("raise ValueError('no')", "ValueError", "no"),
        ("raise SystemExit(3)", "SystemExit", "3"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", ""),
        ("raise GeneratorExit", "GeneratorExit", ""),
        ("import sys; sys.exit('bye')", "SystemExit", "bye"),
        ("raise Mine('own')", "Mine", "own"),
        ("raise Mute('x')", "Mute", ""),
        ("raise Loud('x')", "Loud", ""),
        ("raise Wide('x')", "Wide", "y" * 400),
        ("raise Strange('x')", "Strange", "true text"),
        ("raise Blind('x')", "Blind", "x"),
        ("raise Nameless('x')", "Nameless", "x"),
        ("raise ValueError('\\udc80')", "ValueError", "?"),
        ("raise type('E' * 500, (Exception,), {})('x')", "E" * 60, "x"),
        ("return answer()", "RecursionError", "maximum recursion depth exceeded"),
        ("return bytearray(1 << 40)", "MemoryError", ""),
        ("return np.zeros(1 << 40)", "MemoryError", "Unable to allocate 8.00 TiB for an array with shape"),
        ("raise EOFError", "EOFError", ""),
        ("raise StopIteration(4)", "StopIteration", "4"),
        ("raise ExceptionGroup('several', [ValueError(1)])", "ExceptionGroup", "several (1 sub-exception)"),
        ("raise 5", "TypeError", "exceptions must derive from BaseException"),
        ("assert 1 == 2, 'told'", "AssertionError", "told"),
    ],
)  # fmt: skip
def test_what_student_code_raises_arrives_with_type_words_and_place(sandbox, body, type_name, message):
    source = f"""
import numpy as np

class Mine(BaseException): pass

class Mute(Exception):
    def __str__(self): raise SystemExit

class Loud(Exception):
    def __str__(self): return 5

class Wide(Exception):
    def __str__(self): return "y" * 10**7

class Text(str):
    def __getitem__(self, _): return 5
    def encode(self, *_): raise OSError
    def __str__(self): return self

class Strange(Exception):
    def __str__(self): return Text("true text")

class Blind(Exception):
    @property
    def __traceback__(self): raise OSError

class Shouting(type):
    @property
    def __name__(cls): raise OSError

class Nameless(Exception, metaclass=Shouting): pass

def answer():
    {body}
"""
    line = source.splitlines().index("def answer():") + 2
    with working(sandbox, source) as worker:
        with pytest.raises(CallRaised, match=type_name[:20]) as caught:
            call(worker, "answer")
        assert worker.alive
        assert call(worker, "Text", "still") == "still"
    failure = caught.value
    assert failure.type_name == type_name
    assert failure.message[:60].startswith(message[:60])
    assert len(failure.message) <= 400
    assert failure.place == (None if type_name == "Blind" else ("lesson.py", line))
    assert failure.step == 1


def test_the_place_of_an_error_is_the_innermost_line_of_the_submission(sandbox):
    source = """
        import json

        def answer():
            inner()

        def inner():
            json.loads("{")
    """
    with pytest.raises(CallRaised, match="JSONDecodeError: Expecting property name") as caught:
        run(sandbox, source)
    assert caught.value.place == ("lesson.py", 8)


@pytest.mark.parametrize("lies", ["e.filename = []", "e.lineno = object()", "e.lineno = 10**6000", "e.filename = {}"])
def test_a_syntax_error_may_lie_about_its_place(sandbox, lies):
    source = f"""
        def answer():
            e = SyntaxError("bad")
            e.filename, e.lineno = "lesson.py", 4
            {lies}
            raise e
    """
    with pytest.raises(CallRaised, match=r"SyntaxError: bad|SyntaxError: $"):
        run(sandbox, source)


def test_an_error_while_the_result_is_looked_at_is_an_error_of_the_call(sandbox):
    source = """
        def answer():
            yield 1
            raise RuntimeError("in the middle")
    """
    with pytest.raises(CallRaised, match="RuntimeError: in the middle") as caught:
        run(sandbox, source, collect=5)
    assert caught.value.step == 2
