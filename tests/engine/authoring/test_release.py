"""Releases: built by nbgrader itself, the same bytes every time, whole or not at all."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook
from traitlets.config import Config

import toy_course
from cnn_assignment.authoring.release import write_source
from cnn_assignment.core.errors import AuthoringError
from cnn_assignment.core.layout import load_assignment
from cnn_assignment.core.model import Hints
from cnn_assignment.nbgrader_course.converting.gap_opener import OpenGaps, configure_generate
from release_kit import build, check
from toy_course import COLLECTED, copy_course, edit, make_course, tree, write

TASKS = (COLLECTED[0], replace(COLLECTED[1], title="The slope | of scaling", max_score=1.5), *COLLECTED[2:])
FILES = ["README.md", "given.py", "requirements.txt", "test_toy.py", "toy.ipynb", "toy.py"]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A course that was built once; tests only read it."""
    assignment = make_course(tmp_path_factory.mktemp("built"))
    paths = build(assignment, TASKS, Hints.STANDARD)
    return assignment, paths


@pytest.fixture
def assignment(built, tmp_path):
    """A course of a test's own, built in the standard edition."""
    return copy_course(built[0], tmp_path / "course")


def gradebook(assignment):
    return closing(Gradebook(f"sqlite:///{assignment.root / 'gradebook.db'}"))


