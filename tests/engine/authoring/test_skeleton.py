"""Skeletons: opened, filled and unmarked solutions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import authoring_kit
from cnn_assignment.authoring.gaps import parse_gaps
from cnn_assignment.authoring.skeleton import fill_only, make_skeleton, strip_markers
from cnn_assignment.core.errors import AuthoringError
from cnn_assignment.core.model import Hints

LABEL = "solutions/toy.py"


def test_a_gap_becomes_its_hint_and_one_error_that_names_the_task():
    text = make_skeleton(authoring_kit.SOLUTION, LABEL, Hints.STANDARD)
    assert (
        """        for position in range(count):
            # steps["out"][?] = ...
            raise NotImplementedError("ramp-down: fill in this gap")
        return steps["out"]
"""
        in text
    )
    assert "SOLUTION" not in text


def test_the_edition_of_the_build_and_that_of_the_gap_decide_what_stays():
    guided = make_skeleton(authoring_kit.SOLUTION, LABEL, Hints.GUIDED)
    assert "        # for ? in sorted(?, reverse=?):\n        #     yield ?\n        raise" in guided
    assert '        # your code here\n        raise NotImplementedError("bag-order: fill in this gap")' in guided


@pytest.mark.parametrize("hints", list(Hints))
def test_a_skeleton_compiles_and_raises_in_every_gap(hints):
    space = {}
    text = make_skeleton(authoring_kit.SOLUTION, LABEL, hints).replace("from given import STEP", "STEP = 1")
    exec(compile(text, "toy.py", "exec"), space)
    for call in (lambda: space["Ramp"]().up(0, 1), lambda: space["Ramp"]().down(0, 1), space["Bag"]([]).total):
        with pytest.raises(NotImplementedError, match="fill in this gap"):
            call()
    with pytest.raises(NotImplementedError, match="bag-order: fill in this gap"):
        iter(space["Bag"]([]))


def test_a_function_whose_whole_body_was_the_gap_still_compiles():
    text = "def f():\n    ### BEGIN SOLUTION a\n    return 1\n    ### END SOLUTION\n"
    assert make_skeleton(text, LABEL, Hints.OPEN) == (
        'def f():\n    # your code here\n    raise NotImplementedError("a: fill in this gap")\n'
    )


def test_a_gap_that_takes_a_block_from_what_follows_is_refused():
    text = "if 1:\n    ### BEGIN SOLUTION a\n    x = 1\n\n### END SOLUTION\nelse:\n    x = 2\n"
    assert "else" in make_skeleton(text, LABEL, Hints.OPEN)
    text = "def f():\n    nonlocal_ = 1\n    def g():\n        nonlocal x\n    ### BEGIN SOLUTION a\n    x = 1\n    ### END SOLUTION\n"
    with pytest.raises(AuthoringError, match=r"^solutions/toy.py:5: without the answer of 'a' .* not valid Python"):
        make_skeleton(text, LABEL, Hints.OPEN)


def test_without_markers_not_a_line_of_the_solution_changes():
    lines = [line for line in authoring_kit.SOLUTION.split("\n") if "SOLUTION" not in line]
    assert strip_markers(authoring_kit.SOLUTION, LABEL).split("\n") == lines


def test_only_the_wanted_tasks_are_filled_with_all_their_gaps():
    text = fill_only(authoring_kit.SOLUTION, ["bag-order"], LABEL)
    assert "sorted(self.items, reverse=True)" in text
    assert "return sum(self.items)" in text
    assert text.count("NotImplementedError") == 2
    assert "SOLUTION" not in text


def test_filling_an_unknown_task_is_refused():
    with pytest.raises(AuthoringError, match=r"^solutions/toy.py: no gap for the task 'bag'. Its gaps: bag-order, ram"):
        fill_only(authoring_kit.SOLUTION, ["bag"], LABEL)


@given(st.sets(st.sampled_from(["ramp-up", "ramp-down", "bag-order"])))
def test_filling_all_is_stripping_and_filling_none_is_opening(tasks):
    text = fill_only(authoring_kit.SOLUTION, tasks, LABEL)
    gaps = [gap.task for gap in parse_gaps(authoring_kit.SOLUTION, LABEL)]
    assert text.count("NotImplementedError") == sum(task not in tasks for task in gaps)
    if len(tasks) == 3:
        assert text == strip_markers(authoring_kit.SOLUTION, LABEL)
    if not tasks:
        assert text == make_skeleton(authoring_kit.SOLUTION, LABEL, Hints.STANDARD)
