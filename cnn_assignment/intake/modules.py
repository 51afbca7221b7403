"""Modules of a student's own: files beside the submission, or written by a cell, that its layers import."""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cnn_assignment.errors import UnreadableSubmissionError
from cnn_assignment.intake.lifting import analyse, select
from cnn_assignment.intake.parsing import SOURCE_CAP, describe_syntax_error, parse
from cnn_assignment.intake.reading import decode_module

_MOST_MODULES = 50
_ALWAYS_INSTALLED = frozenset({"numpy", *sys.stdlib_module_names, *sys.builtin_module_names})


@dataclass(frozen=True, slots=True)
class LocalModule:
    """A module by its dotted name: the label that errors name, its text, and which statements run."""

    name: str
    label: str
    source: str
    keep: tuple[tuple[int, list[int] | None], ...]
    is_package: bool = False

    def to_json(self) -> list[object]:
        """The module as the worker takes it."""
        return [self.label, self.source, [list(pair) for pair in self.keep], self.is_package]


class LocalModules:
    """Finds the modules that statements import, and those that these import in turn.

    folder: where the submission lies; links in it are not followed. written: texts of modules by name. installed: names
    that are importable where student code runs and are not a student's to replace.
    """

    def __init__(self, folder: Path, written: Mapping[str, str], installed: Collection[str]) -> None:
        self._folder = folder
        self._written = written
        self._installed = _ALWAYS_INSTALLED | frozenset(installed)
        self._characters_left = SOURCE_CAP
        self._trees: dict[str, tuple[str, str, ast.Module, bool] | None] = {}
        self.notes: list[str] = []

    def public_names(self, name: str) -> frozenset[str]:
        """What ``from name import *`` binds, none where this is no module of the student's."""
        found = self._find(name)
        return frozenset() if found is None else frozenset(n for n in _bound_names(found[2]) if n[:1] != "_")

    def collect(self, statements: Iterable[ast.stmt]) -> tuple[LocalModule, ...]:
        """Every module of the student's own that these statements need, sorted by name."""
        wanted: dict[str, set[str]] = {}
        todo = [request for statement in statements for request in _imports(statement, "")]
        while todo:
            name, names = todo.pop()
            for parent in _parents(name):
                self._find(parent)
            found = self._find(name)
            if found is None:
                continue
            known = wanted.setdefault(name, set())
            # Submodules may be imported like names.
            todo += [(f"{name}.{part}", None) for part in names or () if found[3]]
            new = (set(names) if names else set(_bound_names(found[2]))) - known
            if new or not known:
                known |= new
                package = name if found[3] else name.rpartition(".")[0]
                todo += [
                    request
                    for index, _ in self._keep(name, known)
                    for request in _imports(found[2].body[index], package)
                ]
        return tuple(
            self._lift(name, wanted.get(name, set())) for name in sorted(n for n, f in self._trees.items() if f)
        )

    def _lift(self, name: str, wanted: set[str]) -> LocalModule:
        found = self._trees[name]
        assert found is not None
        label, source, _, is_package = found
        return LocalModule(name, label, source, tuple(self._keep(name, wanted)), is_package)

    def _keep(self, name: str, wanted: set[str]) -> list[tuple[int, list[int] | None]]:
        """Definitions, and what is asked for by name; training and plots stay behind here too."""
        found = self._trees[name]
        assert found is not None
        definitions = {s.name for s in found[2].body if isinstance(s, ast.ClassDef | ast.FunctionDef)}
        selection = select(analyse(found[2], 0), sorted(wanted | definitions))
        return [(statement.index, positions) for statement, positions in selection.chosen]

    def _find(self, name: str) -> tuple[str, str, ast.Module, bool] | None:
        """Label, text, tree of a module, and whether it is a package; None where there is none."""
        if name not in self._trees:
            allowed = name.partition(".")[0] not in self._installed and len(self._trees) < _MOST_MODULES
            self._trees[name] = self._read(name) if allowed else None
        return self._trees[name]

    def _read(self, name: str) -> tuple[str, str, ast.Module, bool] | None:
        if name in self._written:
            label, source, is_package = f"{name}.py", self._written[name], False
        else:
            stem = self._folder.joinpath(*name.split("."))
            path = next(
                (p for p in (stem / "__init__.py", stem.with_name(f"{stem.name}.py")) if self._is_plain(p)), None
            )
            if path is None:
                is_folder = stem.is_dir() and not stem.is_symlink() and any(stem.glob("*.py"))
                return (f"{name}", "", ast.Module([], []), True) if is_folder else None
            label, is_package = path.relative_to(self._folder).as_posix(), path.name == "__init__.py"
            if path.stat().st_size > self._characters_left:
                self.notes.append(f"{label} is left out, because it is too large.")
                return None
            try:
                source = decode_module(path.read_bytes(), label)
            except UnreadableSubmissionError as error:
                self.notes.append(f"{label} is left out: {error.fact}.")
                return None
        self._characters_left -= len(source)
        try:
            return label, source, parse(source, label), is_package
        except SyntaxError as error:
            self.notes.append(f"{label} is left out, because it is not valid Python: {describe_syntax_error(error)}.")
            return None

    def _is_plain(self, path: Path) -> bool:
        """Whether a path is a file of the submission's own: a link could lead to the solution."""
        return path.is_file() and path.resolve() == self._folder.resolve() / path.relative_to(self._folder)


def _parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]


def _bound_names(tree: ast.Module) -> Iterator[str]:
    for statement in analyse(tree, 0):
        yield from (name for name in statement.binds if name != "*")


def _imports(statement: ast.stmt, package: str) -> Iterator[tuple[str, list[str] | None]]:
    """The modules that a statement imports anywhere, with the names that it takes; None for all.

    package: that of the module in which it stands, from which relative imports count.
    """
    for node in ast.walk(statement):
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
