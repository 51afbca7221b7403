"""A submission's file as values: its parts in order, each with what it was parsed to."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from cnn_assignment.submissions.plain.attachments import Attachments
from cnn_assignment.submissions.python.found import Newer
from cnn_assignment.submissions.python.parsing import defined_names
from cnn_assignment.submissions.repairing.cells import ReadCell


@dataclass(frozen=True, slots=True)
class Part:
    """A module, a cell, or the pieces of a cell that was cut.

    source: as it was written. code, tree: for code what was parsed, line for line that of the source, and the tree or
    the error; text has neither. is_copy: an earlier or better copy of the same cell counts in its place. attachments:
    pictures in a text. lost: how many functions of it could not be read. is_mended: whether some of it was left out.
    newer: what the code has in an older form than the source.
    """

    label: str
    kind: str
    source: str
    grade_id: str | None = None
    code: str = ""
    tree: ast.Module | SyntaxError | None = None
    is_copy: bool = False
    attachments: Attachments = field(default_factory=dict)
    lost: int = 0
    is_mended: bool = False
    newer: tuple[Newer, ...] = ()

    @property
    def is_damaged(self) -> bool:
        """Whether some code of the part could not be read."""
        return self.is_mended or isinstance(self.tree, SyntaxError)

    @property
    def names(self) -> set[str]:
        """The classes and functions that the part defines at its top."""
        return defined_names(self.tree) if isinstance(self.tree, ast.Module) else set()


@dataclass(frozen=True, slots=True)
class Document:
    """The parts of a file in order. written: modules that its cells write, by name. notes: for the student.

    is_whole: whether the parts hold all of the file.
    """

    parts: tuple[Part, ...]
    is_module: bool
    written: dict[str, str]
    notes: tuple[str, ...]
    is_whole: bool = True


def make_part(label: str, source: str, grade_id: str | None, read: ReadCell) -> Part:
    """The part of a cell or a module that was read as code."""
    return Part(label, "code", source, grade_id, read.code, read.tree, newer=read.newer)
