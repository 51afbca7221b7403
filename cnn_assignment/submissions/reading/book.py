"""The cells of a notebook on their way to parts: cut cells are joined, damaged cells mended, and copies told apart."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

from cnn_assignment.submissions.plain.values import Wanted
from cnn_assignment.submissions.python.parsing import (
    bound_names,
    code_within,
    first_line,
    parse,
    work_in,
    written_module,
)
from cnn_assignment.submissions.reading.files import Cell
from cnn_assignment.submissions.reading.parts import Part, make_part
from cnn_assignment.submissions.repairing.cells import CellReader, ReadCell
from cnn_assignment.submissions.repairing.effort import Effort
from cnn_assignment.submissions.repairing.mending import mend

# How far back a piece of a cut cell is looked for, and how many characters are parsed on trial in all. Each trial counts
# as so many beside those.
_PIECES = 8
_JOIN_EFFORT = 512 * 1024
_JOIN_TRY = 200
_METHOD_INDENT = 4
_LONGEST_LIST = 100


class Book:
    """The cells of a notebook while they are put in order."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._names = frozenset(wanted.names)
        self._reader = CellReader()
        self._join_effort = _JOIN_EFFORT
        self.parts: list[Part] = []
        self.written: dict[str, str] = {}
        self.notes: list[str] = []

    def add(self, cell: Cell) -> None:
        """Take the next cell."""
        label = f"cell {cell.number}"
        if cell.kind != "code":
            self.parts.append(Part(label, cell.kind, cell.source, cell.grade_id, attachments=cell.attachments))
            return
        if module := written_module(cell.source):
            self.written[module[0]] = module[1]
        part = self._read(label, cell.source, cell.grade_id)
        if not (self._is_a_piece(part) and self._join(part)):
            self.parts.append(part)

    def find_code_in_text(self) -> None:
        """Take cells that are not run as Python for code where they alone define a name.

        A cell's kind is changed by one key, and `%%writefile` only writes the definition into a file.
        """
        missing = self._names - {name for part in self.parts for name in part.names}
        if not missing:
            return
        imports = [node for part in self.parts for node in _imports(part.tree)]
        imported = {name.partition(".")[0] for node in imports for name in _modules_of(node)}
        missing -= {alias.asname or alias.name for node in imports for alias in node.names}
        for number, part in enumerate(self.parts):
            if not any(f"{self._wanted.word_for(name)} {name}" in part.source for name in missing):
                continue
            module = written_module(part.source)
            if module is not None and module[0] in imported:
                continue
            found = self._read(part.label, code_within(part.source), part.grade_id)
            if told := sorted(found.names & missing):
                self.parts[number] = found
                missing -= found.names
                self.notes.append(
                    f"{part.label} is not run as Python, and was read as such all the same, because it defines {_list(told)}."
                )

    def mend_damaged(self) -> None:
        """Read the whole definitions in cells that Python refuses, as far as no other cell has their names.

        Such a cell never ran, so another definition of the same name is the better one.
        """
        effort = Effort()
        known = {
            name for part in self.parts if isinstance(part.tree, ast.Module) for name in bound_names(part.tree.body)
        }
        for number, part in enumerate(self.parts):
            if not isinstance(part.tree, SyntaxError):
                continue
            mended = mend(part.code, effort)
            if mended is None:
                continue
            new = [node for node in mended.tree.body if (names := bound_names([node])) and not names & known]
            if not any(isinstance(node, ast.Import | ast.ImportFrom) for node in new) and not mended.wholes:
                continue
            if new:
                code = _only_lines_of(new, mended.code)
                known |= bound_names(new)
                self.parts[number] = replace(
                    part,
                    code=code,
                    tree=parse(code, part.label),
                    lost=mended.lost,
                    is_mended=True,
                    newer=mended.newer,
                )
                self.notes += mended.describe(part.label)

    def choose_among_copies(self) -> None:
        """Of cells with one grade_id that define the same name, the first counts, unless more gaps are filled in a copy."""
        copies: dict[tuple[str, str], list[int]] = defaultdict(list)
        for number, part in enumerate(self.parts):
            for name in part.names & self._names:
                if part.grade_id is not None:
                    copies[part.grade_id, name].append(number)
        for found in copies.values():
            numbers = [number for number in found if not self.parts[number].is_copy]
            if len(numbers) > 1:
                done = {number: work_in(self._tree(number)) for number in numbers}
                chosen = numbers[0]
                for number in numbers[1:]:
                    if done[number].is_more_than(done[chosen]):
                        chosen = number
                self._mark_copies(chosen, [number for number in numbers if number != chosen])

    def _mark_copies(self, chosen: int, others: Sequence[int]) -> None:
        for number in others:
            self.parts[number] = replace(self.parts[number], is_copy=True)
        labels = [self.parts[number].label for number in sorted((chosen, *others))]
        why = "the first of them" if chosen < min(others) else "in which more gaps are filled"
        self.notes.append(f"{_list(labels)} are copies of one cell: {self.parts[chosen].label} counts, {why}.")

    def _tree(self, number: int) -> ast.Module:
        tree = self.parts[number].tree
        assert isinstance(tree, ast.Module), "only what was parsed defines names"
        return tree

    def _read(self, label: str, source: str, grade_id: str | None) -> Part:
        return make_part(label, source, grade_id, self._reader.read(source, label))

    def _is_a_piece(self, part: Part) -> bool:
        """Whether a cell cannot stand alone, or looks like the rest of a class: an indented method, or lines of one.

        Jupyter runs a cell that is indented as a whole as if it were not, so most such cells are no pieces.
        """
        if isinstance(part.tree, SyntaxError):
            return True
        indent = _indent_of(part.source)
        return bool(indent) and not part.names & self._names and (indent > _METHOD_INDENT or _is_method(part.tree))

    def _join(self, piece: Part) -> bool:
        """Put a piece of a cut cell to the others of its cell; False where it fits nowhere."""
        numbers = (number for number in reversed(range(len(self.parts))) if self.parts[number].kind == "code")
        before = [*islice(numbers, _PIECES)][::-1]
        # The cells just above, all together; or one of them, where something was put between the pieces.
        groups = [before[-count:] for count in range(1, len(before) + 1)]
        groups += [[number] for number in reversed(before[:-1])]
        for group in groups:
            pieces = [*(self.parts[number] for number in group), piece]
            joined = self._try_joined(pieces)
            if joined is not None:
                self.parts[group[0]] = joined
                for number in reversed(group[1:]):
                    del self.parts[number]
                self.notes.append(f"{_list([p.label for p in pieces])} were read as one, because a cell was cut there.")
                return True
        return False

    def _try_joined(self, pieces: Sequence[Part]) -> Part | None:
        if self._join_effort < 0:
            return None
        source = "\n".join(piece.source.rstrip("\n") for piece in pieces)
        self._join_effort -= _JOIN_TRY + len(source)
        if self._join_effort < 0 or not _may_go_on(pieces[0]):
            return None
        label = _list([piece.label for piece in pieces])
        try:
            read = ReadCell(*self._reader.newest.parse(source, label))
        except SyntaxError:
            return None
        grade_id = next((piece.grade_id for piece in pieces if piece.grade_id is not None), None)
        return make_part(label, source, grade_id, read)


