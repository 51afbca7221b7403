"""`grade --feedback` leaves what `nbgrader generate_feedback` leaves, and makes only the pages that have changed."""

from __future__ import annotations

import json
import re
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook

import toy_course
from cnn_assignment.cli.class_grading import open_gradebook
from cnn_assignment.core.errors import UsageError
from cnn_assignment.core.layout import load_assignment
from cnn_assignment.nbgrader_course import class_feedback as course_feedback
from cnn_assignment.nbgrader_course.pages.feedback import FeedbackWriter
from cnn_assignment.running.class_run import GradingOptions, open_class
from cnn_assignment.running.journal import JOURNAL
from cnn_assignment.running.students import find_students
from gradebook_kit import nbgrader
from processes import COMMAND, await_that, descendants, end_family, is_running, run
from toy_course import answer, edit, left_open, write

COURSE = "dl101"
SETTINGS = f"""
c = get_config()
c.CourseDirectory.course_id = "{COURSE}"
c.LatePenalty.percent_per_day = 10
"""
WORDS = ("grade", "toy", "submitted", "--out", "out", "--jobs", "2", "--feedback")
NBCONVERTS_OWN = "--GenerateFeedback.exporter_class=nbconvert.exporters.HTMLExporter"
HOSTILE = """<script>alert(1)</script> **bold** <img src=x onerror=alert(1)> &lt;b&gt; a & b < c

| a | b |
|---|---|
| `x<y` | $a<b$ |

<details><summary>more</summary>*text*</details> [link](https://example.org/?a=1&b=2 "a \\"title\\"")
"""


def hand_in(root: Path, student: str, text: str, name: str = "toy.py", time: str = "2026-01-02 11:00:00") -> None:
    folder = root / "submitted" / student / "toy"
    write(folder / name, text)
    write(folder / "timestamp.txt", f"{time}.000000 UTC\n")
    write(folder / "submission_secret.txt", f"secret of {student}")


def with_text(root: Path, text: str) -> str:
    """The released notebook, filled, with a text cell of the student's own."""
    notebook = nbformat.read(root / "release/toy/toy.ipynb", as_version=4)
    cells = {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells if "nbgrader" in cell.metadata}
    for name, part in zip(("Scaler", "Cutter"), toy_course.SOLUTION.split("class ")[1:], strict=True):
        cells[name].source = f"class {part}"
    notebook.cells.insert(1, nbformat.v4.new_markdown_cell(text))
    return nbformat.writes(notebook)


@pytest.fixture(scope="module")
def graded(tmp_path_factory) -> Path:
    """A class with pages: right, wrong, unreadable, late and hostile work, marks and words by hand."""
    root = tmp_path_factory.mktemp("graded") / "course"
    toy_course.make_course(root)
    with (root / "nbgrader_config.py").open("a", encoding="utf-8") as file:
        file.write(SETTINGS)
    run("build", cwd=root)
    hand_in(root, "ada", toy_course.SOLUTION)
    hand_in(root, "bob", answer(cut="return []", slope="raise ValueError('<b>no</b>')"))
    hand_in(root, "cem", "class Scaler(:")
    hand_in(root, "dee", with_text(root, HOSTILE), "toy.ipynb", time="2026-01-03 13:00:00")
    hand_in(root, "eve", left_open("cut", "clear"))
    (root / "submitted/fay/toy").mkdir(parents=True)
    run(*WORDS[:-1], "--only", "ada", cwd=root)
    change(
        root,
        lambda it: it.update_or_create_assignment(
            "toy", duedate=datetime(2026, 1, 2, 12, tzinfo=UTC).replace(tzinfo=None)
        ),
    )
    run(*WORDS[:-1], cwd=root)
    change(root, mark_by_hand)
    run(*WORDS, cwd=root)
    return root


@pytest.fixture
def course(graded, tmp_path) -> Iterator[Path]:
    """A copy at the same place, which is part of what a page is made from; the other one is put back afterwards."""
    kept = Path(shutil.copytree(graded, tmp_path / "kept", symlinks=True))
    yield graded
    shutil.rmtree(graded)
    shutil.copytree(kept, graded, symlinks=True)


def change(root: Path, work: Callable[[Gradebook], object]) -> None:
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}", COURSE) as gradebook:
        work(gradebook)
        gradebook.db.commit()


def mark_by_hand(gradebook: Gradebook) -> None:
    cut = gradebook.find_grade("cut", "toy", "toy", "eve")
    cut.manual_score, cut.extra_credit, cut.needs_manual_grade = 1.5, 0.25, False
    gradebook.find_comment("Cutter", "toy", "toy", "eve").manual_comment = f"Well *tried*, see\n\n{HOSTILE}"


