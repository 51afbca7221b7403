"""Read and write the text files of a course in one way: UTF-8, with line feeds."""

from __future__ import annotations

from pathlib import Path

from cnn_assignment.errors import AuthoringError


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
