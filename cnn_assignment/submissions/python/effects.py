"""What statements and functions change besides the names that they bind: read from their trees, nothing is run.

Which calls count. A layer may need a statement that binds nothing: ``install(Layer, forward=forward)``, ``setup()``.
Most such statements train, test, plot or print, and must stay behind. So a bare call at the top of a file counts as
changing something only where it can be read from the submission that it does:

- ``setattr`` and ``delattr`` change their first argument, in loops over classes too;
- a function of the submission changes those arguments in which it, or a function that it hands them to, sets
  attributes or items, or which it fills (``append``, ``update``, ...), and the globals that it binds or changes so;
- but a call that is given an instance of a graded class trains or tests it, and counts for nothing, and where a
  function makes or uses such an instance, itself or through others, no global counts as changed by it;
- a method call changes a variable or a class of the submission, except the graded classes and their instances;
- a decorator of the submission changes all that its expression names, and the globals that its function writes.

Functions and methods of imported modules, and calls inside of other expressions, change nothing that is followed.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
# Methods of lists, sets and dicts with which a table is filled that a layer may read.
_FILLING = frozenset({"add", "append", "extend", "insert", "setdefault", "update"})
# Calls of these, and of these methods, hand on what they are given.
_PASSING = frozenset({"dict", "enumerate", "iter", "list", "reversed", "set", "sorted", "tuple", "zip"})
_PARTS = frozenset({"items", "keys", "values"})
# Where an argument goes: a position, a name, or None for anywhere (through a star). Of a parameter also _REST: any
# position, and _NAMED: any name.
Place = int | str | None
_REST, _NAMED = -1, "**"


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a plain name: the names whose objects it hands to each place."""

    function: str
    arguments: tuple[tuple[Place, frozenset[str]], ...] = ()

    @property
    def names(self) -> set[str]:
        """Every name that is handed over."""
        return set().union(*(names for _, names in self.arguments))


@dataclass(slots=True)
class Effects:
    """What running a top-level statement may do to names of the module.

    changes: objects changed in place. reaches: the same, but of no interest where they were imported. methods: names
    of which a method is called for its effect. calls, decorators: the calls made for their effect. loops: for each
    loop variable the names of what it may stand for. makes: names that are called anywhere in the statement.
    """

    changes: set[str] = field(default_factory=set)
    reaches: set[str] = field(default_factory=set)
    methods: set[str] = field(default_factory=set)
    calls: list[Call] = field(default_factory=list)
    decorators: list[Call] = field(default_factory=list)
    loops: dict[str, set[str]] = field(default_factory=dict)
    makes: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Function:
    """What a function of the submission may do when it is called. All that is inside of it shares its scope.

    bound: names that it binds, parameters too. declared: those that it declares global. changes, loops, calls, makes:
    as in `Effects`, of its own names and of globals. uses: the names that it reads.
    """

    name: str
    places: dict[str, tuple[Place, ...]]
    bound: set[str] = field(default_factory=set)
    declared: set[str] = field(default_factory=set)
    uses: set[str] = field(default_factory=set)
    changes: set[str] = field(default_factory=set)
    loops: dict[str, set[str]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)

    @property
    def makes(self) -> set[str]:
        """Names that are called anywhere in it."""
        return {call.function for call in self.calls}


def read_effects(statement: ast.stmt) -> Effects:
    """The effects of running one top-level statement. Of functions and classes in it, only decorators are run."""
    effects = Effects()
    todo: list[ast.AST] = [statement]
    while todo:
        node = todo.pop()
        if isinstance(node, DEFINITIONS):
            effects.decorators += [_read_decorator(decorator) for decorator in node.decorator_list]
            continue
        effects.changes |= _changed_by_statement(node)
        if isinstance(node, ast.For | ast.AsyncFor):
            _note_loop(effects.loops, node.target, node.iter)
        elif isinstance(node, ast.Expr):
            _read_bare_call(node.value, effects)
        if isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case):
            todo.extend(ast.iter_child_nodes(node))
    if not isinstance(statement, DEFINITIONS):
        calls = (node.func for node in ast.walk(statement) if isinstance(node, ast.Call))
        effects.makes = {function.id for function in calls if isinstance(function, ast.Name)}
    return effects


def read_functions(statement: ast.stmt) -> list[Function]:
    """The functions that a top-level statement defines, in branches too."""
    found = []
    todo: list[ast.AST] = [statement]
    while todo:
        match todo.pop():
            case (ast.FunctionDef() | ast.AsyncFunctionDef()) as node:
                found.append(read_function(node.name, node.args, node.body))
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Lambda(args=arguments, body=body)):
                found.append(read_function(name, arguments, [body]))
            case ast.ClassDef():
                pass
            case (ast.stmt() | ast.ExceptHandler() | ast.match_case()) as node:
                todo.extend(ast.iter_child_nodes(node))
    return found


