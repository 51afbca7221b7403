"""What crosses the wire arrives as it was sent: type, order, layout and every bit."""

from __future__ import annotations

import json
import math

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cnn_assignment.sandbox import wire
from wire_kit import (
    cross,
    same,
    same_bits,
    values,
)


@given(values)
@example([])
@example(())
@example({})
@example(np.zeros((0, 3)))
@example(np.float64("nan"))
@example([math.nan, math.inf, -math.inf, -0.0])
@example(complex(math.nan, -math.inf))
@example(np.array(5.0))
def test_every_allowed_value_arrives_as_it_was(value):
    assert same(cross(value), value)


@given(values, st.integers(0, 40), st.integers(0, 400), st.integers(0, 60))
def test_what_encode_gives_is_never_refused_under_the_same_caps(value, items, payload_bytes, text):
    caps = wire.Caps(payload_bytes=payload_bytes, items=items, text=text)
    try:
        tree, buffers = wire.encode(value, caps)
    except wire.WireError:
        return
    payload = b"".join(buffers)
    assert len(payload) <= payload_bytes
    wire.decode(json.loads(json.dumps(tree, allow_nan=False)), payload, caps)


@given(values)
def test_arrays_arrive_writable_and_on_their_own(value):
    tree, buffers = wire.encode(value)
    payload = b"".join(buffers)
    back = wire.decode(tree, payload)
    if isinstance(back, np.ndarray):
        assert type(back) is np.ndarray
        assert back.flags.writeable
        assert not np.may_share_memory(back, np.frombuffer(payload, dtype="u1"))


@given(st.integers(0, 2**64).map(wire.Handle))
def test_handles_cross_from_the_grader_only(handle):
    tree, _ = wire.encode({"a": [handle]})
    assert wire.decode(tree, b"", handles=wire.Handle) == {"a": [handle]}
    with pytest.raises(wire.WireError, match="unknown or malformed tag 'h'"):
        wire.decode(tree, b"")


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 1 << 20_000], ids=["above", "below", "huge"])
def test_an_integer_that_no_array_holds_stays_behind(number):
    assert cross(number) == wire.Opaque("int", "too large an integer")


def test_a_lone_surrogate_arrives_as_a_question_mark():
    assert cross("a\udc80b") == "a?b"
    assert cross({"\ud800": ["\udfff"]}) == {"?": ["?"]}
    assert cross("\U0001f600 é") == "\U0001f600 é"


def test_a_lone_surrogate_that_a_forged_header_holds_cannot_reach_a_report():
    header = wire.parse_header(rb'{"v":["l","\ud800",["o","\ud801","\ud802"],["x","\ud803",[1],"\ud804"]]}')
    told = repr(wire.decode(header["v"], b""))
    assert told.encode("utf-8")
    assert "\\ud8" not in told


def test_a_long_text_is_left_behind_and_never_cut():
    whole = "x" * wire.TEXT_CAP
    assert cross(whole) == whole
    assert cross(whole + "x") == wire.Opaque("str", "too long a text")
    assert cross("x" * 10_000, wire.Caps(text=10_000)) == "x" * 10_000


# Windows


@st.composite
def windows(draw):
    base = np.arange(np.prod(shape := draw(hnp.array_shapes(min_dims=1, max_dims=4, max_side=6)))).reshape(shape) * 1.0
    cuts = []
    for extent in shape:
        start = draw(st.integers(0, extent - 1))
        stop = draw(st.integers(start + 1, extent))
        cuts.append(slice(start, stop, draw(st.integers(1, 4))))
    return base, tuple(cuts)


@given(windows())
def test_a_window_of_an_argument_crosses_as_its_slices(drawn):
    base, cuts = drawn
    tree, buffers = wire.encode(base[cuts], arguments=(None, base))
    assert buffers == []
    window = wire.decode(tree, b"", windows=2)
    assert type(window) is wire.WindowOf
    assert window.argument == 1
    cut = base[window.slices]
    assert np.array_equal(cut, base[cuts])
    assert cut.strides == base[cuts].strides or 1 in cut.shape
    assert np.may_share_memory(cut, base)


@given(
    hnp.arrays("f8", st.sampled_from([(4, 4), (1, 4), (4, 1), (3, 5), (2, 3, 4)]), elements=st.floats(-9, 9)),
    st.data(),
)
def test_any_view_of_an_argument_arrives_with_its_values(base, data):
    shape = data.draw(st.lists(st.integers(1, 4), min_size=base.ndim, max_size=base.ndim))
    strides = data.draw(
        st.lists(st.sampled_from([-16, -8, 0, 4, 8, 16, 24, 32, 40]), min_size=base.ndim, max_size=base.ndim)
    )
    low = sum(min(0, (n - 1) * s) for n, s in zip(shape, strides, strict=True))
    high = sum(max(0, (n - 1) * s) for n, s in zip(shape, strides, strict=True)) + 8
    offset = data.draw(st.integers(0, 6)) * 8 - low
    if offset + high > base.nbytes:
        return
    view = np.ndarray(shape, "f8", buffer=base, offset=offset, strides=strides)
    back = cross(view, arguments=(base,), windows=1)
    if isinstance(back, wire.WindowOf):
        back = base[back.slices]
    assert np.array_equal(back, view, equal_nan=True)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda base: base.T, id="transposed"),
        pytest.param(lambda base: base[::-1], id="backwards"),
        pytest.param(lambda base: base.ravel(), id="other axes"),
        pytest.param(lambda base: base.view("i8"), id="other dtype"),
        pytest.param(lambda base: base.copy(), id="copy"),
        pytest.param(lambda base: base.ravel()[2:5].reshape(1, 3), id="across a row's end"),
        pytest.param(lambda base: base[1:1], id="empty"),
        pytest.param(lambda base: np.broadcast_to(base[:1], (3, 3)), id="broadcast"),
    ],
)
def test_what_no_slices_describe_crosses_as_values(make):
    base = np.arange(9.0).reshape(3, 3)
    assert same_bits(cross(make(base), arguments=(base,)), make(base))


def test_an_argument_without_axes_stays_an_array():
    base = np.array(2.5)
    assert same(cross(base, arguments=(base,)), base)


def test_a_window_of_an_argument_that_was_not_offered_is_refused():
    tree, _ = wire.encode(wire.WindowOf(1, (slice(0, 2, 1),)))
    assert wire.decode(tree, b"", windows=2) == wire.WindowOf(1, (slice(0, 2, 1),))
    for bad in (tree, ["w", -1, tree[2]], ["w", 10**30, tree[2]], ["w", 1, 5], ["w", 0, *([tree[2]] * 33)]):
        with pytest.raises(wire.WireError, match="malformed tag 'w'"):
            wire.decode(bad, b"", windows=1 if bad is tree else 2)
