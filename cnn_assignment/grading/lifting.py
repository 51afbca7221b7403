"""Which top-level statements of a submission its layers need: imports, definitions and what those refer to.

Nothing is run. Plots, training and prints are left behind, wherever they stand, because no layer refers to them.
"""

from __future__ import annotations

import ast
import builtins
import symtable
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

_BUILTINS = frozenset(dir(builtins))


@dataclass(frozen=True, slots=True)
class Statement:
    """One top-level statement: where it stands, the global names it binds, changes and reads.

    aliases: for an import, the name that each alias binds, in order; else empty.
    """

    chunk: int
    index: int
    binds: frozenset[str]
    changes: frozenset[str]
    reads: frozenset[str]
    aliases: tuple[str, ...] = ()


@dataclass(slots=True)
class Selection:
    """For each chunk the ``[index, aliases]`` pairs to run, as the worker takes them, and the names nobody defines."""

    keep: dict[int, list[list[object]]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


def analyse(tree: ast.Module, chunk: int) -> list[Statement]:
    """Describe every top-level statement of a parsed chunk."""
    return [_describe(statement, chunk, index) for index, statement in enumerate(tree.body)]


def select(statements: Sequence[Statement], wanted: Iterable[str]) -> Selection:
    """Every statement that binds or changes a wanted name, and whatever those read in turn, in document order."""
    needed = set(wanted)
    chosen: set[tuple[int, int]] = set()
    grew = True
    while grew:
        grew = False
        for statement in statements:
            place = (statement.chunk, statement.index)
            if place not in chosen and _is_needed(statement, needed):
                chosen.add(place)
                needed |= statement.reads
                grew = True
    selection = Selection(missing=sorted(set(wanted) - _bound_by(statements, chosen)))
    for statement in statements:
        if (statement.chunk, statement.index) in chosen:
            selection.keep.setdefault(statement.chunk, []).append([statement.index, _positions(statement, needed)])
    return selection


def _is_needed(statement: Statement, needed: set[str]) -> bool:
    # A star import or a __future__ import may matter to anything below it.
    return bool(statement.binds & needed or statement.changes & needed or "*" in statement.aliases)


def _bound_by(statements: Sequence[Statement], chosen: set[tuple[int, int]]) -> set[str]:
    return {name for s in statements if (s.chunk, s.index) in chosen for name in s.binds}


def _positions(statement: Statement, needed: set[str]) -> list[int] | None:
    if not statement.aliases:
        return None
    return [position for position, name in enumerate(statement.aliases) if name in needed or name == "*"]


def _describe(statement: ast.stmt, chunk: int, index: int) -> Statement:
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return _describe_import(statement, chunk, index)
    # A table of the statement alone: it tells names of this module from locals of functions, exactly.
    table = symtable.symtable(ast.unparse(statement), "statement", "exec")
    binds = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned()}
    reads = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_referenced()}
    for child in table.get_children():
        reads |= _global_reads(child)
    return Statement(chunk, index, frozenset(binds), frozenset(_changes(statement)), frozenset(reads - _BUILTINS))


def _describe_import(statement: ast.Import | ast.ImportFrom, chunk: int, index: int) -> Statement:
    if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
        return Statement(chunk, index, frozenset(), frozenset(), frozenset())
    aliases = tuple(
        alias.asname or (alias.name.partition(".")[0] if isinstance(statement, ast.Import) else alias.name)
        for alias in statement.names
    )
    return Statement(chunk, index, frozenset(aliases), frozenset(), frozenset(), aliases)


def _global_reads(table: symtable.SymbolTable) -> set[str]:
    """Names that a function or class, or anything inside it, takes from its module."""
    found = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global()}
    for child in table.get_children():
        found |= _global_reads(child)
    return found


def _changes(statement: ast.stmt) -> set[str]:
    """Names whose objects a statement changes in place: ``Layer.forward = f``, ``TABLE[0] = 1``, ``setattr(...)``."""
    match statement:
        case ast.Assign(targets=targets) | ast.Delete(targets=targets):
            roots = [_root(target) for target in targets]
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target):
            roots = [_root(target)]
        case ast.Expr(value=ast.Call(func=ast.Name(id="setattr"), args=[first, *_])):
            roots = [first.id if isinstance(first, ast.Name) else None]
        case _:
            roots = []
    return {root for root in roots if root}


def _root(target: ast.expr) -> str | None:
    """The name at the bottom of ``name.attribute[item]``, or None for a plain name."""
    below = target
    while isinstance(below, ast.Attribute | ast.Subscript):
        below = below.value
    return below.id if isinstance(below, ast.Name) and below is not target else None
