"""What the gradebook holds, asked without nbgrader: the same digests as were told while it was recorded."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cnn_assignment.core.layout import load_assignment
from cnn_assignment.nbgrader_course import record
from cnn_assignment.nbgrader_course.gradebook.opening import open_course
from cnn_assignment.nbgrader_course.gradebook.state import (
    GradebookPlace,
    config_digest,
    locate,
    read_recorded,
    values_digest,
)
from gradebook_kit import add_settings, make_class, make_released_course, url_of, with_gradebook

CLASS = 4


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> tuple[Path, dict[str, str]]:
    """A course with a few students in its gradebook, and what `record` told of them."""
    root = tmp_path_factory.mktemp("recorded")
    told: dict[str, str] = {}
    record(make_released_course(root), make_class(CLASS), told.__setitem__)
    return root, told


@pytest.fixture
def course(recorded, tmp_path, monkeypatch) -> Path:
    """A copy that a test may change, with settings of Jupyter's that no person has made."""
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "jupyter"))
    return Path(shutil.copytree(recorded[0], tmp_path / "course"))


def test_what_was_told_is_read_back_and_differs_by_student(recorded):
    root, told = recorded
    assert read_recorded(locate(load_assignment(root, "toy")), "toy") == told
    assert len(set(told.values())) == len(told) == CLASS


def test_a_place_is_kept_as_json(recorded):
    place = locate(load_assignment(recorded[0], "toy"))
    assert GradebookPlace.from_json(json.loads(json.dumps(place.to_json()))) == place
    assert place.notebook == f"{recorded[0]}/autograded/{{student_id}}/toy/toy.ipynb"
    assert place.feedback_of("ada") == recorded[0] / "feedback/ada/toy"
    assert place.feedback_folder == recorded[0] / "feedback"


def test_the_templates_of_a_place_are_the_folders_of_the_feedback_page_alone(recorded):
    folders = [Path(path) for path in locate(load_assignment(recorded[0], "toy")).templates.split(os.pathsep)]
    assert [folder.name for folder in folders][:2] == ["feedback", "classic"]
    assert "bootstrap.min.css" in {path.name for folder in folders for path in folder.iterdir()}
    assert all(len(list(folder.rglob("*"))) < 100 for folder in folders)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://ada:geheim@localhost/grades",
        "postgresql+psycopg://localhost/grades?user=ada&password=geheim",
        "geheim",
    ],
)
def test_an_address_with_a_password_is_not_kept(url):
    assert GradebookPlace(url, "notebook", "feedback", "release", "templates", "digest").to_json() is None
    assert (
        read_recorded(GradebookPlace("geheim", "notebook", "feedback", "release", "templates", "digest"), "toy") == {}
    )


@pytest.mark.parametrize(
    "data", [{}, {"db_url": "a", "notebook": "b"}, {"db_url": 1, "notebook": "b", "config_digest": "c"}]
)
def test_other_json_is_no_place(data):
    with pytest.raises(ValueError, match="not a place of a gradebook"):
        GradebookPlace.from_json(data)


def test_what_people_add_changes_nothing(course, recorded):
    def by_hand(gradebook):
        grade = gradebook.find_grade("cut", "toy", "toy", "student-0001")
        grade.manual_score, grade.extra_credit, grade.needs_manual_grade = 2.0, 0.5, False
        gradebook.find_comment("Cutter", "toy", "toy", "student-0001").manual_comment = "Well tried"

    place = locate(load_assignment(course, "toy"))
    with_gradebook(url_of(course), by_hand)
    assert read_recorded(place, "toy") == recorded[1]


def test_other_points_or_words_and_a_lost_notebook_are_seen(course, recorded):
    def otherwise(gradebook):
        gradebook.find_grade("cut", "toy", "toy", "student-0001").auto_score = 2.0
        gradebook.find_comment("Cutter", "toy", "toy", "student-0002").auto_comment = None

    place = locate(load_assignment(course, "toy"))
    with_gradebook(url_of(course), otherwise)
    (course / "autograded/student-0003/toy/toy.ipynb").unlink()
    found = read_recorded(place, "toy")
    assert sorted(found) == ["student-0000", "student-0001", "student-0002"]
    assert [student for student, digest in found.items() if digest == recorded[1][student]] == ["student-0000"]


def test_without_a_database_nobody_is_recorded_and_none_is_made(course, tmp_path):
    place = locate(load_assignment(course, "toy"))
    (course / "gradebook.db").unlink()
    assert read_recorded(place, "toy") == {}
    assert not (course / "gradebook.db").exists()
    (course / "gradebook.db").write_bytes(b"")
    assert read_recorded(place, "toy") == {}
    (course / "gradebook.db").write_text("no database", encoding="utf-8")
    assert read_recorded(place, "toy") == {}


def test_other_assignments_are_left_out(recorded):
    assert read_recorded(locate(load_assignment(recorded[0], "toy")), "plain") == {}


def test_the_digest_of_the_configuration_covers_every_file_that_nbgrader_loads(course, tmp_path):
    assignment = load_assignment(course, "toy")
    setting = '{"CourseDirectory": {"course_id": "c"}}'
    files = {
        tmp_path / "jupyter/jupyter_config.py": "c.CourseDirectory.course_id = 'c'",
        tmp_path / "jupyter/nbgrader_config.json": setting,
        course / "nbgrader_config.json": setting,
    }
    digests = [config_digest(assignment)]
    for path, text in files.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text("{}", encoding="utf-8")
        digests.append(config_digest(assignment))
        path.write_text(text, encoding="utf-8")
        digests.append(config_digest(assignment))
    assert len(set(digests)) == len(digests)
    loaded = {Path(path) for path in open_course(assignment).app.loaded_config_files}
    assert loaded >= {*files, course / "nbgrader_config.py"}
    for path in loaded:
        before = config_digest(assignment)
        path.write_bytes(path.read_bytes() + b"\n")
        assert config_digest(assignment) != before


def test_the_place_says_which_configuration_it_is_of(course):
    assignment = load_assignment(course, "toy")
    place = locate(assignment)
    assert place.config_digest == config_digest(assignment)
    add_settings(course, "c.CourseDirectory.autograded_directory = 'marked'")
    assert config_digest(assignment) != place.config_digest
    assert read_recorded(locate(assignment), "toy") == {}


def test_reading_starts_neither_nbgrader_nor_jupyters_formats(course):
    assignment = load_assignment(course, "toy")
    program = """if True:
        import json, sys
        from pathlib import Path
        from cnn_assignment.nbgrader_course.gradebook.state import GradebookPlace, config_digest, read_recorded
        from cnn_assignment.core.layout import load_assignment
        place = GradebookPlace.from_json(json.loads(sys.argv[1]))
        assert config_digest(load_assignment(Path(sys.argv[2]), "toy")) == place.config_digest
        found = read_recorded(place, "toy")
        heavy = {"nbgrader", "nbformat", "nbconvert", "traitlets", "numpy", "sqlalchemy.orm"} & set(sys.modules)
        print(len(found), sorted(heavy))
    """
    words = [sys.executable, "-c", program, json.dumps(locate(assignment).to_json()), str(course)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert (done.returncode, done.stdout) == (0, f"{CLASS} []\n"), done.stderr


def test_equal_numbers_are_equal_however_they_are_written():
    assert values_digest({"a": 0, "b": -0.0, "c": 2}, {}) == values_digest({"c": 2.0, "b": 0.0, "a": 0.0}, {})
    assert values_digest({"a": None}, {"b": None}) != values_digest({"a": 0.0}, {"b": ""})
