"""A class: which file of each student is graded, and reports that are whole whatever happens."""

from __future__ import annotations

import csv
import json
import shutil

import pytest

import toy_course
from cnn_assignment.core.errors import AuthoringError, UsageError
from cnn_assignment.core.layout import load_assignment
from cnn_assignment.core.model import ReportStatus
from cnn_assignment.core.texts import clean
from cnn_assignment.running.class_run import CLASS_TABLE, GradingOptions, grade_class
from cnn_assignment.running.journal import JOURNAL
from cnn_assignment.running.students import Student, find_misnamed, find_students
from cnn_assignment.submissions import find_submission
from toy_course import TOTAL, answer, edit, left_open, notebook, submit, write


@pytest.fixture
def course(tmp_path):
    return toy_course.make_course(tmp_path)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    return toy_course.make_course(tmp_path_factory.mktemp("shared"))


def chosen(course):
    """The file of each student, as a path in the folder."""
    folder = course.root / "submitted"
    found = [find_submission(each.name, each.folder, course) for each in find_students(course, folder)]
    return {each.student: each.path and each.path.relative_to(folder / each.student).as_posix() for each in found}


def grade(course, out, **options):
    students = find_students(course, course.root / "submitted")
    return grade_class(course, students, GradingOptions(out, **options))


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["toy.py"], "toy.py"),
        (["toy.ipynb"], "toy.ipynb"),
        (["toy/toy.py"], "toy/toy.py"),
        (["toy/toy.ipynb", "toy.py"], "toy/toy.ipynb"),
        (["toy/notes.txt", "toy.py"], "toy.py"),
        (["other.py", "Toy.py", "toy.txt"], "Toy.py"),
        (["toy/toy (1).ipynb", "toy/given.py", "toy/test_toy.py"], "toy/toy (1).ipynb"),
        (["toy/notes.txt", "given.py"], None),
        (["toy/toy.ipynb.txt"], "toy/toy.ipynb.txt"),
        (["toy/toy.py.txt", "toy/notes.txt"], "toy/toy.py.txt"),
        (["toy/toy.json"], "toy/toy.json"),
        (["mlp/mlp.ipynb"], None),
        (["mlp/mlp.py", "mlp/toy.py", "work/toy.py"], "work/toy.py"),
        (["TOY/Toy.ipynb"], "TOY/Toy.ipynb"),
        (["toy-final/toy-final.py"], "toy-final/toy-final.py"),
        (["toy/deep/deep.py"], "toy/deep/deep.py"),
        (["toy.py/inside.txt"], None),
        (["toy/toy.ipynb/inside.txt"], None),
        ([], None),
    ],
)
def test_a_student_hands_in_a_notebook_or_a_module_in_either_layout(course, files, expected):
    (course.root / "submitted/ada").mkdir(parents=True)
    for name in files:
        submit(course.root, "ada", "x = 1", name)
    assert chosen(course) == {"ada": expected}


def test_the_folder_of_another_assignment_is_not_taken_and_told(course):
    submit(course.root, "ada", toy_course.SOLUTION, "mlp/mlp.ipynb")
    found = find_submission("ada", course.root / "submitted/ada", course)
    assert (found.path, found.notes) == (None, ("mlp is the folder of another assignment.",))


OPEN = left_open("cut")
ANSWERED = toy_course.SOLUTION


@pytest.mark.parametrize(
    ("module", "book", "expected"),
    [
        (OPEN, notebook(ANSWERED), "toy.ipynb"),
        (ANSWERED, notebook(OPEN), "toy.py"),
        (ANSWERED, notebook(ANSWERED), "toy.ipynb"),
        (OPEN, notebook(OPEN), "toy.ipynb"),
        (left_open("cut", "clear"), notebook(OPEN), "toy.ipynb"),
        (OPEN, notebook(left_open("cut", "clear")), "toy.py"),
    ],
)
def test_of_a_notebook_and_a_module_the_one_with_more_work_in_it_is_graded(course, module, book, expected):
    submit(course.root, "ada", module)
    submit(course.root, "ada", book, "toy.ipynb")
    assert chosen(course) == {"ada": expected}


def test_students_are_sorted_and_other_things_are_passed_over(course):
    for name in ("zoe", "ada", "Bob", ".git", "__pycache__", "__MACOSX", "__cem", "émile", "a b"):
        submit(course.root, name, ANSWERED)
    write(course.root / "submitted/notes.txt", "")
    assert list(chosen(course)) == ["Bob", "__cem", "a b", "ada", "zoe", "émile"]


def test_a_link_out_of_the_students_folder_is_not_followed(course):
    submit(course.root, "ada", ANSWERED)
    for name, target in {"bob": course.solution_file, "cem": course.root / "submitted/ada/toy.py"}.items():
        (course.root / "submitted" / name).mkdir()
        (course.root / "submitted" / name / "toy.py").symlink_to(target)
    (course.root / "submitted/dee").mkdir()
    (course.root / "submitted/dee/toy").symlink_to(course.root / "solutions")
    submit(course.root, "eva", ANSWERED, "mine.py")
    (course.root / "submitted/eva/toy.py").symlink_to("mine.py")
    assert chosen(course) == {"ada": "toy.py", "bob": None, "cem": None, "dee": None, "eva": "mine.py"}


