"""Names of types that were parameters: the brackets that defined them are gone, so no name of them may be looked up.

An annotation with one becomes a text, as it may be anyway; anywhere else a type stands for it that has its name only.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate

from cnn_assignment.submissions.newer.statements import placeholder

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
Parameters = Mapping[tuple[int, str], Mapping[str, str]]
"""Of definitions, by their line and name, the names of their parameters with their stars."""


@dataclass(frozen=True, slots=True)
class _Edit:
    """An expression, and what is to stand in its place."""

    node: ast.expr
    instead: str


def without_parameters(code: str, tree: ast.Module, parameters: Parameters) -> str:
    """The code in which no name of a parameter is looked up any more; line for line the same."""
    source = _Source(code)
    edits: dict[tuple[int, int], str] = {}
    for node in ast.walk(tree):
        if isinstance(node, _Definition) and (names := parameters.get((node.lineno, node.name))):
            for edit in _edits_in(node, names, source):
                edits.setdefault(source.span_of(edit.node), edit.instead)
    out: list[bytes] = []
    done = 0
    for start, stop in sorted(edits):
        # What stands inside of another one goes with it.
        if start >= done:
            out += [source.raw[done:start], edits[start, stop].encode()]
            done = stop
    return b"".join([*out, source.raw[done:]]).decode()


class _Source:
    """A text in the bytes by which the parser counts."""

    def __init__(self, code: str) -> None:
        self.raw = code.encode()
        lines = (len(line) for line in self.raw.split(b"\n"))
        self._starts = list(accumulate((length + 1 for length in lines), initial=0))

    def span_of(self, node: ast.expr) -> tuple[int, int]:
        """From which byte to which an expression stands."""
        last = node.end_lineno or node.lineno
        return self._starts[node.lineno - 1] + node.col_offset, self._starts[last - 1] + (node.end_col_offset or 0)

    def text_of(self, node: ast.expr) -> str:
        """An expression as it is written."""
        start, stop = self.span_of(node)
        return self.raw[start:stop].decode()


def _edits_in(top: _Definition, names: Mapping[str, str], source: _Source) -> Iterator[_Edit]:
    bound = {node.id for node in ast.walk(top) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    bound |= {node.arg for node in ast.walk(top) if isinstance(node, ast.arg)}
    todo: list[tuple[ast.AST, bool]] = [(child, False) for child in _inside(top)]
    while todo:
        node, is_annotation = todo.pop()
        if is_annotation and isinstance(node, ast.expr):
            if _mentions(node, names):
                yield _Edit(node, _quoted(source.text_of(node)))
            continue
        match node:
            case ast.Subscript(value=value, slice=index) if node in getattr(top, "bases", ()) and _mentions(
                index, names
            ):
                # A base is what it is, whatever its types are.
                yield _Edit(node, source.text_of(value))
                continue
            case ast.Name(id=name, ctx=ast.Load()) if name in names and name not in bound:
                yield _Edit(node, placeholder(name, names[name]))
        annotations = _annotations(node)
        todo += [(child, child in annotations) for child in ast.iter_child_nodes(node)]


def _inside(top: _Definition) -> list[ast.AST]:
    """The nodes in the scope of a definition's parameters: not its decorators and defaults."""
    if isinstance(top, ast.ClassDef):
        return [*top.bases, *top.keywords, *top.body]
    arguments = top.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    # The result's annotation stands in no node of its own.
    returns = [ast.AnnAssign(ast.Name("_", ast.Store()), top.returns, None, 1)] if top.returns is not None else []
    return [*(argument for argument in every if argument is not None), *returns, *top.body]


def _annotations(node: ast.AST) -> list[ast.expr]:
    found = [getattr(node, name, None) for name in ("annotation", "returns")]
    return [part for part in found if isinstance(part, ast.expr)]


def _mentions(node: ast.expr, names: Mapping[str, str]) -> bool:
    return any(isinstance(part, ast.Name) and part.id in names for part in ast.walk(node))


def _quoted(segment: str) -> str:
    if "\n" not in segment:
        return repr(segment)
    # A text of three quotes may have lines; in one line the rest of it is blank.
    lines = segment.count("\n")
    return f'"""{segment}"""' if '"""' not in segment and "\\" not in segment else f'"""{chr(10) * lines}"""'