def changed_places(functions: Sequence[Function]) -> tuple[set[tuple[str, Place]], dict[str, set[str]]]:
    """The places by which functions change what they are handed, and for each global the functions that write it.

    Arguments are followed from function to function.
    """
    handed: dict[tuple[str, Place], list[tuple[Function, str]]] = {}
    for function in functions:
        for call in function.calls:
            for place, names in call.arguments:
                for key in _keys(call.function, place):
                    handed.setdefault(key, []).extend((function, name) for name in names)
    places: set[tuple[str, Place]] = set()
    seen: set[tuple[int, str]] = set()
    writers: dict[str, set[str]] = {}
    todo = [(function, name) for function in functions for name in function.changes]
    while todo:
        function, name = todo.pop()
        if (id(function), name) in seen:
            continue
        seen.add((id(function), name))
        todo += [(function, other) for other in function.loops.get(name, ())]
        if name not in function.bound or name in function.declared:
            writers.setdefault(name, set()).add(function.name)
        if name in function.places:
            reached = {(function.name, place) for place in (*function.places[name], None)} - places
            places |= reached
            todo += [source for key in reached for source in handed.get(key, ())]
    for function in functions:
        for name in function.declared & function.bound:
            writers.setdefault(name, set()).add(function.name)
    return places, writers


def changed_arguments(calls: Iterable[Call], places: set[tuple[str, Place]]) -> set[str]:
    """The names that calls hand to places where they are changed."""
    found: set[str] = set()
    for call in calls:
        for place, names in call.arguments:
            if any(key in places for key in _keys(call.function, place)):
                found |= names
    return found


def _keys(function: str, place: Place) -> list[tuple[str, Place]]:
    """The places of a function that an argument may arrive at."""
    if place is None:
        return [(function, None)]
    return [(function, place), (function, _REST if isinstance(place, int) else _NAMED)]


def behind(names: Iterable[str], loops: Mapping[str, Iterable[str]]) -> set[str]:
    """What the loop variables among the names may stand for, through loops in loops."""
    found: set[str] = set()
    todo = list(names)
    while todo:
        new = set(loops.get(todo.pop(), ())) - found
        found |= new
        todo += new
    return found


def handed_names(expression: ast.expr, *, parts: bool = True) -> frozenset[str]:
    """Names whose objects an expression hands on, as such or in a display: ``[Layer, Pool]``.

    parts: of ``Layer.table`` too.
    """
    found: set[str] = set()
    todo: list[ast.expr | None] = [expression]
    while todo:
        match todo.pop():
            case ast.Name(id=name):
                found.add(name)
            case ast.Tuple(elts=items) | ast.List(elts=items) | ast.Set(elts=items):
                todo += items
            case ast.Dict(keys=keys, values=values):
                todo += [*keys, *values]
            case ast.Starred(value=value) | ast.NamedExpr(value=value):
                todo.append(value)
            case ast.IfExp(body=body, orelse=orelse):
                todo += [body, orelse]
            case ast.Call(func=ast.Name(id=name), args=items) if name in _PASSING:
                todo += items
            case ast.Call(func=ast.Attribute(value=value, attr=attr)) if attr in _PARTS:
                todo.append(value)
            case (ast.Attribute() | ast.Subscript()) as part if parts:
                found |= _below(part)
    return frozenset(found)


def _below(target: ast.expr) -> set[str]:
    """The name at the bottom of ``name.attribute[item]`` and of ``vars(name)[item]``; none for a plain name."""
    below = target
    while isinstance(below, ast.Attribute | ast.Subscript):
        below = below.value
    match below:
        case ast.Name(id=name) if below is not target:
            return {name}
        case ast.Call(func=ast.Name(id="vars"), args=[ast.Name(id=name)]) if below is not target:
            return {name}
    return set()


def _flat(target: ast.expr) -> Iterator[ast.expr]:
    """The targets of an assignment to several at once."""
    todo = [target]
    while todo:
        match todo.pop():
            case ast.Tuple(elts=items) | ast.List(elts=items):
                todo += items
            case ast.Starred(value=item):
                todo.append(item)
            case item:
                yield item


def _changed_by_statement(node: ast.AST) -> set[str]:
    """Names whose objects an assignment or del changes in place: ``Layer.forward = f``, ``TABLE[0] = 1``."""
    match node:
        case ast.Assign(targets=targets) | ast.Delete(targets=targets):
            return {name for target in targets for part in _flat(target) for name in _below(part)}
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target):
            return _below(target)
    return set()


