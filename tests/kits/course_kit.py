"""A toy course for tests of the gradebook: one class to fill, two tasks, real nbgrader, and a grader that only reads.

The course has the kit's assignment `toy` and an ordinary nbgrader assignment `plain`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import nbformat
import sqlalchemy
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.api import Gradebook

from cnn_assignment.core.layout import load_assignment
from cnn_assignment.core.model import (
    Assignment,
    Hints,
    Limits,
    Outcome,
    Report,
    ReportStatus,
    Status,
    Submission,
    TaskScore,
)
from places import KITS, ROOT

SKELETON = """class Toy:
    def one(self):
        raise NotImplementedError("toy-one: fill in this gap")

    def two(self):
        raise NotImplementedError("toy-two: fill in this gap")
"""
ANSWER = SKELETON.replace('raise NotImplementedError("toy-one: fill in this gap")', "return 1")
# nbgrader's own ClearSolutions opens these gaps: the kit's way of doing so has tests of its own.
SOLUTION = """class Toy:
    def one(self):
        ### BEGIN SOLUTION toy-one
        return 1
        ### END SOLUTION

    def two(self):
        ### BEGIN SOLUTION toy-two
        return 2
        ### END SOLUTION
"""

# The assignment itself, for what needs no folder of it.
TOY = Assignment("toy", "Toy", Path("no course"), ("Toy",), (), (), (), Hints.STANDARD, 0, Limits(), {})

# The fake grader reads a number behind "score:" in the file as the student handed it in, so that a test sees whether
# it got the raw file.
CONFIG = """
import sys
sys.path.insert(0, {tests!r})
import course_kit
from cnn_assignment.nbgrader_course.converting.preprocessors import configure_autograde

c = get_config()
configure_autograde(c, course_kit.report_for)
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
    one: float = 1.5,
    two: float = 0.0,
    *,
    status: ReportStatus = ReportStatus.GRADED,
    notes: tuple[str, ...] = (),
    message: str = "out: expected shape (2, 3), got (3, 2)",
    diagnosis: tuple[str, ...] = ("Rows and columns are swapped.",),
) -> Report:
    """A report of the toy assignment: toy-one is worth 3, toy-two is worth 2 and not attempted."""
    zero = status is not ReportStatus.GRADED
    one, two = (0.0, 0.0) if zero else (one, two)
    lost = Outcome("test_b", "Stride two", Status.FAILED, 0.0, 1.5, message, diagnosis)
    tests = (Outcome("test_a", "The basic case", Status.PASSED, one, 1.5), lost)
    tasks = (
        TaskScore("toy-one", "The first method", Status.PARTIAL, one, 3.0, tests),
        TaskScore("toy-two", "The second method", Status.NOT_ATTEMPTED, two, 2.0, ()),
    )
    return Report(
        assignment="toy",
        student=student,
        status=status,
        score=one + two,
        max_score=5.0,
        tasks=() if zero else tasks,
        notes=notes,
        file="toy.ipynb",
        digest="d",
        autograder_digest="a",
        seed=1,
        kit="0.1.0",
        level=3,
        protections={"network": True},
    )


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
    """The toy assignment's notebook, as the kit's build would write it."""
    notebook = new_notebook(
        cells=[
            new_markdown_cell("# Toy", id="title"),
            new_code_cell("import math", id="imports", metadata=cell_metadata("imports")),
            new_code_cell(SKELETON, id="class", metadata=cell_metadata("Toy", solution=True)),
            new_code_cell("check_one(Toy)", id="one", metadata=cell_metadata("toy-one", points=3)),
            new_code_cell("check_two(Toy)", id="two", metadata=cell_metadata("toy-two", points=2)),
        ]
    )
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return notebook


def make_course(root: Path, *, plain: bool = False) -> Assignment:
    """Write a course with sources, settings and configuration; nothing is generated yet."""
    source = source_notebook()
    next(cell for cell in source.cells if cell.id == "class").source = SOLUTION
    write_notebook(root / "source/toy/toy.ipynb", source)
    (root / "source/toy/toy.py").write_text(SKELETON, encoding="utf-8")
    settings = root / "autograder/toy/assignment.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text('classes = ["Toy"]\n', encoding="utf-8")
    config = textwrap.dedent(CONFIG).format(tests=str(KITS))
    (root / "nbgrader_config.py").write_text(config, encoding="utf-8")
    if plain:
        cells = [
            new_code_cell("x = 0", id="x", metadata=cell_metadata("x", solution=True)),
            new_code_cell("assert x == 1", id="t", metadata=cell_metadata("t", points=4)),
        ]
        notebook = source_notebook()
        notebook.cells = cells
        write_notebook(root / "source/plain/plain.ipynb", notebook)
    return load_assignment(root, "toy")


def write_notebook(path: Path, notebook: nbformat.NotebookNode) -> None:
    """Write a notebook with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


def submit(root: Path, student: str, notebook: nbformat.NotebookNode | str, assignment: str = "toy") -> Submission:
    """Hand in a notebook, or a text in the place of one."""
    path = root / "submitted" / student / assignment / f"{assignment}.ipynb"
    if isinstance(notebook, str):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(notebook, encoding="utf-8")
    else:
        write_notebook(path, notebook)
    return Submission(student, path)


def answered(root: Path, text: str) -> nbformat.NotebookNode:
    """The released notebook with the class answered and a text added to it."""
    notebook = nbformat.read(root / "release/toy/toy.ipynb", as_version=4)
    next(cell for cell in notebook.cells if cell.id == "class").source = f"{ANSWER}\n# {text}"
    return notebook


def nbgrader(root: Path, *words: str, cwd: Path | None = None, status: int = 0) -> str:
    """Run nbgrader as a process; returns what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *words],
        cwd=cwd or root,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def gradebook_of(root: Path, assignment: str = "toy") -> dict[str, dict[str, object]]:
    """For each student the scores, the cells for a person to look at, and the comments that the database holds."""
    found: dict[str, dict[str, object]] = {}
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}", "course") as gradebook:
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
        with (root / "nbgrader_config.py").open("a", encoding="utf-8") as file:
            file.write(f"c.CourseDirectory.db_url = {url!r}\n")
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
