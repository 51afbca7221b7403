from __future__ import annotations

import enum
import json
import math
import random
import tracemalloc
from collections import OrderedDict
from typing import Any, NamedTuple

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cnn_assignment.sandbox import wire
from cnn_assignment.sandbox.wire import encoding

MIB = 1024 * 1024
NAMES = sorted({np.dtype(code).name for code in wire.DTYPES})


def cross(value: Any, caps: wire.Caps | None = None, arguments: tuple[Any, ...] = (), **options: Any) -> Any:
    """Send a value the whole way: encoded, packed, read, decoded, with the same caps on both sides."""
    tree, buffers = wire.encode(value, caps, arguments)
    header, payload = split(wire.pack({"v": tree}, buffers))
    return wire.decode(header["v"], payload, caps, **options)


def split(frame: bytes) -> tuple[dict[str, Any], bytes]:
    header_size, payload_size = wire.FRAME.unpack_from(frame)
    start = wire.FRAME.size
    payload = frame[start + header_size :]
    assert len(payload) == payload_size
    return wire.parse_header(frame[start : start + header_size]), payload


def same(left: Any, right: Any) -> bool:
    """Equal in type, order, layout and every bit."""
    if type(left) is not type(right):
        return False
    if isinstance(left, np.ndarray):
        layout = left.shape, left.dtype, encoding._order(left)
        return layout == (right.shape, right.dtype, encoding._order(right)) and same_bits(left, right)
    if isinstance(left, np.generic):
        return left.dtype == right.dtype and same_bits(np.asarray(left), np.asarray(right))
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return len(left) == len(right) and all(map(same, left.items(), right.items()))
    if isinstance(left, slice):
        return same((left.start, left.stop, left.step), (right.start, right.stop, right.step))
    if isinstance(left, complex):
        return same(left.real, right.real) and same(left.imag, right.imag)
    if isinstance(left, float) and math.isnan(left):
        return math.isnan(right)
    return bool(left == right) and repr(left) == repr(right)


def same_bits(left: np.ndarray, right: np.ndarray) -> bool:
    # Not the bytes themselves: a longdouble has some that mean nothing.
    return np.array_equal(left, right, equal_nan=left.dtype.kind in "fc")


def lay_out(array: np.ndarray, how: str) -> np.ndarray:
    match how:
        case "fortran":
            return np.asfortranarray(array)
        case "transposed":
            return array.T
        case "every other":
            return array[..., ::2] if array.ndim else array
        case "backwards":
            return array[::-1] if array.ndim else array
        case "broadcast":
            return np.broadcast_to(array, (2, *array.shape))
    return array


dtypes = st.sampled_from(NAMES).map(np.dtype)
arrays = st.builds(
    lay_out,
    dtypes.flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))),
    st.sampled_from(["as it is", "fortran", "transposed", "every other", "backwards", "broadcast"]),
)
scalars = arrays.filter(lambda array: array.size > 0).map(lambda array: array.ravel()[0])
integers = st.integers(-(2**63), 2**63 - 1)
texts = st.text(max_size=50)
keys = st.one_of(st.none(), st.booleans(), integers, st.floats(allow_nan=False), texts, st.tuples(integers, texts))
plain = st.one_of(
    *(st.none(), st.booleans(), integers, st.floats(), st.complex_numbers(), texts, arrays, scalars),
    *(st.just(...), st.builds(slice, st.none() | integers, st.none() | integers, st.none() | integers)),
    st.builds(wire.Opaque, st.text(max_size=80), texts),
)
values = st.recursive(
    plain,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(keys, inner, max_size=4),
    ),
    max_leaves=12,
)


# What crosses


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


# What does not cross


class LyingArray:
    """An object whose __class__ is ndarray, and which turns itself into one when asked."""

    __class__ = np.ndarray
    shape = (2,)
    dtype = np.dtype("f8")

    def __array__(self, *_, **__):
        return np.zeros(2)

    def __len__(self):
        return 2


class LyingDict:
    __class__ = dict

    def items(self):
        return [("a", 1)]

    def __len__(self):
        return 10**12


class Shouting(type):
    @property
    def __name__(cls):
        raise RuntimeError("no name")


