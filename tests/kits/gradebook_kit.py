"""What tests of the gradebook share: the toy course with a grader that only reads, real nbgrader, and readers of tables.

The course has the kit's assignment `toy` and, where a test wants it, an ordinary nbgrader assignment `plain`.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
import sqlalchemy
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.api import Gradebook
from nbgrader.apps.api import NbGraderAPI
from nbgrader.apps.baseapp import NbGrader

import toy_course
from cnn_assignment.authoring.skeleton import fill_only
from cnn_assignment.core.layout import load_assignment
from cnn_assignment.core.model import Assignment, Outcome, Report, ReportStatus, Status, Submission, TaskScore
from cnn_assignment.nbgrader_course import record
from cnn_assignment.nbgrader_course.converting.generate import generate_release
from places import KITS, ROOT
from processes import run_program
from toy_course import COLLECTED, TASKS, TOTAL, write


def _parts(*filled: str) -> list[str]:
    """The imports and the two classes of the toy, with some tasks answered and the others open."""
    return fill_only(toy_course.SOLUTION, filled, "toy.py").rstrip("\n").split("\n\n\n")


# SKELETON is the class Cutter as students get it, ANSWER is the same with one of its tasks answered.
IMPORTS, SCALER, SKELETON = _parts()
ANSWER = _parts("clear")[-1]

# The fake grader reads a number behind "score:" in the file as the student handed it in, so that a test sees whether
# it got the raw file.
CONFIG = f"""
import sys
sys.path.insert(0, {str(KITS)!r})
import gradebook_kit
from cnn_assignment.nbgrader_course.converting.preprocessors import configure_autograde

c = get_config()
configure_autograde(c, gradebook_kit.report_for)
c.CourseDirectory.course_id = "course"
"""


def report_for(assignment: Assignment, submission: Submission) -> Report:
    """A report out of the raw file's words: score:<number>, unreadable, broken."""
    text = submission.path.read_text(encoding="utf-8", errors="replace") if submission.path else "unreadable"
    if "broken" in text:
        return make_report(submission.student, status=ReportStatus.GRADER_ERROR, notes=("the grader broke",))
    if "unreadable" in text:
        return make_report(submission.student, status=ReportStatus.UNREADABLE, notes=("not a <b>notebook</b>",))
    score = float(text.split("score:")[1].split()[0].strip('",\\n')) if "score:" in text else 0.0
    return make_report(submission.student, score)


def make_report(
    student: str = "ada",
    score: float = 1.5,
    *,
    status: ReportStatus = ReportStatus.GRADED,
    notes: tuple[str, ...] = (),
    message: str = "out: expected shape (2, 3), got (3, 2)",
    diagnosis: tuple[str, ...] = ("Rows and columns are swapped.",),
) -> Report:
    """A report of the toy assignment: the last task, which is worth 3, has the score; no other one is attempted."""
    is_graded = status is ReportStatus.GRADED
    tests = (
        Outcome("test_a", "The basic case", Status.PASSED, score, 1.5),
        Outcome("test_b", "Stride two", Status.FAILED, 0.0, 1.5, message, diagnosis),
    )
    *others, last = COLLECTED
    tasks = (
        *(TaskScore(task.id, task.title, Status.NOT_ATTEMPTED, 0.0, task.max_score, ()) for task in others),
        TaskScore(last.id, last.title, Status.PARTIAL, score, last.max_score, tests),
    )
    return Report(
        assignment="toy",
        student=student,
        status=status,
        score=score if is_graded else 0.0,
        max_score=TOTAL,
        tasks=tasks if is_graded else (),
        notes=notes,
        file="toy.ipynb",
        digest="d",
        autograder_digest="a",
        seed=1,
        kit="0.1.0",
        level=3,
        protections={"network": True},
    )


def points_of(score: float, **others: float | None) -> dict[str, float | None]:
    """The points that a report with this score leaves in the tasks' cells; others: what more cells have."""
    return dict.fromkeys(TASKS, 0.0) | {"clear": score} | others


def cell_metadata(grade_id: str, *, solution: bool = False, points: float | None = None) -> dict[str, object]:
    """nbgrader's metadata of one cell."""
    found: dict[str, object] = {
        "schema_version": 3,
        "grade_id": grade_id,
        "grade": points is not None,
        "locked": not solution,
        "solution": solution,
        "task": False,
    }
    if points is not None:
        found["points"] = points
    return {"nbgrader": found}


