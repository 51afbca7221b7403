"""What `record` leaves in a course: the same as autograde, for every kind of submission, and again and again."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell
from nbgrader.api import Gradebook

from cnn_assignment.errors import GraderError
from cnn_assignment.gradebook import record
from cnn_assignment.intake import find_submission
from cnn_assignment.layout import load_assignment
from cnn_assignment.model import ReportStatus, Submission
from course_kit import (
    ANSWER,
    answered,
    gradebook_of,
    make_course,
    make_report,
    nbgrader,
    report_for,
    source_notebook,
    submit,
    write_notebook,
)


@pytest.fixture(scope="module")
def generated(tmp_path_factory) -> Path:
    """A course after generate_assignment, with three submissions."""
    root = tmp_path_factory.mktemp("generated")
    make_course(root)
    nbgrader(root, "generate_assignment", "toy")
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


def submissions_of(root):
    return [Submission(path.parents[1].name, path) for path in sorted(root.glob("submitted/*/toy/toy.*"))]


def record_all(root, recorded=None):
    assignment = load_assignment(root, "toy")
    record(assignment, ((each, report_for(assignment, each)) for each in submissions_of(root)), recorded)


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def with_gradebook(root, change):
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}", "course") as gradebook:
        found = change(gradebook)
        gradebook.db.commit()
        return found


def test_record_leaves_what_autograde_leaves_and_the_next_commands_work(course, tmp_path):
    with_autograde = Path(shutil.copytree(course, tmp_path / "other"))
    record_all(course)
    nbgrader(with_autograde, "autograde", "toy")
    assert gradebook_of(course) == gradebook_of(with_autograde)
    recorded, graded = contents(course / "autograded"), contents(with_autograde / "autograded")
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
    assert contents(course / "autograded") == recorded


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

    assert with_gradebook(course, cells) == with_gradebook(generated, cells)
    assert gradebook_of(course)["ada"]["score"] == 1.25


def test_recording_again_changes_nothing(course):
    record_all(course)
    files, grades = contents(course / "autograded"), gradebook_of(course)
    record_all(course)
    assert (contents(course / "autograded"), gradebook_of(course)) == (files, grades)


def test_a_shared_course_stays_writable_for_its_group(course):
    with (course / "nbgrader_config.py").open("a", encoding="utf-8") as file:
        file.write("c.CourseDirectory.groupshared = True\n")
    (course / "source/toy/data").mkdir()
    (course / "source/toy/data/numbers.txt").write_text("1", encoding="utf-8")
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
        grade = gradebook.find_grade("toy-two", "toy", "toy", "ada")
        grade.manual_score, grade.extra_credit = 2.0, 0.5
        gradebook.find_comment("Toy", "toy", "toy", "ada").manual_comment = "Well tried"

    with_gradebook(course, change)
    record_all(course)

    def read(gradebook):
        grade = gradebook.find_grade("toy-two", "toy", "toy", "ada")
        comment = gradebook.find_comment("Toy", "toy", "toy", "ada").comment
        return grade.auto_score, grade.manual_score, grade.extra_credit, grade.needs_manual_grade, comment

    assert with_gradebook(course, read) == (0.0, 2.0, 0.5, True, "Well tried")


def test_a_module_is_shown_in_the_solution_cell_and_kept_beside_the_notebook(course):
    path = course / "elsewhere/mia/toy.py"
    path.parent.mkdir(parents=True)
    path.write_text(f"import math\n\n{ANSWER}", encoding="utf-8")
    record(load_assignment(course, "toy"), [(Submission("mia", path), make_report("mia", 1.0))])
    assert gradebook_of(course)["mia"]["score"] == 1.0
    folder = course / "autograded/mia/toy"
    assert (folder / "toy.py").read_text(encoding="utf-8") == path.read_text(encoding="utf-8")
    cells = nbformat.read(folder / "toy.ipynb", as_version=4).cells
    assert next(cell for cell in cells if cell.id == "class").source == ANSWER.rstrip("\n")


def test_the_time_is_that_of_the_folder_whatever_lies_in_it_and_where(course):
    work = course / "submitted/mia/toy/src/work.py"
    work.parent.mkdir(parents=True)
    work.write_text(ANSWER, encoding="utf-8")
    (course / "submitted/mia/toy/timestamp.txt").write_text("2026-01-02 03:04:05 UTC", encoding="utf-8")
    assignment = load_assignment(course, "toy")
    submission = find_submission("mia", course / "submitted/mia", assignment)
    assert submission.path == work
    record(assignment, [(submission, make_report("mia", 1.0))])
    assert gradebook_of(course)["mia"]["timestamp"] == "2026-01-02T03:04:05"


def test_a_student_without_a_file_gets_a_visible_zero(course):
    report = make_report("zoe", status=ReportStatus.UNREADABLE, notes=("The folder holds no file.",))
    record(load_assignment(course, "toy"), [(Submission("zoe", None), report)])
    grades = gradebook_of(course)["zoe"]
    assert (grades["score"], grades["manual"]) == (0.0, [])
    assert "The folder holds no file." in grades["comments"]["Toy"]


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
    files, grades = contents(course / "autograded"), gradebook_of(course)
    submit(course, "ada", "broken")
    with pytest.raises(GraderError, match="'ada' is withheld"):
        record_all(course)
    assert (contents(course / "autograded"), gradebook_of(course)) == (files, grades)


def test_an_interruption_loses_nothing_that_was_graded(course):
    def reports():
        yield submissions_of(course)[0], make_report("ada", 1.0)
        raise KeyboardInterrupt("by hand")

    with pytest.raises(KeyboardInterrupt, match="by hand"):
        record(load_assignment(course, "toy"), reports())
    assert gradebook_of(course)["ada"]["score"] == 1.0
    assert (course / "autograded/ada/toy/toy.ipynb").is_file()


@pytest.mark.parametrize("student", ["..", "a/b", "", "../../eve"])
def test_a_students_name_cannot_leave_the_course(course, student):
    with pytest.raises(GraderError, match="cannot name a folder"):
        record(load_assignment(course, "toy"), [(Submission(student, None), make_report(student))])
    assert not (course / "autograded").exists()


def test_lateness_and_the_courses_own_penalty_are_nbgraders(course):
    with (course / "nbgrader_config.py").open("a", encoding="utf-8") as file:
        file.write("c.LateSubmissionPlugin.penalty_method = 'zero'\n")
    with_gradebook(course, lambda gradebook: gradebook.update_or_create_assignment("toy", duedate="2026-01-01"))
    record_all(course)
    grades = gradebook_of(course)
    assert grades["ada"]["timestamp"] == "2026-01-02T03:04:05"
    assert grades["ada"]["penalty"] == 1.25
    assert (grades["bob"]["timestamp"], grades["bob"]["penalty"]) == (None, None)
    with_gradebook(course, lambda gradebook: gradebook.update_or_create_assignment("toy", duedate="2026-02-01"))
    record_all(course)
    assert gradebook_of(course)["ada"]["penalty"] is None


def test_the_database_and_folders_are_those_of_the_courses_configuration(course):
    with (course / "nbgrader_config.py").open("a", encoding="utf-8") as file:
        file.write(f"c.CourseDirectory.db_url = 'sqlite:///{course}/other.db'\n")
        file.write("c.CourseDirectory.autograded_directory = 'marked'\n")
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
    (course / "submitted/ada/toy/toy.ipynb").unlink()
    (course / "submitted/ada/toy/toy.ipynb").symlink_to(course / "submitted/bob/toy/toy.ipynb")
    record(load_assignment(course, "toy"), [(submissions_of(course)[0], make_report("ada"))])
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
    with (course / "nbgrader_config.py").open("a", encoding="utf-8") as file:
        file.write(f"c.CourseDirectory.db_url = {url!r}\n")
    with pytest.raises(GraderError, match=said) as caught:
        record_all(course)
    assert "geheim" not in str(caught.value)
    assert "\n" not in str(caught.value)
