"""Formgrader in a real browser: an instructor clicks from the source to the feedback of a class, on the course `cnn`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbgrader.api import Gradebook

from cnn_assignment.core.model import Report, ReportStatus, Status
from cnn_assignment.nbgrader_course import cell_comments
from cnn_assignment.nbgrader_course.notebooks.annotate import UNREADABLE, WORDS
from cnn_assignment.reporting import read_report
from cnn_kit import CLASSES, NAME, POINTS, class_cells, copy_course, run, submit
from formgrader_kit import CHROMIUM, HOSTILE, NO_CHROMIUM, Instructor, Server, instruct, serve
from processes import descendants

if CHROMIUM is None:
    pytest.skip(NO_CHROMIUM, allow_module_level=True)
pytestmark = pytest.mark.usefixtures("unmeasured")

RIGHT, WRONG, ENDLESS, BROKEN, SCRIPTS = "right", "wrong", "endless", "broken", "scripts"
SLEEPS = "sleeps"
GRADED = (RIGHT, WRONG, ENDLESS, BROKEN, SCRIPTS)
"""Those whose reports are the same each time. What SLEEPS is told depends on when its time is over."""
BUDGET_S = 5
"""For SLEEPS alone: how fast the others are depends on the machine."""
MANUAL = {"score": "20", "extra": "1.5", "comment": "You came to my office and explained it: well done."}
METHOD = re.compile(r"^(    def (?:forward|backward|_get_filter\w*)\(self.*\n)", re.MULTILINE)
ROW = {
    "name": "td.student-id",
    "status": "td.status",
    "score": "td.score",
}


def rewritten(path: Path, classes: tuple[str, ...], statement: str) -> nbformat.NotebookNode:
    """A notebook in whose classes every method begins with a statement."""
    notebook = nbformat.read(path, as_version=4)
    for name in classes:
        cell = class_cells(notebook)[name]
        cell.source, changed = METHOD.subn(rf"\1        {statement}\n", cell.source)
        assert changed
    return notebook


@pytest.fixture(scope="module")
def course(course_root, tmp_path_factory) -> Path:
    """The course with submissions and without a release."""
    course = copy_course(course_root, tmp_path_factory.mktemp("formgrader") / "a course")
    examples = course_root / "examples/cnn"
    submit(course, RIGHT, examples / "einsum/cnn.ipynb")
    submit(course, WRONG, examples / "stride-forgotten/cnn.ipynb")
    submit(course, ENDLESS, examples / "endless-loop/cnn.ipynb")
    submit(course, BROKEN, examples / "not-a-notebook/cnn.ipynb")
    notebook = rewritten(examples / "einsum/cnn.ipynb", CLASSES[:1], f"raise ValueError({HOSTILE!r})")
    notebook.cells.insert(1, nbformat.v4.new_markdown_cell(f"What I think of it:\n\n{HOSTILE}"))
    notebook.cells.insert(2, nbformat.v4.new_raw_cell(HOSTILE))
    submit(course, SCRIPTS, notebook)
    submit(course, SLEEPS, rewritten(examples / "einsum/cnn.ipynb", CLASSES, "__import__('time').sleep(10_000)"))
    return course


@pytest.fixture(scope="module")
def reports(course, tmp_path_factory) -> dict[str, Report]:
    """What the kit's own command says of those whose reports are the same each time."""
    out = tmp_path_factory.mktemp("kit") / "reports"
    only = [word for student in GRADED for word in ("--only", student)]
    run("cnn-assignment", "grade", NAME, "submitted", "--out", out, "--no-gradebook", "--jobs", "2", *only, cwd=course)
    return {student: read_report(out / f"{student}.json") for student in GRADED}


