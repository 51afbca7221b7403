"""Where a function's variables get their values, and which names are nearly the same: read from the syntax tree alone.

This module runs in the worker, so it imports the standard library only.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

_MOST_LINES = 4
_SCOPES = (
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)


def _own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function without those of scopes inside it, which have variables of their own."""
    for child in ast.iter_child_nodes(function):
        if not isinstance(child, _SCOPES):
            yield child
            yield from _own_nodes(child)


def lines_of_stores(function: ast.AST, name: str) -> list[int]:
    """The lines in which a function gives a variable its value; none where it takes it away, too."""
    lines = set()
    for node in _own_nodes(function):
        match node:
            case ast.Name(id=found, ctx=ast.Del()) | ast.ExceptHandler(name=found) if found == name:
                return []
            case ast.Name(id=found, ctx=ast.Store()) if found == name:
                lines.add(node.lineno)
    return sorted(lines) if len(lines) <= _MOST_LINES else []


def has_variable(function: ast.FunctionDef, name: str) -> bool:
    """Whether a function has a parameter or another variable of that name."""
    parameters = (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
    return any(parameter.arg == name for parameter in parameters) or bool(lines_of_stores(function, name))


def is_like(known: str, name: str) -> bool:
    """Whether two names differ by case, or by one character that is missing, too many, wrong or exchanged with the next."""
    if known == name or min(len(known), len(name)) < 3:  # noqa: PLR2004 - of two letters, half would be another
        return False
    if known.lower() == name.lower():
        return True
    longer, shorter = (known, name) if len(known) >= len(name) else (name, known)
    if len(longer) - len(shorter) > 1:
        return False
    start = next((n for n, (a, b) in enumerate(zip(longer, shorter, strict=False)) if a != b), len(shorter))
    if len(longer) > len(shorter):
        return longer[start + 1 :] == shorter[start:]
    rest = slice(start + 2, None)
    is_exchanged = longer[start : start + 2] == shorter[start : start + 2][::-1] and longer[rest] == shorter[rest]
    return is_exchanged or longer[start + 1 :] == shorter[start + 1 :]
