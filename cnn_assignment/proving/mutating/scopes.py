"""Which names, attributes and keys could stand in the place of another one, without running anything."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from cnn_assignment.proving.mutating.sites import Code, Function


def other_names(code: Code, node: ast.Name) -> tuple[str, ...]:
    """Local names of the same kind that are bound before this one is read, in the order of their binding.

    The kinds: numbers, as loops over a range and shapes give them and as indices need them; mappings, which have string
    keys; what loops walk over; and the rest. Empty for a name that is not local.
    """
    function = code.function_of(node)
    bound = {} if function is None else _bindings(code, function)
    if function is None or node.id not in bound:
        return ()
    here, _ = code.span(node)
    kinds = (_find_numbers(function), _find_mappings(function), _find_walked(function))
    same_kind = [name for name in bound if all((name in kind) == (node.id in kind) for kind in kinds)]
    return tuple(name for name in same_kind if name != node.id and bound[name] <= here)


def other_attributes(code: Code, node: ast.Attribute) -> tuple[str, ...]:
    """Other attributes that the class uses of the same ``self``: methods for a method, values for a value."""
    owner = self_name(code, node)
    around = code.class_of(node)
    if around is None or not (isinstance(node.value, ast.Name) and node.value.id == owner):
        return ()
    found = [
        other.attr
        for other in ast.walk(around)
        if isinstance(other, ast.Attribute)
        and isinstance(other.value, ast.Name)
        and other.value.id == owner
        and _is_called(code, other) == _is_called(code, node)
    ]
    return tuple(name for name in dict.fromkeys(found) if name != node.attr)


def other_keys(code: Code, node: ast.Constant) -> tuple[str, ...]:
    """Other strings that are keys in the same function; empty for what is not the key of a subscript."""
    function = code.function_of(node)
    parent = code.parent(node)
    if function is None or not (isinstance(parent, ast.Subscript) and parent.slice is node):
        return ()
    return tuple(key for key in dict.fromkeys(_keys(function)) if key != node.value)


def self_name(code: Code, node: ast.AST) -> str | None:
    """What the method around a node calls its object; None outside of methods."""
    function = code.function_of(node)
    if function is None or not isinstance(code.parent(function), ast.ClassDef) or not function.args.args:
        return None
    return function.args.args[0].arg


def imported_names(code: Code) -> dict[str, str]:
    """Names that the module's own imports bind, and what they stand for: ``{"np": "numpy"}``."""
    return {
        alias.asname or alias.name.partition(".")[0]: alias.name
        for statement in code.tree.body
        if isinstance(statement, ast.Import | ast.ImportFrom)
        for alias in statement.names
    }


def root_name(node: ast.expr) -> str | None:
    """The name at the beginning of ``name.attribute[item](...)``, or None."""
    below = node
    while isinstance(below, ast.Attribute | ast.Subscript | ast.Call):
        below = below.func if isinstance(below, ast.Call) else below.value
    return below.id if isinstance(below, ast.Name) else None


def written_names(node: ast.AST) -> set[str]:
    """Names that a statement binds, or whose objects it changes by an assignment."""
    found = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Name | ast.Subscript | ast.Attribute) and isinstance(part.ctx, ast.Store):
            found.add(root_name(part))
    return {name for name in found if name is not None}


def read_names(node: ast.AST) -> set[str]:
    """Names that a statement reads."""
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)}


def _is_called(code: Code, node: ast.Attribute) -> bool:
    parent = code.parent(node)
    return isinstance(parent, ast.Call) and parent.func is node


def _keys(function: Function) -> Iterator[str]:
    for node in ast.walk(function):
        keys = node.keys if isinstance(node, ast.Dict) else [node.slice] if isinstance(node, ast.Subscript) else []
        for key in keys:
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield key.value


def _bindings(code: Code, function: Function) -> dict[str, int]:
    """Local names and the byte offset from which they can be read; comprehensions keep theirs to themselves."""
    arguments = function.args
    owner = self_name(code, function.body[0])
    start, _ = code.span(function.body[0])
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    bound = {argument.arg: start for argument in named if argument.arg != owner}
    for node in ast.walk(function):
        if not (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)) or node.id.startswith("_"):
            continue
        above = [code.parent(node), *code.ancestors(node)]
        if any(isinstance(part, ast.comprehension | ast.Lambda) for part in above):
            continue
        offset = _bound_from(code, node)
        bound[node.id] = min(offset, bound.get(node.id, offset))
    return dict(sorted(bound.items(), key=lambda item: item[1]))


