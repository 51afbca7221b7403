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


_AXES = range(2)


def _all() -> tuple[Distortion, ...]:
    made: list[tuple[SlipKind, str]] = [
        (SlipKind.SIGN, "-a"),
        (SlipKind.SIGN, "np.abs(a)"),
        (SlipKind.SIGN, "np.maximum(a, 0)"),
        (SlipKind.TYPE, "a.astype(np.float32)"),
        (SlipKind.UNUSED, "np.ones_like(a)"),
        (SlipKind.SCALE, "a / len(a)"),
        (SlipKind.SCALE, "a * len(a)"),
        (SlipKind.SCALE, "a / a.size"),
        (SlipKind.SCALE, "a / a[0].size"),
        (SlipKind.SCALE, "a / (a.shape[-1] * a.shape[-2])"),
        (SlipKind.SCALE, "(a - a.mean()) / a.std()"),
        (SlipKind.LENGTHS, "np.squeeze(a)"),
        (SlipKind.LENGTHS, "np.expand_dims(a, 1)"),
        (SlipKind.LENGTHS, "a[:, 0]"),
        (SlipKind.ORDER, "np.flip(a)"),
        (SlipKind.ORDER, "a[..., ::-1]"),
        (SlipKind.ORDER, "a[..., ::-1, ::-1]"),
        (SlipKind.ORDER, "np.swapaxes(a, -1, -2)"),
        (SlipKind.ORDER, "np.swapaxes(a, 0, 1)"),
        (SlipKind.ORDER, "np.moveaxis(a, 1, -1)"),
        (SlipKind.ORDER, "np.moveaxis(a, 0, -1)"),
        (SlipKind.ORDER, "np.ravel(a, order='F').reshape(a.shape)"),
        (SlipKind.ORDER, "np.ravel(a, order='K').reshape(a.shape)"),
        (SlipKind.ORDER, "np.swapaxes(a, -1, -2).reshape(a.shape)"),
        (SlipKind.ORDER, "np.swapaxes(a, 0, 1).reshape(a.shape)"),
        (SlipKind.ORDER, "np.moveaxis(a.reshape(np.moveaxis(a, 1, -1).shape), -1, 1)"),
        (SlipKind.PART, "a * (np.arange(len(a)) < 4).reshape(-1, *[1] * (a.ndim - 1))"),
        (SlipKind.PART, "np.pad(a[..., :-1, :-1], [(0, 0)] * (a.ndim - 2) + [(0, 1)] * 2)"),
        (SlipKind.PART, "a * (np.arange(a.size).reshape(a.shape) == a.size - 1)"),
        (SlipKind.TOGETHER, "np.full(a.shape, np.sum(a))"),
        (SlipKind.TOGETHER, "np.full(a.shape, np.max(a))"),
        (SlipKind.TOGETHER, "np.broadcast_to(np.max(a, axis=(-1, -2), keepdims=True), a.shape)"),
        (SlipKind.TOGETHER, "np.broadcast_to(np.sum(a, axis=(-1, -2), keepdims=True), a.shape)"),
    ]
    for axis in _AXES:
        made += [
            *((SlipKind.PART, f"np.broadcast_to(np.take(a, [{one}], {axis}), a.shape)") for one in (0, -1)),
            *(
                (SlipKind.TOGETHER, f"np.broadcast_to(np.{over}(a, axis={axis}, keepdims=True), a.shape)")
                for over in ("sum", "max")
            ),
        ]
    first = "np.arange(len(a)).reshape(-1, *[1] * (a.ndim - 1))"
    made += [(SlipKind.PART, f"a * ({first} == 0)"), (SlipKind.PART, f"a * ({first} == len(a) - 1)")]
    return tuple(Distortion(kind, text) for kind, text in made)


DISTORTIONS = _all()
# What is done to an array that was handed in, where it stands.
IN_PLACE = ("-a", "np.maximum(a, 0)", "(a - a.mean()) / a.std()", "a / a.max()", "0 * a")
