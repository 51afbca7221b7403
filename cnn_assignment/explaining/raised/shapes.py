"""Exceptions of arrays whose shapes do not fit each other, or the place where they go."""

from __future__ import annotations

import math
import re

from cnn_assignment.explaining.raised.words import (
    COUNT,
    SHAPE,
    Raised,
    Told,
    arguments_of,
    called_array,
    has_shape,
    have,
    is_call_of,
    is_kind,
    kind_of,
    plural,
    quote,
    read_shape,
    rule,
    sentence,
    shape_in,
    shape_of,
    sides,
    subject,
    where_they_differ,
)


def _broadcast(found: re.Match[str], raised: Raised) -> Told | None:
    left, right = sides(raised.scene)
    one, other = read_shape(found[1]), read_shape(found[2])
    if one is None or other is None or not has_shape(left, one) or not has_shape(right, other):
        return None
    if raised.scene.action == "call" and not (left.text or right.text):
        return None
    return Told(sentence(f"{have(left, one, right, other)}."), where_they_differ(one, other))


def _grows_in_place(found: re.Match[str], raised: Raised) -> Told | None:
    """`a += b` where b has more axes or places than a."""
    left, right = sides(raised.scene)
    one, result = read_shape(found[1]), read_shape(found[2])
    if raised.scene.action != "operate" or one is None or result is None or not has_shape(left, one):
        return None
    name = subject(left, "the left side")
    known = f" (the right side has shape {shape_of(shape_in(right) or ())})" if shape_in(right) is not None else ""
    return Told(
        sentence(f"{name} has shape {shape_of(one)}, and the result would have shape {shape_of(result)}{known}."),
        f"{quote(raised.scene.word)} writes the result back into the left side, which keeps its shape.",
    )


def _into_place(found: re.Match[str], raised: Raised) -> Told | None:
    scene = raised.scene
    given, target = read_shape(found[1]), read_shape(found[2])
    part, place = scene.part("given"), scene.part("whole")
    if scene.action != "write" or given is None or target is None or not (part.text or place.text):
        return None
    if not has_shape(part, given):
        return None
    takes = f"{subject(place, 'the place on the left')} takes shape {shape_of(target)}"
    gives = f"{subject(part, 'the right side')} has shape {shape_of(given)}"
    return Told(sentence(f"{takes}, and {gives}."), where_they_differ(target, given, is_place=True))


def _one_place(_: re.Match[str], raised: Raised) -> Told | None:
    scene = raised.scene
    part, place = scene.part("given"), scene.part("whole")
    shape = shape_in(scene.part("value"))
    indices = [p for p in scene.parts if p.role in {"index", "slice", "new", "rest", "starred"}]
    if scene.action != "write" or not place.text or shape is None or len(indices) != len(shape):
        return None
    if not all(is_kind(index, "int", "scalar") for index in indices) or (part.fact is None and not part.text):
        return None
    what = f"is {kind_of(part.fact)}" if is_kind(part, "array", "list", "tuple") else "gives several"
    return Told(f"{quote(place.text)} is one place for one number, and {subject(part, 'the right side')} {what}.")


def _lengths_differ(_: re.Match[str], raised: Raised) -> Told | None:
    if not is_call_of(raised.scene, "array", "asarray", "stack"):
        return None
    return Told("An array needs rows of one length: the items that it is made of here differ in length or in shape.")


def _to_one_number(found: re.Match[str], raised: Raised) -> Told | None:
    scene = raised.scene
    name, arguments = scene.part("function").text, arguments_of(scene)
    if scene.action != "call" or not name:
        return _one_place(found, raised)
    arrays = [part for part in arguments if is_kind(part, "array")]
    if len(arrays) == 1 and shape_in(arrays[0]):
        return Told(
            f"{quote(name)} needs one number, and {subject(arrays[0], 'its argument')} is {kind_of(arrays[0].fact)}."
        )
    if len(arguments) == 1 and arguments[0].fact is None and arguments[0].text and name in {"int", "float"}:
        return Told(f"{quote(name)} needs one number, and {quote(arguments[0].text)} is an array that has axes.")
    return None


def _one_size(_: re.Match[str], raised: Raised) -> Told | None:
    """`item` and `squeeze`."""
    array = called_array(raised.scene)
    shape = shape_in(array)
    if shape is None:
        return None
    return Told(f"{subject(array, 'The array')} has shape {shape_of(shape)} here.")


