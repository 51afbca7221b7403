"""Proofs of an assignment: a sound one passes, and each way to be unsound is named."""

from __future__ import annotations

import json
import shutil
import sys

import pytest
from click.testing import CliRunner

from cnn_assignment.cli import main
from cnn_assignment.cli.proving import make_proof
from cnn_assignment.core.errors import AuthoringError
from cnn_assignment.core.layout import load_assignment
from cnn_assignment.running.pool import collect_tasks
from processes import run
from release_kit import build
from toy_course import SOLUTION, TASKS, edit, write

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


@pytest.fixture
def course(built, tmp_path):
    return shutil.copytree(built, tmp_path / "course")


def prove(course, **options):
    """A proof that was run."""
    proof = make_proof(load_assignment(course, "toy"), **options)
    proof.run(1)
    return proof


@pytest.mark.parametrize(
    ("told", "holds"), [("3.11", True), (f"{sys.version_info[0]}.{sys.version_info[1] + 1}", False)]
)
def test_a_python_older_than_students_are_told_is_found(course, told, holds):
    edit(course / "autograder/toy/assignment.toml", "seed = 3", f'seed = 3\npython = "{told}"')
    assignment = load_assignment(course, "toy")
    build(assignment, collect_tasks(assignment), assignment.hints)
    proof = make_proof(assignment, gate=False)
    proof.run(2)
    (finding,) = (finding for finding in proof.findings if finding.claim == "the Python that students are told grades")
    assert (finding.expected, finding.holds) == (f"{told} or newer", holds)
    assert finding.found == f"{sys.version_info[0]}.{sys.version_info[1]}"


def broken(course):
    """What was found for each claim that does not hold, of those on solution, skeleton, build and release."""
    return {finding.claim: finding.found for finding in prove(course, gate=False).findings if not finding.holds}


def add(course, task, test):
    """Add a hidden test to a task."""
    path = course / f"autograder/toy/test_{task}.py"
    write(path, path.read_text(encoding="utf-8") + test)


def test_a_sound_assignment_passes_and_every_trial_is_told(built):
    told = []
    proof = make_proof(load_assignment(built, "toy"))
    proof.run(2, told.append)
    assert proof.holds, proof.survivors
    assert proof.survivors == []
    assert [finding.claim for finding in proof.findings] == [
        "the solution as a module",
        "the solution notebook",
        "the skeleton",
        "the released notebook",
        *(f"only {task} filled" for task in TASKS),
        "28 degenerate answers earn nothing",
        "92 mutants of the gaps lose marks",
        "2 mutants that are listed as equivalent keep theirs",
        "traits of test cases that never vary, or never differ",
        "4 public checks pass on the solution",
        "4 check cells pass in the notebook of the solution",
        "4 public checks fail on the skeleton",
        "4 check cells fail in the notebook of the skeleton",
        STALE,
        LEAKS,
    ]
    assert len(told) == len(proof)


def test_the_command_prints_the_proof_as_a_table_and_as_json(course):
    table = CliRunner().invoke(main, ["--course-dir", str(course), "verify"], prog_name="cnn-assignment")
    assert table.exit_code == 0
    lines = table.stdout.splitlines()
    assert [line.split()[0] for line in lines[: len(TASKS) + 16]] == ["claim", *["ok"] * (len(TASKS) + 14), "task"]
    assert [line.split()[0] for line in lines[len(TASKS) + 16 :]] == list(TASKS)
    edit(course / "release/toy/toy.py", "class Cutter", "class  Cutter")
    done = run("verify", "toy", "--json", cwd=course, status=1)
    data = json.loads(done.stdout)
    assert set(data) == {"holds", "findings", "tasks", "survivors"}
    assert data["holds"] is False
    assert all(set(row) == {"claim", "expected", "found", "holds"} for row in data["findings"])
    assert [row["found"] for row in data["findings"] if not row["holds"]] == ["release/toy/toy.py: differs"]
    assert [row["id"] for row in data["tasks"]] == list(TASKS)
    assert all(row["mutants"]["count"] == row["mutants"]["killed"] > 5 for row in data["tasks"])
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
        make_proof(load_assignment(course, "toy"))


# The gate


def add_misconceptions(course, *entries):
    write(course / "autograder/toy/misconceptions.py", MISCONCEPTIONS.format(entries="\n".join(entries)))


MISCONCEPTIONS = """
from cnn_assignment.misconceptions import Misconception

MISCONCEPTIONS = [
{entries}
]
"""
NO_HALF = 'Misconception("no-half", "scale", "The half is left out.", edits={"(x + HALF)": "x"}),'


