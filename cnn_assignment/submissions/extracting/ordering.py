"""The order in which extracted statements run: that of the document, but for what stands below its first use.

Cells that were moved about in a notebook still run there in the order in which a student ran them by hand.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Collection, Iterator, Sequence
from itertools import chain

_BUILTINS = frozenset(dir(builtins))


def names_at_load(statement: ast.stmt) -> frozenset[str]:
    """The names that a statement reads while it runs; the bodies of functions run later."""
    found = set()
    todo: list[ast.AST] = [statement]
    while todo:
        match todo.pop():
            case ast.FunctionDef() | ast.AsyncFunctionDef() as function:
                todo += [*function.decorator_list, *_defaults(function.args)]
            case ast.Lambda(args=arguments):
                todo += _defaults(arguments)
            case ast.Name(id=name, ctx=ast.Load()):
                found.add(name)
            case other:
                todo.extend(ast.iter_child_nodes(other))
    return frozenset(found - _BUILTINS)


def _defaults(arguments: ast.arguments) -> list[ast.AST]:
    """The expressions that a definition computes at once: defaults and annotations."""
    parameters = chain(arguments.posonlyargs, arguments.args, arguments.kwonlyargs)
    annotations = [parameter.annotation for parameter in parameters]
    return [part for part in (*arguments.defaults, *arguments.kw_defaults, *annotations) if part is not None]


def put_in_order(
    binds: Sequence[Collection[str]], reads: Sequence[Collection[str]]
) -> tuple[list[int], list[tuple[int, int, str]]]:
    """An order in which statements can run, by their numbers, and the moves: which statement before which other, for which name.

    binds, reads: for each statement the names that it binds, and those that it reads at once. A statement moves up only
    to the first one that reads a name which nothing above binds.
    """
    binders: dict[str, list[int]] = {}
    for number, names in enumerate(binds):
        for name in names:
            binders.setdefault(name, []).append(number)
    # Each statement's names are gone through once: what is not missing at one time is not missing later.
    unread = [iter(sorted(names)) for names in reads]
    begun: set[int] = set()
    done: set[int] = set()
    bound: set[str] = set()
    ordered: list[int] = []
    moved: list[tuple[int, int, str]] = []
    for first in range(len(binds)):
        todo = [first]
        while todo:
            number = todo[-1]
            begun.add(number)
            missing = _find_missing(unread[number], binds[number], binders, bound, begun)
            if missing is not None:
                name, other = missing
                moved.append((other, number, name))
                todo.append(other)
                continue
            if number not in done:
                done.add(number)
                bound.update(binds[number])
                ordered.append(number)
            todo.pop()
    return ordered, moved


def _find_missing(
    names: Iterator[str], own: Collection[str], binders: dict[str, list[int]], bound: set[str], begun: set[int]
) -> tuple[str, int] | None:
    """The next name that a statement reads and only statements below it bind, with the first of those.

    names: those that it reads and that were not gone through yet. own: those that it binds. bound: those that
    statements which are done bind.
    """
    for name in names:
        first = binders[name][0] if name in binders else None
        if first is not None and first not in begun and name not in own and name not in bound:
            return name, first
    return None
