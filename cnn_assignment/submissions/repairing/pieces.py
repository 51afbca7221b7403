"""Pieces of a damaged text: each is parsed on trial, and pieces that are whole only together are put together."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cnn_assignment.submissions.newer.reading import Reading
from cnn_assignment.submissions.python.parsing import parse
from cnn_assignment.submissions.repairing.effort import Effort
from cnn_assignment.submissions.repairing.lines import Lines
from cnn_assignment.submissions.repairing.patterns import QUOTES

_MOST_MERGED = 30
_WRAPPER_LINES = 2
_LINE_NUMBER = re.compile(r"\bline (\d+)")
FindError = Callable[[int, int], SyntaxError | None]
"""Finds the error in the lines from start to stop, None where they are whole."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Lines from start to stop, from 0. error: why they are not whole."""

    start: int
    stop: int
    error: SyntaxError | None


class PieceParser:
    """Parses pieces of one text. reading: the newer syntax in it. effort: what the trials take from."""

    def __init__(self, lines: Lines, effort: Effort, reading: Reading | None) -> None:
        self.lines = lines
        self._effort = effort
        self._reading = reading

    def error_in(self, text: str, before: int) -> SyntaxError | None:
        """Why a text is not whole, with line numbers of the file. before: lines of the file above the text."""
        self._effort.use(len(text))
        try:
            parse(text, "piece")
        except SyntaxError as error:
            why = _LINE_NUMBER.sub(lambda found: f"line {int(found[1]) + before}", error.msg or "invalid syntax")
            return _make_error(why, (error.lineno or 1) + before)
        return None

    def error_at_top(self, start: int, stop: int) -> SyntaxError | None:
        """Why lines are not whole as statements at the top of the module."""
        error = self.error_in("\n".join(self.lines.between(start, stop)), start)
        return self._explain(error, start, stop, "")

    def error_in_class(self, start: int, stop: int, prefix: str) -> SyntaxError | None:
        """Why lines are not whole as a part of a class. prefix: the white space before each part of the class."""
        head = f"class _:\n{prefix}pass\n"
        text = head + "\n".join(self.lines.between(start, stop))
        error = self._explain(self.error_in(text, start - _WRAPPER_LINES), start, stop, head)
        if error is None and (outside := parse(text, "piece").body[1:]):
            return _make_error("this line begins outside of the class", outside[0].lineno + start - _WRAPPER_LINES)
        return error

    def cut(self, bounds: Sequence[int], stop: int, find_error: FindError) -> list[Piece]:
        """The pieces between bounds; pieces that are whole only together are one."""
        ends = [*bounds[1:], stop][: len(bounds)]
        alone = [Piece(start, end, find_error(start, end)) for start, end in zip(bounds, ends, strict=True)]
        # Old code in quotes is text, though it may be whole; a method whose quote is missing ends at the next one.
        return self._merge(self._merge(alone, find_error, is_text=True), find_error, is_text=False)

    def _merge(self, pieces: Sequence[Piece], find_error: FindError, *, is_text: bool) -> list[Piece]:
        """Put those together that are whole only so: texts, over all that is in them; or others, over what is broken."""
        found: list[Piece] = []
        number = 0
        while number < len(pieces):
            piece, last = pieces[number], number
            is_broken = piece.error is not None and (not is_text or QUOTES.match(self.lines[piece.start]))
            for other in range(number + 1, min(len(pieces), number + _MOST_MERGED)) if is_broken else ():
                if not is_text and pieces[other].error is None:
                    break
                if find_error(piece.start, pieces[other].stop) is None:
                    piece, last = Piece(piece.start, pieces[other].stop, None), other
                    break
            found.append(piece)
            number = last + 1
        return found

    def _explain(self, error: SyntaxError | None, start: int, stop: int, head: str) -> SyntaxError | None:
        """The error, or that the lines have newer syntax and no other fault. head: the text above the lines."""
        if error is None or self._reading is None:
            return error
        return self._reading.explain(lambda text: self.error_in(head + text, 0) is None, start, stop) or error


def _make_error(why: str, line: int) -> SyntaxError:
    return SyntaxError(why, (None, line, None, None))
