"""Mending a class: its head, and its methods one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from cnn_assignment.submissions.repairing.draft import Draft
from cnn_assignment.submissions.repairing.lines import LONGEST_LINE
from cnn_assignment.submissions.repairing.patterns import (
    BLOCK,
    CLASS,
    FUNCTION,
    KEYWORD_START,
    METHOD_LIKE,
    QUOTES,
    RESULT,
    is_constant,
    is_prose,
    may_be_code,
)
from cnn_assignment.submissions.repairing.pieces import Piece, PieceParser


class ClassMender:
    """Mends the classes of one text, and writes them into its draft."""

    def __init__(self, parser: PieceParser, draft: Draft) -> None:
        self._parser = parser
        self._lines = parser.lines
        self._draft = draft

    def find_last(self, pieces: Sequence[Piece], number: int) -> int:
        """The last piece that belongs to the class of this piece: a line at the left in its middle does not end it."""
        last = number
        for other in range(number + 1, len(pieces)):
            piece = pieces[other]
            first = self._lines[self._lines.skip_decorators(piece.start, piece.stop)]
            if CLASS.match(first) or (piece.error is None and FUNCTION.match(first)):
                break
            if piece.error is not None and (
                self._is_cut(piece) or any(map(self._lines.is_orphan, range(piece.start, piece.stop)))
            ):
                last = other
        return last

    def mend(self, piece: Piece) -> None:
        """Mend a class with all lines that belong to it."""
        start, stop = self._lines.skip_decorators(piece.start, piece.stop), piece.stop
        found = CLASS.match(self._lines[start])
        indent = self._lines.method_indent(start + 1, stop)
        if found is None or not indent:
            if self._parser.error_in(self._lines[start], start) is None:
                # The whole class stands in this line, and no line below belongs to it.
                self._draft.keep(start, start + 1)
                start += 1
            self._draft.leave_out(Piece(start, stop, piece.error))
            return
        bounds = self._bounds_of_methods(start + 1, stop, indent)
        starts = [self._lines[n] for n in bounds if self._lines.column(n) == indent]
        ((prefix, _),) = Counter(line[: len(line) - len(line.lstrip())] for line in starts).most_common(1)
        self._mend_head(Piece(start, bounds[0], piece.error), piece.start, found["name"], prefix)
        for method in self._cut_methods(bounds, stop, prefix):
            if method.error is None:
                self._draft.keep(method.start, method.stop)
            elif (tail := self._tail_of_prose(method, indent, prefix)) is not None:
                self._draft.keep(method.start, tail.start)
                self._draft.tell(tail.error, tail)
            else:
                self._draft.replace(method, found["name"], prefix)

    def _is_cut(self, piece: Piece) -> bool:
        """Whether a line at the left was meant to stand in a method.

        It returns something, stands close to the method above, or the lines below it are indented as they cannot be.
        """
        first = self._lines[piece.start]
        is_close = piece.start > 0 and bool(self._lines[piece.start - 1].strip())
        if RESULT.match(first) or (
            is_close and not KEYWORD_START.match(first) and not BLOCK.match(first) and not is_prose(first)
        ):
            return True
        lines = self._lines
        inside = (n for n in range(piece.start + 1, piece.stop) if lines.is_code(n) and n in lines.starts)
        below = next((column for n in inside if (column := lines.column(n))), 0)
        return below > 0 and (not BLOCK.match(first) or below > 2 * lines.indent)

    def _cut_methods(self, bounds: Sequence[int], stop: int, prefix: str) -> list[Piece]:
        """The parts of a class. A quote that opens no text there belongs to the method above it."""
        found: list[Piece] = []
        for piece in self._parser.cut(bounds, stop, lambda start, end: self._parser.error_in_class(start, end, prefix)):
            first = self._lines[piece.start]
            if found and piece.error is not None and QUOTES.match(first) and not METHOD_LIKE.match(first):
                found[-1] = Piece(found[-1].start, piece.stop, found[-1].error or piece.error)
            else:
                found.append(piece)
        return found

    def _bounds_of_methods(self, start: int, stop: int, indent: int) -> list[int]:
        bounds: list[int] = []
        body = 0
        for number in range(start, stop):
            if self._lines.begins_method(number, indent, body):
                bounds.append(number)
                is_open = self._lines.ends_open(number) and not self._lines[number].lstrip().startswith("@")
                body = self._lines.body_column(number) if is_open else LONGEST_LINE
        return self._lines.without_decorated(bounds)

    def _mend_head(self, piece: Piece, top: int, name: str, prefix: str) -> None:
        """Mend the lines of a class above its first method. top: the line of its first decorator."""
        lines, out = self._lines.between(piece.start, piece.stop), self._draft.out
        error = self._parser.error_in("\n".join([*lines, f"{prefix}pass"]), piece.start)
        if error is None and self._lines.column(piece.start) == 0:
            out[piece.start : piece.stop] = lines
            decorated = [*self._lines.between(top, piece.stop), f"{prefix}pass"]
            if self._parser.error_in("\n".join(decorated), top) is None:
                out[top : piece.start] = self._lines.between(top, piece.start)
            return
        self._draft.tell(error or piece.error, piece, name, is_head=True)
        line = lines[0].strip()
        for text in (line, f"{line}:", f"{line}):", f"class {name}:"):
            if self._parser.error_in(f"{text}\n{prefix}pass", 0) is None:
                out[piece.start] = text
                break
        if error is not None and "unterminated" in error.msg:
            return
        for number in range(piece.start + 1, piece.stop):
            line = self._lines[number]
            if line.startswith(prefix) and self._lines.is_code(number) and is_constant(line.strip()):
                out[number] = line

    def _tail_of_prose(self, piece: Piece, indent: int, prefix: str) -> Piece | None:
        """The lines of prose between a method that is whole and the next one; None where there are none."""
        lines = self._lines
        inside = range(piece.start + 1, piece.stop)
        first = next((n for n in inside if lines.is_code(n) and lines.column(n) <= indent), None)
        if first is None or not is_prose(lines[first]):
            return None
        if any(may_be_code(lines[n]) for n in range(first, piece.stop) if lines.is_code(n)):
            return None
        if self._parser.error_in_class(piece.start, first, prefix) is not None:
            return None
        return Piece(first, piece.stop, self._parser.error_in(lines[first].strip(), first))
