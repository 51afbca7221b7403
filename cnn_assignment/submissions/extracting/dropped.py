"""Top-level statements that were left behind as training, although they may change an object that the layers need.

`effects` follows what calls change with care, so that no training is run. This module follows it without care: every
function and class of the submission that a statement names counts as called, whatever it is given, and so do those that
these name in turn. It errs on the side of naming too many: what it names is run only where marks are lost without
it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

from cnn_assignment.submissions.extracting.needed import Selection, Statement
from cnn_assignment.submissions.python.effects import (
    DEFINITIONS,
    Call,
    Function,
    Place,
    behind,
    changed_arguments,
    changed_by_call,
    changed_places,
    handed_names,
    read_call,
    read_function,
)

# What such a function changes, no name tells.
_OPAQUE = frozenset({"__import__", "eval", "exec", "globals"})
# By this name a function finds the module that it stands in.
_OWN_NAME = "__name__"
_MADE_BY = frozenset({"__init__", "__new__", "__post_init__"})
# Each call of a statement is followed to so many functions, and so many statements are looked at.
_MOST_FOLLOWED = 500
_MOST_STATEMENTS = 200
# Nodes in all statements that are looked at, and in all functions; a millisecond is a thousand of them.
_MOST_NODES = 100_000

_NEVER_RUN = (*DEFINITIONS, ast.Import, ast.ImportFrom)


@dataclass(frozen=True, slots=True)
class Dropped:
    """A statement that was left behind: its number, and the function for which it may matter."""

    number: int
    calls: str


def find_dropped(
    nodes: Sequence[ast.stmt],
    statements: Sequence[Statement],
    selection: Selection,
    find_module: Callable[[str], Sequence[ast.stmt]] = lambda _: (),
) -> list[Dropped]:
    """The statements that `selection` leaves behind and that may change what it takes along.

    nodes: the trees of the statements. find_module: the statements of a module of the student's own by its name; none
    for other modules.
    """
    taken = {(statement.chunk, statement.index) for statement, _ in selection.chosen}
    left = [
        number
        for number, (node, statement) in enumerate(zip(nodes, statements, strict=True))
        if (statement.chunk, statement.index) not in taken and not isinstance(node, _NEVER_RUN)
    ]
    follower = None
    found = []
    nodes_left = _MOST_NODES
    for number in left[:_MOST_STATEMENTS]:
        parts = list(ast.walk(nodes[number]))
        nodes_left -= len(parts)
        if nodes_left < 0:
            break
        if not any(isinstance(part, ast.Call) for part in parts):
            continue
        if follower is None:
            follower = _Follower(nodes, statements, selection, find_module)
        if (function := follower.find_reason(parts)) is not None:
            found.append(Dropped(number, function))
    return found


@dataclass(slots=True)
class _Body:
    """A function, a method or a class that is called: its own effects, and the functions that it calls.

    receiver: of a method the name by which it knows its object, or its class where that is_of_class. is_opaque: whether
    no name tells what it changes. foreign: the module of the student's own that it stands in, "" for the submission.
    """

    function: Function
    calls: list[str]
    receiver: str | None = None
    is_of_class: bool = False
    is_opaque: bool = False
    foreign: str = ""
    changes: set[str] = field(default_factory=set)


class _Follower:
    """Follows the calls of one submission to the functions that they lead to."""

    def __init__(
        self,
        nodes: Sequence[ast.stmt],
        statements: Sequence[Statement],
        selection: Selection,
        find_module: Callable[[str], Sequence[ast.stmt]],
    ) -> None:
        self._find_module = find_module
        self._nodes_left = _MOST_NODES
        # Of names that are called: what they lead to, whether that changes what is needed, and which of its places.
        self._reached: dict[str, list[_Body]] = {}
        self._answers: dict[str, bool] = {}
        self._places: dict[str, set[tuple[str, Place]]] = {}
        self._bodies: dict[tuple[str, str], list[_Body]] = {}
        self._scopes: dict[str, dict[str, list[ast.AST]]] = {"": _definitions(nodes)}
        self._imports = _imports(nodes)
        self._needed, self._made = _find_needed(statements, selection)
        own = self._scopes[""]
        # Functions that a call of an own one made: they share what they close over.
        self._closures = {
            name
            for node, statement in zip(nodes, statements, strict=True)
            if isinstance(node, ast.Assign) and _calls_one_of(node.value, own) and statement.binds & self._made
            for name in statement.binds
        }

    def find_reason(self, parts: Sequence[ast.AST]) -> str | None:
        """The function that a statement calls or hands on and that may change a needed object; None without such a function.

        parts: all that is in the statement.
        """
        for part in parts:
            match part:
                case ast.Call(func=ast.Name(id=name)) | ast.Call(func=ast.Attribute(attr=name)):
                    key = name if isinstance(part.func, ast.Name) else f".{name}"
                    if key in self._closures or changed_by_call(part) & self._needed:
                        return name
                    if self._changes_needed(key) or self._changes_handed(part, name, key):
                        return name
                case ast.Name(id=name, ctx=ast.Load()) if self._changes_needed(name):
                    return name
        return None

    def _reach(self, name: str) -> list[_Body]:
        """Every function that a call of this name may lead to."""
        if name not in self._reached:
            self._reached[name] = self._follow(name)
        return self._reached[name]

    def _follow(self, name: str) -> list[_Body]:
        todo, seen = [("", name)], {("", name)}
        found: list[_Body] = []
        while todo and len(found) < _MOST_FOLLOWED:
            for body in self._find(*todo.pop()):
                found.append(body)
                new = {(body.foreign, called) for called in body.calls} - seen
                seen |= new
                todo += sorted(new)
        return found

    def _find(self, module: str, name: str) -> list[_Body]:
        key = module, name
        if key not in self._bodies:
            self._bodies[key] = [
                body for node in self._scope(module).get(name, ()) if (body := self._read(node, module)) is not None
            ]
            if not module:
                self._bodies[key] += self._find_imported(name)
        return self._bodies[key]

    def _find_imported(self, name: str) -> list[_Body]:
        """The functions that a name stands for where it is imported from a module of the student's own."""
        if name.startswith("."):
            # ``layers.set_up()``: any module that is imported as a whole may be meant.
            wholes = [module for module, original in self._imports.values() if original is None]
            return [body for module in wholes for body in self._find(module, name[1:])]
        module, original = self._imports.get(name, ("", None))
        return self._find(module, original) if module and original else []

    def _scope(self, module: str) -> dict[str, list[ast.AST]]:
        if module not in self._scopes:
            self._scopes[module] = _definitions(self._find_module(module))
        return self._scopes[module]

    def _read(self, node: ast.AST, module: str) -> _Body | None:
        """A definition as a body; None where the nodes that may be looked at are used up."""
        self._nodes_left -= sum(1 for _ in ast.walk(node))
        if self._nodes_left < 0:
            return None
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                return _read_body(
                    read_function(node.name, node.args, node.body), node.args, node.body, node.decorator_list, module
                )
            case ast.Lambda():
                return _read_body(read_function("", node.args, [node.body]), node.args, [node.body], [], module)
            case ast.ClassDef():
                bases = [name.id for base in node.bases for name in ast.walk(base) if isinstance(name, ast.Name)]
                makers = [
                    part.name for part in node.body if isinstance(part, ast.FunctionDef) and part.name in _MADE_BY
                ]
                return _Body(
                    Function(node.name, {}), [*bases, *(f"{node.name}.{name}" for name in makers)], foreign=module
                )
            case ast.expr():
                # What a variable was bound to may be called through it; what was called to make it was called then.
                done = {part.func for part in ast.walk(node) if isinstance(part, ast.Call)}
                names = [part.id for part in ast.walk(node) if isinstance(part, ast.Name) and part not in done]
                return _Body(Function("", {}), names, foreign=module)
        return None

    def _changes_needed(self, name: str) -> bool:
        if name not in self._answers:
            self._answers[name] = any(map(self._body_changes_needed, self._reach(name)))
        return self._answers[name]

    def _body_changes_needed(self, body: _Body) -> bool:
        function = body.function
        outer = {name for name in body.changes if name not in function.bound or name in function.declared}
        outer |= function.declared & function.bound
        return body.is_opaque or bool(outer if body.foreign else outer & self._needed)

    def _changed_places(self, key: str) -> set[tuple[str, Place]]:
        """The places whose arguments are changed by the functions that a call leads to."""
        if key not in self._places:
            self._places[key], _ = changed_places([body.function for body in self._reach(key) if body.function.name])
        return self._places[key]

    def _changes_handed(self, call: ast.Call, name: str, key: str) -> bool:
        """Whether a call hands a needed object to a place where it is changed."""
        places = self._changed_places(key)
        handed = read_call(name, call)
        if isinstance(call.func, ast.Attribute):
            owner = handed_names(call.func.value)
            changed = [body for body in self._reach(key) if body.receiver in body.changes]
            if owner & self._made and changed:
                return True
            if owner & self._needed and any(body.is_of_class for body in changed):
                return True
            # Of a method the first argument is its second.
            moved = [(place + 1 if isinstance(place, int) else place, names) for place, names in handed.arguments]
            if changed_arguments([Call(handed.function, tuple(moved))], places) & self._needed:
                return True
        return bool(changed_arguments([handed], places) & self._needed)


