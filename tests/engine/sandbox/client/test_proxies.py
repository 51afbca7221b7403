from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

from cnn_assignment.sandbox import wire
from cnn_assignment.sandbox.client.host import Sandbox
from cnn_assignment.sandbox.client.protocol import CallRaised
from cnn_assignment.sandbox.client.proxies import Conversation, Remote, collect, conversation_of, fetch, label_of
from sandbox_kit import PATIENT, working

SOURCE = """
import itertools

class Layer:
    def __init__(self, size=3):
        self.size = size
        self.weights = None
        self.table = {}

    def forward(self, x):
        return {"x": x, "out": x * self.size}

    def fail(self):
        raise ValueError("on purpose")

    def count(self):
        return itertools.count()

def look(*args, **kwargs):
    return args, kwargs

def flags(x):
    return x.flags.c_contiguous, x.flags.f_contiguous

def same(left, right):
    return left is right
"""


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox() as opened:
        yield opened


@pytest.fixture
def requests():
    return []


@pytest.fixture
def student(sandbox, requests):
    """The module in a real worker; every request that travels is noted, with its label."""
    with working(sandbox, SOURCE) as worker:

        def carry(request, label):
            requests.append((request, label))
            return worker.request(request, PATIENT)

        yield Conversation(carry).module()


def kinds(request):
    return [operation[0] for operation in request.operations]


# Batching


def test_nothing_travels_before_a_value_is_asked_for(student, requests):
    layer = student.Layer(4)
    layer.weights = np.ones(2)
    out = layer.forward(np.arange(3.0))["out"]
    assert requests == []
    assert fetch(out).tolist() == [0.0, 4.0, 8.0]
    assert len(requests) == 1
    request, label = requests[0]
    assert kinds(request) == ["forget", "get", "call", "set", "get", "call", "item"]
    assert label == "Layer.forward"


def test_only_what_is_new_travels_again(student, requests):
    layer = student.Layer(4)
    assert fetch(layer.size) == 4
    assert fetch(layer.size) == 4
    assert [kinds(request) for request, _ in requests] == [["forget", "get", "call", "get"], ["get"]]


def test_a_remote_value_can_be_fetched_twice(student, requests):
    size = student.Layer(4).size
    assert fetch(size) == fetch(size) == 4
    assert kinds(requests[1][0]) == []


def test_a_conversation_without_anything_pending_sends_nothing_for_nothing():
    sent = []
    conversation = Conversation(lambda request, label: sent.append(request))
    conversation.fetch(None, wire.Caps())
    conversation.fetch(None, wire.Caps())
    assert [(kinds(request), request.want) for request in sent] == [(["forget"], None)]


def test_a_request_carries_the_caps_and_the_number_of_what_is_wanted():
    sent = []
    conversation = Conversation(lambda request, label: sent.append((request, label)))
    caps = wire.Caps(payload_bytes=5, items=6)
    remote = conversation.module().Layer
    fetch(remote, caps)
    request, label = sent[0]
    assert request.operations == (("forget", 0), ("get", 1, wire.Handle(0), "Layer"))
    assert (request.want, request.caps, label) == (1, caps, "")


def test_an_assignment_is_carried_out_by_a_fetch_of_nothing(student, requests):
    layer = student.Layer(4)
    layer.size = 9
    assert conversation_of(layer).fetch(None, wire.Caps()) is None
    assert requests[0][0].want is None
    assert fetch(layer.size) == 9


# Errors


def test_an_error_surfaces_at_the_next_fetch_and_only_there(student):
    layer = student.Layer(4)
    layer.fail()
    size = layer.size
    with pytest.raises(CallRaised, match="ValueError: on purpose"):
        fetch(size)
    assert fetch(layer.size) == 4


def test_what_comes_after_an_error_was_not_done(student):
    layer = student.Layer(4)
    layer.fail()
    layer.size = 9
    with pytest.raises(CallRaised, match="on purpose"):
        fetch(student)
    assert fetch(layer.size) == 4


def test_a_missing_attribute_is_an_error_of_the_fetch(student):
    absent = student.Layer.absent
    with pytest.raises(CallRaised, match="AttributeError: type object 'Layer' has no attribute 'absent'"):
        fetch(absent)


# What is refused


@pytest.mark.parametrize(
    ("act", "words"),
    [
        pytest.param(iter, r"iterate over a remote object; use collect\(remote, at_most\)", id="iter"),
        pytest.param(list, r"iterate over a remote object; use collect\(remote, at_most\)|length", id="list"),
        pytest.param(lambda r: 1 in r, r"look into a remote object; use fetch", id="in"),
        pytest.param(lambda r: [*r], r"iterate over a remote object; use collect|length", id="star"),
        pytest.param(bool, r"take the truth value of a remote object; use fetch\(remote\)", id="bool"),
        pytest.param(lambda r: 1 if r else 2, r"take the truth value of a remote object; use fetch", id="if"),
        pytest.param(len, r"take the length of a remote object; use fetch\(remote\)", id="len"),
        pytest.param(lambda r: r == 1, r"compare a remote object; use fetch\(remote\)", id="=="),
        pytest.param(lambda r: r != 1, r"compare a remote object; use fetch\(remote\)", id="!="),
        pytest.param(lambda r: r == r, r"compare a remote object; use fetch\(remote\)", id="itself"),  # noqa: PLR0124
    ],
)
def test_what_a_remote_object_cannot_tell_is_refused_with_a_remedy(student, requests, act, words):
    with pytest.raises(TypeError, match=f"a test cannot ({words})"):
        act(student.Layer)
    assert requests == []