def pages(root: Path) -> dict[str, tuple[bytes, int]]:
    """Every file of the feedback with its bytes and its permissions."""
    return {
        path.relative_to(root).as_posix(): (path.read_bytes(), stat.S_IMODE(path.stat().st_mode))
        for path in sorted((root / "feedback").rglob("*"))
        if path.is_file()
    }


def planned(root: Path, only: tuple[str, ...] = (), **options: object) -> list[str]:
    """The students whose page would be made."""
    assignment = load_assignment(root, "toy")
    students = find_students(assignment, root / "submitted", only)
    # Where the command ran: addresses in a configuration may depend on it.
    with (
        chdir(root),
        open_class(assignment, students, GradingOptions(root / "out", gradebook=open_gradebook, **options)) as grading,
    ):
        assert not grading.work or options
        return grading.plan_feedback().todo


CLASS = ["ada", "bob", "cem", "dee", "eve", "fay"]


def test_all_files_are_those_of_nbgrader_to_the_byte(graded, tmp_path):
    ours = pages(graded)
    other = Path(shutil.copytree(graded, tmp_path / "course"))
    nbgrader(other, "generate_feedback", "toy", "--force")
    assert pages(other) == ours
    assert [name for name in ours if name.endswith(".html")] == [f"feedback/{name}/toy/toy.html" for name in CLASS]
    assert {"feedback/ada/toy/timestamp.txt", "feedback/ada/toy/submission_secret.txt"} < set(ours)

    nbgrader(other, "generate_feedback", "toy", "--force", NBCONVERTS_OWN)
    policy = re.compile(rb'<meta http-equiv="Content-Security-Policy" content="[^"]*">')
    assert pages(other) == {name: (policy.sub(b"", data, count=1), mode) for name, (data, mode) in ours.items()}


def test_a_page_is_written_over_whatever_was_left_there(graded, tmp_path):
    root = Path(shutil.copytree(graded, tmp_path / "course"))
    due = pages(graded)
    for name in ("toy.html", "timestamp.txt"):
        (root / "feedback/ada/toy" / name).chmod(0o444)
    write(root / "feedback/ada/toy/toy.html", "old")
    write(root / "feedback/ada/.toy.unfinished/toy.html", "half")
    (root / "feedback/bob/toy/submission_secret.txt").write_text("old", encoding="utf-8")
    (root / "autograded/bob/toy/submission_secret.txt").unlink()
    (root / "autograded/bob/toy/link.txt").symlink_to(root / "gradebook.db")
    writer = FeedbackWriter(load_assignment(root, "toy"))
    for student in ("ada", "bob"):
        writer.write(student)
    assert pages(root) == {name: content for name, content in due.items() if "bob/toy/submission_secret" not in name}


def test_pages_show_what_people_gave_and_took_and_start_nothing(graded):
    words = {name: data.decode() for name, (data, _) in pages(graded).items() if name.endswith(".html")}
    eve, dee = (words[f"feedback/{name}/toy/toy.html"] for name in ("eve", "dee"))
    assert "<em>tried</em>" in eve
    assert "1.75 / 2.0" in eve
    assert "Late submission penalty" in dee
    assert "Late submission penalty" not in eve
    for page in words.values():
        assert "Content-Security-Policy" in page
        assert "<script>alert" not in page
        assert "<img src=x" not in page


def test_an_unchanged_class_costs_no_page(graded):
    before = {path: path.stat().st_mtime_ns for path in (graded / "feedback").rglob("*")}
    said = run(*WORDS, cwd=graded).stdout
    assert "Feedback pages in feedback: 6, of which 6 were still right and are kept." in said
    assert {path: path.stat().st_mtime_ns for path in (graded / "feedback").rglob("*")} == before
    assert planned(graded) == []
    assert planned(graded, only=("bob", "eve")) == []


def grade_of(root, student, **values):
    def by_hand(gradebook):
        found = gradebook.find_grade("slope", "toy", "toy", student)
        for name, value in values.items():
            setattr(found, name, value)

    change(root, by_hand)


def comment_on(root, student, text):
    def by_hand(gradebook):
        gradebook.find_comment("Scaler", "toy", "toy", student).manual_comment = text

    change(root, by_hand)


def penalise(root, student, points):
    def by_hand(gradebook):
        gradebook.find_submission_notebook("toy", "toy", student).late_submission_penalty = points

    change(root, by_hand)


