"""Leaks: whatever gives an answer, a hidden test or a path away is found, and nothing else is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nbformat
import pytest

from cnn_assignment.authoring.leaks import find_leaks
from cnn_assignment.core.errors import AuthoringError
from cnn_assignment.core.model import Hints
from release_kit import build_unrecorded as build
from toy_course import COLLECTED, TASKS, copy_course, edit, make_course, write

# One more file of hidden tests, and one of misconceptions.
HIDDEN = '''"""Rest."""


def test_what_is_left_over(student, reference):
    """many pieces"""
    expected = list(reference.Cutter(12).pieces(range(1234)))
    assert list(student.Cutter(12).pieces(range(1234))) == expected
'''
MISCONCEPTIONS = "def unscaled(scaler, x):\n    yield from (value for value in x if scaler.factor)\n"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A course that was built once, with a comment inside of an answer; tests only read it."""
    assignment = make_course(tmp_path_factory.mktemp("course"))
    edit(assignment.solution_file, "self.pieces(result):", "self.pieces(result):  # one by one")
    write(assignment.autograder_dir / "test_rest.py", HIDDEN)
    write(assignment.autograder_dir / "misconceptions.py", MISCONCEPTIONS)
    build(assignment, COLLECTED, Hints.GUIDED)
    return assignment


@pytest.fixture
def assignment(built, tmp_path):
    """A copy of the course, for a test to change."""
    return copy_course(built, tmp_path / "course")


@pytest.fixture
def folder(built, tmp_path):
    """A copy of the release, for a test to leak into."""
    return Path(shutil.copytree(built.release_dir, tmp_path / "release"))


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


def test_a_built_release_leaks_nothing_in_any_edition(built, assignment):
    assert find_leaks(built, built.release_dir) == []  # guided
    for hints in (Hints.STANDARD, Hints.OPEN):
        build(assignment, COLLECTED, hints)
        assert find_leaks(assignment, assignment.release_dir) == []


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("cache['out'][ : ] = (self.factor * ((x)+HALF))", "scale' (solutions/toy.py:18"),
        (
            "def slope(cache, x):\n    grad = np.sum((cache['x'] + HALF)*grad_output, keepdims = True)",
            "slope' (solutions/toy.py:25",
        ),
        (
            "for x in y:\n    for number, view in self.pieces(result):\n        view[ : ] = number",
            "clear' (solutions/toy.py:47",
        ),
        ("if 1:\n    yield number, x[number*self.size:(number + 1)*self.size]", "cut' (solutions/toy.py:40"),
    ],
)
def test_an_answer_in_code_is_found_whatever_its_form(built, folder, code, line):
    append(folder / "given.py", f"\n\n{code}\n")
    assert f"given.py: holds an answer of the gap '{line})" in find_leaks(built, folder)


@pytest.mark.parametrize(
    "text",
    [
        "# cache['out'][:] = self.factor * (x + HALF)",
        "A hint: `np.sum((cache['x']+HALF)\n  *grad_output, keepdims = True)`.",
        'cache["out"][:] = self.factor * (x + HALF)  # scaled',
        "for number, view in self.pieces(result):\n  view[:] = number",
        "yield number, x[number * self.size :\n  (number + 1) * self.size]",
    ],
)
def test_an_answer_in_any_text_is_found_whatever_its_spacing(built, folder, text):
    append(folder / "README.md", text)
    assert any(leak.startswith("README.md: holds an answer of the gap") for leak in find_leaks(built, folder))


def test_an_answer_is_found_in_cells_outputs_and_metadata_of_notebooks(built, folder):
    answer = ["np.sum((cache['x'] + HALF) ", "* grad_output, keepdims=True)"]
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
        assert find_leaks(built, folder) == ["toy.ipynb: holds an answer of the gap 'slope' (solutions/toy.py:25)"]


def test_an_open_gap_that_was_filled_is_found_in_module_and_notebook(built, folder):
    shutil.copy(built.source_dir / "toy.ipynb", folder)
    shutil.copy(built.solution_file, folder)
    leaks = find_leaks(built, folder)
    for file in ("toy.ipynb", "toy.py"):
        for task in TASKS:
            assert any(leak.startswith(f"{file}: holds an answer of the gap '{task}'") for leak in leaks)


def test_what_the_solution_gives_anyway_is_no_leak(assignment):
    begin = "        ### BEGIN SOLUTION scale\n"
    given = '        cache = {"x": x, "out": np.zeros(x.shape)}\n        x = 0\n        pass\n'
    edit(assignment.solution_file, begin, begin + given)
    build(assignment, COLLECTED, Hints.STANDARD)
    append(assignment.release_dir / "given.py", "\nx = 0\npass\n")
    assert find_leaks(assignment, assignment.release_dir) == []


