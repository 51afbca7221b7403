"""Submissions as notebooks: a module's classes in the cells of a released notebook."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Collection, Mapping
from pathlib import Path

import nbformat
from benchkit import the_assignment
from nbformat import NotebookNode

from cnn_assignment.misconceptions import load_misconceptions
from cnn_assignment.proving.variants import load_variants


def read(path: Path) -> NotebookNode:
    """A notebook."""
    return nbformat.read(path, as_version=4)


def mark_of(cell: NotebookNode) -> str:
    """The name that nbgrader knows the cell by; "" for any other cell."""
    return str(cell.metadata.get("nbgrader", {}).get("grade_id", ""))


def is_test(cell: NotebookNode) -> bool:
    """Whether a task's points are earned in this cell."""
    return bool(cell.metadata.get("nbgrader", {}).get("grade"))


def split_by_class(text: str) -> dict[str, str]:
    """A module's text in pieces that end with a public class each; {} where that would change it.

    The classes may stand in another order, and an import from the future holds for a module, but not for a notebook.
    """
    wanted, lines = list(the_assignment().classes), text.split("\n")
    pieces, begin = {}, 0
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef) and node.name in wanted and node.end_lineno is not None:
            pieces[node.name] = "\n".join(lines[begin : node.end_lineno]).strip()
            begin = node.end_lineno
    if list(pieces) != wanted or "from __future__" in text:
        return {}
    pieces[wanted[-1]] += "\n" + "\n".join(lines[begin:])
    return pieces


def fill(notebook: NotebookNode, pieces: Mapping[str, str]) -> NotebookNode:
    """A copy of the notebook with these pieces in the cells of the classes."""
    filled = nbformat.from_dict(notebook)
    for cell in filled.cells:
        if mark_of(cell) in pieces:
            cell.source = pieces[mark_of(cell)]
    return filled


def layers_only(notebook: NotebookNode) -> NotebookNode:
    """A copy with the classes and their checks alone: no plots, no data, no training."""
    shortened = nbformat.from_dict(notebook)
    kept = [cell for cell in shortened.cells if mark_of(cell)]
    shortened.cells = [nbformat.v4.new_code_cell("import numpy as np", id="imports"), *kept]
    return shortened


def sample_texts(kinds: int, without: Collection[str] = ()) -> dict[str, str]:
    """So many kinds of modules by name, no two of them equal.

    Two of three are right, each built in another way; the others hold a mistake each, of all tasks in turn. without:
    right ones that the other side would fail.
    """
    assignment = the_assignment()
    solution = assignment.solution_file.read_text(encoding="utf-8")
    variants = [variant for variant in load_variants(assignment) if variant.name not in without]
    right = {variant.name: variant.text for variant in variants if split_by_class(variant.text)}
    known = load_misconceptions(assignment)
    wrong = [known[number * len(known) // kinds] for number in range(kinds)]
    rights = itertools.cycle({"solution": solution, **right}.items())
    wrongs = itertools.cycle((entry.id, entry.apply(solution)) for entry in wrong)
    chosen = [next(wrongs if number % 3 == 2 else rights) for number in range(kinds)]
    return repeat_texts({f"{number:04}-{name}": text for number, (name, text) in enumerate(chosen)}, "")


def repeat_texts(texts: dict[str, str], mark: str) -> dict[str, str]:
    """The same modules once more under other names; none is equal to the one that it repeats."""
    return {f"{name}{mark}": f"{text}\n# Submission {name}{mark}\n" for name, text in texts.items()}
