"""From a document to the code of its layers: nothing is run, and nothing but text leaves this module."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cnn_assignment.errors import UnreadableSubmissionError
from cnn_assignment.intake.document import Document, read_document
from cnn_assignment.intake.lifting import Statement, analyse, select
from cnn_assignment.intake.modules import LocalModule, LocalModules
from cnn_assignment.intake.ordering import names_at_load, put_in_order
from cnn_assignment.intake.parsing import describe_syntax_error, holds_more_work, open_gaps
from cnn_assignment.model import Assignment

# What was moved is told, but not all of a notebook that was shuffled. The same holds for all notes.
_MOST_MOVES = 5
_MOST_NOTES = 20
# Each is looked at for what it needs and changes, which takes a tenth of a millisecond.
_MOST_STATEMENTS = 20_000


@dataclass(frozen=True, slots=True)
class Chunk:
    """A file or a cell: the label that errors name, its text, and which statements run (None for all)."""

    label: str
    source: str
    keep: list[list[object]] | None = None

    def to_json(self) -> list[object]:
        """The chunk as the worker takes it."""
        return [self.label, self.source, self.keep]


@dataclass(frozen=True, slots=True)
class LiftedCode:
    """What was lifted from a submission, and notes for the student on what was left out or mended.

    modules: modules of the student's own that the chunks import. missing: classes that nothing defines. open_gaps: how
    many gaps the lifted code still holds as they were released.
    """

    chunks: tuple[Chunk, ...]
    notes: tuple[str, ...]
    modules: tuple[LocalModule, ...] = ()
    missing: tuple[str, ...] = ()
    open_gaps: int = 0


def lift_file(path: Path, assignment: Assignment) -> LiftedCode:
    """Lift the layers' code from a notebook or a module.

    Raises UnreadableSubmissionError, with the reason in words for the student, where there is nothing to lift.
    """
    return _begin(path, assignment).lift()


def find_own_files(path: Path, assignment: Assignment) -> tuple[Path, ...]:
    """The files beside a submission that lifting it looks at, also those that it leaves out. Raises OSError."""
    lifting = None
    try:
        lifting = _begin(path, assignment)
        lifting.lift()
    except OSError:
        raise
    except Exception:  # noqa: BLE001, S110 - whatever else is wrong with a file is told when it is graded
        pass
    return () if lifting is None else lifting.files


def _begin(path: Path, assignment: Assignment) -> _Lifting:
    document = read_document(path, assignment.classes)
    installed = {*assignment.modules, *(file.stem for file in assignment.provided_files)}
    if document.is_module:
        installed.add(path.stem)
    return _Lifting(document, assignment, LocalModules(path.parent, document.written, installed))


class _Lifting:
    """One document on its way to code."""

    def __init__(self, document: Document, assignment: Assignment, local: LocalModules) -> None:
        self._document = document
        self._classes = assignment.classes
        self._local = local
        self._notes = list(document.notes)

    @property
    def files(self) -> tuple[Path, ...]:
        """The files beside the document that were looked at so far."""
        return tuple(self._local.files)

    def lift(self) -> LiftedCode:
        """Choose the statements, and see that they can run in this order."""
        statements = self._without_emptied(self._analyse())
        selection = select(statements, self._classes)
        if len(selection.missing) == len(self._classes):
            raise UnreadableSubmissionError(
                f"none of the classes {', '.join(self._classes)} is defined",
                remedy=" ".join(_shorten(self._notes)) or "Submit the file that you were given, with your work in it.",
            )
        known = [name for statement in statements if statement.is_definition for name in statement.binds]
        self._notes += [_describe_missing(name, known) for name in selection.missing]
        nodes = [self._node(statement) for statement, _ in selection.chosen]
        modules = self._local.collect(nodes)
        chunks = self._make_chunks(selection.chosen, nodes)
        gaps = set().union(*map(open_gaps, nodes), *(open_gaps(ast.parse(module.source)) for module in modules))
        self._notes += self._local.notes
        return LiftedCode(tuple(chunks), _shorten(self._notes), modules, tuple(selection.missing), len(gaps))

    def _analyse(self) -> list[Statement]:
        statements: list[Statement] = []
        for number, part in enumerate(self._document.parts):
            if isinstance(part.tree, SyntaxError):
                told = describe_syntax_error(part.tree)
                self._notes.append(f"{part.label} is left out, because it is not valid Python: {told}.")
            elif part.tree is None or part.is_copy:
                continue
            elif len(statements) + len(part.tree.body) > _MOST_STATEMENTS:
                self._notes.append(f"{part.label} is left out: there are more than {_MOST_STATEMENTS} statements.")
            else:
                statements += (self._with_star(s) for s in analyse(part.tree, number))
        return statements

    def _with_star(self, statement: Statement) -> Statement:
        """Let an import of everything from a module of the student's own bind what that module defines."""
        node = self._node(statement)
        if "*" not in statement.aliases or not isinstance(node, ast.ImportFrom) or node.level or not node.module:
            return statement
        return replace(statement, binds=statement.binds | self._local.public_names(node.module))

    def _without_emptied(self, statements: Sequence[Statement]) -> list[Statement]:
        """Leave out definitions of a class in which more gaps are open than in the one above: the release, pasted again."""
        emptied: set[tuple[int, int]] = set()
        for name in self._classes:
            best: Statement | None = None
            for definition in (s for s in statements if s.is_definition and name in s.binds):
                # A class that builds on its namesake goes on with it.
                goes_on = name in definition.reads
                if best is None or goes_on or not holds_more_work(self._node(best), self._node(definition)):
                    best = definition
                    continue
                emptied.add((definition.chunk, definition.index))
                above, below = self._label(best), self._label(definition)
                self._notes.append(f"{below} defines {name} again with more gaps open: {above} counts.")
        return [s for s in statements if (s.chunk, s.index) not in emptied]

    def _make_chunks(
        self, chosen: Sequence[tuple[Statement, list[int] | None]], nodes: Sequence[ast.stmt]
    ) -> list[Chunk]:
        statements = [statement for statement, _ in chosen]
        order, moved = put_in_order([s.binds for s in statements], [names_at_load(node) for node in nodes])
        for other, number, name in moved[:_MOST_MOVES]:
            above, below = self._label(statements[other]), self._label(statements[number])
            if above != below:
                self._notes.append(f"{above} was read before {below}, which needs {name}.")
        runs: list[tuple[int, list[list[object]]]] = []
        for number in order:
            statement, positions = chosen[number]
            if not runs or runs[-1][0] != statement.chunk:
                runs.append((statement.chunk, []))
            runs[-1][1].append([statement.index, positions])
        parts = self._document.parts
        chunks = [(part, Chunk(parts[part].label, parts[part].code, keep)) for part, keep in runs]
        # A cell without anything to run may still say how those below it are compiled.
        for number, future in self._futures():
            if any(part == number for part, _ in runs):
                continue
            place = next((place for place, (part, _) in enumerate(chunks) if part >= number), len(chunks))
            chunks.insert(place, (number, Chunk(parts[number].label, future, [])))
        return [chunk for _, chunk in chunks]

    def _futures(self) -> Iterator[tuple[int, str]]:
        """The ``from __future__`` imports of a notebook, by the number of their part."""
        for number, part in enumerate(self._document.parts):
            if not self._document.is_module and isinstance(part.tree, ast.Module) and not part.is_copy:
                found = [s for s in part.tree.body if isinstance(s, ast.ImportFrom) and s.module == "__future__"]
                if found:
                    yield number, "\n".join(map(ast.unparse, found))

    def _node(self, statement: Statement) -> ast.stmt:
        tree = self._document.parts[statement.chunk].tree
        assert isinstance(tree, ast.Module)
        return tree.body[statement.index]

    def _label(self, statement: Statement) -> str:
        return self._document.parts[statement.chunk].label


def _describe_missing(name: str, known: Sequence[str]) -> str:
    alike = difflib.get_close_matches(name, known, n=1)
    return f"{name} is not defined" + (f", but {alike[0]} is: names count letter by letter." if alike else ".")


def _shorten(notes: Sequence[str]) -> tuple[str, ...]:
    more = len(notes) - _MOST_NOTES
    return (*notes[:_MOST_NOTES], f"{more} more notes are left out.") if more > 0 else tuple(notes)
