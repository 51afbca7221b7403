"""What was going on where code of a submission raised: the expression that failed, its parts, and plain facts of them.

A scene is plain JSON, see `seen.read_scene`. It is made only where something was raised, runs no code of the submission,
and holds no value of an array and no number that is not an exact int. This module runs in the worker, so it imports the
standard library and NumPy only.
"""

from __future__ import annotations

import ast
import opcode
import re
import sys
import types
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from cnn_assignment.sandbox import wire
from cnn_assignment.sandbox.server.scenes.facts import describe, own_attributes
from cnn_assignment.sandbox.server.scenes.peeking import UNKNOWN, Peek
from cnn_assignment.sandbox.server.scenes.variables import has_variable, lines_of_stores

MOST_PARTS = 12
_LONGEST_TEXT = 60
_LONGEST_NAME = 80
# Characters of a file or a cell beyond which it takes too long to look into it.
_LARGEST_SOURCE = 200_000
# The bit of the argument of COMPARE_OP that stands for a conversion to bool (dis, since Python 3.13).
_ASKS_TRUTH = 16
# A frame that stands so often in a traceback called itself.
_MANY_TIMES = 50
_LINE_BREAK = re.compile(r"\r\n|\r|\n")
_FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.MatMult: "@",
    ast.Pow: "**",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.In: "in",
    ast.NotIn: "not in",
    ast.Is: "is",
    ast.IsNot: "is not",
}
_Scene = dict[str, Any]


