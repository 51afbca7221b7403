"""Cells as students write them: with magics and shell lines, or in the syntax of a newer Python than the one that grades."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from cnn_assignment.submissions.newer.reading import Newest, Reading
from cnn_assignment.submissions.python.found import Newer
from cnn_assignment.submissions.python.parsing import SOURCE_CAP, parse, without_litter

# Characters that IPython may read, all together, to replace the magics of one notebook: a second or so. Each try counts
# as so many, beside the cell's own.
MAGIC_EFFORT = 256 * 1024
_MAGIC_TRY = 400
# A cell without these and without an indent has no magic for IPython to replace.
_MAGIC_SIGNS = ("%", "!", "?", ">>>", "In [")
# Python's tokenizer in Python, which IPython asks, takes quadratic time for what it cannot read after blanks.
_BLANKS = re.compile(r"[ \t\f]+")
_MOST_BLANKS = 500
_TRANSPARENT = re.compile(r"\A(?P<before>\s*)%%(?=(time|capture)\b)")
_RUN = re.compile(
    r"^(?P<indent>[ \t]*)%run[ \t]+(?:-i[ \t]+)?(['\"]?)(?:\./)?(?P<module>\w+)(?:\.py)?\2[ \t]*$", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class ReadCell:
    """code: the text that was parsed, line for line that of the cell. tree: its tree or its error.

    newer: what was in it of a newer Python and is in the code as an older one reads it.
    """

    code: str
    tree: ast.Module | SyntaxError
    newer: tuple[Newer, ...] = ()


class CellReader:
    """Parses the cells of one notebook; magics and shell lines become plain calls, which no layer needs."""

    def __init__(self) -> None:
        self._effort_left = MAGIC_EFFORT
        self.newest = Newest()

    def read(self, source: str, label: str) -> ReadCell:
        """Parse a cell, or a script."""
        # These run their cell as it is. Every other cell magic makes something else of it.
        source = _TRANSPARENT.sub(r"\g<before>#", source)
        code, tree = self._read(source, label)
        if isinstance(tree, SyntaxError) and (reading := self.newest.read(source)) is not None:
            newer = self._read_newer(reading, label)
            why = None if newer else reading.explain(lambda text: isinstance(self._read(text, label)[1], ast.Module))
            return newer or ReadCell(code, why or tree)
        return ReadCell(code, tree)

    def _read_newer(self, reading: Reading, label: str) -> ReadCell | None:
        code, tree = self._read(reading.text, label)
        if isinstance(tree, SyntaxError):
            return None
        code = reading.settle(code)
        return ReadCell(code, parse(code, label), reading.found)

    def _read(self, source: str, label: str) -> tuple[str, ast.Module | SyntaxError]:
        try:
            return source, parse(source, label)
        except SyntaxError as error:
            first = error
        if len(source) > SOURCE_CAP:
            return source, first
        for text in dict.fromkeys((source, without_litter(source))):
            try:
                # A module that is run in the notebook leaves its names there.
                plain = self._transform(_RUN.sub(r"\g<indent>from \g<module> import *", text))
                if plain != source:
                    return plain, parse(plain, label)
            except SyntaxError:
                continue
        return source, first

    def _transform(self, source: str) -> str:
        if not (source[:1].isspace() or any(sign in source for sign in _MAGIC_SIGNS)):
            return source
        from IPython.core.inputtransformer2 import TransformerManager

        # IPython reads the whole cell again after each magic that it replaces.
        self._effort_left -= _MAGIC_TRY + len(source) * (1 + sum(map(source.count, "%!?")))
        if self._effort_left < 0:
            raise SyntaxError("too many magics")
        if any(len(found) > _MOST_BLANKS for found in _BLANKS.findall(source)):
            raise SyntaxError("too many blanks")
        lines = source.splitlines(keepends=True)
        blank = next((number for number, line in enumerate(lines) if line.strip()), len(lines))
        try:
            # IPython drops the blank lines at the top, by which all line numbers would be off.
            return "\n" * blank + TransformerManager().transform_cell("".join(lines[blank:]))
        except Exception as error:
            # It was made for what people type, and raises what it likes on anything else.
            raise SyntaxError("not a cell that IPython reads") from error
