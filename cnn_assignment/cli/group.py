"""The group of all commands, how their errors end, and what several of them share."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from cnn_assignment import __version__
from cnn_assignment.core.errors import GraderError, KitError, UsageError, from_system
from cnn_assignment.core.layout import find_course, list_assignments, load_assignment

if TYPE_CHECKING:
    from cnn_assignment.core.model import Assignment

EXIT_DIFFERENT = 1
EXIT_USAGE = 2
EXIT_GRADER_ERROR = 3
EXIT_INTERRUPTED = 128 + signal.SIGINT
EXIT_TERMINATED = 128 + signal.SIGTERM

LOG_EVERY_S = 30.0
"""Seconds between two lines of a command that writes into a log."""

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


def load(course_dir: Path, name: str | None) -> Assignment:
    """The assignment of that name in the course around a folder, or its only one.

    Raises UsageError for an unknown name, and without a name where there is not exactly one.
    """
    root = find_course(course_dir)
    names = list_assignments(root)
    if name is None and len(names) != 1:
        raise UsageError(
            f"{len(names)} assignments here" if names else "no assignment here",
            place=str(root),
            remedy=f"Name one of: {', '.join(names)}." if names else "Make one with `cnn-assignment new NAME`.",
        )
    return load_assignment(root, name or names[0])


def short(path: Path) -> str:
    """The path from here where that is shorter."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
