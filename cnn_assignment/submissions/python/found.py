"""What is told of syntax that a newer Python reads than the one that grades."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

Version = tuple[int, int]
"""A Python by its first two numbers."""

THIS: Version = sys.version_info[:2]
"""The Python that runs this, which is the one that grades."""


class NewerSyntaxError(SyntaxError):
    """The only fault of the code is that it needs a newer Python."""


def name_of(version: Version = THIS) -> str:
    """How a Python is called: ``Python 3.11``."""
    return f"Python {version[0]}.{version[1]}"


# What was rewritten in one file or cell costs nothing, so not all of it is told.
_MOST_TOLD = 3


def describe_all(found: Sequence[Newer], label: str) -> list[str]:
    """Sentences for the student on what was rewritten: the first ones, and how many more there are. label: the file or cell."""
    rewritten = [newer for newer in found if newer.is_rewritten]
    more = len(rewritten) - _MOST_TOLD
    told = [newer.describe(label) for newer in rewritten[:_MOST_TOLD]]
    return [*told, f"{label}: {more} more like these were rewritten."] if more > 0 else told


@dataclass(frozen=True, slots=True)
class Newer:
    """One place of newer syntax. line: from 1. what: its name with an article. since: the first Python that reads it.

    is_rewritten: whether it was written for the Python that grades, without changing what it does.
    """

    line: int
    what: str
    since: Version
    is_rewritten: bool = True

    @property
    def why(self) -> str:
        """Why the Python that grades cannot read it."""
        return f"{self.what}, which {name_of(self.since)} and newer read (this is graded with {name_of()})"

    def describe(self, label: str) -> str:
        """The sentence for the student where it was rewritten. label: the file or the cell."""
        return (
            f"{label}, line {self.line}: {self.what}, which {name_of(self.since)} and newer read, was rewritten for "
            f"{name_of()}, which grades it; this costs nothing."
        )
