"""From an exception of student code to a sentence for the student, in the names of the student's own code.

Rules look at the type and the message of an exception, at what was tried where it was raised, and at plain facts of what
the values there were. What is not certain is not told: a rule that cannot check a message against the facts gives nothing.
"""

from __future__ import annotations

from cnn_assignment.explaining.raised import arrays, calls, ends, indices, kinds, names, products, shapes
from cnn_assignment.explaining.raised.asked import explain_asked
from cnn_assignment.explaining.raised.words import Raised, Told, quote
from cnn_assignment.sandbox.client.protocol import CallRaised
from cnn_assignment.sandbox.client.seen import Scene

__all__ = ["explain_raised"]

_RULES = (
    *(*indices.RULES, *shapes.RULES, *products.RULES, *arrays.RULES, *kinds.RULES),
    *(*names.RULES, *calls.RULES, *ends.RULES),
)
_LONGEST = 300


def explain_raised(failure: CallRaised, remarks: tuple[str, ...] = ()) -> str:
    """At most a few sentences on why student code raised; "" where nothing is certain beyond the message itself.

    remarks: what the test did to be about its own task alone.
    """
    scene = failure.scene or Scene("other")
    raised = Raised(
        failure.type_name, failure.message, scene, failure.asked, remarks, failure.place[1] if failure.place else 0
    )
    told = _find(raised)
    place = _describe_place(scene)
    if told is None:
        return f"It was raised in {place}." if place else ""
    place = f"{place}: " if place else ""
    for words in (f"{place}{told.fact} {told.guidance}", f"{place}{told.fact}", told.fact):
        if len(words) <= _LONGEST:
            return words.strip()
    return ""


def _find(raised: Raised) -> Told | None:
    if raised.scene.action == "raise" and raised.type_name not in ends.OF_OWN:
        return None
    if raised.scene.through.startswith("<"):
        # It was raised in code that this line made and ran, by `exec` say, of which nothing is known.
        return None
    for rule in _RULES:
        if raised.type_name in rule.types:
            found = rule.pattern.fullmatch(raised.message)
            told = rule.explain(found, raised) if found else None
            if told is not None:
                return told
    return explain_asked(raised) if raised.asked is not None else calls.explain_inside(raised)


def _describe_place(scene: Scene) -> str:
    """Where the line stands, if that is another method than the one that the test called."""
    where, called = (name.partition(".<locals>")[0] for name in (scene.where, scene.called))
    return f"{quote(where)}, reached from {quote(called)}" if where and called and where != called else ""
