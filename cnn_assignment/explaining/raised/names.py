"""Exceptions of names that are not there: variables, modules, and words of interactive sessions."""

from __future__ import annotations

import re

from cnn_assignment.explaining.raised.words import Raised, Told, quote, rule

_INTERACTIVE = frozenset({"exit", "quit"})
_SESSION = frozenset({"display", "get_ipython"})
_NUMPY = frozenset({"np", "numpy"})


def _name(found: re.Match[str], raised: Raised) -> Told | None:
    scene, name = raised.scene, found[1]
    if scene.action != "name" or scene.word != name:
        return None
    own = scene.where.rpartition(".")[2]
    if name in _INTERACTIVE:
        return Told(
            f"{quote(f'{name}()')} ends an interactive session, and there is none when your code is graded.",
            "A method ends with `return`.",
        )
    if name in _SESSION:
        return Told(f"{quote(name)} is there in notebooks only, and not where your code is graded.")
    if scene.lost is not None:
        label, line = scene.lost
        return Told(f"{quote(name)} is what the statement at {label}, line {line}, would define, and that one failed.")
    if scene.of_self:
        return Told(f"There is no variable {quote(name)}, but {quote(f'self.{name}')} is there.")
    if scene.names:
        return Told(f"There is no {quote(name)}, but {quote(scene.names[0])} is there.", "Compare the two spellings.")
    if name in _NUMPY:
        return Told(f"No statement of your code that was run imports NumPy as {quote(name)}.")
    if scene.elsewhere and own.isidentifier():
        other = scene.elsewhere[0]
        return Told(
            f"{quote(name)} is a variable of {quote(other)} and not of {quote(own)}: each function has variables of its own."
        )
    return None


def _not_yet(found: re.Match[str], raised: Raised) -> Told | None:
    """A local variable that has no value yet."""
    scene, name = raised.scene, found[1]
    if not scene.lines or scene.action not in {"name", "other"} or scene.word != name:
        return None
    own = "A name that a function assigns to belongs to that function, in all of its lines."
    if scene.lines == (raised.line,):
        return Told(
            f"Line {raised.line} gives {quote(name)} its first value in this function, and needs one already.",
            own,
        )
    numbers = [str(line) for line in scene.lines]
    lines = f"line {numbers[0]}" if len(numbers) == 1 else f"lines {', '.join(numbers[:-1])} and {numbers[-1]}"
    had = "which had not been run here" if len(numbers) == 1 else "none of which had been run here"
    return Told(f"In this function {quote(name)} gets its value in {lines}, {had}.")


def _module(_: re.Match[str], raised: Raised) -> Told | None:
    if raised.scene.action == "raise":
        return None
    return Told(
        "Your code is graded with NumPy, Python's standard library and what came with the assignment, and no more."
    )


RULES = (
    rule("NameError", r"name '(\w{1,60})' is not defined.*", _name),
    rule(
        "UnboundLocalError",
        r"cannot access local variable '(\w{1,60})' where it is not associated with a value",
        _not_yet,
    ),
    rule("ModuleNotFoundError", r"\w{1,60} is not available when this assignment is graded", _module),
)