def source_notebook() -> nbformat.NotebookNode:
    """The toy assignment's notebook as students get it, and one locked cell without points in it."""
    return copy.deepcopy(_notebook(IMPORTS, SCALER, SKELETON))


# nbformat checks every new cell against its schema, which takes longer than a copy.
@cache
def _notebook(imports: str, scaler: str, cutter: str) -> nbformat.NotebookNode:
    def check(task: str) -> nbformat.NotebookNode:
        return new_code_cell(f"test_{task}_values()", id=task, metadata=cell_metadata(task, points=TASKS[task]))

    notebook = new_notebook(
        cells=[
            new_markdown_cell("# A toy", id="title"),
            new_code_cell(imports, id="imports", metadata=cell_metadata("imports")),
            new_code_cell(scaler, id="Scaler", metadata=cell_metadata("Scaler", solution=True)),
            check("scale"),
            check("slope"),
            new_code_cell(cutter, id="Cutter", metadata=cell_metadata("Cutter", solution=True)),
            check("cut"),
            check("clear"),
        ]
    )
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return notebook


def cell_of(notebook: nbformat.NotebookNode, name: str) -> nbformat.NotebookNode:
    """The cell that nbgrader knows by this name."""
    return next(cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == name)


def make_course(root: Path) -> Assignment:
    """The toy course with sources and the fake grader; nothing is generated yet."""
    assignment = toy_course.make_course(root)
    # nbgrader's own ClearSolutions opens these gaps: the kit's way of doing so has tests of its own.
    write_notebook(root / "source/toy/toy.ipynb", _notebook(*toy_course.SOLUTION.split("\n\n\n")))
    write(root / "source/toy/toy.py", f"{IMPORTS}\n\n\n{SCALER}\n\n\n{SKELETON}\n")
    write(root / "nbgrader_config.py", CONFIG)
    return assignment


def make_generated_course(root: Path, *, plain: bool = False) -> Assignment:
    """The course as generate_assignment leaves it, which costs less here than as a command of its own."""
    assignment = make_course(root)
    assignments = [assignment]
    if plain:
        notebook = source_notebook()
        notebook.cells = [
            new_code_cell("x = 0", id="x", metadata=cell_metadata("x", solution=True)),
            new_code_cell("assert x == 1", id="t", metadata=cell_metadata("t", points=4)),
        ]
        write_notebook(root / "source/plain/plain.ipynb", notebook)
        assignments.append(replace(assignment, name="plain"))
    for each in assignments:
        generate_release(each, root / "source", root / "release", record=True)
    return assignment


def add_settings(root: Path, text: str) -> None:
    """Write more into the course's configuration."""
    with (root / "nbgrader_config.py").open("a", encoding="utf-8") as file:
        file.write(f"{text}\n")


def write_notebook(path: Path, notebook: nbformat.NotebookNode) -> None:
    """Write a notebook with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


def submit(root: Path, student: str, notebook: nbformat.NotebookNode | str, assignment: str = "toy") -> Submission:
    """Hand in a notebook, or a text in the place of one."""
    path = root / "submitted" / student / assignment / f"{assignment}.ipynb"
    if isinstance(notebook, str):
        write(path, notebook)
    else:
        write_notebook(path, notebook)
    return Submission(student, path)


def answered(root: Path, text: str) -> nbformat.NotebookNode:
    """The released notebook with a class answered and a text added to it."""
    notebook = nbformat.read(root / "release/toy/toy.ipynb", as_version=4)
    cell_of(notebook, "Cutter").source = f"{ANSWER}\n# {text}"
    return notebook


def record_all(root: Path, recorded: Callable[[str, str], None] | None = None) -> None:
    """Record what the fake grader says of all submissions."""
    assignment = load_assignment(root, "toy")
    submissions = [Submission(path.parents[1].name, path) for path in sorted(root.glob("submitted/*/toy/toy.*"))]
    record(assignment, ((each, report_for(assignment, each)) for each in submissions), recorded)


def nbgrader(root: Path, *words: str, cwd: Path | None = None, status: int = 0) -> str:
    """Run nbgrader as a process; returns what it said."""
    done = run_program("-m", "nbgrader", *words, cwd=cwd or root, status=status, PYTHONPATH=str(ROOT))
    return done.stdout + done.stderr


def api_of(root: Path) -> NbGraderAPI:
    """What formgrader works with, with the course's configuration and no other."""
    app = NbGrader()
    app.load_cwd_config = False
    app.initialize([], root=str(root))
    return NbGraderAPI(app.coursedir, parent=app)