@pytest.mark.parametrize(
    ("change", "again"),
    [
        (lambda root: grade_of(root, "bob", manual_score=0.5), ["bob"]),
        (lambda root: grade_of(root, "ada", extra_credit=1.0), ["ada"]),
        (lambda root: comment_on(root, "dee", "Late again"), ["dee"]),
        (lambda root: penalise(root, "ada", 1.0), ["ada"]),
        (lambda root: penalise(root, "dee", None), ["dee"]),
        (lambda root: (root / "feedback/eve/toy/toy.html").unlink(), ["eve"]),
        (lambda root: edit(root / "feedback/eve/toy/toy.html", "Score", "score"), ["eve"]),
        (lambda root: (root / "feedback/eve/toy/submission_secret.txt").unlink(), ["eve"]),
        (lambda root: shutil.rmtree(root / "feedback/bob"), ["bob"]),
        (lambda root: edit(root / "autograded/ada/toy/toy.ipynb", "Cutter", "Cutters"), ["ada"]),
        (lambda root: write(root / "autograded/ada/toy/submission_secret.txt", "another"), ["ada"]),
        (lambda root: edit(root / "nbgrader_config.py", "c = ", "c.HTMLExporter.exclude_input = True\nc = "), CLASS),
        (lambda root: (root / "out" / JOURNAL).write_text(without_pages(root), encoding="utf-8"), CLASS),
    ],
)
def test_what_has_changed_is_made_again_and_nothing_else(course, change, again):
    change(course)
    assert planned(course) == again


def without_pages(root: Path) -> str:
    lines = (root / "out" / JOURNAL).read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join(line for line in lines if "page" not in json.loads(line))


@pytest.mark.parametrize(
    "change",
    [
        lambda root: grade_of(root, "bob", needs_manual_grade=True),
        lambda root: (root / "feedback/ada/toy/toy.html").touch(),
        lambda root: write(root / "feedback/ada/notes.txt", "of an instructor"),
    ],
)
def test_what_no_page_shows_changes_nothing(course, change):
    change(course)
    assert planned(course) == []


def test_another_kit_or_library_and_other_templates_make_all_again(course, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(course_feedback, "kit_digest", lambda: "sha256:0")
        assert planned(course) == CLASS
    with monkeypatch.context() as patch:
        patch.setattr("cnn_assignment.nbgrader_course.pages.shown.version", lambda name: "0")
        assert planned(course) == CLASS


def test_templates_of_the_course_count(course):
    write(course / "looks/own/conf.json", '{"base_template": "classic", "mimetypes": {"text/html": true}}')
    template = write(
        course / "looks/own/index.html.j2", "<html><head></head><body>{{ nb.cells | length }}</body></html>"
    )
    settings = f'c.HTMLExporter.template_name = "own"\nc.HTMLExporter.extra_template_basedirs = ["{course}/looks"]\n'
    with (course / "nbgrader_config.py").open("a", encoding="utf-8") as file:
        file.write(settings)
    run(*WORDS, cwd=course)
    page = (course / "feedback/ada/toy/toy.html").read_text(encoding="utf-8")
    assert re.fullmatch(r"<html><head><meta [^>]*></head><body>\d+</body></html>", page)
    assert planned(course) == []
    edit(template, "length", "count")
    assert planned(course) == CLASS


def test_a_changed_mark_makes_that_page_and_it_is_nbgraders(course):
    before = pages(course)
    grade_of(course, "bob", manual_score=0.5)
    said = run(*WORDS, cwd=course).stdout
    assert "Feedback pages in feedback: 6, of which 5 were still right and are kept." in said
    ours = pages(course)
    assert [name for name in ours if ours[name] != before[name]] == ["feedback/bob/toy/toy.html"]
    nbgrader(course, "generate_feedback", "toy", "--force", "--student", "bob")
    assert pages(course) == ours


def test_some_students_alone_and_all_anew(course):
    shutil.rmtree(course / "feedback")
    said = run(*WORDS, "--only", "bob", cwd=course).stdout
    assert "Feedback pages in feedback: 1, of which 0 were still right and are kept." in said
    assert [path.name for path in (course / "feedback").iterdir()] == ["bob"]
    assert "Feedback pages in feedback: 6, of which 0 were still right" in run(*WORDS, "--fresh", cwd=course).stdout
    assert sorted(path.name for path in (course / "feedback").iterdir()) == CLASS


def test_a_page_that_fails_costs_no_other_and_leaves_no_old_one(course):
    path = course / "autograded/cem/toy/toy.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    next(cell for cell in notebook["cells"] if "nbgrader" in cell["metadata"])["metadata"]["nbgrader"] |= {
        "grade_id": "unheard-of",
        "solution": True,
    }
    write(path, json.dumps(notebook))
    comment_on(course, "ada", "Well done")
    done = run(*WORDS, cwd=course, status=3)
    assert "cem: no feedback page: MissingEntry: " in done.stderr
    assert "Feedback pages in feedback: 5, of which 4 were still right and are kept." in done.stdout
    assert not (course / "feedback/cem/toy/toy.html").exists()
    assert "Well done" in (course / "feedback/ada/toy/toy.html").read_text(encoding="utf-8")
    assert planned(course) == ["cem"]


