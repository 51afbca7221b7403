"""The whole cycle by nbgrader's own commands: a class of seven, a real exchange, and every score against the kit's."""

from __future__ import annotations

import csv
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from cnn_kit import NAME, POINTS, tree
from cycle_kit import (
    COURSE,
    School,
    cells_of,
    database_url,
    grades_of,
    open_school,
    put_in,
    reports_of,
    state_of,
    words_of,
)

# Students are called after their work in examples/cnn.
CLASS = ("einsum", "flipped-filter", "stride-forgotten", "one-task-only", "untouched", "endless-loop", "first-tie")
LATE = "first-tie"
TWICE = "einsum"
RESUBMITS = "stride-forgotten"
"""Hands in the release before the due date, and the work after it, when the first was collected."""
PERCENT = 10

# Fifty real commands: on a loaded machine they take longer than other tests may.
pytestmark = pytest.mark.timeout(1800)


@dataclass(frozen=True)
class Cycle:
    """A course after the whole cycle, with the kit's reports, and with what commands said on the way."""

    school: School
    before_grading: Path
    reports: dict[str, dict]
    said: dict[str, str]

    @property
    def url(self) -> str:
        return database_url(self.school.course)


def twice(school: School, *words: str, refusal: str = "") -> str:
    """Run an nbgrader command of the instructor twice; the second time changes nothing. Returns what the first said.

    refusal: nbgrader's own words where it refuses to do it again.
    """
    said = school.instructor.run("nbgrader", *words)
    before = state_of(school)
    again = school.instructor.run("nbgrader", *words, status=1 if refusal else 0)
    assert refusal in again
    assert state_of(school) == before
    return said


def submit(school: School, name: str) -> str:
    # One account stands for all students here, so each says who it is; with accounts of their own nobody has to.
    return school.student(name).run("nbgrader", "submit", NAME, "--student", name)


def fetch_feedback(school: School, name: str) -> str:
    return school.student(name).run("nbgrader", "fetch_feedback", NAME, "--student", name)


@pytest.fixture(scope="module")
def cycle(course_root, unmeasured, tmp_path_factory) -> Cycle:
    """Everything, in the order of a term."""
    settings = f"c.LatePenalty.percent_per_day = {PERCENT}\n"
    school = open_school(course_root, tmp_path_factory.mktemp("school"), more_settings=settings)
    students = {name: school.student(name) for name in CLASS}
    said = {}
    with ThreadPoolExecutor(4) as pool:
        twice(school, "generate_assignment", NAME)
        twice(school, "release_assignment", NAME, refusal="Destination already exists, add --force to overwrite")
        list(pool.map(lambda name: students[name].run("nbgrader", "fetch_assignment", NAME), CLASS))
        refused = students[TWICE].run("nbgrader", "fetch_assignment", NAME, status=1)
        assert "You already have a copy of the assignment in this directory" in refused
        for name in (TWICE, RESUBMITS):
            submit(school, name)  # the release as it is

        for name, student in students.items():
            put_in(student, course_root / "examples/cnn" / name / f"{NAME}.ipynb")
        # The student knows nothing of the kit; the instructor checks the release, among the kit's settings.
        filled = pool.submit(students[TWICE].run, "nbgrader", "validate", f"{NAME}/{NAME}.ipynb")
        said["untouched"] = school.instructor.run("nbgrader", "validate", f"release/{NAME}/{NAME}.ipynb")
        said["filled"] = filled.result()
        list(pool.map(lambda name: submit(school, name), [name for name in CLASS if name not in (LATE, RESUBMITS)]))
        due = datetime.now(UTC)
        twice(school, "db", "assignment", "add", NAME, f"--duedate={due:%Y-%m-%d %H:%M:%S.%f} UTC")
        submit(school, LATE)

        said["collect"] = twice(school, "collect", NAME)
        submit(school, RESUBMITS)
        said["collect again"] = school.instructor.run("nbgrader", "collect", NAME)
        said["collect --update"] = twice(school, "collect", NAME, "--update")

        before = Path(shutil.copytree(school.course, school.root / "before-grading"))
        reports = school.root / "reports"
        school.instructor.run("cnn-assignment", "grade", NAME, "submitted", "--out", reports, "--no-gradebook")
        twice(school, "autograde", NAME)
        twice(school, "generate_feedback", NAME)
        twice(school, "release_feedback", NAME)
        twice(school, "export")
        list(pool.map(lambda name: fetch_feedback(school, name), CLASS))
        folder = students[TWICE].folder
        fetched = tree(folder)
        fetch_feedback(school, TWICE)
        assert tree(folder) == fetched
    return Cycle(school, before, reports_of(reports), said)


