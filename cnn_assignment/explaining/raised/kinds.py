"""Exceptions of a value of another kind than what is done with it needs."""

from __future__ import annotations

import re

from cnn_assignment.explaining.raised.words import (
    Raised,
    Told,
    arguments_of,
    is_kind,
    kind_of,
    listed,
    quote,
    rule,
    shape_in,
    shape_of,
    subject,
)
from cnn_assignment.sandbox.client.seen import Part

_NONE = "Look where it gets its value; a function without `return` gives None."
_NOT_DEFINED_BY = {
    "function": "Round brackets call a function.",
    "generator": "A generator gives its items one after the other, to a loop.",
}
_MOST_NAMES = 6
_BRACKETS = "Round brackets call, square brackets index."


def _is_what(part: Part, otherwise: str) -> str:
    return f"{subject(part, otherwise)} is {kind_of(part.fact)} here"


def _not_known(part: Part) -> bool:
    return part.fact is None or part.text in {"", "None"} or _is_number_written(part)


def _subscript(found: re.Match[str], raised: Raised) -> Told | None:
    del found
    value = raised.scene.part("value")
    if raised.scene.action not in {"read", "write"} or _not_known(value) or value.fact is None:
        return None
    if value.fact.kind == "none":
        return Told(f"{quote(value.text)} is None here.", _NONE)
    return Told(
        f"{_is_what(value, '')}, which has no items in square brackets.", _NOT_DEFINED_BY.get(value.fact.kind, "")
    )


def _assign_item(found: re.Match[str], raised: Raised) -> Told | None:
    value = raised.scene.part("value")
    if raised.scene.action != "write" or not value.text:
        return None
    if found[1] in {"tuple", "str"}:
        kind = "a tuple" if found[1] == "tuple" else "a text"
        return Told(f"{quote(value.text)} is {kind}, and no item of it can be changed once it is made.")
    return _subscript(found, raised)


def _iterate(found: re.Match[str], raised: Raised) -> Told | None:
    scene = raised.scene
    if scene.action == "call":
        # Which of several values it was is not said.
        wrong = [part for part in arguments_of(scene) if _names_kind(found[1], part)]
        value = wrong[0] if len(wrong) == 1 else Part("argument", "")
    elif scene.action in {"iterate", "unpack"}:
        value = scene.part("value")
    else:
        return None
    if value.text and value.fact is None and found[1] == "NoneType":
        return Told(f"{quote(value.text)} gives None here.")
    if _not_known(value) or value.fact is None or not _names_kind(found[1], value):
        return None
    if value.fact.kind == "none":
        return Told(f"{quote(value.text)} is None here.", _NONE)
    what = "be unpacked into several names" if scene.action == "unpack" else "be gone through item by item"
    guidance = (
        "A loop over numbers goes over a `range`." if value.fact.kind == "int" and scene.action != "unpack" else ""
    )
    return Told(f"{_is_what(value, '')}, which cannot {what}.", guidance)


def _names_kind(name: str, part: Part) -> bool:
    """Whether the name of a type in a message is that of the part."""
    if part.fact is None:
        return False
    names = {
        "none": "NoneType",
        "function": "function method builtin_function_or_method",
        "object": part.fact.name,
        "class": "type",
    }
    names["array"] = "numpy.ndarray ndarray"
    names["scalar"] = f"numpy.{part.fact.dtype} {part.fact.dtype}"
    return name in names.get(part.fact.kind, part.fact.kind).split()


def _call(found: re.Match[str], raised: Raised) -> Told | None:
    scene = raised.scene
    part = scene.part("function")
    if scene.action != "call" or not part.text:
        return None
    if part.fact is None or not _names_kind(found[1], part):
        return None
    if part.fact.kind == "none":
        return Told(f"{quote(part.text)} is None here.", _NONE)
    is_indexed = part.fact.kind in {"array", "list", "tuple", "dict", "str"}
    return Told(f"{_is_what(part, '')}, and not a function.", _BRACKETS if is_indexed else "")


def _operate(found: re.Match[str], raised: Raised) -> Told | None:
    del found
    scene = raised.scene
    if scene.action not in {"operate", "compare"}:
        return None
    left, right = scene.part("left"), scene.part("right")
    known = [part for part in (left, right) if part.text and part.fact is not None]
    nothing = [part for part in known if is_kind(part, "none")]
    if any(part.text == "None" for part in nothing):
        return None
    if nothing:
        return Told(
            f"{listed([part.text for part in nothing])} {'is' if len(nothing) == 1 else 'are'} None here.", _NONE
        )
    told = [part for part in known if not _is_number_written(part)]
    if not told:
        return None
    fact = ", and ".join(f"{quote(part.text)} is {kind_of(part.fact)}" for part in told)
    guidance = ""
    if any(is_kind(part, "list", "tuple") for part in told) and scene.word:
        guidance = f"Lists and tuples do not calculate item by item with {quote(scene.word)}, as arrays do."
    return Told(f"{fact} here.", guidance)


def _is_number_written(part: Part) -> bool:
    return part.text[:1].isdigit()


def _length(found: re.Match[str], raised: Raised) -> Told | None:
    arguments = arguments_of(raised.scene)
    if raised.scene.action != "call" or len(arguments) != 1 or not _names_kind(found[1], arguments[0]):
        return None
    part = arguments[0]
    if not part.text:
        return None
    if is_kind(part, "none"):
        return Told(f"{quote(part.text)} is None here.", _NONE)
    return Told(f"{_is_what(part, '')}, which has no length.")


