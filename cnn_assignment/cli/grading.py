"""Commands of who grades a class: grade."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from cnn_assignment.cli.class_grading import grade_and_tell, open_gradebook
from cnn_assignment.cli.group import EXIT_GRADER_ERROR, jobs_option, load, main
from cnn_assignment.core.errors import UsageError

if TYPE_CHECKING:
    from cnn_assignment.running.class_run import Grade


@main.command()
@click.argument("name")
@click.argument("submitted", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Where reports go.")
@click.option("--only", metavar="STUDENT", multiple=True, help="Grade this student alone; may be given again.")
@click.option(
    "--require-level",
    type=click.IntRange(0, 3),
    help="Run no student code with less protection than this; see doctor. (Default: as the assignment says.)",
)
@click.option("--gradebook/--no-gradebook", default=True, help="Fill nbgrader's gradebook and autograded/ (default).")
@click.option("--feedback", is_flag=True, help="Write the pages of `nbgrader generate_feedback` too.")
@click.option("--fresh", is_flag=True, help="Make every report and page again, also where nothing has changed since.")
@click.option("--dask", metavar="ADDRESS", help="Grade on a Dask cluster: tcp://host:port, or its scheduler file.")
@jobs_option
@click.pass_obj
def grade(
    course_dir: Path,
    name: str,
    submitted: Path,
    out: Path,
    only: tuple[str, ...],
    require_level: int | None,
    gradebook: bool,
    feedback: bool,
    fresh: bool,
    dask: str | None,
    jobs: int,
) -> None:
    """Grade a class: SUBMITTED/<student>/NAME/…, or SUBMITTED/<student>/NAME.ipynb or NAME.py.

    Writes OUT/<student>.json, OUT/class.csv with the points by the tests, and OUT/final.csv with the final marks of
    nbgrader's gradebook: manual scores, extra credit and late penalties too. Reports that are in OUT already, and feedback
    pages, are kept where nothing that they were made from has changed, so an interrupted run goes on when it is started
    again. A low grade is not an error; exit status 3 means that the grader failed and a grade or a page is withheld, or
    that a folder has a name that no student can have and is left out.
    """
    from cnn_assignment.running.class_run import GradingOptions
    from cnn_assignment.running.students import find_misnamed, find_students

    assignment = load(course_dir, name)
    if feedback and not gradebook:
        raise UsageError(
            "--feedback and --no-gradebook exclude each other: the pages show what the gradebook holds",
            remedy="Leave one of the two out.",
        )
    if require_level is not None:
        assignment = replace(assignment, limits=replace(assignment.limits, required_level=require_level))
    grade_all = _grade_on(dask)
    students = find_students(assignment, submitted, only)
    others = (
        tuple(other.name for other in find_students(assignment, submitted) if other.name not in only) if only else ()
    )
    options = GradingOptions(
        out, jobs, open_gradebook if gradebook else None, others=others, fresh=fresh, grade=grade_all, feedback=feedback
    )
    status = grade_and_tell(assignment, students, options)
    misnamed = find_misnamed(submitted, only)
    for told in misnamed:
        click.echo(f"not graded: {told}", err=True)
    sys.exit(EXIT_GRADER_ERROR if misnamed else status)


def _grade_on(dask: str | None) -> Grade:
    """What grades: a cluster at an address, or processes of this machine."""
    from cnn_assignment.running.pool import grade_all

    if dask is None:
        return grade_all
    # A cluster has as many grader processes as its workers have threads, whatever anyone hoped for.
    if click.get_current_context().get_parameter_source("jobs") is not ParameterSource.DEFAULT:
        raise UsageError(
            "--jobs and --dask exclude each other",
            remedy="`dask worker --nthreads` says how much a worker does at once.",
        )
    from cnn_assignment.running.cluster.grading import grade_on_cluster

    return lambda assignment, submissions, _: grade_on_cluster(assignment, submissions, dask)