def submissions_of(school: School) -> dict[str, int]:
    """How often everybody handed in."""
    names = [path.name.split("+")[0] for path in (school.exchange / COURSE / "inbound").iterdir()]
    return {name: names.count(name) for name in sorted(set(names))}


def test_everybody_fetched_handed_in_and_was_collected_with_the_last_work(cycle, course_root):
    assert submissions_of(cycle.school) == {name: 2 if name in (TWICE, RESUBMITS) else 1 for name in sorted(CLASS)}
    submitted = cycle.school.course / "submitted"
    assert sorted(path.name for path in submitted.iterdir()) == sorted(CLASS)
    for name in CLASS:
        work = (course_root / "examples/cnn" / name / f"{NAME}.ipynb").read_bytes()
        assert (submitted / name / NAME / f"{NAME}.ipynb").read_bytes() == work
        released = set(tree(course_root / "release" / NAME))
        assert set(tree(submitted / name / NAME)) == released | {"timestamp.txt", "submission_secret.txt"}


def test_collect_takes_a_later_submission_only_when_it_is_told_to(cycle):
    assert f"Collecting submission: {RESUBMITS} {NAME}" in cycle.said["collect"]
    assert f"Submission already exists, use --update to update: {RESUBMITS} {NAME}" in cycle.said["collect again"]
    assert f"Updating submission: {RESUBMITS} {NAME}" in cycle.said["collect --update"]
    assert f"No newer submission to collect: {TWICE} {NAME}" in cycle.said["collect --update"]


def test_validate_tells_students_which_tasks_are_open(cycle):
    assert "Success! Your notebook passes all the tests." in cycle.said["filled"]
    assert f"VALIDATION FAILED ON {len(POINTS)} CELL(S)!" in cycle.said["untouched"]
    for task in POINTS:
        assert f"NotImplementedError: {task}: fill in this gap" in cycle.said["untouched"]


def penalty_of(report: dict) -> float:
    return report["score"] * PERCENT / 100 if report["student"] in (LATE, RESUBMITS) else 0.0


def test_every_score_in_the_database_is_the_kits(cycle):
    grades = grades_of(cycle.url)
    assert set(grades) == set(cycle.reports) == set(CLASS)
    for name, row in grades.items():
        report = cycle.reports[name]
        assert row["cells"] == pytest.approx(cells_of(report), abs=1e-9)
        assert set(row["cells"]) == set(POINTS)
        assert (row["score"], row["max_score"]) == (pytest.approx(report["score"], abs=1e-9), report["max_score"])
        assert (row["penalty"] or 0.0) == pytest.approx(penalty_of(report), abs=1e-9)
        assert row["waiting"] == []
    scores = [report["score"] for report in cycle.reports.values()]
    assert (min(scores), max(scores), len(set(scores))) == (0.0, 100.0, len(CLASS) - 1)


