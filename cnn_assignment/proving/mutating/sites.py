"""Where the nodes of a syntax tree stand in their text, so that one of them can be changed and all else left as it is."""

from __future__ import annotations

import ast
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeAlias

from cnn_assignment.core.model import Gap

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
Loop: TypeAlias = ast.For | ast.AsyncFor | ast.While

# What needs no brackets wherever it is put.
_ATOMS = (ast.Name, ast.Attribute, ast.Subscript, ast.Call, ast.List, ast.Dict, ast.ListComp, ast.Constant)
# What binds at least as strongly as + and -.
_TERMS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.MatMult, ast.Pow)


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of a text: what stands between two byte offsets gives way to new.

    node: what is changed, as a reader sees it. told: the change in words, where "old -> new" would not show it.
    """

    start: int
    end: int
    new: str
    node: ast.AST
    told: str = ""


class Code:
    r"""A Python text with "\n" line ends, its syntax tree, and the place of every node.

    Raises SyntaxError for a text that is not Python.
    """

    def __init__(self, text: str) -> None:
        self.tree = ast.parse(text)
        self._bytes = text.encode()
        lines = self._bytes.split(b"\n")
        self._line_starts = [0, *accumulate(len(line) + 1 for line in lines)]
        self._parents = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    def source(self, node: ast.AST) -> str:
        """The text of a node, without brackets around it."""
        start, end = self.span(node)
        return self._bytes[start:end].decode()

    @property
    def size(self) -> int:
        """The length of the text in bytes."""
        return len(self._bytes)

    def between(self, start: int, end: int) -> str:
        """The text between two byte offsets."""
        return self._bytes[start:end].decode()

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Byte offsets of a node's first character and of the one after its last."""
        assert isinstance(node, ast.expr | ast.stmt | ast.keyword | ast.arg | ast.excepthandler)
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = self._line_starts[node.lineno - 1] + node.col_offset
        return start, self._line_starts[node.end_lineno - 1] + node.end_col_offset

    def line_of(self, offset: int) -> int:
        """The 1-based line of a byte offset."""
        return bisect_right(self._line_starts, offset)

    def parent(self, node: ast.AST) -> ast.AST | None:
        """The node that holds this one; None for the module."""
        return self._parents.get(node)

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """The parent, its parent, and so on to the module."""
        above = self.parent(node)
        while above is not None:
            yield above
            above = self.parent(above)

    def function_of(self, node: ast.AST) -> Function | None:
        """The innermost function around a node."""
        return next((above for above in self.ancestors(node) if isinstance(above, Function)), None)

    def class_of(self, node: ast.AST) -> ast.ClassDef | None:
        """The innermost class around a node."""
        return next((above for above in self.ancestors(node) if isinstance(above, ast.ClassDef)), None)

    def siblings(self, statement: ast.AST) -> Sequence[ast.stmt]:
        """The block that a statement belongs to, itself included; empty for anything else."""
        parent = self.parent(statement)
        for name in ("body", "orelse", "finalbody"):
            block = getattr(parent, name, None)
            if isinstance(block, list) and statement in block:
                return block
        return ()

    def headline(self, statement: ast.stmt) -> str:
        """A statement as it stands; of a loop, a condition or a definition, its header without the colon."""
        start, end = self.span(statement)
        if not isinstance(getattr(statement, "body", None), list):
            return self.between(start, end)
        parts = [part for part in ast.iter_child_nodes(statement) if isinstance(part, ast.expr)]
        if not parts:
            return self.between(start, end).split("\n", 1)[0].rstrip(": ")
        return self.between(start, max(self.span(part)[1] for part in parts))

    def operand(self, node: ast.expr) -> str:
        """The text of an expression as a part of any other, in brackets where it needs them."""
        text = self.source(node)
        bracketed = isinstance(node, ast.Tuple) and text.startswith("(")
        return text if isinstance(node, _ATOMS) or bracketed else f"({text})"

    def term(self, node: ast.expr) -> str:
        """The text of an expression to the left of a + or -, in brackets where it needs them."""
        strong = isinstance(node, ast.BinOp) and isinstance(node.op, _TERMS)
        return self.source(node) if strong else self.operand(node)

    def swap(self, node: ast.AST, new: str, told: str = "") -> Edit:
        """The edit that puts new in the place of a node."""
        return Edit(*self.span(node), new, node, told)

    def apply(self, edit: Edit) -> str:
        """The text after an edit."""
        return (self._bytes[: edit.start] + edit.new.encode() + self._bytes[edit.end :]).decode()


def walk_gap(code: Code, gap: Gap) -> Iterator[ast.AST]:
    """Every statement, expression and keyword that lies within a gap as a whole, in the order of the text."""
    yield from _walk([code.tree], gap)


def _walk(nodes: Iterable[ast.AST], gap: Gap) -> Iterator[ast.AST]:
    for node in nodes:
        # Before Python 3.12, what stands in an f-string does not know its place.
        if isinstance(node, ast.JoinedStr):
            continue
        if isinstance(node, ast.expr | ast.stmt | ast.keyword):
            assert node.end_lineno is not None
            if node.lineno > gap.end_line or node.end_lineno < gap.begin_line:
                continue
            if gap.begin_line < node.lineno and node.end_lineno < gap.end_line:
                yield node
        yield from _walk(ast.iter_child_nodes(node), gap)
