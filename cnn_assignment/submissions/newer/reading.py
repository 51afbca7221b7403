"""Syntax that a newer Python reads than the one that grades: written as that one reads it, or told by its name.

A student who works with a newer Python hands in right code. Where the meaning of its newer syntax is certain, the code
is graded in full; where that syntax has no older form, the student is told why, and loses that place only. Code that no
Python reads is not told as newer: with the newer syntax taken away, the rest has to be right.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from cnn_assignment.submissions.newer.statements import Statements
from cnn_assignment.submissions.newer.strings import Strings
from cnn_assignment.submissions.newer.tokens import tokens_of
from cnn_assignment.submissions.newer.types import Parameters, without_parameters
from cnn_assignment.submissions.python.found import THIS, Newer, NewerSyntaxError, Version
from cnn_assignment.submissions.python.parsing import parse

# Characters of one text, and of all that are read for one purpose: it takes a third of a second. More places than that in
# one text are no homework.
_SIZE_CAP, EFFORT = 64 * 1024, 64 * 1024
_MOST_FOUND = 500
# Where none of these stands, nothing is newer.
_SIGNS = re.compile(
    r"[fFtT][rR]?[\"']|\b(?:def|class)[ \t]+\w+[ \t]*\[|\btype[ \t]+\w+[^\n]*=|\bexcept\b[^\n:]*,", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Reading:
    """A text for the Python that grades; all have the same lines.

    text: as it can be run. trial: with an older form of what has none, too; it tells only whether the rest is right.
    found: what is newer. parameters: see `without_parameters`.
    """

    text: str
    trial: str
    found: tuple[Newer, ...]
    parameters: Parameters = field(default_factory=dict)

    def explain(self, is_right: Callable[[str], bool], start: int = 0, stop: int | None = None) -> SyntaxError | None:
        """The error that names the syntax without an older form in the lines from start to stop, counted from 0.

        None where the lines have no such syntax, or another fault besides.

        is_right: whether Python reads the text in which that syntax has a form on trial.
        """
        unread = (newer for newer in self.found if not newer.is_rewritten and start < newer.line)
        found = next((newer for newer in unread if stop is None or newer.line <= stop), None)
        if found is None or not is_right("\n".join(self.trial.split("\n")[start:stop])):
            return None
        return NewerSyntaxError(found.why, (None, found.line, None, None))

    def settle(self, code: str) -> str:
        """Code without the names that no bracket defines any more, so that it also runs. code: valid, made from the text."""
        if not self.parameters:
            return code
        settled = without_parameters(code, parse(code, "newer"), self.parameters)
        try:
            parse(settled, "newer")
        except SyntaxError:
            return code
        return settled


def read_newer(text: str, version: Version = THIS) -> Reading | None:
    """Read a text that this version of Python refuses. None where it has no newer syntax. It may be damaged in both cases."""
    if len(text) > _SIZE_CAP or not _SIGNS.search(text):
        return None
    tokens = tokens_of(text)
    strings = Strings(text, version)
    rewritten = strings.rewrite(tokens)
    statements = Statements(rewritten, version)
    code = statements.rewrite(tokens_of(rewritten))
    found = tuple(sorted((*strings.found, *statements.found), key=lambda newer: newer.line))
    if not 0 < len(found) <= _MOST_FOUND:
        return None
    trial = code
    if any(not newer.is_rewritten for newer in found):
        formats = Strings(text, version, as_formats=True).rewrite(tokens)
        others = Statements(formats, version, on_trial=True)
        trial = others.rewrite(tokens_of(formats))
    return Reading(code, trial, found, statements.parameters)


class Newest:
    """Parses what any Python reads, as far as the one that grades can run it. What that costs has an end."""

    def __init__(self) -> None:
        self._left = EFFORT

    def read(self, text: str) -> Reading | None:
        """The answer of `read_newer`; None once the characters that may be read are used up."""
        if not _SIGNS.search(text) or len(text) > self._left:
            return None
        self._left -= len(text)
        return read_newer(text)

    def parse(self, source: str, label: str) -> tuple[str, ast.Module, tuple[Newer, ...]]:
        """The text that was parsed, its tree, and what of a newer Python was rewritten in it.

        Raises SyntaxError for what no Python reads, or what has no older form.
        """
        try:
            return source, parse(source, label), ()
        except SyntaxError:
            reading = self.read(source)
            if reading is None:
                raise
            try:
                code = reading.settle(reading.text)
                return code, parse(code, label), reading.found
            except SyntaxError:
                if (why := reading.explain(lambda text: _is_right(text, label))) is not None:
                    raise why from None
            raise


def _is_right(text: str, label: str) -> bool:
    try:
        parse(text, label)
    except SyntaxError:
        return False
    return True
