"""Commands that prove an assignment: verify."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cnn_assignment.cli.group import EXIT_DIFFERENT, jobs_option, load, main

if TYPE_CHECKING:
    from cnn_assignment.core.model import Assignment
    from cnn_assignment.proving import Proof


@main.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option(
    "--mutants",
    is_flag=True,
    help="Find out what mutants give, keep it with the assignment, and tell how well it explains wrong answers.",
)
@jobs_option
@click.pass_obj
def verify(course_dir: Path, name: str | None, as_json: bool, mutants: bool, jobs: int) -> None:
    """Prove the assignment: right solutions keep all marks, wrong ones lose theirs, and are told why.

    Grades the solution, the skeleton, degenerate answers, every misconception, hundreds of mutants of the gaps, and
    the right solutions of autograder/NAME/proof. Exit status 1 where anything is not as it must be.
    """
    from cnn_assignment.proving.table import print_proof

    if mutants:
        _learn_mutants(load(course_dir, name), jobs, as_json)
        return
    proof = prove(load(course_dir, name), jobs)
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


def make_proof(assignment: Assignment, *, gate: bool = True) -> Proof:
    """The proof of an assignment, ready to run; gate: with misconceptions, mutants and right solutions too."""
    from cnn_assignment.nbgrader_course.converting.generate import generate_release
    from cnn_assignment.proving import Proof
    from cnn_assignment.running.pool import collect_tasks, grade_all

    grade = partial(grade_all, solution_first=False)
    return Proof(assignment, collect_tasks(assignment), grade, generate_release, gate=gate)


def prove(assignment: Assignment, jobs: int, *, gate: bool = True, every_s: float | None = None) -> Proof:
    """The proof of an assignment, run behind a bar. every_s: between two lines of a log."""
    from cnn_assignment.reporting.terminal import show_progress, show_step

    with show_step("collecting the hidden tests", every_s=every_s):
        proof = make_proof(assignment, gate=gate)
    with show_progress(len(proof), "verifying", every_s=every_s) as advance:
        proof.run(jobs, advance)
    return proof


def _learn_mutants(assignment: Assignment, jobs: int, as_json: bool) -> None:
    """Keep what mutants give, then print what they tell of every misconception, as if nobody had written it down."""
    from cnn_assignment.misconceptions import load_misconceptions
    from cnn_assignment.proving.learning.figure import find_mistaken, hold_back
    from cnn_assignment.proving.learning.rows import Learning
    from cnn_assignment.proving.learning.table import print_held_back
    from cnn_assignment.reporting.terminal import show_progress, show_step
    from cnn_assignment.running.pool import collect_tasks, grade_all

    grade = partial(grade_all, solution_first=False)
    with show_step("making mutants"):
        tasks = collect_tasks(assignment)
        learning = Learning(assignment, tasks, grade)
    with show_progress(len(learning), "learning what mutants give") as advance:
        learning.run(jobs, advance)
    with show_progress(len(load_misconceptions(assignment)), "holding misconceptions back") as advance:
        found = hold_back(assignment, tasks, grade, jobs, advance)
    with show_step("looking for answers that are taken for a mutant"):
        mistaken = find_mistaken(assignment, tasks, grade, jobs)
    if as_json:
        click.echo(json.dumps({"held_back": [*map(asdict, found)], "mistaken": [*map(asdict, mistaken)]}, indent=2))
    else:
        print_held_back(found, mistaken, [task.id for task in tasks])
    wrong = any(entry.told and not entry.is_right for entry in (*found, *mistaken))
    sys.exit(EXIT_DIFFERENT if wrong else 0)