class Nameless(metaclass=Shouting):
    pass


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (object(), "object"),
        ({1, 2}, "set"),
        (b"bytes", "bytes"),
        (range(3), "range"),
        (print, "builtin_function_or_method"),
        (np.float64, "type"),
        (LyingArray(), "LyingArray"),
        (LyingDict(), "LyingDict"),
        (Nameless(), "Nameless"),
        (np.datetime64("2020-01-01"), "datetime64"),
        (np.void(b"ab"), "void"),
        (np.str_("text"), "str_"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_other_objects_stay_behind_under_the_name_of_their_type(value, name):
    assert cross(value) == wire.Opaque(name)
    assert cross([value]) == [wire.Opaque(name)]


class Names(type):
    """Says of its classes that they are others."""

    __instancecheck__ = __subclasscheck__ = __eq__ = lambda *_: True
    __hash__ = type.__hash__

    @property
    def __name__(cls):
        raise RuntimeError("no name")

    @property
    def __mro__(cls):
        return (object,)


def lie(*_, **__):
    raise RuntimeError("asked")


def in_disguise(value):
    """The value in a subclass of its type that lies in whatever it is asked."""
    kind = type(value)
    lies = dict.fromkeys({*dir(kind), "__bool__", "__array__", "__iter__", "__len__", "__index__", "__getattr__"}, lie)
    for name in ("__new__", "__init__", "__init_subclass__", "__subclasshook__", "__doc__"):
        del lies[name]
    made = Names("Sly", (kind,), {**lies, "__class__": property(lie), "__hash__": kind.__hash__})
    return fill(made, value) if kind is list else kind.__new__(made, value)


def fill(made, items):
    result = list.__new__(made)
    list.extend(result, items)
    return result


class Shade(enum.IntEnum):
    DARK = 3


class Mode(enum.StrEnum):
    FAST = "fast"


class Window(NamedTuple):
    row: int
    col: int
    view: np.ndarray


@pytest.mark.parametrize(
    "value",
    [
        *(0, -7, 2**63 - 1, 2.5, -0.0, math.nan, -math.inf, 1j, complex(math.nan, 2), "", "text", "x" * wire.TEXT_CAP),
        *((), (1, 2), (1, (2.5, "a")), [], [1, 2], [[1], (2,)]),
    ],
    ids=lambda value: f"{type(value).__name__} {value!r:.20}",
)
def test_a_subclass_of_a_plain_type_arrives_as_the_exact_value_that_it_holds(value):
    assert same(cross(in_disguise(value)), value)
    assert same(cross([in_disguise(value)]), [value])
    assert same(cross((in_disguise((1, value)),)), ((1, value),))


def test_named_tuples_and_members_of_enumerations_arrive_as_what_they_hold():
    window = Window(Shade.DARK, 1, np.arange(3.0))
    assert same(cross(window), (3, 1, np.arange(3.0)))
    assert same(cross({Mode.FAST: Shade.DARK}), {"fast": 3})
    assert same(cross(OrderedDict(a=True)), {"a": True})


def test_a_view_in_a_named_tuple_is_a_window():
    base = np.arange(6.0)
    back = cross(Window(0, 1, base[2:4]), arguments=(base,), windows=1)
    assert same(back[:2], (0, 1))
    assert back[2] == wire.WindowOf(0, (slice(2, 4, 1),))


def test_subclasses_of_plain_types_have_the_same_caps():
    assert cross(in_disguise(2**63)) == wire.Opaque("int", "too large an integer")
    assert cross(in_disguise("x" * (wire.TEXT_CAP + 1))) == wire.Opaque("str", "too long a text")
    for items in ([1, 2, 3], (1, 2, 3)):
        assert same(cross(in_disguise(items), wire.Caps(items=3)), items)
        with pytest.raises(wire.WireError, match="more items"):
            wire.encode(in_disguise(items), wire.Caps(items=2))


def test_a_subclass_of_ndarray_arrives_as_an_exact_array():
    class Matrix(np.ndarray):
        __eq__ = __ne__ = lambda *_: True
        __hash__ = None
        shape = (99,)
        dtype = "a lie"
        nbytes = 0

        def __array__(self, *_, **__):
            return np.ones(7)

        def tobytes(self, *_):
            return b"nothing"

        def __array_finalize__(self, _):
            pass

    back = cross(np.arange(6.0).reshape(2, 3).view(Matrix))
    assert same(back, np.arange(6.0).reshape(2, 3))


def test_a_subclass_of_dict_arrives_as_an_exact_dict_of_what_it_holds():
    class Mapping(dict):
        def items(self):
            return [("forged", 1)]

        def __len__(self):
            return 0

        def __iter__(self):
            return iter(())

    back = cross(Mapping(a=1))
    assert type(back) is dict
    assert back == {"a": 1}
    with pytest.raises(wire.WireError, match="more items"):
        wire.encode(Mapping(a=1), wire.Caps(items=0))


@pytest.mark.parametrize(
    "array",
    [
        np.array([None, object()]),
        np.zeros(2, dtype=[("a", "f8"), ("b", "i4")]),
        np.array(["text"]),
        np.array([b"bytes"]),
        np.array(["2020-01-01"], dtype="M8[D]"),
        np.arange(3, dtype=">f8"),
        np.zeros(2, dtype="V3"),
    ],
    ids=lambda array: array.dtype.str,
)
def test_an_array_of_any_other_dtype_crosses_as_a_description(array):
    back = cross([array])
    assert back == [wire.Opaque("ndarray", f"shape {array.shape}, dtype {array.dtype.str}: dtype")]


@pytest.mark.parametrize("dtype", ["|O", "O", "object", "|V8", "<U4", ">f8", "<M8[s]", "float64", "", "f8,f8", "<f8 "])
def test_a_dtype_that_may_not_cross_is_refused_on_arrival(dtype):
    for tree in (["a", dtype, [1], "C"], ["n", dtype]):
        with pytest.raises(wire.WireError, match="a dtype that may not cross"):
            wire.decode(tree, b"\0" * 8)


# Caps


def test_an_array_that_is_too_large_crosses_as_a_description():
    caps = wire.Caps(payload_bytes=80)
    assert same(cross(np.zeros(10), caps), np.zeros(10))
    assert cross(np.zeros(11), caps) == wire.Opaque("ndarray", "shape (11,), dtype <f8: size")
    assert cross([np.zeros(6), np.zeros(6)], caps)[1] == wire.Opaque("ndarray", "shape (6,), dtype <f8: size")


def test_scalars_weigh_too():
    back = cross([np.float64(1), np.float64(2)], wire.Caps(payload_bytes=8))
    assert back == [np.float64(1), wire.Opaque("float64", "size")]


@pytest.mark.parametrize("value", [[1, 2, 3], (1, 2, 3), {1: 1, 2: 2, 3: 3}, [[1, 2]], [{}, ()]])
def test_the_items_of_all_containers_are_counted_on_both_sides(value):
    needed = 2 if value == [{}, ()] else 3
    assert same(cross(value, wire.Caps(items=needed)), value)
    with pytest.raises(wire.WireError, match="more items"):
        wire.encode(value, wire.Caps(items=needed - 1))
    with pytest.raises(wire.WireError, match="more items"):
        wire.decode(wire.encode(value)[0], b"", wire.Caps(items=needed - 1))


def test_an_array_is_one_item_whatever_its_description_takes():
    value = [np.zeros(2), 1j, slice(1, 2), np.int8(1), math.nan]
    assert same(cross(value, wire.Caps(items=5)), value)


def nest(inner: Any, depth: int) -> Any:
    for _ in range(depth):
        inner = [inner]
    return inner


@pytest.mark.parametrize("inner", [[], (), {}, 1, slice(None), ..., 1j, complex(math.nan, 0), np.zeros(3), np.int8(1)])
def test_nesting_ends_at_the_cap(inner):
    base = np.zeros(9)
    deepest = 0
    for depth in range(wire.NESTING_CAP + 3):
        try:
            tree, buffers = wire.encode([nest(inner, depth), nest(base[2:5], depth)], arguments=(base,))
        except wire.WireError as error:
            assert "nested deeper" in str(error)  # noqa: PT017 - either way is right, until the cap
        else:
            deepest = depth
            wire.decode(tree, b"".join(buffers), windows=1)
    assert wire.NESTING_CAP - 4 <= deepest < wire.NESTING_CAP


@pytest.mark.parametrize("tag", ["l", "t", "c", "s", "d", "w"])
def test_deep_nesting_is_refused_on_arrival(tag):
    tree: Any = 1
    for _ in range(5000):
        tree = (
            ["d", [tree, tree]]
            if tag == "d"
            else ["w", 0, tree]
            if tag == "w"
            else [tag, *([tree] * (3 if tag == "s" else 2))]
        )
    with pytest.raises(wire.WireError, match=r"nested deeper|malformed"):
        wire.decode(tree, b"", windows=1)


def test_a_container_in_itself_is_refused():
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(wire.WireError, match="nested deeper"):
        wire.encode(loop)
    table: dict[str, Any] = {}
    table["me"] = table
    with pytest.raises(wire.WireError, match="nested deeper"):
        wire.encode(table)


def test_a_small_value_that_unfolds_without_end_is_refused():
    bomb: list[Any] = []
    for _ in range(30):
        bomb = [bomb] * 10
    with pytest.raises(wire.WireError, match="more items"):
        wire.encode(bomb)


# Hostile frames


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        ([], "without a tag"),
        ([1, 2], "without a tag"),
        ({}, "without a tag"),
        ([None], "without a tag"),
        (["z"], "malformed tag 'z'"),
        (["x" * 1000], "malformed tag 'x{20}'"),
        (["f", "1.0"], "malformed tag 'f'"),
        (["f", "NaN"], "malformed tag 'f'"),
        (["c", 1, 2], "malformed tag 'c'"),
        (["c", ["l"], 1.0], "malformed tag 'c'"),
        (["c", 1.0], "malformed tag 'c'"),
        (["s", 1, 2], "malformed tag 's'"),
        (["e", 1], "malformed tag 'e'"),
        (["o", 1, ""], "malformed tag 'o'"),
        (["d", 5], "not a pair"),
        (["d", ["a"]], "not a pair"),
        (["d", [["l"], 1]], "a dict key that cannot be one"),
        (["d", [["a", "<f8", [0], "C"], 1]], "a dict key that cannot be one"),
        (["a", "<f8", 3, "C"], "malformed tag 'a'"),
        (["a", "<f8", [0], "K"], "malformed tag 'a'"),
        (["a", "<f8", [-1], "C"], "a shape that is not"),
        (["a", "<f8", [1.5], "C"], "a shape that is not"),
        (["a", "<f8", [True], "C"], "a shape that is not"),
        (["a", "<f8", ["1"], "C"], "a shape that is not"),
        (["a", "<f8", [2**63], "C"], "a shape that is not"),
        (["a", "<f8", [0] * 33, "C"], "a shape that is not"),
        (["a", "<f8", [0, 2**62], "C"], "a shape that cannot be"),
        (["a", "<f8", [0, 2**62, 2**62], "F"], "a shape that cannot be"),
        (["a", "|u1", [0, 2**63 - 1], "N"], "a shape that cannot be"),
        (["a", "<f8", [1], "C"], "larger than the bytes"),
        (["a", "<f8", [2**62, 2**62], "C"], "larger than the bytes"),
        (["a", "<f8", [2**63 - 1] * 32, "N"], "larger than the bytes"),
        (["n", "<f8"], "larger than the bytes"),
        (["x", "<f8", [-1], "size"], "a shape that is not"),
    ],
)
def test_a_malformed_value_is_refused(tree, words):
    with pytest.raises(wire.WireError, match=words):
        wire.decode(tree, b"")


