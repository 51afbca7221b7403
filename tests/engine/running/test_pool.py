"""Pools of grader processes: order and number change nothing, and a process that dies is replaced."""

from __future__ import annotations

import json
import os
import signal
import threading
from contextlib import closing, suppress

import pytest
from traitlets.config import Config

import toy_course
from cnn_assignment import nbgrader_plugins
from cnn_assignment.core.errors import AuthoringError, GraderError
from cnn_assignment.core.layout import load_assignment
from cnn_assignment.core.model import ReportStatus, Submission
from cnn_assignment.nbgrader_plugins import configure
from cnn_assignment.running.client import CalledOffError, GraderClient, GraderProcess
from cnn_assignment.running.pool import grade_all
from cnn_assignment.running.shared import SharedGrader
from processes import await_that, descendants, is_running
from toy_course import SLOW, TOTAL, answer, edit, left_open, submit

TEXTS = {
    "ada": toy_course.SOLUTION,
    "bob": left_open("cut", "clear"),
    "cem": answer(cut="return []", scale="raise ValueError(object())"),
    "dee": "class Scaler(:",
    "eva": answer(slope="np.random.seed(); grad = np.random.normal(size=1)", cut="return iter(list(set([object()])))"),
    "fay": answer(scale="while True: pass"),
}


@pytest.fixture(scope="module")
def submissions(course):
    return [submit(course.root, student, text) for student, text in TEXTS.items()] + [Submission("gus", None)]


def grade(course, submissions, jobs=1):
    """The JSON of each report."""
    with closing(grade_all(course, submissions, jobs)) as reports:
        return {report.student: json.dumps(report.to_json()) for report in reports}


@pytest.fixture(scope="module")
def graded(course, submissions):
    return grade(course, submissions)


def test_every_submission_has_a_report(graded):
    found = {student: json.loads(text) for student, text in graded.items()}
    assert {student: report["status"] for student, report in found.items()} == dict.fromkeys(found, "graded") | {
        "dee": "unreadable",
        "gus": "unreadable",
    }
    assert {student: report["score"] for student, report in found.items()} == {
        "ada": TOTAL,
        "bob": 3.0,
        "cem": TOTAL - 3.0,
        "dee": 0.0,
        "eva": TOTAL - 4.0,
        "fay": TOTAL - 1.0,
        "gus": 0.0,
    }
    assert found["gus"]["notes"] == ["no toy.ipynb and no toy.py"]


def test_equal_inputs_give_equal_bytes_in_any_order_and_with_any_number_of_processes(course, submissions, graded):
    assert grade(course, submissions[::-1], jobs=2) == graded


def test_reports_hold_neither_paths_nor_processes(course, graded):
    for text in graded.values():
        assert str(course.root) not in text
        assert "0x7" not in text


def test_a_file_that_goes_before_it_is_read_has_a_row_with_the_reason(course):
    gone = submit(course.root, "ivy", toy_course.SOLUTION)
    gone.path.unlink()
    folder = submit(course.root, "jon", "x = 1", "toy.py/inside.txt").path.parent
    found = {name: json.loads(text) for name, text in grade(course, [gone, Submission("jon", folder)]).items()}
    assert {name: report["status"] for name, report in found.items()} == {"ivy": "unreadable", "jon": "unreadable"}
    assert found["ivy"]["notes"] == ["toy.py cannot be read: No such file or directory"]
    assert found["jon"]["notes"] == ["toy.py cannot be read: Is a directory"]


def test_nothing_is_left_running(course, submissions):
    before = descendants(os.getpid())
    grade(course, submissions[:1])
    assert descendants(os.getpid()) <= before


def test_no_submission_needs_no_process(course):
    assert grade(course, []) == {}


def test_a_process_that_is_killed_once_costs_nothing(course):
    slow = [submit(course.root, f"s{n}", answer(scale=SLOW.format(seconds=0.2))) for n in range(4)]
    before = descendants(os.getpid())
    found = {}
    with closing(grade_all(course, slow, 1)) as reports:
        for number, report in enumerate(reports):
            found[report.student] = report
            if number == 0:
                job = next(pid for pid in descendants(os.getpid()) - before if "running.grader" in command_of(pid))
                theirs = descendants(job)
                os.kill(job, signal.SIGKILL)
    assert {student: report.score for student, report in found.items()} == {f"s{n}": TOTAL for n in range(4)}
    assert theirs
    for pid in theirs:
        await_that(lambda pid=pid: not is_running(pid))


