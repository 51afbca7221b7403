"""Mutations of expressions: each function yields the edits that one kind of slip makes of one node.

What they know of is Python and NumPy. An edit that is no Python, or changes nothing, is left out by whoever asks.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Sequence

from cnn_assignment.proving.mutating.scopes import (
    imported_names,
    other_attributes,
    other_keys,
    other_names,
    root_name,
    self_name,
)
from cnn_assignment.proving.mutating.sites import Code, Edit

_SYMBOLS: dict[type[ast.AST], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.MatMult: "@",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
}
ARITHMETIC = {
    "+": ("-", "*"),
    "-": ("+",),
    "*": ("+", "/"),
    "/": ("*", "//"),
    "//": ("*", "%"),
    "%": ("//",),
    "**": ("*",),
    "@": ("*",),
    "&": ("|",),
    "|": ("&",),
    "^": ("|",),
    "<<": (">>",),
    ">>": ("<<",),
}
_COMPARISONS = {
    "==": ("!=", "<=", ">="),
    "!=": ("==",),
    "<": ("<=", ">"),
    "<=": ("<", ">="),
    ">": (">=", "<"),
    ">=": (">", "<="),
    "is": ("is not",),
    "is not": ("is",),
    "in": ("not in",),
    "not in": ("in",),
}
_COMMUTATIVE = (ast.Add, ast.Mult, ast.BitAnd, ast.BitOr, ast.BitXor)
# What a function is taken for. Names that are no builtins are swapped behind a dot only.
_FUNCTIONS: dict[str, tuple[str, ...]] = {
    "max": ("min", "mean", "sum", "argmax"),
    "amax": ("amin",),
    "min": ("max", "mean", "sum"),
    "amin": ("amax",),
    "sum": ("mean", "max", "prod"),
    "mean": ("sum", "max", "median"),
    "median": ("mean",),
    "prod": ("sum",),
    "argmax": ("argmin",),
    "argmin": ("argmax",),
    "nanargmax": ("nanargmin",),
    "nanmax": ("nanmin",),
    "maximum": ("minimum", "add"),
    "minimum": ("maximum", "add"),
    "cumsum": ("cumprod",),
    "cumprod": ("cumsum",),
    "var": ("std",),
    "std": ("var",),
    "any": ("all",),
    "all": ("any",),
    "sorted": ("reversed",),
    "floor": ("ceil",),
    "ceil": ("floor",),
    "zeros": ("ones",),
    "ones": ("zeros",),
    "zeros_like": ("ones_like",),
    "ones_like": ("zeros_like",),
    "repeat": ("tile",),
    "tile": ("repeat",),
    "vstack": ("hstack",),
    "hstack": ("vstack",),
    "exp": ("log",),
    "log": ("exp", "log2"),
    "log2": ("log",),
    "sqrt": ("square",),
    "square": ("sqrt",),
    "add": ("subtract",),
    "subtract": ("add",),
    "multiply": ("add", "divide"),
    "divide": ("multiply",),
    "matmul": ("multiply",),
    "dot": ("multiply",),
    "equal": ("not_equal",),
    "not_equal": ("equal",),
    "greater": ("less", "greater_equal"),
    "less": ("greater", "less_equal"),
    "greater_equal": ("less_equal", "greater"),
    "less_equal": ("greater_equal", "less"),
    "sin": ("cos",),
    "cos": ("sin",),
    "sign": ("abs",),
    "flatnonzero": ("nonzero",),
    "fliplr": ("flipud",),
    "flipud": ("fliplr",),
}
_RESHAPING = ("reshape", "ravel", "flatten")
# Calls of these in the place of their argument would only end at once.
_COUNTING = ("range", "len", "zip", "enumerate", "isinstance", "print", "iter", "next")


def swap_operator(code: Code, node: ast.AST) -> Iterator[Edit]:
    """``a + b`` -> ``a - b``; comparisons too."""
    if isinstance(node, ast.BinOp):
        pairs = [(node.left, node.op, node.right)]
    elif isinstance(node, ast.Compare):
        pairs = list(zip([node.left, *node.comparators], node.ops, node.comparators, strict=False))  # type: ignore[arg-type]
    else:
        return
    for left, operator, right in pairs:
        symbol = _SYMBOLS[type(operator)]
        (_, start), (end, _) = code.span(left), code.span(right)
        gap = code.between(start, end)
        for other in (ARITHMETIC | _COMPARISONS)[symbol]:
            yield Edit(start, end, gap.replace(symbol, other, 1), node)


def drop_operand(code: Code, node: ast.AST) -> Iterator[Edit]:
    """``a * b`` -> ``a`` and ``b``; ``-a`` -> ``a``; a condition loses one of its parts."""
    match node:
        case ast.BinOp(left=left, right=right):
            yield code.swap(node, code.operand(left))
            yield code.swap(node, code.operand(right))
        case ast.UnaryOp(operand=operand) if not isinstance(operand, ast.Constant):
            yield code.swap(node, code.operand(operand))
        case ast.BoolOp(op=operator, values=values):
            word = " and " if isinstance(operator, ast.And) else " or "
            for number in range(len(values)):
                kept = [code.operand(value) for index, value in enumerate(values) if index != number]
                yield code.swap(node, word.join(kept))
        case ast.IfExp(body=body, orelse=orelse):
            yield code.swap(node, code.operand(body))
            yield code.swap(node, code.operand(orelse))


def exchange_operands(code: Code, node: ast.AST) -> Iterator[Edit]:
    """``a - b`` -> ``b - a``, where the order matters."""
    if isinstance(node, ast.BinOp) and not isinstance(node.op, _COMMUTATIVE):
        symbol = _SYMBOLS[type(node.op)]
        yield code.swap(node, f"{code.operand(node.right)} {symbol} {code.operand(node.left)}")


def swap_junction(code: Code, node: ast.AST) -> Iterator[Edit]:
    """``a and b`` -> ``a or b``, and back."""
    if isinstance(node, ast.BoolOp):
        word = " or " if isinstance(node.op, ast.And) else " and "
        yield code.swap(node, word.join(code.operand(value) for value in node.values))


def shift_number(code: Code, node: ast.AST) -> Iterator[Edit]:
    """``2`` -> ``3`` and ``1``, ``-1`` -> ``0`` and ``-2``; ``0.5`` -> ``1.0`` and ``-0.5``."""
    parent = code.parent(node)
    signed = isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.USub)
    match node:
        case ast.Constant(value=bool()):
            return
        case ast.Constant(value=int(number)) if not signed:
            yield code.swap(node, str(number + 1))
            yield code.swap(node, str(number - 1))
        case ast.Constant(value=float(number)) if not signed:
            yield code.swap(node, repr(2 * number))
            yield code.swap(node, repr(-number))
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(number))):
            yield code.swap(node, str(1 - number))
            yield code.swap(node, str(-1 - number))


def flip_boolean(code: Code, node: ast.AST) -> Iterator[Edit]:
    """``True`` -> ``False``, and back."""
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield code.swap(node, str(not node.value))


def swap_name(code: Code, node: ast.AST) -> Iterator[Edit]:
    """A local name, an attribute of self or a key -> others that the code around uses."""
    match node:
        case ast.Name(ctx=ast.Load()):
            others = other_names(code, node)
            yield from (code.swap(node, other) for other in others)
        case ast.Attribute(ctx=ast.Load()):
            others = other_attributes(code, node)
            yield from (code.swap(node, f"{code.source(node.value)}.{other}") for other in others)
        case ast.Constant(value=str()):
            others = other_keys(code, node)
            quote = '"' if code.source(node).startswith('"') else "'"
            yield from (code.swap(node, f"{quote}{other}{quote}") for other in others)


def swap_function(code: Code, node: ast.AST) -> Iterator[Edit]:
    """``a.max(axis=1)`` -> ``a.min(axis=1)``, and what else one is taken for."""
    match node:
        case ast.Call(func=ast.Attribute(value=value, attr=name) as called):
            for other in _FUNCTIONS.get(name, ()):
                yield code.swap(called, f"{code.source(value)}.{other}")
        case ast.Call(func=ast.Name(id=name) as called) if name not in imported_names(code):
            for other in _FUNCTIONS.get(name, ()):
                if hasattr(builtins, other):
                    yield code.swap(called, other)


def drop_call(code: Code, node: ast.AST) -> Iterator[Edit]:
    """``a.copy()`` -> ``a``, ``np.flip(a)`` -> ``a``, ``self.step(a, b)`` -> ``b``, ``a.T`` -> ``a``."""
    if isinstance(node, ast.Attribute) and node.attr == "T" and isinstance(node.ctx, ast.Load):
        yield code.swap(node, code.operand(node.value))
    if not isinstance(node, ast.Call):
        return
    root = root_name(node.func)
    given = [argument for argument in node.args if not isinstance(argument, ast.Constant | ast.Starred)]
    if isinstance(node.func, ast.Name):
        if hasattr(builtins, node.func.id) and node.func.id not in _COUNTING and given:
            yield code.swap(node, code.operand(given[0]))
    elif root is not None and root == self_name(code, node):
        yield from (code.swap(node, code.operand(argument)) for argument in given[-1:])
    elif root in imported_names(code):
        yield from (code.swap(node, code.operand(argument)) for argument in given[:1])
    elif isinstance(node.func, ast.Attribute):
        yield code.swap(node, code.operand(node.func.value))


def change_arguments(code: Code, node: ast.AST) -> Iterator[Edit]:
    """One argument is left out, two neighbours are exchanged, and what is reshaped is read column by column."""
    if not isinstance(node, ast.Call):
        return
    called = code.source(node.func)
    given = [code.source(argument) for argument in node.args]
    named = [code.source(keyword) for keyword in node.keywords]
    for number in range(len(given)):
        yield code.swap(node, f"{called}({', '.join([*given[:number], *given[number + 1 :], *named])})")
    for number in range(len(named)):
        yield code.swap(node, f"{called}({', '.join([*given, *named[:number], *named[number + 1 :]])})")
    for exchanged in _exchange_neighbours(given):
        yield code.swap(node, f"{called}({', '.join([*exchanged, *named])})")
    if isinstance(node.func, ast.Attribute) and node.func.attr in _RESHAPING:
        columns_first = [*given, *named, 'order="F"']
        yield code.swap(node, f"{called}({', '.join(columns_first)})")


def change_range(code: Code, node: ast.AST) -> Iterator[Edit]:
    """The first or the last turn is missing, or one is too many: ``range(n)`` -> ``range(1, n)``."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range"):
        return
    if not 1 <= len(node.args) <= 3 or node.keywords:  # noqa: PLR2004 - start, stop and step
        return
    first = node.args[0] if len(node.args) > 1 else None
    stop = node.args[min(1, len(node.args) - 1)]
    step = [code.source(argument) for argument in node.args[2:]]
    starts = ["0", "1"] if first is None else [code.source(first), f"{code.term(first)} + 1"]
    ends = [code.source(stop), f"{code.term(stop)} - 1", f"{code.term(stop)} + 1"]
    for start, end in ((starts[1], ends[0]), (starts[0], ends[1]), (starts[0], ends[2])):
        bounds = [end] if start == "0" else [start, end]
        yield code.swap(node, f"range({', '.join([*bounds, *step])})")
    if step:
        yield code.swap(node, f"range({starts[0]}, {ends[0]})")


