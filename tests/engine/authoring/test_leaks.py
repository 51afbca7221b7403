"""Leaks: whatever gives an answer, a hidden test or a path away is found, and nothing else is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nbformat
import pytest

import authoring_kit
from authoring_kit import TASKS, edit
from cnn_assignment.authoring.leaks import find_leaks
from cnn_assignment.core.errors import AuthoringError
from cnn_assignment.core.model import Hints
from release_kit import build_unrecorded as build


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    assignment = authoring_kit.make_course(tmp_path_factory.mktemp("course"))
    build(assignment, TASKS, Hints.GUIDED)
    return assignment


@pytest.fixture
def folder(built, tmp_path):
    """A copy of the release, for a test to leak into."""
    return Path(shutil.copytree(built.release_dir, tmp_path / "release"))


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


def test_a_built_release_leaks_nothing_in_any_edition(built, tmp_path):
    assert find_leaks(built, built.release_dir) == []  # guided
    assignment = authoring_kit.copy_course(built, tmp_path / "course")
    for hints in (Hints.STANDARD, Hints.OPEN):
        build(assignment, TASKS, hints)
        assert find_leaks(assignment, assignment.release_dir) == []


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("steps['out'][ position ] = (start - (STEP*position))", "ramp-down' (solutions/toy.py:21"),
        (
            "def up(start, count):\n    return [start + STEP * position for position in range(count)]",
            "ramp-up' (solutions/toy.py:13",
        ),
        (
            "for x in y:\n    for item in sorted(self.items, reverse = True):\n        yield item",
            "bag-order' (solutions/toy.py:35",
        ),
        ("if 1:\n    yield item", "bag-order' (solutions/toy.py:36"),
    ],
)
def test_an_answer_in_code_is_found_whatever_its_form(built, folder, code, line):
    append(folder / "given.py", f"\n\n{code}\n")
    assert f"given.py: holds an answer of the gap '{line})" in find_leaks(built, folder)


@pytest.mark.parametrize(
    "text",
    [
        "# steps['out'][position] = start - STEP * position",
        "A hint: `[start+STEP*position for position\n  in range( count )]`.",
        'steps["out"][position] = start - STEP * position  # one step lower',
        "sum(self.items) if self.items\n  else 0",
    ],
)
def test_an_answer_in_any_text_is_found_whatever_its_spacing(built, folder, text):
    append(folder / "README.md", text)
    assert any(leak.startswith("README.md: holds an answer of the gap") for leak in find_leaks(built, folder))


def test_an_answer_is_found_in_cells_outputs_and_metadata_of_notebooks(built, folder):
    answer = ["[start + STEP * position ", "for position in range(count)]"]
    path = folder / "toy.ipynb"
    clean = path.read_text(encoding="utf-8")
    changes = (
        lambda notebook: notebook["cells"][0].update(source=answer),
        lambda notebook: notebook["cells"][1].update(source=["%time\n", *answer]),
        lambda notebook: notebook["cells"][1].update(
            outputs=[{"output_type": "stream", "name": "stdout", "text": answer}]
        ),
        lambda notebook: notebook["metadata"].update(note="".join(answer)),
        lambda notebook: notebook["metadata"].update({"".join(answer): 1}),
    )
    for change in changes:
        notebook = json.loads(clean)
        change(notebook)
        path.write_text(json.dumps(notebook), encoding="utf-8")
        assert find_leaks(built, folder) == ["toy.ipynb: holds an answer of the gap 'ramp-up' (solutions/toy.py:13)"]


def test_an_open_gap_that_was_filled_is_found_in_module_and_notebook(built, folder):
    shutil.copy(built.source_dir / "toy.ipynb", folder)
    shutil.copy(built.solution_file, folder)
    leaks = find_leaks(built, folder)
    for file in ("toy.ipynb", "toy.py"):
        for task in ("ramp-up", "ramp-down", "bag-order"):
            assert any(leak.startswith(f"{file}: holds an answer of the gap '{task}'") for leak in leaks)


def test_what_the_solution_gives_anyway_is_no_leak(built, tmp_path):
    assignment = authoring_kit.copy_course(built, tmp_path / "course")
    edit(
        assignment.solution_file,
        "        ### BEGIN SOLUTION ramp-up\n",
        '        ### BEGIN SOLUTION ramp-up\n        steps = {"out": [0] * count}\n        x = 0\n        pass\n',
    )
    build(assignment, TASKS, Hints.STANDARD)
    append(assignment.release_dir / "given.py", "\nx = 0\npass\n")
    assert find_leaks(assignment, assignment.release_dir) == []


@pytest.mark.parametrize(
    "given",
    [
        '    """Steps: steps["out"][position] = start - STEP * position."""\n',
        "    # steps['out'] [position] = start - STEP * position\n",
        '    x = 1  # steps["out"][position] = start - STEP*position\n',
    ],
)
def test_what_the_solution_says_of_an_answer_is_a_leak_though_it_stands_outside_of_the_gap(built, tmp_path, given):
    assignment = authoring_kit.copy_course(built, tmp_path / "course")
    edit(assignment.solution_file, '    """Steps up and down."""\n', given)
    with pytest.raises(AuthoringError, match=r"toy\.py: holds an answer of the gap 'ramp-down'"):
        build(assignment, TASKS, Hints.STANDARD)


OTHER = """
class Walk:
    def go(self, steps):
        ### BEGIN SOLUTION walk-go
        place = 0
        for step in steps:
            place += step
        return place + 0
        ### END SOLUTION

    def back(self, steps):
        ### BEGIN SOLUTION walk-back
        return self.go([-step * (1 + 0 * place) for place, step in enumerate(steps)])
        ### END SOLUTION
