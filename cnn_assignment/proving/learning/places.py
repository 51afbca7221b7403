"""Where in a solution an edit is, told in names that stand in its skeleton too."""

from __future__ import annotations

import ast
import re

from cnn_assignment.explaining.mutant_words import Place
from cnn_assignment.proving.mutating.sites import Code, Function

Assigning = ast.Assign | ast.AnnAssign | ast.AugAssign


def find_functions(code: Code) -> dict[str, Function]:
    """The functions of a module and the methods of its classes, by the names that a reader gives them."""
    found: dict[str, Function] = {}
    for node in code.tree.body:
        if isinstance(node, Function):
            found[node.name] = node
        elif isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{part.name}": part for part in node.body if isinstance(part, Function)}
    return found


class Places:
    """Finds the places of edits of one text. skeleton: what students see of it."""

    def __init__(self, code: Code, skeleton: str) -> None:
        self._code = code
        self._functions = find_functions(code)
        self._methods = {node: name for name, node in self._functions.items()}
        shown = Code(skeleton)
        # With the hints: they are comments of the method.
        self._shown = {name: shown.source(node) for name, node in find_functions(shown).items()}

    def of(self, node: ast.AST) -> Place:
        """The place of a node: the method, and what its statement writes, if that has a name in the skeleton."""
        around = [node, *self._code.ancestors(node)]
        method = next((self._methods[above] for above in around if above in self._methods), "")
        statement = next((above for above in around if isinstance(above, ast.stmt)), None)
        if statement in self._methods:
            return Place(method)
        match statement:
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
                return self.named(method, written_name(self._code, statement))
            case ast.Return():
                return Place(method, "", "is returned")
            case ast.Expr(value=ast.Yield()):
                return Place(method, "", "is yielded")
        return Place(method)

    def named(self, method: str, name: str) -> Place:
        """The place of a name in a method; the method alone where its skeleton does not have the name."""
        if not name or not re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", self._shown.get(method, "")):
            return Place(method)
        # A slip in what is returned gives the same as one in what is written before.
        is_returned = any(returns(self._code, node, name) for node in ast.walk(self._functions[method]))
        return Place(method, name, "is written or returned" if is_returned else "is written")


def written_name(code: Code, statement: Assigning) -> str:
    """What an assignment writes, without places in it: ``cache["out"]`` of ``cache["out"][:, row]``; "" for several."""
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    if len(targets) != 1:
        return ""
    node = targets[0]
    while isinstance(node, ast.Subscript) and not _is_key(node.slice):
        node = node.value
    return code.source(node) if isinstance(node, ast.Name | ast.Attribute | ast.Subscript) else ""


def returns(code: Code, node: ast.AST, name: str) -> bool:
    """Whether a node is a return of a name, or of what it is an entry of."""
    if not isinstance(node, ast.Return) or node.value is None:
        return False
    root = name.partition("[")[0].partition(".")[0]
    return any(isinstance(part, ast.Name) and code.source(part) == root for part in ast.walk(node.value))


def _is_key(index: ast.expr) -> bool:
    return isinstance(index, ast.Constant) and isinstance(index.value, str)
