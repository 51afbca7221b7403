"""Exceptions of square brackets: places and keys that are not there."""

from __future__ import annotations

import re

from cnn_assignment.explaining.raised.words import (
    Raised,
    Told,
    is_float,
    is_kind,
    kind_of,
    listed,
    plural,
    quote,
    rule,
    shape_in,
    shape_of,
    subject,
)
from cnn_assignment.sandbox.client.seen import Part, Scene

_IN_BRACKETS = ("read", "write")
_CONSTANT = re.compile(r"-?\d+")
_TO_INT = "An index must be an int."


def _indices(scene: Scene) -> list[Part]:
    return [part for part in scene.parts if part.role in {"index", "slice", "new", "rest", "starred"}]


def _index_along(scene: Scene, axis: int, ndim: int) -> Part | None:
    """The index that belongs to an axis; None where they cannot be counted."""
    indices = _indices(scene)
    # Of an index that is not known, nobody can say how many axes it takes; a list of indices and an array take some.
    taking = [part for part in indices if part.role in {"index", "slice"}]
    if any(part.role == "starred" for part in indices) or not all(
        part.role == "slice" or is_kind(part, "int", "scalar") for part in taking
    ):
        return None
    rest, place = ndim - len(taking), 0
    for part in indices:
        if part.role == "new":
            continue
        if part.role == "rest":
            place += rest
            continue
        if place == axis:
            return part
        place += 1
    return None


def _numbered(size: int) -> str:
    return "numbered 0" if size == 1 else f"numbered 0 to {size - 1}"


def _place_along_axis(found: re.Match[str], raised: Raised) -> Told | None:
    scene = raised.scene
    index, axis, size = (int(number) for number in found.groups())
    value = scene.part("value")
    shape = shape_in(value)
    if scene.action not in _IN_BRACKETS or shape is None or axis >= len(shape) or shape[axis] != size:
        return None
    has = f"{subject(value, 'The array')} has shape {shape_of(shape)} here"
    if size == 0:
        return Told(f"{has}: there is nothing along axis {axis}.", "Look at the shape that it was made with.")
    part = _index_along(scene, axis, len(shape))
    is_named = part is not None and part.text and part.fact is not None and part.fact.number in {index, None}
    asked = f"{quote(part.text)} is {index}" if part is not None and is_named else f"{index} was asked for"
    if part is not None and _CONSTANT.fullmatch(part.text):
        asked = f"{index} was asked for"
    fact = f"{has}: along axis {axis} there {'is' if size == 1 else 'are'} {plural(size, 'place')}, {_numbered(size)}"
    return Told(f"{fact}, and {asked}.", "Compare how far the index runs with that size.")


def _place_in_sequence(found: re.Match[str], raised: Raised) -> Told | None:
    scene = raised.scene
    value, indices = scene.part("value"), _indices(scene)
    if scene.action not in _IN_BRACKETS or not is_kind(value, found[1]) or value.fact is None or len(indices) != 1:
        return None
    number, index = value.fact.number, indices[0]
    if number is None:
        return None
    array, _, attribute = value.text.rpartition(".")
    is_of_axes = attribute == "shape" and bool(array)
    asked = ""
    if index.fact is not None and index.fact.number is not None:
        if not index.text or _CONSTANT.fullmatch(index.text):
            asked = f", and {'axis number ' if is_of_axes else ''}{index.fact.number} was asked for"
        else:
            asked = f", and {quote(index.text)} is {index.fact.number}"
    if is_of_axes:
        is_from_the_first = index.fact is not None and (index.fact.number or 0) >= 0
        asked = f"{asked}, counted from 0" if asked and is_from_the_first else asked
        axes = f"{quote(array)} has {plural(number, 'axis')} here, its shape is {shape_of(value.fact.shape)}"
        return Told(f"{axes}{asked}.", "Compare that with the shape that you expect there.")
    if number == 0:
        return Told(f"{subject(value, f'The {found[1]}')} is empty here{asked}.")
    return Told(f"{subject(value, f'The {found[1]}')} has {plural(number, 'item')} here, {_numbered(number)}{asked}.")


def _too_many_indices(found: re.Match[str], raised: Raised) -> Told | None:
    value = raised.scene.part("value")
    shape = shape_in(value)
    ndim, indexed = int(found[1]), int(found[2])
    if raised.scene.action not in _IN_BRACKETS or shape is None or len(shape) != ndim:
        return None
    whole = raised.scene.part("whole")
    names = f"{quote(whole.text)} names {indexed}" if whole.text else f"{indexed} are indexed"
    has = f"{subject(value, 'The array')} has {plural(ndim, 'axis')} here, its shape is {shape_of(shape)}"
    if ndim == 0:
        has = f"{subject(value, 'The array')} has no axes here"
    return Told(f"{has}, and {names}.", "Compare that with the axes that you expect there.")


