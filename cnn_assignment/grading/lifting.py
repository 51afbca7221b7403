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
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
# Methods of lists, sets and dicts with which a table is filled that a layer may read.
_FILLING = frozenset({"add", "append", "extend", "insert", "setdefault", "update"})


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
    makers: dict[str, list[int]] = {}
    for number, statement in enumerate(statements):
        for name in statement.binds | statement.changes:
            makers.setdefault(name, []).append(number)
    names = set(wanted)
    # A star import may matter to anything below it.
    chosen = {number for number, statement in enumerate(statements) if "*" in statement.aliases}
    needed: set[str] = set()
    while names:
        name = names.pop()
        needed.add(name)
        for number in makers.get(name, ()):
            if number not in chosen:
                chosen.add(number)
                names |= statements[number].reads - needed
    bound = {name for number in chosen for name in statements[number].binds}
    selection = Selection(missing=sorted(set(wanted) - bound))
    for number in sorted(chosen):
        statement = statements[number]
        selection.keep.setdefault(statement.chunk, []).append([statement.index, _positions(statement, needed)])
    return selection


def _positions(statement: Statement, needed: set[str]) -> list[int] | None:
    if not statement.aliases:
        return None
    return [position for position, name in enumerate(statement.aliases) if name in needed or name == "*"]


def _describe(statement: ast.stmt, chunk: int, index: int) -> Statement:
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return _describe_import(statement, chunk, index)
    try:
        binds, reads = _read_names(statement)
    except (RecursionError, MemoryError, ValueError, SyntaxError):
        # Nested too deeply for symtable, or (before Python 3.12) an f-string that cannot be written out again.
        binds, reads = _guess_names(statement)
    if not isinstance(statement, _DEFINITIONS):
        # `sum = 0` in a plot must not become part of a layer that calls sum().
        binds -= _BUILTINS
    return Statement(chunk, index, frozenset(binds), frozenset(_changes(statement)), frozenset(reads))


def _read_names(statement: ast.stmt) -> tuple[set[str], set[str]]:
    """The module's names that a statement binds and reads."""
    # A table of the statement alone: it tells names of this module from locals of functions, exactly.
    table = symtable.symtable(ast.unparse(statement), "statement", "exec")
    binds = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    reads = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_referenced()}
    for child in table.get_children():
        reads |= _global_reads(child)
    if not isinstance(statement, _DEFINITIONS):
        # A walrus inside a comprehension binds a name outside of it.
        binds |= {node.target.id for node in ast.walk(statement) if isinstance(node, ast.NamedExpr)}
    return binds, reads


def _guess_names(statement: ast.stmt) -> tuple[set[str], set[str]]:
    """At least the names that a statement binds and reads, locals of its functions too."""
    names = [node for node in ast.walk(statement) if isinstance(node, ast.Name)]
    binds = {node.id for node in names if not isinstance(node.ctx, ast.Load)}
    if isinstance(statement, _DEFINITIONS):
        binds = {statement.name}
    return binds, {node.id for node in names if isinstance(node.ctx, ast.Load)}


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
    if isinstance(table, symtable.Class):
        # `size = size` in a class reads the module's name before it binds its own.
        found |= {
            s.get_name() for s in table.get_symbols() if s.is_local() and s.is_referenced() and not s.is_namespace()
        }
    for child in table.get_children():
        found |= _global_reads(child)
    return found


def _changes(statement: ast.stmt) -> set[str]:
    """Names whose objects a statement changes in place: ``Layer.forward = f``, ``TABLE[0] = 1``, ``setattr(...)``.

    Loops and branches are looked into, functions and classes are not: they change nothing before they are called.
    """
    found: set[str | None] = set()
    todo: list[ast.AST] = [statement]
    while todo:
        node = todo.pop()
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.Lambda():
                continue
            case ast.Assign(targets=targets) | ast.Delete(targets=targets):
                found |= {_root(target) for target in targets}
            case ast.AugAssign(target=target) | ast.AnnAssign(target=target):
                found.add(_root(target))
            case ast.Expr(value=ast.Call(func=ast.Name(id="setattr" | "delattr"), args=[ast.Name(id=name), *_])):
                found.add(name)
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method))):
                found |= {name} if method in _FILLING else set()
        if isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case):
            todo.extend(ast.iter_child_nodes(node))
    return {name for name in found if name}


def _root(target: ast.expr) -> str | None:
    """The name at the bottom of ``name.attribute[item]``, or None for a plain name."""
    below = target
    while isinstance(below, ast.Attribute | ast.Subscript):
        below = below.value
    return below.id if isinstance(below, ast.Name) and below is not target else None