@pytest.mark.parametrize(
    "given",
    [
        '    """Scales: cache["out"][:] = self.factor * (x + HALF)."""\n',
        "    # cache['out'] [:] = self.factor * (x + HALF)\n",
        '    x = 1  # cache["out"][:] = self.factor*(x + HALF)\n',
    ],
)
def test_what_the_solution_says_of_an_answer_is_a_leak_though_it_stands_outside_of_the_gap(assignment, given):
    edit(assignment.solution_file, '    """Multiplies, and knows the slope of it."""\n', given)
    with pytest.raises(AuthoringError, match=r"toy\.py: holds an answer of the gap 'scale'"):
        build(assignment, COLLECTED, Hints.STANDARD)


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


@pytest.fixture
def with_walk(assignment):
    """The course with another assignment, of which there are only the settings."""
    write(assignment.root / "autograder/walk/assignment.toml", 'classes = ["Walk"]\n')
    return assignment


@pytest.mark.parametrize(
    ("provided", "told"),
    [
        (OTHER, "holds the marker of a gap, '### BEGIN SOLUTION walk-go'"),
        ("HALF = 0.5\n\n  ###  END HIDDEN TESTS\n", "holds the marker of a gap, '###  END HIDDEN TESTS'"),
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
def test_a_provided_file_gives_nothing_away_of_any_assignment(with_walk, provided, told):
    write(with_walk.root / "solutions/walk.py", OTHER)
    append(with_walk.root / "solutions/given.py", provided)
    with pytest.raises(AuthoringError, match=rf"given\.py: .*{told}"):
        build(with_walk, COLLECTED, Hints.STANDARD)


def test_what_anybody_writes_is_no_answer_of_another_assignment(with_walk):
    append(with_walk.root / "solutions/given.py", "\nplace = 0\nfor step in [HALF]:\n    place += step\n")
    # Neither one that is not begun, nor statements that say little.
    build(with_walk, COLLECTED, Hints.STANDARD)
    write(with_walk.root / "solutions/walk.py", OTHER)
    build(with_walk, COLLECTED, Hints.STANDARD)


def test_hidden_tests_are_found_by_their_names_their_bodies_and_their_statements(built, folder):
    append(folder / "README.md", "We also run test_what_is_left_over.\n")
    body = HIDDEN.partition('pieces"""\n')[2]
    append(folder / "given.py", f"\n\ndef mine(student, reference):\n{body}")
    append(folder / "test_toy.py", "\n\n# expected = right.backward(right.forward(x), grad_output)\n")
    assert find_leaks(built, folder) == [
        "README.md: holds the name of a hidden test, test_what_is_left_over (autograder/toy/test_rest.py)",
        "given.py: holds a hidden test (autograder/toy/test_rest.py:4)",
        "given.py: holds a hidden test's statement (autograder/toy/test_rest.py:6)",
        "given.py: holds a hidden test's statement (autograder/toy/test_rest.py:7)",
        "test_toy.py: holds a hidden test's statement (autograder/toy/test_slope.py:13)",
    ]


def test_what_a_hidden_test_shares_with_the_public_checks_is_no_leak_but_a_whole_test_is(assignment):
    shared = "    numbers = [Scaler(factor).forward(np.ones(20)) for factor in range(7)]\n"
    append(assignment.checks_file, f"\n\ndef test_scale_many():\n{shared}    assert numbers\n")
    hidden = assignment.autograder_dir / "test_scale.py"
    append(hidden, f"\n\ndef test_many(student):\n{shared}    assert len(numbers) == 7\n")
    build(assignment, COLLECTED, Hints.STANDARD)
    edit(hidden, "assert len(numbers) == 7", "assert numbers")
    assert find_leaks(assignment, assignment.release_dir) == [
        "test_toy.py: holds a hidden test (autograder/toy/test_scale.py:17)",
        "toy.ipynb: holds a hidden test (autograder/toy/test_scale.py:17)",
    ]


def test_misconceptions_are_hidden_too(built, folder):
    append(folder / "README.md", "yield from (value for value in x if scaler.factor)")
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
    (deep / "a.ipynb").write_text("{ cache['out'][:] = self.factor * (x + HALF)", encoding="utf-8")
    (deep / "b.py").write_text("def ( cache['out'][:] = self.factor * (x + HALF)", encoding="utf-8")
    (deep / "c.bin").write_bytes(b"\xff\x00cache['out'][:]=self.factor*(x+HALF)")
    assert [leak.partition(":")[0] for leak in find_leaks(built, folder)] == [
        "data/notes/a.ipynb",
        "data/notes/b.py",
        "data/notes/c.bin",
    ]