def test_only_some_students_may_be_graded(course):
    for name in ("ada", "bob", "cem"):
        submit(course.root, name, ANSWERED)
    found = find_students(course, course.root / "submitted", ["cem", "ada"])
    assert [student.name for student in found] == ["ada", "cem"]
    with pytest.raises(UsageError, match=r"submitted: no folder for dee, eva. Check --only."):
        find_students(course, course.root / "submitted", ["eva", "ada", "dee"])


@pytest.mark.parametrize(
    ("make", "fact"),
    [
        (lambda path: None, "submitted: no such folder. Name nbgrader's"),
        (lambda path: write(path, ""), "submitted: no such folder. Name nbgrader's"),
        (lambda path: path.mkdir(), "submitted: no student folders in here. It should hold <student>/toy.ipynb"),
        (lambda path: write(path / "toy.py", ""), "submitted: no student folders in here. It should hold"),
    ],
)
def test_a_folder_without_students_is_refused(course, make, fact):
    make(course.root / "submitted")
    with pytest.raises(UsageError, match=fact):
        find_students(course, course.root / "submitted")


def test_a_class_is_graded_into_one_report_a_student_and_a_table(shared, tmp_path):
    submit(shared.root, "ada lovelace", ANSWERED)
    submit(shared.root, "émile-x@b", notebook("for", OPEN), "toy/toy.ipynb")
    submit(shared.root, "_bob", "class Scaler(:")
    (shared.root / "submitted/cem").mkdir()
    told = []
    students = find_students(shared, shared.root / "submitted")
    options = GradingOptions(tmp_path / "new/out", jobs=2)
    graded = grade_class(shared, students, options, told.append)
    names = ["_bob", "ada lovelace", "cem", "émile-x@b"]
    assert [report.student for report in graded.reports] == names
    assert sorted(told) == names
    assert graded.problem is None
    assert sorted(path.name for path in options.out.iterdir()) == sorted(
        [JOURNAL, CLASS_TABLE, *(f"{n}.json" for n in names)]
    )
    with (options.out / "class.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["student"], row["status"], row["score"]) for row in rows] == [
        ("_bob", "unreadable", "0.0"),
        ("ada lovelace", "graded", "8.0"),
        ("cem", "unreadable", "0.0"),
        ("émile-x@b", "graded", "6.0"),
    ]
    again = GradingOptions(tmp_path / "again")
    grade_class(shared, students[::-1], again)
    for path in options.out.iterdir():
        assert path.read_bytes() == (again.out / path.name).read_bytes()


def test_grading_one_student_again_keeps_the_others_in_the_table(course, tmp_path):
    out = tmp_path / "out"
    for name, text in {"ada": ANSWERED, "bob": OPEN}.items():
        submit(course.root, name, text)
    grade(course, out)
    submit(course.root, "bob", ANSWERED)
    only = find_students(course, course.root / "submitted", ["bob"])
    grade_class(course, only, GradingOptions(out, others=("ada",)))
    assert table_of(out) == {"ada": ("graded", "8.0"), "bob": ("graded", "8.0")}


def table_of(out):
    with (out / "class.csv").open(encoding="utf-8", newline="") as file:
        return {row["student"]: (row["status"], row["score"]) for row in csv.DictReader(file)}


def test_a_run_for_one_student_brings_nobody_back_and_mixes_no_editions(course, tmp_path):
    out = tmp_path / "out"
    for name in ("ada", "bob", "cem"):
        submit(course.root, name, ANSWERED)
    only = [student for student in find_students(course, course.root / "submitted") if student.name == "ada"]
    graded = grade_class(course, only, GradingOptions(out, others=("bob", "cem")))
    assert table_of(out) == {"ada": ("graded", "8.0"), "bob": ("ungraded", ""), "cem": ("ungraded", "")}
    assert graded.ungraded == ("bob", "cem")
    grade(course, out)
    # Cem is gone, and the tests are others.
    shutil.rmtree(course.root / "submitted/cem")
    edit(course.root / "autograder/toy/test_cut.py", "points(2)", "points(5)")
    changed = load_assignment(course.root, "toy")
    graded = grade_class(changed, only, GradingOptions(out, others=("bob",)))
    assert table_of(out) == {"ada": ("graded", "11.0"), "bob": ("ungraded", "")}
    assert (graded.ungraded, graded.gone) == (("bob",), ("cem",))
    assert (out / "gone/cem.json").is_file()
    assert not (out / "cem.json").exists()
    # Only reports are set aside, and only those of this assignment.
    (out / "notes.json").write_text("{}", encoding="utf-8")
    assert grade(changed, out).gone == ()
    assert table_of(out) == {"ada": ("graded", "11.0"), "bob": ("graded", "11.0")}