@pytest.mark.parametrize("tree", [None, 1, ["l"], ["a", "<f8", [0], "C"], ["n", "|u1"]])
def test_bytes_that_belong_to_no_array_are_refused(tree):
    with pytest.raises(wire.WireError, match="bytes that belong to no array"):
        wire.decode(tree, b"\0" * 9)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b'{"a": NaN}', "not JSON"),
        (b'{"a": -Infinity}', "not JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not JSON"),
        (b"[" * 60_000, "not JSON"),
        (b'{"a":' * 10_000, "not JSON"),
        (b"[]", "not an object"),
        (b"null", "not an object"),
    ],
)
def test_a_header_that_is_not_a_json_object_is_refused(text, words):
    with pytest.raises(wire.WireError, match=words):
        wire.parse_header(text)


def test_pack_refuses_what_json_does_not_have():
    with pytest.raises(ValueError, match="Out of range float"):
        wire.pack({"a": math.nan}, [])


SEEDS = [
    {"a": [1, 2.5, None, True, "text", ...], "b": (slice(1, None, 2), math.nan, 1j)},
    [np.arange(12.0).reshape(3, 4), np.arange(12.0).reshape(3, 4).T, np.zeros((0, 4)), np.float32(1.5), np.array(3)],
    {(1, "k"): {"deep": [[[np.ones(2, bool)]]]}, "o": object(), "x": np.array([None])},
    nest(np.arange(3, dtype="i2"), 20),
]