def change_index(code: Code, node: ast.AST) -> Iterator[Edit]:
    """One element of an index becomes a full slice, is counted from the end or is missing; neighbours are exchanged."""
    if not isinstance(node, ast.Subscript):
        return
    elements = _elements(node.slice)
    if len(elements) == 1 and isinstance(elements[0], ast.Constant) and isinstance(elements[0].value, str):
        return
    texts = [code.source(element) for element in elements]
    for number, element in enumerate(elements):
        for other in _other_places(code, element):
            yield _subscript(code, node, [*texts[:number], other, *texts[number + 1 :]])
        # A full slice at the end may as well be left out.
        if len(texts) > 1 and any(text != ":" for text in texts[number:]):
            yield _subscript(code, node, [*texts[:number], *texts[number + 1 :]])
    for exchanged in _exchange_neighbours(texts):
        yield _subscript(code, node, exchanged)


def change_slice(code: Code, node: ast.AST) -> Iterator[Edit]:
    """A bound is missing or off by one, the step is missing, a full slice is cut short or runs backwards."""
    if not isinstance(node, ast.Slice):
        return
    lower, upper, step = (None if part is None else code.term(part) for part in (node.lower, node.upper, node.step))
    if lower is upper is step is None:
        for other in ("1:", ":-1", ":1", "::-1"):
            yield code.swap(node, other)
    if lower is not None:
        for other in ("", f"{lower} + 1", f"{lower} - 1"):
            yield code.swap(node, _slice(other, upper, step))
    if upper is not None:
        for other in ("", f"{upper} + 1", f"{upper} - 1"):
            yield code.swap(node, _slice(lower, other, step))
    if step is not None:
        yield code.swap(node, _slice(lower, upper, ""))
    if lower is not None and upper is None:
        yield code.swap(node, _slice("", lower, step))