def _no_index(_: re.Match[str], raised: Raised) -> Told | None:
    """An index that is no whole number."""
    wrong = [part for part in _indices(raised.scene) if part.text and _is_no_index(part)]
    if raised.scene.action not in _IN_BRACKETS or len(wrong) != 1:
        return None
    (index,) = wrong
    guidance = _TO_INT
    if is_float(index) and "/" in index.text.replace("//", ""):
        guidance = f"{_TO_INT} `/` gives a float, even where nothing is left over."
    elif is_kind(index, "str"):
        value = raised.scene.part("value")
        guidance = f"{subject(value, 'It')} is {kind_of(value.fact)}: only dicts have texts as keys."
        if value.fact is None:
            guidance = _TO_INT
    return Told(f"{quote(index.text)} is {_kind(index)} here.", guidance)


def _is_no_index(part: Part) -> bool:
    return is_float(part) or is_kind(part, "str", "list", "tuple", "array", "none", "dict", "object")


def _kind(part: Part) -> str:
    if is_float(part):
        return "a float"
    if part.fact is not None and part.fact.kind == "array" and part.fact.dtype:
        return f"{kind_of(part.fact)} and dtype {part.fact.dtype}"
    return kind_of(part.fact)


def _index_of_other_type(_: re.Match[str], raised: Raised) -> Told | None:
    """A list, tuple or text is indexed by something else than one int."""
    scene = raised.scene
    value, indices = scene.part("value"), _indices(scene)
    if scene.action not in _IN_BRACKETS or not is_kind(value, "list", "tuple", "str"):
        return None
    if len(indices) > 1:
        return Told(f"{subject(value, 'It')} is {kind_of(value.fact)}: several indices at once need an array.")
    return _no_index(_, raised)


def _mask(found: re.Match[str], raised: Raised) -> Told | None:
    scene = raised.scene
    value, masks = scene.part("value"), [part for part in _indices(scene) if is_kind(part, "array")]
    shape = shape_in(value)
    if scene.action not in _IN_BRACKETS or shape is None or len(masks) != 1 or masks[0].fact is None:
        return None
    mask = masks[0]
    if masks[0].fact.dtype != "bool":
        return None
    fact = f"{subject(value, 'The array')} has shape {shape_of(shape)}"
    return Told(
        f"{fact}, and the mask {subject(mask, '')} has shape {shape_of(masks[0].fact.shape)}: "
        f"along axis {int(found[1])} there are {int(found[2])} places in one and {int(found[3])} in the other."
    )


def _one_number(_: re.Match[str], raised: Raised) -> Told | None:
    value = raised.scene.part("value")
    if raised.scene.action not in _IN_BRACKETS or not is_kind(value, "scalar"):
        return None
    return Told(f"{subject(value, 'It')} is a single number here, which has no axes.")


def _key(_: re.Match[str], raised: Raised) -> Told | None:
    scene = raised.scene
    value, indices = scene.part("value"), _indices(scene)
    if scene.action not in _IN_BRACKETS or not is_kind(value, "dict") or value.fact is None or len(indices) != 1:
        return None
    fact, key = value.fact, indices[0]
    name = subject(value, "The dict")
    stood_in = any(remark.startswith("a right cache stood in") for remark in raised.remarks)
    if fact.number == 0:
        return Told(f"{name} has no keys here.")
    if fact.number != len(fact.names):
        return None
    # Of a key that is a number and one that is its text, the words alone would not tell.
    if key.text.strip("\"'") in fact.names and key.text[:1] in "\"'":
        return None
    missing = f", and {quote(key.text)} is not among them" if key.text else ""
    has = f"{name} has {'the key' if fact.number == 1 else 'the keys'} {listed(fact.names)} here{missing}."
    if stood_in:
        return Told(
            has, "In this test a cache with what the assignment asks for stood in for your own: forward gave none."
        )
    return Told(has)


RULES = (
    rule(
        "IndexError", r"index (-?\d{1,18}) is out of bounds for axis (\d{1,2}) with size (\d{1,18})", _place_along_axis
    ),
    rule("IndexError", r"(list|tuple) (?:assignment )?index out of range", _place_in_sequence),
    rule(
        "IndexError",
        r"too many indices for array: array is (\d{1,2})-dimensional, but (\d{1,3}) were indexed",
        _too_many_indices,
    ),
    rule("IndexError", r"only integers, slices .* are valid indices", _no_index),
    rule("IndexError", r"arrays used as indices must be of integer \(or boolean\) type", _no_index),
    rule(
        "IndexError",
        # NumPy 1 speaks of dimensions.
        r"boolean index did not match indexed array along (?:axis|dimension) (\d{1,2}); "
        r"(?:size of axis|dimension) is (\d{1,18}) but (?:size of )?corresponding boolean (?:axis|dimension) is (\d{1,18})",
        _mask,
    ),
    rule("IndexError", r"invalid index to scalar variable\.", _one_number),
    rule("TypeError", r"(?:list|tuple|string) indices must be integers or slices, not .*", _index_of_other_type),
    rule("TypeError", r"string indices must be integers.*", _index_of_other_type),
    rule("TypeError", r"slice indices must be integers or None or have an __index__ method", _no_index),
    rule("TypeError", r"only integer scalar arrays can be converted to a scalar index", _no_index),
    rule("KeyError", r".*", _key),
)
