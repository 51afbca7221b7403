"""The cycle with its gradebook on a PostgreSQL server, every command from outside of the course's folder."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from cnn_assignment.core.errors import GraderError
from cnn_assignment.core.layout import load_assignment
from cnn_assignment.core.model import Submission
from cnn_assignment.core.names import MOST_BYTES
from cnn_assignment.nbgrader_course import record
from cnn_assignment.nbgrader_course.gradebook import recording
from cnn_assignment.nbgrader_course.gradebook.marks import read_marks
from cnn_assignment.nbgrader_course.gradebook.penalties import refresh_penalties
from cnn_assignment.nbgrader_course.gradebook.state import locate, read_recorded
from cnn_assignment.reporting import read_report
from cnn_kit import NAME
from cycle_kit import School, cells_of, grades_of, open_school, put_in, reports_of, rows_of, state_of, words_of
from gradebook_kit import add_settings, make_class, make_released_course, rows_by_name, url_of, with_gradebook
from postgres_kit import Server, postgres

SUBMITTED = ("einsum", "flipped-filter")
BY_HAND = ("colab", "one-task-only", "untouched", "stride-forgotten")
CLASS = sorted((*SUBMITTED, *BY_HAND))

# Many real commands: on a loaded machine they take longer than other tests may.
pytestmark = pytest.mark.timeout(1800)


@dataclass(frozen=True)
class Cycle:
    """A course whose gradebook is on the server, and what commands said."""

    school: School
    server: Server
    url: str
    elsewhere: Path
    said: dict[str, str]
    autograded: dict[str, dict]
    reports: dict[str, dict]


@pytest.fixture(scope="module")
def cycle(course_root, unmeasured, tmp_path_factory) -> Iterator[Cycle]:
    root = tmp_path_factory.mktemp("school")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    with postgres() as server:
        url = server.create("gradebook")
        school = open_school(course_root, root, more_settings=f"c.CourseDirectory.db_url = {url!r}\n")

        def run(command: str, *words: str | Path) -> str:
            # nbgrader gives these two no option --course-dir; every setting has a long name.
            option = "--CourseDirectory.root" if command in ("export", "zip_collect") else "--course-dir"
            words = (command, *words, f"{option}={school.course}")
            said = school.instructor.run("nbgrader", *words, cwd=elsewhere)
            if command in ("autograde", "release_feedback"):
                before = state_of(school, url)
                school.instructor.run("nbgrader", *words, cwd=elsewhere)
                assert state_of(school, url) == before
            return said

        run("generate_assignment", NAME)
        run("release_assignment", NAME)
        for name in SUBMITTED:
            student = school.student(name)
            student.run("nbgrader", "fetch_assignment", NAME)
            put_in(student, course_root / "examples/cnn" / name / f"{NAME}.ipynb")
            student.run("nbgrader", "submit", NAME, "--student", name)
        run("collect", NAME)
        for name in BY_HAND:
            work = school.course / "submitted" / name / NAME / f"{NAME}.ipynb"
            work.parent.mkdir(parents=True)
            work.write_bytes((course_root / "examples/cnn" / name / f"{NAME}.ipynb").read_bytes())
        said = {command: run(command, NAME) for command in ("autograde", "generate_feedback", "release_feedback")}
        run("export", f"--to={elsewhere / 'grades.csv'}")
        for name in SUBMITTED:
            school.student(name).run("nbgrader", "fetch_feedback", NAME, "--student", name)
        autograded = grades_of(url)
        words = (NAME, school.course / "submitted", "--out", elsewhere / "reports")
        school.instructor.run("cnn-assignment", "--course-dir", school.course, "grade", *words, cwd=elsewhere)
        yield Cycle(school, server, url, elsewhere, said, autograded, reports_of(elsewhere / "reports"))


def test_the_database_and_the_table_hold_the_kits_scores(cycle):
    grades = cycle.autograded
    with (cycle.elsewhere / "grades.csv").open(encoding="utf-8", newline="") as file:
        table = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    assert sorted(grades) == sorted(table) == sorted(cycle.reports) == CLASS
    for name, report in cycle.reports.items():
        assert grades[name]["cells"] == pytest.approx(cells_of(report), abs=1e-9)
        assert grades[name]["score"] == table[name] == pytest.approx(report["score"], abs=1e-9)
    assert not (cycle.school.course / "gradebook.db").exists()


@pytest.mark.parametrize("name", SUBMITTED)
def test_students_fetch_what_the_kit_says(cycle, name):
    (page,) = (cycle.school.student(name).folder / NAME / "feedback").rglob("*.html")
    words = words_of(page)
    for task in cycle.reports[name]["tasks"]:
        assert f"{task['title']}: {task['score']:g} of {task['max_score']:g} points" in words


def test_feedback_without_a_secret_is_named_and_keeps_nobody_elses_back(cycle):
    said = cycle.said["release_feedback"]
    for name in BY_HAND:
        page = cycle.school.course / "feedback" / name / NAME / f"{NAME}.html"
        assert f"Feedback of student '{name}' is not released" in said
        assert f"Hand out {page} yourself" in said
        assert page.is_file()
    assert "Traceback" not in said
    assert said.count("Releasing feedback for student") == len(SUBMITTED)


def test_the_kits_command_left_the_same_grades(cycle):
    assert grades_of(cycle.url) == cycle.autograded


def test_a_server_that_is_down_costs_no_report_and_is_told(cycle, tmp_path):
    rows = rows_of(cycle.url)
    words = ("cnn-assignment", "grade", NAME, "submitted", "--only", "einsum", "--out", tmp_path)
    cycle.server.stop()
    try:
        said = cycle.school.instructor.run(*words, status=3)
    finally:
        cycle.server.start()
    assert reports_of(tmp_path) == {"einsum": cycle.reports["einsum"]}
    assert f"gradebook: {cycle.url}: the gradebook's database cannot be used: " in said
    assert "Connection refused" in said
    assert "Check that it runs, that CourseDirectory.db_url in nbgrader_config.py is right" in said
    assert "Traceback" not in said
    assert rows_of(cycle.url) == rows
    cycle.school.instructor.run(*words)


def test_a_server_that_ends_meanwhile_costs_only_what_was_not_recorded(cycle, monkeypatch):
    assignment = load_assignment(cycle.school.course, NAME)
    before = grades_of(cycle.url)

    def stop_after_the_first():
        for number, student in enumerate(("colab", "einsum", "untouched")):
            if number == 1:
                cycle.server.stop()
            path = cycle.school.course / "submitted" / student / NAME / f"{NAME}.ipynb"
            yield Submission(student, path), read_report(cycle.elsewhere / "reports" / f"{student}.json")

    recorded = []
    monkeypatch.setattr(recording, "BATCH", 1)
    try:
        with pytest.raises(
            GraderError, match=r"(?s)2 of the submissions not recorded:\n  einsum: .*\n  untouched: .*refused"
        ):
            record(assignment, stop_after_the_first(), lambda student, _: recorded.append(student))
    finally:
        cycle.server.start()
    assert recorded == ["colab"]
    assert grades_of(cycle.url) == before


def test_a_server_that_was_away_for_a_while_costs_nothing(cycle):
    def restart_meanwhile():
        for number, student in enumerate(("colab", "einsum")):
            if number == 1:
                cycle.server.stop()
                cycle.server.start()
            path = cycle.school.course / "submitted" / student / NAME / f"{NAME}.ipynb"
            yield Submission(student, path), read_report(cycle.elsewhere / "reports" / f"{student}.json")

    before, recorded = rows_of(cycle.url), {}
    assignment = load_assignment(cycle.school.course, NAME)
    record(assignment, restart_meanwhile(), recorded.__setitem__)
    assert rows_of(cycle.url) == before
    assert sorted(recorded) == ["colab", "einsum"]
    assert read_recorded(locate(assignment), NAME).items() > recorded.items()


def rename(graded, student):
    _, report = graded
    return Submission(student, None), replace(report, student=student)


def test_the_rows_are_those_of_sqlite_and_are_read_back_and_a_name_without_room_costs_nobody_else_anything(
    cycle, tmp_path
):
    reports = make_class(6)
    reports.append(rename(reports[0], "n" * MOST_BYTES))
    no_room = rename(reports[0], "n" * (MOST_BYTES + 1))
    on_server = make_released_course(tmp_path / "server", cycle.server.create("toy"))
    in_file = make_released_course(tmp_path / "file")
    told, told_of_file = {}, {}
    with pytest.raises(GraderError, match=r"1 of the submissions not recorded:\n  'n+…' .*more than 128 bytes"):
        record(on_server, [*reports[:3], no_room, *reports[3:]], told.__setitem__)
    record(in_file, reports, told_of_file.__setitem__)
    assert told == told_of_file == read_recorded(locate(on_server), "toy") == read_recorded(locate(in_file), "toy")
    expected = rows_by_name(url_of(tmp_path / "file"))
    assert len(expected["comment"]) == 7 * 3
    for _ in range(2):
        assert rows_by_name(cycle.server.url("toy")) == expected
        record(on_server, reports)  # the second time over what is there


def change_marks(gradebook):
    """People and time at work: a due date, late work, an extension, marks by hand, somebody without work."""
    gradebook.update_or_create_assignment("toy", duedate="2026-01-02 12:00:00")
    for number, student in enumerate(("student-0001", "student-0002", "student-0003")):
        gradebook.update_or_create_submission("toy", student, timestamp=f"2026-01-0{number + 2} 13:30:00")
    gradebook.grant_extension("toy", "student-0003", days=30, minutes=7)
    given = gradebook.find_grade("clear", "toy", "toy", "student-0002")
    given.manual_score, given.extra_credit, given.needs_manual_grade = 2.25, 0.5, False
    gradebook.add_student("eve", first_name="Eve")


def test_marks_and_penalties_are_those_of_sqlite(tmp_path):
    with postgres() as server:
        found = []
        for place, url in (("server", server.create("marks")), ("file", None)):
            course = make_released_course(tmp_path / place, url)
            add_settings(course.root, "c.LateSubmissionPlugin.penalty_method = 'zero'")
            record(course, make_class(4))
            with_gradebook(url or url_of(course.root), change_marks)
            assert refresh_penalties(course, {}) == {}
            marks = read_marks(locate(course), "toy")
            found.append({name: replace(each, doubted=frozenset()) for name, each in marks.students.items()})
            assert marks.max_score == 15.0
            assert read_marks(locate(course), "other") is None
    on_server, in_file = found
    assert on_server == in_file
    assert {name: each.penalty for name, each in on_server.items() if each.penalty} == pytest.approx(
        {"student-0001": 1 / 3, "student-0002": 2.75}
    )
    assert on_server["student-0003"].extension == timedelta(days=30, minutes=7)
    assert not on_server["eve"].is_submitted
