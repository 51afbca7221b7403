"""What is told of failing cases holds in others: every misconception and every other mutant, against fifty more cases."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from places import KITS

pytestmark = pytest.mark.timeout(1800)

# Side by side: each grades half of all trials.
PARTS = 2


@pytest.fixture(scope="module")
def found(pytestconfig):
    """What each part of the trials brought."""
    kit = KITS / "refuting_kit.py"
    words = [sys.executable, kit, pytestconfig.rootpath, "cnn"]
    started = [
        subprocess.Popen([*words, str(part), str(PARTS)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for part in range(PARTS)
    ]
    brought = []
    for process in started:
        printed, said = process.communicate()
        assert process.returncode == 0, said[-2000:]
        brought.append(json.loads(printed.splitlines()[-1]))
    return brought


def test_enough_trials_were_asked_and_some_are_told(found):
    assert sum(part["asked"] for part in found) >= 200
    # A test that hears no sentence refutes none.
    assert sum(len(part["told"]) for part in found) >= 50


def test_no_pattern_that_is_told_is_refuted_by_other_cases(found):
    assert [sentence for part in found for sentence in part["refuted"]] == []