"""
WHOLE = OTHER.replace("        ### BEGIN SOLUTION walk-go\n", "").replace("        ### END SOLUTION\n", "")


@pytest.mark.parametrize(
    ("provided", "told"),
    [
        (OTHER, "holds the marker of a gap, '### BEGIN SOLUTION walk-go'"),
        ("STEP = 1\n\n  ###  END HIDDEN TESTS\n", "holds the marker of a gap, '###  END HIDDEN TESTS'"),
        (
            WHOLE.replace("        ### BEGIN SOLUTION walk-back\n", ""),
            "an answer of the gap 'walk-go' .* of the assignment 'walk'",
        ),
        (
            "def f(self, steps):\n    return self.go([-step*(1+0*place) for place, step in enumerate(steps)])\n",
            "an answer of the gap 'walk-back' .* of the assignment 'walk'",
        ),
    ],
)
def test_a_provided_file_gives_nothing_away_of_any_assignment(built, tmp_path, provided, told):
    assignment = authoring_kit.copy_course(built, tmp_path / "course")
    other = assignment.root / "autograder/walk"
    other.mkdir()
    (other / "assignment.toml").write_text('classes = ["Walk"]\n', encoding="utf-8")
    (assignment.root / "solutions/walk.py").write_text(OTHER, encoding="utf-8")
    append(assignment.root / "solutions/given.py", provided)
    with pytest.raises(AuthoringError, match=rf"given\.py: .*{told}"):
        build(assignment, TASKS, Hints.STANDARD)


def test_what_anybody_writes_is_no_answer_of_another_assignment(built, tmp_path):
    assignment = authoring_kit.copy_course(built, tmp_path / "course")
    other = assignment.root / "autograder/walk"
    other.mkdir()
    (other / "assignment.toml").write_text('classes = ["Walk"]\n', encoding="utf-8")
    append(assignment.root / "solutions/given.py", "\nplace = 0\nfor step in [STEP]:\n    place += step\n")
    # Neither one that is not begun, nor statements that say little.
    for text in (None, OTHER):
        if text is not None:
            (assignment.root / "solutions/walk.py").write_text(text, encoding="utf-8")
        build(assignment, TASKS, Hints.STANDARD)


def test_hidden_tests_are_found_by_their_names_their_bodies_and_their_statements(built, folder):
    append(folder / "README.md", "We also run test_mixed_bag.\n")
    append(
        folder / "given.py",
        "\n\ndef mine(student):\n    assert list(student.Bag([3, 1, 2, 2, -7])) == [3, 2, 2, 1, -7]\n",
    )
    append(folder / "test_toy.py", "\n\n# expected = reference.Ramp().up(-40, 1234)\n")
    leaks = find_leaks(built, folder)
    assert leaks == [
        "README.md: holds the name of a hidden test, test_mixed_bag (autograder/toy/test_bag_order.py)",
        "given.py: holds a hidden test (autograder/toy/test_bag_order.py:4)",
        "given.py: holds a hidden test's statement (autograder/toy/test_bag_order.py:5)",
        "test_toy.py: holds a hidden test's statement (autograder/toy/test_ramp_up.py:6)",
    ]


def test_what_a_hidden_test_shares_with_the_public_checks_is_no_leak_but_a_whole_test_is(built, tmp_path):
    assignment = authoring_kit.copy_course(built, tmp_path / "course")
    shared = "    numbers = [Ramp().up(start, 20) for start in range(7)]\n"
    append(assignment.checks_file, f"\n\ndef test_ramp_up_many():\n{shared}    assert numbers\n")
    hidden = assignment.autograder_dir / "test_ramp_up.py"
    append(hidden, f"\n\ndef test_many(student):\n{shared}    assert len(numbers) == 7\n")
    build(assignment, TASKS, Hints.STANDARD)
    edit(hidden, "assert len(numbers) == 7", "assert numbers")
    assert find_leaks(assignment, assignment.release_dir) == [
        "test_toy.py: holds a hidden test (autograder/toy/test_ramp_up.py:10)",
        "toy.ipynb: holds a hidden test (autograder/toy/test_ramp_up.py:10)",
    ]


def test_misconceptions_are_hidden_too(built, folder):
    append(folder / "README.md", "yield from (item for item in bag.items if item)")
    assert find_leaks(built, folder) == [
        "README.md: holds a hidden test's statement (autograder/toy/misconceptions.py:2)"
    ]


@pytest.mark.parametrize("word", ["autograder/toy", "see solutions/toy.py", "autograder\\toy"])
def test_paths_of_the_course_are_found(built, folder, word):
    append(folder / "README.md", word)
    assert len(find_leaks(built, folder)) == 1


def test_paths_of_the_machine_are_found(built, folder, monkeypatch):
    home = f"/{'home'}/teacher"  # in pieces: no file of the project names a folder of a machine
    monkeypatch.setenv("HOME", home)
    notebook = nbformat.read(folder / "toy.ipynb", as_version=4)
    notebook.metadata["path"] = f"{built.root}/x"
    nbformat.write(notebook, folder / "toy.ipynb")
    append(folder / "README.md", f"{home}s and a{home}\n")
    append(folder / "given.py", f"# {home}/course\n")
    assert find_leaks(built, folder) == [
        "given.py: holds a path of the instructor's machine",
        "toy.ipynb: holds a path of the instructor's machine",
    ]


def test_files_in_deeper_folders_and_broken_files_are_read_too(built, folder):
    deep = folder / "data" / "notes"
    deep.mkdir(parents=True)
    (deep / "a.ipynb").write_text("{ steps['out'][position] = start - STEP * position", encoding="utf-8")
    (deep / "b.py").write_text("def ( steps['out'][position] = start - STEP * position", encoding="utf-8")
    (deep / "c.bin").write_bytes(b"\xff\x00steps['out'][position]=start-STEP*position")
    assert [leak.partition(":")[0] for leak in find_leaks(built, folder)] == [
        "data/notes/a.ipynb",
        "data/notes/b.py",
        "data/notes/c.bin",
    ]
