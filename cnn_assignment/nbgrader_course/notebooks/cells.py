"""A submission as a notebook in order: every cell of the release that nbgrader needs, around the student's own text.

`cnn_assignment.submissions` reads and mends what was handed in, for this as for grading: of a cell only its kind, its text
and its grade_id arrive here.
"""

from __future__ import annotations

import copy
import re
import warnings
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from cnn_assignment.core.errors import GraderError, UnreadableSubmissionError
from cnn_assignment.core.model import Assignment
from cnn_assignment.nbgrader_course.notebooks.annotate import REBUILD, is_solution
from cnn_assignment.submissions import ShownCell, show_file
from cnn_assignment.submissions.plain.folder import FILE_CAP

if TYPE_CHECKING:
    from nbformat import NotebookNode

_SHOWN_CHARACTERS = 200_000
_SHOWN_RAW_CHARACTERS = 20_000
_DEFINITION = re.compile(r"^(?:class|(?:async )?def)[ \t]+(\w+)", re.MULTILINE)


def read_release(path: Path) -> NotebookNode:
    """The release notebook, checked for what grading needs of it. Raises GraderError where it is not usable."""
    try:
        status = path.stat()
    except OSError as error:
        raise GraderError("no release notebook", place=path.as_posix(), remedy=REBUILD) from error
    return copy.deepcopy(_read_release(path, status.st_mtime_ns, status.st_size))


# A class is graded with one release, which nbgrader's checks take longer to read than a student's answers to judge.
@lru_cache(maxsize=4)
def _read_release(path: Path, _changed_ns: int, _size: int) -> NotebookNode:
    import nbformat
    from nbgrader.nbgraderformat import MetadataValidator

    place = path.as_posix()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about cell ids, which are mended below
            notebook: NotebookNode = nbformat.read(path, as_version=4)
        MetadataValidator().validate_nb(notebook)
    except Exception as error:  # nbformat, jsonschema and nbgrader each raise errors of their own
        raise GraderError(f"not a valid nbgrader notebook: {error}", place=place, remedy=REBUILD) from error
    for number, cell in enumerate(notebook.cells):
        cell.setdefault("id", f"release-{number}")
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    notebook.nbformat, notebook.nbformat_minor = 4, 5  # the first version with cell ids
    return notebook


def read_submitted(path: Path | None) -> bytes | None:
    """The bytes of a submitted file, of one that is too large its beginning; None where there is none.

    A link is not followed: it could show another student's work, or a hidden test, in this student's feedback.
    """
    if path is None or path.is_symlink() or not path.is_file():
        return None
    with path.open("rb") as stream:
        return stream.read(FILE_CAP)


def restore_notebook(release: NotebookNode, file: str, data: bytes | None, assignment: Assignment) -> NotebookNode:
    """The student's work as a notebook that nbgrader can grade and show.

    release: as `read_release` gives it. file: the submitted file's name. data: its bytes, None where there is no file.
    Returns a notebook without outputs that has every nbgrader cell of the
    release exactly once, with the release's metadata; locked cells have the release's text. Solution cells are found by
    grade_id or by the names that they define. Where no solution cell is found, the release is returned with the
    student's text in its solution cells. Equal arguments give equal notebooks.
    """
    if data is None:
        return copy.deepcopy(release)
    try:
        shown = show_file(data, file, assignment)
    except (UnreadableSubmissionError, GraderError):
        return _show_unreadable(release, file, data)
    restored = None if shown.is_module else _restore(release, shown.cells)
    return restored if restored is not None else _fill_from_module(release, *_join(shown.cells))


def _join(cells: Sequence[ShownCell]) -> tuple[str, dict[str, range]]:
    """The code of all cells as one text, and the lines of each definition in it; the last one of a name counts."""
    texts: list[str] = []
    spans: dict[str, range] = {}
    first, size = 0, 0
    for cell in (cell for cell in cells if cell.kind == "code"):
        size += len(cell.source)
        if size > _SHOWN_CHARACTERS:
            break
        texts.append(cell.source)
        spans |= {name: range(first + lines.start, first + lines.stop) for name, lines in cell.definitions.items()}
        first += cell.source.count("\n") + 2
    return "\n\n".join(texts), spans


def _nbgrader_cells(release: NotebookNode) -> dict[str, NotebookNode]:
    return {
        cell.metadata["nbgrader"]["grade_id"]: cell
        for cell in release.cells
        if "grade_id" in cell.metadata.get("nbgrader", {})
    }


