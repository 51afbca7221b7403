"""Code that Python refuses: whole definitions stay as they are, damaged ones are left out and told.

The mended text has the lines of the student's own: blank where something was left out, so that every error that comes
later names the right line. A method that cannot be read is replaced by one that says so when it is called, which costs
no other. No method is put right: it is either as it was written or not there. Only lines that bind names are put
right: the heads of classes, and imports. Syntax of a newer Python is no damage where `newer` has an older form of it.

A method begins at a line with ``def`` in the columns of its class, and ends where the next one begins, whatever stands
between them. So no bracket, quote or indent that is missing reaches further than to there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from cnn_assignment.submissions.newer.reading import Reading
from cnn_assignment.submissions.python.outline import read_outline
from cnn_assignment.submissions.python.parsing import parse, without_litter
from cnn_assignment.submissions.repairing.classes import ClassMender
from cnn_assignment.submissions.repairing.damage import Mended
from cnn_assignment.submissions.repairing.draft import Draft
from cnn_assignment.submissions.repairing.effort import Effort
from cnn_assignment.submissions.repairing.lines import LONGEST_LINE, Lines
from cnn_assignment.submissions.repairing.patterns import CLASS, DEFINITION, FUNCTION
from cnn_assignment.submissions.repairing.pieces import Piece, PieceParser

# Characters of one text: for longer ones parso takes quadratic time.
_SIZE_CAP = 64 * 1024


def mend(source: str, effort: Effort) -> Mended | None:
    """Mend a text that Python refuses. None where the text is too large or too damaged for it."""
    return _best_of(_mend_newer(text, effort) for text in dict.fromkeys((source, without_litter(source))))


def _best_of(found: Iterable[Mended | None]) -> Mended | None:
    """The first mending that keeps the most definitions."""
    return max((mended for mended in found if mended is not None), key=lambda mended: mended.wholes, default=None)


def _mend_newer(source: str, effort: Effort) -> Mended | None:
    """Mend a text in which syntax of a newer Python may be no damage."""
    reading = effort.newest.read(source)
    if reading is None:
        return _mend_text(source, effort)
    mended = _mend_text(reading.text, effort, reading)
    plain = _mend_text(source, effort) if reading.text != source else None
    if mended is None or (plain is not None and not mended.keeps_all_of(plain)):
        return plain
    code = reading.settle(mended.code)
    lines = mended.code.split("\n"), reading.text.split("\n")
    newer = tuple(n for n in reading.found if n.is_rewritten and lines[0][n.line - 1] == lines[1][n.line - 1])
    return replace(mended, code=code, tree=parse(code, "mended"), newer=newer)


def _mend_text(source: str, effort: Effort, reading: Reading | None = None) -> Mended | None:
    lines = source.split("\n")
    if len(source) > _SIZE_CAP or max(map(len, lines)) > LONGEST_LINE:
        return None
    try:
        effort.use(len(source))
        outline = read_outline(lines)
        texts = [outline.texts] if outline.is_sure else []
        # A quote that is missing turns code into text and text into code, up to the next one that is.
        if not outline.is_sure or any(DEFINITION.match(lines[number]) for number in outline.texts):
            texts.append(frozenset())
        return _best_of([_mend_lines(Lines(lines, outline.starts, inside), effort, reading) for inside in texts])
    except (SyntaxError, RecursionError):
        return None


def _mend_lines(lines: Lines, effort: Effort, reading: Reading | None) -> Mended | None:
    parser = PieceParser(lines, effort, reading)
    draft = Draft(parser)
    code = [n for n in range(len(lines)) if lines.is_code(n)]
    bounds = lines.without_decorated([n for n in code if n == code[0] or lines.begins_at_top(n)])
    _write(parser.cut(bounds, len(lines), parser.error_at_top), lines, draft, ClassMender(parser, draft))
    text = "\n".join(draft.out)
    effort.use(len(text))
    try:
        tree = parse(text, "mended")
    except SyntaxError:
        return None
    return Mended(text, tree, tuple(sorted(draft.damages, key=lambda damage: damage.line)), draft.wholes)


def _write(pieces: Sequence[Piece], lines: Lines, draft: Draft, classes: ClassMender) -> None:
    """Write each piece into the draft: as it is, mended, replaced, or not at all."""
    number = 0
    while number < len(pieces):
        piece = pieces[number]
        first = lines[lines.skip_decorators(piece.start, piece.stop)]
        is_class = CLASS.match(first) is not None
        last = classes.find_last(pieces, number) if is_class else number
        if last > number or (is_class and piece.error is not None):
            classes.mend(replace(piece, stop=pieces[last].stop))
        elif piece.error is None:
            draft.keep(piece.start, piece.stop)
        elif FUNCTION.match(first):
            draft.replace(piece)
        else:
            draft.leave_out(piece)
        number = last + 1
