"""Final marks: what a run leaves in ``final.csv`` and in the gradebook, whatever people and late work did to the marks."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from nbgrader.plugins import CsvExportPlugin

import toy_course
from cnn_assignment.cli.class_grading import open_gradebook
from cnn_assignment.core.layout import load_assignment
from cnn_assignment.reporting import FINAL_TABLE, FinalMark, FinalRow, write_final_csv
from cnn_assignment.running.class_run import GradingOptions, grade_class, open_class
from cnn_assignment.running.pool import collect_tasks
from cnn_assignment.running.students import find_students
from cycle_kit import rows_of
from gradebook_kit import nbgrader
from processes import run
from release_kit import build
from toy_course import TOTAL, edit, left_open, submit, write

CLASS = ["cem", "days", "full", "hours", "part"]
PART = TOTAL - toy_course.TASKS["cut"]
OWN_PLUGIN = """
from pathlib import Path
from nbgrader.plugins import LateSubmissionPlugin


class Mine(LateSubmissionPlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        if student_id in Path({excused!r}).read_text():
            return None
        return 1.5


c.AssignLatePenalties.plugin_class = Mine
"""
RAISING = """
from nbgrader.plugins import LateSubmissionPlugin


class Mine(LateSubmissionPlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        if student_id == "hours":
            raise LookupError("nobody knows")
        return 2.5


c.AssignLatePenalties.plugin_class = Mine
"""


@pytest.fixture(scope="module")
def graded(tmp_path_factory) -> Path:
    """A class with its gradebook: work that came 90 minutes and 25 hours late, cem's is unreadable, and eve has none."""
    root = tmp_path_factory.mktemp("graded") / "course"
    assignment = toy_course.make_course(root)
    build(assignment, collect_tasks(assignment), assignment.hints)
    settings(root, "c = get_config()\nc.LatePenalty.percent_per_day = 10")
    for student, text in dict.fromkeys(CLASS, toy_course.SOLUTION).items():
        submit(root, student, text, "toy/toy.py")
    submit(root, "part", left_open("cut"), "toy/toy.py")
    submit(root, "cem", "class Scaler(:", "toy/toy.py")
    times = {"hours": "2026-01-02 13:30:00", "days": "2026-01-03 13:00:00", "full": "2026-01-02 11:00:00"}
    for student, time in times.items():
        hand_in_at(root, student, time)
    with Gradebook(url_of(root)) as gradebook:
        gradebook.update_or_create_assignment("toy", duedate=datetime(2026, 1, 2, 12, tzinfo=UTC).replace(tzinfo=None))
        gradebook.add_student("eve", first_name="Eve", last_name="=cmd()")
    assert graded_in(root) == CLASS
    return root


@pytest.fixture
def course(graded, tmp_path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(graded, tmp_path / "course"))


def url_of(root):
    return f"sqlite:///{root / 'gradebook.db'}"


def settings(root, text):
    with (root / "nbgrader_config.py").open("a", encoding="utf-8") as file:
        file.write(f"{text}\n")


def hand_in_at(root, student, time):
    write(root / "submitted" / student / "toy/timestamp.txt", f"{time}.000000 UTC\n")


def grade(root, only=(), progress=lambda _: None, **options):
    """What a run makes of the class."""
    assignment = load_assignment(root, "toy")
    students = find_students(assignment, root / "submitted", only)
    return grade_class(
        assignment, students, GradingOptions(root / "out", **({"gradebook": open_gradebook} | options)), progress
    )


def graded_in(root, **options):
    """The students whom a run had something to do for."""
    told = []
    assert grade(root, progress=told.append, **options).problem is None
    return sorted(told)


@contextmanager
def changing(root):
    with Gradebook(url_of(root)) as gradebook:
        yield gradebook
        gradebook.db.commit()


def set_by_hand(gradebook, student, cell, manual=None, extra=None):
    """What formgrader's page does with the numbers of one cell."""
    given = gradebook.find_grade(cell, "toy", "toy", student)
    given.manual_score, given.extra_credit = manual, extra
    given.needs_manual_grade = manual is None and given.auto_score is None


def table(root):
    with (root / "out" / FINAL_TABLE).open(encoding="utf-8", newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def column(root, name):
    return {student: row[name] for student, row in table(root).items()}


def states(root):
    return column(root, "state")


def penalties(root):
    return {student: float(value) for student, value in column(root, "penalty").items() if value}


def exported(root):
    """nbgrader's own table, by its exporter; the command `nbgrader export` does no more."""
    plugin = CsvExportPlugin()
    plugin.to = str(root / "grades.csv")
    with Gradebook(url_of(root)) as gradebook:
        plugin.export(gradebook)
    with (root / "grades.csv").open(encoding="utf-8", newline="") as file:
        return {row["student_id"]: row for row in csv.DictReader(file)}


def assert_agrees_with_export(root):
    """Everybody of nbgrader's table is in ours, and each mark in it is nbgrader's."""
    ours, theirs = table(root), exported(root)
    assert sorted(ours) == sorted(theirs)
    for student, row in ours.items():
        mark = theirs[student]
        assert float(row["max_score"]) == float(mark["max_score"]) == TOTAL
        if row["score"]:
            assert float(row["score"]) == pytest.approx(float(mark["score"]), abs=1e-6)
            assert float(row["penalty"]) == pytest.approx(float(mark["late_submission_penalty"]), abs=1e-6)
            parts = sum(float(row[name]) for name in ("by_tests", "manual", "extra_credit"))
            assert parts == pytest.approx(float(mark["raw_score"]), abs=1e-6)


# The table


def test_the_first_run_leaves_everybodys_mark(graded):
    assert states(graded) == {
        "cem": "unreadable",
        "days": "graded",
        "eve": "missing",
        "full": "graded",
        "hours": "graded",
        "part": "graded",
    }
    assert penalties(graded) == {"cem": 0, "days": 1.6, "eve": 0, "full": 0, "hours": 0.8, "part": 0}
    assert {name: float(score) for name, score in column(graded, "score").items()} == {
        "cem": 0.0,
        "days": 6.4,
        "eve": 0.0,
        "full": 8.0,
        "hours": 7.2,
        "part": PART,
    }
    assert column(graded, "needs_manual_grade") == {name: str(name == "cem") for name in [*CLASS, "eve"]}
    assert table(graded)["eve"]["last_name"] == "'=cmd()"
    assert float(table(graded)["days"]["days_late"]) == pytest.approx(25 / 24, abs=1e-6)
    assert_agrees_with_export(graded)


def test_what_people_give_is_in_the_table_as_in_nbgraders_export(course):
    with changing(course) as gradebook:
        set_by_hand(gradebook, "full", "clear", manual=1.25)
        set_by_hand(gradebook, "part", "cut", manual=1.1, extra=0.3)
        set_by_hand(gradebook, "part", "clear", extra=1.5)
        set_by_hand(gradebook, "days", "scale", manual=3.0)
        set_by_hand(gradebook, "hours", "slope", extra=1.0)
        set_by_hand(gradebook, "cem", "slope", manual=2.0)
        gradebook.grant_extension("toy", "days", hours=24)
        gradebook.grant_extension("toy", "full", days=2)
    assert graded_in(course) == []
    assert_agrees_with_export(course)
    rows = table(course)
    assert [float(rows["part"][name]) for name in ("by_tests", "manual", "extra_credit", "score")] == [
        PART,
        1.1,
        1.8,
        PART + 2.9,
    ]
    assert float(rows["full"]["manual"]) == -1.75
    assert penalties(course) == {"cem": 0, "days": 1.0, "eve": 0, "full": 0, "hours": 0.9, "part": 0}
    assert (rows["days"]["extension_days"], rows["days"]["score"]) == ("1.0", "9.0")
    assert (rows["cem"]["state"], rows["cem"]["score"]) == ("unreadable", "2.0")


def test_a_penalty_never_takes_more_than_there_is(course):
    with changing(course) as gradebook:
        for cell in ("scale", "slope", "cut", "clear"):
            set_by_hand(gradebook, "days", cell, manual=0.0)
    settings(course, "c.LateSubmissionPlugin.penalty_method = 'zero'\nc.LatePenalty.percent_per_day = 0")
    assert graded_in(course) == []
    assert column(course, "score")["hours"] == column(course, "score")["days"] == "0.0"
    assert_agrees_with_export(course)


def test_only_some_and_an_interruption_leave_the_whole_class_in_the_table(course):
    before = (course / "out" / FINAL_TABLE).read_bytes()
    assert grade(course, only=["full"], others=tuple(set(CLASS) - {"full"})).problem is None
    assert (course / "out" / FINAL_TABLE).read_bytes() == before

    def stop(_):
        raise KeyboardInterrupt

    submit(course, "part", toy_course.SOLUTION, "toy/toy.py")
    with changing(course) as gradebook:
        set_by_hand(gradebook, "full", "cut", extra=0.5)
    settings(course, "c.LatePenalty.percent_per_day = 25")
    with pytest.raises(KeyboardInterrupt):
        grade(course, progress=stop)
    assert penalties(course)["days"] == 4.0
    assert states(course) == {**dict.fromkeys(CLASS, "graded"), "cem": "unreadable", "eve": "missing"}
    assert (table(course)["part"]["score"], table(course)["full"]["score"]) == ("8.0", "8.5")
    assert_agrees_with_export(course)


def test_who_has_no_mark_now_has_no_number(course):
    edit(course / "autograder/toy/test_cut.py", '"""Cutting"""', '"""Cutting it"""')
    assert grade(course, only=["full"], others=tuple(set(CLASS) - {"full", "part"})).problem is None
    assert states(course) == {
        "cem": "ungraded",
        "days": "ungraded",
        "eve": "missing",
        "full": "graded",
        "hours": "ungraded",
        "part": "gone",
    }
    numbers = ("by_tests", "manual", "extra_credit", "penalty", "score", "days_late", "needs_manual_grade")
    for student in ("cem", "days", "hours", "part"):
        assert {table(course)[student][name] for name in numbers} == {""}
    assert_agrees_with_export(course)


def test_a_withheld_grade_is_no_zero(course):
    edit(course / "autograder/toy/test_cut.py", "    x = rng", "    x = 1 / 0\n    x = rng")
    grade(course)
    assert states(course) == {**dict.fromkeys(CLASS, "grader_error"), "cem": "unreadable", "eve": "missing"}
    assert column(course, "score") == {**dict.fromkeys(CLASS, ""), "cem": "0.0", "eve": "0.0"}


def test_what_the_gradebook_does_not_hold_has_no_mark(course):
    hand_in_at(course, "full", "yesterday or so")
    submit(course, "full", left_open("cut"), "toy/toy.py")
    problem = grade(course).problem
    assert "not a point in time" in str(problem)
    assert (table(course)["full"]["state"], table(course)["full"]["score"]) == ("unrecorded", "")
    assert table(course)["part"]["state"] == "graded"


def test_without_a_gradebook_no_older_table_stays(course):
    done = run("grade", "toy", "submitted", "--out", "out", "--no-gradebook", cwd=course)
    assert not (course / "out" / FINAL_TABLE).exists()
    assert "final.csv of an earlier run is removed" in done.stderr
    done = run("grade", "toy", "submitted", "--out", "out", "--no-gradebook", cwd=course)
    assert "final.csv" not in done.stdout + done.stderr


def test_a_gradebook_that_cannot_be_read_leaves_no_older_table(course):
    (course / "gradebook.db").write_text("no database", encoding="utf-8")
    done = run("grade", "toy", "submitted", "--out", "out", cwd=course, status=3)
    assert not (course / "out" / FINAL_TABLE).exists()
    assert "final.csv of an earlier run is removed" in done.stderr
    assert "file is not a database" in done.stderr


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("c.LatePenalty.percent_per_day = (", "'(' was never closed"),
        ("1 / 0", "division by zero"),
        ("c.CourseDirectory.db_url = 5", "expected a unicode string, not the int 5"),
    ],
)
def test_settings_that_cannot_be_loaded_change_no_mark_and_leave_no_older_table(course, setting, reason):
    before = rows_of(url_of(course))
    settings(course, setting)
    done = run("grade", "toy", "submitted", "--out", "out", cwd=course, status=3)
    assert "nbgrader's settings cannot be loaded: " in done.stderr
    assert reason in done.stderr
    assert "Traceback" not in done.stderr
    assert not (course / "out" / FINAL_TABLE).exists()
    assert (course / "out/class.csv").is_file()
    assert rows_of(url_of(course)) == before


def test_a_gradebook_that_is_gone_is_filled_again(course):
    (course / "gradebook.db").unlink()
    assert graded_in(course) == CLASS
    assert states(course) == {**dict.fromkeys(CLASS, "graded"), "cem": "unreadable"}
    assert_agrees_with_export(course)


def test_names_start_no_formula_and_numbers_have_no_noise(tmp_path):
    rows = [
        FinalRow("zoe", "graded", 3.0, FinalMark(0.1 + 0.2, -0.0), "\x1b[2J", "@x"),
        FinalRow("=1+1", "missing", 3.0, None),
    ]
    write_final_csv(rows, tmp_path / FINAL_TABLE)
    assert (tmp_path / FINAL_TABLE).read_text(encoding="utf-8").split("\n")[1:] == [
        "'=1+1,,,missing,,,,,,3.0,,,",
        r"zoe,\x1b[2J,'@x,graded,0.3,0.0,0.0,0.0,0.3,3.0,0.0,0.0,False",
        "",
    ]


# Penalties


def move_due_date(root, due):
    with changing(root) as gradebook:
        gradebook.update_or_create_assignment("toy", duedate=due)


def extend(root, student, **length):
    with changing(root) as gradebook:
        gradebook.grant_extension("toy", student, **length)


def extend_and_take_back(root):
    extend(root, "days", days=3)
    assert graded_in(root) == []
    assert penalties(root)["days"] == 0.0
    extend(root, "days")


def mark_by_hand(root):
    with changing(root) as gradebook:
        set_by_hand(gradebook, "hours", "clear", manual=1.0)


def use_own_plugin(root):
    write(root / "excused.txt", "hours")
    settings(root, OWN_PLUGIN.format(excused=str(root / "excused.txt")))
    assert graded_in(root) == []
    assert (penalties(root)["days"], penalties(root)["hours"]) == (1.5, 0.0)
    # Something that only the plugin knows of.
    write(root / "excused.txt", "days")


@pytest.mark.parametrize(
    ("change", "days", "hours"),
    [
        (lambda root: settings(root, "c.LatePenalty.percent_per_day = 25"), 4.0, 2.0),
        (lambda root: settings(root, "c.LatePenalty.percent_per_day = 0"), 0.0, 0.0),
        (lambda root: settings(root, "c.LatePenalty.grace_minutes = 90"), 0.8, 0.0),
        (lambda root: settings(root, "c.LatePenalty.cap_percent = 15"), 1.2, 0.8),
        (lambda root: move_due_date(root, "2026-01-01 00:00:00"), 2.4, 1.6),
        (lambda root: move_due_date(root, "2026-02-01 00:00:00"), 0.0, 0.0),
        (lambda root: move_due_date(root, None), 0.0, 0.0),
        (lambda root: extend(root, "days", hours=2), 0.8, 0.8),
        (lambda root: extend(root, "hours", days=2), 1.6, 0.0),
        (extend_and_take_back, 1.6, 0.8),
        (lambda root: hand_in_at(root, "hours", "2026-01-05 00:00:00"), 1.6, 2.4),
        (lambda root: hand_in_at(root, "days", "2026-01-01 00:00:00"), 0.0, 0.8),
        (mark_by_hand, 1.6, 0.6),
        (use_own_plugin, 0.0, 1.5),
    ],
)
def test_a_penalty_follows_what_it_depends_on_and_nothing_is_graded_again(course, change, days, hours):
    change(course)
    assert graded_in(course) == []
    assert {name: penalties(course)[name] for name in ("days", "hours")} == {"days": days, "hours": hours}
    assert_agrees_with_export(course)
    assert grade(course).changes.penalties == ()


def test_a_run_for_one_student_brings_everybodys_penalty_up_to_date(course):
    settings(course, "c.LatePenalty.percent_per_day = 25")
    submit(course, "part", toy_course.SOLUTION, "toy/toy.py")
    told = []
    graded = grade(course, only=["part"], progress=told.append, others=tuple(set(CLASS) - {"part"}))
    assert (told, graded.changes.penalties) == (["part"], ("days", "hours"))
    assert (penalties(course)["days"], penalties(course)["hours"]) == (4.0, 2.0)
    assert_agrees_with_export(course)


def test_penalties_are_those_that_autograde_leaves(course, tmp_path):
    for root in (course, Path(shutil.copytree(course, tmp_path / "other"))):
        settings(root, "c.LatePenalty.percent_per_day = 30\nc.LatePenalty.cap_percent = 50")
        hand_in_at(root, "full", "2026-01-02 12:00:01")
        extend(root, "hours", hours=1)
    assert graded_in(course) == []
    nbgrader(tmp_path / "other", "autograde", "toy", "--force")
    ours, theirs = exported(course), exported(tmp_path / "other")
    assert ours == theirs
    assert ours["full"]["late_submission_penalty"] == "2.4"


def test_a_changed_time_goes_along_without_touching_anything_else(course):
    mark_by_hand(course)
    hand_in_at(course, "hours", "2026-01-05 00:00:00")
    assert graded_in(course) == []
    places = [course / place / "hours/toy/timestamp.txt" for place in ("submitted", "autograded")]
    assert places[0].read_bytes() == places[1].read_bytes()
    with changing(course) as gradebook:
        assert gradebook.find_submission("toy", "hours").timestamp.isoformat() == "2026-01-05T00:00:00"
    assert table(course)["hours"]["needs_manual_grade"] == "False"
    (course / "submitted/hours/toy/timestamp.txt").unlink()
    assert planned(course) == ["hours"]


def planned(root):
    assignment = load_assignment(root, "toy")
    students = find_students(assignment, root / "submitted")
    with open_class(assignment, students, GradingOptions(root / "out", gradebook=open_gradebook)) as grading:
        return [student.name for student in grading.todo]


def test_a_time_that_is_none_is_told_and_its_penalty_is_no_mark(course):
    hand_in_at(course, "hours", "soon")
    problem = grade(course).problem
    assert "late penalties that are not up to date: 1\n  hours: " in str(problem)
    assert "not a point in time" in str(problem)
    assert (states(course)["hours"], states(course)["days"]) == ("unrecorded", "graded")
    hand_in_at(course, "hours", "2026-01-02 13:30:00")
    assert graded_in(course) == []
    assert (states(course)["hours"], penalties(course)["hours"]) == ("graded", 0.8)


def test_a_plugin_that_fails_costs_one_student_and_is_told(course):
    settings(course, RAISING)
    done = run("grade", "toy", "submitted", "--out", "out", cwd=course, status=3)
    assert "late penalties that are not up to date: 1\n  hours: nobody knows. Mend what it names" in done.stderr
    assert (states(course)["hours"], column(course, "score")["hours"]) == ("unrecorded", "")
    assert penalties(course)["days"] == 2.5


def test_the_command_says_how_many_penalties_changed_and_what_is_in_which_table(course):
    settings(course, "c.LatePenalty.percent_per_day = 20")
    done = run("grade", "toy", "submitted", "--out", "out", cwd=course)
    assert "Late penalties that are new or changed: 2 (days, hours)." in done.stdout
    assert "5 reports, class.csv and final.csv are in out." in done.stdout
    assert "final.csv has the final marks" in done.stdout
    assert "final.csv: 4 graded, 1 unreadable, 1 missing; 1 to be marked by hand." in done.stdout
    assert "Late penalties" not in run("grade", "toy", "submitted", "--out", "out", cwd=course).stdout


def test_where_nothing_is_late_an_unchanged_class_starts_no_nbgrader(course):
    move_due_date(course, None)
    words = ["grade", "toy", "submitted", "--out", "out"]
    run(*words, cwd=course)  # which learns where the gradebook is, seen from here
    program = f"""if True:
        import atexit, sys
        from cnn_assignment.cli import main
        atexit.register(lambda: print(sorted({{"nbgrader", "nbformat"}} & set(sys.modules))))
        main({words})
    """
    done = subprocess.run([sys.executable, "-c", program], cwd=course, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()[-1]) == (0, "[]"), done.stderr


# What a person must look at


def waiting(root, student="cem"):
    with changing(root) as gradebook:
        found = gradebook.find_submission_notebook("toy", "toy", student)
        return sorted(given.name for given in found.grades if given.needs_manual_grade)


CELLS = ["clear", "cut", "scale", "slope"]


def test_unreadable_work_waits_for_a_person_by_either_command(course):
    assert waiting(course) == CELLS
    nbgrader(course, "autograde", "toy", "--student", "cem", "--force")
    assert waiting(course) == CELLS
    assert waiting(course, "part") == []
    with changing(course) as gradebook:
        assert gradebook.find_submission("toy", "cem").needs_manual_grade


def test_a_mark_by_hand_ends_the_waiting_and_a_plain_run_keeps_it_that_way(course):
    with changing(course) as gradebook:
        for cell in CELLS:
            set_by_hand(gradebook, "cem", cell, manual=0.5)
    assert grade(course).changes.doubted == ()
    assert waiting(course) == []
    assert (table(course)["cem"]["needs_manual_grade"], table(course)["cem"]["score"]) == ("False", "2.0")


def test_readable_work_ends_the_waiting(course):
    submit(course, "cem", toy_course.SOLUTION, "toy/toy.py")
    assert graded_in(course) == ["cem"]
    assert waiting(course) == []
    assert (states(course)["cem"], table(course)["cem"]["score"]) == ("graded", "8.0")


def test_marks_by_hand_that_a_run_questions_are_named(course):
    with changing(course) as gradebook:
        set_by_hand(gradebook, "cem", "slope", manual=1.0)
        set_by_hand(gradebook, "full", "slope", manual=1.0)
    submit(course, "part", toy_course.SOLUTION, "toy/toy.py")
    done = run("grade", "toy", "submitted", "--out", "out", cwd=course)
    assert "another look" not in done.stderr
    done = run("grade", "toy", "submitted", "--out", "out", "--fresh", cwd=course)
    assert "their marks by hand need another look: cem, full." in done.stderr
    assert (table(course)["full"]["needs_manual_grade"], table(course)["full"]["manual"]) == ("True", "-1.0")
