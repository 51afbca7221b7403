"""`nbgrader autograde` and formgrader with the kit plugged in, as real processes on a toy course."""

from __future__ import annotations

import csv
import os
import shutil
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell
from nbgrader.converters import Autograde
from nbgrader.preprocessors import Execute, SaveAutoGrades
from traitlets.config import Config

from cnn_assignment.core.errors import GraderError
from cnn_assignment.core.layout import load_assignment
from cnn_assignment.core.model import Submission
from cnn_assignment.nbgrader_course.converting.preprocessors import (
    CommentWithKit,
    GradeWithKit,
    SubmissionExporter,
    configure_autograde,
)
from gradebook_kit import (
    ANSWER,
    add_settings,
    answered,
    api_of,
    cell_metadata,
    gradebook_of,
    make_course,
    make_generated_course,
    make_report,
    nbgrader,
    points_of,
    report_for,
    source_notebook,
    submit,
)
from toy_course import TASKS

HOSTILE = ["-rf", "<img src=x onerror=alert(1)>", "b\nb", "\x1b[2J", "x" * 252, "\u202eadA", "a;=cmd()", "[a-z]*"]


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Path:
    """A course after generate_assignment, autograde (from elsewhere), generate_feedback and export."""
    root = tmp_path_factory.mktemp("course")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    make_generated_course(root, plain=True)
    submit(root, "ada", answered(root, "score: 1.25"))
    submit(root, "bob", "{ unreadable")
    copied = answered(root, "score: 0.5")
    copied.cells.append(new_code_cell("class Cutter: pass", metadata=cell_metadata("Cutter", solution=True)))
    submit(root, "carl", copied)
    stripped = answered(root, "score: 0.75")
    stripped.cells = [cell for cell in stripped.cells if cell.id != "cut"]
    for cell in stripped.cells:
        cell.metadata.clear()
    submit(root, "dora", stripped)
    submit(root, "eve", "broken")
    plain = nbformat.read(root / "release/plain/plain.ipynb", as_version=4)
    plain.cells[0].source = "x = 1"
    submit(root, "ada", plain, "plain")
    # Without a kernel, which must not switch grading off.
    words = ("autograde", "toy", "--no-execute", "--course-dir", str(root))
    said = nbgrader(root, *words, cwd=elsewhere, status=1)
    assert "the grade of 'eve' is withheld" in said
    nbgrader(root, "autograde", "plain")
    nbgrader(root, "generate_feedback", "toy")
    nbgrader(root, "export", "--to", str(root / "grades.csv"))
    return root


def test_the_kit_grades_the_raw_files_from_any_working_directory(course):
    grades = gradebook_of(course)
    for student, score in {"ada": 1.25, "bob": 0.0, "carl": 0.5, "dora": 0.75}.items():
        assert grades[student]["auto"] == points_of(score)
        assert grades[student]["manual"] == (sorted(TASKS) if student == "bob" else [])


def test_a_graders_error_writes_no_grade(course):
    assert set(gradebook_of(course)["eve"]["auto"].values()) == {None}
    assert not (course / "autograded/eve/toy").exists()


def test_an_ordinary_assignment_is_executed_as_ever(course):
    assert gradebook_of(course, "plain")["ada"]["auto"] == {"t": 4.0}
    notebook = nbformat.read(course / "autograded/ada/plain/plain.ipynb", as_version=4)
    assert [cell.execution_count for cell in notebook.cells] == [1, 2]


def test_comments_survive_nbgraders_reset(course):
    grades = gradebook_of(course)
    assert "Rows and columns are swapped." in grades["ada"]["comments"]["Cutter"]
    for words in grades["bob"]["comments"].values():
        assert words.startswith("Your submission could not be read.")


def test_students_see_the_table_and_the_comment_in_their_feedback(course):
    html = (course / "feedback/ada/toy/toy.html").read_text(encoding="utf-8")
    assert "1.25</b> of 3 points" in html
    assert html.count("Rows and columns are swapped.") == 2
    bob = (course / "feedback/bob/toy/toy.html").read_text(encoding="utf-8")
    assert "not a &lt;b&gt;notebook" in bob
    assert "<b>notebook" not in bob


