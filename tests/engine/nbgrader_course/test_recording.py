"""What `record` leaves in a course: the same as autograde, for every kind of submission, and again and again."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell

from cnn_assignment.core.errors import GraderError
from cnn_assignment.core.layout import load_assignment
from cnn_assignment.core.model import ReportStatus, Submission
from cnn_assignment.nbgrader_course import record
from cnn_assignment.submissions import find_submission
from gradebook_kit import (
    ANSWER,
    add_settings,
    answered,
    cell_of,
    gradebook_of,
    make_generated_course,
    make_report,
    nbgrader,
    record_all,
    rows_by_name,
    source_notebook,
    submit,
    url_of,
    with_gradebook,
    write_notebook,
)
from toy_course import TASKS, tree, write


@pytest.fixture(scope="module")
def generated(tmp_path_factory) -> Path:
    """A course after generate_assignment, with three submissions."""
    root = tmp_path_factory.mktemp("generated")
    make_generated_course(root)
    submit(root, "ada", answered(root, "score: 1.25"))
    (root / "submitted/ada/toy/timestamp.txt").write_text("2026-01-02 03:04:05 UTC\n", encoding="utf-8")
    stripped = answered(root, "score: 0.75")
    for cell in stripped.cells:
        cell.metadata.clear()
    submit(root, "bob", stripped)
    submit(root, "carl", "{ unreadable")
    return root


@pytest.fixture
def course(generated, tmp_path) -> Path:
    """A copy of it that a test may change."""
    return Path(shutil.copytree(generated, tmp_path / "course"))


def test_record_leaves_what_autograde_leaves_and_the_next_commands_work(course, tmp_path):
    with_autograde = Path(shutil.copytree(course, tmp_path / "other"))
    record_all(course)
    nbgrader(with_autograde, "autograde", "toy")
    assert gradebook_of(course) == gradebook_of(with_autograde)
    assert rows_by_name(url_of(course)) == rows_by_name(url_of(with_autograde))
    recorded, graded = tree(course / "autograded"), tree(with_autograde / "autograded")
    assert recorded.keys() == graded.keys()
    for name, content in recorded.items():
        if name.endswith(".ipynb"):
            assert nbformat.reads(content.decode(), 4).cells == nbformat.reads(graded[name].decode(), 4).cells
        else:
            assert content == graded[name]
    nbgrader(course, "generate_feedback", "toy")
    assert "Rows and columns are swapped." in (course / "feedback/ada/toy/toy.html").read_text(encoding="utf-8")
    nbgrader(course, "autograde", "toy", "--force")
    assert gradebook_of(course) == gradebook_of(with_autograde)
    record_all(course)  # over nbgrader's read-only files
    assert tree(course / "autograded") == recorded


def test_a_new_database_gets_the_cells_that_generate_assignment_registers(generated, course):
    (course / "gradebook.db").unlink()
    record_all(course)

    def cells(gradebook):
        notebook = gradebook.find_notebook("toy", "toy")
        sources = {
            (cell.name, cell.source, cell.checksum, cell.locked, cell.cell_type) for cell in notebook.source_cells
        }
        grades = {(cell.name, cell.max_score, cell.cell_type) for cell in notebook.grade_cells}
        return sources, grades, {cell.name for cell in notebook.solution_cells}, notebook.kernelspec

    assert with_gradebook(url_of(course), cells) == with_gradebook(url_of(generated), cells)
    assert gradebook_of(course)["ada"]["score"] == 1.25


def test_recording_again_changes_nothing(course):
    record_all(course)
    files, grades = tree(course / "autograded"), gradebook_of(course)
    record_all(course)
    assert (tree(course / "autograded"), gradebook_of(course)) == (files, grades)


def test_a_shared_course_stays_writable_for_its_group(course):
    add_settings(course, "c.CourseDirectory.groupshared = True")
    write(course / "source/toy/data/numbers.txt", "1")
    record_all(course)
    top = course / "autograded"
    assert (top / "ada/toy/data/numbers.txt").is_file()
    for path in (top, *top.rglob("*")):
        wanted = 0o2770 if path.is_dir() else 0o664
        assert path.stat().st_mode & wanted == wanted
    assert (course / "source").stat().st_mode & 0o2020 == 0  # and nothing else is touched
    assert course.stat().st_mode & 0o2020 == 0


def test_files_are_readable_and_nothing_is_left_beside_them(course):
    record_all(course)
    found = sorted(path for path in (course / "autograded/ada/toy").iterdir())
    assert [path.name for path in found] == ["timestamp.txt", "toy.ipynb", "toy.py"]
    assert {path.stat().st_mode & 0o777 for path in found} == {0o644}


def test_what_people_added_stays(course):
    record_all(course)

    def change(gradebook):
        grade = gradebook.find_grade("cut", "toy", "toy", "ada")
        grade.manual_score, grade.extra_credit = 2.0, 0.5
        gradebook.find_comment("Cutter", "toy", "toy", "ada").manual_comment = "Well tried"

    with_gradebook(url_of(course), change)
    record_all(course)

    def read(gradebook):
        grade = gradebook.find_grade("cut", "toy", "toy", "ada")
        comment = gradebook.find_comment("Cutter", "toy", "toy", "ada").comment
        return grade.auto_score, grade.manual_score, grade.extra_credit, grade.needs_manual_grade, comment

    assert with_gradebook(url_of(course), read) == (0.0, 2.0, 0.5, True, "Well tried")


def test_a_module_is_shown_in_the_solution_cell_and_kept_beside_the_notebook(course):
    path = write(course / "elsewhere/mia/toy.py", f"import math\n\n{ANSWER}")
    record(load_assignment(course, "toy"), [(Submission("mia", path), make_report("mia", 1.0))])
    assert gradebook_of(course)["mia"]["score"] == 1.0
    folder = course / "autograded/mia/toy"
    assert (folder / "toy.py").read_text(encoding="utf-8") == path.read_text(encoding="utf-8")
    assert cell_of(nbformat.read(folder / "toy.ipynb", as_version=4), "Cutter").source == ANSWER


def test_the_time_is_that_of_the_folder_whatever_lies_in_it_and_where(course):
    work = write(course / "submitted/mia/toy/src/work.py", ANSWER)
    write(course / "submitted/mia/toy/timestamp.txt", "2026-01-02 03:04:05 UTC")
    assignment = load_assignment(course, "toy")
    submission = find_submission("mia", course / "submitted/mia", assignment)
    assert submission.path == work
    record(assignment, [(submission, make_report("mia", 1.0))])
    assert gradebook_of(course)["mia"]["timestamp"] == "2026-01-02T03:04:05"


def test_a_student_without_a_file_gets_a_zero_that_a_person_looks_at(course):
    report = make_report("zoe", status=ReportStatus.UNREADABLE, notes=("The folder holds no file.",))
    record(load_assignment(course, "toy"), [(Submission("zoe", None), report)])
    grades = gradebook_of(course)["zoe"]
    assert (grades["score"], grades["manual"]) == (0.0, sorted(TASKS))
    for cell in ("Scaler", "Cutter"):
        assert "The folder holds no file." in grades["comments"][cell]


def test_one_failure_does_not_stop_the_others(course):
    submit(course, "aaa", "broken")
    (course / "submitted/bob/toy/timestamp.txt").write_text("yesterday or so", encoding="utf-8")
    done = []
    told = r"(?s)toy: 2 of the submissions not recorded.*'aaa' is withheld.*timestamp.txt: not a point in time"
    with pytest.raises(GraderError, match=told):
        record_all(course, lambda student, _: done.append(student))
    assert done == ["ada", "carl"]
    assert sorted(gradebook_of(course)) == ["ada", "carl"]


def test_a_withheld_grade_leaves_the_last_record_as_it_was(course):
    record_all(course)
    files, grades = tree(course / "autograded"), gradebook_of(course)
    submit(course, "ada", "broken")
    with pytest.raises(GraderError, match="'ada' is withheld"):
        record_all(course)
    assert (tree(course / "autograded"), gradebook_of(course)) == (files, grades)


def test_an_interruption_loses_nothing_that_was_graded(course):
    def reports():
        yield Submission("ada", course / "submitted/ada/toy/toy.ipynb"), make_report("ada", 1.0)
        raise KeyboardInterrupt("by hand")

    with pytest.raises(KeyboardInterrupt, match="by hand"):
        record(load_assignment(course, "toy"), reports())
    assert gradebook_of(course)["ada"]["score"] == 1.0
    assert (course / "autograded/ada/toy/toy.ipynb").is_file()


def test_a_students_name_cannot_leave_the_course(course):
    names = ["..", "a/b", "", "../../eve"]
    with pytest.raises(GraderError, match="4 of the submissions not recorded") as caught:
        record(load_assignment(course, "toy"), [(Submission(name, None), make_report(name)) for name in names])
    assert str(caught.value).count("cannot name a folder") == len(names)
    assert not (course / "autograded").exists()


def test_lateness_extensions_and_the_courses_own_penalty_are_nbgraders(course):
    add_settings(course, "c.LateSubmissionPlugin.penalty_method = 'zero'")
    with_gradebook(url_of(course), lambda gradebook: gradebook.update_or_create_assignment("toy", duedate="2026-01-01"))
    record_all(course)
    grades = gradebook_of(course)
    assert grades["ada"]["timestamp"] == "2026-01-02T03:04:05"
    assert grades["ada"]["penalty"] == 1.25
    assert (grades["bob"]["timestamp"], grades["bob"]["penalty"]) == (None, None)
    for change in (
        lambda gradebook: gradebook.grant_extension("toy", "ada", days=3),
        lambda gradebook: gradebook.grant_extension("toy", "ada", hours=1),
        lambda gradebook: gradebook.update_or_create_assignment("toy", duedate="2026-02-01"),
    ):
        before = gradebook_of(course)["ada"]["penalty"]
        with_gradebook(url_of(course), change)
        record_all(course)
        assert {before, gradebook_of(course)["ada"]["penalty"]} == {1.25, None}


def test_the_database_and_folders_are_those_of_the_courses_configuration(course):
    add_settings(course, f"c.CourseDirectory.db_url = 'sqlite:///{course}/other.db'")
    add_settings(course, "c.CourseDirectory.autograded_directory = 'marked'")
    record_all(course)
    assert (course / "other.db").is_file()
    assert (course / "marked/ada/toy/toy.ipynb").is_file()
    assert not (course / "autograded").exists()


def test_other_cells_than_those_of_recorded_submissions_are_refused(course):
    record_all(course)
    notebook = source_notebook()
    notebook.cells.insert(2, new_code_cell("x = 0", metadata=notebook.cells[2].metadata | {}))
    notebook.cells[2].metadata = {"nbgrader": {**notebook.cells[3].metadata["nbgrader"], "grade_id": "new"}}
    write_notebook(course / "release/toy/toy.ipynb", notebook)
    with pytest.raises(GraderError, match="the gradebook cannot hold this assignment: Cannot add or remove cells"):
        record_all(course)


def test_without_a_release_the_remedy_is_told(course):
    shutil.rmtree(course / "release")
    with pytest.raises(GraderError, match="no release notebook"):
        record_all(course)


def test_a_submission_that_is_a_link_shows_nothing_of_its_target(course):
    path = course / "submitted/ada/toy/toy.ipynb"
    path.unlink()
    path.symlink_to(course / "submitted/bob/toy/toy.ipynb")
    record(load_assignment(course, "toy"), [(Submission("ada", path), make_report("ada"))])
    assert "score: 0.75" not in (course / "autograded/ada/toy/toy.ipynb").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (
            "postgres://ada:geheim@localhost/x",
            r"db_url, postgres://ada:\*\*\*@localhost/x: this address .* Can't load plugin",
        ),
        ("mysql+nothere://localhost/x", r"this address of a database cannot be used"),
        ("gradebook.db", r"db_url, not an address: .*Could not parse .* postgresql\+psycopg://user@host/database"),
        (
            "sqlite:////nowhere/at/all.db",
            r"^sqlite:////nowhere/at/all.db: the gradebook's database cannot be used: .*unable",
        ),
    ],
)
def test_a_database_that_cannot_be_used_is_named_without_its_password(course, url, said):
    add_settings(course, f"c.CourseDirectory.db_url = {url!r}")
    with pytest.raises(GraderError, match=said) as caught:
        record_all(course)
    assert "geheim" not in str(caught.value)
    assert "\n" not in str(caught.value)


PLUGIN = """
from nbgrader.plugins import LateSubmissionPlugin

