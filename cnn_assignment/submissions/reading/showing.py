"""A document as its student sees it again: cells in order, cut to what a page can hold."""

from __future__ import annotations

import ast

from cnn_assignment.submissions.plain.attachments import Attachments, take_inline_pictures
from cnn_assignment.submissions.plain.values import Shown, ShownCell, Wanted
from cnn_assignment.submissions.python.effects import DEFINITIONS
from cnn_assignment.submissions.python.parsing import first_line
from cnn_assignment.submissions.reading.document import parse_document
from cnn_assignment.submissions.reading.parts import Part

_MOST_CELLS = 2_000
# Characters of one cell, and of all.
_MOST_CHARACTERS = 100_000
_MOST_IN_ALL = 400_000
_MOST_IN_PICTURES = 8_000_000
_LONGEST_ID = 200


def show(raw: bytes, name: str, wanted: Wanted) -> Shown:
    """The cells of a notebook, or a module as one. Raises UnreadableSubmissionError."""
    document = parse_document(raw, name, wanted)
    left, pictures_left, cells = _MOST_IN_ALL, _MOST_IN_PICTURES, []
    for part in document.parts[:_MOST_CELLS]:
        source, attachments = part.source, part.attachments
        if part.kind == "markdown":
            source, attachments = take_inline_pictures(source, attachments)
        source = source[: min(_MOST_CHARACTERS, left)]
        left -= len(source)
        size = sum(len(text) for kinds in attachments.values() for text in kinds.values())
        pictures_left -= size
        cells.append(_show(part, source, attachments if pictures_left >= 0 else {}))
    return Shown(tuple(cells), document.is_module)


def _show(part: Part, source: str, attachments: Attachments) -> ShownCell:
    # An id that long is none of the release's.
    grade_id = part.grade_id if part.grade_id is None or len(part.grade_id) <= _LONGEST_ID else None
    spans = _definition_spans(part.tree) if isinstance(part.tree, ast.Module) else {}
    return ShownCell(
        part.label,
        part.kind,
        source,
        grade_id,
        part.is_copy,
        frozenset(part.names),
        spans if len(source) == len(part.source) else {},
        attachments,
    )


def _definition_spans(tree: ast.Module) -> dict[str, range]:
    """The 0-based lines of each class and function at the top of a module; the last definition of a name counts."""
    spans = {}
    for node in tree.body:
        if isinstance(node, DEFINITIONS):
            first = first_line(node)
            spans[node.name] = range(first - 1, node.end_lineno or first)
    return spans
