"""Larger slips: a whole array is distorted, or something is kept from one call to the next."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from cnn_assignment.explaining.mutant_words import SlipKind
from cnn_assignment.proving.learning.distortions import DISTORTIONS, IN_PLACE
from cnn_assignment.proving.learning.edits import Slip
from cnn_assignment.proving.learning.places import Assigning, written_name
from cnn_assignment.proving.mutating.scopes import imported_names, root_name, self_name
from cnn_assignment.proving.mutating.sites import Code, Edit, Function

_HELPER = "_slip"
_MEMORY = f"\n\n{_HELPER}_kept = {{}}\n"


def make_distortions(code: Code, function: Function, lines: range) -> Iterator[Slip]:
    """Every distortion of every array that is read or written in these lines, of the results, and of the arguments."""
    arrays = _arrays(code, function, lines)
    sites: list[tuple[ast.AST, Edit, str]] = [
        (node, code.swap(node, f"{_HELPER}({code.source(node)})"), "") for node in arrays
    ]
    for place, name in _results(code, function):
        sites.append((place, _insert(code, place, f"{name} = {_HELPER}({name})"), name))
    sites += [
        (function, _open_body(code, function, f"{argument} = {_HELPER}({argument})"), "")
        for argument in _arguments(code, function)
    ]
    for site, edit, name in sites:
        for distortion in DISTORTIONS:
            helper = f"\n\ndef {_HELPER}(a):\n    return {distortion.made}\n"
            yield Slip(distortion.kind, site, (edit,), helper, name)
    for argument in _arguments(code, function):
        for made in IN_PLACE:
            helper = f"\n\ndef {_HELPER}(a):\n    a[...] = {made}\n"
            yield Slip(SlipKind.IN_PLACE, function, (_open_body(code, function, f"{_HELPER}({argument})"),), helper)


def make_memories(code: Code, functions: Sequence[Function], inside: Function) -> Iterator[Slip]:
    """Something of an earlier call, or of another object, is used in the place of what is due. inside: of the gap."""
    owner = self_name(code, inside.body[0])
    if owner is None:
        return
    arguments, results = _arguments(code, inside), list(_results(code, inside))
    first = arguments[0] if arguments else owner
    # What is kept on an object ends with it; the numbers that `id` gives come again.
    own = f'{owner}.__dict__.setdefault("{_HELPER}", {{}})'

    def kept(name: str, where: str, key: str) -> str:
        return f"{name} = {where}.setdefault(({name!r}, {key}), {name})"

    for where, key in (
        (own, "0"),
        (f"{_HELPER}_kept", "0"),
        (own, f"id({first})"),
        (own, f"getattr({first}, 'shape', 0)"),
    ):
        for argument in arguments:
            yield Slip(SlipKind.KEPT, inside, (_open_body(code, inside, kept(argument, where, key)),), _MEMORY)
        for node, name in results:
            yield Slip(SlipKind.KEPT, node, (_insert(code, node, kept(name, where, key)),), _MEMORY, name)
    for node, name in results:
        for where in (own, *arguments):
            added = f'{name} = {where}[".."] = {name} + {where}.get("..", 0)'
            yield Slip(SlipKind.KEPT, node, (_insert(code, node, added),), "", name)
    for read in (part for function in functions for part in ast.walk(function)):
        match read:
            case ast.Assign(value=ast.Call(func=ast.Attribute(attr="zeros" | "empty" | "zeros_like")) as value):
                for clear in ("", "; a[...] = 0"):
                    helper = f"\n\ndef {_HELPER}(kept, a):\n    a = kept.setdefault(a.shape, a){clear}\n    return a\n"
                    called = f"{_HELPER}({own}, {code.source(value)})"
                    yield Slip(SlipKind.KEPT, read, (code.swap(value, called),), helper)
            case ast.Attribute(ctx=ast.Load(), value=ast.Name(id=name)) if name == owner and not _is_called(code, read):
                source = code.source(read)
                for keeping in (f"np.copy({source})", source):
                    first_one = f"{own}.setdefault({source!r}, {keeping})"
                    yield Slip(SlipKind.KEPT, read, (code.swap(read, first_one),))
    around = code.class_of(inside)
    if around is not None:
        yield from _make_shared(code, around)
        yield from _make_handed_over(code, around, inside)


def _make_shared(code: Code, around: ast.ClassDef) -> Iterator[Slip]:
    """An attribute belongs to the class: the newest object's is everybody's."""
    for function in (part for part in around.body if isinstance(part, Function) and part.name == "__init__"):
        owner = function.args.args[0].arg
        for node in ast.walk(function):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and code.source(node.value) == owner:
                yield Slip(SlipKind.KEPT, node, (code.swap(node.value, f"type({owner})"),))


def _make_handed_over(code: Code, around: ast.ClassDef, inside: Function) -> Iterator[Slip]:
    """What another method returned last is used in the place of an argument of the same name, or an entry of it."""
    owner = inside.args.args[0].arg
    for other in (part for part in around.body if isinstance(part, Function) and part is not inside):
        if not other.args.args:
            continue
        their = other.args.args[0].arg
        for node, name in _returned(other):
            if name not in _arguments(code, inside):
                continue
            put = _insert(code, node, f"{their}.{_HELPER} = {name}")
            got = f"{owner}.{_HELPER}"
            yield Slip(SlipKind.KEPT, inside, (put, _open_body(code, inside, f"{name} = {got}")))
            for part in ast.walk(inside):
                if isinstance(part, ast.Subscript) and code.source(part.value) == name:
                    key = code.source(part.slice)
                    yield Slip(SlipKind.KEPT, part, (put, code.swap(part, f"{got}[{key}]")))


def _arrays(code: Code, function: Function, lines: range) -> Iterator[ast.expr]:
    """Expressions that may be arrays: what is written, and what it is calculated from, outermost first."""
    for node in ast.walk(function):
        if not isinstance(node, ast.expr) or node.lineno not in lines or _is_aside(code, node):
            continue
        parent = code.parent(node)
        if isinstance(node, ast.Call | ast.BinOp | ast.Compare) or (
            isinstance(node, ast.Name | ast.Attribute | ast.Subscript)
            and isinstance(node.ctx, ast.Load)
            and (not isinstance(parent, ast.Attribute | ast.Subscript) or isinstance(node, ast.Subscript))
        ):
            yield node


def _is_aside(code: Code, node: ast.expr) -> bool:
    """Whether an expression is an index, a called function, an option, a module or what a loop counts."""
    below: ast.AST = node
    if isinstance(node, ast.Name | ast.Attribute) and root_name(node) in imported_names(code):
        return True
    for above in code.ancestors(node):
        match above:
            case ast.keyword() | ast.Slice():
                return True
            case ast.Subscript(slice=index) if index is below:
                return True
            case ast.Call(func=called) if called is below:
                return True
            case ast.For(target=target, iter=walked) if below in (target, walked):
                return True
            case ast.stmt():
                return False
        below = above
    return False


def _is_called(code: Code, node: ast.AST) -> bool:
    parent = code.parent(node)
    return isinstance(parent, ast.Call) and parent.func is node


def _arguments(code: Code, function: Function) -> list[str]:
    owner = self_name(code, function.body[0])
    return [argument.arg for argument in function.args.args if argument.arg != owner]


def _returned(function: Function) -> Iterator[tuple[ast.Return, str]]:
    for node in ast.walk(function):
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Name):
            yield node, node.value.id


def _results(code: Code, function: Function) -> Iterator[tuple[ast.Return, str]]:
    """Each return of a name, with what is returned: the name, or the entries of it that are written."""
    written = {written_name(code, node) for node in ast.walk(function) if isinstance(node, Assigning)}
    for node, name in _returned(function):
        entries = [other for other in sorted(written) if other.startswith(f"{name}[")]
        for other in entries or [name]:
            yield node, other


def _insert(code: Code, before: ast.stmt, statement: str) -> Edit:
    start, _ = code.span(before)
    return Edit(start, start, f"{statement}\n{' ' * before.col_offset}", before)


def _open_body(code: Code, function: Function, statement: str) -> Edit:
    body = function.body
    is_docstring = isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
    return _insert(code, body[1] if is_docstring and len(body) > 1 else body[0], statement)
