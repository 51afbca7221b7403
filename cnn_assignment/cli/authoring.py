"""Commands of who writes an assignment: build."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from cnn_assignment.cli.group import EXIT_DIFFERENT, load, main


@main.command()
@click.argument("name", required=False)
@click.option("--check", is_flag=True, help="Change nothing; show what a build would change, and exit 1 if anything.")
@click.option("--hints", type=click.Choice(["guided", "standard", "open"]), help="How much of each answer stays.")
@click.pass_obj
def build(course_dir: Path, name: str | None, check: bool, hints: str | None) -> None:
    """Make source/NAME/ and release/NAME/ from the solution and the narrative."""
    from cnn_assignment.authoring import release
    from cnn_assignment.core.model import Hints
    from cnn_assignment.nbgrader_course.converting.generate import generate_release
    from cnn_assignment.running.pool import collect_tasks

    assignment = load(course_dir, name)
    tasks = collect_tasks(assignment)
    edition = Hints(hints) if hints else assignment.hints
    if check:
        difference = release.check(assignment, tasks, edition, generate_release)
        click.echo("\n".join(difference) if difference else f"{assignment.name}: source/ and release/ are up to date.")
        sys.exit(EXIT_DIFFERENT if difference else 0)
    for path in release.build(assignment, tasks, edition, generate_release):
        click.echo(path.relative_to(assignment.root).as_posix())
