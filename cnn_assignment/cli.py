"""The command `cnn-assignment`. Help is the docstring of each command; everything heavy is imported when it is used."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click
from click.core import ParameterSource

from cnn_assignment import __version__
from cnn_assignment.errors import GraderError, KitError, UsageError, from_system
from cnn_assignment.layout import find_course, list_assignments, load_assignment
from cnn_assignment.texts import clean, some

if TYPE_CHECKING:
    from cnn_assignment.course import Feedback, GradedClass, GradingOptions, Student
    from cnn_assignment.course.grading import ClassGrading
    from cnn_assignment.export import FinalRow
    from cnn_assignment.model import Assignment
    from cnn_assignment.verify import Proof

EXIT_DIFFERENT = 1
EXIT_USAGE = 2
EXIT_GRADER_ERROR = 3
EXIT_INTERRUPTED = 128 + signal.SIGINT
EXIT_TERMINATED = 128 + signal.SIGTERM

# Seconds between two lines of a command that writes into a log. Who tries the demo has not seen it work before.
_LOG_EVERY_S = 30.0
_DEMO_EVERY_S = 4.0

jobs_option = click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=lambda: os.cpu_count() or 1,
    show_default="all cores",
    help="Grader processes that work at the same time.",
)


class _Terminated(KeyboardInterrupt):
    """The command was told to end by SIGTERM: like Ctrl-C, nothing that it started may be left behind."""


@contextmanager
def _orderly_termination() -> Iterator[None]:
    def terminate(*_: object) -> NoReturn:
        raise _Terminated

    if threading.current_thread() is not threading.main_thread():
        yield  # where signals are somebody else's business
        return
    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class _Commands(click.Group):
    """Turns the kit's errors into one line and an exit status, for every command."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with _orderly_termination():
                return super().invoke(ctx)
        except KitError as error:
            click.echo(str(error), err=True)
            ctx.exit(EXIT_GRADER_ERROR if isinstance(error, GraderError) else EXIT_USAGE)
        except BrokenPipeError:
            raise  # whoever read the output has seen enough: click ends quietly
        except OSError as error:
            click.echo(str(from_system(error)), err=True)
            ctx.exit(EXIT_USAGE)
        except KeyboardInterrupt as interrupt:
            click.echo("Interrupted. What was finished is kept; run the command again to go on.", err=True)
            ctx.exit(EXIT_TERMINATED if isinstance(interrupt, _Terminated) else EXIT_INTERRUPTED)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="cnn-assignment")
@click.option(
    "--course-dir",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=Path(),
    help="The course, or a folder in it (default: here).",
)
@click.pass_context
def main(ctx: click.Context, course_dir: Path) -> None:
    """One full solution module in; a released assignment, a graded class and a reason for every lost mark out."""
    ctx.obj = course_dir


@main.command()
@click.argument("name", required=False)
@click.option("--check", is_flag=True, help="Change nothing; show what a build would change, and exit 1 if anything.")
@click.option("--hints", type=click.Choice(["guided", "standard", "open"]), help="How much of each answer stays.")
@click.pass_obj
def build(course_dir: Path, name: str | None, check: bool, hints: str | None) -> None:
    """Make source/NAME/ and release/NAME/ from the solution and the narrative."""
    from cnn_assignment.authoring import release
    from cnn_assignment.grading.pool import collect_tasks
    from cnn_assignment.model import Hints

    assignment = _load(course_dir, name)
    tasks = collect_tasks(assignment)
    edition = Hints(hints) if hints else assignment.hints
    if check:
        difference = release.check(assignment, tasks, edition)
        click.echo("\n".join(difference) if difference else f"{assignment.name}: source/ and release/ are up to date.")
        sys.exit(EXIT_DIFFERENT if difference else 0)
    for path in release.build(assignment, tasks, edition):
        click.echo(path.relative_to(assignment.root).as_posix())


@main.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@jobs_option
@click.pass_obj
def verify(course_dir: Path, name: str | None, as_json: bool, jobs: int) -> None:
    """Prove the assignment: right solutions keep all marks, wrong ones lose theirs, and are told why.

    Grades the solution, the skeleton, degenerate answers, every misconception, hundreds of mutants of the gaps, and
    the right solutions of autograder/NAME/proof. Exit status 1 where anything is not as it must be.
    """
    from cnn_assignment.display import print_proof

    proof = _prove(_load(course_dir, name), jobs)
    if as_json:
        data = {
            "holds": proof.holds,
            "findings": [finding.to_json() for finding in proof.findings],
            "tasks": [row.to_json() for row in proof.table],
            "survivors": proof.survivors,
        }
        click.echo(json.dumps(data, indent=2))
    else:
        print_proof(proof)
    sys.exit(0 if proof.holds else EXIT_DIFFERENT)


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
    from cnn_assignment.course import GradingOptions, find_misnamed, find_students

    assignment = _load(course_dir, name)
    if feedback and not gradebook:
        raise UsageError(
            "--feedback and --no-gradebook exclude each other: the pages show what the gradebook holds",
            remedy="Leave one of the two out.",
        )
    if require_level is not None:
        assignment = replace(assignment, limits=replace(assignment.limits, required_level=require_level))
    if dask is not None:
        _refuse_jobs()
    students = find_students(assignment, submitted, only)
    others = (
        tuple(other.name for other in find_students(assignment, submitted) if other.name not in only) if only else ()
    )
    options = GradingOptions(out, jobs, gradebook, others=others, fresh=fresh, dask=dask, feedback=feedback)
    status = _grade(assignment, students, options)
    misnamed = find_misnamed(submitted, only)
    for told in misnamed:
        click.echo(f"not graded: {told}", err=True)
    sys.exit(EXIT_GRADER_ERROR if misnamed else status)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print the protections as JSON.")
