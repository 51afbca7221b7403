"""Put a report into a notebook: a number for nbgrader, a table for the student, a comment for each solution cell."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from cnn_assignment.core.errors import GraderError
from cnn_assignment.core.model import Outcome, Report, ReportStatus, Status, TaskScore
from cnn_assignment.nbgrader_course.notebooks.harmless import make_harmless, show_as_written

if TYPE_CHECKING:
    from jinja2 import Template
    from nbformat import NotebookNode

WORDS = {
    Status.PASSED: "passed",
    Status.PARTIAL: "partly right",
    Status.FAILED: "wrong result",
    Status.NOT_ATTEMPTED: "not attempted",
    Status.ERROR: "raised an error",
    Status.TIMEOUT: "took too long",
}
UNREADABLE = "could not be read"
REBUILD = "Run `cnn-assignment build`, then `nbgrader generate_assignment`, and grade again."

_GREEN, _AMBER, _RED = "#1a7f37", "#9a6700", "#cf222e"
_COLOURS = {Status.PASSED: _GREEN, Status.PARTIAL: _AMBER}
_SHOWN_CHARACTERS = 2_000
_COMMENT_CHARACTERS = 300
_COMMENT_LINES = 5

# nbgrader renders comments as Markdown that lets HTML, mathematics and links of any protocol through, and formgrader
# shows the same text as it is. So the few characters that could start one of these give way to look-alikes, and so does
# the one that PostgreSQL has no room for.
_HARMLESS = str.maketrans(
    {
        "<": "\N{FULLWIDTH LESS-THAN SIGN}",
        "$": "\N{FULLWIDTH DOLLAR SIGN}",
        "\\": "/",
        "\0": "\N{SYMBOL FOR NULL}",
    }
)
_LINK = re.compile(r"\](?=[(:\[])")


def is_graded_by_kit(cell: NotebookNode) -> bool:
    """Whether a cell is a code cell with points that no person fills in or grades."""
    about = _nbgrader_metadata(cell)
    return cell.cell_type == "code" and bool(about.get("grade")) and not about.get("solution")


def is_solution(cell: NotebookNode) -> bool:
    """Whether a cell is one that students fill."""
    return bool(_nbgrader_metadata(cell).get("solution"))


def annotate(notebook: NotebookNode, report: Report) -> NotebookNode:
    """A notebook like the given one, whose grade cells hold the report's scores, and that is harmless to look at.

    The given one does not change; both share what stays the same, such as the cells' metadata. Other cells have no
    outputs, and text cells keep no HTML but plain tags, as raw ones are shown as they were written.

    Each grade cell gets one result: its text is ``repr(float(score))`` with the score within [0, points], which is
    what nbgrader's ``determine_grade`` reads, and its HTML is a table for the student, with all text escaped. Where
    the report is `unreadable`, every grade cell gets 0 and shows the reason.

    Raises GraderError where a grade would be withheld or invented: the report is a grader's error, a score is not
    finite, or the tasks and the grade cells do not belong together.
    """
    if report.status is ReportStatus.GRADER_ERROR:
        raise withheld_error(report)
    notebook = copy.copy(notebook)
    notebook.cells = [copy.copy(cell) for cell in notebook.cells]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        else:
            _disarm(cell)
    cells = _grade_cells(notebook)
    tasks = {task.id: task for task in report.tasks}
    if report.status is ReportStatus.GRADED:
        check_same_tasks(notebook, {task.id: task.max_score for task in report.tasks}, report.assignment)
    for number, (name, cell) in enumerate(cells.items(), start=1):
        points = float(_nbgrader_metadata(cell)["points"])
        unreadable = report.status is ReportStatus.UNREADABLE
        task = _unread_task(name, tasks.get(name), points) if unreadable else tasks[name]
        cell.execution_count = number
        cell.outputs = [_result(task, points, number, report, with_notes=unreadable or number == 1)]
    return notebook


def _disarm(cell: NotebookNode) -> None:
    """Keep a text cell from starting anything where it is shown."""
    if cell.cell_type == "raw":
        # Renderers take it for a part of their page.
        cell.cell_type, cell.source = "markdown", show_as_written(cell.source)
    else:
        cell.source = make_harmless(cell.source, cell.get("attachments", {}))


def withheld_error(report: Report) -> GraderError:
    """The error that tells that this report is no grade."""
    return GraderError(
        f"the grade of {report.student!r} is withheld: {'; '.join(report.notes) or 'the grader failed'}",
        place=report.file,
        remedy="Mend the grader and grade this student again; no grade was written.",
    )


def comments(report: Report) -> dict[str, str]:
    """For each task id, a comment in plain words: points, lost tests and their diagnoses.

    The text is safe both as plain text (formgrader) and as Markdown (nbgrader's feedback pages).
    """
    return {task.id: _comment(task, report) for task in report.tasks}


def cell_comments(release: NotebookNode, report: Report) -> dict[str, str]:
    """For each solution cell of the release, by grade_id, the comments of the tasks that are solved in it.

    A task belongs to the solution cells whose released text names it, as every open gap does, otherwise to the last
    solution cell before its grade cell. The report's notes stand in the first solution cell.
    """
    words = comments(report)
    owners = _tasks_by_solution_cell(release, words)
    notes = [_plain(note) for note in report.notes]
    if report.status is ReportStatus.UNREADABLE:
        reason = "\n\n".join([f"Your submission {UNREADABLE}.", *notes])
        return dict.fromkeys(owners, reason)
    texts = {name: [words[task] for task in tasks] for name, tasks in owners.items()}
    for first in list(texts)[:1]:
        texts[first] += [f"Note: {note}" for note in notes]
    return {name: "\n\n".join(parts) for name, parts in texts.items()}


def _nbgrader_metadata(cell: NotebookNode) -> dict[str, Any]:
    about = cell.metadata.get("nbgrader", {})
    return about if isinstance(about, dict) else {}


def _grade_cells(notebook: NotebookNode) -> dict[str, NotebookNode]:
    """The cells with points of the hidden tests, by the names of their tasks."""
    return {_nbgrader_metadata(cell)["grade_id"]: cell for cell in notebook.cells if is_graded_by_kit(cell)}


def check_same_tasks(notebook: NotebookNode, points_of: Mapping[str, float], assignment: str) -> None:
    """Refuse a cell or a task that is left over: nbgrader gives full about to a grade cell without a number.

    points_of: what the hidden tests of each task are worth. Raises GraderError.
    """
    place = f"{assignment}.ipynb"
    cells = _grade_cells(notebook)
    if lone := sorted(set(cells) ^ set(points_of)):
        raise GraderError(
            f"grade cells and hidden tests do not belong together: {', '.join(lone)}", place=place, remedy=REBUILD
        )
    for name, most in points_of.items():
        points = float(_nbgrader_metadata(cells[name])["points"])
        if not math.isclose(points, most, rel_tol=1e-9, abs_tol=1e-9):
            raise GraderError(
                f"{name} has {points:g} points in the notebook and {most:g} in its hidden tests",
                place=place,
                remedy=REBUILD,
            )


def _unread_task(name: str, task: TaskScore | None, points: float) -> TaskScore:
    title = task.title if task else name
    return TaskScore(name, title, Status.NOT_ATTEMPTED, 0.0, points, ())


def _result(task: TaskScore, points: float, number: int, report: Report, *, with_notes: bool) -> NotebookNode:
    from nbformat import NotebookNode

    if not math.isfinite(task.score):
        raise GraderError(f"the score of {task.id} is {task.score}", place=report.file, remedy="Mend its hidden tests.")
    unreadable = report.status is ReportStatus.UNREADABLE
    html = _template().render(
        title=task.title,
        score=task.score,
        max_score=points,
        word=UNREADABLE if unreadable else WORDS[task.status],
        colour=_colour(task.status),
        reasons=report.notes if with_notes else (),
        tests=task.tests,
    )
    score = min(max(float(task.score), 0.0), points)
    data = NotebookNode({"text/plain": repr(score), "text/html": html})
    return NotebookNode(output_type="execute_result", metadata=NotebookNode(), data=data, execution_count=number)


@cache
def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("cnn_assignment.nbgrader_course.notebooks"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"points": _points, "short": _short, "word": WORDS.__getitem__, "colour": _colour}
    return environment.get_template("result.html.j2")


def _points(value: float) -> str:
    return f"{round(value, 2):g}"


def _short(text: str, characters: int = _SHOWN_CHARACTERS) -> str:
    """The text within a length, and without lone surrogates, which no file could hold."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= characters else f"{text[:characters]} ..."


def _colour(status: Status) -> str:
    return _COLOURS.get(status, _RED)


def _plain(text: str) -> str:
    one_line = _short(" ".join(text.split()), _COMMENT_CHARACTERS)
    return _LINK.sub("] ", one_line.translate(_HARMLESS))


def _comment(task: TaskScore, report: Report) -> str:
    word = UNREADABLE if report.status is ReportStatus.UNREADABLE else WORDS[task.status]
    head = f"{_plain(task.title)}: {_points(task.score)} of {_points(task.max_score)} points, {word}."
    if task.status is Status.NOT_ATTEMPTED:
        return head
    alike: dict[tuple[Status, str], list[Outcome]] = {}
    for test in task.tests:
        if test.outcome is not Status.PASSED:
            alike.setdefault((test.outcome, _told(test)), []).append(test)
    lines = [_lost_tests(tests, told) for (_, told), tests in alike.items()][:_COMMENT_LINES]
    left = sum(map(len, list(alike.values())[_COMMENT_LINES:]))
    if left:
        lines.append(f"- and {left} more, listed in the table of this task")
    return "\n\n".join([head, "\n".join(lines)]) if lines else head


def _told(test: Outcome) -> str:
    # Where code raised, the message says what and in which line, and the diagnosis goes on from there.
    is_message_told = test.outcome is Status.ERROR or not test.diagnosis
    sentences = (test.message, *test.diagnosis) if is_message_told else test.diagnosis
    return " ".join(_plain(sentence) for sentence in sentences if sentence)


def _lost_tests(tests: list[Outcome], told: str) -> str:
    """One line for all tests that were lost alike: the page's field for it is small."""
    more = f" and {len(tests) - 1} more" if len(tests) > 1 else ""
    head = f"- {_plain(tests[0].title)}{more} ({WORDS[tests[0].outcome]})"
    return f"{head}: {told}" if told else head


def _tasks_by_solution_cell(release: NotebookNode, tasks: Iterable[str]) -> dict[str, list[str]]:
    tasks = list(tasks)
    owners: dict[str, list[str]] = {
        _nbgrader_metadata(cell)["grade_id"]: [] for cell in release.cells if is_solution(cell)
    }
    if not owners:
        return {}
    before: dict[str, str] = {}
    latest = next(iter(owners))
    for cell in release.cells:
        name = _nbgrader_metadata(cell).get("grade_id", "")
        if is_solution(cell):
            latest = name
            for task in tasks:
                if task in cell.source and re.search(rf"(?<![\w-]){re.escape(task)}(?![\w-])", cell.source):
                    owners[name].append(task)
        before[name] = latest
    named = {task for owned in owners.values() for task in owned}
    for task in tasks:
        if task not in named:
            owners[before.get(task, latest)].append(task)
    return owners