def _only_lines_of(statements: Iterable[ast.stmt], code: str) -> str:
    """The code with blank lines in the place of all other statements."""
    lines = code.split("\n")
    kept = [""] * len(lines)
    for node in statements:
        first = first_line(node)
        kept[first - 1 : node.end_lineno] = lines[first - 1 : node.end_lineno]
    return "\n".join(kept)


def _indent_of(source: str) -> int:
    """The columns before the first line of code."""
    first = next((line for line in source.split("\n") if line.strip() and not line.lstrip().startswith("#")), "")
    line = first.expandtabs(_METHOD_INDENT)
    return len(line) - len(line.lstrip())


def _is_method(tree: ast.Module | None) -> bool:
    """Whether code begins with a function that makes sense in a class only."""
    match tree.body[:1] if tree is not None else []:
        case [ast.FunctionDef(args=ast.arguments(args=[ast.arg("self" | "cls"), *_]))]:
            return True
        case [ast.FunctionDef(decorator_list=[ast.Name("staticmethod" | "classmethod" | "property"), *_])]:
            return True
    return False


def _imports(tree: ast.Module | SyntaxError | None) -> Iterator[ast.Import | ast.ImportFrom]:
    for node in ast.walk(tree) if isinstance(tree, ast.Module) else ():
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node


def _modules_of(node: ast.Import | ast.ImportFrom) -> list[str]:
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]


def _may_go_on(part: Part) -> bool:
    """Whether the next line after a cell may belong to it: it is unfinished, or ends with a definition or a block."""
    if not isinstance(part.tree, ast.Module):
        return True
    return bool(part.tree.body) and hasattr(part.tree.body[-1], "body")


def _list(words: Iterable[str]) -> str:
    *most, last = words
    told = f"{', '.join(most)} and {last}" if most else last
    return told if len(told) <= _LONGEST_LIST else f"{told[:_LONGEST_LIST]} ..."
