"""Proofs of an assignment: a sound one passes, and each way to be unsound is named."""

from __future__ import annotations

import json
import shutil

import pytest
import toy_course
from toy_course import TASKS, TOTAL, edit, run, write

from cnn_assignment.authoring import release
from cnn_assignment.errors import AuthoringError
from cnn_assignment.grading.pool import collect_tasks
from cnn_assignment.layout import load_assignment
from cnn_assignment.verify import count_claims, verify

STALE = "source/ and release/ are as a build makes them"
LEAKS = "answers and hidden tests in the release"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A course that was built; tests change copies of it."""
    assignment = toy_course.make_course(tmp_path_factory.mktemp("built") / "course")
    release.build(assignment, collect_tasks(assignment), assignment.hints)
    return assignment.root


@pytest.fixture
def course(built, tmp_path):
    return shutil.copytree(built, tmp_path / "course")


def prove(course, jobs=1):
    return verify(load_assignment(course, "toy"), jobs)


def broken(course):
    """What was found for each claim that does not hold."""
    return {finding.claim: finding.found for finding in prove(course, jobs=2) if not finding.holds}


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


def test_the_command_prints_the_proof_as_json_and_as_a_table(course):
    done = run("verify", "--json", cwd=course)
    data = json.loads(done.stdout)
    assert data["holds"] is True
    assert all(set(row) == {"claim", "expected", "found", "holds"} and row["holds"] for row in data["findings"])
    assert done.stderr == ""
    edit(course / "release/toy/toy.py", "class Cutter", "class  Cutter")
    done = run("verify", "toy", cwd=course, status=1)
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("NO"))
    assert "release/toy/toy.py: differs" in line
    assert done.stderr == ""


def test_a_wrong_solution_is_named(course):
    # The reference is the solution itself, so a test needs a number that was worked out by hand to notice.
    test = "\n\n@pytest.mark.points(1)\ndef test_by_hand(student):\n    '''By hand'''\n    fail('wrong') if True else None\n"
    hidden = course / "autograder/toy/test_cut.py"
    write(hidden, hidden.read_text(encoding="utf-8") + test.replace("fail('wrong') if True else None", BY_HAND))
    edit(course / "solutions/toy.py", "(number + 1) * self.size]", "(number + 2) * self.size]")
    found = broken(course)
    assert "cut: 2 (partial)" in found["the solution as a module"]
    assert "cut: 2 (partial)" in found["only cut filled"]


BY_HAND = (
    "assert_array(collect(student.Cutter(1).pieces([5.0, 6.0]), at_most=9)[0][1], [5.0], 'piece') "
    """if False else (
        fail("wrong") if fetch_all(student) != [5.0] else None)


def fetch_all(student):
    return collect(student.Cutter(1).pieces([5.0, 6.0]), at_most=9)[0][1]"""
)


@pytest.mark.parametrize(
    ("task", "old", "new", "fact"),
    [
        ("cut", "    x = rng", "    fail('never')\n    x = rng", "cut: 0 (failed)"),
        ("scale", "import pytest\n", "import pytest\nimport time\n", None),
        ("scale", '["out"]', '["absent"]', "scale: 0 (error)"),
    ],
)
def test_a_hidden_test_that_is_too_strict_is_named(course, task, old, new, fact):
    edit(course / f"autograder/toy/test_{task}.py", old, new)
    found = broken(course)
    if fact is None:
        assert found == {}
    else:
        assert {"the solution as a module", "the solution notebook", f"only {task} filled"} <= set(found)
        assert all(fact in text for claim, text in found.items() if claim.startswith(("the solution", "only")))


def test_a_hidden_test_that_passes_on_the_skeleton_is_named(course):
    hidden = course / "autograder/toy/test_cut.py"
    extra = "\n\n@pytest.mark.points(1)\ndef test_nothing(student):\n    '''Nothing at all'''\n"
    write(hidden, hidden.read_text(encoding="utf-8") + extra)
    found = broken(course)
    assert "1; cut: 1 (partial)" in found["the skeleton"]
    assert "1; cut: 1 (partial)" in found["the released notebook"]
    assert "cut: 1 (partial)" in found["only clear filled"]


def test_tasks_that_are_not_graded_on_their_own_are_named(course):
    edit(course / "autograder/toy/assignment.toml", 'clear = ["Cutter.pieces"]', "")
    found = broken(course)
    assert found["only clear filled"].startswith("0; clear: 0 (error)")


def test_a_broken_hidden_test_is_named(course):
    edit(course / "autograder/toy/test_cut.py", "    x = rng", "    x = 1 / 0\n    x = rng")
    found = broken(course)
    assert "a hidden test of cut is broken: ZeroDivisionError: division by zero" in found["the solution as a module"]


def test_an_answer_in_the_release_is_named(course):
    edit(
        course / "release/toy/toy.py",
        "class Cutter",
        "# yield number, x[number * self.size : (number + 1) * self.size]\nclass Cutter",
    )
    found = broken(course)
    assert set(found) == {STALE, LEAKS}
    assert "toy.py: holds an answer of the gap 'cut' (solutions/toy.py:" in found[LEAKS]
    assert "release/toy/toy.py: differs" in found[STALE]


@pytest.mark.parametrize(
    ("file", "old", "new", "stale"),
    [
        ("solutions/given.py", "What everybody gets", "What all get", "release/toy/given.py: differs"),
        ("source/toy.md", "# A toy", "# Another toy", "release/toy/toy.ipynb: differs"),
        ("autograder/toy/checks.py", "4.0).forward", "4).forward", "release/toy/test_toy.py: differs"),
    ],
)
def test_a_release_that_is_not_up_to_date_is_named(course, file, old, new, stale):
    edit(course / file, old, new)
    found = broken(course)
    assert set(found) == {STALE}
    assert stale in found[STALE]


def test_a_file_that_the_build_did_not_make_is_named(course):
    write(course / "release/toy/notes.txt", "mine")
    assert broken(course) == {STALE: "release/toy/notes.txt: not made by the build"}


@pytest.mark.parametrize("folder", ["source", "release"])
def test_an_assignment_that_is_not_built_is_refused(course, folder):
    shutil.rmtree(course / folder / "toy")
    with pytest.raises(
        AuthoringError, match=f"{folder}/toy: the assignment is not built. Run `cnn-assignment build toy`"
    ):
        prove(course)