def source_of(notebook: Path, grade_id: str) -> str:
    cells = nbformat.read(notebook, as_version=4).cells
    return next(cell.source for cell in cells if cell.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


def test_source_and_release_hold_what_students_get_and_nothing_else(built):
    assignment, paths = built
    assert sorted(tree(assignment.source_dir)) == FILES
    assert sorted(tree(assignment.release_dir)) == FILES
    folders = (assignment.source_dir, assignment.release_dir)
    assert paths == [folder / name for folder in folders for name in FILES]


def test_only_the_source_notebook_has_answers(built):
    assignment, _ = built
    assert "self.factor * (x + HALF)" in source_of(assignment.source_dir / "toy.ipynb", "Scaler")
    released = source_of(assignment.release_dir / "toy.ipynb", "Scaler")
    assert '# cache["out"][?] = ...\n        raise NotImplementedError("scale: fill in this gap")' in released
    for folder in (assignment.source_dir, assignment.release_dir):
        assert released in (folder / "toy.py").read_text(encoding="utf-8")
    holders = [
        path.name
        for folder in (assignment.source_dir, assignment.release_dir)
        for path in folder.iterdir()
        if b"self.factor * (x + HALF)" in path.read_bytes()
    ]
    assert holders == ["toy.ipynb"]


def test_checks_and_provided_files_come_as_they_are(built):
    assignment, _ = built
    files = tree(assignment.release_dir)
    assert files["test_toy.py"].decode() == toy_course.CHECKS
    assert files["given.py"].decode() == toy_course.GIVEN
    assert files["requirements.txt"].decode() == "numpy\n"


def test_the_readme_tells_tasks_points_and_files(built):
    assignment, _ = built
    text = (assignment.release_dir / "README.md").read_text(encoding="utf-8")
    assert text.startswith("# A toy\n\n| file | what it is |\n| --- | --- |\n| `toy.ipynb` |")
    assert "| `scale` | Scaling | 1 |\n| `slope` | The slope \\| of scaling | 1.5 |\n| `cut` | Cutting | 2 |\n" in text
    assert "| | total | 7.5 |" in text
    assert "| `given.py` | provided" in text
    assert "Python 3" not in text


def test_what_the_settings_say_of_python_and_packages_is_told(tmp_path, built):
    assignment, _ = built
    settings = replace(assignment, python="3.12", requirements=("pytest==9.2.0", "jupyterlab"))
    write_source(settings, TASKS, assignment.hints, tmp_path / "toy")
    assert (tmp_path / "toy/requirements.txt").read_text(encoding="utf-8") == "pytest==9.2.0\njupyterlab\n"
    text = (tmp_path / "toy/README.md").read_text(encoding="utf-8")
    assert "\n\nYour work is graded with Python 3.12 or newer, so write it for Python 3.12: " in text


def test_students_cannot_delete_cells_nor_edit_checks(built):
    assignment, _ = built
    cells = nbformat.read(assignment.release_dir / "toy.ipynb", as_version=4).cells
    flags = {
        cell.metadata.nbgrader.grade_id: (cell.metadata.deletable, cell.metadata.get("editable", True))
        for cell in cells
        if "nbgrader" in cell.metadata
    }
    assert flags["Scaler"] == (False, True)
    assert flags["scale"] == (False, False)


def test_building_again_elsewhere_and_later_gives_the_same_bytes_and_prints_nothing(
    built, tmp_path, monkeypatch, capfd
):
    assignment, _ = built
    other = copy_course(assignment, tmp_path / "another place")
    (other.source_dir / "answers.py").write_text("", encoding="utf-8")  # files by hand go
    shutil.rmtree(other.release_dir)
    for path in tmp_path.rglob("*"):
        os.utime(path, (0, 0))
    monkeypatch.chdir(tmp_path)
    build(other, TASKS, Hints.STANDARD)
    assert tree(other.source_dir) == tree(assignment.source_dir)
    assert tree(other.release_dir) == tree(assignment.release_dir)
    assert sorted(path.name for path in other.source_dir.parent.iterdir()) == ["toy", "toy.md"]
    assert Path.cwd() == tmp_path
    assert capfd.readouterr() == ("", "")


def test_the_plain_nbgrader_command_releases_the_same_bytes_in_the_edition_of_the_build(assignment):
    build(assignment, TASKS, Hints.GUIDED)
    before = tree(assignment.release_dir)
    shutil.rmtree(assignment.release_dir)
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", "toy", "--force"]
    subprocess.run(command, cwd=assignment.root, check=True, capture_output=True)
    assert tree(assignment.release_dir) == before


def test_the_edition_may_be_set_in_the_course_configuration(assignment):
    write(assignment.root / "nbgrader_config.py", toy_course.CONFIG + 'get_config().OpenGaps.hints = "open"\n')
    build(assignment, TASKS, Hints.GUIDED)
    assert "# your code here\n" in source_of(assignment.release_dir / "toy.ipynb", "Scaler")


def test_a_course_without_a_configuration_can_be_built(assignment):
    (assignment.root / "nbgrader_config.py").unlink()
    build(assignment, TASKS, Hints.STANDARD)
    assert "NotImplementedError" in source_of(assignment.release_dir / "toy.ipynb", "Scaler")


def test_the_configuration_replaces_one_step_and_may_be_loaded_twice():
    from nbgrader.converters import GenerateAssignment
    from nbgrader.preprocessors import ClearSolutions

    config = Config()
    configure_generate(config)
    once = list(config.GenerateAssignment.preprocessors)
    configure_generate(config)
    assert config.GenerateAssignment.preprocessors == once
    default = GenerateAssignment().preprocessors
    assert [ClearSolutions if step is OpenGaps else step for step in once] == default
    assert ClearSolutions not in once


def test_a_notebook_that_the_kit_did_not_make_is_cleared_by_nbgrader_as_ever():
    cell = nbformat.v4.new_code_cell("### BEGIN SOLUTION\nx = 1\n### END SOLUTION")
    cell.metadata.nbgrader = {"schema_version": 3, "grade": False, "solution": True, "locked": False, "grade_id": "a"}
    notebook = nbformat.v4.new_notebook(cells=[cell])
    cleared, _ = OpenGaps().preprocess(notebook, {})
    assert cleared.cells[0].source == "# YOUR CODE HERE\nraise NotImplementedError()"


def test_a_build_records_the_assignment_and_its_points(built):
    assignment, _ = built
    with gradebook(assignment) as book:
        points = {cell.name: cell.max_score for cell in book.find_notebook("toy", "toy").grade_cells}
    assert points == {"scale": 1.0, "slope": 1.5, "cut": 2.0, "clear": 3.0}


def test_check_finds_nothing_after_a_build_and_leaves_the_gradebook_alone(built):
    assignment, _ = built
    before = tree(assignment.root)
    assert check(assignment, TASKS, Hints.STANDARD) == []
    assert tree(assignment.root) == before


def test_check_needs_no_gradebook_and_makes_none(tmp_path):
    assignment = make_course(tmp_path)
    found = check(assignment, TASKS, Hints.STANDARD)
    assert found == [f"{folder}/toy/{name}: missing" for folder in ("source", "release") for name in FILES]
    assert sorted(path.name for path in assignment.root.iterdir()) == [
        "autograder",
        "nbgrader_config.py",
        "solutions",
        "source",
    ]


def test_check_shows_what_differs_and_what_is_too_much(assignment):
    (assignment.release_dir / "answers.txt").write_text("42", encoding="utf-8")
    (assignment.release_dir / "__pycache__").mkdir()
    (assignment.release_dir / "__pycache__" / "toy.pyc").write_bytes(b"")
    (assignment.release_dir / "given.py").write_bytes(b"\xff")
    edit(assignment.source_dir / "toy.py", '"""Two toys."""', '"""Three toys."""')
    (assignment.source_dir / "requirements.txt").write_text("x\n" * 200, encoding="utf-8")
    found = check(assignment, TASKS, Hints.STANDARD)
    assert [text.split("\n")[0] for text in found] == [
        "source/toy/requirements.txt: differs",
        "source/toy/toy.py: differs",
        "release/toy/answers.txt: not made by the build",
        "release/toy/given.py: differs",
    ]
    assert '\n-"""Three toys."""\n+"""Two toys."""\n' in found[1]
    assert found[0].endswith("\n... 144 more lines")


def test_a_leak_leaves_the_last_build_and_the_gradebook_as_they_were(assignment):
    edit(assignment.narrative_file, "# A toy", "Write `np.sum((cache['x'] + HALF) * grad_output, keepdims=True)`.")
    before = tree(assignment.root)
    with pytest.raises(AuthoringError, match=r"(?s)^release/toy: students would get .*toy.ipynb: holds an answer of"):
        build(assignment, TASKS, Hints.STANDARD)
    assert tree(assignment.root) == before


def test_a_version_with_other_cells_is_refused_once_there_are_submissions(assignment):
    with gradebook(assignment) as book:
        book.update_or_create_student("ada")
        book.update_or_create_submission("toy", "ada")
    edit(assignment.solution_file, "SOLUTION scale", "SOLUTION scale-all")
    edit(assignment.narrative_file, "scale", "scale-all")
    edit(assignment.checks_file, "test_scale", "test_scale_all")
    files = {name: data for name, data in tree(assignment.root).items() if name != "gradebook.db"}
    tasks = (replace(TASKS[0], id="scale-all"), *TASKS[1:])
    with pytest.raises(AuthoringError, match=r"^source/toy: nbgrader could not .* there are submissions associated"):
        build(assignment, tasks, Hints.STANDARD)
    assert {name: data for name, data in tree(assignment.root).items() if name != "gradebook.db"} == files


@pytest.mark.parametrize(
    ("provided", "message"),
    [
        ("toy.py", r"^autograder/toy/assignment.toml: 'toy.py' cannot be a provided file"),
        ("../autograder/toy/checks.py", r"^autograder/toy/assignment.toml: 'checks.py' cannot be a provided file"),
        ("gone.py", r"^solutions/gone.py: no such provided file"),
    ],
)
def test_a_provided_file_must_be_another_file_in_solutions(built, tmp_path, provided, message):
    assignment, _ = built
    with pytest.raises(AuthoringError, match=message):
        write_source(replace(assignment, provided=(provided,)), TASKS, Hints.STANDARD, tmp_path / "into")


WALK = """class Walk:
    def go(self, steps):
        ### BEGIN SOLUTION walk-go
        return sum(steps, start=len(steps) - len(steps))
        ### END SOLUTION
"""


def test_a_solution_whose_deadline_is_over_is_provided_solved_and_without_markers(tmp_path):
    root = make_course(tmp_path / "course").root
    write(root / "solutions/walk.py", WALK)
    write(root / "autograder/walk/assignment.toml", 'classes = ["Walk"]\n')
    settings = root / "autograder/toy/assignment.toml"
    edit(settings, '["given.py"]', '["given.py", "walk.py"]')
    with pytest.raises(AuthoringError, match=r"walk\.py: holds the marker of a gap"):
        build(load_assignment(root, "toy"), COLLECTED, Hints.STANDARD)
    edit(settings, "seed = 3", 'seed = 3\nprovided_solutions = ["walk.py"]')
    assignment = load_assignment(root, "toy")
    build(assignment, COLLECTED, Hints.STANDARD)
    lines = WALK.splitlines(keepends=True)
    released = (assignment.release_dir / "walk.py").read_text(encoding="utf-8")
    assert released == "".join(line for line in lines if "###" not in line)
    # The assignment's own answers stay at home.
    assert "NotImplementedError" in (assignment.release_dir / "toy.py").read_text(encoding="utf-8")
