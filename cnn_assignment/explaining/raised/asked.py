"""Exceptions of the test's own hand: it looked into what the student's code gave, and what it needs is not there."""

from __future__ import annotations

from cnn_assignment.explaining.raised.words import Raised, Told, kind_of, listed, quote
from cnn_assignment.sandbox.client.seen import Fact

_NONE = "A function without `return` gives None."


def explain_asked(raised: Raised) -> Told | None:
    """What came in place of what was asked for; None where that is not certain."""
    asked = raised.asked
    if asked is None or asked.holder is None:
        return None
    match asked.kind, raised.type_name:
        case "item", "KeyError" | "TypeError" | "IndexError":
            if asked.holder.kind == "object" and not raised.message.endswith("is not subscriptable"):
                return None
            return _item(asked.method, asked.word, asked.holder)
        case "collect" | "settle", "TypeError" if "is not iterable" in raised.message:
            return _given(asked.method, asked.holder, "items for a loop are due")
        case "get", "AttributeError":
            return _attribute(asked.word, asked.holder)
    return None


def _item(method: str, key: str, holder: Fact) -> Told | None:
    if not method or not key:
        return None
    if holder.kind != "dict":
        return _given(method, holder, f"a dict with the key {quote(key)} is due")
    if holder.number == 0:
        return Told(f"{quote(method)} returned a dict without keys, and {quote(key)} is due in it.")
    if holder.number != len(holder.names) or key in holder.names:
        return None
    keys = f"the key{'' if holder.number == 1 else 's'} {listed(holder.names)}"
    return Told(f"{quote(method)} returned a dict with {keys}, and {quote(key)} is due in it.")


def _given(method: str, holder: Fact, due: str) -> Told | None:
    kind = kind_of(holder)
    if not method or not kind or holder.kind == "dict":
        return None
    return Told(f"{quote(method)} returned {kind}, and {due}.", _NONE if holder.kind == "none" else "")


def _attribute(name: str, holder: Fact) -> Told | None:
    if holder.kind != "object" or not holder.names or name in holder.names:
        return None
    return Told(f"The test asks the object for {quote(name)}; it has {listed(holder.names[:6])}.")