@pytest.fixture(scope="module")
def server(course, tmp_path_factory):
    with serve(course, tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture(scope="module")
def browser(server, tmp_path_factory):
    with instruct(tmp_path_factory.mktemp("pictures")) as instructor:
        yield instructor


@pytest.fixture(autouse=True)
def _picture_of_a_failure(browser, request):
    before = request.session.testsfailed
    yield
    if request.session.testsfailed > before:
        browser.photograph(f"{request.node.name}-failed")


@dataclass(frozen=True, slots=True)
class Grading:
    """What the instructor saw: the answers of the buttons, the rows afterwards, and how many processes were started."""

    answers: dict[str, tuple[str, str]]
    rows: dict[str, dict[str, str]]
    processes: list[int]


@pytest.fixture(scope="module")
def assigned(course, server, browser) -> tuple[str, str]:
    """The answer to the button that makes the release."""
    with browser.step("manage-assignments") as page:
        page.goto(server.login)
        browser.wait_for_rows()
    with browser.step("generate"):
        return browser.press(browser.row("name", NAME).locator(".assign a"))


def rows_of(browser: Instructor) -> dict[str, dict[str, str]]:
    rows = browser.page.locator("#main-table tr").all()
    found = [{key: row.locator(cell).inner_text() for key, cell in ROW.items()} for row in rows]
    return {row["name"]: row for row in found}


def lower_limits(course: Path) -> None:
    settings = course / "autograder" / NAME / "assignment.toml"
    limits = f"[limits]\ncall_wall_s = 2\nsubmission_wall_s = {BUDGET_S}\n"
    settings.write_text(settings.read_text(encoding="utf-8").replace("[limits]\n", limits), encoding="utf-8")


@pytest.fixture(scope="module")
def graded(course, server, browser, assigned, reports) -> Grading:
    """Every submission autograded by its button; the last one after the time for a submission was cut."""
    with browser.step("manage-submissions"):
        browser.follow(browser.row("name", NAME).locator(".num-submissions a"))
    answers, processes = {}, []
    for student in (*GRADED, SLEEPS):
        if student == SLEEPS:
            lower_limits(course)
        with browser.step(f"autograde-{student}"):
            answers[student] = browser.press(browser.row("student-id", student).locator(".autograde a"))
        processes.append(len(descendants(server.pid)))
    return Grading(answers, rows_of(browser), processes)


def scores_of(course: Path) -> dict[str, dict[str, object]]:
    """For each student what the database holds."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        found = {}
        for submission in gradebook.assignment_submissions(NAME):
            (notebook,) = submission.notebooks
            found[submission.student.id] = {
                "score": submission.score,
                "auto": {grade.name: grade.auto_score for grade in notebook.grades},
                "manual": {grade.name: (grade.manual_score, grade.extra_credit) for grade in notebook.grades},
                "waiting": [grade.name for grade in notebook.grades if grade.needs_manual_grade],
                "told": {comment.name: comment.auto_comment for comment in notebook.comments},
                "written": {comment.name: comment.manual_comment for comment in notebook.comments},
            }
        return found


def open_submission(browser: Instructor, student: str) -> None:
    """From any page with the menu to the notebook of a student, by Manual Grading."""
    browser.menu("Manual Grading")
    browser.follow(browser.page.locator("td.name a", has_text=NAME))
    browser.follow(browser.page.locator("td.name a", has_text=NAME))
    browser.page.locator("#toggle_names").click()
    browser.open_notebook(browser.page.locator("a.name-shown", has_text=student))


def open_submissions(browser: Instructor, server: Server) -> None:
    browser.page.goto(f"{server.url}formgrader/manage_submissions/{NAME}")
    browser.wait_for_rows()


@dataclass(frozen=True, slots=True)
class Shown:
    """A submission's page: scores, comments and outputs by cell, and the text of all of it."""

    scores: dict[str, str]
    comments: dict[str, str]
    results: dict[str, str]
    text: str


def read_page(browser: Instructor) -> Shown:
    page = browser.page
    results = {}
    for task in POINTS:
        cell = page.locator("div.cell", has=page.locator(f"[id='{task}']"))
        results[task] = cell.locator(".output_html").inner_html()
    return Shown(
        {task: page.locator(f"[id='{task}']").get_attribute("placeholder") for task in POINTS},
        {name: page.locator(f"[id='{name}-comment']").get_attribute("placeholder") for name in CLASSES},
        results,
        page.locator("#notebook-container").first.inner_text(),
    )


@pytest.fixture(scope="module")
def shown(browser, server, graded) -> dict[str, Shown]:
    """The page of every submission, as it is after autograding."""
    found = {}
    for student in (*GRADED, SLEEPS):
        open_submissions(browser, server)
        with browser.step(f"submission-{student}"):
            open_submission(browser, student)
            found[student] = read_page(browser)
    return found


# Generating and autograding


def test_the_generate_button_makes_the_release(course, course_root, assigned):
    title, said = assigned
    assert title == "Success"
    assert f"Successfully created the student version of '{NAME}'" in said
    made = course / "release" / NAME / f"{NAME}.ipynb"
    assert made.read_bytes() == (course_root / "release" / NAME / f"{NAME}.ipynb").read_bytes()


@pytest.mark.parametrize("student", [*GRADED, SLEEPS])
def test_the_autograde_button_succeeds_and_the_row_shows_the_databases_score(course, graded, student):
    title, said = graded.answers[student]
    assert title == "Success"
    assert f"Successfully autograded '{NAME}' for student '{student}'" in said
    row = graded.rows[student]
    # What nobody could read is not simply worth nothing: a person must look.
    assert row["status"] == ("needs manual grading" if student == BROKEN else "graded")
    assert row["score"] == f"{scores_of(course)[student]['score']:g} / 100"


def test_the_database_holds_the_scores_of_the_kits_reports(course, graded, reports):
    database = scores_of(course)
    for student, report in reports.items():
        assert database[student]["score"] == pytest.approx(report.score, abs=1e-9)
        if report.status is ReportStatus.GRADED:
            assert database[student]["auto"] == pytest.approx({task.id: task.score for task in report.tasks}, abs=1e-9)


def test_the_reports_are_what_the_submissions_were_written_for(reports):
    assert reports[RIGHT].score == 100
    assert [task.id for task in reports[WRONG].tasks if task.status is not Status.PASSED] == ["conv-backward"]
    assert [task.id for task in reports[ENDLESS].tasks if task.status is Status.TIMEOUT] == ["conv-backward"]
    assert reports[BROKEN].status is ReportStatus.UNREADABLE
    told = [test.message for task in reports[SCRIPTS].tasks for test in task.tests]
    assert any("stolen" in message for message in told)


def test_clicking_keeps_one_grader_process(graded):
    # Of the last one, which sleeps, no worker is left.
    assert max(graded.processes) <= graded.processes[0]


def test_a_submission_that_never_ends_gives_the_page_back_when_its_time_is_over(browser, server, graded, shown):
    # The server does nothing else meanwhile. Each of its calls would go on for hours, and there are many.
    assert graded.answers[SLEEPS][0] == "Success"
    assert graded.rows[SLEEPS]["score"] == "0 / 100"
    assert f"the submission as a whole used up its {BUDGET_S} seconds" in shown[SLEEPS].text
    answer = browser.page.request.get(f"{server.url}formgrader/api/status")
    assert answer.json() == {"status": True}


# The page of a submission


def table_of(html: str) -> list[tuple[str, ...]]:
    """The rows of a result's table as they are read."""
    rows = BeautifulSoup(html, "html.parser").select("tr")[1:]
    return [tuple(cell.get_text("\n") for cell in row.select("td")) for row in rows]


def number(value: float) -> str:
    return f"{round(value, 2):g}"


@pytest.mark.parametrize("student", GRADED)
def test_the_grade_cell_shows_the_kits_report_and_its_score(reports, shown, student):
    for task in reports[student].tasks:
        html = shown[student].results[task.id]
        score = 0.0 if reports[student].status is ReportStatus.UNREADABLE else task.score
        assert float(shown[student].scores[task.id]) == pytest.approx(score, abs=1e-9)
        word = UNREADABLE if reports[student].status is ReportStatus.UNREADABLE else WORDS[task.status]
        head = f"{task.title}: {number(score)} of {number(task.max_score)} points, {word}"
        assert head in BeautifulSoup(html, "html.parser").get_text()
        if reports[student].status is ReportStatus.GRADED:
            assert table_of(html) == [
                (
                    "\n".join([test.title, *filter(None, [test.message]), *test.diagnosis]),
                    WORDS[test.outcome],
                    f"{number(test.score)} of {number(test.max_score)}",
                )
                for test in task.tests
            ]


def lost_task(reports):
    """The task that WRONG has not right, and that a person gives 20 points and 1.5 more."""
    return next(task for task in reports[WRONG].tasks if task.id == "conv-backward")


@pytest.mark.parametrize("student", GRADED)
def test_the_comment_field_holds_what_the_kit_says_of_the_cell(course, reports, shown, student):
    release = nbformat.read(course / "release" / NAME / f"{NAME}.ipynb", as_version=4)
    expected = cell_comments(release, reports[student])
    assert shown[student].comments == expected
    assert scores_of(course)[student]["told"] == expected
    if student == WRONG:
        lost = f"Convolution: backward: {lost_task(reports).score:g} of 25 points, partly right."
        assert lost in expected[CLASSES[0]]


def test_an_unreadable_submission_says_why_on_its_page(reports, shown):
    (reason,) = reports[BROKEN].notes
    assert reason in shown[BROKEN].text
    assert "Your session has expired." in shown[BROKEN].text  # what was handed in


def test_what_a_student_wrote_is_read_and_not_run(browser, shown):
    assert HOSTILE in shown[SCRIPTS].text.replace("\N{WORD JOINER}", "")
    assert HOSTILE in BeautifulSoup(shown[SCRIPTS].results["conv-backward"], "html.parser").get_text()
    assert browser.stolen == []


# A person has the last word


@pytest.fixture(scope="module")
def regraded(course, server, browser, shown) -> tuple[dict[str, object], dict[str, object]]:
    """What the database holds of WRONG after a person has graded, and after it was autograded once more."""
    open_submissions(browser, server)
    open_submission(browser, WRONG)
    with browser.step("grade-by-hand"):
        browser.fill("conv-backward", MANUAL["score"], saves="/api/grade/")
        browser.fill("conv-backward_extra_credit", MANUAL["extra"], saves="/api/grade/")
        browser.fill(f"{CLASSES[0]}-comment", MANUAL["comment"], saves="/api/comment/")
    by_hand = scores_of(course)[WRONG]
    open_submissions(browser, server)
    with browser.step("autograde-again"):
        assert browser.press(browser.row("student-id", WRONG).locator(".autograde a"))[0] == "Success"
    return by_hand, scores_of(course)[WRONG]


def test_what_a_person_enters_on_the_page_counts(regraded, reports):
    by_hand, _ = regraded
    assert by_hand["manual"]["conv-backward"] == (20, 1.5)
    assert by_hand["written"][CLASSES[0]] == MANUAL["comment"]
    assert by_hand["score"] == pytest.approx(reports[WRONG].score - lost_task(reports).score + 21.5)
    assert by_hand["waiting"] == []


def test_autograding_again_keeps_what_a_person_entered_and_asks_to_look_again(browser, server, regraded):
    by_hand, again = regraded
    assert again == {**by_hand, "waiting": ["conv-backward"]}
    open_submissions(browser, server)
    row = rows_of(browser)[WRONG]
    assert (row["status"], row["score"]) == ("needs manual grading", f"{by_hand['score']:g} / 100")
    with browser.step("look-again") as page:
        open_submission(browser, WRONG)
        assert page.locator("#conv-backward").input_value() == MANUAL["score"]
        assert page.locator("[id='conv-backward_extra_credit']").input_value() == MANUAL["extra"]
        assert page.locator(f"[id='{CLASSES[0]}-comment']").input_value() == MANUAL["comment"]
        assert "needs_manual_grade" in page.locator("#conv-backward").get_attribute("class")
        assert "needs_manual_grade" not in page.locator("#conv-forward").get_attribute("class")


# Feedback and students


@pytest.fixture(scope="module")
def feedback(course, server, browser, regraded) -> dict[str, str]:
    """The text of the feedback pages of all, as a browser shows them."""
    open_submissions(browser, server)
    for student in (WRONG, SCRIPTS):
        with browser.step(f"feedback-button-{student}"):
            assert browser.press(browser.row("student-id", student).locator(".generate-feedback a"))[0] == "Success"
    browser.menu("Manage Assignments")
    with browser.step("feedback-button"):
        assert browser.press(browser.row("name", NAME).locator(".generate-feedback a"))[0] == "Success"
    found = {}
    for student in (*GRADED, SLEEPS):
        with browser.step(f"feedback-{student}") as page:
            page.goto((course / "feedback" / student / NAME / f"{NAME}.html").as_uri())
            found[student] = page.locator("body").inner_text()
    return found


@pytest.mark.parametrize("student", GRADED)
def test_the_feedback_page_shows_the_report(feedback, reports, student):
    report, text = reports[student], " ".join(feedback[student].split())
    score = report.score
    if student == WRONG:  # as a person wanted
        score += 21.5 - lost_task(reports).score
    assert f"{NAME} (Score: {score} / 100.0)" in text
    words = [note for note in report.notes if report.status is ReportStatus.UNREADABLE]
    for task in report.tasks:
        lost = [test for test in task.tests if test.outcome is not Status.PASSED]
        if report.status is ReportStatus.GRADED:
            words += [f"{task.title}: {number(task.score)} of {number(task.max_score)} points, {WORDS[task.status]}"]
            words += [sentence for test in lost for sentence in (test.title, test.message, *test.diagnosis)]
    assert words
    assert [word for word in words if " ".join(word.split()) not in text] == []


def test_the_feedback_page_shows_what_a_person_wrote(feedback):
    assert MANUAL["comment"] in feedback[WRONG]


def test_the_students_page_shows_everyones_score(course, browser, server, feedback):
    open_submissions(browser, server)
    with browser.step("students") as page:
        browser.menu("Manage Students")
        rows = page.locator("#main-table tr").all()
        shown = {row.locator(".id").inner_text(): row.locator(".score").inner_text() for row in rows}
    assert shown == {student: f"{row['score']:g} / 100" for student, row in scores_of(course).items()}
    with browser.step("student"):
        browser.follow(browser.row("id", WRONG).locator(".name a"))
        assert browser.row("name", NAME).locator(".score").inner_text() == shown[WRONG]


def test_no_page_did_anything_that_it_should_not(browser, feedback):
    assert browser.stolen == []
    assert browser.troubles == []
    assert browser.elsewhere == set()
