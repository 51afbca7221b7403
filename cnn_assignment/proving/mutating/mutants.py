"""Mutants: solutions with one small mechanical slip in one gap, each of which must lose marks in its task."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from cnn_assignment.authoring.gaps import parse_gaps
from cnn_assignment.core.model import Gap
from cnn_assignment.proving.mutating import expressions, statements
from cnn_assignment.proving.mutating.sites import Code, Edit, Function, walk_gap

Operator: TypeAlias = Callable[[Code, ast.AST], Iterator[Edit]]

OPERATORS: tuple[Operator, ...] = (
    expressions.swap_operator,
    expressions.drop_operand,
    expressions.exchange_operands,
    expressions.swap_junction,
    expressions.shift_number,
    expressions.flip_boolean,
    expressions.swap_name,
    expressions.swap_function,
    expressions.drop_call,
    expressions.change_arguments,
    expressions.change_range,
    expressions.change_index,
    expressions.change_slice,
    expressions.change_tuple,
    expressions.change_einsum,
    statements.change_assignment,
    statements.change_value,
    statements.drop_statement,
    statements.repeat_statement,
    statements.exchange_statements,
    statements.change_condition,
    statements.change_exit,
    statements.stop_loop,
    statements.dedent_statement,
    statements.indent_statement,
)

# Characters of a name or a constant that tells nothing without what is around it.
_SHORT = 6


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mutant.

    task: the task of the gap. change: what was changed, in one line that no other mutant of the task has; lines are
    counted within the gap's answer, so it stays the same when other parts of the solution change. text: the whole
    solution with that one change.
    """

    task: str
    change: str
    text: str


def make_mutants(text: str, path_label: str) -> tuple[Mutant, ...]:
    r"""All mutants of the gaps of a solution, in the order of the text.

    text: the solution with its markers and "\n" line ends. path_label: its name in messages. Every mutant compiles,
    differs from the solution and from all others of its task in its syntax tree, and from the solution's text within
    the lines of one gap only. Raises AuthoringError for a solution whose gaps cannot be read.
    """
    gaps = parse_gaps(text, path_label)
    code = Code(text)
    of_task: dict[str, list[Gap]] = {}
    for gap in gaps:
        of_task.setdefault(gap.task, []).append(gap)
    found: dict[tuple[str, str], Mutant] = {}
    for gap in gaps:
        own = of_task[gap.task]
        place = f"gap {own.index(gap) + 1}, " if len(own) > 1 else ""
        for edit in _edits(code, gap):
            change = told = place + describe(code, gap, edit)
            number = 1
            while (gap.task, change) in found:
                number += 1
                change = f"{told} ({number})"
            found[gap.task, change] = Mutant(gap.task, change, code.apply(edit))
    return tuple(found.values())


def _edits(code: Code, gap: Gap) -> Iterator[Edit]:
    """Edits within a gap that make a new program each."""
    frame = _Frame(code, gap)
    known = {frame.dump(None)}
    for node in walk_gap(code, gap):
        for operator in OPERATORS:
            for edit in operator(code, node):
                program = frame.dump(edit)
                if program is not None and program not in known:
                    known.add(program)
                    yield edit


class _Frame:
    """The function around a gap, or the module: all that edits of the gap can change."""

    def __init__(self, code: Code, gap: Gap) -> None:
        self._code = code
        self._gap = gap
        functions = [node for node in ast.walk(code.tree) if isinstance(node, Function)]
        around = [node for node in functions if node.lineno < gap.begin_line <= (node.end_lineno or 0)]
        frame = max(around, key=lambda node: node.lineno, default=None)
        self._start, self._end = code.span(frame) if frame else (0, code.size)
        # A method is parsed below a header: dedenting it would break strings of several lines.
        self._header = "if 1:\n" + " " * frame.col_offset if frame and frame.col_offset else ""

    def dump(self, edit: Edit | None) -> str | None:
        """The syntax tree after an edit as a string; None where it does not compile or leaves the gap."""
        code, gap = self._code, self._gap
        if edit is None:
            text = code.between(self._start, self._end)
        elif gap.begin_line < code.line_of(edit.start) and code.line_of(edit.end) < gap.end_line:
            text = code.between(self._start, edit.start) + edit.new + code.between(edit.end, self._end)
        else:
            return None
        try:
            with warnings.catch_warnings():
                # Such as: "int" object is not callable.
                warnings.simplefilter("ignore")
                tree = ast.parse(self._header + text)
                compile(tree, "mutant", "exec", dont_inherit=True)
        except (SyntaxError, ValueError):
            return None
        return ast.dump(tree)


def describe(code: Code, gap: Gap, edit: Edit) -> str:
    """The change in one line: the smallest expression around it that its statement holds once, before and after."""
    if edit.told:
        return f"line {code.line_of(code.span(edit.node)[0]) - gap.begin_line}: {edit.told}"
    shown = edit.node
    while not isinstance(shown, ast.stmt) and not _tells(code, shown, edit):
        # A comprehension's clauses have no place of their own.
        shown = next(node for node in code.ancestors(shown) if isinstance(node, ast.expr | ast.keyword | ast.stmt))
    start, end = code.span(shown)
    if isinstance(shown, ast.stmt):
        end = max(edit.end, start + len(code.headline(shown).encode()))
    new = code.between(start, edit.start) + edit.new + code.between(edit.end, end)
    return (
        f"line {code.line_of(edit.start) - gap.begin_line}: {_one_line(code.between(start, end))} -> {_one_line(new)}"
    )


def _tells(code: Code, shown: ast.AST, edit: Edit) -> bool:
    """Whether an expression is found once in its statement, and is more than the bare word that changes."""
    statement = next(node for node in code.ancestors(shown) if isinstance(node, ast.stmt))
    parent = code.parent(shown)
    short = isinstance(shown, ast.Name | ast.Constant | ast.Attribute) and len(code.source(shown)) <= _SHORT
    bare = shown is edit.node and (short or isinstance(shown, ast.Slice))
    bare = bare or (isinstance(parent, ast.Subscript) and parent.slice is shown)
    return not bare and _one_line(code.headline(statement)).count(_one_line(code.source(shown))) == 1


def _one_line(text: str) -> str:
    """Without line breaks, and as it would be written on one line."""
    for old, new in (("( ", "("), (", )", ")"), ("[ ", "["), (", ]", "]"), ("{ ", "{"), (", }", "}")):
        text = " ".join(text.split()).replace(old, new)
    return text
