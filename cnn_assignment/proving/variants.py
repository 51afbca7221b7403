"""Differently built right solutions: whole ones, or classes and functions of one that the solution completes."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass

from cnn_assignment.core.errors import AuthoringError
from cnn_assignment.core.model import Assignment

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Definition = ast.ClassDef | _Function


@dataclass(frozen=True, slots=True)
class Variant:
    """A right solution that is not the solution: a name, and a module's text."""

    name: str
    text: str


def load_variants(assignment: Assignment) -> tuple[Variant, ...]:
    """Every file of ``autograder/<assignment>/proof/right/``, sorted by name.

    Raises AuthoringError for a file that is not Python, or defines none of the assignment's names.
    """
    solution = assignment.solution_file.read_text(encoding="utf-8")
    variants = []
    for path in sorted((assignment.proof_dir / "right").glob("*.py")):
        place = path.relative_to(assignment.root).as_posix()
        text = path.read_text(encoding="utf-8")
        try:
            variants.append(Variant(path.stem, complete(text, solution, assignment.names)))
        except SyntaxError as error:
            raise AuthoringError(
                f"not valid Python: {error.msg}", place=f"{place}:{error.lineno or 1}", remedy="Mend the line."
            ) from error
        except ValueError as error:
            raise AuthoringError(str(error), place=place, remedy="Write one of them, or all.") from error
    return tuple(variants)


def complete(text: str, solution: str, names: tuple[str, ...]) -> str:
    """The text, after what it lacks of the solution: all but the classes and functions that the text defines.

    Raises SyntaxError for text that is not Python, and ValueError where it defines none of the names.
    """
    tree = ast.parse(text)
    # A class may be made anywhere, in a branch or by a function; a function inside of another one is its helper.
    own = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    own |= {node.name for node in tree.body if isinstance(node, _Function)}
    own |= {target.id for node in tree.body for target in _targets(node)} & set(names)
    if not own.intersection(names):
        raise ValueError(f"it defines none of {', '.join(names)}")
    if own.issuperset(names):
        return text
    future, text = _split(text, _is_future)
    _, rest = _split(solution, lambda node: _is_future(node) or (isinstance(node, _Definition) and node.name in own))
    # The text's own names come last, so that they are the ones that count.
    return "\n".join([*future, rest, text])


def _targets(node: ast.stmt) -> list[ast.Name]:
    """The plain names that an assignment binds: ``softmax = partial(...)``."""
    return [target for target in node.targets if isinstance(target, ast.Name)] if isinstance(node, ast.Assign) else []


def _is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def _split(text: str, chosen: Callable[[ast.stmt], bool]) -> tuple[list[str], str]:
    """The chosen statements of a module, and the module without them."""
    lines, taken = text.split("\n"), []
    for node in reversed(ast.parse(text).body):
        if chosen(node):
            first = min([node.lineno, *(item.lineno for item in getattr(node, "decorator_list", ()))])
            taken.append("\n".join(lines[first - 1 : node.end_lineno]))
            del lines[first - 1 : node.end_lineno]
    return taken[::-1], "\n".join(lines)
