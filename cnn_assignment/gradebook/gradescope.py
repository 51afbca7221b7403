"""Gradescope's export: folders ``submission_<number>``, and one file that says whose they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

METADATA = "submission_metadata.yml"
_SUBMISSION = re.compile(r"submission_\d+", re.IGNORECASE)
# All outcomes of all tests of a class are in it.
_MOST_BYTES = 256 * 1024 * 1024


def is_submission(name: str) -> bool:
    """Whether Gradescope names a submission's folder so."""
    return _SUBMISSION.fullmatch(name) is not None


def read_submitters(export: Path) -> dict[str, list[tuple[str, str]]]:
    """For each folder of an export who has submitted it: name, and what tells people apart (number, or e-mail address).

    A group's folder has several people. Empty where the file is missing, or is none of Gradescope's.
    """
    path = export / METADATA
    try:
        if path.stat().st_size > _MOST_BYTES:
            return {}
        with path.open("rb") as file:
            data = _load(file.read())
    except (OSError, ValueError, RecursionError):
        return {}
    entries = data.items() if isinstance(data, dict) else ()
    return {folder: people for folder, entry in entries if isinstance(folder, str) and (people := list(_people(entry)))}


def _load(data: bytes) -> Any:
    """What a YAML file says, in texts, lists and dictionaries only. Raises ValueError."""
    import yaml

    # Nothing but texts is made of it: a student's number keeps its zeros, and tags of Ruby's classes mean nothing.
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        return yaml.load(data, Loader=loader)  # noqa: S506
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def _people(entry: Any) -> Iterator[tuple[str, str]]:
    submitters = _get(entry, "submitters")
    for each in submitters if isinstance(submitters, list) else ():
        name, number, address = (_text(_get(each, key)) for key in ("name", "sid", "email"))
        if name or number or address:
            yield name or address or number, number or address


def _get(entry: Any, key: str) -> Any:
    """A value of a dictionary that Ruby wrote: its keys have a colon before them."""
    return entry.get(f":{key}", entry.get(key)) if isinstance(entry, dict) else None


def _text(value: Any) -> str:
    found = value.strip() if isinstance(value, str) else ""
    return "" if found in {"~", "null", "nil"} else found
