"""Fingerprints of failures: as much of what came as it takes to know it again, in a few bytes.

Of the numbers a fingerprint has three weighted sums, so that it can be kept with an assignment and says nothing that could
be read out of it. Two arrays of the same form that differ anywhere differ in them; that all three agree by accident is less
likely than one in 10^20.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnn_assignment.core.comparing import Array, is_telling
from cnn_assignment.core.model import Status
from cnn_assignment.judging.signature import FailureSignature, Likeness
from cnn_assignment.sandbox import wire

# Of two calculations of the same numbers, in parts of the sum of their magnitudes.
_TOLERANCE, _SINGLE_TOLERANCE = 3e-8, 3e-5
_DIGITS = 12
# Fractions of multiples of irrational numbers: weights that no order of the same numbers leaves the same sum.
_IRRATIONAL = (2**0.5, 3**0.5, 5**0.5)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """One failure.

    form: a digest of all that is exact: the shapes, the types and the whole numbers of the value that came, or the words
    where there is none. sums: of its floating-point numbers, and size that of their magnitudes; no sums where there is no
    value. is_telling: whether values can hardly be the same by accident: some are no whole numbers, and they are of
    several sizes. is_single: whether they are of less than double precision.
    """

    status: Status
    what: str
    form: str
    sums: tuple[float, ...] = ()
    size: float = 0.0
    is_telling: bool = False
    is_single: bool = False

    def compare(self, other: Fingerprint) -> Likeness:
        """How alike two failures of the same test are; strong only where that can hardly be an accident."""
        same = (self.status, self.what, self.form, len(self.sums)) == (
            other.status,
            other.what,
            other.form,
            len(other.sums),
        )
        if not same:
            return Likeness.NONE
        tolerance = (_SINGLE_TOLERANCE if self.is_single else _TOLERANCE) * max(self.size, other.size)
        pairs = zip((*self.sums, self.size), (*other.sums, other.size), strict=True)
        if any(abs(one - another) > tolerance for one, another in pairs):
            return Likeness.NONE
        return Likeness.STRONG if self.is_telling and other.is_telling else Likeness.WEAK

    def to_json(self) -> list[Any]:
        """As a file holds it."""
        flags = self.is_telling + 2 * self.is_single
        return [str(self.status), self.what, self.form, [*map(_shorten, (*self.sums, self.size))], flags]

    @classmethod
    def from_json(cls, data: list[Any]) -> Fingerprint:
        """The inverse of `to_json`, but for the last digits. Raises ValueError, TypeError or KeyError for anything else."""
        status, what, form, numbers, flags = data
        *sums, size = map(float, numbers)
        return cls(Status(status), str(what), str(form), tuple(sums), size, bool(flags & 1), bool(flags & 2))


def take_fingerprint(signature: FailureSignature) -> Fingerprint:
    """The fingerprint of a failure."""
    if signature.actual is None:
        said = "" if signature.status is Status.TIMEOUT else signature.said
        return Fingerprint(signature.status, signature.what, _digest([said]))
    exact: list[str] = []
    arrays: list[Array] = []
    for part in _walk(signature.actual):
        if isinstance(part, str):
            exact.append(part)
        else:
            arrays.append(part)
    single = any(array.dtype.itemsize < np.dtype(np.float64).itemsize for array in arrays)
    numbers = np.concatenate([array.ravel().astype(np.float64) for array in arrays]) if arrays else np.zeros(0)
    places = np.arange(1, len(numbers) + 1)
    with np.errstate(all="ignore"):
        sums = tuple(float(np.dot(np.modf(places * factor)[0], numbers)) for factor in _IRRATIONAL)
        size = float(np.abs(numbers).sum())
    telling = is_telling(numbers) and bool((numbers != np.round(numbers)).any())
    if not np.isfinite([*sums, size]).all():
        return Fingerprint(signature.status, signature.what, _digest([*exact, "overflow"]))
    return Fingerprint(signature.status, signature.what, _digest(exact), sums, size, telling, single)


def _walk(value: Any) -> Iterator[str | Array]:
    """All that is exact in a value, as words, and its finite floating-point numbers, array by array."""
    match value:
        case np.ndarray():
            yield f"{value.dtype.str}{value.shape}"
            if value.dtype.kind == "c":
                yield from _walk(np.stack([value.real, value.imag]))
            elif value.dtype.kind == "f":
                finite = np.isfinite(value)
                if not finite.all():
                    # Not a number is equal to itself here, as it is where signatures are compared.
                    yield repr(
                        np.where(finite, 0, np.nan_to_num(value, nan=1, posinf=2, neginf=3)).astype(np.int8).tobytes()
                    )
                yield np.where(finite, value, 0)
            else:
                yield repr(value.tolist())
        case np.inexact() | float() | complex():
            yield type(value).__name__
            yield from _walk(np.asarray(value))
        case dict():
            yield f"{{{len(value)}"
            for key in sorted(value, key=repr):
                yield repr(key)
                yield from _walk(value[key])
        case list() | tuple():
            yield f"{type(value).__name__}{len(value)}"
            for part in value:
                yield from _walk(part)
        case wire.Opaque():
            yield f"opaque {value.type_name}"
        case _:
            yield f"{type(value).__name__} {value!r}"


def _digest(parts: list[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode(errors="backslashreplace")).hexdigest()[:12]


def _shorten(number: float) -> float:
    return float(f"{number:.{_DIGITS}g}")
