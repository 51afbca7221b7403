"""Exceptions that a line asks for itself, and those of numbers and loops that have run out."""

from __future__ import annotations

import re

from cnn_assignment.explaining.raised.words import Raised, Told, is_call_of, is_kind, quote, rule, subject


def _exit(_: re.Match[str], raised: Raised) -> Told | None:
    name = raised.scene.part("function").text
    what = quote(f"{name}()") if raised.scene.action == "call" and name else "This line"
    return Told(
        f"{what} asks to end the whole program.", "A method ends with `return`, and tells of an error with `raise`."
    )


def _recursion(_: re.Match[str], raised: Raised) -> Told | None:
    if raised.scene.action != "recursion" or not raised.scene.word:
        return None
    return Told(
        f"{quote(raised.scene.word.rpartition('<locals>.')[2])} was called again before it had come to an end, more often "
        "than Python allows.",
        "Look at how deep these calls go, and at whether they end.",
    )


def _assertion(_: re.Match[str], raised: Raised) -> Told | None:
    part = raised.scene.part("value")
    if raised.scene.action != "assert" or not part.text:
        return None
    return Told(f"An `assert` of your own was not met: {quote(part.text)}.")


def _not_implemented(_: re.Match[str], raised: Raised) -> Told | None:
    if raised.scene.action != "raise":
        return None
    return Told("The line `raise NotImplementedError` still stands there, and ends the method.")


def _next(_: re.Match[str], raised: Raised) -> Told | None:
    if not is_call_of(raised.scene, "next") or raised.scene.part("function").text != "next":
        return None
    return Told("`next` was called once more than there were items.")


def _stop_in_generator(_: re.Match[str], raised: Raised) -> Told | None:
    if raised.scene.action == "raise":
        return Told("A generator ends with `return`, or at its end, and not with `raise StopIteration`.")
    return _next(_, raised) or Told(
        "Within a generator `StopIteration` was raised, as `next` does where nothing is left.",
        "Look at how often each `next` is called, and for how many items.",
    )


def _division(_: re.Match[str], raised: Raised) -> Told | None:
    part = raised.scene.part("right")
    if raised.scene.action != "operate" or not part.text or part.text == "0":
        return None
    if part.fact is not None and part.fact.number not in {0, None}:
        return None
    return Told(f"{quote(part.text)} is 0 here.")


def _zip(found: re.Match[str], raised: Raised) -> Told | None:
    del raised
    return Told(
        f"`zip` with `strict=True` needs the same number of items everywhere: argument {found[1]} has {'fewer' if found[2] == 'shorter' else 'more'} than those before it."
    )


def _too_large(_: re.Match[str], raised: Raised) -> Told | None:
    name = raised.scene.part("function").text
    if raised.scene.action != "call" or not name:
        return None
    return Told(f"What {quote(name)} would give is too large for a float.")


def _domain(_: re.Match[str], raised: Raised) -> Told | None:
    name = raised.scene.part("function").text
    if raised.scene.action != "call" or not name.startswith("math."):
        return None
    return Told(f"{quote(name)} has no real value for the number that it is given here.")


def _dict_changed(_: re.Match[str], raised: Raised) -> Told | None:
    if raised.scene.action != "iterate":
        return None
    part = raised.scene.part("value")
    return Told(f"The loop goes over {subject(part, 'a dict')}, and adds or removes keys of it meanwhile.")


def _refused(found: re.Match[str], raised: Raised) -> Told | None:
    """A right method stood in, and could not work with what the student's code gave it."""
    given = [part for part in raised.scene.parts if part.role == "argument" and part.fact is not None and part.text]
    if raised.scene.action != "call" or raised.scene.through != "stand_in":
        return None
    name = quote(found[1])
    shapes = [part for part in given if is_kind(part, "array") and part.fact is not None]
    with_shape = ""
    if len(shapes) == 1 and shapes[0].fact is not None:
        with_shape = f": {quote(shapes[0].text)} is an array of shape ({', '.join(map(str, shapes[0].fact.shape))})"
    return Told(
        f"A right {name} stood in for your own here, and raised an error for what this line gives it{with_shape}."
    )


def _no_file(_: re.Match[str], raised: Raised) -> Told | None:
    if not is_call_of(raised.scene, "open", "load", "loadtxt", "genfromtxt"):
        return None
    return Told("Where your code is graded, it has no files beside it.")


RULES = (
    rule("SystemExit", r".*", _exit),
    rule("RecursionError", r".*", _recursion),
    rule("AssertionError", r".*", _assertion),
    rule("NotImplementedError", r".*", _not_implemented),
    rule("StopIteration", r"", _next),
    rule("RuntimeError", r"generator raised StopIteration", _stop_in_generator),
    rule("ZeroDivisionError", r".*", _division),
    rule("ValueError", r"zip\(\) argument (\d{1,2}) is (shorter|longer) than arguments? .*", _zip),
    rule("OverflowError", r"math range error", _too_large),
    rule("ValueError", r"math domain error", _domain),
    rule("RuntimeError", r"dictionary changed size during iteration", _dict_changed),
    rule("ValueError", r"([\w.]{1,80}) cannot work with these arguments", _refused),
    rule("FileNotFoundError", r".*", _no_file),
)

# Whoever raises an exception in an own line says what was meant; only these are explained then.
OF_OWN = frozenset({"AssertionError", "NotImplementedError", "SystemExit", "RuntimeError"})
