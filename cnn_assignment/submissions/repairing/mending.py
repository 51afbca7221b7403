"""Code that Python refuses: what is whole in it stays as it is, and what is damaged is left out and told.

The mended text has the lines of the student's own: blank where something was left out, so that every error that comes
later names the right line. A method that cannot be read is replaced by one that says so when it is called, which costs
no other. Nothing is put right: a method is either as it was written or not there. Only lines that bind names are: those
of classes and imports. Syntax of a newer Python is no damage where `newer` has an older form of it.

A method begins at a line with ``def`` in the columns of its class, and ends where the next one begins, whatever stands
between them. So no bracket, quote or indent that is missing reaches further than to there.
"""

from __future__ import annotations

import ast
import keyword
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from cnn_assignment.submissions.newer.reading import Newest, Reading
from cnn_assignment.submissions.python.found import Newer
from cnn_assignment.submissions.python.outline import read_outline
from cnn_assignment.submissions.python.parsing import parse, without_litter

# Of one text, and of its lines: for longer ones it takes parso quadratic time.
_SIZE_CAP = 64 * 1024
_LONGEST_LINE = 2_000
# Characters that are parsed on trial for one reading. Each trial counts as so many, beside those.
EFFORT = 768 * 1024
_TRY = 400
_MOST_MERGED = 30
_LONGEST_HEADER = 30
_TAB = 4
_WRAPPER_LINES = 2
_MOST_TOLD = 8

_DEFINITION = re.compile(r"[ \t]*(?:async[ \t]+)?(?:def|class)\b|[ \t]*@\w")
_FUNCTION = re.compile(r"[ \t]*(?:async[ \t]+)?def[ \t]+(?P<name>\w+)")
_METHOD = re.compile(r"[ \t]*(?:async[ \t]+)?def[ \t]+(?P<name>\w+)[ \t]*\([ \t]*(?:self|cls)\b")
# What is left of its first line.
_METHOD_LIKE = re.compile(
    r"(?![ \t]*(?:assert|await|del|elif|for|if|raise|return|while|with|yield)\b)(?:[^.=#]*?|(?=.*:[ \t]*$)[^.#]*?)\b(?:def)?(?P<name>\w+)[ \t]*\([ \t]*(?:self|cls)[ \t]*[,)]"
)
# Also as it is written where a letter or a blank of the keyword is missing.
_CLASS = re.compile(
    r"[ \t]*(?:class[ \t]*|(?:[Cc]?lass?|clas|clss|cass|calss|Class)[ \t]+)(?P<name>[A-Za-z_]\w*)[ \t]*(?:$|[:(#])"
)
_KEYWORD_START = re.compile(r"(?:async|class|def|from|import)\b|@\w")
_GOES_ON = re.compile(r"(?:elif|else|except|finally)\b|[)\]}]")
_RESULT = re.compile(r"(?:return|yield)\b")
_BLOCK = re.compile(r"(?:async|elif|else|except|finally|for|if|match|try|while|with)\b")
_IMPORT = re.compile(r"(?:import|from)\b")
_QUOTES = re.compile(r"[ \t]*[rbuRBU]?(?:\"\"\"|''')")
_NUMPY = re.compile(r"\bnumpy\b")
_TWO_WORDS = re.compile(r"(?<![\w.'\"])([^\W\d]\w*)[ \t]+([^\W\d]\w*)\b")
_STATEMENT = re.compile(r"[ \t]*(?:assert|class|def|del|from|import|raise|return|yield)\b")
_TEXT = re.compile(r"\"[^\"]*\"|'[^']*'")
_CONSTANT = re.compile(r"[ \t]*[A-Za-z_]\w*[ \t]*(?::[^=]*)?=[^=]")
_LINE_NUMBER = re.compile(r"\bline (\d+)")


@dataclass(frozen=True, slots=True)
class Damage:
    """What could not be read. line: from 1. why: in Python's words. name: the function, or the class whose head it is.

    is_head: the methods of the class are there all the same. instead: as what an import was read.
    """

    line: int
    why: str
    name: str = ""
    is_head: bool = False
    instead: str = ""

    def describe(self, label: str) -> str:
        """For the student; label: the file or the cell."""
        owner, _, method = self.name.rpartition(".")
        if self.instead:
            told = f"it was read as `{self.instead}`."
        elif self.is_head:
            told = f"the head of {self.name} is left out, its methods are graded."
        elif method in ("__init__", "__new__"):
            told = f"{self.name} is left out, and nothing of {owner} can be tested without it."
        elif owner:
            told = f"{self.name} is left out, the other methods are graded."
        else:
            told = f"{self.name or 'what stands there'} is left out, the rest is graded."
        return f"{label}, line {self.line}: {self.why}; {told}"


