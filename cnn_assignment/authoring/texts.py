"""Texts of a course: files in one form, UTF-8 with line feeds, and the table of tasks that students are shown."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from cnn_assignment.core.errors import AuthoringError
from cnn_assignment.core.model import Task


def read_text(path: Path, root: Path) -> str:
    r"""The text of a file below root, each line ending in "\n". Raises AuthoringError where it cannot be read."""
    place = path.relative_to(root).as_posix()
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise AuthoringError("no such file", place=place, remedy="An assignment needs it: write it.") from error
    except UnicodeDecodeError as error:
        raise AuthoringError(
            f"not UTF-8: byte {error.start} is {error.object[error.start]:#04x}",
            place=place,
            remedy="Save the file as UTF-8.",
        ) from error


def write_text(path: Path, text: str) -> None:
    r"""Write a text as UTF-8 with "\n" line ends on every system."""
    path.write_text(text, encoding="utf-8", newline="\n")


def make_task_table(tasks: Iterable[Task]) -> str:
    """The tasks as a Markdown table: id, title and points of each, then the sum; without a final line end."""
    lines, total = ["| task | what it asks for | points |", "| --- | --- | ---: |"], 0.0
    for task in tasks:
        title = " ".join(task.title.split()).replace("|", "\\|")
        lines.append(f"| `{task.id}` | {title} | {task.max_score:g} |")
        total += task.max_score
    return "\n".join([*lines, f"| | total | {total:g} |"])


def render(template: str, **values: object) -> str:
    """A text made of a template of this room. Raises jinja2.UndefinedError for a name that has no value."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("cnn_assignment.authoring"),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701  # Markdown and Python, not HTML
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(values)
