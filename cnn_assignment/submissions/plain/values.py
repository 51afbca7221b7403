"""What reading a submission gives, as plain values: they cross from the confined process to the process that asked.

Each has `to_json`; the `from_json` of each takes nothing on trust and raises ValueError or TypeError for
what is not of that form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cnn_assignment.core.model import Assignment
from cnn_assignment.submissions.plain.attachments import Attachments, read_attachments

Keep = tuple[tuple[int, tuple[int, ...] | None], ...]
"""Which statements run, by their index, each with the positions of the aliases to keep of an import."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What reading has to know of an assignment.

    names: of the classes and functions that a submission should define. functions: those of them that are functions.
    installed: modules that are importable where student code runs beside NumPy and the standard library, and are not a
    student's to replace. methods: by class, those that the release has; they are known where it was read, and part of
    no order.
    """

    names: tuple[str, ...]
    installed: tuple[str, ...] = ()
    functions: frozenset[str] = frozenset()
    methods: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, assignment: Assignment) -> Wanted:
        """What is wanted for an assignment."""
        installed = (*assignment.modules, *(file.stem for file in assignment.provided_modules))
        return cls(assignment.names, installed, frozenset(assignment.functions))

    def word_for(self, name: str) -> str:
        """The word with which the definition of a name begins."""
        return "def" if name in self.functions else "class"

    @property
    def kinds(self) -> str:
        """What should be defined, in a word."""
        if not self.functions:
            return "classes"
        return "functions" if self.functions.issuperset(self.names) else "classes and functions"

    def describe(self) -> str:
        """What should be defined, by name."""
        return f"the {self.kinds} {', '.join(self.names)}"

    def to_json(self) -> list[Any]:
        """As an order to the confined process."""
        return [list(self.names), list(self.installed), sorted(self.functions)]

    @classmethod
    def from_json(cls, data: list[Any]) -> Wanted:
        """The inverse of `to_json`, of an order that the kit itself wrote."""
        names, installed, functions = data
        return cls(tuple(names), tuple(installed), frozenset(functions))


@dataclass(frozen=True, slots=True)
class Chunk:
    """A file or a cell: the label that errors name, its text, and which statements run (None for all)."""

    label: str
    source: str
    keep: Keep | None = None

    def to_json(self) -> list[Any]:
        """The chunk as a worker takes it."""
        return [self.label, self.source, None if self.keep is None else [list(pair) for pair in self.keep]]

    @classmethod
    def from_json(cls, data: Any) -> Chunk:
        """The inverse of `to_json`."""
        match data:
            case [str(label), str(source), keep]:
                return cls(label, source, None if keep is None else _read_keep(keep))
        raise ValueError("not a chunk")


@dataclass(frozen=True, slots=True)
class LocalModule:
    """A module of a student's own by its dotted name: the label that errors name, its text, and which statements run."""

    name: str
    label: str
    source: str
    keep: Keep
    is_package: bool = False

    def to_json(self) -> list[Any]:
        """The module as a worker takes it, without its name."""
        return [self.label, self.source, [list(pair) for pair in self.keep], self.is_package]

    @classmethod
    def from_json(cls, name: str, data: Any) -> LocalModule:
        """The inverse of `to_json`."""
        match data:
            case [str(label), str(source), keep, bool(is_package)]:
                return cls(name, label, source, _read_keep(keep), is_package)
        raise ValueError("not a module")


