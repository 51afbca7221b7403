"""Slips of who writes an assignment, found before it is built: each with its place and what to do.

They would come to light later too, as a hidden test without a gap, a class without marks or a grade withheld, but there
nobody sees where they were made.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from cnn_assignment.authoring.definitions import Definition, read_definitions
from cnn_assignment.authoring.gaps import parse_gaps
from cnn_assignment.authoring.texts import read_text
from cnn_assignment.core.errors import AuthoringError
from cnn_assignment.core.layout import SETTINGS
from cnn_assignment.core.model import Assignment, Gap
from cnn_assignment.misconceptions import load_misconceptions

_IMPORT_S = 120
"""Far more than any module needs to be imported."""


def refuse_slips(assignment: Assignment) -> None:
    """Look through settings, solution and tests.

    Raises AuthoringError for the first of: markers that `parse_gaps` refuses; a class or function of the settings that
    the solution does not define, or one with gaps that the settings leave out; a stand-in that names no method and no
    function; no requirements; two tests of one name in a file; misconceptions that do not apply; a solution that cannot
    be imported.
    """
    text = read_text(assignment.solution_file, assignment.root)
    gaps = parse_gaps(text, assignment.solution_label)
    definitions = read_definitions(text, gaps)
    settings = f"autograder/{assignment.name}/{SETTINGS}"
    classes = {part.names[0]: part.node for part in definitions if isinstance(part.node, ast.ClassDef)}
    functions = [part.names[0] for part in definitions if part.is_function]
    _compare_names(assignment, definitions, gaps, settings)
    _check_stand_ins(assignment, classes, functions, gaps, settings)
    if not assignment.requirements:
        raise AuthoringError(
            "no requirements: students would not know what to install",
            place=settings,
            remedy='Name at least requirements = ["numpy", "pytest", "jupyterlab"], better with their versions.',
        )
    for path in (assignment.checks_file, *assignment.hidden_test_files):
        _refuse_twins(path, assignment.root)
    load_misconceptions(assignment)
    _require_import(assignment)


def _compare_names(
    assignment: Assignment, definitions: tuple[Definition, ...], gaps: tuple[Gap, ...], settings: str
) -> None:
    classes = [part.names[0] for part in definitions if isinstance(part.node, ast.ClassDef)]
    functions = [part.names[0] for part in definitions if part.is_function]
    for asked, kinds, kind in (
        (assignment.classes, "classes", "class"),
        (assignment.functions, "functions", "function"),
    ):
        for name in asked:
            if name not in (*classes, *functions):
                raise AuthoringError(
                    f"{kinds} names {name!r}, and {assignment.solution_label} defines no such {kind}",
                    place=settings,
                    remedy=_suggest(name, classes + functions)
                    or f"Its classes: {', '.join(classes) or 'none'}. Its functions: {', '.join(functions) or 'none'}.",
                )
    for gap in gaps:
        if gap.task in (*assignment.names, assignment.name):
            raise AuthoringError(
                f"the task {gap.task!r} is called like {'the assignment' if gap.task == assignment.name else 'what it is in'}",
                place=f"{assignment.solution_label}:{gap.begin_line}",
                remedy=f"Call it {gap.task}-values, say: the notebook's cells need different names.",
            )
        around = [part for part in definitions if part.first_line <= gap.begin_line <= part.last_line]
        for part in around:
            kind = "function" if part.is_function else "class" if isinstance(part.node, ast.ClassDef) else ""
            if kind and part.names[0] not in assignment.names:
                raise AuthoringError(
                    f"the {kind} {part.names[0]} has the gap {gap.task!r}, and the settings leave it out",
                    place=f"{assignment.solution_label}:{part.node.lineno}",
                    remedy=f"Add it to {'functions' if part.is_function else 'classes'} in {settings}: what is not there "
                    "is no part of a submission.",
                )


def _check_stand_ins(
    assignment: Assignment,
    classes: Mapping[str, ast.ClassDef],
    functions: Sequence[str],
    gaps: tuple[Gap, ...],
    settings: str,
) -> None:
    tasks = list(dict.fromkeys(gap.task for gap in gaps))
    methods = [f"{name}.{method}" for name in classes for method in _methods(name, classes)]
    known = [*functions, *methods]
    for task, names in assignment.stand_ins.items():
        if task not in tasks:
            raise AuthoringError(
                f"stand_ins names the task {task!r}, which has no gap",
                place=settings,
                remedy=_suggest(task, tasks) or f"Tasks: {', '.join(tasks)}.",
            )
        for name in names:
            owner = name.partition(".")[0]
            is_inherited = "." in name and owner in classes and _inherits_from_elsewhere(owner, classes)
            if name not in known and not is_inherited:
                kind = "method" if "." in name else "function"
                raise AuthoringError(
                    f"stand_ins of {task} names {name!r}, and {assignment.solution_label} defines no such {kind}",
                    place=settings,
                    remedy=_suggest(name, known) or f"Functions and methods: {', '.join(known)}.",
                )


def _methods(name: str, classes: Mapping[str, ast.ClassDef]) -> list[str]:
    """The methods of a class, and those of its bases in the same module."""
    found = [name for each in _lineage(name, classes) for name in _own_methods(classes[each])]
    return list(dict.fromkeys(found))


def _inherits_from_elsewhere(name: str, classes: Mapping[str, ast.ClassDef]) -> bool:
    """Whether a class has a base that is not defined in the module, and so methods that are not known here."""
    bases = [base for each in _lineage(name, classes) for base in classes[each].bases]
    return any(not isinstance(base, ast.Name) or base.id not in {*classes, "object"} for base in bases)


def _lineage(name: str, classes: Mapping[str, ast.ClassDef]) -> list[str]:
    found = [name]
    for each in found:
        bases = [base.id for base in classes[each].bases if isinstance(base, ast.Name)]
        found += [base for base in bases if base in classes and base not in found]
    return found


def _own_methods(node: ast.ClassDef) -> Iterator[str]:
    for part in node.body:
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
            yield part.name


def _suggest(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, 1)
    return f"Write {near[0]!r}, if that is what you mean." if near else ""


def _refuse_twins(path: Path, root: Path) -> None:
    """Raise AuthoringError where a test would silently take the place of another one of its name."""
    if not path.is_file():
        return
    place = path.relative_to(root).as_posix()
    try:
        tree = ast.parse(read_text(path, root))
    except SyntaxError as error:
        raise AuthoringError(
            f"not valid Python: {error.msg}", place=f"{place}:{error.lineno}", remedy="Mend that line."
        ) from error
    seen: dict[str, int] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            if node.name in seen:
                raise AuthoringError(
                    f"a second {node.name}: Python forgets the one at line {seen[node.name]}",
                    place=f"{place}:{node.lineno}",
                    remedy="Give it a name of its own.",
                )
            seen[node.name] = node.lineno


def _require_import(assignment: Assignment) -> None:
    """Raise AuthoringError where the solution cannot be imported. It is the author's own code, in a process of its own."""
    code = f"import {assignment.module}"
    try:
        done = subprocess.run(
            [sys.executable, "-B", "-c", code],
            cwd=assignment.solution_file.parent,
            capture_output=True,
            text=True,
            check=False,
            timeout=_IMPORT_S,
        )
        problem, trace = (done.stderr.strip().splitlines() or ["it ends Python"])[-1], done.stderr
    except subprocess.TimeoutExpired:
        problem, trace = f"it takes more than {_IMPORT_S} seconds", ""
    else:
        if done.returncode == 0:
            return
    lines = re.findall(rf'{re.escape(assignment.solution_file.name)}", line (\d+)', trace)
    raise AuthoringError(
        f"the solution cannot be imported: {problem}",
        place=f"{assignment.solution_label}:{lines[-1]}" if lines else assignment.solution_label,
        remedy="Mend it, or install what it needs; everything at its top level is run at import.",
    )
