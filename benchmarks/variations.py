"""The same module written by another hand: edits of a text that leave what it does as it is."""

from __future__ import annotations

import ast
import builtins
import itertools
import random
from collections.abc import Iterator

REMARKS = (
    "see the lecture notes, page {}",
    "TODO: try this without a loop, {}",
    "took me {} sessions",
    "checked on paper for {} pixels",
    "the shapes fit now ({})",
    "as in exercise {}",
)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_SEES_NAMES = frozenset({"locals", "vars", "eval", "exec", "globals", "dir"})


def vary(text: str, rng: random.Random, name: str) -> str:
    """Rename local variables, change the order of methods, add comments, docstrings and blank lines, and sign it."""
    text = _rename(text, rng, name)
    for edit in rng.sample((_swap_methods, _add_docstrings, _add_remarks), k=rng.randint(1, 3)):
        text = edit(text, rng)
    return f"{text.rstrip()}\n\n# {name}\n"


def _functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def _rename(text: str, rng: random.Random, name: str) -> str:
    """Other names for some variables of functions that have no functions inside and do not look at their own names."""
    tree = ast.parse(text)
    elsewhere = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} | set(dir(builtins))
    edits: list[tuple[int, int, int, str]] = []
    for function in _functions(tree):
        inside = [node for statement in function.body for node in ast.walk(statement)]
        if any(isinstance(node, (*_SCOPES, ast.JoinedStr)) for node in inside):
            continue  # f-strings do not say where their names stand
        names = [node for node in inside if isinstance(node, ast.Name)]
        if _SEES_NAMES & {node.id for node in names}:
            continue
        free = sorted({node.id for node in names if isinstance(node.ctx, ast.Store)} - _fixed(tree, function, inside))
        for old in rng.sample(free, k=min(len(free), rng.randint(0, 3))):
            new = f"{old}_{name}"
            if new not in elsewhere:
                edits += [(n.lineno, n.col_offset, n.end_col_offset or 0, new) for n in names if n.id == old]
    lines = [line.encode() for line in text.split("\n")]
    for number, begin, end, new in sorted(edits, reverse=True):
        line = lines[number - 1]
        lines[number - 1] = line[:begin] + new.encode() + line[end:]
    return b"\n".join(lines).decode()


def _fixed(tree: ast.Module, function: ast.FunctionDef, inside: list[ast.AST]) -> set[str]:
    """Names that are not only the function's own variables, or that also stand where no `Name` says so."""
    found = {argument.arg for argument in ast.walk(function.args) if isinstance(argument, ast.arg)}
    for statement in tree.body:
        for node in ast.walk(statement) if not isinstance(statement, _SCOPES) else [statement]:
            match node:
                case ast.Name(id=name) | ast.alias(asname=str(name)) | ast.alias(name=name):
                    found.add(name)
                case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                    found.add(name)
    for node in inside:
        match node:
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                found.update(names)
            case ast.ExceptHandler(name=str(name)) | ast.alias(asname=str(name)) | ast.alias(name=name):
                found.add(name)
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                found.add(name)
    return found


def _swap_methods(text: str, rng: random.Random) -> str:
    """Two neighbours of a class change places, where all it holds are plain methods."""
    pairs = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.ClassDef):
            continue
        body = node.body[1:] if ast.get_docstring(node) is not None else node.body
        plain = all(isinstance(part, ast.FunctionDef) and not part.decorator_list for part in body)
        if plain and len({part.name for part in body if isinstance(part, ast.FunctionDef)}) == len(body):
            pairs += itertools.pairwise(body)
    if not pairs:
        return text
    (first, second), lines = rng.choice(pairs), text.split("\n")
    a, b, c, d = first.lineno - 1, first.end_lineno, second.lineno - 1, second.end_lineno
    return "\n".join([*lines[:a], *lines[c:d], *lines[b:c], *lines[a:b], *lines[d:]])


def _add_docstrings(text: str, rng: random.Random) -> str:
    """A sentence in functions that have none."""
    lines, places = text.split("\n"), []
    for function in _functions(ast.parse(text)):
        first = function.body[0]
        if getattr(first, "decorator_list", ()):
            continue
        if ast.get_docstring(function) is None and _begins_line(lines, first.lineno, first.col_offset):
            places.append((first.lineno, first.col_offset))
    for number, column in sorted(rng.sample(places, k=min(len(places), 2)), reverse=True):
        lines.insert(number - 1, f'{" " * column}"""{rng.choice(REMARKS).format(rng.randint(1, 99))}."""')
    return "\n".join(lines)


def _add_remarks(text: str, rng: random.Random) -> str:
    """Comments and blank lines before statements."""
    lines = text.split("\n")
    statements = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.stmt)]
    places = [
        (node.lineno, node.col_offset) for node in statements if _begins_line(lines, node.lineno, node.col_offset)
    ]
    for number, column in sorted(rng.sample(places, k=min(len(places), rng.randint(1, 6))), reverse=True):
        remark = f"{' ' * column}# {rng.choice(REMARKS).format(rng.randint(1, 99))}"
        lines[number - 1 : number - 1] = ["", remark] if rng.random() < 0.3 else [remark]
    return "\n".join(lines)


def _begins_line(lines: list[str], number: int, column: int) -> bool:
    """Whether a line of its own could stand before this place, indented by spaces like it."""
    before = lines[number - 2] if number > 1 else ""
    return lines[number - 1][:column].strip(" ") == "" and not before.endswith("\\") and number > 1