class Stern(LateSubmissionPlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        with open({log!r}, "a", encoding="utf-8") as file:
            print(student_id, score, total_seconds_late, file=file)
        if student_id == "bob":
            raise RuntimeError("no mercy")
        return {{"ada": -1.0, "carl": 1e9}}[student_id]

c.AssignLatePenalties.plugin_class = Stern
"""


def test_the_plugin_is_asked_for_late_work_only_and_its_failure_costs_one_student(course):
    add_settings(course, PLUGIN.format(log=str(course / "log")))
    for student, time in (("ada", "2026-01-01 00:00:10"), ("bob", "2026-01-01 00:00:20"), ("carl", "2026-01-03")):
        (course / f"submitted/{student}/toy/timestamp.txt").write_text(time, encoding="utf-8")
    submit(course, "dora", answered(course, "score: 1"))
    (course / "submitted/dora/toy/timestamp.txt").write_text("2025-12-31 23:59:59", encoding="utf-8")
    submit(course, "emil", answered(course, "score: 1"))
    with_gradebook(url_of(course), lambda gradebook: gradebook.update_or_create_assignment("toy", duedate="2026-01-01"))
    told = []
    with pytest.raises(GraderError, match=r"1 of the submissions not recorded:\n  bob: RuntimeError\('no mercy'\)"):
        record_all(course, lambda student, _: told.append(student))
    assert told == ["ada", "carl", "dora", "emil"]
    assert (course / "log").read_text(encoding="utf-8").splitlines() == [
        "ada 1.25 10.0",
        "bob 0.75 20.0",
        "carl 0.0 172800.0",
    ]
    found = gradebook_of(course)
    assert {student: each["penalty"] for student, each in found.items()} == {
        "ada": 0.0,
        "bob": None,
        "carl": 0.0,
        "dora": None,
        "emil": None,
    }
    assert found["bob"]["score"] == 0.75
