"""Commands of who writes an assignment: init, new, build."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cnn_assignment.cli.group import EXIT_DIFFERENT, load, main
from cnn_assignment.core.errors import UsageError
from cnn_assignment.core.layout import find_course, list_assignments, load_assignment

if TYPE_CHECKING:
    from cnn_assignment.core.model import Assignment


@main.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def init(folder: Path) -> None:
    """Make FOLDER a course, for assignments of one's own."""
    from cnn_assignment.authoring.scaffold import start_course

    for path in start_course(folder):
        click.echo(path)
    click.echo(f"Next, in {folder}: cnn-assignment new NAME")


@main.command()
@click.argument("name")
@click.option("--functions", is_flag=True, help="Plain functions in the place of a class.")
@click.pass_obj
def new(course_dir: Path, name: str, functions: bool) -> None:
    """Write a new assignment NAME, which builds, verifies and grades as it stands."""
    from cnn_assignment.authoring.scaffold import start_assignment

    root = find_course(course_dir)
    for path in start_assignment(root, name, functions=functions):
        click.echo(path.relative_to(root).as_posix())
    click.echo(
        f"Next: cnn-assignment build {name}, verify {name}, and grade {name} examples/{name} --out reports/{name}; "
        "then change it piece by piece."
    )


@main.command()
@click.argument("name", required=False)
@click.option("--all", "every", is_flag=True, help="Build every assignment of the course.")
@click.option("--check", is_flag=True, help="Change nothing; show what a build would change, and exit 1 if anything.")
@click.option("--hints", type=click.Choice(["guided", "standard", "open"]), help="How much of each answer stays.")
@click.pass_obj
def build(course_dir: Path, name: str | None, every: bool, check: bool, hints: str | None) -> None:
    """Make source/NAME/ and release/NAME/ from the solution and the narrative."""
    if name and every:
        raise UsageError("NAME and --all", place=name, remedy="Give one of them.")
    if not every:
        assignments = [load(course_dir, name)]
    else:
        root = find_course(course_dir)
        # All are read before the first is built, so that a mistake in the last one's settings leaves all as they were.
        assignments = [load_assignment(root, one) for one in list_assignments(root)]
    # Every one is tried: whoever mends one wants to know of the others.
    different = [_build_one(assignment, hints, check=check) for assignment in assignments]
    sys.exit(EXIT_DIFFERENT if any(different) else 0)


def _build_one(assignment: Assignment, hints: str | None, *, check: bool) -> bool:
    """Build an assignment, or only look for what a build would change; returns whether a check found any."""
    from cnn_assignment.authoring import release
    from cnn_assignment.authoring.notebook import make_solution_notebook, require_names
    from cnn_assignment.authoring.slips import refuse_slips
    from cnn_assignment.core.model import Hints
    from cnn_assignment.nbgrader_course.converting.generate import generate_release
    from cnn_assignment.running.pool import collect_tasks

    refuse_slips(assignment)
    tasks = collect_tasks(assignment)
    edition = Hints(hints) if hints else assignment.hints
    require_names(make_solution_notebook(assignment, tasks, edition), assignment)
    if check:
        difference = release.check(assignment, tasks, edition, generate_release)
        click.echo("\n".join(difference) if difference else f"{assignment.name}: source/ and release/ are up to date.")
        return bool(difference)
    for path in release.build(assignment, tasks, edition, generate_release):
        click.echo(path.relative_to(assignment.root).as_posix())
    return False
