"""What commands show on a terminal: progress on standard error, tables on standard output."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.table import Table

from cnn_assignment.core.texts import clean

if TYPE_CHECKING:
    from cnn_assignment.core.model import Report, TaskScore
    from cnn_assignment.sandbox.client.probe import Protection, Protections

_MARKS = {
    "passed": "[green]{score:g}[/]",
    "partial": "[yellow]{score:g}[/]",
    "failed": "[red]{score:g}[/]",
    "error": "[red]error[/]",
    "timeout": "[red]time[/]",
    "not_attempted": "[dim]open[/]",
}
_STATUSES = tuple(_MARKS)
# More than this nobody reads line by line: class.csv is for that.
_MOST_ROWS = 200
_LOG_EVERY_S = 30.0
# How often is looked whether there is something to say.
_LOOK_EVERY_S = 0.5
_LEARNING = "learning what known mistakes give, once"
# A rate is told of what came in this time, if so many came, and in so many seconds.
_WINDOW_S = 30.0
_LEAST_SEEN = 4
_LEAST_S = 1.0
_PIPED_WIDTH = 160
PLAIN: Any = {"box": None, "header_style": "bold", "pad_edge": False}


Learned = Callable[[], tuple[int, int] | None]
"""How many misconceptions are known in hidden tests, and of how many; None where nothing tells."""


@contextmanager
def show_progress(
    total: int, what: str, *, every_s: float | None = None, learned: Learned | None = None
) -> Iterator[Callable[[str], None]]:
    """How far something long has come, how fast, and how long it still takes, on standard error.

    A bar on a terminal; elsewhere nothing, or a line each every_s seconds, also while nothing is finished. learned: where
    its count goes up meanwhile, that has a bar of its own, or a line when it begins.
    """
    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TextColumn("{task.fields[at]}"),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=total, at="", rate="")
        pace = Pace(total, every_s=every_s or _LOG_EVERY_S)
        learning = _Learning(progress, learned) if learned is not None else None

        def look() -> None:
            told = learning.look() if learning is not None else ""
            if every_s is not None and progress.disable:
                if told:
                    _print_line(console, told)
                if pace.is_due():
                    _print_line(console, f"{what} {pace}{learning or ''}")

        def advance(at: str) -> None:
            pace.advance()
            progress.update(task, advance=1, at=escape(clean(at)), rate=pace.rate)

        with _looking(look):
            yield advance


@contextmanager
def show_step(what: str, *, every_s: float | None = None) -> Iterator[None]:
    """Say that something goes on whose length nobody knows.

    A spinner on a terminal; elsewhere nothing, or a line each every_s seconds.
    """
    console = Console(stderr=True)
    if console.is_terminal:
        with console.status(escape(what)):
            yield
        return
    start = told = time.monotonic()

    def look() -> None:
        nonlocal told
        now = time.monotonic()
        if every_s is not None and now - told >= every_s:
            told = now
            _print_line(console, f"{what}: {now - start:.0f} s so far")

    with _looking(look):
        yield


class _Learning:
    """A second bar, from the moment at which there is something to learn."""

    def __init__(self, progress: Progress, learned: Learned) -> None:
        self._progress = progress
        self._learned = learned
        self._before = learned()
        self._task: TaskID | None = None
        self._told = ""

    def __str__(self) -> str:
        return self._told

    def look(self) -> str:
        """Bring the bar up to date. Returns a sentence where it has begun just now, and else nothing."""
        found = self._learned()
        if found is None or (self._task is None and found[0] <= (self._before or (0, 0))[0]):
            return ""
        known, total = found
        self._told = f"; {known} of {total} known mistakes learnt" if known < total else ""
        if self._task is not None:
            self._progress.update(self._task, completed=known)
            return ""
        self._task = self._progress.add_task(_LEARNING, total=total, completed=known, at="", rate="")
        return f"{_LEARNING}: {total} of them, each when a submission may have made it; later runs find it kept"


@contextmanager
def _looking(look: Callable[[], None]) -> Iterator[None]:
    """Call a function now and then, in a thread of its own, until the end."""
    over = threading.Event()

    def go_on_looking() -> None:
        while not over.wait(_LOOK_EVERY_S):
            look()

    thread = threading.Thread(target=go_on_looking, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _print_line(console: Console, line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)


class Pace:
    """How fast a count goes up: over the last half minute, and never from before the first was done.

    What comes before the first is getting ready, and what the first few take together is chance: there is no rate
    until some have come, and for some time. clock: seconds, as `time.monotonic` gives them. every_s: between two lines.
    """

    def __init__(
        self, total: int, clock: Callable[[], float] = time.monotonic, *, every_s: float = _LOG_EVERY_S
    ) -> None:
        self._total = total
        self._every_s = every_s
        self._clock = clock
        self._count = 0
        self._told = clock()
        self._seen: deque[tuple[float, int]] = deque()

    def advance(self) -> None:
        """One more is done."""
        self._count += 1
        now = self._clock()
        self._seen.append((now, self._count))
        while len(self._seen) > _LEAST_SEEN and now - self._seen[0][0] > _WINDOW_S:
            self._seen.popleft()

    @property
    def rate(self) -> str:
        """The rate, and the time that is left, in words; nothing as long as nothing is known of them."""
        speed = self._per_second()
        if speed is None:
            return ""
        left = timedelta(seconds=round((self._total - self._count) / speed))
        return f"{speed:.1f}/s, {left} left" if speed >= 1 else f"{1 / speed:.0f} s each, {left} left"

    def is_due(self) -> bool:
        """Whether it is time for another line in a log: also after the last is done, while its end takes that long."""
        due = self._clock() - self._told >= self._every_s
        if due:
            self._told = self._clock()
        return due

    def __str__(self) -> str:
        rate = self.rate if self._count < self._total else "finishing"
        return ", ".join(part for part in (f"{self._count} of {self._total}", rate) if part)

    def _per_second(self) -> float | None:
        if len(self._seen) < _LEAST_SEEN:
            return None
        (start, before), (end, count) = self._seen[0], self._seen[-1]
        return (count - before) / (end - start) if end - start >= _LEAST_S else None


def print_class(reports: Sequence[Report]) -> None:
    """Show the table of a class, or of a large one what there is of each score and status."""
    console().print(class_table(reports) if len(reports) <= _MOST_ROWS else class_summary(reports))


def class_summary(reports: Sequence[Report]) -> Table:
    """One row a task: its mean score, and how many students have each status there."""
    graded = [report for report in reports if report.status != "grader_error"]
    table = Table("task", "mean", "of", *_STATUSES, **PLAIN)
    for column in table.columns[1:]:
        column.justify = "right"
    scores: dict[str, list[TaskScore]] = {}
    for report in graded:
        for task in report.tasks:
            scores.setdefault(task.id, []).append(task)
    for name, found in scores.items():
        seen = Counter(str(task.status) for task in found)
        mean = sum(task.score for task in found) / len(found)
        counts = [str(seen[status] or "") for status in _STATUSES]
        table.add_row(escape(name), f"{mean:.1f}", f"{found[0].max_score:g}", *counts)
    if graded:
        mean = sum(report.score for report in graded) / len(graded)
        table.add_row("all", f"{mean:.1f}", f"{graded[0].max_score:g}", style="bold")
    kinds = Counter(str(report.status) for report in reports)
    table.caption = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in sorted(kinds.items()))
    return table


def class_table(reports: Sequence[Report]) -> Table:
    """One row a student: score, and score or status of each task."""
    tasks = list(dict.fromkeys(task.id for report in reports for task in report.tasks))
    table = Table("student", "score", *tasks, **PLAIN)
    for column in table.columns[1:]:
        column.justify = "right"
    for report in reports:
        table.add_row(escape(clean(report.student)), *_cells(report, tasks))
    return table


def print_protections(protections: Sequence[Protection], found: Protections) -> None:
    """One row a protection: whether it is active, how that was tried, and what brings it about where it is missing."""
    table = Table("level", "protection", "active", "tried", "needs", **PLAIN)
    for protection in protections:
        active = found.active[protection.name]
        needs = "" if active else protection.remedy
        mark = "[green]yes[/]" if active else "[red]NO[/]"
        table.add_row(str(protection.level), protection.name.replace("_", " "), mark, protection.attack, needs)
    terminal = console()
    terminal.print(table)
    terminal.print(f"Student code runs at level {found.level} here.")


def _cells(report: Report, tasks: Sequence[str]) -> list[str]:
    if report.status == "grader_error":
        return ["[red]withheld[/]", *("" for _ in tasks)]
    if report.status == "unreadable":
        return ["[red]unreadable[/]", *("" for _ in tasks)]
    by_id = {task.id: task for task in report.tasks}
    return [f"{report.score:g}", *(_MARKS[by_id[task].status].format(score=by_id[task].score) for task in tasks)]


def console() -> Console:
    """Where tables are printed."""
    # A pipe has no width of its own, and a table that breaks its lines is of no use to grep.
    return Console() if sys.stdout.isatty() else Console(width=_PIPED_WIDTH)
