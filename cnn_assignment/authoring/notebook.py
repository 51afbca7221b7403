"""Put the notebook together: the narrative by hand, the classes from the solution, the checks from ``checks.py``.

A code cell of the narrative says in its fence what is put into it:

    ```python insert="ClassName"      the class with its gap markers: a solution cell of nbgrader
    ```python check="task-id"         the task's public checks and their calls: its grade cell

A line of its text that is nothing but ``<!-- tasks -->`` becomes the table of tasks with their points.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cnn_assignment.authoring.definitions import Definition, needed_by, read_definitions
from cnn_assignment.authoring.gaps import looks_like_marker, parse_gaps, require_same_tasks
from cnn_assignment.authoring.missing_names import find_import, find_missing
from cnn_assignment.authoring.texts import make_task_table, read_text
from cnn_assignment.core.errors import AuthoringError
from cnn_assignment.core.model import Assignment, Gap, Hints, Task

if TYPE_CHECKING:
    from nbformat import NotebookNode

METADATA_KEY = "cnn_assignment"
"""Where a notebook says which edition of hints it was built for, beside nbgrader's own metadata."""

_ID_LENGTH = 8
_TASKS = re.compile(r"^[ \t]*<!--\s*tasks\s*-->[ \t]*$", re.MULTILINE)


def make_solution_notebook(assignment: Assignment, tasks: tuple[Task, ...], hints: Hints) -> NotebookNode:
    """The notebook with all answers, as nbgrader's source folder holds it; equal inputs give equal notebooks.

    tasks: collected from the hidden tests; a grade cell takes its points from there. hints: the edition, kept in the
    metadata so that a later ``nbgrader generate_assignment`` opens the gaps in the same way.
    Raises AuthoringError where narrative, solution, checks and tasks do not fit together.
    """
    import jupytext

    text = read_text(assignment.narrative_file, assignment.root)
    notebook: NotebookNode = jupytext.reads(text, fmt="md")
    parts = _Parts.read(assignment, tasks, text)
    filled: Counter[tuple[str, str]] = Counter()
    _refuse_markers(notebook, assignment)
    for cell in notebook.cells:
        for kind in ("insert", "check"):
            if kind in cell.metadata:
                name = str(cell.metadata.pop(kind))
                filled[kind, name] += 1
                parts.fill(cell, kind, name, filled[kind, name])
        if cell.cell_type == "markdown":
            # By a function, because a title may hold what a pattern's replacement would take for a group.
            cell.source = _TASKS.sub(lambda _: make_task_table(tasks), cell.source)
    parts.require_complete(filled)
    notebook.metadata = _notebook_metadata(hints)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    _name_cells(notebook)
    return notebook


def solution_cell_metadata(grade_id: str) -> dict[str, Any]:
    """nbgrader's metadata, version 3, of a cell that students fill."""
    return _nbgrader_metadata(grade_id, solution=True)


def grade_cell_metadata(task: Task) -> dict[str, Any]:
    """nbgrader's metadata, version 3, of a cell that earns a task's points; whole points are written as integers."""
    points = int(task.max_score) if float(task.max_score).is_integer() else task.max_score
    return {**_nbgrader_metadata(task.id, solution=False), "points": points}


def _nbgrader_metadata(grade_id: str, *, solution: bool) -> dict[str, Any]:
    return {
        "grade": not solution,
        "grade_id": grade_id,
        "locked": not solution,
        "schema_version": 3,
        "solution": solution,
        "task": False,
    }