def change_tuple(code: Code, node: ast.AST) -> Iterator[Edit]:
    """Of the elements of a tuple or list, two neighbours are exchanged or one is missing."""
    parent = code.parent(node)
    if not isinstance(node, ast.Tuple | ast.List) or not isinstance(node.ctx, ast.Load):
        return
    if isinstance(parent, ast.Subscript) and parent.slice is node:
        return
    texts = [code.source(element) for element in node.elts]
    shorter = [[*texts[:number], *texts[number + 1 :]] for number in range(len(texts))]
    text = code.source(node)
    left, right = (text[0], text[-1]) if text[0] in "([" else ("", "")
    for changed in (*_exchange_neighbours(texts), *shorter):
        inside = ", ".join(changed) + ("," if len(changed) == 1 and left != "[" else "")
        yield code.swap(node, left + inside + right)


def change_einsum(code: Code, node: ast.AST) -> Iterator[Edit]:
    """In ``"ij,j->i"`` two neighbouring letters are exchanged, one is missing, or the result has another one."""
    if not _is_einsum(code, node):
        return
    text = code.source(node)
    arrow = text.find("->")
    for index, letter in enumerate(text):
        if not letter.isalpha():
            continue
        if text[index + 1].isalpha() and text[index + 1] != letter:
            yield code.swap(node, text[:index] + text[index + 1] + letter + text[index + 2 :])
        yield code.swap(node, text[:index] + text[index + 1 :])
        others = sorted(set(filter(str.isalpha, text)) - {letter}) if 0 <= arrow < index else []
        yield from (code.swap(node, text[:index] + other + text[index + 1 :]) for other in others)


