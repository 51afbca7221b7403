"""Names that the definitions and checks in a notebook use, and that no cell of it defines or imports."""

from __future__ import annotations

import ast
import builtins
import symtable
from collections.abc import Iterator, Sequence

_KNOWN = frozenset(dir(builtins)) | {"__file__", "__name__", "get_ipython"}


def find_missing(asked: Sequence[str], cells: Sequence[str]) -> tuple[str, ...]:
    """The names that code reads from its module and nothing binds there, in the order in which they are met.

    asked: the texts whose names are looked for. cells: all code of the notebook, these texts too. Nothing is found where
    names come in that no text tells, by an import of everything, or in a cell that is not plain Python.
    """
    bound: set[str] = set()
    for cell in cells:
        try:
            table = symtable.symtable(cell, "cell", "exec")
            tree = ast.parse(cell)
        except SyntaxError:  # a magic of the notebook, which may bring any name
            return ()
        if any(isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in ast.walk(tree)):
            return ()
        bound |= {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}
        bound |= {name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names}
    read = (name for text in asked for name in _read_names(symtable.symtable(text, "cell", "exec")))
    return tuple(dict.fromkeys(name for name in read if name not in bound and name not in _KNOWN))


def find_import(name: str, texts: Sequence[str]) -> str | None:
    """The statement at the top of one of these modules that imports a name."""
    for text in texts:
        for node in ast.parse(text).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                for alias in node.names:
                    if (alias.asname or alias.name.partition(".")[0]) == name:
                        node.names = [alias]
                        return ast.unparse(node)
    return None


def _read_names(table: symtable.SymbolTable) -> Iterator[str]:
    """The names that a scope takes from its module, and those inside of it."""
    at_top = table.get_type() == "module"
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (symbol.is_global() or at_top):
            yield symbol.get_name()
    for child in table.get_children():
        yield from _read_names(child)
