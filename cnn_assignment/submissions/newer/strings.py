"""F-strings of Python 3.12 and newer, written as older versions read them; and t-strings, which none of those has.

What an older version does not read inside of the braces is put beside them: ``f"a {d["k"]:>4}"`` becomes
``"".join(("a ","{:>4}".format((d["k"])),))``, which is computed in the same order. Every line stays where it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cnn_assignment.submissions.newer.tokens import Field, Part, Token
from cnn_assignment.submissions.python.found import Newer, Version

_FORMATS: Version = (3, 12)
_TEMPLATES: Version = (3, 14)
_CONVERSIONS = frozenset({"", "!r", "!s", "!a"})
# How deep specifications may stand in each other for `str.format`.
_DEEPEST_SPEC = 2


class _ImpossibleError(Exception):
    """A string that has no older form, or that no version of Python reads."""


class Strings:
    """Rewrites the strings of one text. version: for which Python.

    as_formats: whether t-strings are written as f-strings, which says whether the rest is right and is never run.
    """

    def __init__(self, text: str, version: Version, *, as_formats: bool = False) -> None:
        self._text = text
        self._version = version
        self._as_formats = as_formats
        self.found: list[Newer] = []

    def rewrite(self, tokens: Sequence[Token]) -> str:
        """The whole text; `found` then says what was newer in it."""
        return self._code(tokens, 0, len(self._text))

    def _code(self, tokens: Sequence[Token], start: int, stop: int) -> str:
        out: list[str] = []
        for group in _groups(tokens):
            known = len(self.found)
            out.append(self._text[start : group[0].start])
            try:
                out.append(self._group(group))
            except _ImpossibleError:
                del self.found[known:]
                out.append(self._text[group[0].start : group[-1].stop])
            start = group[-1].stop
        return "".join([*out, self._text[start:stop]])

    def _group(self, group: Sequence[Token]) -> str:
        """Strings that stand beside each other, which are one."""
        whole = self._text[group[0].start : group[-1].stop]
        for token in group:
            if token.is_template and self._version < _TEMPLATES:
                self.found.append(Newer(self._line(token.start), "a t-string", _TEMPLATES, is_rewritten=False))
                if not self._as_formats:
                    return whole
        reasons = [(token, why) for token in group if (why := self._why(token))]
        if not reasons or self._version >= _FORMATS:
            return _as_format(whole, group) if self._as_formats else whole
        told = (Newer(self._line(token.start), f"an f-string with {why}", _FORMATS) for token, why in reasons)
        self.found += [newer for newer in dict.fromkeys(told) if newer not in self.found[-1:]]
        out = ['"".join((']
        for number, token in enumerate(group):
            if "b" in token.prefix:
                raise _ImpossibleError
            items = self._items(token) if token.parts else [token.text]
            out.append("".join(f"{item}," for item in items))
            if number + 1 < len(group):
                out.append(self._text[token.stop : group[number + 1].start])
        return "".join([*out, "))"])

    def _why(self, token: Token) -> str:
        """The feature of an f-string that an older version does not read; "" where there is none."""
        return next((why for part in _fields(token.parts) if (why := self._why_field(part, token.quote))), "")

    def _why_field(self, field: Field, quote: str) -> str:
        code = self._text[field.start : field.stop]
        if any(token.kind == "comment" for token in field.tokens):
            return "a comment inside of its braces"
        if quote in code:
            return "quotes of its own kind inside"
        if "\\" in code:
            return "a backslash inside of its braces"
        if "\n" in code and len(quote) == 1:
            return "a line break inside of its braces"
        inner = (self._why(token) for token in field.tokens)
        return next((why for why in inner if why), "") or next(
            (why for part in _fields(field.spec or ()) if (why := self._why_field(part, quote))), ""
        )

    def _items(self, token: Token) -> Iterator[str]:
        """The texts that an f-string puts together."""
        prefix = "".join(letter for letter in token.prefix if letter not in "ft")
        for part in token.parts:
            if isinstance(part, Field):
                if part.shown:
                    yield repr(part.shown)
                yield self._value(part, token.quote)
            elif raw := self._text[part[0] : part[1]]:
                raw = raw.replace("{{", "{").replace("}}", "}")
                if (len(raw) - len(raw.rstrip("\\"))) % 2:
                    raise _ImpossibleError
                if raw.endswith(token.quote[0]) and len(token.quote) > 1:
                    if "r" in prefix:
                        raise _ImpossibleError
                    raw = f"{raw[:-1]}\\{raw[-1]}"
                yield f"{prefix}{token.quote}{raw}{token.quote}"

    def _value(self, field: Field, quote: str) -> str:
        """One field as a text of its own."""
        arguments: list[str] = []
        form = self._form(field, arguments, 0)
        return f"{quote}{form}{quote}.format({', '.join(arguments)})"

    def _form(self, field: Field, arguments: list[str], level: int) -> str:
        # A comprehension without brackets is right in none but older versions.
        is_bare = any(token.depth == 1 and token.text == "for" and token.kind == "name" for token in field.tokens)
        if field.conversion not in _CONVERSIONS or level > _DEEPEST_SPEC or is_bare or (level and field.shown):
            raise _ImpossibleError
        if not any(token.kind not in ("comment", "newline") for token in field.tokens):
            raise _ImpossibleError
        arguments.append(f"({self._code(field.tokens, field.start, field.stop)})")
        conversion = field.conversion or ("!r" if field.shown and field.spec is None else "")
        spec = "".join(self._spec(field.spec or (), arguments, level + 1))
        return f"{{{conversion}{':' if spec else ''}{spec}}}"

    def _spec(self, parts: Sequence[Part], arguments: list[str], level: int) -> Iterator[str]:
        for part in parts:
            yield (self._form(part, arguments, level) if isinstance(part, Field) else self._text[part[0] : part[1]])

    def _line(self, position: int) -> int:
        return self._text.count("\n", 0, position) + 1


def _groups(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """The strings, those together that Python puts together."""
    group: list[Token] = []
    for token in tokens:
        if token.kind == "string":
            group.append(token)
        elif group and not (token.kind == "comment" or (token.kind == "newline" and token.depth)):
            yield group
            group = []
    if group:
        yield group


def _fields(parts: Sequence[Part]) -> Iterator[Field]:
    return (part for part in parts if isinstance(part, Field))


def _as_format(whole: str, group: Sequence[Token]) -> str:
    """The strings of a group with the t-strings among them as f-strings."""
    start = group[0].start
    letters = list(whole)
    for token in group:
        if token.is_template:
            place = token.start - start + token.prefix.index("t")
            letters[place] = "f"
    return "".join(letters)