def changed_by_call(call: ast.Call) -> set[str]:
    """Names whose objects setattr, or a method that fills a table, changes."""
    match call:
        case ast.Call(func=ast.Name(id="setattr" | "delattr"), args=[ast.Name(id=name), *_]):
            return {name}
        case ast.Call(func=ast.Name(id="setattr" | "delattr"), args=[part, *_]):
            return _below(part)
        case ast.Call(func=ast.Attribute(attr=method) as function) if method in _FILLING:
            return _below(function)
    return set()


def _note_loop(loops: dict[str, set[str]], target: ast.expr, source: ast.expr) -> None:
    handed = handed_names(source)
    for part in _flat(target):
        if isinstance(part, ast.Name):
            loops.setdefault(part.id, set()).update(handed)


def _read_bare_call(value: ast.expr, effects: Effects) -> None:
    """Add what a call does that stands alone, or in a comprehension that stands alone."""
    while not isinstance(value, ast.Call):
        match value:
            case ast.ListComp(elt=inner) | ast.SetComp(elt=inner):
                for generator in value.generators:
                    _note_loop(effects.loops, generator.target, generator.iter)
            case ast.Await(value=inner):
                pass
            case _:
                return
        value = inner
    match value.func:
        case ast.Name(id=name):
            effects.changes |= changed_by_call(value)
            effects.calls.append(read_call(name, value))
        case ast.Attribute(value=ast.Name()):
            effects.changes |= changed_by_call(value)
            effects.methods |= _below(value.func)
        case ast.Attribute():
            effects.reaches |= changed_by_call(value)
            effects.methods |= _below(value.func)


def read_call(function: str, call: ast.Call) -> Call:
    """A call of a function by that name: what it hands to each place."""
    arguments: list[tuple[Place, frozenset[str]]] = []
    starred = False
    for position, argument in enumerate(call.args):
        starred = starred or isinstance(argument, ast.Starred)
        arguments.append((None if starred else position, handed_names(argument)))
    arguments += [(keyword.arg, handed_names(keyword.value)) for keyword in call.keywords]
    return Call(function, tuple(arguments))


def _read_decorator(decorator: ast.expr) -> Call:
    """The decorator as a call of its root with all names that it reads; the root itself for ``f.register`` only."""
    root, is_part = decorator, False
    while isinstance(root, ast.Call | ast.Attribute | ast.Subscript):
        is_part = is_part or not isinstance(root, ast.Call)
        root = root.func if isinstance(root, ast.Call) else root.value
    names = {node.id for node in ast.walk(decorator) if isinstance(node, ast.Name) and (node is not root or is_part)}
    return Call(root.id if isinstance(root, ast.Name) else "", ((None, frozenset(names)),))


def read_function(name: str, arguments: ast.arguments, body: Sequence[ast.AST]) -> Function:
    """A function by that name, of these parameters and this body."""
    function = Function(name, _places(arguments))
    for node in itertools.chain.from_iterable(ast.walk(part) for part in (arguments, *body)):
        function.changes |= _changed_by_statement(node)
        match node:
            case ast.Name(id=used, ctx=ast.Load()):
                function.uses.add(used)
            case ast.Name(id=bound) | ast.FunctionDef(name=bound) | ast.ClassDef(name=bound) | ast.arg(arg=bound):
                function.bound.add(bound)
            case ast.alias(name=bound, asname=alias):
                function.bound.add(alias or bound.partition(".")[0])
            case ast.ExceptHandler(name=str(bound)) | ast.MatchAs(name=str(bound)) | ast.MatchStar(name=str(bound)):
                function.bound.add(bound)
            case ast.Global(names=declared):
                function.declared.update(declared)
            case ast.For() | ast.AsyncFor() | ast.comprehension():
                _note_loop(function.loops, node.target, node.iter)
            case ast.Call():
                function.changes |= changed_by_call(node)
                if isinstance(node.func, ast.Name):
                    function.calls.append(read_call(node.func.id, node))
    return function


def _places(arguments: ast.arguments) -> dict[str, tuple[Place, ...]]:
    """For each parameter the places that lead to it."""
    ordered = [*arguments.posonlyargs, *arguments.args]
    places: dict[str, tuple[Place, ...]] = {p.arg: (position, p.arg) for position, p in enumerate(ordered)}
    places |= {parameter.arg: (parameter.arg,) for parameter in arguments.kwonlyargs}
    if arguments.vararg is not None:
        places[arguments.vararg.arg] = (_REST,)
    if arguments.kwarg is not None:
        places[arguments.kwarg.arg] = (_NAMED,)
    return places
