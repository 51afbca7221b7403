"""A class in which every submission has another trouble is graded to its end, in one `nbgrader autograde`.

Each row of nbgrader's table of troubles is here, with what students, editors and uploads add to it. The kit's own
command grades the same class, and both agree on every score.
"""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook

from cnn_assignment.core.layout import load_assignment
from cnn_kit import NAME, POINTS, copy_course, run
from cycle_kit import words_of
from places import ROOT
from troubles import FULL, Trouble, make_troubles

TROUBLES: dict[str, Trouble] = make_troubles(load_assignment(ROOT, NAME))
pytestmark = pytest.mark.usefixtures("unmeasured")


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Path:
    """The class, handed in."""
    course = copy_course(ROOT, tmp_path_factory.mktemp("troubles") / "course", "release")
    for name, trouble in TROUBLES.items():
        folder = course / "submitted" / name / NAME
        folder.mkdir(parents=True)
        for file, content in trouble.files.items():
            (folder / file).parent.mkdir(exist_ok=True)
            (folder / file).write_bytes(content)
    return course


@pytest.fixture(scope="module")
def reports(course) -> dict[str, dict]:
    """What the kit's own command says of it."""
    run("cnn-assignment", "grade", NAME, "submitted", "--out", "reports", "--no-gradebook", cwd=course)
    return {name: json.loads((course / f"reports/{name}.json").read_text(encoding="utf-8")) for name in TROUBLES}


@pytest.fixture(scope="module")
def scores(course) -> dict[str, dict[str, float | None]]:
    """For each student the score of each task in nbgrader's database."""
    run("nbgrader", "generate_assignment", NAME, "--force", cwd=course)
    run("nbgrader", "autograde", NAME, cwd=course)
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        return {
            submission.student.id: {grade.name: grade.auto_score for grade in submission.notebooks[0].grades}
            for submission in gradebook.find_assignment(NAME).submissions
        }


@pytest.mark.parametrize("name", TROUBLES)
def test_right_work_earns_what_it_is_worth_whatever_happened_to_its_file(name, reports):
    trouble, report = TROUBLES[name], reports[name]
    lost = {
        task["id"]: (task["score"], task["tests"][0]["message"])
        for task in report["tasks"]
        if task["score"] < task["max_score"]
    }
    assert (report["status"], report["score"]) == (trouble.status, trouble.score), (report["notes"], lost)


@pytest.mark.parametrize("name", TROUBLES)
def test_what_was_repaired_or_left_out_is_told(name, reports):
    trouble, notes = TROUBLES[name], reports[name]["notes"]
    if trouble.says:
        assert any(trouble.says in note for note in notes), notes
    elif trouble.score == FULL:
        assert notes == []


@pytest.mark.parametrize("name", TROUBLES)
def test_nbgrader_autograde_gives_the_same_scores(name, scores, reports):
    assert scores[name] == {task["id"]: task["score"] for task in reports[name]["tasks"]}
    assert set(scores[name]) == set(POINTS)


@pytest.mark.parametrize("name", TROUBLES)
def test_every_student_gets_a_notebook_in_order_back(name, course, scores):
    path = course / "autograded" / name / NAME / f"{NAME}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    names = [cell.metadata.nbgrader.grade_id for cell in notebook.cells if "nbgrader" in cell.metadata]
    assert sorted(names) == sorted([*POINTS, "Convolution2dLayer", "MaxPooling2dLayer", "ConvolutionalNetwork"])
    assert path.stat().st_size < 2_000_000


@pytest.mark.parametrize("name", ["cut-off", "empty-folder", "exit-in-a-method"])
def test_the_reason_is_on_the_students_page(name, course, scores, reports):
    run("nbgrader", "generate_feedback", NAME, "--student", name, cwd=course)
    page = words_of(course / "feedback" / name / NAME / f"{NAME}.html")
    graded = [task for task in reports[name]["tasks"] if reports[name]["status"] == "graded"]
    told = [test["message"] for task in graded for test in task["tests"] if test["message"]]
    for words in (*reports[name]["notes"], *told[:1]):
        assert " ".join(words.split()) in page
