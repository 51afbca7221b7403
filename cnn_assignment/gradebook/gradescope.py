"""Gradescope's export: folders ``submission_<number>``, and one file that says whose they are.

The file is YAML as Ruby writes it, one key a line. Only the lines that name people are read; where one of them is
written in another way, nothing is: nobody gets work by a guess. What tests and students printed is further in, and says
nothing here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

METADATA = "submission_metadata.yml"
_SUBMISSION = re.compile(r"submission_\d+", re.IGNORECASE)
# All outcomes of all tests of a class are in it.
_MOST_BYTES = 256 * 1024 * 1024
_MOST_LINE = 10_000
_LINE = re.compile(r"(?P<indent> *)(?P<item>- +)?(?P<key>[^\s'\"#-][^\s'\"]*|'[^']*'|\"[^\"]*\"):(?: +(?P<value>.*))?")
_SPECIAL = tuple("&*!|>[]{}%@`,?")
_NOTHING = frozenset({"", "~", "null"})


def is_submission(name: str) -> bool:
    """Whether Gradescope names a submission's folder so."""
    return _SUBMISSION.fullmatch(name) is not None


def read_submitters(export: Path) -> dict[str, list[tuple[str, str]]]:
    """For each folder of an export who has submitted it: name, and what tells people apart (number, or e-mail address).

    A group's folder has several people. Empty where the file is missing, or does not say it as Gradescope does.
    """
    path = export / METADATA
    found: dict[str, list[tuple[str, str]]] = {}
    try:
        if path.stat().st_size > _MOST_BYTES:
            return {}
        with path.open(encoding="utf-8-sig") as file:
            for folder, entries in _read_folders(file):
                if folder in found:
                    return {}
                found[folder] = [person for entry in entries if (person := _person(entry)) is not None]
    except (OSError, ValueError):
        return {}
    return {folder: people for folder, people in found.items() if people}


def _read_folders(lines: Iterable[str]) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """The keys of the file with their submitters' keys and values. Raises ValueError where they are written otherwise.

    level: how far a folder's own keys are indented. inside: the same of the key `submitters`, where a line is below it.
    """
    folder: str | None = None
    people: list[dict[str, str]] = []
    level = inside = -1
    for line in lines:
        made = _LINE.fullmatch(line[:_MOST_LINE].rstrip())
        indent = len(line) - len(line.lstrip(" "))
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if made and indent == 0 and not made["item"]:
            if folder is not None:
                yield folder, people
            folder, people, level, inside = _scalar(made["key"]), [], -1, -1
            continue
        level = indent if level < 0 else level
        is_item = line.lstrip().startswith("-")
        if inside >= 0 and indent <= level and not (is_item and indent == level):
            inside = -1
        if inside < 0:
            if made and indent == level and _key(made["key"]) == "submitters" and not made["item"]:
                if people or _scalar(made["value"] or ""):
                    raise ValueError(line)
                inside = level
            continue
        if not made or (not made["item"] and not people):
            raise ValueError(line)
        if made["item"]:
            people.append({})
        people[-1][_key(made["key"])] = _scalar(made["value"] or "")
    if folder is not None:
        yield folder, people


def _person(entry: dict[str, str]) -> tuple[str, str] | None:
    name, number, address = (entry.get(key, "") for key in ("name", "sid", "email"))
    return (name or address or number, number or address) if name or number or address else None


def _key(text: str) -> str:
    """A key as it is called in Ruby, where it has a colon before it."""
    return _scalar(text).removeprefix(":")


def _scalar(text: str) -> str:
    """The text that a value stands for, "" for none. Raises ValueError for anything but one line of text."""
    text = text.strip()
    if text.startswith("'"):
        if not re.fullmatch(r"'(?:[^']|'')*'", text):
            raise ValueError(text)
        return text[1:-1].replace("''", "'").strip()
    if text.startswith('"'):
        return str(json.loads(re.sub(r"(?<!\\)((?:\\\\)*)\\x([0-9A-Fa-f]{2})", r"\1\\u00\2", text))).strip()
    if text.startswith(_SPECIAL):
        raise ValueError(text)
    plain = text.partition(" #")[0].rstrip()
    return "" if plain in _NOTHING else plain
