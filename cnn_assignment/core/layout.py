"""Where things lie: finding the course, and reading an assignment's settings."""

from __future__ import annotations

import math
import re
import tomllib
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

from cnn_assignment.core.errors import AuthoringError, UsageError
from cnn_assignment.core.model import Assignment, Hints, Limits
from cnn_assignment.core.names import module_of

SETTINGS = "assignment.toml"
COURSE_CONFIG = "nbgrader_config.py"
TIMESTAMP, SECRET = "timestamp.txt", "submission_secret.txt"
"""What nbgrader puts beside a submission: when it was handed in, and what proves whose it is."""
FORMAT = 1
"""The newest format of the settings that this kit reads; settings that name none are of format 1."""

# Good enough for an order; the gaps themselves are parsed, and misspelt ones refused, when an assignment is built.
_GAP = re.compile(r"^\s*### BEGIN SOLUTION ([a-z][a-z0-9-]*)", re.MULTILINE)
_PYTHON = re.compile(r"3\.\d{1,3}")
_DEFINITION = re.compile(r"^(?:async[ \t]+)?(def|class)[ \t]+(\w+)", re.MULTILINE)
_CALLABLE = re.compile(r"(?:[A-Za-z_]\w*\.)?[A-Za-z_]\w*")
_KEYS = {
    "format": int,
    "title": str,
    "classes": list,
    "functions": list,
    "provided": list,
    "provided_solutions": list,
    "modules": list,
    "requirements": list,
    "python": str,
    "hints": str,
    "seed": int,
    "limits": dict,
    "stand_ins": dict,
}


def find_course(start: Path) -> Path:
    """The nearest folder at or above start that is a course. Raises UsageError where there is none."""
    for folder in (start.resolve(), *start.resolve().parents):
        if _is_course(folder):
            return folder
    raise UsageError(
        f"no course here: neither this folder nor one above it holds {COURSE_CONFIG} and autograder/",
        place=str(start),
        remedy="Change to the course's folder, or name it with --course-dir; `cnn-assignment init FOLDER` makes one.",
    )


def _is_course(folder: Path) -> bool:
    """Whether this is a course; one that was just begun has no assignment, and a configuration that names the kit."""
    config = folder / COURSE_CONFIG
    if not config.is_file():
        return False
    return (folder / "autograder").is_dir() or "cnn_assignment" in config.read_text(encoding="utf-8", errors="replace")


def list_assignments(root: Path) -> tuple[str, ...]:
    """The names of the assignments of a course, sorted."""
    return tuple(sorted(path.parent.name for path in (root / "autograder").glob(f"*/{SETTINGS}")))


def load_assignment(root: Path, name: str) -> Assignment:
    """Read ``autograder/<name>/assignment.toml``.

    Raises UsageError for an unknown name and AuthoringError for settings that are not as documented.
    """
    known = list_assignments(root)
    if name not in known:
        raise UsageError(
            f"unknown assignment {name!r}",
            place=str(root / "autograder"),
            remedy=f"Known here: {', '.join(known) or 'none'}.",
        )
    path = root / "autograder" / name / SETTINGS
    place = f"autograder/{name}/{SETTINGS}"
    try:
        data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AuthoringError(f"not valid TOML: {error}", place=place, remedy="Mend the line it names.") from error
    _check_format(data.get("format", 1), place)
    for key, value in data.items():
        expected = _KEYS.get(key)
        if expected is None:
            raise AuthoringError(f"unknown key {key!r}", place=place, remedy=f"Known keys: {', '.join(_KEYS)}.")
        if not isinstance(value, expected):
            raise AuthoringError(
                f"{key} must be a {expected.__name__}, got {value!r}", place=place, remedy="Change its type."
            )
    _check_values(data, place)
    classes, functions = _sort_names(root, name, data)
    if not classes and not functions:
        raise AuthoringError(
            "no classes and no functions",
            place=place,
            remedy="Name what the solution defines for its students: classes = [...], functions = [...], or both.",
        )
    return Assignment(
        name=name,
        title=data.get("title", name),
        root=root,
        classes=classes,
        functions=functions,
        provided=tuple(data.get("provided", ())),
        modules=tuple(data.get("modules", ())),
        requirements=tuple(data.get("requirements", ())),
        hints=_read_hints(data.get("hints", "standard"), place),
        seed=data.get("seed", 0),
        limits=_read_limits(data.get("limits", {}), place),
        stand_ins={task: tuple(names) for task, names in data.get("stand_ins", {}).items()},
        python=data.get("python", ""),
        provided_solutions=tuple(data.get("provided_solutions", ())),
    )