@dataclass(frozen=True, slots=True)
class Mended:
    """Code that Python takes. code: line for line that of the student. wholes: how many definitions are as written.

    newer: what is as written but for the syntax of a newer Python.
    """

    code: str
    tree: ast.Module
    damages: tuple[Damage, ...]
    wholes: int
    newer: tuple[Newer, ...] = ()

    @property
    def lost(self) -> int:
        """How many functions could not be read."""
        return sum(bool(damage.name) and not damage.is_head for damage in self.damages)

    def keeps_all_of(self, other: Mended) -> bool:
        """Whether whatever is whole in another way to mend the same text is whole here."""
        names = {damage.name for damage in other.damages}
        return self.wholes >= other.wholes and all(damage.name in {*names, ""} for damage in self.damages)

    def describe(self, label: str) -> list[str]:
        """The damages for the student, the first ones where there are many."""
        told = [damage.describe(label) for damage in self.damages[:_MOST_TOLD]]
        more = len(self.damages) - _MOST_TOLD
        return [*told, f"{label} is damaged in {more} more places."] if more > 0 else told


class Effort:
    """What is left of the work for one reading."""

    def __init__(self) -> None:
        self._left = EFFORT
        self.newest = Newest()

    def use(self, size: int) -> None:
        """Raises SyntaxError where it is used up."""
        self._left -= _TRY + size
        if self._left < 0:
            raise SyntaxError("too much of it is damaged")


def mend(source: str, effort: Effort) -> Mended | None:
    """Mend a text that Python refuses. None where nothing can be said of it."""
    found = [_mend_newer(text, effort) for text in dict.fromkeys((source, without_litter(source)))]
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
    if len(source) > _SIZE_CAP or max(map(len, lines)) > _LONGEST_LINE:
        return None
    try:
        effort.use(len(source))
        outline = read_outline(lines)
        found = [_mend(lines, outline.starts, outline.texts, effort, reading)] if outline.is_sure else []
        # A quote that is missing turns code into text and text into code, up to the next one that is.
        if not outline.is_sure or any(_DEFINITION.match(lines[number]) for number in outline.texts):
            found.append(_mend(lines, outline.starts, frozenset(), effort, reading))
    except (SyntaxError, RecursionError):
        return None
    return max((mended for mended in found if mended is not None), key=lambda mended: mended.wholes, default=None)


def _mend(
    lines: Sequence[str], starts: frozenset[int], texts: frozenset[int], effort: Effort, reading: Reading | None
) -> Mended | None:
    mender = _Mender(lines, starts, texts, effort, reading)
    mender.run()
    code = "\n".join(mender.out)
    effort.use(len(code))
    try:
        tree = parse(code, "mended")
    except SyntaxError:
        return None
    return Mended(code, tree, tuple(sorted(mender.damages, key=lambda damage: damage.line)), mender.wholes)


@dataclass(frozen=True, slots=True)
class _Piece:
    """Lines from start to stop, from 0. error: why they are not whole."""

    start: int
    stop: int
    error: SyntaxError | None


