"""Exceptions of products: `@`, `dot`, `tensordot` and `einsum`, and the axes that they sum over."""

from __future__ import annotations

import re

from cnn_assignment.explaining.raised.words import (
    COUNT,
    SHAPE,
    Raised,
    Told,
    arguments_of,
    has_shape,
    have,
    is_call_of,
    is_kind,
    plural,
    quote,
    read_shape,
    rule,
    sentence,
    shape_in,
    shape_of,
    sides,
    subject,
)
from cnn_assignment.sandbox.client.seen import Part, Scene


def _matmul(found: re.Match[str], raised: Raised) -> Told | None:
    scene = raised.scene
    left, right = sides(scene)
    one, other = shape_in(left), shape_in(right)
    if one is None or other is None or not (scene.word.startswith("@") or is_call_of(scene, "matmul")):
        return None
    ahead = one[-1] if one else -1
    below = other[-2] if len(other) > 1 else (other[-1] if other else -1)
    if (below, ahead) != (int(found[1]), int(found[2])):
        return None
    which = "the second to last axis of the right" if len(other) > 1 else "the axis of the right"
    return Told(
        sentence(f"{have(left, one, right, other)}."),
        f"A matrix product needs the last axis of the left ({ahead}) to be as long as {which} ({below}).",
    )


def _matmul_number(_: re.Match[str], raised: Raised) -> Told | None:
    left, right = sides(raised.scene)
    numbers = [part for part in (left, right) if is_kind(part, "int", "float", "scalar") or shape_in(part) == ()]
    if len(numbers) != 1 or not numbers[0].text:
        return None
    return Told(f"{quote(numbers[0].text)} is a single number, and a matrix product needs axes on both sides.")


def _dot(found: re.Match[str], raised: Raised) -> Told | None:
    left, right = sides(raised.scene)
    one, other = read_shape(found[1]), read_shape(found[2])
    if one is None or other is None or not has_shape(left, one) or not has_shape(right, other):
        return None
    if not (left.text or right.text):
        return None
    first, second = f"axis {int(found[4])} of the left", f"axis {int(found[6])} of the right"
    pair = f"{first} has {plural(int(found[3]), 'place')}, and {second} has {int(found[5])}"
    return Told(sentence(f"{have(left, one, right, other)}."), f"They are summed over one axis of each: {pair}.")


def _tensordot(_: re.Match[str], raised: Raised) -> Told | None:
    arguments = arguments_of(raised.scene)
    if not is_call_of(raised.scene, "tensordot") or len(arguments) < 2:  # noqa: PLR2004 - what is summed over
        return None
    one, other = shape_in(arguments[0]), shape_in(arguments[1])
    if one is None or other is None:
        return None
    return Told(
        sentence(f"{have(arguments[0], one, arguments[1], other)}."),
        "The axes that `axes` pairs must have the same sizes.",
    )


def _einsum(_: re.Match[str], raised: Raised) -> Told | None:
    """A letter that stands for axes of two sizes."""
    operands = _operands_of_einsum(raised.scene)
    sizes: dict[str, tuple[int, Part, int]] = {}
    for letters, part in operands or ():
        for axis, (letter, size) in enumerate(zip(letters, shape_in(part) or (), strict=False)):
            known = sizes.setdefault(letter, (size, part, axis))
            if known[0] != size and 1 not in {known[0], size}:
                first = f"axis {known[2]} of {subject(known[1], 'one array')} ({known[0]})"
                return Told(
                    f"The letter {quote(letter)} stands for {first} and axis {axis} of {subject(part, 'another')} ({size})."
                )
    return None


def _einsum_axes(_: re.Match[str], raised: Raised) -> Told | None:
    """An operand that has another number of axes than it has letters."""
    for letters, part in _operands_of_einsum(raised.scene) or ():
        shape = shape_in(part)
        if shape is not None and len(shape) != len(letters):
            have = f"{subject(part, 'the array')} has {plural(len(shape), 'axis')}, its shape is {shape_of(shape)}"
            return Told(f"{quote(letters)} names {plural(len(letters), 'axis')}, and {have}.")
    return None


def _operands_of_einsum(scene: Scene) -> list[tuple[str, Part]] | None:
    """Each array with its letters; None where they are not written out."""
    if not is_call_of(scene, "einsum"):
        return None
    first, *arrays = arguments_of(scene) or [Part("argument", "")]
    text = first.text.replace(" ", "")
    found = re.fullmatch(r"([\"'])([A-Za-z,]+)(?:->[A-Za-z]*)?\1", text)
    letters = found[2].split(",") if found else []
    return list(zip(letters, arrays, strict=True)) if found and len(letters) == len(arrays) else None


RULES = (
    rule(
        "ValueError",
        rf"matmul: Input operand 1 has a mismatch in its core dimension 0, .*\(size {COUNT} is different from {COUNT}\)",
        _matmul,
    ),
    rule("ValueError", r"matmul: Input operand [01] does not have enough dimensions.*", _matmul_number),
    rule(
        "ValueError",
        rf"shapes {SHAPE} and {SHAPE} not aligned: {COUNT} \(dim (\d{{1,2}})\) != {COUNT} \(dim (\d{{1,2}})\)",
        _dot,
    ),
    rule("ValueError", r"shape-mismatch for sum", _tensordot),
    rule("ValueError", r"operands could not be broadcast together with remapped shapes.*", _einsum),
    rule("ValueError", r".*subscripts string contains too many subscripts.*|operand has more dim.*", _einsum_axes),
)
