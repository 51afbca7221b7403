"""The assignment `cnn` goes through the gate: what is right keeps its marks, what is wrong loses them and is told why.

What a student with each known mistake is told stands in ``golden/told.txt``, a table that is read when it changes:
``CNN_ASSIGNMENT_REFRESH_GOLDEN=1 pytest tests/assignments/cnn/test_gate.py`` writes it anew.
"""

from __future__ import annotations

import json
import os
from collections import Counter

import pytest

from cnn_assignment.core.layout import load_assignment
from cnn_assignment.core.model import ReportStatus, Status
from cnn_assignment.explaining.mutant_rows import read_rows
from cnn_assignment.misconceptions import load_misconceptions
from cnn_assignment.running import pool
from cnn_kit import NAME, POINTS, call
from places import ROOT, TESTS

# It takes a minute or two, and many on a machine that is busy with other things.
pytestmark = pytest.mark.timeout(1800)

REFRESH = "CNN_ASSIGNMENT_REFRESH_GOLDEN"
TOLD = TESTS / "assignments/cnn/golden/told.txt"
# These read what lies beyond an array, which may be anything: of them the table has only what is told most often.
READ_BEYOND = {"pooling-assumes-contiguous", "strides-assume-contiguous"}


@pytest.fixture(scope="module")
def verified(unmeasured):
    """What the command says of the assignment, and the reports on its misconceptions, by name."""
    kept = {}

    def grade_all(assignment, submissions, jobs, **options):
        explained = [submission.student for submission in submissions if submission.explain]
        for report in real(assignment, submissions, jobs, **options):
            if report.student in explained:
                kept[explained.index(report.student)] = report
            yield report

    real = pool.grade_all
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "grade_all", grade_all)
        said = call("verify", NAME, "--json", cwd=ROOT)
    entries = load_misconceptions(load_assignment(ROOT, NAME))
    assert len(entries) == len(kept)
    return json.loads(said), {entry.id: kept[number] for number, entry in enumerate(entries)}


@pytest.fixture(scope="module")
def proof(verified):
    return verified[0]


@pytest.fixture(scope="module")
def told(verified):
    """By misconception, how many of its failed tests say what."""
    found = {}
    for name, report in verified[1].items():
        assert report.status is ReportStatus.GRADED, report.notes
        (task,) = report.tasks
        found[name] = Counter(test.diagnosis for test in task.tests if test.outcome is not Status.PASSED)
    return found


def test_nothing_survives(proof):
    assert proof["survivors"] == []
    assert proof["holds"] is True
    assert [finding["claim"] for finding in proof["findings"] if not finding["holds"]] == []


def test_enough_is_tried_of_each_kind(proof):
    tasks = proof["tasks"]
    assert [task["id"] for task in tasks] == list(POINTS)
    assert sum(task["misconceptions"]["count"] for task in tasks) >= 80
    assert sum(task["mutants"]["count"] for task in tasks) >= 200
    assert all(task["degenerate"]["count"] >= 5 for task in tasks)
    assert all(task["misconceptions"]["count"] >= 10 and task["mutants"]["count"] >= 20 for task in tasks)
    right = [finding["claim"] for finding in proof["findings"] if "right solutions" in finding["claim"]]
    assert int(right[0].split()[0]) >= 20


def test_every_misconception_is_told_what_the_table_says(told):
    lines = []
    for misconception, sentences in told.items():
        lines.append(f"{misconception}:")
        for said, count in sentences.most_common(1 if misconception in READ_BEYOND else None):
            tests = "most" if misconception in READ_BEYOND else count
            lines.append(f"  {tests} {'test' if count == 1 else 'tests'}:")
            lines += [f"    {sentence}" for sentence in said or ["(nothing)"]]
    text = "\n".join(lines) + "\n"
    if os.environ.get(REFRESH):
        TOLD.write_text(text, encoding="utf-8")
    assert text == TOLD.read_text(encoding="utf-8")


def test_no_misconception_loses_marks_without_a_word(told):
    assert {name for name, sentences in told.items() if set(sentences) == {()}} == set()


def test_what_mutants_give_is_kept_for_these_tests():
    # After a change of the hidden tests or the solution, `cnn-assignment verify cnn --mutants` finds it out again.
    assert read_rows(load_assignment(ROOT, NAME)).made_from
