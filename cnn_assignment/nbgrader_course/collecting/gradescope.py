"""Gradescope's export: folders ``submission_<number>``, and one YAML file that says whose they are.

The outputs of tests and of students' code are in that file too, and are not used: only the submitters are read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

METADATA = "submission_metadata.yml"
_SUBMISSION = re.compile(r"submission_\d+", re.IGNORECASE)
# All outcomes of all tests of a class are in it; reading takes a second for some megabytes.
_MOST_BYTES = 64 * 1024 * 1024
_NOTHING = frozenset({"", "~", "null"})


def is_submission(name: str) -> bool:
    """Whether a name is one that Gradescope gives a submission's folder."""
    return _SUBMISSION.fullmatch(name) is not None


def read_submitters(export: Path) -> dict[str, list[tuple[str, str]]]:
    """The submitters of each folder of an export: their names, and the number or e-mail address that tells them apart.

    A group's folder has several people. Empty where the file is missing or not in Gradescope's form.
    """
    folders = _read(export / METADATA)
    if not isinstance(folders, Mapping):
        return {}
    found = {str(folder): _people(about) for folder, about in folders.items()}
    return {folder: people for folder, people in found.items() if people}


def _read(path: Path) -> Any:
    """The value of a YAML file; None where it cannot be read.

    Every value is the text that stands there: a number of a student may begin with a zero. A file with a key
    that stands twice in a mapping counts as one that cannot be read.
    """
    import yaml

    class Loader(getattr(yaml, "CBaseLoader", yaml.BaseLoader)):  # type: ignore[misc]
        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            keys = [key.value for key, _ in node.value]
            if len(keys) > len({*map(str, keys)}):
                raise yaml.constructor.ConstructorError(None, None, "a key that stands twice", node.start_mark)
            return super().construct_mapping(node, deep)

    try:
        if path.stat().st_size > _MOST_BYTES:
            return None
        return yaml.load(path.read_bytes(), Loader=Loader)  # noqa: S506 - it makes texts, lists and mappings only
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return None


def _people(about: Any) -> list[tuple[str, str]]:
    """The submitters of one folder; none where they are told in another way."""
    submitters = _by_name(about).get("submitters")
    people = [_by_name(entry) for entry in submitters] if isinstance(submitters, list) else []
    return [person for entry in people if (person := _person(entry)) is not None]


def _by_name(mapping: Any) -> dict[str, Any]:
    """A mapping by its keys without the colon that Ruby writes before them."""
    return {str(key).removeprefix(":"): value for key, value in mapping.items()} if isinstance(mapping, Mapping) else {}


def _person(entry: Mapping[str, Any]) -> tuple[str, str] | None:
    name, number, address = (_text(entry.get(key, "")) for key in ("name", "sid", "email"))
    return (name or address or number, number or address) if name or number or address else None


def _text(value: Any) -> str:
    text = value.strip() if isinstance(value, str) else ""
    return "" if text in _NOTHING else text