def _read_body(
    function: Function, arguments: ast.arguments, parts: Sequence[ast.AST], decorators: Sequence[ast.expr], module: str
) -> _Body:
    _note_aliases(function, parts)
    # Whatever a function reads it may call, or let others call.
    calls = [*sorted(function.uses), *(name for part in parts for name in _called_methods(part))]
    body = _Body(function, calls, foreign=module)
    body.changes = function.changes | behind(function.changes, function.loops)
    body.is_opaque = any(_is_opaque(node) for part in parts for node in ast.walk(part))
    if arguments.args:
        body.receiver = arguments.args[0].arg
        body.is_of_class = any(isinstance(part, ast.Name) and part.id == "classmethod" for part in decorators)
    return body


def _find_needed(statements: Sequence[Statement], selection: Selection) -> tuple[set[str], set[str]]:
    """The names whose objects the selection needs, other names for them too, and those of them that are variables."""
    made = {name for s, _ in selection.chosen if not s.is_definition and not s.aliases for name in s.binds}
    for statement in statements:
        if not statement.is_definition:
            made |= {name for name, (held, _) in statement.holds.items() if held & made}
    imported = {name for statement in statements for name in statement.aliases}
    return (set(selection.needed) | made) - imported, made - imported


def _calls_one_of(value: ast.expr, names: Collection[str]) -> bool:
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in names