def _bound_from(code: Code, name: ast.Name) -> int:
    """Where the statement that binds a name has done so: after an assignment, in the body of a loop."""
    statement = next(above for above in code.ancestors(name) if isinstance(above, ast.stmt))
    body = getattr(statement, "body", None)
    if isinstance(body, list) and body:
        return code.span(body[0])[0]
    return code.span(statement)[1]


def _find_mappings(function: Function) -> set[str]:
    """Local names that are looked up by a string."""
    return {
        node.value.id
        for node in ast.walk(function)
        if isinstance(node, ast.Subscript)
        and isinstance(node.value, ast.Name)
        and isinstance(node.slice, ast.Constant)
        and isinstance(node.slice.value, str)
    }


def _find_walked(function: Function) -> set[str]:
    """Local names that a loop walks over, alone or side by side."""
    sources = [node.iter for node in ast.walk(function) if isinstance(node, ast.For | ast.comprehension)]
    parts = [part for source in sources for part in (source.args if isinstance(source, ast.Call) else [source])]
    return {part.id for part in parts if isinstance(part, ast.Name)}


def _find_numbers(function: Function) -> set[str]:
    """Local names that hold a whole number: sizes, places and counters."""
    nodes = list(ast.walk(function))
    found = {name for node in nodes for name in _used_as_number(node)}
    # What is computed from numbers alone is one; twice, because a loop may compute from what stands below.
    for _ in range(2):
        for node in nodes:
            if isinstance(node, ast.Assign):
                found |= set(_assigned_numbers(node, found))
    return found


def _used_as_number(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.For(target=ast.Name(id=name), iter=ast.Call(func=ast.Name(id="range"))):
            yield name
        case ast.For(target=ast.Tuple(elts=[ast.Name(id=name), *_]), iter=ast.Call(func=ast.Name(id="enumerate"))):
            yield name
        case ast.Call(func=ast.Name(id="range"), args=args):
            yield from _arithmetic_names(args)
        case ast.Subscript(slice=ast.Tuple(elts=elements)):
            yield from _arithmetic_names(elements)
        case ast.Slice(lower=lower, upper=upper, step=step):
            yield from _arithmetic_names(part for part in (lower, upper, step) if part is not None)


def _arithmetic_names(parts: Iterable[ast.expr]) -> Iterator[str]:
    """Names in sums and products, and not in calls or subscripts."""
    for part in parts:
        match part:
            case ast.Name(id=name):
                yield name
            case ast.BinOp(left=left, right=right):
                yield from _arithmetic_names((left, right))
            case ast.UnaryOp(operand=operand):
                yield from _arithmetic_names((operand,))


def _assigned_numbers(node: ast.Assign, known: set[str]) -> Iterator[str]:
    for target in node.targets:
        pairs: list[tuple[ast.expr, ast.expr]] = [(target, node.value)]
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs = list(zip(target.elts, node.value.elts, strict=False))
        elif isinstance(target, ast.Tuple):
            found = isinstance(node.value, ast.Attribute | ast.Subscript) and "shape" in ast.unparse(node.value)
            yield from (part.id for part in target.elts if found and isinstance(part, ast.Name))
            continue
        yield from (name.id for name, value in pairs if isinstance(name, ast.Name) and _is_number(value, known))


def _is_number(value: ast.expr, known: set[str]) -> bool:
    match value:
        case ast.Constant(value=number):
            return isinstance(number, int)
        case ast.Name(id=name):
            return name in known
        case ast.BinOp(left=left, right=right):
            sides = [side for side in (left, right) if not isinstance(side, ast.Attribute)]
            return bool(sides) and all(_is_number(side, known) for side in sides)
        case ast.Subscript(value=ast.Attribute(attr="shape"), slice=index):
            return not isinstance(index, ast.Slice)
        case ast.Call(func=ast.Name(id=name)):
            return name == "len"
    return False
