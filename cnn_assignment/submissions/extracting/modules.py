"""Modules of a student's own: files beside the submission, or written by a cell, that its layers import."""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from cnn_assignment.core.errors import TooLargeError, UnreadableSubmissionError
from cnn_assignment.submissions.extracting.dropped import Dropped, find_dropped
from cnn_assignment.submissions.extracting.needed import Selection, analyse, select
from cnn_assignment.submissions.newer.reading import Newest
from cnn_assignment.submissions.plain.folder import Files
from cnn_assignment.submissions.plain.values import Keep, LocalModule
from cnn_assignment.submissions.python.effects import DEFINITIONS
from cnn_assignment.submissions.python.found import describe_all
from cnn_assignment.submissions.python.parsing import SOURCE_CAP, describe_syntax_error, statements_in
from cnn_assignment.submissions.reading.files import decode_module
from cnn_assignment.submissions.repairing.effort import Effort
from cnn_assignment.submissions.repairing.mending import mend

_MOST_MODULES = 50
# What a module's dotted name may have; each part is a folder to look into.
_MOST_PARTS = 10
_ALWAYS_INSTALLED = frozenset({"numpy", *sys.stdlib_module_names, *sys.builtin_module_names})


@dataclass(frozen=True)
class _Source:
    """A module of the student's own, parsed."""

    label: str
    text: str
    tree: ast.Module
    is_package: bool

    @cached_property
    def names(self) -> frozenset[str]:
        """The names that the module binds at its top."""
        return frozenset(name for statement in analyse(self.tree, 0) for name in statement.binds) - {"*"}

    @cached_property
    def public_names(self) -> frozenset[str]:
        """The names that ``import *`` of the module binds."""
        return frozenset(name for name in self.names if not name.startswith("_"))

    def keep(self, wanted: Collection[str], *, with_dropped: bool = False) -> Keep:
        """The definitions of the module, and the names that are wanted of it; training and plots stay behind here too.

        with_dropped: the statements that `find_dropped` tells are kept too.
        """
        also = tuple(dropped.number for dropped in self.find_dropped(wanted)) if with_dropped else ()
        return self._select(wanted, also).keep

    def find_dropped(self, wanted: Collection[str]) -> list[Dropped]:
        """The statements that stay behind although they may matter."""
        return find_dropped(self.tree.body, analyse(self.tree, 0), self._select(wanted))

    def _select(self, wanted: Collection[str], also: tuple[int, ...] = ()) -> Selection:
        names = frozenset({*wanted, *(s.name for s in self.tree.body if isinstance(s, DEFINITIONS))})
        if (names, also) not in self._selected:
            self._selected[names, also] = select(analyse(self.tree, 0), sorted(names), also)
        return self._selected[names, also]

    @cached_property
    def _selected(self) -> dict[tuple[frozenset[str], tuple[int, ...]], Selection]:
        """The selections that were made before, by the names and the numbers that were wanted."""
        return {}