@dataclass(frozen=True, slots=True)
class _Parts:
    """What goes into the narrative's cells, and where the narrative asks for it."""

    assignment: Assignment
    tasks: tuple[Task, ...]
    gaps: tuple[Gap, ...]
    solution: tuple[Definition, ...]
    checks: tuple[Definition, ...]
    narrative: str

    @classmethod
    def read(cls, assignment: Assignment, tasks: tuple[Task, ...], narrative: str) -> _Parts:
        solution = read_text(assignment.solution_file, assignment.root)
        gaps = parse_gaps(solution, assignment.solution_label)
        require_same_tasks(assignment, gaps, tasks)
        checks = _read_checks(assignment)
        return cls(assignment, tasks, gaps, read_definitions(solution, gaps), checks, narrative)

    def place(self, kind: str, name: str, count: int = 1) -> str:
        """Where the narrative asks for a part for the count-th time; the whole file where it does not."""
        path = f"source/{self.assignment.name}.md"
        # A fence, and in its words the name with or without quotes; "ramp" is not the beginning of "ramp-up".
        wanted = re.compile(rf"\s*(?:`{{3,}}|~{{3,}}).*\b{kind}\s*=\s*([\"']?){re.escape(name)}\1(?![\w-])")
        lines = [number for number, line in enumerate(self.narrative.split("\n"), 1) if wanted.match(line)]
        return f"{path}:{lines[count - 1]}" if count <= len(lines) else path

    def fill(self, cell: NotebookNode, kind: str, name: str, count: int) -> None:
        """Put the named part into a cell that the narrative left empty."""
        place = self.place(kind, name, count)
        if cell.cell_type != "code" or cell.source.strip():
            raise AuthoringError(
                f'the cell {kind}="{name}" is not an empty code cell', place=place, remedy="Leave its body empty."
            )
        if kind == "insert":
            self._fill_definition(cell, name, place)
        else:
            self._fill_checks(cell, name, place)

    def require_complete(self, filled: Counter[tuple[str, str]]) -> None:
        """Raise AuthoringError unless every class, every function and every task, and so every gap, has exactly one cell."""
        for name in self.assignment.names:
            filled.setdefault(("insert", name), 0)
        for task in self.tasks:
            filled.setdefault(("check", task.id), 0)
        for (kind, name), count in filled.items():
            if count != 1:
                word = "function" if name in self.assignment.functions else "class"
                what = f"insert the {word} {name!r}" if kind == "insert" else f"check the task {name!r}"
                raise AuthoringError(
                    f"{count or 'no'} cells {what}",
                    place=self.place(kind, name, 2),
                    remedy=f'Have exactly one cell ```python {kind}="{name}".',
                )
        for gap in self.gaps:
            if not any(self._holds(gap, name) for kind, name in filled if kind == "insert"):
                raise AuthoringError(
                    f"the gap {gap.task!r} is in no cell of the notebook",
                    place=f"{self.assignment.solution_label}:{gap.begin_line}",
                    remedy="Insert the class or function around it, or move it into one that is inserted.",
                )

    def _holds(self, gap: Gap, name: str) -> bool:
        return any(
            name in part.names and part.first_line <= gap.begin_line and gap.end_line <= part.last_line
            for part in self.solution
        )

    def _fill_definition(self, cell: NotebookNode, name: str, place: str) -> None:
        part = next((part for part in self.solution if part.names == (name,)), None)
        if part is None:
            known = ", ".join(part.names[0] for part in self.solution if not isinstance(part.node, ast.Assign))
            raise AuthoringError(
                f"unknown class or function {name!r}",
                place=place,
                remedy=f"{self.assignment.solution_label} has these: {known}.",
            )
        cell.source = part.text
        # A solution cell without a gap would be emptied by nbgrader as a whole, so provided code is a plain cell.
        if any(self._holds(gap, name) for gap in self.gaps):
            cell.metadata["nbgrader"] = solution_cell_metadata(name)

    def _fill_checks(self, cell: NotebookNode, name: str, place: str) -> None:
        task = next((task for task in self.tasks if task.id == name), None)
        if task is None:
            raise AuthoringError(
                f"unknown task {name!r}", place=place, remedy=f"Tasks: {', '.join(task.id for task in self.tasks)}."
            )
        checks = [part for part in self.checks if _is_check(part) and self._task_of(part) == name]
        if not checks:
            raise AuthoringError(
                f"no public check for the task {name!r}",
                place=place,
                remedy=f"Add test_{name.replace('-', '_')}_... to autograder/{self.assignment.name}/checks.py.",
            )
        calls = [f"{check.names[0]}()" for check in checks]
        closing = [*calls, f'print("{name}: every public check passes")']
        cell.source = "\n\n\n".join([*(part.text for part in needed_by(self.checks, checks)), "\n".join(closing)])
        cell.metadata["nbgrader"] = grade_cell_metadata(task)

    def _task_of(self, check: Definition) -> str:
        """The task whose id a check's name begins with; the longest, because one id may begin another."""
        name = check.names[0].removeprefix("test_")
        fitting = [task.id for task in self.tasks if f"{name}_".startswith(f"{task.id.replace('-', '_')}_")]
        if not fitting:
            raise AuthoringError(
                f"the check {check.names[0]} belongs to no task",
                place=f"autograder/{self.assignment.name}/checks.py:{check.node.lineno}",
                remedy="Name it test_<task id with underscores>_<what>.",
            )
        return max(fitting, key=len)


