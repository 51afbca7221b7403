"""Degenerate answers: solutions that return the right form and know nothing, each of which must earn 0 in its task."""

from __future__ import annotations

import ast
import textwrap
from dataclasses import dataclass
from pathlib import Path

from cnn_assignment.authoring.gaps import parse_gaps
from cnn_assignment.core.errors import AuthoringError
from cnn_assignment.core.model import Gap
from cnn_assignment.proving import degenerate_code

# The one name that the helper adds to a solution.
_HELPER = "_give_degenerate_answers"


@dataclass(frozen=True, slots=True)
class Degenerate:
    """One degenerate answer: what it returns in the place of the right values, its task, and the whole solution."""

    kind: str
    task: str
    text: str


def make_degenerate(text: str, path_label: str) -> tuple[Degenerate, ...]:
    """One answer of every kind for every task, in the order of the gaps.

    text: the solution with its markers. path_label: its name in messages. In each answer the functions around the
    gaps of the task, or those that a gap holds, are decorated as `degenerate_code.knows_nothing` says. Raises AuthoringError
    for gaps that cannot be read, and for one that is outside of any function and holds none.
    """
    gaps = parse_gaps(text, path_label)
    tree = ast.parse(text)
    found = []
    for task in dict.fromkeys(gap.task for gap in gaps):
        own = [gap for gap in gaps if gap.task == task]
        functions = {function for gap in own for function in _functions_of(tree, gap, path_label)}
        found += [Degenerate(kind, task, _decorate(text, tree, functions, kind)) for kind in degenerate_code.KINDS]
    return tuple(found)


def read_helper() -> str:
    """What degenerate answers bring along: a function that holds the module `degenerate` and returns its decorator.

    A function, so that no name of it can be one of the solution's.
    """
    source = Path(degenerate_code.__file__).read_text(encoding="utf-8")
    lines = source.split("\n")[_last_opening_line(ast.parse(source)) :]
    body = textwrap.indent("\n".join(lines).strip("\n"), "    ")
    return f"\n\ndef {_HELPER}():\n{body}\n\n    return {degenerate_code.knows_nothing.__name__}\n"


def _functions_of(tree: ast.Module, gap: Gap, path_label: str) -> list[ast.FunctionDef]:
    """The method or module function around a gap; where there is none, those that the gap holds."""
    around, inside = [], []
    for function in _outer_functions(tree):
        assert function.end_lineno is not None
        if function.lineno < gap.begin_line <= function.end_lineno:
            around.append(function)
        elif gap.begin_line < function.lineno < gap.end_line:
            inside.append(function)
    if not around and not inside:
        raise AuthoringError(
            f"the gap {gap.task!r} has no function whose answer could be replaced",
            place=f"{path_label}:{gap.begin_line}",
            remedy="Put the gap into a function or method, or whole functions into the gap.",
        )
    return around or inside


def _outer_functions(node: ast.AST) -> list[ast.FunctionDef]:
    """Functions of a module and methods of its classes, and not the functions inside of these."""
    if isinstance(node, ast.FunctionDef):
        return [node]
    return [function for child in ast.iter_child_nodes(node) for function in _outer_functions(child)]


def _decorate(text: str, tree: ast.Module, functions: set[ast.FunctionDef], kind: str) -> str:
    lines = text.split("\n")
    for function in sorted(functions, key=lambda node: -node.lineno):
        # Below its own decorators: a property or a static method is no function any more.
        lines.insert(function.lineno - 1, " " * function.col_offset + f'@{_HELPER}()("{kind}")')
    place = _last_opening_line(tree)
    lines[place:place] = read_helper().split("\n")
    return "\n".join(lines)


def _last_opening_line(tree: ast.Module) -> int:
    """The last line of the docstring and the future imports, before which nothing else may stand; 0 without them."""
    last = 0
    for number, node in enumerate(tree.body):
        is_docstring = number == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        is_future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if is_docstring or is_future:
            last = node.end_lineno or node.lineno
    return last