class LocalModules:
    """Finds the modules that statements import, and those that these import in turn.

    beside: the files beside the submission. written: texts of modules by name. installed: names that are importable
    where student code runs and are not a student's to replace. files: the names of what was looked at so far.
    lost: how many functions of theirs could not be read. is_whole: whether all of them could be.
    """

    def __init__(self, beside: Files, written: Mapping[str, str], installed: Collection[str]) -> None:
        self._beside = beside
        self._written = written
        self._installed = _ALWAYS_INSTALLED | frozenset(installed)
        self._characters_left = SOURCE_CAP
        self._found: dict[str, _Source | None] = {}
        self._wanted: dict[str, set[str]] = {}
        self._effort = Effort()
        self._newest = Newest()
        self.lost = 0
        self.is_whole = True
        self.notes: list[str] = []
        self.files: list[str] = []

    def public_names(self, name: str) -> frozenset[str]:
        """The names that ``from name import *`` binds; none where the module is not of the student's own."""
        found = self._find(name)
        return frozenset() if found is None else found.public_names

    def statements_of(self, name: str) -> list[ast.stmt]:
        """The statements of a module of the student's own; none where this is no such module."""
        found = self._find(name)
        return [] if found is None else found.tree.body

    def find_dropped(self) -> list[tuple[str, int, str]]:
        """The statements that stayed behind in the modules collected last although they may matter.

        Of each the label of the module, the line, and the function that is called.
        """
        return [
            (found.label, found.tree.body[dropped.number].lineno, dropped.calls)
            for name, found in sorted(self._found.items())
            if found is not None
            for dropped in found.find_dropped(self._wanted.get(name, set()))
        ]

    def collect(self, statements: Iterable[ast.stmt], *, with_dropped: bool = False) -> tuple[LocalModule, ...]:
        """Every module of the student's own that these statements need, sorted by name.

        with_dropped: whether the statements that `find_dropped` tells are kept too.
        """
        self._wanted = wanted = dict[str, set[str]]()
        todo = [request for statement in statements for request in _imports(statement, "")]
        while todo:
            name, names = todo.pop()
            for parent in _parents(name):
                self._find(parent)
            found = self._find(name)
            if found is None:
                continue
            # Submodules may be imported like names.
            todo += [(f"{name}.{part}", None) for part in names or () if found.is_package]
            is_new = name not in wanted
            known = wanted.setdefault(name, set())
            new = (set(names) if names else found.names) - known
            if new or is_new:
                known |= new
                package = name if found.is_package else name.rpartition(".")[0]
                needed = (found.tree.body[index] for index, _ in found.keep(known, with_dropped=with_dropped))
                todo += [request for statement in needed for request in _imports(statement, package)]
        return tuple(
            LocalModule(
                name,
                found.label,
                found.text,
                found.keep(wanted.get(name, set()), with_dropped=with_dropped),
                found.is_package,
            )
            for name, found in sorted(self._found.items())
            if found is not None
        )

    def _find(self, name: str) -> _Source | None:
        if name not in self._found:
            if len(self._found) >= _MOST_MODULES or name.count(".") >= _MOST_PARTS:
                return None
            allowed = name.partition(".")[0] not in self._installed
            self._found[name] = self._read(name) if allowed else None
        return self._found[name]

    def _read(self, name: str) -> _Source | None:
        if name in self._written:
            return self._parse(f"{name}.py", self._written[name])
        stem = name.replace(".", "/")
        for label in (f"{stem}/__init__.py", f"{stem}.py"):
            try:
                raw = self._beside.read(label, self._characters_left)
            except TooLargeError:
                self.files.append(label)
                self.is_whole = False
                self.notes.append(f"{label} is left out, because it is too large.")
                return None
            if raw is not None:
                self.files.append(label)
                return self._decode(label, raw)
        # A package needs no file of its own, but one that is in it.
        part = self._beside.find_module(stem)
        if part is None:
            return None
        self.files.append(part)
        return _Source(name, "", ast.Module([], []), is_package=True)

    def _decode(self, label: str, raw: bytes) -> _Source | None:
        try:
            text = decode_module(raw, label)
        except UnreadableSubmissionError as error:
            self.is_whole = False
            self.notes.append(f"{label} is left out: {error.fact}.")
            return None
        return self._parse(label, text, is_package=label.endswith("/__init__.py"))

    def _parse(self, label: str, text: str, *, is_package: bool = False) -> _Source | None:
        self._characters_left -= len(text)
        try:
            code, tree, newer = self._newest.parse(text, label)
        except SyntaxError as error:
            self.is_whole = False
            mended = mend(text, self._effort)
            if mended is None or not (mended.wholes or mended.lost):
                self.notes.append(f"{label} is left out, because it is {describe_syntax_error(error)}.")
                return None
            self.notes += mended.describe(label)
            self.lost += mended.lost
            code, tree, newer = mended.code, mended.tree, mended.newer
        self.notes += describe_all(newer, label)
        return _Source(label, code, tree, is_package)


def _parents(name: str) -> list[str]:
    parts = name.split(".", _MOST_PARTS)
    return [".".join(parts[:count]) for count in range(1, len(parts))]


def _imports(statement: ast.stmt, package: str) -> Iterator[tuple[str, list[str] | None]]:
    """The modules that a statement imports anywhere, with the names that it takes; None for all.

    package: that of the module in which it stands, from which relative imports count.
    """
    for node in statements_in(statement):
        match node:
            case ast.Import(names=aliases):
                for alias in aliases:
                    yield alias.name, None
            case ast.ImportFrom(module=module, names=aliases, level=level):
                base = ".".join(package.split(".")[: len(package.split(".")) - level + 1]) if level else ""
                name = ".".join(part for part in (base, module or "") if part)
                if name:
                    names = [alias.name for alias in aliases]
                    yield name, None if "*" in names else names
