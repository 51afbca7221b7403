"""Distortions: what a careless step makes of a whole array, whatever it was calculated from.

They are for explanations alone. Many students' mistakes come down to one of them, though no small edit of the solution
does; and many give the right values where a test asks for little, so no test is demanded to catch them.
"""

from __future__ import annotations

from dataclasses import dataclass

from cnn_assignment.explaining.mutant_words import SlipKind


@dataclass(frozen=True, slots=True)
class Distortion:
    """One distortion: the kind of the slip, and an expression of NumPy in which ``a`` is the array."""

    kind: SlipKind
    made: str


_LARGEST_COUNT = 4
_AXES = range(4)


def _all() -> tuple[Distortion, ...]:
    made: list[tuple[SlipKind, str]] = [
        (SlipKind.SIGN, "-a"),
        (SlipKind.SIGN, "np.abs(a)"),
        (SlipKind.SIGN, "np.maximum(a, 0)"),
        (SlipKind.TYPE, "a.astype(np.float32)"),
        (SlipKind.TYPE, "np.round(a)"),
        (SlipKind.TYPE, "np.trunc(a)"),
        (SlipKind.UNUSED, "np.ones_like(a)"),
        (SlipKind.UNUSED, "(a != 0).astype(a.dtype)"),
        (SlipKind.UNUSED, "(a > 0).astype(a.dtype)"),
        (SlipKind.SCALE, "a / len(a)"),
        (SlipKind.SCALE, "a * len(a)"),
        (SlipKind.SCALE, "a / a.size"),
        (SlipKind.SCALE, "a / a[0].size"),
        (SlipKind.SCALE, "a / (a.shape[-1] * a.shape[-2])"),
        (SlipKind.SCALE, "a * (a.shape[-1] * a.shape[-2])"),
        (SlipKind.SCALE, "a * a"),
        (SlipKind.SCALE, "a - a.mean()"),
        (SlipKind.SCALE, "(a - a.mean()) / a.std()"),
        (SlipKind.SCALE, "(a - a.min()) / (a.max() - a.min())"),
        (SlipKind.SCALE, "a / a.max()"),
        (SlipKind.SCALE, "a / np.sum(a)"),
        (SlipKind.LENGTHS, "np.squeeze(a)"),
        (SlipKind.LENGTHS, "np.expand_dims(a, 0)"),
        (SlipKind.LENGTHS, "np.expand_dims(a, 1)"),
        (SlipKind.LENGTHS, "a.reshape(len(a), -1)"),
        (SlipKind.LENGTHS, "a[:, 0]"),
        (SlipKind.ORDER, "np.flip(a)"),
        (SlipKind.ORDER, "a[::-1]"),
        (SlipKind.ORDER, "a[..., ::-1]"),
        (SlipKind.ORDER, "a[..., ::-1, :]"),
        (SlipKind.ORDER, "a[..., ::-1, ::-1]"),
        (SlipKind.ORDER, "np.swapaxes(a, -1, -2)"),
        (SlipKind.ORDER, "np.swapaxes(a, 0, 1)"),
        (SlipKind.ORDER, "np.moveaxis(a, 1, -1)"),
        (SlipKind.ORDER, "np.moveaxis(a, -1, 1)"),
        (SlipKind.ORDER, "np.moveaxis(a, 0, -1)"),
        (SlipKind.ORDER, "np.moveaxis(a, -1, 0)"),
        (SlipKind.ORDER, "np.reshape(a, a.shape, order='F')"),
        (SlipKind.ORDER, "np.ravel(a, order='F').reshape(a.shape)"),
        (SlipKind.ORDER, "np.ravel(a, order='K').reshape(a.shape)"),
        (SlipKind.ORDER, "np.swapaxes(a, -1, -2).reshape(a.shape)"),
        (SlipKind.ORDER, "np.swapaxes(a, 0, 1).reshape(a.shape)"),
        (SlipKind.ORDER, "np.swapaxes(a.reshape(np.swapaxes(a, 0, 1).shape), 0, 1)"),
        (SlipKind.ORDER, "np.moveaxis(a.reshape(np.moveaxis(a, 1, -1).shape), -1, 1)"),
        (SlipKind.ORDER, "np.swapaxes(a.reshape(np.swapaxes(a, -1, -2).shape), -1, -2)"),
        (SlipKind.ORDER, "np.sort(a, axis=-1)"),
    ]
    for axis in _AXES:
        along = f"np.arange(a.shape[{axis}]).reshape(tuple(-1 if n == {axis} else 1 for n in range(a.ndim)))"
        made += [
            (SlipKind.PART, f"np.broadcast_to(np.take(a, [0], {axis}), a.shape)"),
            (SlipKind.PART, f"np.broadcast_to(np.take(a, [-1], {axis}), a.shape)"),
            (SlipKind.PART, f"np.take(a, [0], {axis})"),
            (SlipKind.PART, f"np.take(a, [-1], {axis})"),
            (SlipKind.PART, f"a * ({along} == a.shape[{axis}] - 1)"),
            (SlipKind.PART, f"a * ({along} < a.shape[{axis}] - 1)"),
            *((SlipKind.PART, f"a * ({along} < {most})") for most in range(1, _LARGEST_COUNT + 2)),
            *(
                (SlipKind.TOGETHER, f"np.broadcast_to(np.{over}(a, axis={axis}, keepdims=True), a.shape)")
                for over in ("sum", "mean", "max")
            ),
        ]
    made += [
        (SlipKind.PART, "np.pad(a[..., :-1, :-1], [(0, 0)] * (a.ndim - 2) + [(0, 1)] * 2)"),
        (SlipKind.PART, "a * (np.arange(a.size).reshape(a.shape) == a.size - 1)"),
        (SlipKind.TOGETHER, "np.full(a.shape, np.sum(a))"),
        (SlipKind.TOGETHER, "np.full(a.shape, np.max(a))"),
        (SlipKind.TOGETHER, "np.broadcast_to(np.max(a, axis=(-1, -2), keepdims=True), a.shape)"),
        (SlipKind.TOGETHER, "np.broadcast_to(np.sum(a, axis=(-1, -2), keepdims=True), a.shape)"),
    ]
    return tuple(Distortion(kind, text) for kind, text in made)


DISTORTIONS = _all()