@dataclass(frozen=True, slots=True)
class ExtractedCode:
    """What was extracted from a submission, and notes for the student on what was left out or mended.

    modules: modules of the student's own that the chunks import. missing: names that nothing defines. definitions: by
    name the label and the line of each statement at the top that binds it. open_gaps: how
    many gaps the extracted code still holds as they were released, and how many functions could not be read. with_dropped: the
    same code with the statements that were left out although they may matter, None where there are none; `notes` names
    them.
    """

    chunks: tuple[Chunk, ...]
    notes: tuple[str, ...]
    modules: tuple[LocalModule, ...] = ()
    missing: tuple[str, ...] = ()
    open_gaps: int = 0
    with_dropped: ExtractedCode | None = None
    definitions: dict[str, tuple[tuple[str, int], ...]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As the confined process answers."""
        return {
            "with_dropped": None if self.with_dropped is None else self.with_dropped.to_json(),
            "chunks": [chunk.to_json() for chunk in self.chunks],
            "notes": list(self.notes),
            "modules": [[module.name, module.to_json()] for module in self.modules],
            "missing": list(self.missing),
            "open_gaps": self.open_gaps,
            "definitions": {name: list(map(list, places)) for name, places in self.definitions.items()},
        }

    @classmethod
    def from_json(cls, data: Any) -> ExtractedCode:
        """The inverse of `to_json`."""
        match data:
            case {
                "with_dropped": dict() | None as other,
                "chunks": list(chunks),
                "notes": list(notes),
                "modules": list(modules),
                "missing": list(missing),
                "open_gaps": int(open_gaps),
                "definitions": dict(definitions),
            }:
                return cls(
                    tuple(map(Chunk.from_json, chunks)),
                    _read_texts(notes),
                    tuple(LocalModule.from_json(str(name), module) for name, module in modules),
                    _read_texts(missing),
                    open_gaps,
                    None if other is None else cls.from_json(other),
                    {str(name): _read_places(places) for name, places in definitions.items()},
                )
        raise ValueError("not code of layers")


@dataclass(frozen=True, slots=True)
class ShownCell:
    """A cell, or a whole module, as its student sees it again.

    definitions: for each class and function at its top the lines of the last definition, from 0, the end excluded.
    names: those of them. is_copy: another copy of the same cell counts in its place. attachments: pictures in a text.
    """

    label: str
    kind: str
    source: str
    grade_id: str | None = None
    is_copy: bool = False
    names: frozenset[str] = frozenset()
    definitions: dict[str, range] = field(default_factory=dict)
    attachments: Attachments = field(default_factory=dict)

    def to_json(self) -> list[Any]:
        """As the confined process answers."""
        lines = [[name, found.start, found.stop] for name, found in self.definitions.items()]
        about = [self.label, self.kind, self.source, self.grade_id, self.is_copy, sorted(self.names)]
        return [*about, lines, self.attachments]

    @classmethod
    def from_json(cls, data: Any) -> ShownCell:
        """The inverse of `to_json`."""
        match data:
            case [
                str(label),
                str(kind),
                str(source),
                (str() | None) as grade_id,
                bool(is_copy),
                list(names),
                list(lines),
                dict(attachments),
            ]:
                spans = {str(name): range(int(start), int(stop)) for name, start, stop in lines}
                defined, pictures = frozenset(_read_texts(names)), read_attachments(attachments)
                return cls(label, kind, source, grade_id, is_copy, defined, spans, pictures)
        raise ValueError("not a cell")


@dataclass(frozen=True, slots=True)
class Shown:
    """The cells of a submission in order; of a module there is one."""

    cells: tuple[ShownCell, ...]
    is_module: bool

    def to_json(self) -> dict[str, Any]:
        """As the confined process answers."""
        return {"cells": [cell.to_json() for cell in self.cells], "is_module": self.is_module}

    @classmethod
    def from_json(cls, data: Any) -> Shown:
        """The inverse of `to_json`."""
        match data:
            case {"cells": list(cells), "is_module": bool(is_module)}:
                return cls(tuple(map(ShownCell.from_json, cells)), is_module)
        raise ValueError("not cells")


def _read_keep(data: Any) -> Keep:
    found: list[tuple[int, tuple[int, ...] | None]] = []
    for pair in data:
        match pair:
            case [int(index), None]:
                found.append((index, None))
            case [int(index), list(positions)] if all(type(position) is int for position in positions):
                found.append((index, tuple(positions)))
            case _:
                raise ValueError("not a choice of statements")
    return tuple(found)


def _read_places(data: Any) -> tuple[tuple[str, int], ...]:
    found: list[tuple[str, int]] = []
    for place in data:
        match place:
            case [str(label), int(line)]:
                found.append((label, line))
            case _:
                raise ValueError("not a place")
    return tuple(found)


def _read_texts(data: Sequence[Any]) -> tuple[str, ...]:
    if not all(isinstance(text, str) for text in data):
        raise ValueError("not texts")
    return tuple(data)