def _reshape(found: re.Match[str], raised: Raised) -> Told | None:
    size, wanted = int(found[1]), read_shape(found[2].replace("newaxis", "-1"))
    array = called_array(raised.scene)
    shape = shape_in(array)
    if not is_call_of(raised.scene, "reshape") or wanted is None:
        return None
    if shape is not None and math.prod(shape) != size:
        return None
    has = f"{subject(array, 'The array')} has {plural(size, 'value')}"
    has += f" here (shape {shape_of(shape)})" if shape is not None else " here"
    known = math.prod(n for n in wanted if n >= 0)
    if any(n < 0 for n in wanted):
        takes = f"with -1 their number must be a multiple of {known}"
    else:
        takes = f"shape {shape_of(wanted)} holds {known}"
    return Told(f"{has}, and {takes}.", "Compare the two: which of them is not what you expect?")


def _join(found: re.Match[str], raised: Raised) -> Told | None:
    axis, first, one, second, other = (int(number) for number in found.groups())
    name = raised.scene.part("function").text
    if raised.scene.action != "call" or not name:
        return None
    return Told(
        f"{quote(name)} joins arrays along one axis, and along all others they must have the same size: "
        f"along axis {axis}, array {first} has {plural(one, 'place')} and array {second} has {other}."
    )


def _transpose(_: re.Match[str], raised: Raised) -> Told | None:
    array = called_array(raised.scene)
    shape = shape_in(array)
    if shape is None or not is_call_of(raised.scene, "transpose"):
        return None
    return Told(
        f"{subject(array, 'The array')} has {plural(len(shape), 'axis')} here, its shape is {shape_of(shape)}.",
        "`transpose` needs each of its axes, once.",
    )


def _axis(found: re.Match[str], raised: Raised) -> Told | None:
    array = called_array(raised.scene)
    shape, axis = shape_in(array), int(found[1])
    if shape is None or len(shape) != int(found[2]):
        return None
    has = f"{subject(array, 'The array')} has {plural(len(shape), 'axis')} here, its shape is {shape_of(shape)}"
    return Told(f"{has}, and there is no axis {axis}: the first one is axis 0.")


def _nothing_to_reduce(_: re.Match[str], raised: Raised) -> Told | None:
    array = called_array(raised.scene)
    shape = shape_in(array)
    if shape is None or math.prod(shape) != 0:
        return None
    return Told(
        f"{subject(array, 'The array')} is empty here: its shape is {shape_of(shape)}.", "Look at how it is cut."
    )


RULES = (
    rule("ValueError", rf"operands could not be broadcast together with shapes {SHAPE} {SHAPE}.*", _broadcast),
    rule(
        "ValueError",
        rf"non-broadcastable output operand with shape {SHAPE} doesn't match the broadcast shape {SHAPE}",
        _grows_in_place,
    ),
    rule("ValueError", rf"could not broadcast input array from shape {SHAPE} into shape {SHAPE}", _into_place),
    rule(
        "ValueError",
        r"setting an array element with a sequence\. The requested array has an inhomog.*",
        _lengths_differ,
    ),
    rule("ValueError", r"setting an array element with a sequence\.", _one_place),
    rule(
        "TypeError", r"only (?:0-dimensional|length-1|size-1) arrays can be converted to Python scalars", _to_one_number
    ),
    rule("ValueError", rf"cannot reshape array of size {COUNT} into shape \(((?:[-\d, ]|newaxis){{0,60}})\)", _reshape),
    rule(
        "ValueError",
        rf"all the input array dimensions except for the concatenation axis must match exactly, but along dimension "
        rf"(\d{{1,2}}), the array at index {COUNT} has size {COUNT} and the array at index {COUNT} has size {COUNT}",
        _join,
    ),
    rule("ValueError", r"axes don't match array", _transpose),
    rule("AxisError", r"(?:\w+: )?axis (-?\d{1,9}) is out of bounds for array of dimension (\d{1,2})", _axis),
    rule(
        "ValueError",
        r"zero-size array to reduction operation .*|attempt to get arg\w+ of an empty sequence",
        _nothing_to_reduce,
    ),
    rule("ValueError", r"can only convert an array of size 1 to a Python scalar", _one_size),
    rule("ValueError", r"cannot select an axis to squeeze out which has size not equal to one", _one_size),
)
