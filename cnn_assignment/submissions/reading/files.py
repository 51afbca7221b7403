"""From a file's bytes to cells or to the text of a module, whatever the file's name and its damage."""

from __future__ import annotations

import codecs
import io
import json
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from cnn_assignment.core.errors import UnreadableSubmissionError
from cnn_assignment.submissions.newer.reading import Newest
from cnn_assignment.submissions.plain.attachments import Attachments, read_attachments
from cnn_assignment.submissions.python.parsing import defined_names
from cnn_assignment.submissions.repairing.effort import Effort
from cnn_assignment.submissions.repairing.mending import mend

DOWNLOAD = "Download it from Jupyter as .ipynb and submit that."

# Bytes of a module in which its first two lines, and so its declaration, are looked for.
_DECLARATION = 4096

_KINDS = frozenset({"code", "markdown", "raw"})
# Where a cell may begin in a notebook whose JSON is broken; nbformat sorts a cell's keys, other programs do not.
_CELL_START = re.compile(
    r'\{\s*"(?:cell_type|attachments|collapsed|execution_count|id|input|metadata|outputs|source)"\s*:'
)
# Looking for the next whole cell reads on from every false start, so a hostile file gets only so many, and only so
# many characters of them.
_FALSE_STARTS = 200
_SALVAGE_EFFORT = 16 * 1024 * 1024
# What git leaves in a file that two people changed, and in the middle of it.
_OURS, _BASE, _THEIRS, _END = "<<<<<<<", "|||||||", "=======", ">>>>>>>"
# What editors save text in. Python knows others, of which some take time without end, and some are no text.
_ENCODINGS = frozenset(
    {
        *("ascii", "utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-16-le", "utf-32", "utf-32-be", "utf-32-le"),
        *("big5", "big5hkscs", "cp932", "cp949", "cp950", "euc_jp", "euc_kr", "gb18030", "gb2312", "gbk", "shift_jis"),
        *("koi8-r", "koi8-u", "mac-cyrillic", "mac-greek", "mac-roman", "tis-620"),
        *("cp437", "cp850", "cp852", "cp866", "cp874"),
        *(f"cp125{number}" for number in range(9)),
        *(f"iso8859-{number}" for number in range(1, 17)),
    }
)
_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_OTHER_FORMATS = (
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"%PDF", "a PDF document"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
)
_WEB_PAGE = re.compile(r"\s*<(?:!doctype html|html)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell as it was handed in; number counts all cells from 1. Its other metadata and its outputs end here."""

    number: int
    kind: str
    source: str
    grade_id: str | None = None
    attachments: Attachments = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Work:
    """The content of a file: cells (None for a module), or the text of a module; and notes on the repairs.

    is_whole: whether all of the content was read.
    """

    cells: tuple[Cell, ...] | None = None
    text: str = ""
    notes: tuple[str, ...] = ()
    is_whole: bool = True


def read_work(raw: bytes, name: str) -> Work:
    """Read a notebook or a module, by its content first and its name second.

    Raises UnreadableSubmissionError, with the reason in words for the student, for everything else.
    """
    for start, what in _OTHER_FORMATS:
        if raw.startswith(start):
            raise UnreadableSubmissionError(f"{name} is {what}", remedy="Unpack it, and submit the notebook itself.")
    if name.lower().endswith((".py", ".txt")):
        if raw.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and (cells := _parse_notebook(raw)):
            return Work(tuple(cells), notes=(f"{name} is a notebook, and was read as one.",))
        return Work(text=decode_module(raw, name))
    return _read_notebook(raw, name)


def decode_module(raw: bytes, name: str) -> str:
    """The text of a module in UTF-8, or the encoding that it declares, with any line endings."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(raw[:_DECLARATION]).readline)
        if codecs.lookup(encoding).name not in _ENCODINGS:
            raise LookupError(encoding)
        return io.TextIOWrapper(io.BytesIO(raw), encoding=encoding, newline=None).read()
    except (SyntaxError, UnicodeError, LookupError) as error:
        raise UnreadableSubmissionError(
            f"{name} is not text in UTF-8 or in the encoding that it declares",
            remedy="Save it as UTF-8 and submit it again.",
        ) from error


def _read_notebook(raw: bytes, name: str) -> Work:
    text, notes = _decode(raw, name)
    content = _parse_json(text)
    if content is None and (merged := take_first_sides(text)) is not None:
        text = merged
        notes.append(f"{name} holds both sides of a merge; the first of each was read.")
        content = _parse_json(text)
    is_whole = content is not None
    if content is None:
        raw_cells = _salvage(text)
        if not raw_cells:
            return _read_misnamed(text, name)
        notes.append(f"{name} is damaged: {len(raw_cells)} cells could be read in it, and no more.")
    else:
        raw_cells = _cells_of(content, name)
    return Work(tuple(_read_cells(raw_cells)), notes=tuple(notes), is_whole=is_whole)


def _read_misnamed(text: str, name: str) -> Work:
    """A module that was saved under the name of a notebook, which shows only if it is one."""
    if _WEB_PAGE.match(text):
        raise UnreadableSubmissionError(f"{name} is a web page, and not a notebook: it is not JSON", remedy=DOWNLOAD)
    try:
        names = defined_names(Newest().parse(text, name)[1])
    except SyntaxError:
        mended = mend(text, Effort())
        names = defined_names(mended.tree) if mended is not None and mended.wholes else set()
    if not names:
        raise UnreadableSubmissionError(f"{name} is not a notebook: it is not JSON", remedy=DOWNLOAD)
    return Work(text=text, notes=(f"{name} is a Python file and not a notebook, and was read as such.",))


def _decode(raw: bytes, name: str) -> tuple[str, list[str]]:
    """The text of a notebook, and a note where its letters had to be guessed. Never fails."""
    marked = next((encoding for mark, encoding in _MARKS if raw.startswith(mark)), None)
    # JSON begins with two ASCII characters, so in UTF-16 without a mark every other byte is zero.
    bare = {b"\0": "utf-16-be"}.get(raw[:1]) or {b"\0": "utf-16-le"}.get(raw[1:2], "utf-8")
    for encoding in (marked, bare):
        if encoding is not None:
            try:
                text = raw.decode(encoding)
            except UnicodeDecodeError:
                continue
            known = encoding.startswith("utf-8")
            return text, [] if known else [f"{name} is text in {encoding.upper()}, and was read as such."]
    return raw.decode("latin-1"), [f"{name} is not text in UTF-8, and was read as Latin-1: some letters may be wrong."]


def take_first_sides(text: str) -> str | None:
    """The text with the first side of each merge conflict, which is the side of the merging person; None without a conflict.

    Lines are blank where something was taken away, so that all others keep their numbers.
    """
    kept: list[str] = []
    # The lines of a conflict that has begun: as they stand, and those of its first side.
    whole: list[str] = []
    first: list[str] = []
    part, found = "", False
    for line in _lines(text) if _OURS in text else ():
        mark = line[: len(_OURS)]
        if mark == _OURS:
            # Without an end, the one before was none.
            kept += whole
            part, whole, first = _OURS, [line], ["\n"]
        elif not part:
            kept.append(line)
        elif mark == _END and part == _THEIRS:
            kept += [*first, "\n"]
            part, whole, found = "", [], True
        else:
            whole.append(line)
            if mark in (_BASE, _THEIRS) and part != _THEIRS:
                part = mark
            first.append(line if part == _OURS else "\n")
    return "".join(kept + whole) if found else None


def _lines(text: str) -> Iterator[str]:
    """The lines of a text with their ends, one at a time: it may be large."""
    start = 0
    while start < len(text):
        stop = text.find("\n", start) + 1 or len(text)
        yield text[start:stop]
        start = stop


def _parse_json(text: str) -> Any:
    """The value of a JSON text, None where it is not JSON."""
    try:
        # Not strict: editors put line ends into strings as they are.
        content = json.loads(text, strict=False)
        return json.loads(content, strict=False) if isinstance(content, str) else content
    except (ValueError, RecursionError):
        return None


def _parse_notebook(raw: bytes) -> list[Cell]:
    """The cells of bytes that are a notebook beyond doubt; none otherwise."""
    try:
        content = json.loads(raw.decode("utf-8-sig"))
        return _read_cells(_cells_of(content, ""))
    except (ValueError, RecursionError, UnreadableSubmissionError):
        return []


def _cells_of(content: Any, name: str) -> list[Any]:
    """The cells in any version of the format: 4 has ``cells``, 2 and 3 have ``worksheets``."""
    if isinstance(content, list) and any(isinstance(cell, dict) and "cell_type" in cell for cell in content):
        return content
    if isinstance(content, dict) and isinstance(content.get("content"), dict):
        content = content["content"]  # as Jupyter's server hands notebooks out
    if not isinstance(content, dict) or not {"nbformat", "cells", "worksheets"} & set(content):
        raise UnreadableSubmissionError(f"{name} is JSON, but not a notebook", remedy=DOWNLOAD)
    cells = content.get("cells")
    if isinstance(cells, list):
        return cells
    sheets = content.get("worksheets")
    sheets = sheets if isinstance(sheets, list) else []
    found = [sheet.get("cells") for sheet in sheets if isinstance(sheet, dict)]
    return [cell for cells in found if isinstance(cells, list) for cell in cells]


def _salvage(text: str) -> list[Any]:
    """The whole cells in a text that is not JSON as a whole: cut off, or broken in the middle."""
    decoder = json.JSONDecoder(strict=False)
    cells: list[Any] = []
    position = failures = 0
    effort = _SALVAGE_EFFORT
    while failures < _FALSE_STARTS and effort > 0 and (start := _CELL_START.search(text, position)):
        try:
            cell, position = decoder.raw_decode(text, start.start())
        except (ValueError, RecursionError) as error:
            stop = error.pos if isinstance(error, json.JSONDecodeError) else start.start()
            effort -= max(0, stop - start.start())
            position = start.start() + 1
            failures += 1
            continue
        if isinstance(cell, dict) and "cell_type" in cell:
            cells.append(cell)
    return cells


def _read_cells(raw_cells: list[Any]) -> list[Cell]:
    return [_read_cell(number, cell) for number, cell in enumerate(raw_cells, 1) if isinstance(cell, dict)]


def _read_cell(number: int, cell: dict[str, Any]) -> Cell:
    source = cell.get("source", cell.get("input", ""))  # "input" is the word of formats 2 and 3
    if isinstance(source, list):
        source = "".join(map(str, source))
    text = source if isinstance(source, str) else "" if source is None else str(source)
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    metadata = cell.get("metadata")
    marks = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = marks.get("grade_id") if isinstance(marks, dict) else None
    kind = cell.get("cell_type")
    return Cell(
        number=number,
        kind=kind if isinstance(kind, str) and kind in _KINDS else "markdown",
        # JSON can spell lone surrogates, which neither Python's parser nor files can hold.
        source=text.encode("utf-8", "replace").decode("utf-8"),
        grade_id=grade_id if isinstance(grade_id, str) else None,
        attachments=read_attachments(cell.get("attachments")) if kind != "code" else {},
    )