def _is_check(part: Definition) -> bool:
    return part.is_function and part.names[0].startswith("test_")


def _read_checks(assignment: Assignment) -> tuple[Definition, ...]:
    """The definitions of checks.py; its test functions can be called as they stand, because the notebook does."""
    label = f"autograder/{assignment.name}/checks.py"
    text = read_text(assignment.checks_file, assignment.root)
    try:
        parts = read_definitions(text)
    except SyntaxError as error:
        raise AuthoringError(
            f"not valid Python: {error.msg}", place=f"{label}:{error.lineno or 1}", remedy="Mend the line."
        ) from error
    for part in parts:
        if not _is_check(part):
            continue
        node = part.node
        assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        takes = node.args.posonlyargs or node.args.args or node.args.kwonlyargs
        if takes or node.decorator_list or isinstance(node, ast.AsyncFunctionDef):
            raise AuthoringError(
                f"the check {node.name} is not a plain function without arguments and decorators",
                place=f"{label}:{node.lineno}",
                remedy="Write it out: the notebook calls it as it stands.",
            )
    return parts


def _refuse_markers(notebook: NotebookNode, assignment: Assignment) -> None:
    """Raise AuthoringError for a gap in the narrative itself, which students would get with its answer."""
    for cell in notebook.cells:
        for line in cell.source.split("\n") if cell.cell_type == "code" else ():
            if line.lstrip().startswith("#") and looks_like_marker(line.strip()):
                raise AuthoringError(
                    f"the narrative holds the gap marker {line.strip()!r}",
                    place=f"source/{assignment.name}.md",
                    remedy=f"Write answers in {assignment.solution_label} only, and insert their class.",
                )


def require_names(notebook: NotebookNode, assignment: Assignment) -> None:
    """Raise AuthoringError for a name that a solution or grade cell uses and the notebook does not have."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    asked = [cell.source for cell in code if "nbgrader" in cell.metadata]
    missing = find_missing(asked, [cell.source for cell in code])
    if not missing:
        return
    name = missing[0]
    solution = read_text(assignment.solution_file, assignment.root)
    found = find_import(name, (solution, read_text(assignment.checks_file, assignment.root)))
    if found is not None:
        remedy = f"Add `{found}` to a code cell of the narrative: the imports of a module are in no cell by themselves."
    elif any(name in part.names for part in read_definitions(solution)):
        remedy = f'Add a cell ```python insert="{name}": of the solution only what is inserted is in the notebook.'
    else:
        remedy = "Define or import it in a cell of the narrative."
    raise AuthoringError(
        f"no cell defines {name}, which the code of the notebook uses",
        place=f"source/{assignment.name}.md",
        remedy=remedy,
    )


def _notebook_metadata(hints: Hints) -> NotebookNode:
    from nbformat import from_dict

    metadata: NotebookNode = from_dict(
        {
            METADATA_KEY: {"hints": str(hints)},
            "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    return metadata


def _name_cells(notebook: NotebookNode) -> None:
    """Give every cell an id that depends only on what it is, and clear what running it would leave."""
    seen: Counter[str] = Counter()
    for cell, digest in zip(notebook.cells, _digests(notebook), strict=True):
        seen[digest] += 1
        numbered = f"{digest}/{seen[digest]}".encode()
        cell.id = hashlib.sha256(numbered).hexdigest()[:_ID_LENGTH]
        if cell.cell_type == "code":
            cell.execution_count = None
            cell.outputs = []


def _digests(notebook: NotebookNode) -> Iterator[str]:
    """What a cell is: its grade id where it has one, so that it keeps its name when its code changes, or its text."""
    for cell in notebook.cells:
        what = cell.metadata.get("nbgrader", {}).get("grade_id") or f"{cell.cell_type}\n{cell.source}"
        yield hashlib.sha256(what.encode()).hexdigest()
