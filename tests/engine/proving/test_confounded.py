"""Traits of test cases that never vary, or never differ, are named; those of the real assignment do."""

from __future__ import annotations

import runpy
from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from cnn_assignment.core.layout import load_assignment
from cnn_assignment.core.model import HiddenTest, Task
from cnn_assignment.core.traits import read_traits
from cnn_assignment.proving.confounded import find_confounded
from cnn_assignment.running.pool import collect_tasks


def task(*cases, function="test_values"):
    tests = [HiddenTest(f"{function}[{number}]", "", 1.0, traits) for number, traits in enumerate(cases)]
    return Task("slide", "", float(len(tests)), tuple(tests))


def crossed(**more):
    return [{"stride": stride, "square": square} | more for stride in (1, 2) for square in (False, True)]


def test_of_traits_that_vary_independently_nothing_is_said():
    assert find_confounded([task(*crossed())]) == []


@pytest.mark.parametrize(
    ("cases", "said"),
    [
        (crossed(batch=2), ["batch: always 2"]),
        (crossed(even=False), ["even: never"]),
        (crossed(even=True), ["even: always"]),
        (
            [case | {"left over": case["stride"] == 2} for case in crossed()],
            ["where stride is 1, never left over, and the other way round"],
        ),
        ([case | {"batch": case["stride"]} for case in crossed()], ["stride is 1 exactly where batch is 1"]),
        # Two that differ in one case can be told apart.
        ([case | {"batch": 1 + (number > 0)} for number, case in enumerate(crossed() + crossed())], []),
    ],
)
def test_what_cannot_be_told_apart_is_named(cases, said):
    assert find_confounded([task(*cases)]) == [f"slide: test_values: {sentence}" for sentence in said]


def test_a_test_without_cases_or_with_few_has_nothing_to_tell_apart():
    assert find_confounded([task({}), task({"n": 1}, {"n": 2}), task(*crossed()[:3])]) == []


def test_each_function_is_looked_at_alone():
    both = Task("slide", "", 2.0, task(*crossed(batch=1)).tests + task(*crossed(batch=2), function="test_more").tests)
    assert find_confounded([both]) == ["slide: test_values: batch: always 1", "slide: test_more: batch: always 2"]


def test_the_traits_of_the_real_assignment_are_all_told_apart(pytestconfig):
    tasks = collect_tasks(load_assignment(pytestconfig.rootpath, "cnn"))
    assert all(sum(bool(test.traits) for test in task.tests) >= 10 for task in tasks)
    assert find_confounded(tasks) == []


# The real assignment's tables are covering arrays

TABLES = {
    "CONVOLUTIONS": (
        "cases.py",
        "Convolution",
        {"batch": (1,), "filter_size": (1, 4), "stride": (1,), "n_outchannel": (1,)},
    ),
    "POOLINGS": ("cases.py", "Pooling", {"batch": (1,), "channels": (1,), "filter_size": (1, 2)}),
    "NETWORKS": (
        "test_cnn_chain.py",
        "Network",
        {
            "batch": (1,),
            "n_outchannel": (1,),
            "stride": (1,),
            "pool_size": (1,),
            "n_classes": (2,),
            "the number of hidden layers": (0, 1),
        },
    ),
}


@pytest.mark.parametrize("table", TABLES)
def test_every_two_traits_occur_in_every_combination_that_can_occur(pytestconfig, monkeypatch, table):
    file, kind, cuts = TABLES[table]
    folder = pytestconfig.rootpath / "autograder/cnn"
    monkeypatch.syspath_prepend(str(folder))
    names = runpy.run_path(str(folder / file))

    def pairs(case):
        traits = read_traits({"case": case})
        held = {name: value for name, value in traits.items() if isinstance(value, bool)}
        held |= {f"{name} <= {cut}": traits[name] <= cut for name, values in cuts.items() for cut in values}
        return {(one, held[one], other, held[other]) for one, other in combinations(held, 2)}

    rng = np.random.default_rng(14)
    can = Counter(pair for _ in range(2000) for pair in pairs(names[kind].at_random(rng)))
    have = set().union(*map(pairs, names[table]))
    assert [pair for pair, count in can.items() if count > 5 and pair not in have] == []