def _called_methods(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute):
            yield f".{part.func.attr}"


def _definitions(nodes: Sequence[ast.stmt]) -> dict[str, list[ast.AST]]:
    """The nodes that calls may lead to, by name: functions, classes, methods (``.name``) and the values of variables."""
    found: dict[str, list[ast.AST]] = {}
    todo: list[ast.AST] = list(reversed(nodes))
    while todo:
        node = todo.pop()
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found.setdefault(name, []).append(node)
            case ast.ClassDef(name=name):
                found.setdefault(name, []).append(node)
                for part in node.body:
                    if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
                        found.setdefault(f".{part.name}", []).append(part)
                        found.setdefault(f"{name}.{part.name}", []).append(part)
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    if isinstance(target, ast.Name):
                        found.setdefault(target.id, []).append(value)
            case ast.stmt() | ast.ExceptHandler() | ast.match_case():
                todo += ast.iter_child_nodes(node)
    return found


def _imports(nodes: Sequence[ast.stmt]) -> dict[str, tuple[str, str | None]]:
    """For each name that an import at the top binds its module and its name there; None for the module itself."""
    found: dict[str, tuple[str, str | None]] = {}
    for node in nodes:
        match node:
            case ast.Import(names=aliases):
                found |= {alias.asname or alias.name: (alias.name, None) for alias in aliases}
            case ast.ImportFrom(module=str(module), names=aliases, level=0):
                found |= {alias.asname or alias.name: (module, alias.name) for alias in aliases}
    return found


def _note_aliases(function: Function, parts: Sequence[ast.AST]) -> None:
    """Treat the value of a local name as that of a loop variable: a change of the name is one of the value."""
    for part in parts:
        for node in ast.walk(part):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        function.loops.setdefault(target.id, set()).update(handed_names(node.value))


def _is_opaque(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Name(id=name)):
            return name in _OPAQUE
        case ast.Name(id=name):
            return name == _OWN_NAME
    return False