def _is_einsum(code: Code, node: ast.AST) -> bool:
    parent = code.parent(node)
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and isinstance(parent, ast.Call)
        and node in parent.args
        and (code.source(parent.func).endswith("einsum") or "->" in node.value)
        and code.source(node)[0] in "\"'"
    )


def _elements(index: ast.expr) -> Sequence[ast.expr]:
    return index.elts if isinstance(index, ast.Tuple) else [index]


def _other_places(code: Code, element: ast.expr) -> Iterator[str]:
    """What stands in the place of one element of an index."""
    whole = isinstance(element, ast.Slice) or (isinstance(element, ast.Constant) and element.value is Ellipsis)
    if not whole:
        yield ":"
    if isinstance(element, ast.Name | ast.BinOp):
        yield f"-1 - {code.operand(element)}"
    if whole and isinstance(element, ast.Constant):
        yield "0"


def _subscript(code: Code, node: ast.Subscript, elements: Sequence[str]) -> Edit:
    return code.swap(node, f"{code.source(node.value)}[{', '.join(elements)}]")


def _slice(lower: str | None, upper: str | None, step: str | None) -> str:
    text = f"{lower or ''} : {upper or ''}" + (f" : {step}" if step else "")
    return text.strip().replace("  ", " ").replace(": :", "::")


def _exchange_neighbours(texts: Sequence[str]) -> Iterator[list[str]]:
    for number in range(len(texts) - 1):
        yield [*texts[:number], texts[number + 1], texts[number], *texts[number + 2 :]]