class _Mender:
    """One text. Lines of out are filled with what stays. reading: what is known of newer syntax in it."""

    def __init__(
        self,
        lines: Sequence[str],
        starts: frozenset[int],
        texts: frozenset[int],
        effort: Effort,
        reading: Reading | None,
    ) -> None:
        self._lines = lines
        self._starts = starts
        self._texts = texts
        self._effort = effort
        self._reading = reading
        # Of the methods in the whole text.
        self._indent = 0
        self._indent = self._method_indent(0, len(lines))
        self.out = [""] * len(lines)
        self.damages: list[Damage] = []
        self.wholes = 0
        # Behind what was left out last.
        self._left_out = -1

    def run(self) -> None:
        """Mend it from the top."""
        code = [n for n in range(len(self._lines)) if self._is_code(n)]
        bounds = _without_decorated([n for n in code if n == code[0] or self._begins_at_top(n)], self._lines)
        pieces = self._cut(bounds, len(self._lines), self._judge_top)
        number = 0
        while number < len(pieces):
            piece = pieces[number]
            is_class = _CLASS.match(self._first(piece)) is not None
            last = self._last_of_class(pieces, number) if is_class else number
            if last > number or (is_class and piece.error is not None):
                self._mend_class(piece.start, pieces[last].stop, piece.error)
            elif piece.error is None:
                self._keep(piece.start, piece.stop)
            elif _FUNCTION.match(self._first(piece)):
                self._replace(piece, "", "")
            else:
                self._leave_out(piece)
            number = last + 1

    # Lines

    def _is_code(self, number: int) -> bool:
        text = self._lines[number].strip()
        return bool(text) and not text.startswith("#") and number not in self._texts

    def _column(self, number: int) -> int:
        line = self._lines[number].expandtabs(_TAB)
        return len(line) - len(line.lstrip())

    def _first(self, piece: _Piece) -> str:
        """The first line of a piece that is no decorator."""
        return self._lines[self._skip_decorators(piece.start, piece.stop)]

    def _skip_decorators(self, start: int, stop: int) -> int:
        """The line from which on something is no decorator, nor between one and what it decorates."""
        if not self._lines[start].lstrip().startswith("@"):
            return start
        below = (n for n in range(start + 1, stop) if self._is_code(n))
        return next((n for n in below if re.match(r"[ \t]*(?:async|class|def)\b", self._lines[n])), start)

    def _method_indent(self, start: int, stop: int) -> int:
        """The columns in which the methods between two lines begin; 0 where there is none."""
        found = [n for n in range(start, stop) if self._is_code(n) and self._column(n)]
        for pattern in (_METHOD, _FUNCTION):
            columns = Counter(self._column(n) for n in found if pattern.match(self._lines[n]))
            if columns:
                most = max(columns.values())
                ties = [column for column, count in columns.items() if count == most]
                return self._indent if self._indent in ties else min(ties)
        return 0

    def _header_stop(self, number: int, stop: int) -> int:
        """The line behind the header of a function, as far as its brackets tell."""
        depth = 0
        for last in range(number, min(stop, number + _LONGEST_HEADER)):
            line = self._lines[last].partition("#")[0]
            depth += sum(map(line.count, "([{")) - sum(map(line.count, ")]}"))
            if depth <= 0:
                return last + 1
        return number + 1

    def _body_column(self, number: int) -> int:
        """The columns of the first line below the header that begins at a line; -1 where there is none."""
        below = range(self._header_stop(number, len(self._lines)), len(self._lines))
        return next((self._column(n) for n in below if self._is_code(n)), -1)

    def _ends_open(self, number: int) -> bool:
        """Whether the body of what begins at a line has to stand below it."""
        last = self._lines[self._header_stop(number, len(self._lines)) - 1].partition("#")[0].rstrip()
        return not last or last.endswith(":") or not last.rpartition(":")[0]

    def _begins_at_top(self, number: int) -> bool:
        if not self._is_code(number):
            return False
        line, column = self._lines[number], self._column(number)
        if column:
            # A class that lost its place: nothing is nested so.
            return bool(_CLASS.match(line)) and (
                column < self._indent or (self._ends_open(number) and self._body_column(number) <= column)
            )
        if _GOES_ON.match(line):
            return False
        return number in self._starts or bool(_KEYWORD_START.match(line)) or bool(_QUOTES.match(line))

    def _begins_method(self, number: int, indent: int, body: int) -> bool:
        """Whether a part of a class begins at a line. indent: its columns. body: those inside of the method above."""
        if not self._is_code(number):
            return False
        line, column = self._lines[number], self._column(number)
        if column <= indent and (_METHOD_LIKE.match(line) or line.strip() in ("d", "de")):
            return True
        if column == indent:
            return bool(_DEFINITION.match(line) or (_QUOTES.match(line) and not self._texts))
        if not _METHOD.match(line):
            return False
        # A method that lost its place: no function is nested so.
        return indent < column < body or (self._ends_open(number) and self._body_column(number) <= column)

    # Pieces

    def _cut(self, bounds: Sequence[int], stop: int, judge: Callable[[int, int], SyntaxError | None]) -> list[_Piece]:
        """The pieces between bounds; those that are whole only together are one."""
        ends = [*bounds[1:], stop][: len(bounds)]
        alone = [_Piece(start, end, judge(start, end)) for start, end in zip(bounds, ends, strict=True)]
        # Old code in quotes is text, though it may be whole; a method whose quote is missing ends at the next one.
        return self._merge(self._merge(alone, judge, is_text=True), judge, is_text=False)

    def _merge(
        self,
        pieces: Sequence[_Piece],
        judge: Callable[[int, int], SyntaxError | None],
        *,
        is_text: bool,
    ) -> list[_Piece]:
        """Put those together that are whole only so: texts, over all that is in them; or others, over what is broken."""
        found: list[_Piece] = []
        number = 0
        while number < len(pieces):
            piece, last = pieces[number], number
            is_broken = piece.error is not None and (not is_text or _QUOTES.match(self._lines[piece.start]))
            for other in range(number + 1, min(len(pieces), number + _MOST_MERGED)) if is_broken else ():
                if not is_text and pieces[other].error is None:
                    break
                if judge(piece.start, pieces[other].stop) is None:
                    piece, last = _Piece(piece.start, pieces[other].stop, None), other
                    break
            found.append(piece)
            number = last + 1
        return found

    def _judge_top(self, start: int, stop: int) -> SyntaxError | None:
        error = self._judge("\n".join(self._lines[start:stop]), start)
        return self._explain(error, start, stop, "")

    def _explain(self, error: SyntaxError | None, start: int, stop: int, head: str) -> SyntaxError | None:
        """The error, or that it is newer syntax and nothing else. head: what stands above the lines."""
        if error is None or self._reading is None:
            return error
        return self._reading.explain(lambda text: self._judge(head + text, 0) is None, start, stop) or error

    def _judge(self, text: str, before: int) -> SyntaxError | None:
        """Why a text is not whole, with the lines of the file. before: lines of the file above it, without its own."""
        self._effort.use(len(text))
        try:
            parse(text, "piece")
        except SyntaxError as error:
            why = _LINE_NUMBER.sub(lambda found: f"line {int(found[1]) + before}", error.msg or "invalid syntax")
            return _make_error(why, (error.lineno or 1) + before)
        return None

    def _judge_method(self, start: int, stop: int, prefix: str) -> SyntaxError | None:
        """The same for a part of a class, whose parts begin with this white space."""
        head = f"class _:\n{prefix}pass\n"
        text = head + "\n".join(self._lines[start:stop])
        error = self._explain(self._judge(text, start - _WRAPPER_LINES), start, stop, head)
        if error is None and (outside := parse(text, "piece").body[1:]):
            return _make_error("this line begins outside of the class", outside[0].lineno + start - _WRAPPER_LINES)
        return error

    def _keep(self, start: int, stop: int) -> None:
        self.out[start:stop] = self._lines[start:stop]
        self.wholes += sum(bool(_DEFINITION.match(line)) for line in self._lines[start:stop])

    def _leave_out(self, piece: _Piece) -> None:
        """Leave out a statement; an import may be read without what is wrong with it."""
        line = self._lines[piece.start].strip()
        if line.startswith(("%", "!", "```", "~~~")):
            return
        candidates = _imports_in(line) if _IMPORT.match(line) or _NUMPY.search(line) else ()
        self.out[piece.start] = next((text for text in candidates if self._judge(text, 0) is None), "")
        for number in range(piece.start + 1, piece.stop):
            # A bracket that is missing reaches no further than to the next constant.
            line = self._lines[number].rstrip()
            if _CONSTANT.match(line) and self._column(number) == 0 and not line.endswith(",") and _is_constant(line):
                self.out[number] = line
        # Of a page of prose the first line is told.
        if piece.start != self._left_out or self.out[piece.start]:
            self._tell(piece.error, piece, instead=self.out[piece.start])
        self._left_out = piece.stop

    def _tell(
        self, error: SyntaxError | None, piece: _Piece, name: str = "", *, is_head: bool = False, instead: str = ""
    ) -> int:
        """Note a damage; the line from 0 that is told."""
        line = piece.start + 1 if error is None or error.lineno is None else error.lineno
        line = min(max(line, piece.start + 1), piece.stop)
        self.damages.append(Damage(line, error.msg if error is not None else "invalid syntax", name, is_head, instead))
        return line - 1

    # Classes

    def _last_of_class(self, pieces: Sequence[_Piece], number: int) -> int:
        """The last piece that belongs to a class: what begins at the left in the middle of it does not end it."""
        last = number
        for other in range(number + 1, len(pieces)):
            piece = pieces[other]
            if _CLASS.match(self._first(piece)) or (piece.error is None and _FUNCTION.match(self._first(piece))):
                break
            if piece.error is not None and (
                self._is_cut(piece) or any(self._is_orphan(n) for n in range(piece.start, piece.stop))
            ):
                last = other
        return last

    def _is_cut(self, piece: _Piece) -> bool:
        """Whether a line at the left was meant to stand in a method.

        It returns something, stands close to the method above, or what is below it is indented as it cannot be.
        """
        first = self._lines[piece.start]
        is_close = piece.start > 0 and bool(self._lines[piece.start - 1].strip())
        if _RESULT.match(first) or (
            is_close and not _KEYWORD_START.match(first) and not _BLOCK.match(first) and not _is_prose(first)
        ):
            return True
        inside = range(piece.start + 1, piece.stop)
        below = [self._column(n) for n in inside if self._is_code(n) and n in self._starts and self._column(n)]
        return bool(below) and (not _BLOCK.match(first) or below[0] > 2 * self._indent)

    def _is_orphan(self, number: int) -> bool:
        line = self._lines[number]
        if not self._indent or not self._is_code(number) or not _METHOD.match(line):
            return False
        return self._column(number) == self._indent or self._body_column(number) > self._indent > self._column(number)

    def _mend_class(self, start: int, stop: int, error: SyntaxError | None) -> None:
        start, top = self._skip_decorators(start, stop), start
        found = _CLASS.match(self._lines[start])
        indent = self._method_indent(start + 1, stop)
        if found is None or not indent:
            if self._judge(self._lines[start], start) is None:
                # All of it stands in one line, which nothing below belongs to.
                self._keep(start, start + 1)
                start += 1
            self._leave_out(_Piece(start, stop, error))
            return
        bounds = self._bounds_of_methods(start + 1, stop, indent)
        starts = [self._lines[n] for n in bounds if self._column(n) == indent]
        ((prefix, _),) = Counter(line[: len(line) - len(line.lstrip())] for line in starts).most_common(1)
        self._mend_head(_Piece(start, bounds[0], error), top, found["name"], prefix)
        for piece in self._cut_methods(bounds, stop, prefix):
            if piece.error is None:
                self._keep(piece.start, piece.stop)
            elif (tail := self._tail_of_prose(piece, indent, prefix)) is not None:
                self._keep(piece.start, tail.start)
                self._tell(tail.error, tail)
            else:
                self._replace(piece, found["name"], prefix)

    def _cut_methods(self, bounds: Sequence[int], stop: int, prefix: str) -> list[_Piece]:
        """The parts of a class. A quote that opens nothing there belongs to the method above it."""
        found: list[_Piece] = []
        for piece in self._cut(bounds, stop, lambda start, stop: self._judge_method(start, stop, prefix)):
            first = self._lines[piece.start]
            if found and piece.error is not None and _QUOTES.match(first) and not _METHOD_LIKE.match(first):
                found[-1] = _Piece(found[-1].start, piece.stop, found[-1].error or piece.error)
            else:
                found.append(piece)
        return found

    def _bounds_of_methods(self, start: int, stop: int, indent: int) -> list[int]:
        bounds: list[int] = []
        body = 0
        for number in range(start, stop):
            if self._begins_method(number, indent, body):
                bounds.append(number)
                is_open = self._ends_open(number) and not self._lines[number].lstrip().startswith("@")
                body = self._body_column(number) if is_open else _LONGEST_LINE
        return _without_decorated(bounds, self._lines)

    def _mend_head(self, piece: _Piece, top: int, name: str, prefix: str) -> None:
        """The lines of a class above its first method."""
        lines = self._lines[piece.start : piece.stop]
        error = self._judge("\n".join([*lines, f"{prefix}pass"]), piece.start)
        if error is None and self._column(piece.start) == 0:
            self.out[piece.start : piece.stop] = lines
            if self._judge("\n".join([*self._lines[top : piece.stop], f"{prefix}pass"]), top) is None:
                self.out[top : piece.start] = self._lines[top : piece.start]
            return
        self._tell(error or piece.error, piece, name, is_head=True)
        line = lines[0].strip()
        for text in (line, f"{line}:", f"{line}):", f"class {name}:"):
            if self._judge(f"{text}\n{prefix}pass", 0) is None:
                self.out[piece.start] = text
                break
        if error is not None and "unterminated" in error.msg:
            return
        for number in range(piece.start + 1, piece.stop):
            line = self._lines[number]
            if (
                line.startswith(prefix)
                and self._is_code(number)
                and _CONSTANT.match(line)
                and _is_constant(line.strip())
            ):
                self.out[number] = line

    def _tail_of_prose(self, piece: _Piece, indent: int, prefix: str) -> _Piece | None:
        """What nobody meant as code, between a method that is whole and the next one."""
        inside = range(piece.start + 1, piece.stop)
        first = next((n for n in inside if self._is_code(n) and self._column(n) <= indent), None)
        if first is None or not _is_prose(self._lines[first]):
            return None
        if any(_may_be_code(self._lines[n]) for n in range(first, piece.stop) if self._is_code(n)):
            return None
        if self._judge_method(piece.start, first, prefix) is not None:
            return None
        return _Piece(first, piece.stop, self._judge(self._lines[first].strip(), first))

    def _replace(self, piece: _Piece, owner: str, prefix: str) -> None:
        """Put a function in the place of one that is damaged, which says so, with its line, when it is called."""
        header = self._skip_decorators(piece.start, piece.stop)
        found = _FUNCTION.match(self._lines[header]) or _METHOD_LIKE.match(self._lines[header])
        if found is None:
            self._leave_out(piece)
            return
        line = self._tell(piece.error, piece, f"{owner}.{found['name']}" if owner else found["name"])
        why = self.damages[-1].why
        says = _says(found["name"], why)
        for number, texts in self._stubs(piece, header, line, prefix, found["name"], says):
            text = "\n".join([f"class _:\n{prefix}pass" if prefix else "", *texts])
            if self._judge(text, 0) is None:
                self.out[number : number + len(texts)] = texts
                return

    def _stubs(
        self, piece: _Piece, header: int, line: int, prefix: str, name: str, says: str
    ) -> Iterator[tuple[int, list[str]]]:
        """Where and how a function may be replaced, the best first: with its own decorators and parameters."""
        stop = self._header_stop(header, piece.stop)
        decorators, head = list(self._lines[piece.start : header]), list(self._lines[header:stop])
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


