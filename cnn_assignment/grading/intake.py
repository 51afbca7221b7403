"""From a submitted file to the code of its layers: nothing is run, and nothing but text leaves this module.

Both a notebook and a module become chunks of source, one a cell or one a file, with the statements to keep.
"""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnn_assignment.errors import UnreadableSubmissionError
from cnn_assignment.grading.lifting import Statement, analyse, select
from cnn_assignment.model import Assignment

FILE_CAP = 128 * 1024 * 1024
SOURCE_CAP = 2 * 1024 * 1024
# Characters that IPython may read, all together, to replace the magics of one notebook: seconds, not minutes.
MAGIC_EFFORT = 8 * 1024 * 1024

_TRANSPARENT = re.compile(r"\A(?P<before>\s*)%%(?=(time|capture)\b)")
# Label, text, and tree or error of a file or a cell.
_Part = tuple[str, str, ast.Module | SyntaxError]
_CURRENT_FORMAT = 4
_DOWNLOAD = "Download it from Jupyter as .ipynb and submit that."


@dataclass(frozen=True, slots=True)
class Chunk:
    """A file or a cell: the label that errors name, its text, and which statements run (None for all)."""

    label: str
    source: str
    keep: list[list[object]] | None = None

    def to_json(self) -> list[object]:
        """The chunk as the worker takes it."""
        return [self.label, self.source, self.keep]


@dataclass(frozen=True, slots=True)
class LiftedCode:
    """What was lifted from a submission, and notes for the student on what was left out."""

    chunks: tuple[Chunk, ...]
    notes: tuple[str, ...]


def lift_file(path: Path, assignment: Assignment) -> LiftedCode:
    """Lift the layers' code from a notebook or a module.

    Raises UnreadableSubmissionError, with the reason in words for the student, where there is nothing to lift.
    """
    if path.stat().st_size > FILE_CAP:
        raise UnreadableSubmissionError(
            f"{path.name} is larger than {FILE_CAP // 2**20} MiB",
            remedy="Clear its outputs and submit it again.",
        )
    raw = path.read_bytes()
    if path.suffix == ".ipynb":
        return _lift(_read_cells(raw, path.name), assignment)
    source = decode_module(raw, path.name)
    try:
        tree = parse(source, path.name)
    except SyntaxError as error:
        raise UnreadableSubmissionError(
            f"{path.name} is not valid Python: {_place(error)}",
            remedy="Run it once before submitting; nothing of it can be graded until it parses.",
        ) from error
    return _lift([(path.name, source, tree)], assignment)


