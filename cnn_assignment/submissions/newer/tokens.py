"""Python cut into tokens as its newest version cuts it, whatever version runs this; damaged text too, as far as it goes.

Python's own tokenizer reads f-strings as its version does: before 3.12 a quote inside of the braces ends one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# Of one f-string: how long it is, and how many stand in each other. Characters of all that turn out to be none.
_LONGEST, _DEEPEST, _MOST_FAILED = 4_000, 8, 128 * 1024
_CODE = re.compile(
    r"(?P<blank>[ \t\f\r]+|\\\n)|(?P<comment>#[^\n]*)|(?P<newline>\n)"
    r"|(?P<prefix>[rRbBuUfFtT]{0,2})(?P<quote>\"\"\"|'''|\"|')|(?P<name>\w+)|(?P<op>:=|==|!=|<=|>=|->|.)",
    re.DOTALL,
)
_PREFIXES = frozenset({"", "r", "u", "b", "br", "rb", "f", "fr", "rf", "t", "tr", "rt"})
_REST = {
    quote: re.compile(rf"(?:\\.|[^\\\n{quote}])*{quote}" if len(quote) == 1 else rf"(?:\\.|[^\\])*?{quote}", re.DOTALL)
    for quote in ('"""', "'''", '"', "'")
}
_NAMED = re.compile(r"N\{[^{}\n]*\}")
_AFTER_EQUALS = re.compile(r"\s*(?=[!:}])")
_OPEN, _CLOSE = frozenset("([{"), frozenset(")]}")
# No bracket is open any more where a line begins with one of these.
_FRESH = frozenset(
    {
        *("assert", "break", "class", "continue", "def", "del", "except", "finally", "global", "import", "nonlocal"),
        *("pass", "raise", "return", "try", "while", "with"),
    }
)


@dataclass(frozen=True, slots=True)
class Field:
    """What stands in the braces of an f-string: the code from start to stop, and how it is shown.

    tokens: of the code. shown: the text before the value, for ``{x = }``. conversion: as it is written, ``!r``. spec: what
    follows the colon, None where there is none.
    """

    start: int
    stop: int
    tokens: tuple[Token, ...]
    shown: str
    conversion: str
    spec: tuple[Part, ...] | None


Part = tuple[int, int] | Field
"""Of an f-string: from where to where it is text, or a field."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token from start to stop. kind: name, op, string, comment, newline, or error for a quote that is never closed.

    depth: how many brackets are open around it. prefix, quote: of a string, the prefix in small letters. parts: of an
    f-string or a t-string.
    """

    kind: str
    start: int
    stop: int
    text: str
    depth: int
    prefix: str = ""
    quote: str = ""
    parts: tuple[Part, ...] = ()

    @property
    def is_format(self) -> bool:
        """Whether it is an f-string."""
        return "f" in self.prefix

    @property
    def is_template(self) -> bool:
        """Whether it is a t-string."""
        return "t" in self.prefix


def tokens_of(text: str) -> list[Token]:
    """The tokens of a text, which may be damaged; blanks are left out."""
    return list(_Scanner(text).run())


class _BrokenError(Exception):
    """This is no f-string."""