class Witness:
    """Looks at where an error came from. sources: the text of each file and cell by its label."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self._sources = sources
        self._read: dict[str, _Source] = {}

    def describe(self, error: BaseException) -> _Scene | None:
        """The scene in the innermost frame of the submission; None where there is none, or its code was not read here."""
        own, following = [], None
        step = error.__traceback__
        while step is not None:
            if step.tb_frame.f_code.co_filename in self._sources:
                own.append(step)
                following = step.tb_next
            step = step.tb_next
        if not own:
            return None
        names = [step.tb_frame.f_code.co_qualname[:_LONGEST_NAME] for step in own]
        (most, times), *_ = Counter(names).most_common(1)
        scene: _Scene = {
            "where": names[-1],
            "called": names[0],
            "through": "" if following is None else following.tb_frame.f_code.co_name[:_LONGEST_NAME],
        }
        if times >= _MANY_TIMES:
            return scene | {"action": "recursion", "word": most, "parts": []}
        found = self._look(own[-1])
        return None if found is None else scene | found

    def _look(self, step: types.TracebackType) -> _Scene | None:
        frame, place = step.tb_frame, step.tb_lasti // 2
        position = next(
            (where for number, where in enumerate(frame.f_code.co_positions()) if number == place), (None,) * 4
        )
        source = self._open(frame.f_code.co_filename)
        if source is None or None in position:
            return None
        path = source.find_path(position)
        if path is None:
            return None
        code = frame.f_code.co_code
        name, argument = opcode.opname[code[step.tb_lasti]], code[step.tb_lasti + 1]
        asks_truth = name == "COMPARE_OP" and sys.version_info >= (3, 13) and bool(argument & _ASKS_TRUTH)
        return _Look(source, path, Peek(frame), name, asks_truth=asks_truth).describe()

    def _open(self, label: str) -> _Source | None:
        text = self._sources[label]
        if label not in self._read and len(text) <= _LARGEST_SOURCE:
            self._read[label] = _Source(text)
        return self._read.get(label)


class _Source:
    """A text and its syntax tree."""

    def __init__(self, text: str) -> None:
        self._lines = _LINE_BREAK.split(text)
        self.tree = ast.parse(text)

    def find_path(self, position: tuple[int | None, ...]) -> list[ast.AST] | None:
        """The nodes from the module down to the innermost one with exactly this position; None where there is none."""
        first, last = position[0], position[1]
        path: list[ast.AST] = [self.tree]
        best: list[ast.AST] | None = None
        waiting: list[tuple[ast.AST, list[ast.AST]]] = [(self.tree, path)]
        while waiting:
            node, path = waiting.pop()
            for child in _positioned_children(node):
                if child.lineno <= (first or 0) and (last or 0) <= (child.end_lineno or 0):
                    waiting.append((child, [*path, child]))
                    where = (child.lineno, child.end_lineno, child.col_offset, child.end_col_offset)
                    if where == position and (best is None or len(path) >= len(best)):
                        best = [*path, child]
        return best

    def text_of(self, node: ast.expr) -> str:
        """How the student wrote it, where that is short and stands on one line; else ""."""
        if node.lineno != node.end_lineno or node.lineno > len(self._lines):
            return ""
        text = self._lines[node.lineno - 1].encode()[node.col_offset : node.end_col_offset].decode("utf-8", "replace")
        return wire.printable(text) if len(text) <= _LONGEST_TEXT else ""


class _Look:
    """One failing expression. path: from the module to it. opname: the instruction that raised.

    asks_truth: whether the instruction is a comparison that goes on to ask whether its result is true.
    """

    def __init__(self, source: _Source, path: list[ast.AST], peek: Peek, opname: str, *, asks_truth: bool) -> None:
        self._source = source
        self._path = path
        self._peek = peek
        self._opname = opname
        self._asks_truth = asks_truth
        self._can_peek = True

    def describe(self) -> _Scene:
        """What is tried, and its parts."""
        node, opname = self._path[-1], self._opname
        # Where a call itself fails, what it calls has not been run.
        inside = ast.iter_child_nodes(node) if isinstance(node, ast.Call) else [node]
        self._can_peek = self._peek.restrict(*inside)
        statement = next(part for part in reversed(self._path) if isinstance(part, ast.stmt))
        if opname.startswith(("RAISE", "RERAISE")):
            return self._describe_raise(statement)
        if opname.startswith("UNPACK_"):
            return self._describe_unpacking(node)
        if opname.startswith(("GET_ITER", "FOR_ITER")):
            return self._describe_iteration(node)
        if opname.startswith(("POP_JUMP", "JUMP_IF", "TO_BOOL", "UNARY_NOT")):
            return self._describe_truth(node)
        match node:
            case ast.Subscript():
                return self._describe_item(node, statement)
            case ast.Attribute(value=value, attr=name):
                found = _scene("attribute", name, [self._part("value", value)])
                return found | {"names": self._peek.attributes_like(value, name)[:1]}
            case ast.Call():
                return self._describe_call(node)
            case ast.BinOp(left=left, op=operation, right=right):
                return self._describe_pair("operate", _OPERATORS[type(operation)], left, right)
            case ast.UnaryOp(operand=right):
                return _scene("operate", parts=[self._part("right", right)])
            case ast.AugAssign(target=left, op=operation, value=right):
                return self._describe_pair("operate", f"{_OPERATORS[type(operation)]}=", left, right)
            case ast.Compare(left=left, ops=[operation], comparators=[right]):
                found = self._describe_pair("compare", _OPERATORS[type(operation)], left, right)
                if self._asks_truth:
                    found["parts"].append(self._part("value", node))
                return found
            case ast.Name(id=name):
                return self._describe_name(name)
            case ast.Import() | ast.ImportFrom():
                return _scene("import")
        return _scene("other")

    def _part(self, role: str, node: ast.expr) -> dict[str, Any]:
        value = self._peek.value(node) if self._can_peek else UNKNOWN
        fact = None if value is UNKNOWN else describe(value)
        return {"role": role, "text": self._source.text_of(node), "fact": fact}

    def _describe_raise(self, statement: ast.stmt) -> _Scene:
        if isinstance(statement, ast.Assert):
            return _scene("assert", parts=[self._part("value", statement.test)])
        return _scene("raise")

    def _describe_iteration(self, node: ast.AST) -> _Scene:
        # Where the loop begins, the instruction belongs to all of it.
        match node:
            case ast.For(iter=items):
                return _scene("iterate", parts=[self._part("value", items)])
            case ast.ListComp(generators=[first, *_]) | ast.SetComp(generators=[first, *_]):
                return _scene("iterate", parts=[self._part("value", first.iter)])
            case ast.GeneratorExp(generators=[first, *_]) | ast.DictComp(generators=[first, *_]):
                return _scene("iterate", parts=[self._part("value", first.iter)])
        return _scene("iterate", parts=[self._part("value", node)]) if isinstance(node, ast.expr) else _scene("other")

    def _describe_truth(self, node: ast.AST) -> _Scene:
        match node:
            case ast.UnaryOp(operand=test) | ast.If(test=test) | ast.While(test=test) | ast.Assert(test=test):
                return _scene("truth", parts=[self._part("value", test)])
        return _scene("truth", parts=[self._part("value", node)]) if isinstance(node, ast.expr) else _scene("other")

    def _describe_item(self, node: ast.Subscript, statement: ast.stmt) -> _Scene:
        indices = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        is_write = self._opname.startswith("STORE_")
        # What is not told is seen by its number: with an index left out, nobody could count axes.
        parts = [self._part("value", node.value), *(self._describe_index(index) for index in indices)]
        parts.append({"role": "whole", "text": self._source.text_of(node), "fact": None})
        match statement:
            case ast.Assign(value=given) | ast.AnnAssign(value=ast.expr() as given) if is_write:
                parts.append(self._part("given", given))
        return _scene("write" if is_write else "read", parts=parts)

    def _describe_index(self, index: ast.expr) -> dict[str, Any]:
        """A part whose role says how many axes it takes: one ("index", "slice"), none ("new") or the rest ("rest")."""
        match index:
            case ast.Slice():
                ends = [end for end in (index.lower, index.upper, index.step) if end is not None]
                parts = [self._part("slice", end) for end in ends]
                wrong = [part for part in parts if part["fact"] is not None and part["fact"]["kind"] != "int"]
                return wrong[0] if wrong else {"role": "slice", "text": self._source.text_of(index), "fact": None}
            case ast.Starred():
                return {"role": "starred", "text": "", "fact": None}
        part = self._part("index", index)
        match self._peek.value(index):
            case None:
                return part | {"role": "new"}
            case value if value is ...:
                return part | {"role": "rest"}
        return part

    def _describe_call(self, node: ast.Call) -> _Scene:
        parts = [self._part("function", node.func)]
        parts += [self._part("argument", argument) for argument in node.args]
        # A shape is often written out, and one of its sizes is what is wrong.
        for argument in node.args:
            if isinstance(argument, ast.Tuple | ast.List):
                parts += [self._part("item", item) for item in argument.elts]
        parts += [self._part(keyword.arg or "", keyword.value) for keyword in node.keywords]
        # Of an operation on an array, the array.
        if isinstance(node.func, ast.Attribute):
            parts.insert(1, self._part("holder", node.func.value))
        return _scene("call", parts=parts)

    def _describe_pair(self, action: str, word: str, left: ast.expr, right: ast.expr) -> _Scene:
        return _scene(action, word, [self._part("left", left), self._part("right", right)])

    def _describe_unpacking(self, node: ast.AST) -> _Scene:
        if not isinstance(node, ast.Tuple | ast.List):
            return _scene("other")
        parts = [{"role": "target", "text": self._source.text_of(target), "fact": None} for target in node.elts]
        match self._path[-2]:
            case ast.Assign(value=value, targets=targets) if node in targets:
                parts.append(self._part("value", value))
            case ast.For(target=target, iter=items) if target is node:
                parts.append(self._part("items", items))
        return _scene("unpack", parts=parts)

    # Names

    def _describe_name(self, name: str) -> _Scene:
        functions = [node for node in self._path if isinstance(node, _FUNCTION)]
        found = _scene("name", name)
        if functions:
            found["lines"] = lines_of_stores(functions[-1], name)
        own = own_attributes(self._peek.local("self")) if self._peek.local("self") is not UNKNOWN else None
        found["of_self"] = own is not None and name in own
        found["elsewhere"] = self._other_functions(name)
        found["names"] = self._peek.names_like(name)[:1]
        return found

    def _other_functions(self, name: str) -> list[str]:
        """The functions beside this one, in the same class or module, that have a variable of that name."""
        scope = next((node for node in reversed(self._path) if isinstance(node, ast.ClassDef)), self._source.tree)
        return [
            node.name
            for node in ast.iter_child_nodes(scope)
            if isinstance(node, ast.FunctionDef) and node not in self._path and has_variable(node, name)
        ][:1]


def _scene(action: str, word: str = "", parts: list[dict[str, Any]] | None = None) -> _Scene:
    parts = parts or []
    # The last part is often what everything is about, and where there are too many, none can be counted.
    return {"action": action, "word": word[:_LONGEST_NAME], "parts": parts if len(parts) <= MOST_PARTS else []}


def _positioned_children(node: ast.AST) -> Iterator[Any]:
    """The nearest nodes below that have a position. A node without one is replaced by those below it."""
    for child in ast.iter_child_nodes(node):
        if hasattr(child, "lineno"):
            yield child
        else:
            yield from _positioned_children(child)