def test_without_the_gradebook_it_is_refused(graded):
    done = run(*WORDS, "--no-gradebook", cwd=graded, status=2)
    assert "--feedback and --no-gradebook exclude each other" in done.stderr
    assert "Leave one of the two out." in done.stderr
    assignment = load_assignment(graded, "toy")
    with (
        open_class(assignment, [], GradingOptions(graded / "none")) as grading,
        pytest.raises(UsageError, match="this run leaves it alone"),
    ):
        grading.plan_feedback()


def test_whose_grade_is_withheld_has_no_new_page_and_that_is_told(course):
    edit(course / "autograder/toy/test_cut.py", "    x = rng", "    x = 1 / 0\n    x = rng")
    before = pages(course)
    done = run(*WORDS, "--only", "ada", cwd=course, status=3)
    assert "ada is without a new feedback page: the gradebook does not hold the marks." in done.stderr
    assert pages(course) == before


def test_folders_named_otherwise_and_a_group_are_as_nbgrader_has_them(course):
    with (course / "nbgrader_config.py").open("a", encoding="utf-8") as file:
        file.write('c.CourseDirectory.feedback_directory = "given back"\nc.CourseDirectory.groupshared = True\n')
    run(*WORDS, cwd=course)
    (course / "given back").rename(course / "ours")
    nbgrader(course, "generate_feedback", "toy")

    def look(folder):
        return {
            path.relative_to(folder).as_posix(): (path.read_bytes(), stat.S_IMODE(path.stat().st_mode))
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }

    assert look(course / "ours") == look(course / "given back")
    assert {mode for _, mode in look(course / "ours").values()} == {0o664}
    for folder in ("", "ada", "ada/toy"):
        assert stat.S_IMODE((course / "ours" / folder).stat().st_mode) & 0o2770 == 0o2770


def test_release_feedback_works_afterwards(course, tmp_path):
    exchange = tmp_path / "exchange"
    exchange.mkdir()
    with (course / "nbgrader_config.py").open("a", encoding="utf-8") as file:
        file.write(f"c.Exchange.root = {str(exchange)!r}\n")
    run(*WORDS, cwd=course)
    said = nbgrader(course, "release_feedback", "toy")
    released = sorted(path.read_bytes() for path in (exchange / COURSE / "feedback").glob("*.html"))
    due = [data for name, (data, _) in pages(course).items() if name.endswith(".html") and "fay" not in name]
    assert released == sorted(due)
    assert "Feedback of student 'fay' is not released" in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interruption_leaves_whole_pages_and_no_process(course, number):
    due = pages(course)
    shutil.rmtree(course / "feedback")
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *WORDS], cwd=course, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        await_that(lambda: list(course.glob("feedback/*/toy/toy.html")) or process.poll() is not None)
        family = descendants(process.pid)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
        await_that(lambda: not any(map(is_running, family)))
    finally:
        end_family(process)
    assert b"Traceback" not in said
    left = pages(course)
    assert {name: content for name, content in left.items() if name.endswith(".html")}.items() <= due.items()
    if number != signal.SIGKILL:
        assert left.items() <= due.items()
    run(*WORDS, cwd=course)
    assert pages(course) == due


def test_a_process_that_dies_is_replaced_and_pages_are_made_where_time_can_be_limited(course):
    shutil.rmtree(course / "feedback")
    victim = course / "victim.py"
    write(
        victim,
        "import os, threading\n\n\ndef die_once(assignment, student, notebooks):\n"
        f"    if 'bob' in notebooks[0] and not os.path.exists({str(course / 'died')!r}):\n"
        f"        open({str(course / 'died')!r}, 'w').close()\n        os._exit(1)\n"
        "    if 'cem' in notebooks[0] or threading.current_thread() is not threading.main_thread():\n        os._exit(1)\n",
    )
    with (course / "nbgrader_config.py").open("a", encoding="utf-8") as file:
        file.write(f"import sys\nsys.path.insert(0, {str(course)!r})\n")
        file.write('c.GenerateFeedback.pre_convert_hook = "victim.die_once"\n')
    done = run(*WORDS, cwd=course, status=3)
    assert "cem: no feedback page: the process that made the page ended, twice" in done.stderr
    assert sorted(path.parents[1].name for path in course.glob("feedback/*/toy/toy.html")) == sorted(
        set(CLASS) - {"cem"}
    )