class _Scanner:
    """One text on its way to tokens."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._failed = 0
        self._never_closed: set[str] = set()

    def run(self) -> Iterator[Token]:
        """All tokens."""
        position, depth, is_first = 0, 0, True
        while position < len(self._text):
            found = _CODE.match(self._text, position)
            assert found is not None, "any character is a token"
            kind, position = found.lastgroup, found.end()
            if kind == "blank":
                continue
            if kind == "quote":
                token = self._read_string(found, depth)
            elif kind == "name":
                depth = 0 if is_first and found[0] in _FRESH else depth
                token = _make(found, depth)
            else:
                depth = max(0, depth - (found[0] in _CLOSE))
                token = _make(found, depth)
                depth += found[0] in _OPEN
            is_first = kind == "newline"
            yield token
            position = token.stop

    def _read_string(self, found: re.Match[str], depth: int) -> Token:
        prefix = found["prefix"].lower()
        if prefix not in _PREFIXES:
            return Token("name", found.start(), found.end("prefix"), found["prefix"], depth)
        if ("f" in prefix or "t" in prefix) and self._failed < _MOST_FAILED:
            start = found.end()
            try:
                parts, stop = self._read_format(start, prefix, found["quote"], 0, start + _LONGEST)
            except _BrokenError as error:
                self._failed += error.args[0] - start
            else:
                return self._make_string(found, stop, depth, parts)
        return self._make_string(found, self._end_of(found), depth, ())

    def _make_string(self, found: re.Match[str], stop: int | None, depth: int, parts: tuple[Part, ...]) -> Token:
        start, quote = found.start(), found["quote"]
        if stop is None:
            # Of such a quote the line is lost, as Python's tokenizer loses it.
            line = self._text.find("\n", found.end())
            stop = found.end() if len(quote) > 1 else len(self._text) if line < 0 else line
            return Token("error", start, stop, self._text[start:stop], depth)
        return Token("string", start, stop, self._text[start:stop], depth, found["prefix"].lower(), quote, parts)

    def _end_of(self, found: re.Match[str]) -> int | None:
        """Where a string without fields ends."""
        quote = found["quote"]
        if quote in self._never_closed:
            return None
        rest = _REST[quote].match(self._text, found.end())
        if rest is None:
            # What is closed nowhere below is closed nowhere below that either.
            self._never_closed |= {quote} if len(quote) > 1 else set()
            return None
        return rest.end()

    def _read_format(
        self, position: int, prefix: str, quote: str, level: int, limit: int
    ) -> tuple[tuple[Part, ...], int]:
        """The parts of an f-string up to its closing quote, and where that ends."""
        parts: list[Part] = []
        start = position
        while True:
            self._check(position, level, limit)
            if self._text.startswith(quote, position):
                return (*parts, (start, position)), position + len(quote)
            letter = self._text[position]
            if letter == "\\":
                position = self._after_backslash(position, prefix)
            elif self._text.startswith(("{{", "}}"), position):
                position += 2
            elif letter == "{":
                parts.append((start, position))
                field, position = self._read_field(position + 1, prefix, quote, level, limit)
                parts.append(field)
                start = position
            elif letter == "}" or (letter == "\n" and len(quote) == 1):
                raise _BrokenError(position)
            else:
                position += 1

    def _after_backslash(self, position: int, prefix: str) -> int:
        named = _NAMED.match(self._text, position + 1) if "r" not in prefix else None
        if named is not None:
            return named.end()
        if self._text.startswith("{", position + 1):
            raise _BrokenError(position)
        return position + 2

    def _check(self, position: int, level: int, limit: int) -> None:
        if position >= min(limit, len(self._text)) or level > _DEEPEST:
            raise _BrokenError(position)

    def _read_field(self, position: int, prefix: str, quote: str, level: int, limit: int) -> tuple[Field, int]:
        """The field whose brace stands just before position, and where its closing brace ends."""
        start = position
        tokens, stop = self._read_code(position, level + 1, limit)
        position, shown, conversion = stop, "", ""
        if self._text[position] == "=":
            after = _AFTER_EQUALS.match(self._text, position + 1)
            if after is None:
                raise _BrokenError(position)
            position = after.end()
            shown = self._text[start:position]
        if self._text[position] == "!":
            conversion = self._text[position : position + 2]
            position += 2
            while self._text.startswith((" ", "\t"), position):
                position += 1
        self._check(position, level, limit)
        spec: tuple[Part, ...] | None = None
        if self._text[position] == ":":
            spec, position = self._read_spec(position + 1, prefix, quote, level + 1, limit)
        if not self._text.startswith("}", position):
            raise _BrokenError(position)
        return Field(start, stop, tokens, shown, conversion, spec), position + 1

    def _read_spec(
        self, position: int, prefix: str, quote: str, level: int, limit: int
    ) -> tuple[tuple[Part, ...], int]:
        """The parts of the format behind a colon, up to the closing brace."""
        parts: list[Part] = []
        start = position
        while True:
            self._check(position, level, limit)
            if self._text[position] == "}":
                return (*parts, (start, position)), position
            if self._text[position] == "{":
                parts.append((start, position))
                field, position = self._read_field(position + 1, prefix, quote, level, limit)
                parts.append(field)
                start = position
                continue
            if self._text.startswith(quote, position) or self._text[position] in "\n\\":
                raise _BrokenError(position)
            position += 1

    def _read_code(self, position: int, level: int, limit: int) -> tuple[tuple[Token, ...], int]:
        """The tokens in a field up to the end of its code, and where that end stands."""
        tokens: list[Token] = []
        depth = 0
        while True:
            self._check(position, level, limit)
            found = _CODE.match(self._text, position)
            assert found is not None, "any character is a token"
            kind, text = found.lastgroup, found[0]
            if kind == "op" and not depth and (text in ("!", ":=", "=") or text in _CLOSE or text == ":"):
                if text in (")", "]"):
                    raise _BrokenError(position)
                return tuple(tokens), position
            position = found.end()
            if kind == "blank":
                continue
            if kind == "quote":
                tokens.append(self._read_string_inside(found, depth + 1, level, limit))
                position = tokens[-1].stop
                continue
            depth -= kind == "op" and text in _CLOSE
            tokens.append(_make(found, depth + 1))
            depth += kind == "op" and text in _OPEN

    def _read_string_inside(self, found: re.Match[str], depth: int, level: int, limit: int) -> Token:
        prefix = found["prefix"].lower()
        if prefix not in _PREFIXES:
            raise _BrokenError(found.end())
        if "f" in prefix or "t" in prefix:
            parts, stop = self._read_format(found.end(), prefix, found["quote"], level, limit)
            return self._make_string(found, stop, depth, parts)
        end = self._end_of(found)
        if end is None or end > limit:
            raise _BrokenError(min(limit, len(self._text)))
        return self._make_string(found, end, depth, ())


def _make(found: re.Match[str], depth: int) -> Token:
    return Token(found.lastgroup or "", found.start(), found.end(), found[0], depth)
