"""The whole road on the example classes, in a course folder of its own, so that nothing of the repository changes."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cnn_assignment.cli.class_grading import grade_and_tell, open_gradebook
from cnn_assignment.cli.group import EXIT_DIFFERENT, jobs_option, main, short
from cnn_assignment.cli.proving import prove
from cnn_assignment.core.errors import UsageError
from cnn_assignment.core.layout import COURSE_CONFIG, find_course, list_assignments, load_assignment

_MARK = ".made-by-cnn-assignment-demo"
# Seconds between two lines of a log: who tries the demo has not seen it work before.
_EVERY_S = 4.0

if TYPE_CHECKING:
    from cnn_assignment.core.model import Assignment


@main.command()
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="The demo's course (default: demo/).")
@jobs_option
@click.pass_obj
def demo(course_dir: Path, out: Path | None, jobs: int) -> None:
    """Go the whole road on the example classes: build, verify, grade, gradebook, feedback."""
    root = find_course(course_dir)
    folder = (out or root / "demo").resolve()
    names = prepare_course(root, folder)
    status = 0
    for number, name in enumerate(names, 1):
        if len(names) > 1:
            click.echo(f"{chr(10) if number > 1 else ''}Assignment {number} of {len(names)}: {name}")
        status = max(status, _go(load_assignment(folder, name), jobs))
    _print_next(folder, names)
    sys.exit(status)


def _go(assignment: Assignment, jobs: int) -> int:
    """Take one assignment the whole road; returns the exit status of its grading. Ends where its proof fails."""
    from cnn_assignment.authoring import release
    from cnn_assignment.authoring.slips import refuse_slips
    from cnn_assignment.nbgrader_course.converting.generate import generate_release
    from cnn_assignment.proving.table import print_proof
    from cnn_assignment.reporting.terminal import show_step
    from cnn_assignment.running.class_run import GradingOptions
    from cnn_assignment.running.pool import collect_tasks
    from cnn_assignment.running.students import find_students

    name, folder = assignment.name, assignment.root
    click.echo(f"1. build: {name} from {assignment.solution_label} and source/{name}.md")
    refuse_slips(assignment)
    with show_step("collecting the hidden tests", every_s=_EVERY_S):
        tasks = collect_tasks(assignment)
    with show_step("making the notebook and the release", every_s=_EVERY_S):
        release.build(assignment, tasks, assignment.hints, generate_release)
    click.echo("2. verify: what must earn full marks does, what must earn none does not")
    proof = prove(assignment, jobs, gate=False, every_s=_EVERY_S)
    print_proof(proof)
    if not proof.holds:
        sys.exit(EXIT_DIFFERENT)
    click.echo(
        f"   `cnn-assignment verify {name}` tries misconceptions, mutants and right solutions too; it takes longer."
    )
    click.echo("3. grade: the example class, with nbgrader's gradebook and feedback pages")
    options = GradingOptions(folder / "reports" / name, jobs, open_gradebook, feedback=True)
    return grade_and_tell(assignment, find_students(assignment, folder / "submitted"), options, every_s=_EVERY_S)


def prepare_course(root: Path, folder: Path) -> list[str]:
    """Copy the course into folder, and its example classes into ``submitted/``; returns their assignments.

    A folder that an earlier demo made is emptied first. Raises UsageError for any other folder that exists, and where no
    assignment has an example class.
    """
    examples = root / "examples"
    names = [name for name in list_assignments(root) if (examples / name).is_dir()]
    if not names:
        raise UsageError(
            "no example class", place=str(examples), remedy="Put work to grade into examples/NAME/<student>/."
        )
    if folder.exists():
        if not (folder / _MARK).is_file():
            raise UsageError(
                "this folder was not made by a demo", place=str(folder), remedy="Name a new one with --out."
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / _MARK).touch()
    for part in ("autograder", "solutions", "source"):
        shutil.copytree(root / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))
    shutil.copy(root / COURSE_CONFIG, folder / COURSE_CONFIG)
    for name in names:
        for student in sorted(path for path in (examples / name).iterdir() if path.is_dir()):
            shutil.copytree(student, folder / "submitted" / student.name / name)
    return names


def _print_next(folder: Path, names: list[str]) -> None:
    pages: dict[str, str] = {}
    for name in names:
        pages |= {
            f"release/{name}/{name}.ipynb": "what students receive",
            f"reports/{name}/class.csv": "the class as a table, points by the tests",
            f"reports/{name}/final.csv": "final marks with manual scores, extra credit and penalties: what to upload",
            f"reports/{name}/<student>.json": "every outcome, with the reason for every lost mark",
            f"feedback/<student>/{name}/{name}.html": "what nbgrader gives back to a student",
        }
    pages["gradebook.db"] = "nbgrader's gradebook; `nbgrader export` in that folder writes grades.csv"
    click.echo(f"\nOpen next, in {short(folder)}:")
    width = max(map(len, pages))
    for page, what in pages.items():
        click.echo(f"  {page:{width}}  {what}")
