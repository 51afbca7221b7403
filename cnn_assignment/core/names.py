"""What may be a student's name: of a folder, of a report, of rows in a gradebook and in tables.

Names come from students: with archives, with folders in an exchange, with uploads. One that gets this far is put into
paths, addresses, pages, tables, logs and commands, by the kit and by nbgrader, and has to be harmless in all of them.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

from cnn_assignment.core.texts import clean, shorten

MOST_BYTES = 128
"""The most bytes of a name in UTF-8: with an assignment, a time or an ending beside it, a file's name may have 255."""

REMEDY = (
    f"Rename it: letters, digits and _ . - @ + and single spaces, at most {MOST_BYTES} bytes, "
    "a letter, a digit or _ first, no space or full stop last."
)
"""What to do about a name that is refused."""

# Not among them: the characters of markup and quoting, of patterns (* ? [ ]), of addresses (% # & / :), of tables
# (, ; | and the tab) and of shells ($ ` ! ~ and brackets).
_BETWEEN = frozenset("_.-@+ ")
_DIGEST_CHARACTERS = 10


def why_not_a_student(name: str) -> str | None:
    """Why this cannot be a student's name, as the rest of a sentence about "it"; None for a name that can be one.

    Letters, marks and digits of any script may be in it, and ``_ . - @ +`` and single spaces between them.
    """
    if not name:
        return "is empty"
    if len(name) > MOST_BYTES or len(name.encode("utf-8", "replace")) > MOST_BYTES:
        return f"has more than {MOST_BYTES} bytes"
    odd = next((character for character in name if not _is_allowed(character)), None)
    if odd is not None:
        return f"holds {_describe(odd)}"
    if name[0] != "_" and unicodedata.category(name[0])[0] not in "LN":
        return "begins with neither a letter, a digit nor _"
    if name[-1] in " .":
        return "ends in a space or a full stop"
    if "  " in name:
        return "holds two spaces in a row"
    return None if clean(name) == name else "piles up accents"


def refusal(name: str) -> str | None:
    """`why_not_a_student` as a line to show: the name, fit to be shown, the reason and the remedy."""
    reason = why_not_a_student(name)
    return None if reason is None else f"'{shorten(name)}' cannot be a student's name: it {reason}. {REMEDY}"


def as_student(name: str, number: str = "") -> str | None:
    """A student's name made of what a platform or a file calls somebody; None where nothing is left of it.

    Hyphens take the place of what a name must not hold. number: what the platform tells people apart by; it is kept
    whole. Without one, a name of which more than spaces was lost ends in a digest of it, so that no two people get one
    name by it.
    """
    ending = f"_{number}" if number else ""
    room = MOST_BYTES - len(ending.encode("utf-8", "replace"))
    plain = _hyphenated(name)
    if not number and not plain.strip("-_."):
        return None
    lossless = plain == re.sub(r"\s+", "-", name.strip())
    short = _cut(plain, room)
    if short != plain or not (number or lossless) or why_not_a_student(short + ending) is not None:
        ending = f"-{_digest(name)}{ending}"
        short = _cut(plain, MOST_BYTES - len(ending.encode("utf-8", "replace")))
    found = short + ending
    if why_not_a_student(found) is None:
        return found
    return f"_{_digest(name + ending)}"


def with_digest(student: str, name: str) -> str:
    """A student's name with a digest of the name that it was made of, where two people would share it."""
    ending = f"-{_digest(name)}"
    return _cut(student, MOST_BYTES - len(ending)) + ending


def _is_allowed(character: str) -> bool:
    if character in _BETWEEN:
        return True
    return unicodedata.category(character)[0] in "LMN" and clean(character) == character


def _describe(character: str) -> str:
    shown = clean(character)
    if shown == character and character != " ":
        return f"the character {shown}"
    return f"the character {shown.strip() or f'U+{ord(character):04X}'}, which cannot be seen"


def _hyphenated(name: str) -> str:
    kept = "".join(c if c not in " +" and _is_allowed(c) else "-" for c in name.strip())
    plain = re.sub(r"-+(?=-)", "", kept).strip("-.")
    first = next((place for place, c in enumerate(plain) if c == "_" or unicodedata.category(c)[0] in "LN"), len(plain))
    return plain[first:]


def _cut(name: str, most: int) -> str:
    """The beginning of a name, in whole characters."""
    return name.encode("utf-8", "replace")[:most].decode("utf-8", "ignore").rstrip("-. ") if most > 0 else ""


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_CHARACTERS]


def module_of(assignment: str) -> str:
    """The module that students of an assignment may fill: its name, as Python can import it."""
    return assignment.replace("-", "_")
