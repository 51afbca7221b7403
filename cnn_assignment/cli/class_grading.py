"""A run over a class as people see it: progress, the table, and everything that they have to know besides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cnn_assignment.cli.group import EXIT_GRADER_ERROR, LOG_EVERY_S, short
from cnn_assignment.core.texts import clean, some

if TYPE_CHECKING:
    from cnn_assignment.core.model import Assignment
    from cnn_assignment.nbgrader_course.class_feedback import Feedback
    from cnn_assignment.nbgrader_course.class_gradebook import CourseGradebook, Memory
    from cnn_assignment.reporting import FinalRow
    from cnn_assignment.running.class_run import ClassGrading, GradedClass, GradingOptions
    from cnn_assignment.running.students import Student


def open_gradebook(assignment: Assignment, journal: Memory) -> CourseGradebook:
    """The gradebook of the course, for a run over a class."""
    from cnn_assignment.nbgrader_course.class_gradebook import CourseGradebook
    from cnn_assignment.running.pool import collect_tasks

    return CourseGradebook(assignment, journal, collect_tasks)


def grade_and_tell(
    assignment: Assignment, students: Sequence[Student], options: GradingOptions, *, every_s: float = LOG_EVERY_S
) -> int:
    """Make a run over a class, show what came of it, and return the exit status. every_s: between two lines of a log."""
    from cnn_assignment.reporting.terminal import print_class, show_progress, show_step
    from cnn_assignment.running.class_run import GONE, open_class

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
            f"{_some(graded.gone)} not in the class any more: their reports are in {short(options.out / GONE)}.",
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
    from cnn_assignment.reporting.terminal import show_progress

    pages = grading.plan_feedback()
    with show_progress(len(pages.todo), "feedback", every_s=every_s) as advance:
        feedback: Feedback = pages.run(advance)
        return feedback


def _print_tables(graded: GradedClass, out: Path) -> None:
    """Where reports and tables are, and what became of marks in the gradebook."""
    count = len(graded.reports)
    if graded.final is None:
        click.echo(f"{count} reports and class.csv are in {short(out)}.")
    else:
        click.echo(f"{count} reports, class.csv and final.csv are in {short(out)}.")
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


def _tell_feedback(feedback: Feedback) -> None:
    """How many pages there are, and who has none."""
    pages, folder = feedback.made + feedback.kept, short(feedback.folder)
    click.echo(f"Feedback pages in {folder}: {pages}, of which {feedback.kept} were still right and are kept.")
    for student, failure in sorted(feedback.failures.items()):
        click.echo(clean(f"{student}: no feedback page: {failure}"), err=True)
    if feedback.left_out:
        click.echo(
            f"{_some(feedback.left_out)} without a new feedback page: the gradebook does not hold the marks.", err=True
        )


def _some(students: Sequence[str]) -> str:
    """Students as the beginning of a sentence: a few names, and how many more."""
    return f"{some(students)} {'is' if len(students) == 1 else 'are'}"