def url_of(root: Path) -> str:
    """The address of the course's gradebook."""
    return f"sqlite:///{root / 'gradebook.db'}"


def with_gradebook(url: str, work: Callable[[Gradebook], Any]) -> Any:
    """Do something to a gradebook, by hand as it were; returns what that returns."""
    with Gradebook(url, "course") as gradebook:
        found = work(gradebook)
        gradebook.db.commit()
        return found


def gradebook_of(root: Path, assignment: str = "toy") -> dict[str, dict[str, object]]:
    """For each student the scores, the cells for a person to look at, and the comments that the database holds."""
    found: dict[str, dict[str, object]] = {}
    with Gradebook(url_of(root), "course") as gradebook:
        for submission in gradebook.find_assignment(assignment).submissions:
            notebook = submission.notebooks[0]
            found[submission.student.id] = {
                "score": notebook.score,
                "timestamp": submission.timestamp and submission.timestamp.isoformat(),
                "auto": {grade.name: grade.auto_score for grade in notebook.grades},
                "manual": sorted(grade.name for grade in notebook.grades if grade.needs_manual_grade),
                "comments": {comment.name: comment.auto_comment for comment in notebook.comments},
                "penalty": notebook.late_submission_penalty,
            }
    return json.loads(json.dumps(found))


# What names a row of a table, for people; keys that lead to other tables are followed.
ROW_NAMES = {
    "assignment": ("name",),
    "notebook": ("assignment_id", "name"),
    "base_cell": ("notebook_id", "name", "type"),
    "source_cell": ("notebook_id", "name"),
    "submitted_assignment": ("assignment_id", "student_id"),
    "submitted_notebook": ("assignment_id", "notebook_id"),
    "grade": ("notebook_id", "cell_id"),
    "comment": ("notebook_id", "cell_id"),
}


def rows_by_name(url: str) -> dict[str, list[str]]:
    """Every column of every table, with names in the place of the keys that each database draws."""
    engine = sqlalchemy.create_engine(url)
    try:
        found = sqlalchemy.MetaData()
        found.reflect(engine)
        with engine.connect() as connection:
            tables = {name: connection.execute(table.select()).mappings().all() for name, table in found.tables.items()}
    finally:
        engine.dispose()
    names: dict[object, object] = {}
    for table, parts in ROW_NAMES.items():
        for row in tables[table]:
            names[row["id"]] = (table, *(names.get(row[part], row[part]) for part in parts))
    # Some of nbgrader's own steps open its database under the default course's name, which enters it there.
    return {
        table: sorted(repr({column: names.get(value, value) for column, value in row.items()}) for row in rows)
        for table, rows in tables.items()
        if table != "course"
    }


def make_released_course(root: Path, url: str | None = None) -> Assignment:
    """A course with a release notebook that has a cell for a person to grade, and no database yet."""
    assignment = make_course(root)
    notebook = source_notebook()
    task = cell_metadata("essay", points=7)
    task["nbgrader"] |= {"grade": False, "task": True}
    notebook.cells.append(new_markdown_cell("Tell why.", id="essay", metadata=task))
    write_notebook(root / "release/toy/toy.ipynb", notebook)
    if url is not None:
        add_settings(root, f"c.CourseDirectory.db_url = {url!r}")
    return assignment


def make_class(students: int) -> list[tuple[Submission, Report]]:
    """Reports of submissions without a file: scores in thirds, and words in many scripts, with a NUL."""
    return [
        (
            Submission(f"student-{number:04}", None),
            make_report(
                f"student-{number:04}",
                number % 10 / 3,
                diagnosis=(f"Größe {number} \N{GREEK SMALL LETTER PI}\N{SNOWMAN}\N{GRINNING FACE} \0 'a' \"b\" %s :x",),
            ),
        )
        for number in range(students)
    ]
