"""From a document to the code of its layers: no code is run, and plain text alone leaves this module."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import PurePath

from cnn_assignment.core.errors import UnreadableSubmissionError
from cnn_assignment.submissions.extracting.dropped import find_dropped
from cnn_assignment.submissions.extracting.modules import LocalModules
from cnn_assignment.submissions.extracting.naming import Placed, describe_methods, describe_missing, describe_unfit
from cnn_assignment.submissions.extracting.needed import Selection, Statement, analyse, select
from cnn_assignment.submissions.extracting.ordering import names_at_load, put_in_order
from cnn_assignment.submissions.plain.folder import Files
from cnn_assignment.submissions.plain.values import Chunk, ExtractedCode, Wanted
from cnn_assignment.submissions.python.found import describe_all
from cnn_assignment.submissions.python.parsing import Work, describe_syntax_error, first_line, open_gaps, work_in
from cnn_assignment.submissions.reading.document import parse_document
from cnn_assignment.submissions.reading.parts import Document

# What was moved is told, but not all of a notebook that was shuffled. The same holds for all notes.
_MOST_MOVES = 5
_MOST_NOTES = 20
_MOST_DROPPED = 5
# Each is looked at for what it needs and changes, which takes a tenth of a millisecond.
_MOST_STATEMENTS = 10_000
# Imports of everything from modules of the student's own that are followed: each may bind thousands of names.
_MOST_STARS = 50
# Characters of code in all chunks together.
_MOST_CODE = 4 * 1024 * 1024


def extract(raw: bytes, name: str, wanted: Wanted, beside: Files) -> ExtractedCode:
    """Extract the layers' code from a notebook or a module.

    raw, name: the file. beside: the files of its folder. Raises UnreadableSubmissionError, with the reason in words for
    the student, where there is nothing to extract.
    """
    return _begin(raw, name, wanted, beside).extract()


def find_own_modules(raw: bytes, name: str, wanted: Wanted, beside: Files) -> tuple[str, ...]:
    """The files beside a submission that its extraction looks at, also those that it leaves out."""
    extraction = None
    # The fault of a file is told when the file is graded.
    with suppress(UnreadableSubmissionError):
        extraction = _begin(raw, name, wanted, beside)
        extraction.extract()
    return () if extraction is None else extraction.files


def _begin(raw: bytes, name: str, wanted: Wanted, beside: Files) -> _Extraction:
    document = parse_document(raw, name, wanted)
    installed = set(wanted.installed)
    if document.is_module:
        installed.add(PurePath(name).stem)
    return _Extraction(document, wanted, LocalModules(beside, document.written, installed))


class _Extraction:
    """One document on its way to code."""

    def __init__(self, document: Document, wanted: Wanted, local: LocalModules) -> None:
        self._document = document
        self._wanted = wanted
        self._names = wanted.names
        self._local = local
        self._stars_left = _MOST_STARS
        self._notes = list(document.notes)
        self._definitions: dict[str, tuple[tuple[str, int], ...]] = {}

    @property
    def files(self) -> tuple[str, ...]:
        """The names of the files beside the document that were looked at so far."""
        return tuple(self._local.files)

    def extract(self) -> ExtractedCode:
        """Choose the statements, and see that they can run in this order."""
        statements = self._without_emptied(self._analyse())
        selection = select(statements, self._names)
        told = self._describe_names(statements, selection)
        if len(selection.missing) == len(self._names):
            self._notes += [note for note in told if not note.endswith(" is not defined.")]
            raise UnreadableSubmissionError(
                f"none of {self._wanted.describe()} is defined",
                remedy=" ".join(_shorten(self._notes)) or "Submit the file that you were given, with your work in it.",
            )
        self._notes += told
        self._definitions = self._find_definitions(statements)
        code = self._take(selection)
        self._notes += self._describe_newer(selection)
        self._notes += self._local.notes
        with_dropped = self._take_dropped(statements, selection)
        return replace(code, notes=_shorten(self._notes), with_dropped=with_dropped)

    def _take(self, selection: Selection, *, with_dropped: bool = False) -> ExtractedCode:
        """The code of chosen statements, and of the modules that they import; without notes."""
        nodes = [self._node(statement) for statement, _ in selection.chosen]
        modules = self._local.collect(nodes, with_dropped=with_dropped)
        chunks = self._make_chunks(selection.chosen, nodes)
        gaps = set().union(*map(open_gaps, nodes), *(open_gaps(ast.parse(module.source)) for module in modules))
        lost = self._local.lost + sum(part.lost for part in self._document.parts)
        missing, definitions = tuple(selection.missing), self._definitions
        return ExtractedCode(tuple(chunks), (), modules, missing, len(gaps) + lost, definitions=definitions)

    def _describe_names(self, statements: Sequence[Statement], selection: Selection) -> list[str]:
        """The notes on names that are asked for and not defined as asked."""
        placed = [Placed(self._node(s), s.binds, self._label(s)) for s in statements]
        parts = self._document.parts
        is_whole = self._document.is_whole and self._local.is_whole
        told = describe_missing(selection.missing, self._wanted, placed, parts, is_whole=is_whole)
        return [*told, *describe_unfit(self._wanted, placed), *describe_methods(self._wanted.methods, placed, parts)]

    def _describe_newer(self, selection: Selection) -> list[str]:
        """The notes on newer syntax that was rewritten in the chosen statements."""
        lines: dict[int, set[int]] = {}
        for statement, _ in selection.chosen:
            node = self._node(statement)
            lines.setdefault(statement.chunk, set()).update(range(first_line(node), (node.end_lineno or 0) + 1))
        return [
            note
            for number, part in enumerate(self._document.parts)
            for note in describe_all([n for n in part.newer if n.line in lines.get(number, ())], part.label)
        ]

    def _find_definitions(self, statements: Sequence[Statement]) -> dict[str, tuple[tuple[str, int], ...]]:
        """For each name the labels and lines of the statements that bind it."""
        return {
            name: tuple((self._label(s), self._node(s).lineno) for s in statements if name in s.binds)
            for name in self._names
        }

    def _take_dropped(self, statements: Sequence[Statement], selection: Selection) -> ExtractedCode | None:
        """The code with the statements that were left behind although they may matter; None without such statements.

        Each of them gets a note.
        """
        nodes = [self._node(statement) for statement in statements]
        dropped = find_dropped(nodes, statements, selection, self._local.statements_of)
        told = [(self._label(statements[d.number]), nodes[d.number].lineno, d.calls) for d in dropped]
        told += self._local.find_dropped()
        if not told:
            return None
        for label, line, name in told[:_MOST_DROPPED]:
            self._notes.append(
                f"{label}, line {line} is left out like training, although {name} may change what your {self._wanted.kinds} need: "
                "it is run only if marks are lost without it."
            )
        if len(told) > _MOST_DROPPED:
            self._notes.append(f"{len(told) - _MOST_DROPPED} more statements are left out like these.")
        before = list(self._notes)
        try:
            return self._take(select(statements, self._names, [d.number for d in dropped]), with_dropped=True)
        except UnreadableSubmissionError:
            return None
        finally:
            # Of the order of statements it is told once.
            self._notes = before

    def _analyse(self) -> list[Statement]:
        statements: list[Statement] = []
        for number, part in enumerate(self._document.parts):
            if isinstance(part.tree, SyntaxError):
                self._notes.append(f"{part.label} is left out, because it is {describe_syntax_error(part.tree)}.")
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
        self._stars_left -= 1
        if self._stars_left < 0:
            return statement
        return replace(statement, binds=statement.binds | self._local.public_names(node.module))

    def _without_emptied(self, statements: Sequence[Statement]) -> list[Statement]:
        """Leave out definitions of a name in which more gaps are open than in the one above: the release, pasted again."""
        emptied: set[tuple[int, int]] = set()
        for name in self._names:
            best: Statement | None = None
            done: Work | None = None
            for definition in (s for s in statements if s.is_definition and name in s.binds):
                # A definition that builds on its namesake goes on with it.
                goes_on = name in definition.reads
                work = work_in(self._node(definition))
                if best is None or done is None or goes_on or not done.is_more_than(work):
                    best, done = definition, work
                    continue
                emptied.add((definition.chunk, definition.index))
                above, below = self._label(best), self._label(definition)
                self._notes.append(f"{below} defines {name} again with more gaps open: {above} counts.")
        return [s for s in statements if (s.chunk, s.index) not in emptied]

    def _make_chunks(
        self, chosen: Sequence[tuple[Statement, tuple[int, ...] | None]], nodes: Sequence[ast.stmt]
    ) -> list[Chunk]:
        statements = [statement for statement, _ in chosen]
        order, moved = put_in_order([s.binds for s in statements], [names_at_load(node) for node in nodes])
        for other, number, name in moved[:_MOST_MOVES]:
            above, below = self._label(statements[other]), self._label(statements[number])
            if above != below:
                self._notes.append(f"{above} was read before {below}, which needs {name}.")
        runs: list[tuple[int, list[tuple[int, tuple[int, ...] | None]]]] = []
        for number in order:
            statement, positions = chosen[number]
            if not runs or runs[-1][0] != statement.chunk:
                runs.append((statement.chunk, []))
            runs[-1][1].append((statement.index, positions))
        parts = self._document.parts
        if sum(len(parts[part].code) for part, _ in runs) > _MOST_CODE:
            # A cell is sent along for each run of its statements.
            raise UnreadableSubmissionError(
                "its cells need each other back and forth", remedy="Put what is needed first to the top."
            )
        chunks = [(part, Chunk(parts[part].label, parts[part].code, tuple(keep))) for part, keep in runs]
        # A cell without anything to run may still say how those below it are compiled.
        run = {part for part, _ in runs}
        for number, future in self._futures():
            if number in run:
                continue
            place = next((place for place, (part, _) in enumerate(chunks) if part >= number), len(chunks))
            chunks.insert(place, (number, Chunk(parts[number].label, future, ())))
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


def _shorten(notes: Sequence[str]) -> tuple[str, ...]:
    more = len(notes) - _MOST_NOTES
    return (*notes[:_MOST_NOTES], f"{more} more notes are left out.") if more > 0 else tuple(notes)
