"""Exceptions of calls: too few values, too many, or under names that are not there."""

from __future__ import annotations

import re

from cnn_assignment.explaining.raised.words import (
    Raised,
    Told,
    arguments_of,
    is_kind,
    kind_of,
    listed,
    plural,
    quote,
    rule,
)
from cnn_assignment.sandbox.client.seen import Fact

_MOST_SHOWN = 3
"""Arguments of one call."""
_BY_POSITION = frozenset({"function", "holder", "argument", "item"})
_NAME = r"([\w.<>]{1,80})\(\)"


def _takes(name: str, raised: Raised) -> tuple[Fact, int] | None:
    """The function of that name that was called, and how many values it was given by position; None where unknown.

    The count is -1 where only the function is known.
    """
    if raised.asked is not None:
        fact, count = raised.asked.holder, raised.asked.count
    else:
        fact = raised.scene.part("function").fact
        is_plain = not any(part.text.startswith("*") for part in raised.scene.parts)
        count = len(arguments_of(raised.scene)) if raised.scene.action == "call" and is_plain else None
    if fact is None or fact.kind != "function" or fact.name.rpartition(".")[2] != name.rpartition(".")[2]:
        return None
    return fact, -1 if count is None else count


def _who(raised: Raised) -> str:
    return "the test" if raised.asked is not None else "this line"


def _count(found: re.Match[str], raised: Raised) -> Told | None:
    known = _takes(found[1], raised)
    if known is None or known[1] < 0:
        return None
    fact, count = known
    given, name = int(found[2]), fact.name.rpartition(".")[2]
    is_bound = given == count + 1
    if given not in {count, count + 1}:
        return None
    if is_bound and "self" not in fact.names[:1]:
        parameters = f"has {listed(fact.names)}" if fact.names else "has none"
        return Told(
            f"A method is handed its object first, before the {plural(count, 'value')} of the call.",
            f"The parameter for it is called `self` by custom: {quote(name)} {parameters}.",
        )
    if not fact.names:
        return None
    own = fact.names[1:] if is_bound else fact.names
    takes = f"takes {listed(own)}" if own else "takes nothing"
    beside = " beside `self`" if is_bound else ""
    return Told(f"{quote(name)} {takes}{beside}, and {_who(raised)} gives it {plural(count, 'value')}.")


def _missing(found: re.Match[str], raised: Raised) -> Told | None:
    known = _takes(found[1], raised)
    if known is None or known[1] < 0 or not known[0].names:
        return None
    fact, count = known
    name = fact.name.rpartition(".")[2]
    if fact.names[0] == "self" and re.search(r"'self'", found[2]):
        return Told(
            f"{quote(name)} is called on the class here, without an object.", "`self` is the object before the point."
        )
    own = fact.names[1:] if fact.names[0] == "self" else fact.names
    return (
        Told(f"{quote(name)} takes {listed(own)}, and {_who(raised)} gives it {plural(count, 'value')} by position.")
        if own
        else None
    )


def _keyword(found: re.Match[str], raised: Raised) -> Told | None:
    known = _takes(found[1], raised)
    if known is None or not known[0].names or found[2] in known[0].names:
        return None
    fact = known[0]
    own = fact.names[1:] if fact.names[0] == "self" else fact.names
    if not own:
        return None
    return Told(f"{quote(fact.name.rpartition('.')[2])} has no parameter {quote(found[2])}; it has {listed(own)}.")


def explain_inside(raised: Raised) -> Told | None:
    """What raised is a function that is not the student's own, about which nothing is known: what it was given."""
    scene = raised.scene
    function = scene.part("function").text
    if scene.action != "call" or not scene.through or function.rpartition(".")[2] != scene.through:
        return None
    given = arguments_of(scene)
    # What is left out of the list might be what it is about.
    if not 0 < len(given) <= _MOST_SHOWN or any(part.fact is None or not part.text for part in given):
        return None
    if not any(is_kind(part, "array") for part in given) or any(part.role not in _BY_POSITION for part in scene.parts):
        return None
    shown = "; ".join(f"{quote(part.text)}, {kind_of(part.fact)}" for part in given)
    return Told(f"{quote(function)} raised it, called here with {shown}.")


RULES = (
    rule(
        "TypeError",
        rf"{_NAME} takes (?:from \d+ to )?\d{{1,3}} positional arguments? but (\d{{1,3}}) (?:was|were) given.*",
        _count,
    ),
    rule("TypeError", rf"{_NAME} missing \d{{1,3}} required positional arguments?: (.{{1,300}})", _missing),
    rule("TypeError", rf"{_NAME} got an unexpected keyword argument '(\w{{1,60}})'.*", _keyword),
)
