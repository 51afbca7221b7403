#!/usr/bin/env python3
"""Move the notebooks of the example classes on to today's releases.

    python examples/make_notebooks.py

Each student keeps what is theirs: the cells that they were to fill, the outputs, and the cells that they added. All
else comes from ``release/<assignment>/``, as if they had been given today's notebook. Some hand in the release as it is;
a notebook that lost its metadata, or is none, stays as it is. Nothing is run. Grade the class afterwards, and read what
changed in ``tests/assignments/cnn/golden/`` before you refresh it; for `mlp`, run ``tests/assignments/mlp/test_mlp_class.py``.
"""

from __future__ import annotations

import copy
import json
import shutil
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
# Of each assignment the students who hand in a file of the release as it is.
UNTOUCHED = {"cnn": {"untouched": "cnn.ipynb", "untouched-module": "cnn.py"}, "mlp": {"untouched": "mlp.ipynb"}}
# JupyterLab names a new cell by a UUID. The ids of released cells are shorter.
OWN_ID_LENGTH = 36

Cell = dict[str, Any]


def move_on(mine: dict[str, Any], release: dict[str, Any]) -> dict[str, Any]:
    """The release with a student's work in it."""
    theirs, added = _split(mine["cells"], {_key(cell) for cell in release["cells"]})
    cells = list(added.get(None, ()))
    for fresh in release["cells"]:
        key = _key(fresh)
        cells.append(_fill(copy.deepcopy(fresh), theirs.get(key)))
        cells += added.get(key, ())
    return {**release, "metadata": {**mine["metadata"], **_kit_metadata(release)}, "cells": cells}


def _split(cells: list[Cell], known: set[str]) -> tuple[dict[str, Cell], dict[str | None, list[Cell]]]:
    """Released cells by their key, and cells that the student added by the key of the known cell above them."""
    theirs: dict[str, Cell] = {}
    added: dict[str | None, list[Cell]] = {}
    above = None
    for cell in cells:
        if len(cell["id"]) == OWN_ID_LENGTH:
            added.setdefault(above, []).append(cell)
        elif _key(cell) in known:
            above = _key(cell)
            theirs[above] = cell
    return theirs, added


def _key(cell: Cell) -> str:
    """What stays the same when the text of a graded cell changes."""
    return str(cell["metadata"].get("nbgrader", {}).get("grade_id") or cell["id"])


def _fill(fresh: Cell, mine: Cell | None) -> Cell:
    if mine is None or fresh["cell_type"] != "code":
        return fresh
    if fresh["metadata"].get("nbgrader", {}).get("solution"):
        fresh["source"] = mine["source"]
    return {**fresh, "outputs": mine["outputs"], "execution_count": mine["execution_count"]}


def _kit_metadata(release: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in release["metadata"].items() if key not in ("kernelspec", "language_info")}


def move_class_on(assignment: str, untouched: dict[str, str]) -> None:
    """Rewrite the notebooks of one class in place."""
    students, released = ROOT / "examples" / assignment, ROOT / "release" / assignment
    release = json.loads((released / f"{assignment}.ipynb").read_text(encoding="utf-8"))
    for student, name in untouched.items():
        shutil.copyfile(released / name, students / student / name)
    for path in sorted(students.glob(f"*/{assignment}.ipynb")):
        try:
            mine = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            continue
        graded = any("nbgrader" in cell["metadata"] for cell in mine["cells"])
        if graded and path.parent.name not in untouched:
            text = json.dumps(move_on(mine, release), indent=1, ensure_ascii=False, sort_keys=True)
            path.write_text(f"{text}\n", encoding="utf-8")
            sys.stdout.write(f"{path.relative_to(ROOT)}\n")


def main() -> None:
    """Rewrite the notebooks of all classes in place."""
    for assignment, untouched in UNTOUCHED.items():
        move_class_on(assignment, untouched)


if __name__ == "__main__":
    main()
