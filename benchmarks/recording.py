"""Recording a class in nbgrader's gradebook: through nbgrader's own API, a commit for each value, and in bulk by the kit.

Both sides start from an empty SQLite database with the assignment `cnn` in it and record the same made-up reports of the
same submission; afterwards every row of both is compared, without the keys that each database draws. `database`
is about the rows alone. `record` is all that the kit does for a student, with the notebook and the files of
`autograded/`; there the other side prepares and writes these just as the kit does. It is spared what nbgrader does
besides: it opens the database once and not several times for each student.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from nbgrader.api import Gradebook
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SAWarning

from cnn_assignment.core.layout import load_assignment
from cnn_assignment.core.model import Report, ReportStatus, Status, Submission, TaskScore
from cnn_assignment.nbgrader_course import record
from cnn_assignment.nbgrader_course.gradebook.folders import GradedFolders
from cnn_assignment.nbgrader_course.gradebook.opening import OpenCourse, open_course, open_gradebook
from cnn_assignment.nbgrader_course.gradebook.preparing import prepare_graded
from cnn_assignment.nbgrader_course.gradebook.recording import BATCH
from cnn_assignment.nbgrader_course.gradebook.rows import StudentValues, write_rows
from cnn_assignment.nbgrader_course.notebooks.annotate import is_graded_by_kit
from cnn_assignment.nbgrader_course.notebooks.cells import read_release

ROOT = Path(__file__).parent.parent
NAME = "cnn"
FOLDERS = ("autograder", "release", "solutions", "source")


@dataclass(frozen=True)
class Class:
    """A copy of the course with an empty gradebook, its students' submissions and their reports."""

    course: OpenCourse
    release: Any
    reports: tuple[tuple[Submission, Report], ...]

    def values(self) -> list[StudentValues]:
        """What the database is to hold of each student."""
        return [prepare_graded(self.course, self.release, *pair).values for pair in self.reports]

    def empty(self) -> None:
        """Start the gradebook anew, with the assignment in it and nobody else."""
        (self.course.assignment.root / "gradebook.db").unlink(missing_ok=True)
        shutil.rmtree(self.course.folder(self.course.directory.autograded_directory, "."), ignore_errors=True)
        open_gradebook(self.course, self.release).close()


def make_class(root: Path, students: int) -> Class:
    """The submission is the released notebook; points are random, and thirds among them."""
    for name in FOLDERS:
        shutil.copytree(ROOT / name, root / name)
    shutil.copy(ROOT / "nbgrader_config.py", root)
    assignment = load_assignment(root, NAME)
    release = read_release(root / "release" / NAME / f"{NAME}.ipynb")
    points = {cell.metadata.nbgrader.grade_id: float(cell.metadata.nbgrader.points) for cell in release.cells
              if is_graded_by_kit(cell)}  # fmt: skip
    random = np.random.default_rng(0)
    submission = root / "release" / NAME / f"{NAME}.ipynb"
    reports = []
    for number in range(students):
        student = f"student-{number:05}"
        tasks = tuple(
            TaskScore(task, task, Status.PARTIAL, most * int(random.integers(4)) / 3, most, ())
            for task, most in points.items()
        )
        total = sum(task.score for task in tasks)
        report = Report(NAME, student, ReportStatus.GRADED, total, sum(points.values()), tasks, (), submission.name,
                        "", "", 0, "", 0, {})  # fmt: skip
        reports.append((Submission(student, submission, submission.parent), report))
    return Class(open_course(assignment), release, tuple(reports))


def with_api(gradebook: Gradebook, values: StudentValues) -> None:
    """One student as nbgrader's Autograde and SaveAutoGrades do it: a commit after each value."""
    gradebook.update_or_create_student(values.student)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # nbgrader links a new submission before it adds it
        gradebook.update_or_create_submission(NAME, values.student)
    for name, score in values.scores.items():
        grade = gradebook.find_grade(name, NAME, NAME, values.student)
        grade.auto_score, grade.needs_manual_grade = score, grade.manual_score is not None or score is None
        gradebook.db.commit()
    for name, words in values.comments.items():
        gradebook.find_comment(name, NAME, NAME, values.student).auto_comment = words
        gradebook.db.commit()


