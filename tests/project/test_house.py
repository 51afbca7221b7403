"""The house: its rooms, its floors and its words, as docs and contracts promise them."""

from __future__ import annotations

import ast
import re
import subprocess
from collections import defaultdict

import pytest

from account import KINDS
from places import ROOT, TESTS

KIT = ROOT / "cnn_assignment"
MOST_FILES, MOST_LINES = 12, 400
ROOMS = sorted({path.parent for path in KIT.rglob("*.py")})
# Names that only who wrote the code understood; this file alone may say them.
PRIVATE = re.compile(
    r"(?<![a-z])(?:station|outpost|parcel|dispatcher|keeper|steady|foresight|hearing|lift(?:ed|ing)?|hollow|ledger|verdict"
    r"|judgement|ruling|evidence|transcript)s?(?![a-z])",
    re.IGNORECASE,
)
WRITTEN = (".py", ".md", ".toml", ".j2", "Makefile", "run")
# Classes of other people, and sentences that readers of the tests' own assignments see.
OF_OTHERS = (
    "examples/cnn/",
    "examples/mlp/",
    "source/",
    "release/",
    "tests/assignments/cnn/golden/",
    "autograder/",
    "solutions/",
)


def written_files():
    """What people of this project wrote: code, tests and docs."""
    names = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    chosen = [name for name in names if name.endswith(WRITTEN) and not name.startswith(OF_OTHERS)]
    return [ROOT / name for name in chosen if (ROOT / name).is_file() and name != "tests/project/test_house.py"]


def room_of(module):
    path = KIT.joinpath(*module.split(".")[1:])
    return path if path.is_dir() else path.parent


def imports_between_rooms():
    """By room the rooms that its files import, wherever in a file they do."""
    found = defaultdict(set)
    for path in KIT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cnn_assignment"):
                for alias in node.names:
                    whole = KIT.joinpath(*node.module.split(".")[1:], alias.name)
                    is_module = whole.is_dir() or whole.with_suffix(".py").is_file()
                    found[path.parent].add(room_of(f"{node.module}.{alias.name}" if is_module else node.module))
    return found


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.relative_to(ROOT).as_posix())
def test_a_room_is_small(room):
    files = sorted(room.glob("*.py"))
    assert len(files) <= MOST_FILES
    long = {path.name: count for path in files if (count := len(path.read_text("utf-8").splitlines())) > MOST_LINES}
    assert long == {}


def test_rooms_do_not_import_each_other_in_circles():
    # The package itself holds what is said to authors and to nbgrader, on other floors each: import-linter knows them.
    imports = {room: found - {room, KIT} for room, found in imports_between_rooms().items() if room != KIT}
    left = set(imports)
    while free := {room for room in left if not imports[room] & left}:
        left -= free
    assert {room.relative_to(KIT).as_posix() for room in left} == set()


def test_no_word_is_private():
    found = [
        f"{path.relative_to(ROOT)}:{number}: {match[0]}"
        for path in written_files()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        for match in PRIVATE.finditer(re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", line))
    ]
    assert found == []


def test_nbgrader_is_imported_in_one_room_only():
    importing = re.compile(r"^\s*(?:import nbgrader|from nbgrader)\b", re.MULTILINE)
    rooms = {path.relative_to(KIT).parts[0] for path in KIT.rglob("*.py") if importing.search(path.read_text("utf-8"))}
    assert rooms == {"nbgrader_course"}


def test_every_kind_of_tests_names_files_and_rooms_that_there_are():
    there = {part for path in TESTS.rglob("test_*.py") for part in path.parts}
    assert [name for names in KINDS.values() for name in sorted(names - there)] == []
