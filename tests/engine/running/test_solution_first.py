"""The solution is graded before any student, and where it loses marks nobody is graded at all."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

import cnn_kit
import toy_course
from cnn_assignment.core.errors import AuthoringError
from cnn_assignment.core.model import ReportStatus, Status
from cnn_assignment.running.class_run import CLASS_TABLE, GradingOptions, grade_class
from cnn_assignment.running.client import GraderProcess
from cnn_assignment.running.pool import grade_all
from cnn_assignment.running.solution_first import is_known_sound, require_full_marks
from cnn_assignment.running.students import find_students
from toy_course import TOTAL, edit, left_open, submit, write

DOUBLED = ('grads["convolution"], expected["convolution"]', 'grads["convolution"], 2 * expected["convolution"]')
TWICE = ("expected = right.backward(", "expected = 2 * right.backward(")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    """Nothing is known of any solution."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def course(tmp_path):
    assignment = toy_course.make_course(tmp_path / "course")
    submit(assignment.root, "ada", toy_course.SOLUTION)
    submit(assignment.root, "bob", left_open("cut"))
    return assignment


@pytest.fixture
def cnn(course_root, tmp_path):
    """A copy of the real course with one right submission."""
    root = cnn_kit.copy_course(course_root, tmp_path / "cnn", "release")
    write(root / "submitted/ada/cnn/cnn.py", (root / "solutions/cnn.py").read_bytes())
    return root


def grade(course, out, **options):
    students = find_students(course, course.root / "submitted")
    return grade_class(course, students, GradingOptions(out, **options))


def grade_and_be_refused(cnn, *words):
    """What the command says of a course whose solution loses marks, after it left nothing behind."""
    said = cnn_kit.run("cnn-assignment", "grade", "cnn", "submitted", "--out", "out", *words, cwd=cnn, status=2)
    assert list((cnn / "out").glob("[!.]*")) == []
    assert not (cnn / "autograded").exists()
    return said


def test_a_hidden_test_that_is_wrong_stops_the_class_and_is_named(cnn):
    edit(cnn / "autograder/cnn/test_cnn_chain.py", *DOUBLED)
    said = grade_and_be_refused(cnn)
    assert "autograder/cnn: solutions/cnn.py, the solution itself, gets " in said
    assert " of 100, so nothing is graded:\n  cnn-chain: test_" in said
    assert 'grads["convolution"]' in said
    assert "`pytest autograder/cnn --submission solutions/cnn.py` one test." in said


@pytest.mark.parametrize("name", cnn_kit.CLASSES)
def test_a_class_that_the_settings_leave_out_is_named(cnn, name):
    listed = ", ".join(f'"{each}"' for each in cnn_kit.CLASSES)
    edit(cnn / "autograder/cnn/assignment.toml", listed, ", ".join(f'"{e}"' for e in cnn_kit.CLASSES if e != name))
    said = grade_and_be_refused(cnn, "--no-gradebook")
    assert f"{name} is not defined" in said
    assert f"Name {name} among the classes in assignment.toml." in said


def test_nbgrader_refuses_once_and_not_for_every_student(cnn):
    for student in ("bob", "cyd"):
        shutil.copytree(cnn / "submitted/ada", cnn / "submitted" / student)
    edit(cnn / "autograder/cnn/test_cnn_chain.py", *DOUBLED)
    said = cnn_kit.run("nbgrader", "autograde", "cnn", "--create", cwd=cnn, status=1)
    assert said.count("so nothing is graded") == 1
    assert "Traceback" not in said
    assert not (cnn / "autograded").exists()


@pytest.fixture
def count(course, tmp_path):
    """How often a hidden test was passed, in whatever process; of the class nobody passes it."""
    counted = write(tmp_path / "counted", "")
    test = course.autograder_dir / "test_cut.py"
    write(test, test.read_text(encoding="utf-8") + f"    open({str(counted)!r}, 'a').write('.')\n")
    submit(course.root, "ada", left_open("cut", "clear"))
    return lambda: len(counted.read_text(encoding="utf-8"))


def test_the_solution_is_graded_once_for_each_state_of_the_assignment(course, count, tmp_path):
    for _ in range(2):
        assert [report.score for report in grade(course, tmp_path / "out", fresh=True).reports] == [3.0, TOTAL - 2]
        assert count() == 1
    assert is_known_sound(course)
    edit(course.autograder_dir / "test_cut.py", "at_most=10", "at_most=11")
    assert not is_known_sound(course)
    grade(course, tmp_path / "out")
    assert count() == 2


def test_processes_that_start_together_grade_the_solution_once(course, count):
    submissions = [submit(course.root, str(number), left_open("cut")) for number in range(4)]
    assert len(list(grade_all(course, submissions, 2))) == 4
    assert count() == 1


