"""Text that strangers chose, made fit to be shown: on a terminal, in a log, in a table, in a report.

A terminal obeys escape sequences, a log believes a line break, and a reader believes the order of what is read. So what
is shown holds nothing that acts or hides: whatever is no visible character is written out, as Python writes it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

# Accents and vowel signs that honest scripts put on one letter; more of them climb over the lines above.
_MOST_MARKS = 6
# Characters that draw nothing, though Unicode counts them among the letters and marks.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
_ELLIPSIS = "…"


def clean(text: str) -> str:
    r"""The text on one line, of visible characters and plain spaces only; never raises, and leaves clean text alone.

    Spaces of other kinds become plain ones. What joins letters and chooses among their shapes is left out. All other
    characters that control, format, reorder or hide, line breaks, half characters and those without a meaning are
    written out: ``\x1b``, ``\n``, ``\u202e``.
    """
    if text.isascii() and text.isprintable():
        return text
    shown, marks = [], 0
    for character in text:
        marks = marks + 1 if unicodedata.category(character) in {"Mn", "Me"} else 0
        shown.append(_written_out(character) if marks > _MOST_MARKS else _visible(character))
    return "".join(shown)


def clean_lines(text: str) -> str:
    """Like `clean`, but line breaks stay, and a tab is spaces: for text that is ours and has lines of its own."""
    return "\n".join(clean(line.expandtabs(4)) for line in text.replace("\r\n", "\n").split("\n"))


def shorten(text: str, most: int = 60) -> str:
    """The text as `clean` shows it, at most so many characters of it; a cut is seen as an ellipsis."""
    # What is cut away need not be looked at: a name may be as long as its author likes.
    shown = clean(text[: most + 1])
    return shown if len(shown) <= most else shown[: most - len(_ELLIPSIS)] + _ELLIPSIS


def some(names: Sequence[str], most: int = 5) -> str:
    """A list as a person reads it: the first few, and how many more; as `clean` shows it."""
    more = len(names) - most
    return clean(f"{', '.join(names[:most])}{f' and {more} more' if more > 0 else ''}")


def is_visible(character: str) -> bool:
    """Whether a character draws something of its own, in its place; a plain space counts."""
    return character.isprintable() and character not in _BLANK and not _chooses_shape(character)


def _visible(character: str) -> str:
    if is_visible(character):
        return character
    if unicodedata.category(character) == "Zs":
        return " "
    return "" if character in "\u200c\u200d" or _chooses_shape(character) else _written_out(character)


def _chooses_shape(character: str) -> bool:
    """Whether this only says which shape of the character before it is meant (a variation selector)."""
    return "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"


def _written_out(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
