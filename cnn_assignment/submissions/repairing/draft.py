"""The text that mending writes: lines that stay, functions that are replaced, and a damage for each loss."""

from __future__ import annotations

from collections.abc import Iterator

from cnn_assignment.submissions.repairing.damage import Damage
from cnn_assignment.submissions.repairing.patterns import (
    DEFINITION,
    FUNCTION,
    IMPORT,
    METHOD_LIKE,
    NUMPY,
    is_constant,
)
from cnn_assignment.submissions.repairing.pieces import Piece, PieceParser


class Draft:
    """What becomes of one text.

    out: as many lines as the text has, blank until something is written there. damages: what was lost, in the order in
    which it was found. wholes: how many definitions were kept.
    """

    def __init__(self, parser: PieceParser) -> None:
        self._parser = parser
        self._lines = parser.lines
        self.out = [""] * len(parser.lines)
        self.damages: list[Damage] = []
        self.wholes = 0
        # The line behind the last piece that was left out.
        self._left_out = -1

    def keep(self, start: int, stop: int) -> None:
        """Keep lines as they are."""
        lines = self._lines.between(start, stop)
        self.out[start:stop] = lines
        self.wholes += sum(bool(DEFINITION.match(line)) for line in lines)

    def leave_out(self, piece: Piece) -> None:
        """Leave out a statement; an import may be read without the part of it that is damaged."""
        line = self._lines[piece.start].strip()
        if line.startswith(("%", "!", "```", "~~~")):
            return
        candidates = _imports_in(line) if IMPORT.match(line) or NUMPY.search(line) else ()
        self.out[piece.start] = next((text for text in candidates if self._parser.error_in(text, 0) is None), "")
        for number in range(piece.start + 1, piece.stop):
            # A bracket that is missing reaches no further than to the next constant.
            line = self._lines[number].rstrip()
            if self._lines.column(number) == 0 and not line.endswith(",") and is_constant(line):
                self.out[number] = line
        # Of a page of prose the first line is told.
        if piece.start != self._left_out or self.out[piece.start]:
            self.tell(piece.error, piece, instead=self.out[piece.start])
        self._left_out = piece.stop

    def tell(
        self, error: SyntaxError | None, piece: Piece, name: str = "", *, is_head: bool = False, instead: str = ""
    ) -> Damage:
        """Note a damage of a piece; its line is the one of the error, within the piece."""
        line = piece.start + 1 if error is None or error.lineno is None else error.lineno
        line = min(max(line, piece.start + 1), piece.stop)
        why = error.msg if error is not None else "invalid syntax"
        self.damages.append(Damage(line, why, name, is_head, instead))
        return self.damages[-1]

    def replace(self, piece: Piece, owner: str = "", prefix: str = "") -> None:
        """Put a function in the place of a damaged one, which tells the damage, with its line, when it is called.

        owner, prefix: of a method its class, and the white space before each part of the class.
        """
        header = self._lines.skip_decorators(piece.start, piece.stop)
        found = FUNCTION.match(self._lines[header]) or METHOD_LIKE.match(self._lines[header])
        if found is None:
            self.leave_out(piece)
            return
        name = found["name"]
        damage = self.tell(piece.error, piece, f"{owner}.{name}" if owner else name)
        says = f"raise SyntaxError({f'{name} could not be read: {damage.why}'!r})"
        for number, texts in self._stubs(piece, header, damage.line - 1, prefix, name, says):
            text = "\n".join([f"class _:\n{prefix}pass" if prefix else "", *texts])
            if self._parser.error_in(text, 0) is None:
                self.out[number : number + len(texts)] = texts
                return

    def _stubs(
        self, piece: Piece, header: int, line: int, prefix: str, name: str, says: str
    ) -> Iterator[tuple[int, list[str]]]:
        """Where and how a function may be replaced, the best first: with its own decorators and parameters.

        header, line: the lines of its ``def`` and of the damage. says: the statement that tells the damage.
        """
        stop = self._lines.header_stop(header, piece.stop)
        decorators, head = self._lines.between(piece.start, header), self._lines.between(header, stop)
        blanks = [""] * (max(line, header) - header)
        text = f"{prefix}{self._lines[header].strip()}"
        if line >= stop:
            body = f"{prefix}    {says}"
            yield piece.start, [*decorators, *head, *[""] * (line - stop), body]
            yield header, [*head, *[""] * (line - stop), body]
        for one in (f"{text} {says}", f"{text}: {says}", f"{text}): {says}"):
            yield piece.start, [*decorators, *blanks, one]
        own = "self, " if prefix and "staticmethod" not in "".join(decorators) else ""
        one = f"{prefix}def {name}({own}*args, **named): {says}"
        yield piece.start, [*decorators, *blanks, one]
        yield max(line, header), [one]


def _imports_in(line: str) -> Iterator[str]:
    """The imports that a damaged line may have been meant as, the best first."""
    words = line.split()
    if NUMPY.search(line) and "as" in words and "from" not in words:
        yield "import numpy as np"
    yield f"{line})"
    for count in range(len(words), 1, -1):
        yield " ".join(words[:count]).rstrip("()[]{}:;,.'\"`")
    if NUMPY.search(line):
        yield "import numpy as np"