@pytest.mark.parametrize("act", [float, int, abs, lambda r: r < 1, lambda r: r + 1, lambda r: -r, range, next, hash])
def test_what_nobody_defined_is_a_plain_error_or_harmless(student, requests, act):
    if act is hash:
        assert hash(student) != hash(student.Layer)
        return
    with pytest.raises(TypeError, match=r"remote|Remote|unsupported|bad operand|not supported|argument|interpreted"):
        act(student.Layer)
    assert requests == []


@pytest.mark.parametrize("name", ["__wrapped__", "__array_interface__", "__len__x", "__iter", "__array_struct__"])
def test_special_names_stay_here(student, requests, name):
    with pytest.raises(AttributeError, match=name):
        getattr(student, name)
    assert requests == []


# Labels


def test_a_label_names_the_object_as_a_test_does(student):
    assert repr(student) == "<remote module>"
    layer = student.Layer(4)
    assert label_of(layer.forward) == "Layer.forward"
    assert repr(layer.forward(1)["out"]) == "<remote Layer.forward['out']>"
    assert repr(student.given.value) == "<remote given.value>"
    assert label_of(conversation_of(student).put(1)) == ""
    assert repr(conversation_of(student).import_module("math").pi) == "<remote math.pi>"


def test_a_request_is_labelled_with_its_last_call(student, requests):
    layer = student.Layer(4)
    cache = layer.forward(2)
    fetch(cache["out"])
    fetch(layer.size)
    fetch(student.look(1))
    assert [label for _, label in requests] == ["Layer.forward", "Layer.forward", "look"]


# Values


class Pair(NamedTuple):
    left: Any
    right: Any


def test_remote_objects_travel_as_handles_in_every_container(student):
    layer = student.Layer(4)
    put = conversation_of(student).put([1, 2])
    pair = Pair(put, layer.size)
    args, kwargs = fetch(student.look(put, [put, (put,)], {"k": {"deep": put}}, pair, key=[layer.size]))
    assert args == ([1, 2], [[1, 2], ([1, 2],)], {"k": {"deep": [1, 2]}}, ([1, 2], 4))
    assert kwargs == {"key": [4]}
    assert fetch(student.same(put, put)) is True


def test_attributes_and_items_are_assigned(student):
    layer = student.Layer(4)
    layer.weights = {"w": layer.size}
    layer.table["key", 1] = layer.weights
    layer.table[2] = np.arange(2)
    table = fetch(layer.table)
    assert table["key", 1] == {"w": 4}
    assert table[2].tolist() == [0, 1]
    assert fetch(layer.table["key", 1]["w"]) == 4


def test_indexing_takes_what_numpy_takes(student):
    x = np.arange(24.0).reshape(4, 6)
    remote = conversation_of(student).put(x)
    assert np.array_equal(fetch(remote[1:, ::2]), x[1:, ::2])
    assert np.array_equal(fetch(remote[..., 0]), x[..., 0])
    assert np.array_equal(fetch(remote[x > 5]), x[x > 5])
    assert fetch(remote[-1, -1]) == 23.0


@pytest.mark.parametrize("how", ["put", "argument"])
def test_arrays_that_are_not_contiguous_arrive_so(student, how):
    x = np.arange(24.0).reshape(4, 6)
    for array, expected in ((x, (True, False)), (x.T, (False, True)), (x[:, ::2], (False, False))):
        given = conversation_of(student).put(array) if how == "put" else array
        assert fetch(student.flags(given)) == expected


def test_a_value_that_was_put_is_a_copy(student):
    x = np.zeros(3)
    remote = conversation_of(student).put(x)
    remote[0] = 5.0
    assert fetch(remote).tolist() == [5.0, 0.0, 0.0]
    assert x.tolist() == [0.0, 0.0, 0.0]


def test_numpys_own_assertions_work_on_a_remote_array(student):
    out = student.Layer(2.0).forward(np.arange(3.0))["out"]
    np.testing.assert_array_equal(out, [0.0, 2.0, 4.0])
    assert np.asarray(out, dtype="f4").dtype == np.float32
    with pytest.raises(AssertionError, match="Mismatched elements: 1 / 3"):
        np.testing.assert_array_equal(out, [0.0, 2.0, 5.0])


def test_collect_takes_one_more_than_asked_so_that_too_many_shows(student):
    assert collect(student.Layer().count(), 3) == [0, 1, 2, 3]
    assert collect(student.look(1, 2), 5) == [(1, 2), {}]


def test_a_conversation_knows_which_calls_are_deadly():
    conversation = Conversation(lambda *_: None, lambda label: label == "Layer.fail")
    assert conversation.is_deadly("Layer.fail")
    assert not conversation.is_deadly("Layer.forward")
    assert not Conversation(lambda *_: None).is_deadly("Layer.fail")


def test_a_remote_holds_nothing_but_its_name_and_number():
    remote = Conversation(lambda *_: None).module()
    assert type(remote) is Remote
    assert not hasattr(remote, "__dict__")