def doctor(as_json: bool) -> None:
    """Show which protections are active here, found by trying what they forbid."""
    from cnn_assignment.display import print_protections
    from cnn_assignment.sandbox.choice import open_sandbox
    from cnn_assignment.sandbox.probe import PROTECTIONS, probe
    from cnn_assignment.sandbox.protocol import SandboxError

    try:
        with open_sandbox() as sandbox:
            found, problem = probe(sandbox), sandbox.problem
    except SandboxError as error:
        raise GraderError(
            str(error), remedy="Check that this Python can import NumPy and may start processes."
        ) from error
    if as_json:
        click.echo(json.dumps({"level": found.level, "protections": found.active, "problem": problem}, indent=2))
        return
    print_protections(PROTECTIONS, found)
    if problem:
        click.echo(problem)


@main.command()
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="The demo's course (default: demo/).")
@jobs_option
@click.pass_obj
def demo(course_dir: Path, out: Path | None, jobs: int) -> None:
    """Go the whole road on the example class: build, verify, grade, gradebook, feedback."""
    from cnn_assignment.authoring import release
    from cnn_assignment.course import GradingOptions, find_students
    from cnn_assignment.demo import prepare_course
    from cnn_assignment.display import print_proof, show_step
    from cnn_assignment.grading.pool import collect_tasks

    root = find_course(course_dir)
    name = _only_name(root)
    folder = (out or root / "demo").resolve()
    prepare_course(root, name, folder)
    assignment = load_assignment(folder, name)
    click.echo(f"1. build: {name} from solutions/{name}.py and source/{name}.md")
    with show_step("collecting the hidden tests", every_s=_DEMO_EVERY_S):
        tasks = collect_tasks(assignment)
    with show_step("making the notebook and the release", every_s=_DEMO_EVERY_S):
        release.build(assignment, tasks, assignment.hints)
    click.echo("2. verify: what must earn full marks does, what must earn none does not")
    proof = _prove(assignment, jobs, gate=False, every_s=_DEMO_EVERY_S)
    print_proof(proof)
    if not proof.holds:
        sys.exit(EXIT_DIFFERENT)
    click.echo(
        f"   `cnn-assignment verify {name}` tries misconceptions, mutants and right solutions too; it takes longer."
    )
    click.echo("3. grade: the example class, with nbgrader's gradebook and feedback pages")
    options = GradingOptions(folder / "reports", jobs, feedback=True)
    status = _grade(assignment, find_students(assignment, folder / "submitted"), options, every_s=_DEMO_EVERY_S)
    _print_next(assignment)
    sys.exit(status)


def _print_tables(graded: GradedClass, out: Path) -> None:
    """Where reports and tables are, and what became of marks in the gradebook."""
    count = len(graded.reports)
    if graded.final is None:
        click.echo(f"{count} reports and class.csv are in {_short(out)}.")
    else:
        click.echo(f"{count} reports, class.csv and final.csv are in {_short(out)}.")
        click.echo("class.csv has the points by the tests; final.csv has the final marks, and is what to upload.")
        click.echo(_describe_final(graded.final))
    if graded.has_removed_final:
        click.echo("final.csv of an earlier run is removed: this run did not read the gradebook.", err=True)
    if changed := graded.changes.penalties:
        click.echo(f"Late penalties that are new or changed: {len(changed)} ({some(changed)}).")
    if doubted := graded.changes.doubted:
        click.echo(f"Graded again, so their marks by hand need another look: {some(doubted)}.", err=True)


def _describe_final(rows: Sequence[FinalRow]) -> str:
    """How many students are in which state, and how many wait for a person."""
    counts = Counter(row.state for row in rows)
    waiting = sum(row.mark is not None and row.mark.needs_manual_grade for row in rows)
    states = ", ".join(f"{count} {state}" for state, count in counts.most_common())
    return f"final.csv: {states}; {waiting} to be marked by hand."