def rows_with_api(given: Class, values: Sequence[StudentValues]) -> None:
    with closing(open_gradebook(given.course, given.release)) as gradebook:
        for each in values:
            with_api(gradebook, each)


def rows_in_bulk(given: Class, values: Sequence[StudentValues]) -> None:
    with closing(open_gradebook(given.course, given.release)) as gradebook:
        for start in range(0, len(values), BATCH):
            write_rows(gradebook.engine, NAME, values[start : start + BATCH])


def all_with_api(given: Class) -> None:
    folders = GradedFolders(given.course)
    with closing(open_gradebook(given.course, given.release)) as gradebook:
        for submission, report in given.reports:
            graded = prepare_graded(given.course, given.release, submission, report)
            with_api(gradebook, graded.values)
            folders.write(submission.student, graded.notebook, graded.folder, graded.module)


def all_in_bulk(given: Class) -> None:
    record(given.course.assignment, given.reports)


def seconds(given: Class, work: Callable[[], None]) -> float:
    """What the work takes on an empty gradebook."""
    given.empty()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def rows(given: Class) -> list[tuple[Any, ...]]:
    """Every column of a submission but the keys, with the names that the keys lead to."""
    engine = create_engine(given.course.directory.db_url)
    queries = (
        "SELECT * FROM student",
        """SELECT s.student_id, a.name, s.timestamp, s.extension, n.name, p.flagged, p.late_submission_penalty
           FROM submitted_assignment s JOIN assignment a ON a.id = s.assignment_id
           JOIN submitted_notebook p ON p.assignment_id = s.id JOIN notebook n ON n.id = p.notebook_id""",
        """SELECT s.student_id, c.name, c.type, g.auto_score, g.manual_score, g.extra_credit, g.needs_manual_grade
           FROM grade g JOIN base_cell c ON c.id = g.cell_id JOIN submitted_notebook p ON p.id = g.notebook_id
           JOIN submitted_assignment s ON s.id = p.assignment_id""",
        """SELECT s.student_id, c.name, c.type, m.auto_comment, m.manual_comment
           FROM comment m JOIN base_cell c ON c.id = m.cell_id JOIN submitted_notebook p ON p.id = m.notebook_id
           JOIN submitted_assignment s ON s.id = p.assignment_id""",
    )
    with closing(engine.connect()) as connection:
        return [row for query in queries for row in sorted(map(tuple, connection.execute(text(query))), key=repr)]


def compare(what: str, given: Class, api: Callable[[], None], bulk: Callable[[], None], rounds: int) -> None:
    """Run both sides in turn, demand equal rows, and print the milliseconds a student and the ratio."""
    times: list[tuple[float, float]] = []
    for _ in range(rounds):
        slow = seconds(given, api)
        expected = rows(given)
        fast = seconds(given, bulk)
        if rows(given) != expected:
            raise SystemExit(f"{what}: the rows differ")
        times.append((slow, fast))
    slow, fast = (statistics.median(side) * 1000 / len(given.reports) for side in zip(*times, strict=True))
    ratio = statistics.median(slow / fast for slow, fast in times)
    print(f"{what:9} {len(expected)} equal rows; a student: API {slow:6.2f} ms, bulk {fast:6.2f} ms, ratio {ratio:.1f}")


def main() -> None:
    """Print what a student costs on either side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        given = make_class(Path(folder), options.students)
        values = given.values()
        compare(
            "database", given, lambda: rows_with_api(given, values), lambda: rows_in_bulk(given, values), options.rounds
        )
        compare("record", given, lambda: all_with_api(given), lambda: all_in_bulk(given), options.rounds)


if __name__ == "__main__":
    main()
