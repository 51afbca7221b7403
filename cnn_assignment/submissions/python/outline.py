"""Where the lines of a text that Python refuses begin: parso's tokenizer goes on after what it cannot read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

# Without f-strings, whose parts are not needed here, and for which it takes quadratic time.
_VERSION = (3, 5)
_OPEN = re.compile(r"[a-zA-Z]{0,2}(?:\"\"\"|''')")


@dataclass(frozen=True, slots=True)
class Outline:
    """Lines from 0. starts: where a statement may begin. texts: those that begin inside of a text of several lines.

    is_sure: every such text has an end. Where one has none, what is a text and what is not may be the other way round.
    """

    starts: frozenset[int]
    texts: frozenset[int]
    is_sure: bool


def read_outline(lines: Sequence[str]) -> Outline:
    """Outline a text. Raises SyntaxError where parso fails, whatever parso raises."""
    from parso.python.token import PythonTokenTypes as Kind
    from parso.python.tokenize import tokenize

    starts: set[int] = set()
    texts: set[int] = set()
    is_sure, is_start = True, True
    try:
        for token in tokenize("\n".join(lines), version_info=_VERSION):
            if token.type in (Kind.INDENT, Kind.DEDENT, Kind.ERROR_DEDENT):
                continue
            number = token.start_pos[0] - 1
            if token.type is Kind.NEWLINE:
                is_start = True
                continue
            if is_start:
                starts.add(number)
                is_start = False
            if token.type is Kind.STRING:
                texts.update(range(number + 1, token.end_pos[0]))
            elif token.type is Kind.ERRORTOKEN and _OPEN.match(token.string):
                is_sure = False
    except Exception as error:
        raise SyntaxError("cannot be outlined") from error
    return Outline(frozenset(starts), frozenset(texts), is_sure)
