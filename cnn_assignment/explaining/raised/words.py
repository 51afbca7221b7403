"""What the rules are written with: an exception as a rule sees it, what a rule tells, and kinds and shapes in words."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cnn_assignment.sandbox.client.seen import Asked, Fact, Part, Scene

_DASHES = re.compile(r"[\d ,()-]*")
_FROM_THE_LAST = ("last", "second to last", "third to last", "fourth to last", "fifth to last")


# In the patterns of messages: a printed shape, and a number of places or values.
SHAPE = r"\(([\d, ]{0,60})\)"
COUNT = r"(\d{1,18})"


@dataclass(frozen=True, slots=True)
class Raised:
    """An exception of student code. remarks: what the test did to be about its own task alone."""

    type_name: str
    message: str
    scene: Scene
    asked: Asked | None = None
    remarks: tuple[str, ...] = ()
    line: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """What is certain, and a neutral hint where to look, which is left out where there is no room."""

    fact: str
    guidance: str = ""


# Given what the pattern found in the message.
Explain = Callable[["re.Match[str]", Raised], Told | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """Explains exceptions of these types (any, where there are none) whose message has the pattern's form."""

    types: frozenset[str]
    pattern: re.Pattern[str]
    explain: Explain


def rule(types: str, pattern: str, explain: Explain) -> Rule:
    """A rule; types are names with spaces between them."""
    return Rule(frozenset(types.split()), re.compile(pattern, re.DOTALL), explain)


def quote(text: str) -> str:
    """Code in a sentence."""
    return f"`{text}`"


def subject(part: Part, otherwise: str) -> str:
    """The part as the student wrote it, or in words where that is long."""
    return quote(part.text) if part.text else otherwise


def shape_of(sizes: Sequence[int]) -> str:
    """A shape as Python writes it."""
    return f"({', '.join(map(str, sizes))}{',' if len(sizes) == 1 else ''})"


def read_shape(text: str) -> tuple[int, ...] | None:
    """The shape that NumPy wrote into a message; None for anything else."""
    if not _DASHES.fullmatch(text) or len(text) > 100:  # noqa: PLR2004 - no shape is so long
        return None
    return tuple(int(number) for number in re.findall(r"-?\d+", text))


def plural(count: int, noun: str) -> str:
    """``1 place``, ``2 places``; an axis has its own plural."""
    many = "axes" if noun == "axis" else f"{noun}s"
    return f"{count} {noun if count == 1 else many}"


def listed(names: Sequence[str]) -> str:
    """Code in a list: ```x`, `y` and `z```."""
    quoted = [quote(name) for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def kind_of(fact: Fact | None) -> str:
    """What a value is, in words with an article; "" where nobody can tell."""
    if fact is None:
        return ""
    match fact.kind:
        case "none":
            return "None"
        case "array":
            return f"an array of shape {shape_of(fact.shape)}"
        case "scalar":
            return f"a single number ({quote(fact.dtype)})" if fact.dtype else "a single number"
        case "int":
            return f"the int {fact.number}" if fact.number is not None else "an int"
        case "list" | "tuple" if fact.number is not None:
            return f"a {fact.kind} of {plural(fact.number, 'item')}"
        case "object":
            return f"an object of the class {quote(fact.name)}" if fact.name else "an object"
        case "str":
            return "a text"
        case "function":
            return "a function"
    return f"a {fact.kind}"


def is_kind(part: Part, *kinds: str) -> bool:
    """Whether it is known to be of one of these kinds."""
    return part.fact is not None and part.fact.kind in kinds


def is_float(part: Part) -> bool:
    """Whether it is a single number that is no whole one by its type, of Python or of NumPy."""
    return is_kind(part, "float") or (is_kind(part, "scalar") and part.fact is not None and part.fact.dtype[:1] == "f")


def shape_in(part: Part) -> tuple[int, ...] | None:
    """The shape of an array; None where it is none, or not known."""
    return part.fact.shape if part.fact is not None and part.fact.kind == "array" else None


def has_shape(part: Part, shape: Sequence[int] | None) -> bool:
    """Whether a part may have that shape: nothing that is known of it says otherwise."""
    known = shape_in(part)
    return shape is not None and (known is None or known == tuple(shape))


def where_they_differ(one: Sequence[int], other: Sequence[int], *, is_place: bool = False) -> str:
    """The first place, counted from the last axis as NumPy does, in which two shapes do not fit; "" where they do.

    is_place: the first is that of a place that is written to, which does not stretch.
    """
    for number, (a, b) in enumerate(zip(reversed(one), reversed(other), strict=False)):
        if b not in {a, 1} and (a != 1 or is_place):
            which = _FROM_THE_LAST[number] if number < len(_FROM_THE_LAST) else f"axis -{number + 1}"
            name = f"the {which} axis" if number < len(_FROM_THE_LAST) else which
            return f"NumPy pairs axes from the last one on, and {name} has {a} here and {b} there."
    return ""


def arguments_of(scene: Scene) -> list[Part]:
    """What a call is given by position."""
    return [part for part in scene.parts if part.role == "argument"]


def is_call_of(scene: Scene, *names: str) -> bool:
    """Whether a function of one of these names, or a method, is called."""
    return scene.action == "call" and scene.part("function").text.rpartition(".")[2] in names


def called_array(scene: Scene) -> Part:
    """The array that a method was called of, or that a function of NumPy was given first."""
    holder, arguments = scene.part("holder"), arguments_of(scene)
    if holder.fact is not None and holder.fact.kind != "module":
        return holder
    if holder.fact is not None and arguments:
        return arguments[0]
    return Part("holder", "")


def sides(scene: Scene) -> tuple[Part, Part]:
    """What is on the left and on the right, of an operator or of a function with two arguments."""
    if scene.action in {"operate", "compare"}:
        return scene.part("left"), scene.part("right")
    arguments = arguments_of(scene)
    if scene.action == "call" and is_kind(scene.part("holder"), "array") and len(arguments) == 1:
        return scene.part("holder"), arguments[0]
    if scene.action == "call" and len(arguments) == 2:  # noqa: PLR2004 - a left and a right one
        return arguments[0], arguments[1]
    return Part("left", ""), Part("right", "")


def have(left: Part, one: tuple[int, ...], right: Part, other: tuple[int, ...]) -> str:
    """Both sides with their shapes."""
    return f"{side(left, one, 'the left side')}, and {side(right, other, 'the right side')}"


def side(part: Part, shape: tuple[int, ...], otherwise: str) -> str:
    """One side with its shape."""
    name = subject(part, otherwise)
    return f"{name} is a single number" if shape == () else f"{name} has shape {shape_of(shape)}"


def sentence(text: str) -> str:
    """The text with a capital at its start."""
    return text[:1].upper() + text[1:]
