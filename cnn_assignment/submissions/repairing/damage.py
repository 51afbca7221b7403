"""What mending gives: the mended code, and the damages with the sentences that tell a student of them."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from cnn_assignment.submissions.python.found import Newer

_MOST_TOLD = 8


@dataclass(frozen=True, slots=True)
class Damage:
    """A place that could not be read.

    line: from 1. why: the reason in Python's words. name: the function that is lost, or the class whose head is
    damaged. is_head: whether only the head of a class is damaged, so that its methods are there. instead: the import
    that the line was read as.
    """

    line: int
    why: str
    name: str = ""
    is_head: bool = False
    instead: str = ""

    def describe(self, label: str) -> str:
        """The damage as a sentence for the student. label: the file or the cell."""
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
    """Code that Python takes.

    code: the text, line for line that of the student. wholes: how many definitions are as they were written. newer: the
    syntax of a newer Python that the code has in an older form.
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
        """Whether each definition that is whole in another mending of the same text is whole in this one too."""
        names = {damage.name for damage in other.damages}
        return self.wholes >= other.wholes and all(damage.name in {*names, ""} for damage in self.damages)

    def describe(self, label: str) -> list[str]:
        """The damages as sentences for the student: the first ones, and how many more there are."""
        told = [damage.describe(label) for damage in self.damages[:_MOST_TOLD]]
        more = len(self.damages) - _MOST_TOLD
        return [*told, f"{label} is damaged in {more} more places."] if more > 0 else told
