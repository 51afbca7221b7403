"""Python as students write it: parsing that refuses with one error type only, and questions about parsed code."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from cnn_assignment.core.model import OPEN_GAP
from cnn_assignment.submissions.python.found import NewerSyntaxError

# Of a line without the white space around it, one that begins or ends code in Markdown.
_FENCE = re.compile(r"(?:```|~~~)[ \t]*\w*")
_MAGIC = re.compile(r"\A\s*(?=%%)")
# Spaces that Python refuses, and characters without any width.
_SPACES = {0xA0: " ", 0x202F: " ", 0x3000: " ", 0x200B: None, 0x200C: None, 0x200D: None, 0x2060: None, 0xFEFF: None}

# Of one cell and of a whole submission: what takes seconds to parse is no homework.
SOURCE_CAP = 512 * 1024
_SHARED_SIZE = 8 * 1024
# Every syntax that opens a scope of its own.
SCOPES = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Lambda,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
)
_CROWD = 3_000
# Without so many of these words there cannot be so many scopes.
_SCOPE_WORDS = ("class", "def", "for", "lambda")
# How deep one may be in the other: the compiler writes the code of each a second time, with all that is in it.
_MOST_FINALLY = 6
_WRITEFILE = re.compile(
    r"\A\s*%%(?:writefile|file)[ \t]+(['\"]?)(?:\./)?(?P<module>\w+)\.py\1[ \t]*\n(?P<text>.*)\Z", re.DOTALL
)


def parse(source: str, label: str) -> ast.Module:
    """The syntax tree, which is not to be changed: submissions that share a cell share its tree.

    Raises SyntaxError for anything that Python would not compile, however it says so.
    """
    if len(source) > SOURCE_CAP:
        raise SyntaxError(f"more than {SOURCE_CAP} characters of code")
    try:
        return _parse_shared(source) if len(source) <= _SHARED_SIZE else _parse(source, label)
    except MemoryError as error:
        raise SyntaxError("too large, or nested too deeply, to be compiled") from error
    except (ValueError, RecursionError, OverflowError) as error:
        raise SyntaxError(str(error) or "nested too deeply") from error


# Most cells are as they were released. The bounds are for classes in which none is: all trees stay under 100 MB.
@lru_cache(maxsize=256)
def _parse_shared(source: str) -> ast.Module:
    return _parse(source, "<cell>")


def _parse(source: str, label: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(source, label)
        if sum(map(source.count, _SCOPE_WORDS)) > _CROWD:
            _refuse_crowds(tree)
        if source.count("finally") > _MOST_FINALLY:
            _refuse_nested_finally(tree)
        # Some errors, such as a return outside of a function, show only here.
        compile(source, label, "exec", dont_inherit=True)
    return tree


def _refuse_crowds(tree: ast.Module) -> None:
    """Refuse a tree that the compiler would take minutes for: its time is quadratic in the functions inside of a function."""
    crowd = 0
    todo: list[tuple[ast.AST, bool]] = [(tree, False)]
    while todo:
        node, is_inside = todo.pop()
        crowd += is_inside and isinstance(node, SCOPES)
        if crowd > _CROWD:
            raise SyntaxError(f"more than {_CROWD} functions inside of functions")
        is_inside = is_inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        todo += [(child, is_inside) for child in ast.iter_child_nodes(node)]


def _refuse_nested_finally(tree: ast.Module) -> None:
    """Refuse a tree whose code the compiler would double at each level: ``finally`` in ``finally``, whatever stands between them."""
    todo: list[tuple[ast.AST, int]] = [(tree, 0)]
    while todo:
        node, depth = todo.pop()
        if depth > _MOST_FINALLY:
            raise SyntaxError(f"more than {_MOST_FINALLY} finally inside of each other")
        todo += [(child, depth) for child in ast.iter_child_nodes(node)]
        if isinstance(node, ast.Try | ast.TryStar) and node.finalbody:
            todo += [(child, depth + 1) for child in node.finalbody]


def describe_syntax_error(error: SyntaxError) -> str:
    """One line on code with this error: whether it is damaged or newer, the error's message, and its line."""
    line = f" (line {error.lineno})" if error.lineno else ""
    what = "written for a newer Python" if isinstance(error, NewerSyntaxError) else "not valid Python"
    return f"{what}: {error.msg}{line}"


def first_line(node: ast.stmt) -> int:
    """The number of the line in which a statement begins, its decorators included."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def defined_names(tree: ast.Module) -> set[str]:
    """The names of the classes and functions at the top of a tree."""
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return {statement.name for statement in tree.body if isinstance(statement, kinds)}


def bound_names(statements: Iterable[ast.stmt]) -> set[str]:
    """The names that statements define, import or assign at the top."""
    found: set[str] = set()
    for node in statements:
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                found |= {alias.asname or alias.name.partition(".")[0] for alias in aliases}
            case ast.Assign(targets=targets):
                found |= {target.id for target in targets if isinstance(target, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name), value=value) if value is not None:
                found.add(name)
    return found


def open_gaps(tree: ast.AST) -> set[str]:
    """The tasks whose gaps a tree still holds as they were released."""
    return {found[1] for text in _raised_texts(tree) if (found := OPEN_GAP.fullmatch(text))}


@dataclass(frozen=True, slots=True)
class Work:
    """How far some code has come: its gaps that are open, and the names of its functions."""

    open_gaps: frozenset[str]
    functions: frozenset[str]

    def is_more_than(self, other: Work) -> bool:
        """Whether gaps are filled here that are open in another version of the code, and no function of it is lacking."""
        return self.open_gaps < other.open_gaps and self.functions >= other.functions


def work_in(tree: ast.AST) -> Work:
    """How far the code of a tree has come."""
    functions = (node.name for node in statements_in(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return Work(frozenset(open_gaps(tree)), frozenset(functions))


def statements_in(tree: ast.AST) -> Iterator[ast.stmt]:
    """Every statement of a tree, itself included, in no particular order. No expression is looked into."""
    todo = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.stmt):
            yield node
        for name in ("body", "orelse", "finalbody", "handlers", "cases"):
            parts = getattr(node, name, ())
            if isinstance(parts, list):
                todo += parts


def _raised_texts(tree: ast.AST) -> Iterator[str]:
    for node in statements_in(tree):
        match node:
            case ast.Raise(exc=ast.Call(func=ast.Name("NotImplementedError"), args=[ast.Constant(value=str(text))])):
                yield text


def written_module(source: str) -> tuple[str, str] | None:
    """Name and text of the module that a ``%%writefile`` cell writes."""
    found = _WRITEFILE.match(source)
    return (found["module"], found["text"]) if found else None


def code_within(source: str) -> str:
    """The code in the text of a cell that is not run as Python, line for line: fenced, or below a cell magic."""
    lines = source.split("\n")
    if not any(map(_is_fence, lines)):
        return _MAGIC.sub(r"\g<0># ", source)
    is_code, kept = False, []
    for line in lines:
        is_fence = _is_fence(line)
        is_code = is_code != is_fence
        kept.append(line if is_code and not is_fence else "")
    return "\n".join(kept)


def _is_fence(line: str) -> bool:
    return _FENCE.fullmatch(line.strip(" \t")) is not None


def without_litter(source: str) -> str:
    """A cell without the fences and the unusual spaces that pasting from a page or a chat leaves in it."""
    lines = ["" if _is_fence(line) else line for line in source.translate(_SPACES).split("\n")]
    return "\n".join(lines)