def _says(name: str, why: str) -> str:
    return f"raise SyntaxError({f'{name} could not be read: {why}'!r})"


def _make_error(why: str, line: int) -> SyntaxError:
    return SyntaxError(why, (None, line, None, None))


def _without_decorated(bounds: Sequence[int], lines: Sequence[str]) -> list[int]:
    """The lines without those of what is decorated by the one before."""
    found: list[int] = []
    is_decorated = False
    for number in bounds:
        text = lines[number].lstrip()
        if not (is_decorated and _DEFINITION.match(text)):
            found.append(number)
        is_decorated = text.startswith("@")
    return found


def _imports_in(line: str) -> Iterator[str]:
    """What a damaged line may have been meant to import."""
    words = line.split()
    if _NUMPY.search(line) and "as" in words and "from" not in words:
        yield "import numpy as np"
    yield f"{line})"
    for count in range(len(words), 1, -1):
        yield " ".join(words[:count]).rstrip("()[]{}:;,.'\"`")
    if _NUMPY.search(line):
        yield "import numpy as np"


def _is_constant(line: str) -> bool:
    try:
        (statement,) = ast.parse(line).body
        ast.literal_eval(statement.value) if isinstance(
            statement, ast.Assign | ast.AnnAssign
        ) and statement.value else None
    except (SyntaxError, ValueError):
        return False
    return isinstance(statement, ast.Assign | ast.AnnAssign)


def _is_prose(line: str) -> bool:
    """Whether two words follow each other that nothing connects, as no code has them."""
    if _STATEMENT.match(line):
        return False
    pairs = _TWO_WORDS.findall(_TEXT.sub(" . ", line))
    return "=" not in line and any(not keyword.iskeyword(one) and not keyword.iskeyword(two) for one, two in pairs)


def _may_be_code(line: str) -> bool:
    if _is_prose(line):
        return False
    try:
        body = ast.parse(line.strip()).body
    except SyntaxError:
        return "=" in line or keyword.iskeyword(line.split(maxsplit=1)[0].strip(":("))
    return not all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Name | ast.Constant) for node in body)
