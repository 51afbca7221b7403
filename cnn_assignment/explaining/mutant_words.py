"""What is told of a mutant: its kind and its place, in words that hold nothing of the answer.

The words of a kind hold for every edit of it, and names are those of the skeleton. That the values are those of such a
solution is certain; that the student's code is built so is not, and no sentence says it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class SlipKind(StrEnum):
    """What kind of slip makes a mutant."""

    OPERATOR = "operator"
    TERM = "term"
    EXCHANGED = "exchanged"
    CONDITION = "condition"
    NUMBER = "number"
    NAME = "name"
    FUNCTION = "function"
    STEP = "step"
    ARGUMENT = "argument"
    TURNS = "turns"
    INDEX = "index"
    AXES = "axes"
    UPDATE = "update"
    SIGN = "sign"
    TYPE = "type"
    TWICE = "twice"
    SEQUENCE = "sequence"
    FIXED = "fixed"
    UNUSED = "unused"
    SCALE = "scale"
    LENGTHS = "lengths"
    ORDER = "order"
    PART = "part"
    TOGETHER = "together"
    KEPT = "kept"
    IN_PLACE = "in-place"
    # Mutants of several kinds give the same.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a slip was made, in names of the skeleton.

    method: ``Class.method``, or a function. name: what is written there, such as ``cache["out"]``; "" where the skeleton
    has no name for it. verb: what the code does there, such as "is written".
    """

    method: str
    name: str = ""
    verb: str = ""


LEAD = "Your answers are those of a solution in which "
"""How every sentence on a mutant begins."""

_WORDS = {
    SlipKind.OPERATOR: "another operator stands",
    SlipKind.TERM: "a part of a calculation is missing",
    SlipKind.EXCHANGED: "two things are exchanged",
    SlipKind.CONDITION: "a condition is another one",
    SlipKind.NUMBER: "a number is another one",
    SlipKind.NAME: "another variable is read than the right one",
    SlipKind.FUNCTION: "another function is called",
    SlipKind.STEP: "a step is missing",
    SlipKind.ARGUMENT: "a call has other arguments",
    SlipKind.TURNS: "a step is done in too many or too few turns of a loop",
    SlipKind.INDEX: "an index or a slice takes other places",
    SlipKind.AXES: "a calculation goes along other axes",
    SlipKind.UPDATE: "values are stored in another way, such as added to what is there",
    SlipKind.SIGN: "signs are turned, or negative numbers are treated otherwise",
    SlipKind.TYPE: "numbers lose digits",
    SlipKind.TWICE: "a step is done twice",
    SlipKind.SEQUENCE: "two steps are done in the other order",
    SlipKind.FIXED: "a fixed number stands in the place of a variable",
    SlipKind.UNUSED: "the numbers of an array have no part in the result",
    SlipKind.SCALE: "the numbers of an array are scaled or shifted",
    SlipKind.LENGTHS: "an array has other axes",
    SlipKind.ORDER: "the numbers of an array stand in another order",
    SlipKind.PART: "only a part of an array counts",
    SlipKind.TOGETHER: "numbers along an axis are put together to one",
    SlipKind.KEPT: "something is kept from an earlier call, or shared with another object",
    SlipKind.IN_PLACE: "an array that was handed in is changed",
    SlipKind.UNKNOWN: "one thing is different",
}


def tell(kind: SlipKind, place: Place) -> str:
    """The sentence on a mutant, and where to look."""
    where = f"in `{place.method}`"
    if place.name:
        where += f", where `{place.name}` {place.verb}"
    elif place.verb:
        where += f", in what {place.verb}"
    return f"{LEAD}{_WORDS[kind]} {where}. Yours may be built otherwise: look at what has the same effect there."