def deadly_course(root, *lines):
    """A course whose grader ends where a submission cuts nothing."""
    toy_course.make_course(root)
    body = "".join(f"        {line}\n" for line in lines)
    edit(root / "autograder/toy/test_cut.py", "    if len(found)", f"    if not found:\n{body}    if len(found)")
    edit(root / "autograder/toy/test_cut.py", "import pytest\n", "import os\n\nimport pytest\n")
    return load_assignment(root, "toy")


@pytest.mark.parametrize(
    ("lines", "seen"),
    [
        (["os.kill(os.getpid(), 9)"], "signal 9, SIGKILL"),
        (
            ["os.write(2, b'Traceback\\nMemoryError: 0x7f01 in /' + b'some/place.py ' + b'x' * 500)", "os._exit(7)"],
            f"status 7: MemoryError: … in … {'x' * 500}"[:210],
        ),
    ],
)
def test_a_submission_that_ends_its_process_twice_is_set_aside(tmp_path, lines, seen):
    assignment = deadly_course(tmp_path, *lines)
    texts = {"ada": toy_course.SOLUTION, "bob": answer(cut="return []"), "cem": toy_course.SOLUTION}
    found = grade(assignment, [submit(tmp_path, student, text) for student, text in texts.items()])
    reports = {student: json.loads(text) for student, text in found.items()}
    assert [reports[student]["score"] for student in ("ada", "cem")] == [TOTAL, TOTAL]
    assert (reports["bob"]["status"], reports["bob"]["tasks"]) == (ReportStatus.GRADER_ERROR, [])
    (note,) = reports["bob"]["notes"]
    assert note == (
        f"the grader process ended at this submission, and again in a fresh one ({seen}; {seen}). "
        "Grade it alone with --only to see whether it happens again."
    )
    again = grade(assignment, [submit(tmp_path, "bob", texts["bob"])], jobs=2)
    assert again == {"bob": found["bob"]}


def test_submissions_are_taken_as_they_are_needed(course):
    taken = []

    def endless():
        while True:
            taken.append(threading.current_thread())
            yield Submission(f"s{len(taken)}", None)

    with closing(grade_all(course, endless(), 2)) as reports:
        found = {next(reports).student for _ in range(200)}
        assert len(found) == 200
        assert len(taken) < 300
    # Whoever asks for reports may have opened a database for the submissions.
    assert set(taken) == {threading.current_thread()}


def test_submissions_that_cannot_be_found_stop_the_class(course, submissions):
    def broken():
        yield submissions[0]
        raise OSError("the disk is gone")

    before = descendants(os.getpid())
    with pytest.raises(OSError, match="the disk is gone"):
        grade(course, broken(), jobs=2)
    assert descendants(os.getpid()) <= before


def test_a_grader_that_was_called_off_starts_nothing(course, submissions):
    before = descendants(os.getpid())
    grader = GraderClient(course)
    grader.abort()
    with pytest.raises(CalledOffError, match="grading was called off"):
        grader.grade(submissions[0])
    assert descendants(os.getpid()) <= before


def test_a_grader_is_called_off_while_its_process_starts(course, submissions):
    told = []

    def wait():
        with GraderClient(course) as grader:
            threading.Thread(target=abort_when_started, args=(grader,)).start()
            try:
                grader.grade(submissions[0])
            except CalledOffError as error:
                told.append(str(error))

    def abort_when_started(grader):
        await_that(lambda: descendants(os.getpid()) - before)
        grader.abort()

    before = descendants(os.getpid())
    waiting = threading.Thread(target=wait)
    waiting.start()
    waiting.join()
    assert told == ["grading was called off"]
    assert descendants(os.getpid()) <= before


def command_of(pid):
    return (toy_course.Path("/proc") / str(pid) / "cmdline").read_text(encoding="utf-8")


def test_a_class_that_is_called_off_leaves_no_process(course):
    slow = [submit(course.root, f"s{n}", answer(scale=SLOW.format(seconds=0.5))) for n in range(4)]
    before = descendants(os.getpid())
    with closing(grade_all(course, slow, 2)) as reports:
        next(reports)
        theirs = descendants(os.getpid()) - before
    assert theirs
    for pid in theirs:
        await_that(lambda pid=pid: not is_running(pid))


