"""Mutations of statements: each function yields the edits that one kind of slip makes of one node."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from cnn_assignment.proving.mutating.expressions import ARITHMETIC
from cnn_assignment.proving.mutating.scopes import imported_names, read_names, written_names
from cnn_assignment.proving.mutating.sites import Code, Edit, Loop

_Value = ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Return | ast.Yield
_EMPTY = (ast.Pass, ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal)
_LEAVING = (ast.Return, ast.Break, ast.Continue, ast.Raise)


def change_assignment(code: Code, node: ast.AST) -> Iterator[Edit]:
    """``a += b`` -> ``a = b`` and ``a -= b``; ``a[i] = b`` -> ``a[i] += b``; ``a[...] = b`` -> ``a = b``."""
    match node:
        case ast.AugAssign(target=target, value=value):
            (_, start), (end, _) = code.span(target), code.span(value)
            middle = code.between(start, end)
            symbol = middle.strip().rstrip("(").strip().removesuffix("=")
            for other in ("", *ARITHMETIC.get(symbol, ())):
                yield Edit(start, end, middle.replace(f"{symbol}=", f"{other}=", 1), node)
        case ast.Assign(targets=[ast.Subscript() as target], value=value):
            (start, here), (end, _) = code.span(target), code.span(value)
            middle = code.between(here, end)
            yield Edit(here, end, middle.replace("=", "+=", 1), node)
            if isinstance(target.value, ast.Name) and _is_whole(target.slice):
                yield Edit(start, here, target.value.id, node)
        case ast.Assign(
            targets=[ast.Name(id=name)], value=ast.BinOp(left=ast.Name(id=first), op=operator, right=right)
        ):
            symbol = next((text for text in ARITHMETIC if isinstance(operator, _operator_of(text))), "")
            if name == first and symbol:
                yield code.swap(node, f"{name} {symbol}= {code.source(right)}")


def change_value(code: Code, node: ast.AST) -> Iterator[Edit]:
    """What is assigned, returned or yielded has the other sign, or went through float32."""
    if not isinstance(node, _Value) or node.value is None:
        return
    numpy = next((name for name, module in imported_names(code).items() if module == "numpy"), None)
    value = node.value
    parts = value.elts if isinstance(value, ast.Tuple) else value.values if isinstance(value, ast.Dict) else [value]
    for part in parts:
        if isinstance(part, ast.Constant | ast.Compare | ast.BoolOp | ast.Dict | ast.List | ast.JoinedStr | ast.Lambda):
            continue
        if not isinstance(node, ast.AugAssign):
            yield code.swap(part, f"-{code.operand(part)}")
        if numpy is not None and not isinstance(part, ast.Name):
            yield code.swap(part, f"{numpy}.float32({code.source(part)})")


def drop_statement(code: Code, node: ast.AST) -> Iterator[Edit]:
    """A statement is missing; a return then returns nothing."""
    if isinstance(node, ast.stmt) and not isinstance(node, _EMPTY) and not _is_docstring(code, node):
        yield code.swap(node, "pass", f"{_headline(code, node)} -> pass")


def repeat_statement(code: Code, node: ast.AST) -> Iterator[Edit]:
    """A statement whose second run changes something stands there twice."""
    if not isinstance(node, ast.stmt) or _is_docstring(code, node) or not _accumulates(node):
        return
    _, end = code.span(node)
    again = "\n" + _indent(node) + code.source(node)
    yield Edit(end, end, again, node, f"{_headline(code, node)} -> twice")


def exchange_statements(code: Code, node: ast.AST) -> Iterator[Edit]:
    """A statement trades places with the next one, if one of them writes what the other reads."""
    following = _next(code, node)
    if not isinstance(node, ast.stmt) or following is None or isinstance(node, _LEAVING) or _is_docstring(code, node):
        return
    first, second = (written_names(node), read_names(node)), (written_names(following), read_names(following))
    if not (first[0] & (second[0] | second[1]) or second[0] & first[1]) or node.lineno == following.lineno:
        return
    (start, end), (next_start, next_end) = code.span(node), code.span(following)
    new = code.source(following) + code.between(end, next_start) + code.source(node)
    yield Edit(start, next_end, new, node, f"{_headline(code, node)} -> after the next statement")


def change_condition(code: Code, node: ast.AST) -> Iterator[Edit]:
    """A condition is the other way round, or always or never true."""
    if isinstance(node, ast.If | ast.While | ast.IfExp):
        test = node.test
        new = (f"not {code.operand(test)}", "False", *(() if isinstance(node, ast.While) else ("True",)))
        yield from (code.swap(test, other) for other in new)
    if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
        for condition in (test for generator in node.generators for test in generator.ifs):
            yield code.swap(condition, "True")


def change_exit(code: Code, node: ast.AST) -> Iterator[Edit]:
    """``break`` -> ``continue``, and back."""
    if isinstance(node, ast.Break):
        yield code.swap(node, "continue")
    if isinstance(node, ast.Continue):
        yield code.swap(node, "break")


def stop_loop(code: Code, node: ast.AST) -> Iterator[Edit]:
    """A loop ends after its first turn."""
    loop = _loop_ended_by(code, node)
    if loop is None or not isinstance(node, ast.stmt):
        return
    _, end = code.span(node)
    new = "\n" + _indent(node) + "break"
    yield Edit(end, end, new, node, f"{_headline(code, node)} -> break after it, in {_headline(code, loop)}")


def dedent_statement(code: Code, node: ast.AST) -> Iterator[Edit]:
    """The last statement of a loop stands behind the loop: it runs for the last turn only."""
    loop = _loop_ended_by(code, node)
    if loop is None or not isinstance(node, ast.stmt) or loop.orelse or isinstance(node, ast.Break | ast.Continue):
        return
    # Where it was alone, something has to stay in the loop.
    stay = "pass\n" + _indent(loop) if loop.body[0] is node else ""
    start, end = code.span(node)
    if not stay:
        start -= node.col_offset - loop.col_offset
    text = _shift(code.source(node), loop.col_offset - node.col_offset)
    yield Edit(start, end, stay + text, node, f"{_headline(code, node)} -> behind {_headline(code, loop)}")


def indent_statement(code: Code, node: ast.AST) -> Iterator[Edit]:
    """The statement behind a loop stands at the end of the loop: it runs in every turn."""
    following = _next(code, node)
    if not isinstance(node, Loop) or following is None or node.orelse or node.body[0].lineno == node.lineno:
        return
    start, end = code.span(following)
    more = node.body[0].col_offset - node.col_offset
    text = " " * more + _shift(code.source(following), more)
    told = f"{_headline(code, following)} -> into {_headline(code, node)}"
    yield Edit(start, end, text, following, told)


def _is_whole(index: ast.expr) -> bool:
    match index:
        case ast.Slice(lower=None, upper=None, step=None):
            return True
        case ast.Constant(value=value):
            return value is Ellipsis
        case ast.Tuple(elts=elements):
            return all(map(_is_whole, elements))
    return False


def _operator_of(symbol: str) -> type[ast.operator]:
    operation = ast.parse(f"a {symbol} b", mode="eval").body
    assert isinstance(operation, ast.BinOp)
    return type(operation.op)


def _is_docstring(code: Code, node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and code.siblings(node)[:1] == [node]


def _accumulates(node: ast.stmt) -> bool:
    """Whether running it twice may differ from running it once."""
    match node:
        case ast.Assign() | ast.AnnAssign():
            return bool(_plain_names(node) & read_names(node))
        case ast.AugAssign() | ast.Expr():
            return True
        case ast.For() | ast.While() | ast.If() | ast.With():
            return any(isinstance(part, ast.AugAssign | ast.Expr) for part in ast.walk(node))
    return False


def _plain_names(node: ast.Assign | ast.AnnAssign) -> set[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def _next(code: Code, node: ast.AST) -> ast.stmt | None:
    """The statement behind this one in the same block."""
    block = code.siblings(node)
    number = next((index for index, other in enumerate(block) if other is node), len(block))
    return block[number + 1] if number + 1 < len(block) else None


def _loop_ended_by(code: Code, node: ast.AST) -> Loop | None:
    """The loop whose turns end with this statement."""
    loop = code.parent(node)
    if not isinstance(node, ast.stmt) or not isinstance(loop, Loop) or isinstance(node, _LEAVING):
        return None
    return loop if loop.body[-1] is node and node.lineno > loop.lineno else None


def _indent(node: ast.stmt) -> str:
    return " " * node.col_offset


def _shift(text: str, columns: int) -> str:
    """Every line but the first moved to the right, or to the left where there is room."""
    first, *rest = text.split("\n")
    if columns >= 0:
        return "\n".join([first, *(" " * columns + line if line.strip() else line for line in rest)])
    blank = " " * -columns
    return "\n".join([first, *(line.removeprefix(blank) for line in rest)])


def _headline(code: Code, node: ast.stmt) -> str:
    """A statement in one line; of a loop or a condition its header."""
    return " ".join(code.headline(node).split())