def test_what_was_graded_before_stays_as_it_was(course, tmp_path):
    out = tmp_path / "out"
    grade(course, out)
    before = {path.name: path.read_bytes() for path in out.glob("[!.]*")}
    assert CLASS_TABLE in before
    edit(course.autograder_dir / "test_slope.py", *TWICE)
    with pytest.raises(AuthoringError, match=r"gets 6 of 8, so nothing is graded:\n  slope: test_values: gradient: "):
        grade(course, out)
    assert {path.name: path.read_bytes() for path in out.glob("[!.]*")} == before


def test_a_hidden_test_that_breaks_withholds_grades_and_is_not_taken_for_sound(course, tmp_path):
    edit(course.autograder_dir / "test_cut.py", "    x = rng", "    x = 1 / 0\n    x = rng")
    assert {report.status for report in grade(course, tmp_path / "out").reports} == {ReportStatus.GRADER_ERROR}
    assert not is_known_sound(course)


def test_what_students_do_not_have_does_not_help_the_solution(course, tmp_path):
    # It works where it lies, beside a module that is not among the provided files.
    write(course.root / "solutions/secret.py", "HALF = 0.5\n")
    edit(course.solution_file, "from given import HALF", "from secret import HALF")
    with pytest.raises(AuthoringError, match=r"gets . of 8, so nothing is graded:\n  scale: test_values"):
        grade(course, tmp_path / "out")


def make_notebook(course, *cells):
    write(course.source_file, toy_course.notebook(*cells))


def test_the_notebook_that_is_built_from_the_solution_counts_too(course, tmp_path):
    solution = course.solution_file.read_text(encoding="utf-8")
    make_notebook(course, solution)
    grade(course, tmp_path / "out")
    make_notebook(course, solution.replace("from given import HALF", ""))
    with pytest.raises(AuthoringError, match=r"source/toy/toy.ipynb, the solution itself, gets 5 of 8"):
        grade(course, tmp_path / "out", fresh=True)


def test_a_notebook_that_was_built_from_another_solution_says_nothing(course, tmp_path):
    make_notebook(course, course.solution_file.read_text(encoding="utf-8").replace("self.factor * (x", "(x"))
    assert [report.score for report in grade(course, tmp_path / "out").reports] == [TOTAL, TOTAL - 2]


# The machine's faults


@pytest.fixture
def report(course):
    """The solution's own report."""
    with GraderProcess(course) as grader:
        return grader.grade(submit(course.root, "solution", toy_course.SOLUTION))


def lose(report, status):
    """The report, with its first test lost."""
    first, *others = report.tasks
    lost = replace(first.tests[0], outcome=status, score=0.0, message="took longer than 0.3 s")
    tasks = (replace(first, tests=(lost, *first.tests[1:])), *others)
    return replace(report, score=report.score - lost.max_score, tasks=tasks)


def answer_with(*reports):
    """What gives these reports one after the other."""
    left = list(reports)
    return lambda _: left.pop(0)


@pytest.mark.parametrize("status", [Status.TIMEOUT, Status.ERROR, Status.FAILED])
def test_what_goes_wrong_once_stops_nobody(course, report, status):
    require_full_marks(course, answer_with(lose(report, status), report))
    assert is_known_sound(course)
    # Never asked again.
    require_full_marks(course, answer_with())


def test_the_machine_is_named_where_the_solution_runs_out_of_time(course, report):
    late = lose(report, Status.TIMEOUT)
    with pytest.raises(
        AuthoringError, match=r"ran out of time in 1 tests, twice.*\n  scale.*Where this machine is busy"
    ):
        require_full_marks(course, answer_with(late, late))
    assert not is_known_sound(course)


def test_a_solution_that_cannot_be_read_is_told_with_the_reason(course, report):
    lost = replace(report, status=ReportStatus.UNREADABLE, notes=("it took more than 512 MiB to read.", "a note"))
    with pytest.raises(
        AuthoringError, match=r"cannot be read, so nothing is graded: it took more than 512 MiB to read\. `"
    ):
        require_full_marks(course, answer_with(lost, lost))


def test_a_cache_that_cannot_be_written_costs_time_only(course, report, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(write(tmp_path / "file", "no folder") / "cache"))
    for _ in range(2):
        require_full_marks(course, answer_with(report))
    assert not is_known_sound(course)


def test_a_proof_may_still_ask_what_the_solution_loses(course):
    edit(course.autograder_dir / "test_slope.py", *TWICE)
    (report,) = grade_all(course, [submit(course.root, "ada", toy_course.SOLUTION)], 1, solution_first=False)
    assert report.score == TOTAL - 2
    with pytest.raises(AuthoringError, match="so nothing is graded"):
        GraderProcess(course, solution_first=True)