def _sort_names(root: Path, name: str, data: dict[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The classes and the functions of the settings: what a name is, the solution tells, in whichever list it stands."""
    text = ""
    with suppress(OSError, UnicodeDecodeError):  # whoever needs a solution tells that there is none
        text = (root / "solutions" / f"{module_of(name)}.py").read_text(encoding="utf-8")
    said = dict.fromkeys(data.get("classes", ()), "class") | dict.fromkeys(data.get("functions", ()), "def")
    words = said | {known: word for word, known in _DEFINITION.findall(text) if known in said}
    classes = tuple(known for known, word in words.items() if word == "class")
    return classes, tuple(known for known, word in words.items() if word == "def")


def task_order(assignment: Assignment) -> tuple[str, ...]:
    """Task ids in the order in which their gaps stand in the solution: the order of every table and report."""
    place = f"solutions/{assignment.solution_file.name}"
    try:
        text = assignment.solution_file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise AuthoringError(
            "no solution", place=place, remedy="Write the full module, with its gaps marked."
        ) from error
    except UnicodeDecodeError as error:
        raise AuthoringError("not text in UTF-8", place=place, remedy="Save it as UTF-8.") from error
    return tuple(dict.fromkeys(_GAP.findall(text)))


def _check_format(number: Any, place: str) -> None:
    """Before anything else is read: settings of a newer format may have keys that this kit does not know."""
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise AuthoringError(
            f"format must be a whole number from 1 on, got {number!r}", place=place, remedy=f"Write format = {FORMAT}."
        )
    if number > FORMAT:
        raise AuthoringError(
            f"settings of format {number}, and this kit reads none newer than {FORMAT}",
            place=place,
            remedy="Update the kit: `python -m pip install --upgrade cnn-assignment`.",
        )


def _check_values(data: dict[str, Any], place: str) -> None:
    """What the types of the values do not say."""
    for key, value in data.items():
        if isinstance(value, list) and not all(isinstance(item, str) for item in value):
            raise AuthoringError(f"{key} must hold texts, got {value!r}", place=place, remedy="Quote each of them.")
    for name in data.get("provided_solutions", ()):
        if name not in data.get("provided", ()):
            raise AuthoringError(
                f"provided_solutions names {name!r}, which is not provided",
                place=place,
                remedy="Name it in provided too, once the deadline of its assignment is over.",
            )
    for task, names in data.get("stand_ins", {}).items():
        if not isinstance(names, list) or not all(
            isinstance(name, str) and _CALLABLE.fullmatch(name) for name in names
        ):
            raise AuthoringError(
                f"stand_ins of {task} must be a list of methods and functions, got {names!r}",
                place=place,
                remedy='Write them as "Class.method" or "function".',
            )
    if "python" in data and not _PYTHON.fullmatch(data["python"]):
        raise AuthoringError(
            f"python must be a version such as 3.11, got {data['python']!r}",
            place=place,
            remedy="Quote the first two numbers of the oldest Python that grades.",
        )
    seed = data.get("seed", 0)
    if isinstance(seed, bool) or seed < 0:
        raise AuthoringError(
            f"seed must not be negative, got {seed!r}", place=place, remedy="Choose any other integer."
        )


def _read_hints(word: str, place: str) -> Hints:
    try:
        return Hints(word)
    except ValueError as error:
        known = ", ".join(Hints)
        raise AuthoringError(f"unknown hints {word!r}", place=place, remedy=f"Choose one of {known}.") from error


def _read_limits(data: dict[str, Any], place: str) -> Limits:
    known = {field.name: field.type for field in fields(Limits)}
    for key, value in data.items():
        if key not in known:
            raise AuthoringError(f"unknown limit {key!r}", place=place, remedy=f"Known limits: {', '.join(known)}.")
        whole = known[key] == "int"
        # What is without a limit where nobody sets it may be set to that too.
        least = 0 if getattr(Limits(), key) == 0 else math.ulp(0.0)
        if (
            isinstance(value, bool)
            or not isinstance(value, int if whole else int | float)
            or not least <= value < math.inf
        ):
            what = f"{'a positive' if least else 'zero or a positive'} {'integer' if whole else 'number'}"
            raise AuthoringError(
                f"limit {key} must be {what}, got {value!r}",
                place=place,
                remedy="Seconds and MiB; leave it out for the default.",
            )
    return Limits(**data)
