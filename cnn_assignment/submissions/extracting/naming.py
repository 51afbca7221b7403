"""What is told of names that an assignment asks for and a submission does not define as asked.

The fact is told, and a reason only where it is certain: a false one sends a student to look in the wrong place.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cnn_assignment.submissions.plain.values import Wanted
from cnn_assignment.submissions.python.effects import DEFINITIONS
from cnn_assignment.submissions.python.parsing import statements_in
from cnn_assignment.submissions.reading.parts import Part

# How many letters may be wrong, missing, too many or in each other's place, for a letter of the name and in all.
_MOST_EDITS, _EDITS_A_LETTER = 2, 0.25
# So many names are looked through for one that is spelt alike, none longer than this.
_MOST_ALIKE, _LONGEST_ALIKE = 500, 80
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_VALUES = (ast.Lambda, ast.List, ast.Tuple, ast.Dict, ast.Set, ast.JoinedStr)


@dataclass(frozen=True, slots=True)
class Placed:
    """A top-level statement: the names that it binds, and the label of the file or cell in which it stands."""

    node: ast.stmt
    binds: frozenset[str]
    label: str

    def at(self, node: ast.stmt) -> str:
        """Where a statement in it stands."""
        return f"{self.label}, line {node.lineno}"


def describe_missing(
    missing: Sequence[str], wanted: Wanted, placed: Sequence[Placed], parts: Sequence[Part], *, is_whole: bool
) -> list[str]:
    """A sentence for each name that no statement defines.

    wanted: all that is asked for. parts: those of the document. is_whole: whether all the rest was read.
    """
    is_whole = is_whole and not any(part.is_damaged for part in parts)
    found = [node for one in placed for node in _open_statements(one.node)]
    described = []
    for name in missing:
        kind = _FUNCTIONS if name in wanted.functions else ast.ClassDef
        others = {node.name for node in found if isinstance(node, kind)} - set(wanted.names)
        described.append(_describe_one(name, wanted.word_for(name), others, placed, parts, is_whole=is_whole))
    return described


def describe_unfit(wanted: Wanted, placed: Sequence[Placed]) -> list[str]:
    """A sentence for each name that is bound, but not to what is asked for, or only where a file is run as a program."""
    found = []
    for name in sorted(wanted.names):
        binders = [one for one in placed if name in one.binds]
        if binders and (told := _describe_binders(name, binders, wanted)):
            found.append(told)
    return found


def describe_methods(
    methods: Mapping[str, Collection[str]], placed: Sequence[Placed], parts: Sequence[Part]
) -> list[str]:
    """A sentence for each method that a class of the release has, and that stands elsewhere or under a close name.

    methods: the names of the release's methods by class.
    """
    if any(part.is_damaged for part in parts):
        return []
    found: list[tuple[str, str]] = []
    for name, asked in methods.items():
        binders = [one for one in placed if name in one.binds]
        if len(binders) == 1 and isinstance(node := binders[0].node, ast.ClassDef) and _is_plain(node):
            found += _describe_methods_of(binders[0], node, asked, placed)
    mentioned = _names_put_in(one.node for one in placed) if found else ()
    return [told for method, told in found if method not in mentioned]


def nearest(name: str, others: Collection[str]) -> str | None:
    """The name that is certainly a misspelling of this one: in case, in underscores, or in a letter or two."""
    short = [other for other in others if other != name and len(other) <= _LONGEST_ALIKE][:_MOST_ALIKE]
    most = min(_MOST_EDITS, int(len(name) * _EDITS_A_LETTER))
    rated = [(0 if _plain(other) == _plain(name) else _distance(name, other, most), other) for other in short]
    edits, other = min(rated, default=(most + 1, ""))
    return other if edits <= most else None


def _describe_one(
    name: str, word: str, others: Collection[str], placed: Sequence[Placed], parts: Sequence[Part], *, is_whole: bool
) -> str:
    """word: "class" or "def". others: names of that kind that nobody asked for."""
    kind = _FUNCTIONS if word == "def" else ast.ClassDef
    for one in placed:
        for owner, node in _nested(one.node):
            if isinstance(node, kind) and node.name == name:
                return f"{name} is not defined at the top: at {one.at(node)} it stands inside of {owner}."
    begins = re.compile(rf"[ \t]*(?:async[ \t]+)?{word}[ \t]+{re.escape(name)}\b")
    for part in parts:
        code = part.code.split("\n") if isinstance(part.tree, ast.Module) else []
        for number, line in enumerate(part.source.split("\n") if part.is_damaged else ()):
            if begins.match(line) and not (number < len(code) and begins.match(code[number])):
                return (
                    f"{name} is not defined in what could be read: {part.label}, line {number + 1}, where `{word} {name}` "
                    "stands, could not be read."
                )
    if (other := nearest(name, others)) is not None:
        return f"{name} is not defined, but {other} is: names count letter by letter."
    return f"{name} is not defined." if is_whole else f"{name} is not defined in what could be read."


def _describe_binders(name: str, binders: Sequence[Placed], wanted: Wanted) -> str | None:
    first = binders[0]
    asked, other = ("function", "class") if name in wanted.functions else ("class", "function")
    kind = ast.ClassDef if asked == "function" else _FUNCTIONS
    if all(isinstance(one.node, kind) and not one.node.decorator_list for one in binders):
        return f"{name} is a {other} ({first.at(first.node)}), and a {asked} is asked for."
    if all(_is_bound_to_value(one.node, is_function=asked == "function") for one in binders):
        return f"{name} is no {asked} ({first.at(first.node)}), and a {asked} is asked for."
    if all(_is_for_programs(one.node) for one in binders):
        places = (one.at(node) for one in binders for node in statements_in(one.node) if _name_of(node) == name)
        return (
            f'{name} is defined only where `__name__` is "__main__" ({next(places, first.at(first.node))}), which it is '
            f"not where your {wanted.kinds} are tested."
        )
    return None


def _describe_methods_of(
    one: Placed, node: ast.ClassDef, asked: Collection[str], placed: Sequence[Placed]
) -> Iterator[tuple[str, str]]:
    """The methods that are missing in a class, each with a sentence."""
    bound = {name for part in node.body for name in _names_bound(part)}
    functions = {part.name: part for part in node.body if isinstance(part, _FUNCTIONS)}
    for name in asked:
        if name in bound:
            continue
        inside = [(o, n) for part in functions.values() for o, n in _nested(part) if _is_method(n, name)]
        outside = [(other, other.node) for other in placed if _is_method(other.node, name)]
        if inside:
            owner, found = inside[0]
            place = f"at {one.at(found)} it stands inside of {node.name}.{owner}"
            yield name, f"{node.name}.{name} is not defined in the class: {place}."
        elif outside:
            other, found = outside[0]
            yield name, f"{node.name}.{name} is not defined in the class: at {other.at(found)} it stands outside."
        elif (close := nearest(name, set(functions) - set(asked))) is not None:
            yield name, f"{node.name}.{name} is not defined, but {node.name}.{close} is: names count letter by letter."


def _is_plain(node: ast.ClassDef) -> bool:
    """Whether the body of a class tells all attributes that it has."""
    bases = [base for base in node.bases if not (isinstance(base, ast.Name) and base.id == "object")]
    opaque = {"__getattr__", "__getattribute__"}
    return not (bases or node.keywords or node.decorator_list or opaque & {_name_of(part) for part in node.body})


def _names_put_in(nodes: Iterable[ast.stmt]) -> set[str]:
    """The names that may be given to a class from outside: attributes that are set, and texts."""
    found: set[str] = set()
    for top in nodes:
        for node in ast.walk(top):
            match node:
                case ast.Attribute(attr=name, ctx=ast.Store()) | ast.Constant(value=str(name)):
                    found.add(name)
    return found


def _names_bound(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement of a class's body may bind there."""
    for node in _open_statements(statement):
        if (name := _name_of(node)) is not None:
            yield name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)
        else:
            yield from (part.id for part in ast.walk(node) if isinstance(part, ast.Name) and _is_stored(part))