def test_export_has_the_scores(course):
    with (course / "grades.csv").open(encoding="utf-8") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file) if row["assignment"] == "toy"}
    assert (rows["ada"]["score"], rows["ada"]["max_score"]) == ("1.25", "8.0")


def test_formgraders_way_of_grading_gives_the_same(course, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = gradebook_of(course)["carl"]
    answer = api_of(course).autograde("toy", "carl", force=True)
    assert answer["success"], answer
    assert gradebook_of(course)["carl"] == before


BEGIN = """
def begin(assignment, submission):
    report = gradebook_kit.report_for(assignment, submission)
    return lambda: report

def never(assignment, submission):
    raise AssertionError("begun with, and then asked for anew")

configure_autograde(c, never, begin)
"""


def test_configuring_twice_is_configuring_once():
    once, twice = Config(), Config()
    configure_autograde(once, report_for)
    configure_autograde(twice, report_for)
    configure_autograde(twice)
    assert once == twice
    steps = once.Autograde.autograde_preprocessors
    stock = Autograde.class_traits()["autograde_preprocessors"].default()
    assert Execute not in steps
    assert steps[stock.index(Execute)] is GradeWithKit
    assert steps[steps.index(SaveAutoGrades) + 1] is CommentWithKit
    assert [step for step in steps if step not in (GradeWithKit, CommentWithKit)] == [
        s for s in stock if s is not Execute
    ]
    assert once.Autograde.exporter_class is SubmissionExporter


def test_without_a_report_function_grading_says_what_to_do(tmp_path):
    make_course(tmp_path)
    with pytest.raises(GraderError, match=r"nbgrader_config\.py: nothing tells how to grade"):
        GradeWithKit().make_report(load_assignment(tmp_path, "toy"), Submission("ada", None))


def test_a_subclass_may_make_the_report_itself(tmp_path):
    class Mine(GradeWithKit):
        def make_report(self, assignment, submission):
            return make_report(submission.student)

    assert Mine().make_report(make_course(tmp_path), Submission("ada", None)) == make_report("ada")


def test_outside_of_a_converter_the_course_is_unknown():
    resources = {"nbgrader": {"assignment": "toy", "notebook": "toy", "student": "ada"}}
    with pytest.raises(GraderError, match="GradeWithKit does not know its course"):
        GradeWithKit().preprocess(source_notebook(), resources)


@pytest.fixture(scope="module")
def odd_course(tmp_path_factory) -> tuple[Path, str]:
    """Folders that nbgrader would pass over, or that would end its run, and what it said of them.

    The run begins with each submission early, and fails for one that it asks for a second time.
    """
    root = tmp_path_factory.mktemp("odd")
    make_generated_course(root)
    add_settings(root, BEGIN)
    submitted = root / "submitted"
    for student, name in {"ada": "toy.py", "bob": "my work (2).IPYNB", "cem": "notes.txt", "dee": "broken.py"}.items():
        (submitted / student / "toy").mkdir(parents=True)
        (submitted / student / "toy" / name).write_text("broken" if student == "dee" else f"{ANSWER}\n# score: 1.25")
    submit(root, "eve", answered(root, "score: 0.5"))
    (submitted / "eve/toy/timestamp.txt").write_text("the day before yesterday")
    submit(root, "fay", answered(root, "score: 0.75"))
    (submitted / "fay/toy/secret.txt").symlink_to(root / "autograder/toy/assignment.toml")
    (submitted / "fay/toy/page.html").write_text("<script>alert(1)</script>")
    (submitted / "fay/toy/data.csv").write_text("1,2")
    os.mkfifo(submitted / "fay/toy/pipe")
    (submitted / "gus").mkdir()
    (submitted / "gus/toy").symlink_to(root / "source/toy")
    submit(root, "Hal", answered(root, "score: 0.25"))
    (submitted / "Hal/toy/timestamp.txt").write_text("2026-01-02 03:04:05 UTC")
    (submitted / "Hal/toy/own.csv").write_text("1")
    (submitted / "ida").symlink_to("Hal")
    (submitted / "lea").mkdir()
    (submitted / "lea/toy").symlink_to("n" * 300)  # a name that no file can have, which pathlib raises for
    for student in HOSTILE:
        (submitted / student / "toy").mkdir(parents=True)
        (submitted / student / "toy/toy.py").write_text(f"{ANSWER}\n# score: 1.25")
    for student, make in (("jim", os.mkfifo), ("kai", lambda path: path.write_bytes(b" " * 10**6))):
        submit(root, student, answered(root, "score: 0.25"))
        make(submitted / student / "toy/timestamp.txt")
    return root, nbgrader(root, "autograde", "toy", status=1)


def test_every_folder_is_a_submission_whatever_lies_in_it_and_none_is_asked_for_twice(odd_course):
    grades = gradebook_of(odd_course[0])
    found = {student: grades[student]["auto"]["clear"] for student in ("ada", "bob", "cem", "fay")}
    assert found == {"ada": 1.25, "bob": 1.25, "cem": 0.0, "fay": 0.75}
    assert "begun with" not in odd_course[1]


def test_a_grade_that_is_withheld_is_no_zero_where_there_is_no_notebook_either(odd_course):
    root, said = odd_course
    assert "the grade of 'dee' is withheld" in said
    assert set(gradebook_of(root)["dee"]["auto"].values()) == {None}


def test_a_time_that_cannot_be_read_is_one_students_trouble(odd_course):
    root, said = odd_course
    assert "the timestamp.txt of eve is not a point in time: mend or remove it" in said
    assert "eve" not in gradebook_of(root)


def test_a_time_without_an_end_is_one_students_trouble_and_formgrader_lists_the_class(odd_course):
    root, said = odd_course
    for student in ("jim", "kai"):
        assert f"the timestamp.txt of {student} is not a point in time" in said
        assert student not in gradebook_of(root)
    api = api_of(root)
    assert api.get_submitted_students("toy") == {
        *["ada", "bob", "cem", "dee", "eve", "fay", "gus", "Hal", "ida", "jim", "kai"]
    }
    assert api.get_submitted_timestamp("toy", "jim") is None
    assert str(api.get_submitted_timestamp("toy", "Hal")) == "2026-01-02 03:04:05"
    assert {row["student"] for row in api.get_submissions("toy")} >= {"ada", "eve", "jim"}


def test_names_that_no_student_can_have_are_told_and_everybody_else_is_graded(odd_course):
    root, said = odd_course
    assert set(gradebook_of(root)) == {*["ada", "bob", "cem", "dee", "fay", "gus", "Hal", "ida", "lea"]}
    assert said.count("cannot be a student's name") == len(HOSTILE)
    assert "\x1b" not in said
    assert "\u202e" not in said


def test_a_run_that_only_leaves_out_folders_says_so_at_its_end(odd_course, tmp_path):
    root = Path(shutil.copytree(odd_course[0], tmp_path / "course", symlinks=True, ignore=lambda *_: ["pipe", "jim"]))
    for student in ("dee", "eve", "kai"):
        shutil.rmtree(root / "submitted" / student)
    said = nbgrader(root, "autograde", "toy", status=1)
    assert f"{len(HOSTILE)} folders are nobody's and not graded; all others are." in said


def test_a_student_whose_folder_is_a_link_gets_nothing_of_its_target(odd_course):
    root, _ = odd_course
    assert gradebook_of(root)["ida"]["auto"]["clear"] == 0.0
    assert gradebook_of(root)["ida"]["timestamp"] is None
    assert {path.name for path in (root / "autograded/ida/toy").iterdir()} == {"toy.ipynb", "toy.py"}
    assert "score: 0.25" not in (root / "autograded/ida/toy/toy.ipynb").read_text(encoding="utf-8")


def test_only_harmless_files_are_copied_beside_the_notebook(odd_course):
    root, said = odd_course
    assert {path.name for path in (root / "autograded/fay/toy").iterdir()} == {"toy.ipynb", "toy.py", "data.csv"}
    for name in ("page.html", "pipe", "secret.txt"):
        assert f"Not copied, because it is no plain file of a known kind, or too large: {name} of fay" in said


def test_a_folder_that_is_a_link_shows_nothing_of_its_target(odd_course):
    root, _ = odd_course
    assert gradebook_of(root)["gus"]["auto"]["clear"] == 0.0
    assert gradebook_of(root)["lea"]["auto"]["clear"] == 0.0
    notebook = nbformat.read(root / "autograded/gus/toy/toy.ipynb", as_version=4)
    assert "self.factor * (x" not in "".join(cell.source for cell in notebook.cells)
