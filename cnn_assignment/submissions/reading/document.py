"""A file as parts in order: damage that a student did not intend is mended, and each mending is noted.

Cells that were cut in two are read as one, code in a text cell is code where a class would be missing without it, and
of a cell and its copies one counts. Grading and the notebook that students get back both start from here, so they
agree on what a student handed in.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Sequence
from dataclasses import replace

from cnn_assignment.core.errors import UnreadableSubmissionError
from cnn_assignment.submissions.plain.values import Wanted
from cnn_assignment.submissions.python.found import name_of
from cnn_assignment.submissions.python.parsing import SOURCE_CAP, bound_names, defined_names, describe_syntax_error
from cnn_assignment.submissions.reading.book import Book
from cnn_assignment.submissions.reading.files import Cell, read_work, take_first_sides
from cnn_assignment.submissions.reading.parts import Document, Part, make_part
from cnn_assignment.submissions.repairing.cells import CellReader, ReadCell
from cnn_assignment.submissions.repairing.damage import Mended
from cnn_assignment.submissions.repairing.effort import Effort
from cnn_assignment.submissions.repairing.mending import mend

# Of a notebook; what is beyond is left out with a note.
_MOST_CELLS = 2_000


def parse_document(raw: bytes, name: str, wanted: Wanted) -> Document:
    """Read the file of a submission. name: what it is called. wanted: what it should define.

    Raises UnreadableSubmissionError, with the reason in words for the student.
    """
    work = read_work(raw, name)
    if work.cells is None:
        part, notes = _read_module(work.text, name, frozenset(wanted.names))
        return Document((part,), is_module=True, written={}, notes=(*work.notes, *notes))
    book = Book(wanted)
    cells = _within_cap(work.cells, book.notes)
    for cell in cells:
        book.add(cell)
    book.find_code_in_text()
    book.mend_damaged()
    book.choose_among_copies()
    if not any(part.kind == "code" for part in book.parts):
        told = " ".join(work.notes)
        raise UnreadableSubmissionError(
            f"{name} has no code cells", remedy=f"{told} Submit the notebook with your work in it.".strip()
        )
    is_whole = work.is_whole and len(cells) == len(work.cells)
    return Document(tuple(book.parts), False, book.written, (*work.notes, *book.notes), is_whole)


def _within_cap(cells: Sequence[Cell], notes: list[str]) -> list[Cell]:
    """The cells without the largest ones, where all together hold more code than is read."""
    if len(cells) > _MOST_CELLS:
        notes.append(f"Only the first {_MOST_CELLS} of {len(cells)} cells were read.")
        cells = cells[:_MOST_CELLS]
    sizes = {cell.number: len(cell.source) for cell in cells if cell.kind == "code"}
    left_out: set[int] = set()
    total = sum(sizes.values())
    for number in sorted(sizes, key=lambda number: (-sizes[number], number)):
        if total <= SOURCE_CAP:
            break
        left_out.add(number)
        total -= sizes[number]
        notes.append(
            f"cell {number} is left out, because the notebook holds more than {SOURCE_CAP} characters of code."
        )
    return [cell for cell in cells if cell.number not in left_out]


def _read_module(text: str, name: str, wanted: Collection[str]) -> tuple[Part, list[str]]:
    """A module, and notes on what is damaged in it.

    Scripts with the magics of a notebook, as some editors keep them, are read as cells are.
    """
    merged = take_first_sides(text)
    if len(text if merged is None else merged) > SOURCE_CAP:
        # Nothing is mended that is not read, and looking for damage in it would take longer than reading may.
        raise UnreadableSubmissionError(
            f"{name} holds more than {SOURCE_CAP} characters of code", remedy="Submit the file that you were given."
        )
    read = CellReader().read(text, name)
    if isinstance(read.tree, ast.Module):
        return make_part(name, text, None, read), []
    notes = [] if merged is None else [f"{name} holds both sides of a merge; the first of each was read."]
    if merged is not None:
        first_sides = CellReader().read(merged, name)
        if isinstance(first_sides.tree, ast.Module):
            return make_part(name, text, None, first_sides), notes
    mended = mend(read.code, Effort())
    if mended is None or not _holds_work(mended, wanted):
        raise UnreadableSubmissionError(
            f"{name} is {describe_syntax_error(read.tree)}",
            remedy=f"Run it once with {name_of()}, which grades it; nothing of it can be graded until it parses there.",
        ) from read.tree
    read = ReadCell(mended.code, mended.tree, mended.newer)
    part = replace(make_part(name, text, None, read), lost=mended.lost, is_mended=True)
    return part, [*notes, *mended.describe(name)]


def _holds_work(mended: Mended, wanted: Collection[str]) -> bool:
    """Whether mended code still defines a wanted name, or an import that may bring them."""
    if any(isinstance(node, ast.ImportFrom) and node.module != "__future__" for node in mended.tree.body):
        return mended.wholes > 0 or any(name in wanted or name == "*" for name in bound_names(mended.tree.body))
    return mended.wholes > 0 and bool(defined_names(mended.tree) & set(wanted))