def test_the_exported_table_holds_the_kits_scores_and_the_penalties(cycle):
    with (cycle.school.course / "grades.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    assert set(rows) == set(CLASS)
    for name, row in rows.items():
        report, penalty = cycle.reports[name], penalty_of(cycle.reports[name])
        told = [float(row[key]) for key in ("raw_score", "late_submission_penalty", "score", "max_score")]
        assert told == pytest.approx([report["score"], penalty, report["score"] - penalty, report["max_score"]])
        handed_in = (cycle.school.course / "submitted" / name / NAME / "timestamp.txt").read_text(encoding="utf-8")
        assert f"{row['timestamp']} UTC" == handed_in


@pytest.mark.parametrize("name", CLASS)
def test_students_fetch_their_own_scores_and_the_kits_words(cycle, name):
    (page,) = (cycle.school.student(name).folder / NAME / "feedback").rglob("*.html")
    assert page.read_bytes() == (cycle.school.course / "feedback" / name / NAME / f"{NAME}.html").read_bytes()
    words, report = words_of(page), cycle.reports[name]
    left = round(report["score"] - penalty_of(report), 2)
    assert f"{NAME} (Score: {left} / {report['max_score']})" in words
    assert ("Late submission penalty" in words) == (penalty_of(report) > 0)
    for task in report["tasks"]:
        assert f"{task['title']}: {task['score']:g} of {task['max_score']:g} points" in words
        for test in task["tests"]:
            for sentence in (test["title"], test["message"], *test["diagnosis"]):
                assert " ".join(sentence.split()) in words


def test_nbgraders_lists_work_among_the_kits_settings(cycle):
    before = state_of(cycle.school)
    inbound = cycle.school.instructor.run("nbgrader", "list", "--inbound")
    for name, times in submissions_of(cycle.school).items():
        assert inbound.count(f"{COURSE} {name} {NAME} ") == times
    students = cycle.school.instructor.run("nbgrader", "db", "student", "list")
    assert f"There are {len(CLASS)} students in the database:" in students
    assert state_of(cycle.school) == before


def test_nobody_else_can_list_the_released_feedback(cycle):
    feedback = cycle.school.exchange / COURSE / "feedback"
    assert feedback.stat().st_mode & 0o777 == 0o711
    assert len(list(feedback.iterdir())) == len(CLASS)


def copy_of(cycle: Cycle, course: Path, folder: Path) -> School:
    """The school with a copy of a course, whose default database is its own."""
    return cycle.school.with_course(Path(shutil.copytree(course, folder)))


def test_the_kits_command_leaves_the_same_rows_and_reports(cycle, tmp_path):
    school = copy_of(cycle, cycle.before_grading, tmp_path / "course")
    school.instructor.run("cnn-assignment", "grade", NAME, "submitted", "--out", "reports")
    assert grades_of(database_url(school.course)) == grades_of(cycle.url)
    assert reports_of(school.course / "reports") == cycle.reports
    for name in (RESUBMITS, "untouched"):
        school.instructor.run("nbgrader", "generate_feedback", NAME, "--student", name)
        page = f"feedback/{name}/{NAME}/{NAME}.html"
        assert words_of(school.course / page) == words_of(cycle.school.course / page)


def by_hand(url: str) -> None:
    """What a person adds: another score, extra credit, a comment, and an extension."""
    with Gradebook(url, COURSE) as gradebook:
        changed = gradebook.find_grade("conv-forward", NAME, NAME, LATE)
        changed.manual_score, changed.extra_credit = 15.0, 2.0
        gradebook.find_comment("Convolution2dLayer", NAME, NAME, LATE).manual_comment = "Please shorten your loops."
        gradebook.grant_extension(NAME, RESUBMITS, hours=1)
        gradebook.db.commit()


@pytest.mark.parametrize("command", ["nbgrader", "kit"])
def test_what_a_person_added_survives_grading_again(cycle, tmp_path, command):
    school = copy_of(cycle, cycle.school.course, tmp_path / "course")
    url = database_url(school.course)
    by_hand(url)
    expected = grades_of(cycle.url)
    late = expected[LATE]
    late["manual"]["conv-forward"], late["extra"]["conv-forward"] = 15.0, 2.0
    # nbgrader asks the person to look at that cell again, and takes the penalty from the score as it is now.
    late["waiting"] = ["conv-forward"]
    late["score"] = cycle.reports[LATE]["score"] - POINTS["conv-forward"] + 15.0 + 2.0
    late["penalty"] = late["score"] * PERCENT / 100
    late["comments"]["Convolution2dLayer"] = (late["comments"]["Convolution2dLayer"][0], "Please shorten your loops.")
    expected[RESUBMITS]["penalty"] = None
    if command == "nbgrader":
        for name in (LATE, RESUBMITS):
            school.instructor.run("nbgrader", "autograde", NAME, "--force", "--student", name)
    else:
        only = ("--only", LATE, "--only", RESUBMITS)
        school.instructor.run("cnn-assignment", "grade", NAME, "submitted", "--out", "reports", *only)
    assert grades_of(url) == expected
    # Without --force, nbgrader keeps the page of before.
    school.instructor.run("nbgrader", "generate_feedback", NAME, "--force", "--student", LATE)
    assert "Please shorten your loops." in words_of(school.course / "feedback" / LATE / NAME / f"{NAME}.html")
