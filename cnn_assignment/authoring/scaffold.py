"""The files of a new course and of a new assignment, which builds, verifies and grades as it stands."""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path

from cnn_assignment.authoring.skeleton import strip_markers
from cnn_assignment.authoring.texts import render
from cnn_assignment.core.errors import AuthoringError, UsageError
from cnn_assignment.core.layout import COURSE_CONFIG, SETTINGS, list_assignments, load_assignment
from cnn_assignment.core.model import Limits
from cnn_assignment.core.names import module_of

_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_LONGEST_NAME = 40
# Modules that the graded code or the checks import: a file of that name beside them would be taken for them.
_IMPORTED = frozenset({"numpy", "pytest", "conftest", "cases", "checks", "misconceptions", "test"})
# Of which the author's versions are pinned, where they are installed.
_PINNED = ("numpy", "pytest", "jupyterlab")
_COURSE = {COURSE_CONFIG: "nbgrader_config.txt", ".gitignore": "gitignore", "README.md": "README.md"}
# Sizes of examples, inputs and outputs. Of any two traits, such as "one example", all four combinations occur.
_CASES = (
    ("a small batch", 4, 3, 2),
    ("one example", 1, 3, 2),
    ("one input", 3, 1, 4),
    ("one output", 2, 5, 1),
    ("one of everything", 1, 1, 1),
    ("one example, one output", 1, 4, 1),
    ("one example, one input", 1, 1, 5),
    ("one input, one output", 5, 1, 1),
    ("as many outputs as inputs", 3, 3, 3),
)
# By kind of assignment the mistake that one of the two example submissions makes: what stands in the solution, and what
# the student wrote.
_MISTAKES = {
    "classes": {"name": "bias-forgotten", "old": " + self.bias", "new": ""},
    "functions": {"name": "bias-forgotten", "old": " + bias", "new": ""},
}


def start_course(folder: Path) -> list[Path]:
    """Make a folder a course, and return the files that were written.

    Raises UsageError where one of them is there already; nothing is written then.
    """
    texts = {folder / name: _read("course", template) for name, template in _COURSE.items()}
    return _write(texts)


def start_assignment(root: Path, name: str, *, functions: bool = False) -> list[Path]:
    """Write a new assignment into a course, and return its files.

    It is about a linear layer, as a class or as plain functions: two gaps, their hidden tests and public checks, a misconception, a right solution of
    another kind, the narrative, and two example submissions.

    Raises UsageError for a name that no assignment can have, or that collides with what is there; nothing is written
    then.
    """
    _refuse_name(root, name)
    module = module_of(name)
    kind = "functions" if functions else "classes"
    mistake = _MISTAKES[kind]
    values: dict[str, object] = {
        "kind": kind,
        "mistake": mistake,
        "name": name,
        "module": module,
        "title": name.replace("-", " ").capitalize(),
        "pins": _find_pins(),
        "limits": asdict(Limits()),
        "cases": [", ".join((f'"{case[0]}"', *map(str, case[1:]))) for case in _CASES],
    }
    folder = root / "autograder" / name
    solution = render(f"{kind}/solution.py.j2", **values)
    solved = strip_markers(solution, f"solutions/{module}.py")
    return _write(
        {
            root / "solutions" / f"{module}.py": solution,
            root / "source" / f"{name}.md": render("assignment/narrative.md.j2", **values),
            folder / SETTINGS: render("assignment/assignment.toml.j2", **values),
            folder / "cases.py": render("assignment/cases.py.j2", **values),
            folder / "checks.py": render(f"{kind}/checks.py.j2", **values),
            folder / "misconceptions.py": render("assignment/misconceptions.py.j2", **values),
            folder / f"test_{module}_forward.py": render(f"{kind}/test_forward.py.j2", **values),
            folder / f"test_{module}_backward.py": render(f"{kind}/test_backward.py.j2", **values),
            folder / "proof/equivalent_mutants.toml": render(f"{kind}/equivalent_mutants.toml.j2", **values),
            folder / "proof/right/one_by_one.py": render(f"{kind}/right.py.j2", **values),
            root / "examples" / name / "right" / f"{module}.py": solved,
            root / "examples" / name / mistake["name"] / f"{module}.py": solved.replace(mistake["old"], mistake["new"]),
        }
    )


def _refuse_name(root: Path, name: str) -> None:
    module = module_of(name)
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        raise UsageError(
            "cannot be the name of an assignment",
            place=repr(name),
            remedy=f"Use small letters and digits, with hyphens between words, at most {_LONGEST_NAME} of them: my-cnn.",
        )
    if keyword.iskeyword(module) or module in sys.stdlib_module_names or module in _IMPORTED:
        raise UsageError(
            f"its file {module}.py would be taken for a module of Python or of the tests",
            place=repr(name),
            remedy="Choose another name.",
        )
    for other in list_assignments(root):
        if other != name and module_of(other) == module:
            raise UsageError(
                f"the assignment {other!r} has the file {module}.py already",
                place=repr(name),
                remedy="Choose another name.",
            )
        try:
            provided = load_assignment(root, other).provided
        except AuthoringError:
            continue  # its own build says what is wrong with it
        if f"{module}.py" in provided:
            raise UsageError(
                f"{module}.py is a file that the assignment {other!r} gives to its students",
                place=repr(name),
                remedy="Choose another name.",
            )


def _find_pins() -> list[str]:
    pins = []
    for package in _PINNED:
        try:
            pins.append(f"{package}=={version(package)}")
        except PackageNotFoundError:
            continue
    return pins


def _read(folder: str, name: str) -> str:
    return files("cnn_assignment.authoring").joinpath("templates", folder, name).read_text(encoding="utf-8")


def _write(texts: Mapping[Path, str]) -> list[Path]:
    """Write new files with their folders. Raises UsageError where one is there already; nothing is written then."""
    there = [path for path in texts if path.exists() or path.is_symlink()]
    if there:
        raise UsageError("is there already", place=str(there[0]), remedy="Choose another name, or move it away.")
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(texts)
