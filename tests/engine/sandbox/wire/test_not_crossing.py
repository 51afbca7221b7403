"""What does not cross the wire arrives as a description, and runs no code of its own on the way."""

from __future__ import annotations

import enum
import math
from collections import OrderedDict
from typing import NamedTuple

import numpy as np
import pytest

from cnn_assignment.sandbox import wire
from wire_kit import (
    cross,
    same,
)


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
