"""What sets failing cases apart: told where it is so, and never where other cases refute it."""

from __future__ import annotations

import numpy as np
import pytest

from cnn_assignment.core.traits import Condition, list_conditions, read_traits
from cnn_assignment.explaining.patterns import PatternSearch
from toy_cases import Shape

SEEN = [
    Shape(*numbers) for numbers in ((1, 4, 4, 1), (2, 5, 7, 2), (3, 6, 6, 2), (1, 7, 4, 3), (4, 8, 8, 1), (2, 9, 5, 3))
]


def search(rule, *, seen=SEEN, further=400, seed=0, stop_after=None):
    """The sentence about code that is right where the rule says so, and how many cases were tried for it."""
    rng = np.random.default_rng(seed)
    drawn = [Shape.at_random(rng) for _ in range(further)]
    tried = []

    def session(number):
        tried.append(number)
        return None if stop_after is not None and len(tried) > stop_after else rule(drawn[number])

    own = [(read_traits({"case": case}), rule(case)) for case in seen]
    pattern = PatternSearch(own, [read_traits({"case": case}) for case in drawn], session).find()
    assert len(tried) == len(set(tried))
    return pattern.tell("answer").partition(":")[0] if pattern is not None else "", len(tried)


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (lambda case: case.stride == 1, "Your answer is right wherever stride is 1, and goes wrong only elsewhere"),
        (lambda case: case.stride != 2, "Your answer goes wrong only where stride is 2"),
        (lambda case: case.square, "Your answer is right wherever images are square, and goes wrong only elsewhere"),
        (lambda case: not case.square, "Your answer goes wrong only where images are square"),
        (lambda case: not case.left_over, "Your answer goes wrong only where rows are left over"),
        (
            lambda case: case.batch <= 2,
            "Your answer is right wherever batch is at most 2, and goes wrong only elsewhere",
        ),
        (lambda case: case.batch > 2, "Your answer goes wrong only where batch is at most 2"),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_the_one_trait_that_matters_is_told(rule, sentence, seed):
    assert search(rule, seed=seed)[0] == sentence


@pytest.mark.parametrize(
    "rule",
    [
        # All of these look like one trait in the six cases that are seen.
        lambda case: case.stride == 1 and not case.square,
        lambda case: case.stride == 1 or case.h > 20,
        lambda case: case.stride == 1 and case.batch < 6,
        lambda case: case.square and case.h % 2 == 0,
        lambda case: case.left_over != case.square,
        lambda case: case.h * case.w <= 30,
        lambda case: (case.h + case.w + case.batch) % 2 == 0,
        lambda case: True,
        lambda case: False,
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_what_takes_two_traits_or_none_is_not_told(rule, seed):
    assert search(rule, seed=seed)[0] == ""


@pytest.mark.parametrize("seed", range(20))
def test_chance_is_no_pattern(seed):
    rng = np.random.default_rng(seed)
    assert search(lambda _: bool(rng.random() < 1 / 2), seed=seed)[0] == ""


def test_traits_that_no_case_tells_apart_are_not_told():
    # Two names for one thing: neither is more right than the other.
    rows = [({"size": n, "length": n, "batch": m}, n == 1) for n in (1, 2, 3) for m in (1, 2)]
    further = [{"size": n, "length": n, "batch": m} for n in (1, 2, 3, 4) for m in (1, 2, 3)] * 4
    assert PatternSearch(rows, further, lambda number: further[number]["size"] == 1).find() is None


def test_without_further_cases_nothing_is_told():
    assert search(lambda case: case.square, further=0) == ("", 0)


def test_where_a_result_cannot_be_known_nothing_is_told():
    assert search(lambda case: case.stride == 1, stop_after=20) == ("", 21)
    assert search(lambda case: case.stride == 1, stop_after=0) == ("", 1)


def test_a_few_dozen_cases_are_tried_and_fewer_where_nothing_is_found():
    assert 48 <= search(lambda case: case.stride == 1)[1] <= 120
    assert search(lambda case: case.h * case.w <= 30)[1] < 48


def test_what_passes_or_fails_everything_is_not_searched():
    assert search(lambda case: True)[1] == 0


@pytest.mark.parametrize("seed", range(200))
def test_what_is_told_of_any_rule_holds_in_fifty_other_cases(seed):
    rng = np.random.default_rng(seed)
    pool = list_conditions([read_traits({"case": Shape.at_random(rng)}) for _ in range(60)])
    parts = [pool[int(n)] for n in rng.integers(len(pool), size=1 + seed % 3)]
    signs = rng.random(len(parts)) < 1 / 2
    any_of = bool(rng.random() < 1 / 2)

    def rule(case):
        held = [part.holds(read_traits({"case": case})) == sign for part, sign in zip(parts, signs, strict=True)]
        return any(held) if any_of else all(held)

    told, _ = search(rule, seed=seed)
    if told:
        clause = (
            told.removeprefix("Your answer goes wrong only where ")
            .removeprefix("Your answer is right wherever ")
            .partition(", and")[0]
        )
        condition = next(
            c
            for c in list_conditions([read_traits({"case": Shape.at_random(rng)}) for _ in range(2000)])
            if str(c) == clause
        )
        for _ in range(50):
            case = Shape.at_random(rng)
            says = condition.holds(read_traits({"case": case})) == ("right" in told)
            assert rule(case) == says, (told, parts, case)


# Traits and conditions


def test_traits_are_the_numbers_of_a_case_and_what_its_properties_say():
    assert read_traits({"case": Shape(2, 5, 7, 2), "n": 3, "name": "x"}) == {
        "batch": 2,
        "h": 5,
        "w": 7,
        "stride": 2,
        "rows are left over": True,
        "images are square": False,
        "n": 3,
    }


def test_a_bound_is_a_condition_only_where_the_next_value_was_seen():
    told = [str(condition) for condition in list_conditions([{"n": n} for n in (1, 2, 3, 8)])]
    assert told == ["n is 1", "n is 2", "n is at most 2", "n is 3"]
    # What lies below the smallest value is not known either, unless nothing can.
    assert [str(condition) for condition in list_conditions([{"n": n} for n in (4, 5, 6)])] == [
        "n is 5",
        "n is at most 5",
    ]


def test_what_never_varies_is_no_condition():
    assert list_conditions([{"n": 1, "b": True}, {"n": 1, "b": True}]) == []
    assert list_conditions([]) == []
    assert list_conditions([{"n": 1, "b": True}, {"b": False}]) == [Condition("b", True)]