def mutate(frame: bytes, rng: random.Random) -> bytes:
    """A few bytes changed, lost, doubled or replaced by what hurts, behind a preamble that fits again."""
    header_size, _ = wire.FRAME.unpack_from(frame)
    text, payload = bytearray(frame[8 : 8 + header_size]), bytearray(frame[8 + header_size :])
    spices = (
        b"9" * 30,
        b"-1",
        b'["l",',
        b"]",
        b"[",
        b'"|O"',
        b"1e999",
        b'"\\ud800"',
        b"null",
        b"{}",
        b'"N"',
        b'"w",0,',
        b'"h",',
    )
    for _ in range(rng.randint(1, 3)):
        part = text if rng.random() < 0.8 or not payload else payload
        at = rng.randrange(len(part) + 1)
        match rng.randrange(4) if part is text else 3:
            case 0:
                del part[at : at + rng.randint(1, 8)]
            case 1:
                part[at:at] = part[at : at + rng.randint(1, 20)]
            case 2:
                part[at : at + rng.randint(0, 4)] = rng.choice(spices)
            case 3:
                part[at : at + 1] = bytes([rng.randrange(256)])
    return wire.FRAME.pack(len(text), len(payload)) + bytes(text) + bytes(payload)


def test_five_thousand_mutated_frames_raise_nothing_but_wire_errors():
    rng = random.Random(5)
    frames = [wire.pack({"v": tree}, buffers) for tree, buffers in map(wire.encode, SEEDS)]
    refused = accepted = 0
    for _ in range(5000):
        frame = mutate(rng.choice(frames), rng)
        try:
            header, payload = split(frame)
            wire.encode(wire.decode(header.get("v"), payload, windows=1))
        except wire.WireError:
            refused += 1
        else:
            accepted += 1
    # Both happen often, or this tests nothing.
    assert min(refused, accepted) > 200, (refused, accepted)


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
    | st.sampled_from(["l", "t", "d", "f", "c", "s", "e", "h", "o", "x", "n", "a", "w", "<f8", "|u1", "C", "F", "N"]),
    lambda inner: st.lists(inner, max_size=6), max_leaves=20,
), st.binary(max_size=64))  # fmt: skip
def test_any_json_is_decoded_or_refused(tree, payload):
    try:
        value = wire.decode(tree, payload, windows=1)
    except wire.WireError:
        return
    wire.encode(value)


@pytest.mark.parametrize("order", ["C", "F", "N"])
@pytest.mark.parametrize("shape", [[2**62], [2**31, 2**31], [2**40, 0, 2**40], [10**6 + 1], [1] * 31 + [2**50]])
def test_no_memory_is_set_aside_for_sizes_that_only_the_header_has(shape, order):
    payload = bytes(MIB)
    tracemalloc.start()
    try:
        with pytest.raises(wire.WireError, match=r"larger than the bytes|cannot be|belong to no array"):
            wire.decode(["l", *([["a", "<f8", shape, order]] * 50)], payload)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MIB


@pytest.mark.parametrize("order", ["C", "F", "N"])
def test_decoding_takes_a_few_times_the_payload_at_most(order):
    payload = bytes(4 * MIB)
    tracemalloc.start()
    try:
        wire.decode(["a", "|u1", [2048, 2048], order], payload)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * len(payload)
