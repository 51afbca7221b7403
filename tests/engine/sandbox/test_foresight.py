"""Reads that go along with the request before them: fewer round trips, and never another value than the one asked for."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from cnn_assignment.sandbox.client.foresight import Foresight
from cnn_assignment.sandbox.client.host import Sandbox
from cnn_assignment.sandbox.client.protocol import BadReply, CallRaised
from cnn_assignment.sandbox.client.proxies import Conversation, fetch
from sandbox_kit import FORGER, PATIENT, working

SOURCE = """
import numpy as np

class Loud(dict):
    def __getitem__(self, key):
        LOG.append(key)
        return super().__getitem__(key)

LOG = []
def make(n): return {"out": np.full(2, n), "x": np.full(3, -n), "deep": [{"a": n}]}
def large(n): return {key: np.full(n, float(number)) for number, key in enumerate("abc")}
def loud(n): return Loud(make(n))
def fail(): raise ValueError("no")
"""


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox() as opened:
        yield opened


class Runs:
    """Runs of one test on one worker."""

    def __init__(self, worker):
        self._worker = worker
        self._foresight = Foresight()
        self.trips = 0

    def run(self, test, *, learn=True):
        self.trips = 0

        def carry(request, label):
            self.trips += 1
            return self._worker.request(request, PATIENT)

        conversation = Conversation(carry, foresight=self._foresight)
        found = test(conversation.module())
        if learn:
            self._foresight.learn(conversation.reading)
        return found


@pytest.fixture
def runs(sandbox):
    with working(sandbox, SOURCE) as worker:
        yield Runs(worker)


def read_all(module, n=1, make="make"):
    made = getattr(module, make)(n)
    return [fetch(made["out"]).tolist(), fetch(made["x"]).tolist(), fetch(made["deep"][0]["a"])]


def test_what_is_known_to_follow_costs_no_trips(runs):
    assert runs.run(read_all) == [[1, 1], [-1, -1, -1], 1]
    assert runs.trips == 3
    assert runs.run(lambda module: read_all(module, 2)) == [[2, 2], [-2, -2, -2], 2]
    assert runs.trips == 1


def test_no_more_is_read_ahead_than_a_reply_has_room_for(runs):
    # Of three values of 5 MB each, one may come along with the first.
    def read_large(module):
        made = module.large(650_000)
        return [fetch(made[key]).sum() for key in "abc"]

    assert runs.run(read_large) == [0, 650_000, 1_300_000]
    assert runs.trips == 3
    assert runs.run(read_large) == [0, 650_000, 1_300_000]
    assert runs.trips == 2


def test_code_of_the_submission_is_not_run_ahead(runs):
    runs.run(lambda module: read_all(module, make="loud"))
    assert runs.run(lambda module: fetch(module.LOG)) == ["out", "x", "deep"]
    runs.run(lambda module: fetch(module.loud(1)["out"]))
    assert runs.run(lambda module: fetch(module.LOG)) == ["out", "x", "deep", "out"]


def test_what_is_not_there_is_told_when_it_is_asked_for(runs):
    runs.run(read_all)

    def other(module):
        made = module.make(3)
        first = fetch(made["out"]).tolist()
        with pytest.raises(CallRaised, match="KeyError: 'missing'"):
            fetch(made["missing"])
        return first, fetch(made["x"]).tolist()

    assert runs.run(other, learn=False) == ([3, 3], [-3, -3, -3])


# A test goes one of several ways, depending on what came; each way has other numbers for the same objects.
STEPS = {
    "make": lambda module, kept: kept.append(module.make(len(kept) + 1)),
    "out": lambda module, kept: fetch(kept[-1]["out"]).tolist(),
    "first": lambda module, kept: fetch(kept[0]["x"]).tolist(),
    "whole": lambda module, kept: fetch(kept[0]["deep"]),
    "change": lambda module, kept: kept[-1].__setitem__("out", np.zeros(1)),
    "again": lambda module, kept: kept.append(kept[0]["deep"][0]),
}


def go(steps):
    def test(module):
        kept = [module.make(7)]
        found = [STEPS[step](module, kept) for step in steps]
        # Every object is still the one that it was.
        return [*(str(each) for each in found), *(repr(fetch(remote)) for remote in kept)]

    return test


def possible(steps):
    kinds = ["dict"]
    for step in steps:
        if step == "out" and kinds[-1] != "dict":
            return False
        if step == "change" and kinds[-1] != "dict":
            return False
        if step in ("make", "again"):
            kinds.append("dict" if step == "make" else "part")
    return True


WAYS = [steps for steps in itertools.product(STEPS, repeat=3) if possible(steps)]


def test_whatever_was_learned_the_values_are_those_of_a_first_run(sandbox):
    with working(sandbox, SOURCE) as worker:
        due = {steps: Runs(worker).run(go(steps)) for steps in WAYS}
        for learned, steps in itertools.product(WAYS[::6], WAYS):
            runs = Runs(worker)
            runs.run(go(learned))
            assert runs.run(go(steps)) == due[steps], (learned, steps)


@pytest.mark.parametrize(
    "forged",
    [
        "{'value': 1, 'ahead': [1], 'sizes': []}",
        "{'value': 1, 'ahead': 1, 'sizes': 1}",
        "{'value': 1, 'ahead': [1] * 99, 'sizes': [0] * 99}",
        "{'value': 1, 'ahead': [1], 'sizes': [-1]}",
        "{'value': 1, 'ahead': [1], 'sizes': [1]}",
        "{'value': 1, 'ahead': [['a']], 'sizes': [0]}",
    ],
)
def test_a_forged_answer_ends_the_worker(sandbox, forged):
    source = f"{SOURCE}\n{FORGER}\ndef forged():\n    forge({forged})\n"
    with working(sandbox, source) as worker:
        runs = Runs(worker)
        runs.run(read_all)
        with pytest.raises(BadReply, match=r"read ahead|malformed"):
            runs.run(lambda module: fetch(module.forged()))
