"""The guides for instructors, graders and students: every command in them is run, in their order, around one exchange.

Between the commands people do what the guides tell them to do by hand: set up the course, fill the gaps, upload.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cnn_assignment.authoring.skeleton import strip_markers
from cnn_kit import NAME, POINTS
from cycle_kit import School, cells_of, database_url, grades_of, open_school, reports_of, words_of
from places import ROOT, TESTS

GUIDES = {name: (ROOT / f"docs/{name}.md").read_text(encoding="utf-8") for name in ("instructor", "grader", "student")}
WORK = ROOT / "examples/cnn"
# Students of the exchange by the work that they hand in, and one whose work comes as an upload.
CLASS = {"ada": "einsum", "bob": "stride-forgotten"}
UPLOADED = "eva"

# Minutes each, and run by tests of their own.
ELSEWHERE = {
    f"cnn-assignment verify {NAME}": "assignments/cnn/test_gate.py",
    "python -m pip install -r requirements.txt": "assignments/cnn/test_student_environment.py",
}
pytestmark = [pytest.mark.timeout(1800), pytest.mark.usefixtures("unmeasured")]


def sections(guide: str) -> dict[str, str]:
    """The text below each heading of the second level."""
    return dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", GUIDES[guide], re.MULTILINE | re.DOTALL))


def blocks(text: str, language: str) -> list[str]:
    """The blocks of code in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def commands(text: str) -> list[str]:
    """The lines of all its shell blocks."""
    return [line for block in blocks(text, "sh") for line in block.splitlines()]


@dataclass
class Reader:
    """Somebody who follows a guide, section by section. said: what each command printed."""

    guide: str
    run: object
    folder: Path
    student: str = ""
    said: dict[str, str] = field(default_factory=dict)
    followed: set[str] = field(default_factory=set)

    def follow(self, heading: str, start: str = "") -> None:
        """Run the commands below a heading that start so."""
        for line in commands(sections(self.guide)[heading]):
            if not line.startswith(start) or line in ELSEWHERE:
                continue
            self.followed.add(line)
            words = shlex.split(line.removesuffix(" || true"))
            if words[0] == "cd":
                self.folder = (self.folder / words[1]).resolve()
                continue
            if words[:2] in (["nbgrader", "submit"], ["nbgrader", "fetch_feedback"]):
                # One account stands for all students here; with accounts of their own nobody has to say who it is.
                words += ["--student", self.student]
            self.said[line] = self.run(*words, cwd=self.folder, status=1 if line.endswith(" || true") else 0)


@dataclass
class Term:
    """What is there at the end of a term."""

    school: School
    instructor: Reader
    grader: Reader
    students: dict[str, Reader]


@pytest.fixture(scope="module")
def term(course_root, tmp_path_factory) -> Term:
    root = tmp_path_factory.mktemp("term")
    school = open_school(course_root, root)
    course = school.course
    shutil.copytree(course_root / "release", course / "release")
    instructor = Reader("instructor", school.instructor.run, course)
    grader = Reader("grader", school.instructor.run, course)
    (settings,) = blocks(sections("instructor")["Set up the course"], "python")
    assert "/srv/nbgrader/exchange" in settings
    school.settings("\n" + settings.replace("/srv/nbgrader/exchange", str(school.exchange)))

    instructor.follow("Build and prove")
    instructor.follow("Release")
    students = {}
    for name, work in CLASS.items():
        person = school.student(name)
        reader = students[name] = Reader("student", person.run, person.folder, name)
        reader.follow("Get it")
        for file in (WORK / work).glob(f"{NAME}.*"):
            shutil.copy(file, reader.folder / file.name)
        if name == "ada":
            module = strip_markers((ROOT / f"solutions/{NAME}.py").read_text(encoding="utf-8"), f"{NAME}.py")
            (reader.folder / f"{NAME}.py").write_text(module, encoding="utf-8")
            reader.follow("Check it")
        reader.follow("Hand it in")

    archive = course / "downloaded" / NAME / "archive"
    archive.mkdir(parents=True)
    with zipfile.ZipFile(archive / f"{UPLOADED}.zip", "w") as upload:
        upload.write(WORK / "loops/cnn.ipynb", "home/cnn (1).ipynb")
    for heading in ("Collect", "Uploads from a learning platform", "Grade", "Read a report", "Give feedback"):
        grader.follow(heading)
    for reader in students.values():
        reader.follow("Read your feedback")
    return Term(school, instructor, grader, students)


