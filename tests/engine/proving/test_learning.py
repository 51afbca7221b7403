"""What mutants give is found out once, kept with the assignment, and told of answers that no misconception explains."""

from __future__ import annotations

from functools import partial

import pytest

import toy_course
from cnn_assignment.authoring.skeleton import make_skeleton
from cnn_assignment.explaining.mutant_rows import read_rows, rows_path
from cnn_assignment.explaining.mutant_words import LEAD, Place, SlipKind, tell
from cnn_assignment.proving.learning.candidates import make_candidates
from cnn_assignment.proving.learning.figure import find_mistaken, hold_back, is_changed
from cnn_assignment.proving.learning.rows import Learning
from cnn_assignment.running.pool import GraderProcess, collect_tasks, grade_all
from toy_course import SOLUTION, answer, submit, write

GRADE = partial(grade_all, solution_first=False)
MISCONCEPTIONS = """
from cnn_assignment.misconceptions import Misconception

MISCONCEPTIONS = [
    Misconception("negative", "scale", "Negative.",
                  edits={'cache["out"][:] = self.factor': 'cache["out"][:] = -self.factor'}),
    Misconception("thirds", "scale", "Thirds.", edits={"(x + HALF)": "(x + HALF / 3)"}),
]
"""
OUT = Place("Scaler.forward", 'cache["out"]', "is written or returned")


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course whose mutants are known, and where no misconceptions are."""
    course = toy_course.make_course(tmp_path_factory.mktemp("course"))
    learning = Learning(course, collect_tasks(course), GRADE)
    assert len(learning) > 50
    learning.run(2)
    return course


@pytest.fixture(scope="module")
def diagnose(course):
    with GraderProcess(course) as grader:

        def diagnose(task, **answers):
            report = grader.grade(submit(course.root, "ada", answer(**answers)))
            return [test.diagnosis for found in report.tasks if found.id == task for test in found.tests]

        yield diagnose


def test_what_is_kept_is_not_found_out_again(course):
    before = rows_path(course).read_bytes()
    again = Learning(course, collect_tasks(course), GRADE)
    assert len(again) == 0
    again.run()
    assert rows_path(course).read_bytes() == before


def test_a_mutants_kind_and_place_are_told_however_the_code_is_written(diagnose):
    # Of one value and of two it may be an accident; as many say nothing as say something, so the place is told.
    told = diagnose("cut", cut="for n in range(len(x) // self.size):\n    yield n, -x[n * self.size :][: self.size]")
    assert [sentence.startswith(LEAD) and "`Cutter.pieces`" in sentence for (sentence,) in told] == [True]


def test_an_answer_that_no_mutant_gives_is_told_as_before(diagnose):
    told = diagnose("scale", scale="cache['out'][:] = self.factor * (x + HALF) * 7")
    assert told[2] == ("Every value is the right one times 7. Look at where a factor of that size can come from.",)


def test_right_answers_and_open_gaps_are_told_nothing(diagnose):
    assert diagnose("scale") == [()] * 3
    assert diagnose("scale", scale='raise NotImplementedError("scale: fill in this gap")') == [()] * 3


def test_a_report_depends_on_the_course_and_not_on_what_was_graded_before(course):
    wrong = answer(cut="for n in range(len(x) // self.size):\n    yield n, -x[n * self.size :][: self.size]")
    with GraderProcess(course) as one:
        first = one.grade(submit(course.root, "ada", wrong)).to_json()
    with GraderProcess(course) as other:
        other.grade(submit(course.root, "bob", answer(scale="pass", cut="yield 1, -x")))
        assert other.grade(submit(course.root, "ada", wrong)).to_json() == first


def test_no_name_is_told_that_the_skeleton_does_not_have(course):
    skeleton = make_skeleton(SOLUTION, "toy.py", course.hints)
    candidates = make_candidates(course)
    assert all(candidate.place.name in skeleton for candidate in candidates)
    assert {candidate.place for candidate in candidates if candidate.task == "scale"} >= {OUT}
    # What the answer alone binds is no place.
    assert "number" not in {candidate.place.name for candidate in candidates}


def test_variants_are_mutated_too_and_only_their_method_is_told(course, tmp_path):
    copy = toy_course.copy_course(course, tmp_path / "course")
    text = SOLUTION.replace("self.factor * (x + HALF)", "secret").replace(
        "### BEGIN", "secret = (x + HALF) * self.factor #"
    )
    write(copy.proof_dir / "right/other.py", text)
    found = [candidate for candidate in make_candidates(copy) if candidate.is_of_variant]
    assert {candidate.place for candidate in found if candidate.task == "scale"} == {Place("Scaler.forward")}


def test_misconceptions_that_are_held_back_are_told_at_the_right_place_or_not_at_all(course, tmp_path):
    copy = toy_course.copy_course(course, tmp_path / "course")
    write(copy.autograder_dir / "misconceptions.py", MISCONCEPTIONS)
    assert read_rows(copy).made_from
    found = {entry.id: entry for entry in hold_back(copy, collect_tasks(copy), GRADE, 1)}
    assert found["thirds"].told == ""
    assert all(entry.is_right for entry in found.values() if entry.told)


def test_a_place_is_right_where_the_text_changes_it():
    other = SOLUTION.replace("self.factor * (x + HALF)", "x")
    assert is_changed(OUT, SOLUTION, other)
    assert is_changed(Place("Scaler.forward"), SOLUTION, other)
    assert not is_changed(Place("Scaler.forward", "cache", "is written"), SOLUTION, other)
    assert not is_changed(Place("Scaler.backward"), SOLUTION, other)
    assert tell(SlipKind.TERM, OUT) != tell(SlipKind.STEP, OUT)


def test_no_right_degenerate_or_equivalent_answer_is_taken_for_a_mutant(course):
    assert find_mistaken(course, collect_tasks(course), GRADE, 2) == []