def test_a_run_that_ends_early_leaves_the_table_whole(course, tmp_path):
    out = tmp_path / "out"
    for number in range(6):
        submit(course.root, f"s{number}", ANSWERED)
    grade(course, out)
    before = table_of(out)
    students = find_students(course, course.root / "submitted")

    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        grade_class(course, students, GradingOptions(out, fresh=True), stop)
    assert table_of(out) == before


def test_hidden_tests_that_do_not_fit_leave_no_report(course, tmp_path):
    submit(course.root, "ada", ANSWERED)
    edit(course.root / "autograder/toy/test_cut.py", "@pytest.mark.points(2)\n", "")
    with pytest.raises(AuthoringError, match="a hidden test without points"):
        grade(load_assignment(course.root, "toy"), tmp_path / "out")
    assert list((tmp_path / "out").glob("*.json")) == []


def test_a_broken_hidden_test_withholds_every_grade(course, tmp_path):
    submit(course.root, "ada", ANSWERED)
    submit(course.root, "bob", answer(scale="raise ValueError"))
    edit(course.root / "autograder/toy/test_cut.py", "    x = rng", "    x = 1 / 0\n    x = rng")
    graded = grade(course, tmp_path / "out")
    assert {report.status for report in graded.reports} == {ReportStatus.GRADER_ERROR}
    data = json.loads((tmp_path / "out/ada.json").read_text(encoding="utf-8"))
    assert (data["status"], data["tasks"]) == ("grader_error", [])
    with (tmp_path / "out/class.csv").open(encoding="utf-8", newline="") as file:
        assert [row["score"] for row in csv.DictReader(file)] == ["", ""]


def test_a_name_that_cannot_be_a_file_name_is_refused_before_any_work(course, tmp_path):
    submit(course.root, "ada", ANSWERED)
    submit(course.root, "b\nb", ANSWERED)
    students = [*find_students(course, course.root / "submitted"), Student("b\nb", course.root / "submitted/b\nb")]
    with pytest.raises(UsageError, match=r"'b\\nb' cannot name a file"):
        grade_class(course, students, GradingOptions(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


HOSTILE = [
    "-rf",
    "<img src=x onerror=alert(1)>",
    "b\nb",
    "\x1b[2J\x07",
    "x" * 252,
    "\u202eadA",
    "a;=cmd()",
    "a\udcff",
    " ",
]


def test_names_that_no_student_can_have_cost_nobody_else_anything(course, tmp_path):
    for name in ("ada", *HOSTILE):
        (course.root / "submitted" / name).mkdir(parents=True)
        (course.root / "submitted" / name / "toy.py").write_text(ANSWERED, encoding="utf-8")
    assert [report.student for report in grade(course, tmp_path / "out").reports] == ["ada"]
    told = find_misnamed(course.root / "submitted")
    assert len(told) == len(HOSTILE)
    for line in told:
        assert clean(line) == line
        assert "cannot be a student's name: it " in line
        assert "Rename it" in line
    assert len(find_misnamed(course.root / "submitted", ["-rf", "ada"])) == 1


def test_a_students_folder_that_is_a_link_is_told_and_not_followed(course, tmp_path):
    submit(course.root, "ada", ANSWERED)
    submit(course.root, "bob", ANSWERED, "toy/toy.py")
    submitted = course.root / "submitted"
    for name, target in {"eve": "ada", "fay": "bob", "gus": "gus", "hal": "missing"}.items():
        (submitted / name).symlink_to(target)
    (submitted / "notes").symlink_to("ada/toy.py")
    (submitted / "ida").symlink_to("n" * 300)  # a name that no file can have, which pathlib raises for
    for name, target in {"jim": "n" * 300, "kai": "../bob/toy", "lea": "missing"}.items():
        (submitted / name).mkdir()
        (submitted / name / "toy").symlink_to(target)
    linked = ["eve", "fay", "gus", "hal", "ida", "jim", "kai", "lea"]
    reports = {report.student: report for report in grade(course, tmp_path / "out").reports}
    assert sorted(reports) == ["ada", "bob", *linked]
    for name in linked:
        assert reports[name].status is ReportStatus.UNREADABLE
        assert any("is a link, which is not followed" in note for note in reports[name].notes)


def test_a_module_of_a_name_that_no_file_can_have_is_not_found(course, tmp_path):
    submit(course.root, "ada", f"import {'x' * 300}\nimport {'y' * 300}.z\n{ANSWERED}")
    (report,) = grade(course, tmp_path / "out").reports
    assert report.status is not ReportStatus.GRADER_ERROR


def test_full_marks_are_full(course, tmp_path):
    submit(course.root, "ada", ANSWERED)
    (report,) = grade(course, tmp_path / "out").reports
    assert report.score == report.max_score == TOTAL
