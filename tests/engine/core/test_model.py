"""The model: frozen values, and reports that survive their JSON."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import toy_course
from cnn_assignment.core.model import (
    REPORT_SCHEMA,
    Gap,
    Limits,
    Outcome,
    Report,
    ReportStatus,
    Status,
    Submission,
    TaskScore,
)

TEXTS = st.text(max_size=20)
SCORES = st.floats(0, 100)
OUTCOMES = st.builds(
    Outcome,
    id=TEXTS,
    title=TEXTS,
    outcome=st.sampled_from(Status),
    score=SCORES,
    max_score=SCORES,
    message=TEXTS,
    diagnosis=st.lists(TEXTS, max_size=2).map(tuple),
)
TASKS = st.builds(
    TaskScore,
    id=TEXTS,
    title=TEXTS,
    status=st.sampled_from(Status),
    score=SCORES,
    max_score=SCORES,
    tests=st.lists(OUTCOMES, max_size=2).map(tuple),
)
REPORTS = st.builds(
    Report,
    assignment=TEXTS,
    student=TEXTS,
    status=st.sampled_from(ReportStatus),
    score=SCORES,
    max_score=SCORES,
    tasks=st.lists(TASKS, max_size=2).map(tuple),
    notes=st.lists(TEXTS, max_size=2).map(tuple),
    file=TEXTS,
    digest=TEXTS,
    autograder_digest=TEXTS,
    seed=st.integers(0, 2**31),
    kit=TEXTS,
    level=st.integers(0, 3),
    protections=st.dictionaries(TEXTS, st.booleans(), max_size=2),
)


@given(REPORTS)
def test_a_report_survives_its_json(report):
    assert Report.from_json(json.loads(json.dumps(report.to_json()))) == report


@given(REPORTS)
def test_a_report_has_the_documented_fields(report):
    data = report.to_json()
    assert list(data) == [
        *("schema", "assignment", "student", "status", "score", "max_score", "tasks", "notes"),
        *("submission", "autograder", "kit", "sandbox"),
    ]
    assert data["schema"] == REPORT_SCHEMA == "cnn-assignment/report/1"
    assert list(data["submission"]) == ["file", "digest"]
    assert list(data["autograder"]) == ["digest", "seed"]
    assert list(data["sandbox"]) == ["level", "protections"]
    assert type(data["status"]) is str
    for task in data["tasks"]:
        assert list(task) == ["id", "title", "status", "score", "max_score", "tests"]
        for test in task["tests"]:
            assert list(test) == ["id", "title", "outcome", "score", "max_score", "message", "diagnosis"]


@pytest.mark.parametrize("schema", [None, "cnn-assignment/report/2", 1])
def test_another_schema_is_refused(schema):
    with pytest.raises(ValueError, match="expected schema cnn-assignment/report/1"):
        Report.from_json({"schema": schema})


def test_an_unknown_status_is_refused():
    with pytest.raises(ValueError, match="'great' is not a valid Status"):
        Outcome.from_json({"id": "", "title": "", "outcome": "great"})


@pytest.mark.parametrize(
    "value",
    [
        Limits(),
        Submission("ada", None),
        Gap("scale", {}, 1, 3, "", "x = 1"),
        Outcome("test_it", "It", Status.PASSED, 1.0, 1.0),
    ],
)
def test_values_are_frozen(value):
    field = dataclasses.fields(value)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError, match=field):
        setattr(value, field, None)


def test_an_assignment_knows_where_its_files_lie(tmp_path):
    assignment = toy_course.make_course(tmp_path)
    paths = {
        "solutions/toy.py": assignment.solution_file,
        "source/toy.md": assignment.narrative_file,
        "source/toy": assignment.source_dir,
        "release/toy": assignment.release_dir,
        "autograder/toy": assignment.autograder_dir,
        "autograder/toy/checks.py": assignment.checks_file,
        "solutions/given.py": assignment.provided_files[0],
    }
    assert {name: tmp_path / name for name in paths} == paths
    assert [path.name for path in assignment.hidden_test_files] == [
        *("test_clear.py", "test_cut.py", "test_scale.py", "test_slope.py"),
    ]
    assert all(isinstance(path, Path) and path.is_absolute() for path in paths.values())
