"""The assignment `cnn` goes through the gate: what is right keeps its marks, what is wrong loses them and is told why."""

from __future__ import annotations

import json

import pytest

from cnn_kit import NAME, POINTS, run
from places import ROOT


@pytest.fixture(scope="module")
def proof(unmeasured):
    return json.loads(run("cnn-assignment", "verify", NAME, "--json", cwd=ROOT))


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
