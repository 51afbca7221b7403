"""Statements of newer Pythons written as older ones read them: parameters of types, aliases of types, and ``except A, B:``.

None of the first two does anything when the code runs but to give names to types. Every line stays where it is.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cnn_assignment.submissions.newer.tokens import Token
from cnn_assignment.submissions.python.found import Newer, Version

_PARAMETERS: Version = (3, 12)
_DEFAULTS: Version = (3, 13)
_EXCEPT: Version = (3, 14)
_OPEN, _CLOSE = frozenset("([{"), frozenset(")]}")
# Tokens that one statement, or what stands in its brackets, may have, and how many of one text may turn out to be none.
_LONGEST, _MOST_FAILED = 500, 100
_KINDS = {"": "TypeVar", "*": "TypeVarTuple", "**": "ParamSpec"}


def placeholder(name: str, stars: str = "") -> str:
    """The stand-in for a type of which only the name is known: it can be combined with others, as annotations do."""
    return f'__import__("typing").{_KINDS[stars]}("{name}")'


@dataclass(slots=True)
class Statements:
    """Rewrites the statements of one text. version: for which Python.

    on_trial: whether what has no older form gets one, too. parameters: of each definition that lost some, by its line and
    its name, the names with their stars.
    """

    text: str
    version: Version
    on_trial: bool = False
    found: list[Newer] = field(default_factory=list)
    parameters: dict[tuple[int, str], dict[str, str]] = field(default_factory=dict)

    def rewrite(self, tokens: Sequence[Token]) -> str:
        """The whole text."""
        code = [token for token in tokens if token.kind != "comment"]
        out: list[str] = []
        done = 0
        for start, stop, instead in self._edits(code):
            out += [self.text[done:start], instead]
            done = stop
        return "".join([*out, self.text[done:]])

    def _edits(self, code: Sequence[Token]) -> Iterator[tuple[int, int, str]]:
        """The replacements in the text: start, stop, and the text between them from then on."""
        behind = failed = 0
        for number, token in enumerate(code):
            if number < behind or token.kind != "name" or failed > _MOST_FAILED:
                continue
            if token.text in ("def", "class") and self.version < _DEFAULTS and _text(code, number + 2) == "[":
                edits, behind = self._definition(code, number)
            elif token.text == "type" and self.version < _PARAMETERS and _begins(code, number):
                edits, behind = self._alias(code, number)
            elif token.text == "except" and self.version < _EXCEPT and _begins(code, number):
                edits, behind = self._handler(code, number)
            else:
                continue
            failed += not edits and behind == 0
            yield from edits

    def _definition(self, code: Sequence[Token], number: int) -> tuple[list[tuple[int, int, str]], int]:
        found = self._read_parameters(code, number + 2)
        if found is None or code[number + 1].kind != "name":
            return [], 0
        names, since, stop = found
        # On a line of its own nothing follows.
        follows = _text(code, stop)
        if since <= self.version or follows not in ("(" if code[number].text == "def" else "(:") or not follows:
            return [], 0
        line = self._line(code[number].start)
        what = "parameters of types with defaults" if since == _DEFAULTS else "parameters of types"
        self._note(line, what, since)
        start, end = code[number + 2].start, code[stop - 1].stop
        breaks = "\\\n" * self.text.count("\n", start, end)
        self.parameters[line, code[number + 1].text] = names
        if code[number].text == "def":
            return [(start, end, breaks)], stop
        if follows == ":":
            return [(start, end, f"({_generic(names)}){breaks}")], stop
        last = _closing(code, stop)
        if last is None:
            return [(start, end, breaks)], stop
        comma = "" if code[last - 1].text in ("(", ",") else ", "
        # Behind all others, as a newer Python puts it; a star may also stand behind keywords.
        return [(start, end, breaks), (code[last].start, code[last].start, f"{comma}*({_generic(names)},)")], last

    def _read_parameters(self, code: Sequence[Token], number: int) -> tuple[dict[str, str], Version, int] | None:
        """The names in the square brackets that open at a token, with their stars, and the token behind them."""
        if _text(code, number) != "[":
            return None
        stop = _closing(code, number)
        if stop is None:
            return None
        names: dict[str, str] = {}
        since = _PARAMETERS
        for item in _split(code[number + 1 : stop]):
            stars = item[0].text * 2 if [t.text for t in item[:2]] == ["*", "*"] else "*" if item[0].text == "*" else ""
            name, *rest = item[len(stars) :] or [item[0]]
            bound, default = _cut_default(rest)
            is_right = name.kind == "name" and name.text.isidentifier() and name.text not in names
            is_right = is_right and (not bound or (not stars and bound[0].text == ":" and self._is_value(bound[1:])))
            is_right = is_right and (not default or self._is_value(default))
            if not is_right:
                return None
            if not default and since == _DEFAULTS:
                return None
            since = _DEFAULTS if default else since
            names[name.text] = stars
        return (names, since, stop + 1) if names else None

    def _alias(self, code: Sequence[Token], number: int) -> tuple[list[tuple[int, int, str]], int]:
        if number + 2 >= len(code) or code[number + 1].kind != "name" or not code[number + 1].text.isidentifier():
            return [], 0
        name, equals, since, parameters = code[number + 1].text, number + 2, _PARAMETERS, False
        found = self._read_parameters(code, equals)
        if found is not None:
            _, since, equals = found
            parameters = True
        stop = _end_of_statement(code, number)
        if equals >= stop or code[equals].text != "=" or not self._is_value(code[equals + 1 : stop]):
            return [], 0
        # What stands behind the name is computed when this is asked for.
        is_rewritten = not re.search(rf"\b{name}\s*\.\s*__\w+__", self.text)
        self._note(self._line(code[number].start), "an alias of a type", since, is_rewritten=is_rewritten)
        if not is_rewritten and not self.on_trial:
            return [], 0
        start, end = code[number].start, code[stop - 1].stop
        value = '__import__("typing").Tuple' if parameters else placeholder(name)
        # Inside of brackets a line break ends nothing.
        return [(start, end, f"{name} = ({value}{chr(10) * self.text.count(chr(10), start, end)})")], stop

    def _handler(self, code: Sequence[Token], number: int) -> tuple[list[tuple[int, int, str]], int]:
        first = number + 1 + (number + 1 < len(code) and code[number + 1].text == "*")
        depth = code[number].depth
        last = first
        while last < min(len(code), number + _LONGEST) and not (
            code[last].depth == depth and code[last].text in (":", "as", "\n")
        ):
            last += 1
        inside = code[first:last]
        is_several = any(token.text == "," and token.depth == depth for token in inside)
        if _text(code, last) == ":" and not is_several:
            return [], last
        if _text(code, last) != ":" or not is_several or not self._is_value(inside):
            return [], 0
        self._note(self._line(code[number].start), "several exceptions without brackets", _EXCEPT)
        start, stop = inside[0].start, inside[-1].stop
        return [(start, stop, f"({self.text[start:stop]})")], last

    def _is_value(self, code: Sequence[Token]) -> bool:
        """Whether tokens are a value by themselves."""
        if not code:
            return False
        try:
            ast.parse(f"({self.text[code[0].start : code[-1].stop]}\n)", mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
        return True

    def _note(self, line: int, what: str, since: Version, *, is_rewritten: bool = True) -> None:
        self.found.append(Newer(line, what, since, is_rewritten))

    def _line(self, position: int) -> int:
        return self.text.count("\n", 0, position) + 1


def _text(code: Sequence[Token], number: int) -> str:
    return code[number].text if number < len(code) else ""


def _generic(names: Mapping[str, str]) -> str:
    """The base by which a class with these parameters can be given types."""
    given = (f"{'*' if stars == '*' else ''}{placeholder(name, stars)}" for name, stars in names.items())
    return f'__import__("typing").Generic[{", ".join(given)}]'


def _begins(code: Sequence[Token], number: int) -> bool:
    """Whether a statement begins at a token."""
    return number == 0 or code[number - 1].text in ("\n", ";", ":")


def _end_of_statement(code: Sequence[Token], number: int) -> int:
    """The token behind a simple statement."""
    depth = code[number].depth
    stop = number
    while stop < min(len(code), number + _LONGEST) and not (
        code[stop].depth <= depth and code[stop].text in ("\n", ";")
    ):
        stop += 1
    return stop


def _closing(code: Sequence[Token], number: int) -> int | None:
    """The token that closes the bracket at a token."""
    depth = 0
    for place in range(number, min(len(code), number + _LONGEST)):
        depth += (code[place].text in _OPEN) - (code[place].text in _CLOSE)
        if depth == 0:
            return place
    return None


def _split(code: Sequence[Token]) -> Iterator[list[Token]]:
    """The tokens between commas, a group each."""
    depth, item = 0, list[Token]()
    for token in code:
        depth += (token.text in _OPEN) - (token.text in _CLOSE)
        if token.text == "," and not depth:
            if item:
                yield item
            item = []
        elif token.kind != "newline":
            item.append(token)
    if item:
        yield item


def _cut_default(code: Sequence[Token]) -> tuple[Sequence[Token], Sequence[Token]]:
    """The tokens before the equals sign of a parameter, and those of the value behind it."""
    depth = 0
    for number, token in enumerate(code):
        depth += (token.text in _OPEN) - (token.text in _CLOSE)
        if token.text == "=" and not depth:
            value = code[number + 1 :]
            # Of several types a default is an unpacked one.
            return code[:number], value[1:] if len(value) > 1 and value[0].text == "*" else value or [token]
    return code, ()