TWIN = NO_HALF.replace("no-half", "twin").replace("left out", "forgotten")


def survivors(course):
    return prove(course).survivors


def test_misconceptions_that_are_caught_and_told_are_counted_and_may_stand_for_each_other(course):
    add_misconceptions(course, NO_HALF, TWIN.replace("edits=", 'same_as=["no-half"], edits='))
    proof = prove(course)
    assert proof.holds, proof.survivors
    assert proof.table[0].to_json() == {
        "id": "scale",
        "misconceptions": {"count": 2, "caught": 2, "fully_explained": 2},
        "mutants": {"count": proof.table[0].mutants[0], "killed": proof.table[0].mutants[0], "equivalent": 1},
        "degenerate": {"count": 7, "caught": 7},
    }


def test_misconceptions_that_are_not_what_they_say_survive(course):
    # Another task that sees one of the mistakes, and has no stand-in for it.
    edit(course / "autograder/toy/assignment.toml", 'clear = ["Cutter.pieces"]', "")
    entries = {
        'Misconception("same", "scale", "It is.", edits={"(x + HALF)": "(HALF + x)"}),': "same: keeps all its marks",
        'Misconception("far", "cut", "Too far.", edits={"// self.size": "// self.size + (len(x) == 7)"}),': (
            "far: costs this task marks"
        ),
        NO_HALF: "",
        TWIN: "misconception scale: twin: is taken for no-half",
        'Misconception("ours", "slope", "Its own task.", edits={"self.factor * (x + HALF)": "x"}),': (
            "ours: keeps all its marks"
        ),
    }
    add_misconceptions(course, *entries)
    found = survivors(course)
    for survivor in filter(None, entries.values()):
        assert any(survivor in line for line in found), found


def test_a_hidden_test_that_is_too_weak_lets_mutants_and_degenerate_answers_through(course):
    edit(course / "autograder/toy/test_slope.py", "    assert_array(", "    return\n    assert_array(")
    data = json.loads(run("verify", "--json", cwd=course, status=1).stdout)
    found = data["survivors"]
    assert any(line.startswith("degenerate answer slope: zeros: passes test_values. ") for line in found)
    assert any(line.startswith("mutant slope: line 1: ") and line.endswith("keeps all its marks") for line in found)
    assert data["tasks"][1]["mutants"]["killed"] == 0


def test_a_right_solution_that_loses_marks_survives_and_is_told_where(course):
    right = SOLUTION[SOLUTION.index("class Scaler") : SOLUTION.index("class Cutter")]
    write(course / "autograder/toy/proof/right/good.py", f"import numpy as np\n\nfrom given import HALF\n\n\n{right}")
    write(course / "autograder/toy/proof/right/bad.py", f"import numpy as np\nHALF = 0.25\n{right}")
    found, *public = survivors(course)
    assert found.startswith("right solution bad: loses marks in 4 tests, the first scale: test_values[1]: out: 1 of 1")
    assert all(line.startswith("right solution bad: ") and "_values" in line for line in public)
    assert {"public check" in line for line in public} == {True, False}


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("right/wrong.py", "x = 1\n", "toy/proof/right/wrong.py: it defines none of Scaler, Cutter"),
        ("right/wrong.py", "class Scaler(:\n", "toy/proof/right/wrong.py:1: not valid Python"),
        ("equivalent_mutants.toml", "[[mutant]\n", "equivalent_mutants.toml: not valid TOML"),
        ("equivalent_mutants.toml", '[[mutant]]\ntask = "cut"\n', "an entry that is not task, change and reason"),
        (
            "equivalent_mutants.toml",
            '[[mutant]]\ntask = "cut"\nchange = "line 9: a -> b"\nreason = "None."\n',
            "no such mutant of cut: line 9: a -> b. The solution was changed since",
        ),
    ],
)
def test_proof_material_that_does_not_fit_is_refused(course, file, text, message):
    write(course / "autograder/toy/proof" / file, text)
    with pytest.raises(AuthoringError, match=message):
        make_proof(load_assignment(course, "toy"))


def test_a_mutant_that_is_listed_as_equivalent_and_is_not_survives(course):
    path = course / "autograder/toy/proof/equivalent_mutants.toml"
    entry = "\n[[mutant]]\ntask = 'clear'\nchange = 'line 2: view[:] -> view[1:]'\nreason = 'Wrong.'\n"
    write(path, path.read_text(encoding="utf-8") + entry)
    (found,) = survivors(course)
    assert found == ("equivalent mutant clear: line 2: view[:] -> view[1:]: loses marks, so it is not equivalent")