def _hash(found: re.Match[str], raised: Raised) -> Told | None:
    scene = raised.scene
    value = scene.part("value")
    keys = [part for part in scene.parts if part.role in {"index", "slice"}]
    if scene.action not in {"read", "write"} or not is_kind(value, "dict") or not value.text:
        return None
    if found[1] == "slice" or len(keys) > 1:
        return Told(f"{quote(value.text)} is a dict here: it has keys, and neither axes nor slices.")
    if len(keys) != 1 or not keys[0].text:
        return None
    kind = kind_of(keys[0].fact) if keys[0].fact is not None else f"of the type {found[1].rpartition('.')[2]}"
    return Told(
        f"{quote(value.text)} is a dict here, and {quote(keys[0].text)}, its key, is {kind}, which no key can be."
    )


def _attribute(found: re.Match[str], raised: Raised) -> Told | None:
    scene = raised.scene
    name, value = found[2], scene.part("value")
    if scene.action != "attribute" or name != scene.word or not value.text or value.fact is None:
        return None
    match value.fact.kind:
        case "none":
            return Told(f"{quote(value.text)} is None here, which has no {quote(name)}.", _NONE)
        case "object":
            return _attribute_of_object(value, name, scene.names)
        case "array":
            has = f"{quote(value.text)} is {kind_of(value.fact)} here, and arrays have no {quote(name)}."
            return Told(has, "An array keeps its size." if name in {"append", "extend", "insert", "pop"} else "")
        case "function":
            return Told(f"{quote(value.text)} is a function here, and not what it gives.", "Round brackets call it.")
        case "scalar" | "int" | "float" | "list" | "tuple" | "dict" | "str" | "generator":
            return Told(f"{_is_what(value, '')}, and has no {quote(name)}.")
    return None


def _attribute_of_object(value: Part, name: str, alike: tuple[str, ...]) -> Told | None:
    if value.fact is None or name in value.fact.names:
        return None
    if alike:
        return Told(
            f"{quote(value.text)} has no {quote(name)} here, but {quote(alike[0])} is there.",
            "Compare the two spellings.",
        )
    if not value.fact.names:
        return None
    others = " and others" if len(value.fact.names) > _MOST_NAMES else ""
    return Told(
        f"{quote(value.text)} has no {quote(name)} here; what was set on it: {listed(value.fact.names[:_MOST_NAMES])}{others}."
    )


def _unpack(found: re.Match[str], raised: Raised) -> Told | None:
    scene = raised.scene
    targets = [part.text for part in scene.parts if part.role == "target"]
    value, items = scene.part("value"), scene.part("items")
    if scene.action != "unpack" or len(targets) != int(found[1]) or not all(targets):
        return None
    names = f"{listed(targets)} stand on the left"
    if items.text:
        return Told(f"{names}, and an item of {quote(items.text)} has another number of parts.")
    if not value.text:
        return None
    given = found[2] if found.lastindex == 2 and found[2] else ""  # noqa: PLR2004 - the second number of the message
    shape = shape_in(value)
    if shape:
        return Told(
            f"{names}, and {quote(value.text)} is an array of shape {shape_of(shape)}, with {shape[0]} along axis 0."
        )
    if is_kind(value, "list", "tuple") and value.fact is not None and value.fact.number is not None:
        given = str(value.fact.number)
    if not given:
        return Told(f"{names}, and {quote(value.text)} gives more.") if "many" in raised.message else None
    of_shape = f" It is {shape_of(value.fact.shape)}." if value.fact is not None and value.fact.shape else ""
    return Told(f"{names}, and {quote(value.text)} has {given} {'item' if given == '1' else 'items'} here.{of_shape}")


def _of_module(found: re.Match[str], raised: Raised) -> Told | None:
    value, names = raised.scene.part("value"), raised.scene.names
    if raised.scene.action != "attribute" or not value.text or not names:
        return None
    return Told(
        f"{quote(value.text)} has no {quote(found[1])}, but {quote(names[0])} is there.", "Compare the two spellings."
    )


RULES = (
    rule("TypeError", r"'?([\w.]{1,60})'? object is not subscriptable", _subscript),
    rule("TypeError", r"'([\w.]{1,60})' object does not support item assignment", _assign_item),
    rule("TypeError", r"(?:cannot unpack non-iterable |')([\w.]{1,60})(?:' object is not iterable| object)", _iterate),
    rule("TypeError", r"'([\w.]{1,60})' object is not callable", _call),
    rule("TypeError", r"unsupported operand type\(s\) for .*|bad operand type for unary .*", _operate),
    rule("TypeError", r"can only concatenate \w+ \(not \"[\w.]+\"\) to \w+", _operate),
    rule("TypeError", r"can't multiply sequence by non-int of type '[\w.]+'", _operate),
    rule("TypeError", r"'\S{1,3}' not supported between instances of .*", _operate),
    rule("TypeError", r"object of type '([\w.]{1,60})' has no len\(\)", _length),
    rule("TypeError", r"unhashable type: '([\w.]{1,60})'|cannot use '([\w.]{1,60})' as a dict key.*", _hash),
    rule("AttributeError", r"'([\w.]{1,60})' object has no attribute '(\w{1,60})'.*", _attribute),
    rule("AttributeError", r"module '[\w.]{1,60}' has no attribute '(\w{1,60})'.*", _of_module),
    rule("ValueError", r"not enough values to unpack \(expected (?:at least )?(\d{1,3}), got (\d{1,3})\)", _unpack),
    rule("ValueError", r"too many values to unpack \(expected (\d{1,3})(?:, got (\d{1,9}))?\)", _unpack),
)