def test_a_class_that_is_called_off_at_once_leaves_no_process(course, submissions):
    before = descendants(os.getpid())
    reports = grade_all(course, submissions, 2)
    waiting = threading.Thread(target=lambda: next(reports, None))
    waiting.start()
    waiting.join()
    reports.close()
    assert descendants(os.getpid()) <= before


def test_hidden_tests_that_do_not_fit_stop_the_class(tmp_path):
    toy_course.make_course(tmp_path)
    edit(tmp_path / "autograder/toy/test_cut.py", "@pytest.mark.points(2)\n", "")
    slow = [submit(tmp_path, "ada", toy_course.SOLUTION), submit(tmp_path, "bob", toy_course.SOLUTION)]
    with pytest.raises(AuthoringError, match="a hidden test without points"):
        grade(load_assignment(tmp_path, "toy"), slow, jobs=2)


def test_a_process_that_is_gone_says_so(course, submissions):
    with GraderProcess(course) as grader:
        assert grader.running
        assert grader.level >= 0
        assert grader.protections["separate_process"]
        grader.abort()
        with pytest.raises(GraderError, match="the grader process ended unexpectedly"):
            grader.grade(submissions[0])
        assert not grader.running
        with pytest.raises(GraderError, match="the grader process ended unexpectedly"):
            grader.grade(submissions[0])


def test_hidden_tests_that_print_do_not_disturb_the_answers(tmp_path):
    toy_course.make_course(tmp_path)
    noise = "import os, sys\nprint('{}')\nsys.stderr.write('noise')\nos.write(1, b'noise')\n"
    edit(tmp_path / "autograder/toy/test_cut.py", "import pytest\n", f"import pytest\n{noise}\n")
    edit(tmp_path / "autograder/toy/test_cut.py", "    x = rng", "    print('{}')\n    x = rng")
    assert (
        json.loads(grade(load_assignment(tmp_path, "toy"), [submit(tmp_path, "ada", toy_course.SOLUTION)])["ada"])[
            "score"
        ]
        == TOTAL
    )


def test_a_shared_grader_keeps_its_process_until_the_hidden_tests_change(tmp_path):
    assignment = toy_course.make_course(tmp_path)
    submission = submit(tmp_path, "ada", toy_course.SOLUTION)
    shared = SharedGrader()
    before = descendants(os.getpid())
    first = shared.report(assignment, submission)
    started = descendants(os.getpid()) - before
    assert shared.report(assignment, submission) == first
    assert started <= descendants(os.getpid())
    edit(tmp_path / "autograder/toy/test_cut.py", "points(2)", "points(4)")
    assert shared.report(assignment, submission).max_score == TOTAL + 2
    assert not any(is_running(pid) for pid in started)
    shared.close()
    shared.close()
    assert descendants(os.getpid()) <= before


def test_a_shared_grader_begins_with_a_submission_and_gives_its_report_later(tmp_path):
    assignment = toy_course.make_course(tmp_path)
    ada, bob = (submit(tmp_path, name, toy_course.SOLUTION) for name in ("ada", "bob"))
    others = descendants(os.getpid())
    shared = SharedGrader()
    usual = shared.report(assignment, bob)
    # The first is begun with and then dropped: no later report is taken for it, nor it for a later one.
    shared.begin(assignment, ada)
    assert shared.begin(assignment, bob)() == usual
    # Another thread of the server asks between the two halves.
    finish = shared.begin(assignment, bob)
    assert shared.report(assignment, ada).student == "ada"
    assert finish() == usual
    # The process dies between them, and the autograder changes.
    finish = shared.begin(assignment, bob)
    for pid in descendants(os.getpid()) - others:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert finish() == usual
    finish = shared.begin(assignment, bob)
    edit(tmp_path / "autograder/toy/test_cut.py", "points(2)", "points(4)")
    assert finish().max_score == TOTAL + 2
    shared.close()


def test_every_configuration_of_nbgrader_shares_one_process(tmp_path):
    # nbgrader's server loads its configuration for every request.
    assignment = toy_course.make_course(tmp_path)
    submission = submit(tmp_path, "ada", toy_course.SOLUTION)
    before = descendants(os.getpid())
    first, second = Config(), Config()
    configure(first)
    configure(second)
    report = first.GradeWithKit.report_for(assignment, submission)
    started = descendants(os.getpid())
    assert second.GradeWithKit.report_for(assignment, submission) == report
    assert descendants(os.getpid()) == started > before
    nbgrader_plugins._shared.close()
    assert descendants(os.getpid()) <= before
