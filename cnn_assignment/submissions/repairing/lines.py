"""A damaged text by its lines: where statements, classes and methods begin, as far as the lines tell it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from cnn_assignment.submissions.repairing.patterns import (
    CLASS,
    DEFINITION,
    FUNCTION,
    GOES_ON,
    KEYWORD_START,
    METHOD,
    METHOD_LIKE,
    QUOTES,
)

LONGEST_LINE = 2_000
"""Characters of a line in a text that is mended: for longer ones parso takes quadratic time."""
_LONGEST_HEADER = 30
_TAB = 4
_KEYWORD = re.compile(r"[ \t]*(?:async|class|def)\b")


class Lines:
    """The lines of one text, counted from 0.

    starts: the lines in which a statement may begin. texts: those that begin inside of a text in quotes. indent: the
    columns of the methods in the whole text.
    """

    def __init__(self, lines: Sequence[str], starts: frozenset[int], texts: frozenset[int]) -> None:
        self._lines = lines
        self._texts = texts
        self.starts = starts
        self.indent = 0
        self.indent = self.method_indent(0, len(lines))

    def __getitem__(self, number: int) -> str:
        return self._lines[number]

    def __len__(self) -> int:
        return len(self._lines)

    def between(self, start: int, stop: int) -> list[str]:
        """The lines from start to stop, the end excluded."""
        return list(self._lines[start:stop])

    def is_code(self, number: int) -> bool:
        """Whether a line is neither blank nor a comment nor inside of a text."""
        text = self._lines[number].strip()
        return bool(text) and not text.startswith("#") and number not in self._texts

    def column(self, number: int) -> int:
        """The columns before the first letter of a line."""
        line = self._lines[number].expandtabs(_TAB)
        return len(line) - len(line.lstrip())

    def skip_decorators(self, start: int, stop: int) -> int:
        """The first line that is neither a decorator nor stands between a decorator and its definition."""
        if not self._lines[start].lstrip().startswith("@"):
            return start
        below = (n for n in range(start + 1, stop) if self.is_code(n))
        return next((n for n in below if _KEYWORD.match(self._lines[n])), start)

    def without_decorated(self, bounds: Sequence[int]) -> list[int]:
        """The bounds without each definition whose decorator is the bound before it."""
        found: list[int] = []
        is_decorated = False
        for number in bounds:
            text = self._lines[number].lstrip()
            if not (is_decorated and DEFINITION.match(text)):
                found.append(number)
            is_decorated = text.startswith("@")
        return found

    def method_indent(self, start: int, stop: int) -> int:
        """The columns in which the methods between two lines begin; 0 where there is no method."""
        found = [n for n in range(start, stop) if self.is_code(n) and self.column(n)]
        for pattern in (METHOD, FUNCTION):
            columns = Counter(self.column(n) for n in found if pattern.match(self._lines[n]))
            if columns:
                most = max(columns.values())
                ties = [column for column, count in columns.items() if count == most]
                return self.indent if self.indent in ties else min(ties)
        return 0

    def header_stop(self, number: int, stop: int) -> int:
        """The line behind the header of a function, as far as its brackets tell."""
        depth = 0
        for last in range(number, min(stop, number + _LONGEST_HEADER)):
            line = self._lines[last].partition("#")[0]
            depth += sum(map(line.count, "([{")) - sum(map(line.count, ")]}"))
            if depth <= 0:
                return last + 1
        return number + 1

    def body_column(self, number: int) -> int:
        """The columns of the first line below the header that begins at a line; -1 where no line follows."""
        below = range(self.header_stop(number, len(self._lines)), len(self._lines))
        return next((self.column(n) for n in below if self.is_code(n)), -1)

    def ends_open(self, number: int) -> bool:
        """Whether the body of the definition that begins at a line has to stand below it."""
        last = self._lines[self.header_stop(number, len(self._lines)) - 1].partition("#")[0].rstrip()
        return not last or last.endswith(":") or not last.rpartition(":")[0]

    def begins_at_top(self, number: int) -> bool:
        """Whether a statement at the top of the module begins at a line."""
        if not self.is_code(number):
            return False
        line, column = self._lines[number], self.column(number)
        if column:
            # A class that lost its place: no class of a submission is nested so.
            return bool(CLASS.match(line)) and (column < self.indent or self._is_body_at_left(number, column))
        if GOES_ON.match(line):
            return False
        return number in self.starts or bool(KEYWORD_START.match(line)) or bool(QUOTES.match(line))

    def begins_method(self, number: int, indent: int, body: int) -> bool:
        """Whether a part of a class begins at a line. indent: its columns. body: those inside of the method above."""
        if not self.is_code(number):
            return False
        line, column = self._lines[number], self.column(number)
        if column <= indent and (METHOD_LIKE.match(line) or line.strip() in ("d", "de")):
            return True
        if column == indent:
            return bool(DEFINITION.match(line) or (QUOTES.match(line) and not self._texts))
        if not METHOD.match(line):
            return False
        # A method that lost its place: no function is nested so.
        return indent < column < body or self._is_body_at_left(number, column)

    def is_orphan(self, number: int) -> bool:
        """Whether a method begins at a line, in the columns of the methods or with its body there."""
        if not self.indent or not self.is_code(number) or not METHOD.match(self._lines[number]):
            return False
        column = self.column(number)
        return column == self.indent or self.body_column(number) > self.indent > column

    def _is_body_at_left(self, number: int, column: int) -> bool:
        return self.ends_open(number) and self.body_column(number) <= column
