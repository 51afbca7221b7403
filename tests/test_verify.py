"""Proofs of an assignment: a sound one passes, and each way to be unsound is named."""

from __future__ import annotations

import json
import shutil

import pytest
from click.testing import CliRunner

import toy_course
from cnn_assignment.authoring import release
from cnn_assignment.cli import main
from cnn_assignment.errors import AuthoringError
from cnn_assignment.grading.pool import collect_tasks
from cnn_assignment.layout import load_assignment
from cnn_assignment.verify import count_claims, verify
from toy_course import TASKS, TOTAL, edit, run, write

STALE = "source/ and release/ are as a build makes them"
LEAKS = "answers and hidden tests in the release"

BY_HAND = '''

@pytest.mark.points(1)
def test_by_hand(student):
    """Worked out by hand"""
    pieces = collect(student.Cutter(1).pieces(np.array([5.0, 6.0])), at_most=9)
    assert_array(pieces[0][1], np.array([5.0]), "piece")
'''

NOTHING = '''

@pytest.mark.points(1)
def test_nothing(student):
    """Nothing at all"""
'''


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A course that was built; tests change copies of it."""
    assignment = toy_course.make_course(tmp_path_factory.mktemp("built") / "course")
    release.build(assignment, collect_tasks(assignment), assignment.hints)
    return assignment.root


@pytest.fixture
def course(built, tmp_path):
    return shutil.copytree(built, tmp_path / "course")


def broken(course):
    """What was found for each claim that does not hold."""
    return {finding.claim: finding.found for finding in verify(load_assignment(course, "toy")) if not finding.holds}


def add(course, task, test):
    """Add a hidden test to a task."""
    path = course / f"autograder/toy/test_{task}.py"
    write(path, path.read_text(encoding="utf-8") + test)


def test_a_sound_assignment_passes_and_every_finding_is_told(built):
    told = []
    assignment = load_assignment(built, "toy")
    findings = verify(assignment, 2, told.append)
    assert all(finding.holds for finding in findings), findings
    assert [finding.claim for finding in findings] == [
        "the solution as a module",
        "the solution notebook",
        "the skeleton",
        "the released notebook",
        *(f"only {task} filled" for task in TASKS),
        STALE,
        LEAKS,
    ]
    assert {finding.claim for finding in told} == {finding.claim for finding in findings}
    assert len(told) == len(findings) == count_claims(assignment)
    assert findings[0].expected == findings[0].found == f"{TOTAL:g}"


def test_the_command_prints_the_proof_as_a_table_and_as_json(course):
    table = CliRunner().invoke(main, ["--course-dir", str(course), "verify"], prog_name="cnn-assignment")
    assert table.exit_code == 0
    assert [line.split()[0] for line in table.stdout.splitlines()] == ["claim", *["ok"] * (len(TASKS) + 6)]
    edit(course / "release/toy/toy.py", "class Cutter", "class  Cutter")
    done = run("verify", "toy", "--json", cwd=course, status=1)
    data = json.loads(done.stdout)
    assert data["holds"] is False
    assert all(set(row) == {"claim", "expected", "found", "holds"} for row in data["findings"])
    assert [row["found"] for row in data["findings"] if not row["holds"]] == ["release/toy/toy.py: differs"]
    assert done.stderr == ""


def test_a_wrong_solution_is_named(course):
    # Most tests compare with the solution itself; one that was worked out by hand does not.
    edit(course / "autograder/toy/test_cut.py", "import pytest\n", "import numpy as np\nimport pytest\n")
    add(course, "cut", BY_HAND)
    edit(course / "solutions/toy.py", "(number + 1) * self.size]", "(number + 2) * self.size]")
    found = broken(course)
    assert "cut: 2 (partial)" in found["the solution as a module"]
    assert "cut: 2 (partial)" in found["only cut filled"]
    assert "the skeleton" not in found


def test_a_hidden_test_that_is_too_strict_is_named(course):
    edit(course / "autograder/toy/test_cut.py", "    x = rng", "    fail('never')\n    x = rng")
    found = broken(course)
    assert found["the solution as a module"] == "6; cut: 0 (failed)"
    assert found["the solution notebook"] == "6; cut: 0 (failed)"
    assert found["only cut filled"] == "0; cut: 0 (failed)"


def test_a_hidden_test_that_passes_on_the_skeleton_is_named(course):
    add(course, "cut", NOTHING)
    found = broken(course)
    assert found["the skeleton"] == "1; cut: 1 (partial)"
    assert found["the released notebook"] == "1; cut: 1 (partial)"
    assert "cut: 1 (partial)" in found["only clear filled"]


def test_a_task_that_is_not_graded_on_its_own_is_named(course):
    edit(course / "autograder/toy/assignment.toml", 'clear = ["Cutter.pieces"]', "")
    assert broken(course)["only clear filled"] == "0; clear: 0 (error)"


def test_a_broken_hidden_test_is_named(course):
    edit(course / "autograder/toy/test_cut.py", "    x = rng", "    x = 1 / 0\n    x = rng")
    found = broken(course)
    assert "a hidden test of cut is broken: ZeroDivisionError: division by zero" in found["the solution as a module"]


def test_an_answer_in_the_release_is_named(course):
    leak = "# yield number, x[number * self.size : (number + 1) * self.size]\nclass Cutter"
    edit(course / "release/toy/toy.py", "class Cutter", leak)
    found = broken(course)
    assert set(found) == {STALE, LEAKS}
    assert "toy.py: holds an answer of the gap 'cut' (solutions/toy.py:" in found[LEAKS]
    assert "release/toy/toy.py: differs" in found[STALE]


def test_a_release_that_is_not_up_to_date_is_named_file_by_file(course):
    edit(course / "solutions/given.py", "What everybody gets", "What all get")
    edit(course / "source/toy.md", "# A toy", "# Another toy")
    write(course / "release/toy/notes.txt", "mine")
    (course / "release/toy/README.md").unlink()
    found = broken(course)
    assert set(found) == {STALE}
    for name in ("given.py: differs", "toy.ipynb: differs", "notes.txt: not made by the build", "README.md: missing"):
        assert f"release/toy/{name}" in found[STALE]
    assert "test_toy.py" not in found[STALE]


@pytest.mark.parametrize("folder", ["source", "release"])
def test_an_assignment_that_is_not_built_is_refused(course, folder):
    shutil.rmtree(course / folder / "toy")
    with pytest.raises(
        AuthoringError, match=f"{folder}/toy: the assignment is not built. Run `cnn-assignment build toy`"
    ):
        verify(load_assignment(course, "toy"))
