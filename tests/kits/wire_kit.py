"""Values of every kind that crosses the wire, how they are sent the whole way, and when they arrived unchanged."""

from __future__ import annotations

import math
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
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
