"""What a student with a known mistake is told, misconception by misconception: a table that is read when it changes.

``CNN_ASSIGNMENT_REFRESH_GOLDEN=1 pytest tests/assignments/cnn/test_told.py`` writes it anew.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest

from cnn_assignment.core.layout import load_assignment
from cnn_assignment.core.model import ReportStatus, Status, Submission
from cnn_assignment.misconceptions import load_misconceptions
from cnn_assignment.running.pool import grade_all

REFRESH = "CNN_ASSIGNMENT_REFRESH_GOLDEN"


@pytest.fixture(scope="module")
def told(pytestconfig, tmp_path_factory):
    """By misconception, how many of its failed tests say what."""
    assignment = load_assignment(pytestconfig.rootpath, "cnn")
    folder = tmp_path_factory.mktemp("told")
    solution = assignment.solution_file.read_text(encoding="utf-8")
    submissions = []
    for entry in load_misconceptions(assignment):
        path = folder / entry.id / "cnn.py"
        path.parent.mkdir()
        path.write_text(entry.apply(solution), encoding="utf-8")
        submissions.append(Submission(entry.id, path, (entry.task,), explain=True))
    found = {}
    for report in grade_all(assignment, submissions, 2, solution_first=False):
        assert report.status is ReportStatus.GRADED, report.notes
        (task,) = report.tasks
        failed = [test for test in task.tests if test.outcome is not Status.PASSED]
        found[report.student] = Counter(test.diagnosis for test in failed)
    return {entry.student: found[entry.student] for entry in submissions}


def test_every_misconception_is_told_what_the_table_says(told, pytestconfig):
    lines = []
    for misconception, sentences in told.items():
        lines.append(f"{misconception}:")
        for said, count in sentences.most_common():
            lines.append(f"  {count} {'test' if count == 1 else 'tests'}:")
            lines += [f"    {sentence}" for sentence in said or ["(nothing)"]]
    text = "\n".join(lines) + "\n"
    path = pytestconfig.rootpath / "tests/assignments/cnn/golden/told.txt"
    if os.environ.get(REFRESH):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_no_misconception_loses_marks_without_a_word(told):
    silent = {name: sentences[()] for name, sentences in told.items() if set(sentences) == {()}}
    assert silent == {}