@pytest.mark.parametrize("guide", GUIDES)
def test_every_command_of_a_guide_was_run(term, guide):
    reader = term.students["ada"] if guide == "student" else getattr(term, guide)
    assert {line for text in sections(guide).values() for line in commands(text)} - set(ELSEWHERE) == reader.followed
    assert reader.followed


def test_each_command_that_is_run_elsewhere_is_in_a_guide_and_in_its_test():
    lines = {line for guide in GUIDES for text in sections(guide).values() for line in commands(text)}
    for line, test in ELSEWHERE.items():
        assert line in lines
        text = (TESTS / test).read_text(encoding="utf-8")
        assert ("verify" if "verify" in line else "requirements.txt") in text


def test_the_instructor_sees_what_the_guide_says(term):
    said = term.instructor.said
    assert "up to date" in said[f"cnn-assignment build {NAME} --check"]
    shown = f"pytest autograder/{NAME} -k conv_backward --submission release/{NAME}/cnn.py || true"
    assert "conv-backward: 0 of 25" in said[shown]
    assert f"dl101 {NAME}" in said["nbgrader list"]


def test_right_work_is_valid_for_nbgrader(term):
    said = term.students["ada"].said["nbgrader validate cnn.ipynb"]
    assert "Success! Your notebook passes all the tests." in said


def test_the_student_sees_that_the_visible_tests_pass(term):
    assert " passed" in term.students["ada"].said["pytest test_cnn.py"]


def test_the_students_feedback_tells_the_reason_of_a_lost_mark(term):
    (page,) = (term.students["bob"].folder / NAME / "feedback").glob(f"*/{NAME}.html")
    assert "made from pixels that are neighbours, where the stride sets them further apart" in words_of(page)


def test_the_class_is_graded(term):
    reports = reports_of(term.school.course / "reports")
    assert {name: report["score"] for name, report in reports.items()} == {"ada": 100, "bob": 81, "eva": 100}
    grades = grades_of(database_url(term.school.course))
    assert {name: grade["cells"] for name, grade in grades.items()} == {
        name: cells_of(report) for name, report in reports.items()
    }
    shown = f"pytest autograder/{NAME} -k conv_backward --submission submitted/ada/{NAME}/{NAME}.ipynb"
    assert "conv-backward: 25 of 25" in term.grader.said[shown]


def test_work_that_was_uploaded_is_named_for_handing_out(term):
    said = term.grader.said[f"nbgrader release_feedback {NAME}"]
    assert f"Feedback of student '{UPLOADED}' is not released" in said
    assert (term.school.course / f"feedback/{UPLOADED}/{NAME}/{NAME}.html").is_file()


@pytest.mark.parametrize("guide", GUIDES)
def test_pictures_and_links_lead_somewhere(guide):
    targets = re.findall(r"\]\(([^)#]+)", GUIDES[guide])
    assert [target for target in targets if not (ROOT / "docs" / target).is_file()] == []
    assert any(target.startswith("images/") for target in targets)


def test_the_fields_of_a_report_are_those_that_the_guide_explains(term):
    report = json.loads((term.school.course / "reports/bob.json").read_text(encoding="utf-8"))
    table = sections("grader")["Read a report"]
    for name in re.findall(r"^\| `([^`]+)`", table, re.MULTILINE):
        value = report
        for key in name.split("."):
            value = value[key.removesuffix("[]")]
            value = value[0] if key.endswith("[]") else value
    assert set(cells_of(report)) == set(POINTS)
