"""Take a module apart into the text of its top-level definitions, so that they can be put into notebook cells."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass

from cnn_assignment.core.model import Gap

_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Definition:
    """A class, a function or an assignment at the top level of a module.

    names: what it defines. node: its syntax tree. first_line and last_line: 1-based, with its decorators, the comments
    directly above it and the markers of its gaps. text: these lines, without a final line end.
    """

    names: tuple[str, ...]
    node: ast.stmt
    first_line: int
    last_line: int
    text: str

    @property
    def is_function(self) -> bool:
        """Whether it is a function, async or not."""
        return isinstance(self.node, _Function)


def read_definitions(text: str, gaps: Iterable[Gap] = ()) -> tuple[Definition, ...]:
    """All top-level definitions of a Python text, in its order; imports and bare statements are none."""
    lines = text.split("\n")
    found = []
    for node in ast.parse(text).body:
        names = _defined_names(node)
        if names:
            first, last = _extent(node, lines, tuple(gaps))
            found.append(Definition(names, node, first, last, "\n".join(lines[first - 1 : last])))
    return tuple(found)


def needed_by(definitions: tuple[Definition, ...], wanted: Iterable[Definition]) -> tuple[Definition, ...]:
    """The wanted definitions and all that they use, also through others, in the order of the module."""
    by_name = {name: definition for definition in definitions for name in definition.names}
    needed: set[int] = set()
    todo = list(wanted)
    while todo:
        definition = todo.pop()
        if definition.first_line in needed:
            continue
        needed.add(definition.first_line)
        used = {node.id for node in ast.walk(definition.node) if isinstance(node, ast.Name)}
        todo.extend(by_name[name] for name in used if name in by_name)
    return tuple(definition for definition in definitions if definition.first_line in needed)


def _defined_names(node: ast.stmt) -> tuple[str, ...]:
    match node:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return (name,)
        case ast.Assign(targets=targets):
            stored = [part for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)]
            return tuple(part.id for part in stored if isinstance(part.ctx, ast.Store))
        case ast.AnnAssign(target=ast.Name(id=name)):
            return (name,)
        case _:
            return ()


def _extent(node: ast.stmt, lines: list[str], gaps: tuple[Gap, ...]) -> tuple[int, int]:
    """First and last line of a definition, with the comments directly above it and its gaps' markers.

    The last marker of a class is a comment, which the syntax tree does not know.
    """
    first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", ()))])
    last = node.end_lineno or node.lineno
    for gap in gaps:
        if gap.begin_line <= last and first <= gap.end_line:
            first, last = min(first, gap.begin_line), max(last, gap.end_line)
    while first > 1 and lines[first - 2].startswith("#"):
        first -= 1
    return first, last
