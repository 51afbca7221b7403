"""A submission as a notebook in order: every cell of the release that nbgrader needs, around the student's own text.

What students hand in is read with great tolerance and little trust: from a notebook only the kind and the text of
each cell and its grade_id are taken, so strange metadata, copied cells and huge outputs end here.
"""

from __future__ import annotations

import ast
import copy
import io
import json
import re
import tokenize
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnn_assignment.errors import GraderError
from cnn_assignment.gradebook.annotate import REBUILD, is_solution

if TYPE_CHECKING:
    from nbformat import NotebookNode

_SHOWN_CELLS = 2_000
_SHOWN_CHARACTERS = 200_000
_SHOWN_RAW_CHARACTERS = 20_000
_DEFINITION = re.compile(r"^(?:class|(?:async )?def)[ \t]+(\w+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _StudentCell:
    kind: str
    source: str
    grade_id: str | None


def read_release(path: Path) -> NotebookNode:
    """The release notebook, checked for what grading needs of it. Raises GraderError where it is not usable."""
    import nbformat
    from nbgrader.nbgraderformat import MetadataValidator

    place = path.as_posix()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about cell ids, which are mended below
            notebook: NotebookNode = nbformat.read(path, as_version=4)
        MetadataValidator().validate_nb(notebook)
    except FileNotFoundError as error:
        raise GraderError("no release notebook", place=place, remedy=REBUILD) from error
    except Exception as error:  # nbformat, jsonschema and nbgrader each raise errors of their own
        raise GraderError(f"not a valid nbgrader notebook: {error}", place=place, remedy=REBUILD) from error
    for number, cell in enumerate(notebook.cells):
        cell.setdefault("id", f"release-{number}")
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    notebook.nbformat, notebook.nbformat_minor = 4, 5  # the first version with cell ids
    return notebook


def read_submitted(path: Path | None) -> bytes | None:
    """The bytes of a submitted file; None where there is none.

    A link is not followed: it could show another student's work, or a hidden test, in this student's feedback.
    """
    if path is None or path.is_symlink() or not path.is_file():
        return None
    return path.read_bytes()


def put_in_order(release: NotebookNode, file: str, data: bytes | None) -> NotebookNode:
    """The student's work as a notebook that nbgrader can grade and show.

    release: as `read_release` gives it. file: the submitted file's name. data: its bytes, None where there is no file.
    Returns a notebook without outputs that has every nbgrader cell of the release exactly once, with the release's
    metadata; locked cells have the release's text. Solution cells are found by grade_id (the first one counts) or by
    the names that they define. Where no solution cell is found, the release is returned with the student's text in
    its solution cells. Equal arguments give equal notebooks.
    """
    if data is None:
        return copy.deepcopy(release)
    is_module = Path(file).suffix == ".py"
    cells = None if is_module else _student_cells(data)
    restored = _restore(release, cells) if cells else None
    if restored is not None:
        return restored
    if cells:
        text = "\n\n".join(cell.source for cell in cells if cell.kind == "code")
        return _fill_from_module(release, text)
    text = _decode(data)
    return _fill_from_module(release, text) if is_module else _show_raw(release, file, text)


def _student_cells(data: bytes) -> list[_StudentCell] | None:
    """The cells of a notebook of any format version, None where the bytes are no notebook."""
    try:
        content = json.loads(data.decode("utf-8-sig"))
        raw = content["cells"] if "cells" in content else content["worksheets"][0]["cells"]
        return [_student_cell(cell) for cell in raw[:_SHOWN_CELLS] if isinstance(cell, dict)]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None


def _student_cell(cell: dict[str, Any]) -> _StudentCell:
    source = cell.get("source", cell.get("input", ""))  # "input" is format 3's word
    if isinstance(source, list):
        source = "".join(map(str, source))
    metadata = cell.get("metadata")
    marks = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    name = marks.get("grade_id") if isinstance(marks, dict) else None
    kind = cell.get("cell_type")
    return _StudentCell(
        kind=kind if kind in ("code", "markdown", "raw") else "markdown",
        source=_storable(str(source)),
        grade_id=name if isinstance(name, str) else None,
    )


def _storable(text: str) -> str:
    text = text[:_SHOWN_CHARACTERS].replace("\r\n", "\n").replace("\r", "\n")
    return text.encode("utf-8", "replace").decode("utf-8")  # JSON can spell lone surrogates, files cannot hold them


def _decode(data: bytes) -> str:
    """The text of a file in its declared encoding, UTF-8 otherwise; never fails."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError):
        text = data.decode("utf-8-sig", "replace")
    return _storable(text)


def _nbgrader_cells(release: NotebookNode) -> dict[str, NotebookNode]:
    return {
        cell.metadata["nbgrader"]["grade_id"]: cell
        for cell in release.cells
        if "grade_id" in cell.metadata.get("nbgrader", {})
    }


def _restore(release: NotebookNode, cells: list[_StudentCell]) -> NotebookNode | None:
    """The student's cells in their order, with the release's cells in their places."""
    wanted = _nbgrader_cells(release)
    found = _match(wanted, cells)
    if not any(is_solution(wanted[name]) for name in found.values()):
        return None
    restored: list[NotebookNode] = []
    for number, cell in enumerate(cells):
        if number in found:
            original = copy.deepcopy(wanted[found[number]])
            original.source = cell.source if is_solution(original) else original.source
            restored.append(original)
        else:
            restored.append(_own_cell(cell.kind, cell.source, f"student-{number}"))
    _insert_missing(restored, wanted)
    notebook = copy.deepcopy(release)
    notebook.cells = restored
    return notebook


def _match(wanted: dict[str, NotebookNode], cells: list[_StudentCell]) -> dict[int, str]:
    """Which student's cell, by its number, stands for which nbgrader cell of the release."""
    found: dict[int, str] = {}
    for number, cell in enumerate(cells):
        if cell.grade_id in wanted and cell.grade_id not in found.values():
            found[number] = cell.grade_id
    for name, original in wanted.items():
        if name in found.values():
            continue
        for number, cell in enumerate(cells):
            if number not in found and cell.kind == original.cell_type and _alike(original, cell):
                found[number] = name
                break
    return found


def _alike(original: NotebookNode, cell: _StudentCell) -> bool:
    if is_solution(original):
        return bool({*_DEFINITION.findall(original.source)} & {*_DEFINITION.findall(cell.source)})
    return bool(original.source.strip() == cell.source.strip())


def _own_cell(kind: str, source: str, name: str) -> NotebookNode:
    from nbformat import v4

    makers: dict[str, Any] = {"code": v4.new_code_cell, "markdown": v4.new_markdown_cell, "raw": v4.new_raw_cell}
    cell: NotebookNode = makers[kind](source, id=name)
    return cell


def _insert_missing(cells: list[NotebookNode], wanted: dict[str, NotebookNode]) -> None:
    """Put each missing nbgrader cell behind the one that precedes it in the release."""
    place = 0
    for name, original in wanted.items():
        numbers = [i for i, cell in enumerate(cells) if cell.metadata.get("nbgrader", {}).get("grade_id") == name]
        if not numbers:
            cells.insert(place, copy.deepcopy(original))
            numbers = [place]
        place = numbers[0] + 1


def _fill_from_module(release: NotebookNode, text: str) -> NotebookNode:
    """The release with the module's definitions in the solution cells that define them, and the rest before these."""
    notebook = copy.deepcopy(release)
    solutions = [cell for cell in notebook.cells if is_solution(cell) and cell.cell_type == "code"]
    if not solutions:
        return notebook
    spans = _definition_spans(text)
    lines = text.split("\n")
    placed: set[int] = set()
    for cell in solutions:
        parts = [spans.pop(name) for name in _DEFINITION.findall(cell.source) if name in spans]
        if parts:
            cell.source = "\n\n\n".join("\n".join(lines[part.start : part.stop]) for part in parts)
            placed.update(*parts)
    if not placed:
        solutions[0].source = text
        return notebook
    rest = re.sub(r"\n{3,}", "\n\n", "\n".join(line for i, line in enumerate(lines) if i not in placed)).strip()
    if rest:
        notebook.cells.insert(notebook.cells.index(solutions[0]), _own_cell("code", rest, "student-0"))
    return notebook


def _definition_spans(text: str) -> dict[str, range]:
    """The 0-based lines of each class and function at the top of a module; the last definition of a name counts."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as invalid escapes in the student's strings
            body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    spans = {}
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            spans[node.name] = range(first - 1, node.end_lineno or first)
    return spans


def _show_raw(release: NotebookNode, file: str, text: str) -> NotebookNode:
    """The release with an unreadable file's text, as comments, in its first solution cell."""
    notebook = copy.deepcopy(release)
    shown = "".join(char for char in text[:_SHOWN_RAW_CHARACTERS] if char.isprintable() or char == "\n")
    told = [f"{file} could not be read as a notebook. It begins:", "", *shown.split("\n")]
    for cell in notebook.cells:
        if is_solution(cell) and cell.cell_type == "code":
            cell.source = "\n".join(f"# {line}".rstrip() for line in told)
            break
    return notebook