def _print_next(assignment: Assignment) -> None:
    name = assignment.name
    pages = {
        f"release/{name}/{name}.ipynb": "what students receive",
        "reports/class.csv": "the class as a table, points by the tests",
        "reports/final.csv": "final marks with manual scores, extra credit and penalties: what to upload",
        "reports/<student>.json": "every outcome, with the reason for every lost mark",
        f"feedback/<student>/{name}/{name}.html": "what nbgrader gives back to a student",
        "gradebook.db": "nbgrader's gradebook; `nbgrader export` in that folder writes grades.csv",
    }
    click.echo(f"\nOpen next, in {_short(assignment.root)}:")
    width = max(map(len, pages))
    for page, what in pages.items():
        click.echo(f"  {page:{width}}  {what}")


def _prove(assignment: Assignment, jobs: int, *, gate: bool = True, every_s: float | None = None) -> Proof:
    from cnn_assignment.display import show_progress, show_step
    from cnn_assignment.verify import Proof

    with show_step("collecting the hidden tests", every_s=every_s):
        proof = Proof(assignment, gate=gate)
    with show_progress(len(proof), "verifying", every_s=every_s) as advance:
        proof.run(jobs, advance)
    return proof


def _short(path: Path) -> str:
    """The path from here where that is shorter."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def _load(course_dir: Path, name: str | None) -> Assignment:
    root = find_course(course_dir)
    return load_assignment(root, name or _only_name(root))


def _only_name(root: Path) -> str:
    names = list_assignments(root)
    if len(names) != 1:
        raise UsageError(
            f"{len(names)} assignments here", place=str(root), remedy=f"Name one of: {', '.join(names) or 'none yet'}."
        )
    return names[0]


def _some(students: Sequence[str]) -> str:
    """Students as the beginning of a sentence: a few names, and how many more."""
    return f"{some(students)} {'is' if len(students) == 1 else 'are'}"


def _refuse_jobs() -> None:
    """A cluster has as many grader processes as its workers have threads, whatever anyone hoped for."""
    if click.get_current_context().get_parameter_source("jobs") is not ParameterSource.DEFAULT:
        raise UsageError(
            "--jobs and --dask exclude each other",
            remedy="`dask worker --nthreads` says how much a worker does at once.",
        )


def _grade(
    assignment: Assignment, students: Sequence[Student], options: GradingOptions, *, every_s: float = _LOG_EVERY_S
) -> int:
    from cnn_assignment.course import GONE, open_class
    from cnn_assignment.display import print_class, show_progress, show_step

    with open_class(assignment, students, options) as grading:
        if grading.kept:
            click.echo(
                f"{grading.kept} of {len(students)} reports are still right and are kept; --fresh makes them again."
            )
        with show_step("comparing the release with the hidden tests", every_s=every_s):
            problem = grading.release_problem
        if problem is not None:
            told = f"gradebook: {problem} Reports are made all the same, and recorded by the next run."
            click.echo(told, err=True)
        with show_progress(grading.work, "grading", every_s=every_s, learned=grading.count_known) as advance:
            graded = grading.run(advance)
        feedback = _write_feedback(grading, every_s) if options.feedback else None
    print_class(graded.reports)
    _print_tables(graded, options.out)
    if graded.ungraded:
        click.echo(
            f"class.csv: {_some(graded.ungraded)} without a report by these tests. Grade without --only for theirs.",
            err=True,
        )
    if graded.gone:
        click.echo(
            f"{_some(graded.gone)} not in the class any more: their reports are in {_short(options.out / GONE)}.",
            err=True,
        )
    withheld = [report for report in graded.reports if report.status == "grader_error"]
    for report in withheld:
        click.echo(clean(f"{report.student}: grade withheld: {' '.join(report.notes)}"), err=True)
    if graded.problem is not None and graded.problem is not problem:
        click.echo(f"gradebook: {graded.problem}", err=True)
    if feedback is not None:
        _tell_feedback(feedback)
    missing = withheld or graded.problem is not None or (feedback is not None and feedback.failures)
    return EXIT_GRADER_ERROR if missing else 0


def _write_feedback(grading: ClassGrading, every_s: float) -> Feedback:
    from cnn_assignment.display import show_progress

    pages = grading.plan_feedback()
    with show_progress(len(pages.todo), "feedback", every_s=every_s) as advance:
        return pages.run(advance)


def _tell_feedback(feedback: Feedback) -> None:
    """How many pages there are, and who has none."""
    pages, folder = feedback.made + feedback.kept, _short(feedback.folder)
    click.echo(f"Feedback pages in {folder}: {pages}, of which {feedback.kept} were still right and are kept.")
    for student, failure in sorted(feedback.failures.items()):
        click.echo(clean(f"{student}: no feedback page: {failure}"), err=True)
    if feedback.left_out:
        click.echo(
            f"{_some(feedback.left_out)} without a new feedback page: the gradebook does not hold the marks.", err=True
        )