def _is_stored(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def _is_method(node: ast.stmt, name: str) -> bool:
    """Whether a statement defines a function of this name that makes sense in a class."""
    return isinstance(node, _FUNCTIONS) and node.name == name and [a.arg for a in node.args.args[:1]] == ["self"]


def _is_bound_to_value(node: ast.stmt, *, is_function: bool) -> bool:
    """Whether a statement binds a name to an object that is not of the kind asked for.

    None is no such object: the right one may replace it later.
    """
    match node:
        case ast.Assign(targets=[ast.Name()], value=ast.Constant(value=value)):
            return value is not None
        case ast.Assign(targets=[ast.Name()], value=value):
            return isinstance(value, _VALUES) and not (is_function and isinstance(value, ast.Lambda))
    return False


def _is_for_programs(node: ast.stmt) -> bool:
    match node:
        case ast.If(
            test=ast.Compare(left=ast.Name("__name__"), ops=[ast.Eq()], comparators=[ast.Constant("__main__")]),
            orelse=[],
        ):
            return True
    return False


def _name_of(node: ast.stmt) -> str | None:
    return node.name if isinstance(node, DEFINITIONS) else None


def _open_statements(top: ast.stmt) -> Iterator[ast.stmt]:
    """A statement and those in it that bind names in the same scope."""
    todo = [top]
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, DEFINITIONS):
            todo += _children(node)


def _nested(top: ast.stmt) -> Iterator[tuple[str, ast.stmt]]:
    """The statements inside of definitions, each with the name of the one in which it stands."""
    todo: list[tuple[str | None, ast.stmt]] = [(None, top)]
    while todo:
        owner, node = todo.pop()
        if owner is not None:
            yield owner, node
        owner = _name_of(node) or owner
        todo += [(owner, child) for child in _children(node)]


def _children(node: ast.AST) -> list[ast.stmt]:
    """The statements directly inside of a statement."""
    found: list[ast.stmt] = []
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            found.append(child)
        elif isinstance(child, ast.ExceptHandler | ast.match_case):
            found += child.body
    return found


def _plain(name: str) -> str:
    return name.replace("_", "").casefold()


def _distance(one: str, other: str, most: int) -> int:
    """How many letters differ, are missing, are too many, or changed places; most + 1 for all counts above most."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    older: list[int] = []
    old = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        new = [row]
        for column, compared in enumerate(other, 1):
            best = min(old[column] + 1, new[-1] + 1, old[column - 1] + (letter != compared))
            if row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == compared:
                best = min(best, older[column - 2] + 1)
            new.append(best)
        older, old = old, new
    return min(old[-1], most + 1)