def decode_module(raw: bytes, name: str) -> str:
    """The text of a module in UTF-8, or the encoding that it declares, with any line endings."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
        return io.TextIOWrapper(io.BytesIO(raw), encoding=encoding, newline=None).read()
    except (SyntaxError, UnicodeError, LookupError) as error:
        raise UnreadableSubmissionError(
            f"{name} is not text in UTF-8 or in the encoding that it declares",
            remedy="Save it as UTF-8 and submit it again.",
        ) from error


def parse(source: str, label: str) -> ast.Module:
    """The syntax tree. Raises SyntaxError for anything that Python would not compile, however it says so."""
    if len(source) > SOURCE_CAP:
        raise SyntaxError(f"more than {SOURCE_CAP} characters of code")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source, label)
            # Some errors, such as a return outside of a function, show only here.
            compile(source, label, "exec", dont_inherit=True)
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        raise SyntaxError(str(error) or "nested too deeply") from error
    return tree


def _read_cells(raw: bytes, name: str) -> list[_Part]:
    """Label, text and tree of every code cell; a cell that is not Python comes with its error."""
    sources = [
        (f"cell {number}", _source_of(cell))
        for number, cell in enumerate(_load_notebook(raw, name), 1)
        if cell.get("cell_type") == "code"
    ]
    if not sources:
        raise UnreadableSubmissionError(f"{name} has no code cells", remedy="Submit the notebook with your work in it.")
    if sum(len(source) for _, source in sources) > SOURCE_CAP:
        raise UnreadableSubmissionError(
            f"{name} holds more than {SOURCE_CAP} characters of code",
            remedy="Take out what does not belong to the task.",
        )
    reader = _CellReader()
    return [(label, *reader.read(source, label)) for label, source in sources]


def _source_of(cell: dict[str, Any]) -> str:
    source = cell.get("source", "")
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


def _load_notebook(raw: bytes, name: str) -> list[dict[str, Any]]:
    """The cells of a notebook of any format version."""
    try:
        notebook = json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        fact = f"{name} is not text in UTF-8"
        raise UnreadableSubmissionError(fact, remedy="Download it again and submit that.") from error
    except (ValueError, RecursionError) as error:
        fact = f"{name} is not a notebook: it is not JSON"
        raise UnreadableSubmissionError(fact, remedy=_DOWNLOAD) from error
    if not isinstance(notebook, dict) or "nbformat" not in notebook:
        raise UnreadableSubmissionError(f"{name} is JSON, but not a notebook", remedy=_DOWNLOAD)
    if notebook["nbformat"] != _CURRENT_FORMAT:
        notebook = _convert(notebook, name)
    cells = notebook.get("cells")
    return [cell for cell in cells if isinstance(cell, dict)] if isinstance(cells, list) else []


def _convert(notebook: dict[str, Any], name: str) -> dict[str, Any]:
    # Importing nbformat takes longer than grading ten notebooks, so those of today's format are read without it.
    import nbformat

    try:
        converted: dict[str, Any] = nbformat.convert(nbformat.from_dict(notebook), _CURRENT_FORMAT)
    except Exception as error:
        # nbformat raises a dozen types on what is not a notebook; all of them mean this.
        fact = f"{name} is not a notebook: {_first_line(error)}"
        raise UnreadableSubmissionError(fact, remedy=_DOWNLOAD) from error
    return converted


class _CellReader:
    """Parses the cells of one notebook; magics and shell lines become plain calls, which no layer needs."""

    def __init__(self) -> None:
        self._effort_left = MAGIC_EFFORT

    def read(self, source: str, label: str) -> tuple[str, ast.Module | SyntaxError]:
        """The text that was parsed, line for line that of the cell, and its tree or its error."""
        # These run their cell as it is. Every other cell magic makes something else of it.
        source = _TRANSPARENT.sub(r"\g<before>#", source)
        try:
            return source, parse(source, label)
        except SyntaxError as error:
            first = error
        try:
            plain = self._transform(source)
            return plain, parse(plain, label)
        except SyntaxError:
            return source, first

    def _transform(self, source: str) -> str:
        from IPython.core.inputtransformer2 import TransformerManager

        # IPython reads the whole cell again after each magic that it replaces.
        self._effort_left -= len(source) * (1 + sum(map(source.count, "%!?")))
        if self._effort_left < 0:
            raise SyntaxError("too many magics")
        lines = source.splitlines(keepends=True)
        blank = next((number for number, line in enumerate(lines) if line.strip()), len(lines))
        try:
            # IPython drops the blank lines at the top, by which all line numbers would be off.
            return "\n" * blank + TransformerManager().transform_cell("".join(lines[blank:]))
        except Exception as error:
            # It was made for what people type, and raises what it likes on anything else.
            raise SyntaxError("not a cell that IPython reads") from error


def _lift(parts: Sequence[_Part], assignment: Assignment) -> LiftedCode:
    notes: list[str] = []
    statements: list[Statement] = []
    for number, (label, _, tree) in enumerate(parts):
        if isinstance(tree, SyntaxError):
            notes.append(f"{label} is left out, because it is not valid Python: {_place(tree)}.")
        else:
            statements += analyse(tree, number)
    selection = select(statements, assignment.classes)
    if len(selection.missing) == len(assignment.classes):
        reason = " ".join(notes)
        raise UnreadableSubmissionError(
            f"none of the classes {', '.join(assignment.classes)} is defined",
            remedy=reason or "Submit the file that you were given, with your work in it.",
        )
    notes += [f"{name} is not defined." for name in selection.missing]
    chunks = tuple(
        Chunk(label, source, selection.keep[number])
        for number, (label, source, _) in enumerate(parts)
        if number in selection.keep
    )
    return LiftedCode(chunks, tuple(notes))


def _place(error: SyntaxError) -> str:
    line = f" (line {error.lineno})" if error.lineno else ""
    return f"{error.msg}{line}"


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:120] if lines else type(error).__name__
