"""From a submitted file to the code of its layers: nothing is run, and nothing but text leaves this module.

Both a notebook and a module become chunks of source, one a cell or one a file, with the statements to keep.
"""

from __future__ import annotations

import ast
import io
import json
import tokenize
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnn_assignment.errors import UnreadableSubmissionError
from cnn_assignment.grading.lifting import Statement, analyse, select
from cnn_assignment.model import Assignment

FILE_CAP = 128 * 1024 * 1024
SOURCE_CAP = 2 * 1024 * 1024
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
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
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


def _read_cells(raw: bytes, name: str) -> list[tuple[str, str, ast.Module | SyntaxError]]:
    """Label, text and tree of every code cell; a cell that is not Python comes with its error."""
    cells = _load_notebook(raw, name)
    chunks: list[tuple[str, str, ast.Module | SyntaxError]] = []
    for number, cell in enumerate(cells, 1):
        if cell.get("cell_type") != "code":
            continue
        source = cell.get("source", "")
        source = "".join(source) if isinstance(source, list) else str(source)
        label = f"cell {number}"
        chunks.append((label, *_parse_cell(source, label)))
    if not chunks:
        raise UnreadableSubmissionError(f"{name} has no code cells", remedy="Submit the notebook with your work in it.")
    return chunks


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


def _parse_cell(source: str, label: str) -> tuple[str, ast.Module | SyntaxError]:
    try:
        return source, parse(source, label)
    except SyntaxError as error:
        first = error
    # Magics and shell lines become plain calls, which no layer needs.
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        plain = TransformerManager().transform_cell(source)
        return plain, parse(plain, label)
    except (SyntaxError, RecursionError):
        return source, first


def _lift(parts: list[tuple[str, str, ast.Module | SyntaxError]], assignment: Assignment) -> LiftedCode:
    notes: list[str] = []
    statements: list[Statement] = []
    for number, (label, _, tree) in enumerate(parts):
        if isinstance(tree, SyntaxError):
            notes.append(f"{label} is left out, because it is not valid Python: {_place(tree)}.")
        else:
            statements += _analyse_or_note(tree, number, label, notes)
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


def _analyse_or_note(tree: ast.Module, number: int, label: str, notes: list[str]) -> list[Statement]:
    try:
        return analyse(tree, number)
    except (RecursionError, MemoryError, SyntaxError, ValueError):
        notes.append(f"{label} is left out, because its code is nested too deeply to be read.")
        return []


def _place(error: SyntaxError) -> str:
    line = f" (line {error.lineno})" if error.lineno else ""
    return f"{error.msg}{line}"


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:120] if lines else type(error).__name__