def _restore(release: NotebookNode, parts: Sequence[ShownCell]) -> NotebookNode | None:
    """The student's cells in their order, with the release's cells in their places."""
    from nbformat import NotebookNode

    wanted = _nbgrader_cells(release)
    found = _match(wanted, parts)
    if not any(is_solution(wanted[name]) for name in found.values()):
        return None
    restored: list[NotebookNode] = []
    for number, part in enumerate(parts):
        if number in found:
            original = copy.deepcopy(wanted[found[number]])
            original.source = part.source if is_solution(original) else original.source
            restored.append(original)
        else:
            restored.append(_own_cell(part.kind, part.source, f"student-{number}"))
        if part.attachments and restored[-1].cell_type == "markdown" and restored[-1].source == part.source:
            restored[-1].attachments = NotebookNode(part.attachments)
    _insert_missing(restored, wanted, parts)
    notebook = copy.copy(release)
    notebook.metadata, notebook.cells = copy.deepcopy(release.metadata), restored
    return notebook


def _match(wanted: dict[str, NotebookNode], parts: Sequence[ShownCell]) -> dict[int, str]:
    """Which student's cell, by its number, stands for which nbgrader cell of the release."""
    found: dict[int, str] = {}
    for number, part in enumerate(parts):
        if part.grade_id in wanted and part.grade_id not in found.values() and not part.is_copy:
            found[number] = part.grade_id
    for name, original in wanted.items():
        if name in found.values():
            continue
        for number, part in enumerate(parts):
            if number not in found and part.kind == original.cell_type and _alike(original, part):
                found[number] = name
                break
    return found


def _alike(original: NotebookNode, part: ShownCell) -> bool:
    if is_solution(original):
        return bool({*_DEFINITION.findall(original.source)} & {*_DEFINITION.findall(part.source)}) and not part.is_copy
    return bool(original.source.strip() == part.source.strip())


def _own_cell(kind: str, source: str, name: str) -> NotebookNode:
    """A new cell; nbformat's own makers check each of them against a schema, which takes longer than all the rest."""
    from nbformat import NotebookNode

    cell = NotebookNode(id=name, cell_type=kind, metadata=NotebookNode(), source=source)
    if kind == "code":
        cell.outputs, cell.execution_count = [], None
    return cell


def _insert_missing(cells: list[NotebookNode], wanted: dict[str, NotebookNode], parts: Sequence[ShownCell]) -> None:
    """Put each missing nbgrader cell behind the one that precedes it in the release."""
    place = 0
    for name, original in wanted.items():
        numbers = [i for i, cell in enumerate(cells) if cell.metadata.get("nbgrader", {}).get("grade_id") == name]
        if not numbers:
            cells.insert(place, _missing_cell(original, parts))
            numbers = [place]
        place = numbers[0] + 1


def _missing_cell(original: NotebookNode, parts: Sequence[ShownCell]) -> NotebookNode:
    """A cell of the release that was not handed in; of a solution cell it is told where its work stands, if anywhere."""
    cell = copy.deepcopy(original)
    if is_solution(cell) and cell.cell_type == "code":
        names = _DEFINITION.findall(cell.source)
        place = next((part.label for part in parts if part.names & set(names)), None)
        cell.source = f"# {', '.join(names)}: see {place}." if place else "# This cell was not handed in."
    return cell


def _fill_from_module(release: NotebookNode, text: str, spans: dict[str, range]) -> NotebookNode:
    """The release with the module's definitions in the solution cells that define them, and the rest before these.

    spans: the lines of each definition.
    """
    notebook = copy.deepcopy(release)
    solutions = [cell for cell in notebook.cells if is_solution(cell) and cell.cell_type == "code"]
    if not solutions:
        return notebook
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


def _show_unreadable(release: NotebookNode, file: str, data: bytes) -> NotebookNode:
    """The release with the beginning of a file's text in its first solution cell, as comments unless it is a module."""
    text = data[: 4 * _SHOWN_CHARACTERS].decode("utf-8-sig", "replace").replace("\r\n", "\n").replace("\r", "\n")
    if Path(file).suffix.lower() == ".py":
        return _fill_from_module(release, text[:_SHOWN_CHARACTERS], {})
    notebook = copy.deepcopy(release)
    shown = "".join(char for char in text[:_SHOWN_RAW_CHARACTERS] if char.isprintable() or char == "\n")
    told = [f"{file} could not be read as a notebook. It begins:", "", *shown.split("\n")]
    for cell in notebook.cells:
        if is_solution(cell) and cell.cell_type == "code":
            cell.source = "\n".join(f"# {line}".rstrip() for line in told)
            break
    return notebook
