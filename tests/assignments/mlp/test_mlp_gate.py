"""The assignment `mlp` goes through the gate: what is right keeps its marks, what is wrong loses them and is told why."""

from __future__ import annotations

import json

import pytest

from cnn_kit import call
from places import ROOT

# It takes a minute or two, and many on a machine that is busy with other things.
pytestmark = pytest.mark.timeout(1800)

TASKS = ["linear-forward", "linear-backward", "relu", "softmax", "cross-entropy", "mlp-backward", "sgd-step"]


@pytest.fixture(scope="module")
def proof(unmeasured):
    return json.loads(call("verify", "mlp", "--json", cwd=ROOT))


def test_nothing_survives(proof):
    assert proof["survivors"] == []
    assert proof["holds"] is True
    assert [finding["claim"] for finding in proof["findings"] if not finding["holds"]] == []


def test_enough_is_tried_of_each_kind(proof):
    tasks = proof["tasks"]
    assert [task["id"] for task in tasks] == TASKS
    assert all(task["misconceptions"]["count"] >= 2 and task["mutants"]["count"] >= 10 for task in tasks)
    assert all(task["degenerate"]["count"] >= 5 for task in tasks)
    right = [finding["claim"] for finding in proof["findings"] if "right solutions" in finding["claim"]]
    assert int(right[0].split()[0]) >= 8
