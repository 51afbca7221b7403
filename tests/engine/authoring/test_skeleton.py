"""Skeletons: opened, filled and unmarked solutions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import toy_course
from cnn_assignment.authoring.gaps import parse_gaps
from cnn_assignment.authoring.skeleton import fill_only, make_skeleton, strip_markers
from cnn_assignment.core.errors import AuthoringError
from cnn_assignment.core.model import Hints

LABEL = "solutions/toy.py"
SOLUTION = toy_course.SOLUTION + toy_course.SECOND_GAP


def test_a_gap_becomes_its_hint_and_one_error_that_names_the_task():
    text = make_skeleton(SOLUTION, LABEL, Hints.STANDARD)
    assert (
        """        cache = {"x": x, "out": np.zeros(x.shape)}
        # cache["out"][?] = ...
        raise NotImplementedError("scale: fill in this gap")
        return cache
"""
        in text
    )
    assert "SOLUTION" not in text


def test_the_edition_of_the_build_and_that_of_the_gap_decide_what_stays():
    guided = make_skeleton(SOLUTION, LABEL, Hints.GUIDED)
    assert "        # for ?, ? in self.pieces(?):\n        #     view[:] = ?\n        raise" in guided
    assert '            # your code here\n            raise NotImplementedError("cut: fill in this gap")' in guided


@pytest.mark.parametrize("hints", list(Hints))
def test_a_skeleton_compiles_and_raises_in_every_gap(hints):
    space = {}
    text = make_skeleton(SOLUTION, LABEL, hints).replace("from given import HALF", "HALF = 0.5")
    exec(compile(text, "toy.py", "exec"), space)
    scaler, cutter, x = space["Scaler"](), space["Cutter"](), np.zeros(2)
    for task, call in (
        ("scale", lambda: scaler.forward(x)),
        ("slope", lambda: scaler.backward({}, x)),
        ("cut", lambda: cutter.pieces(x)),
        ("cut", lambda: cutter.count(x)),
        ("clear", lambda: cutter.clear(x)),
    ):
        with pytest.raises(NotImplementedError, match=f"{task}: fill in this gap"):
            call()


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
    lines = [line for line in SOLUTION.split("\n") if "SOLUTION" not in line]
    assert strip_markers(SOLUTION, LABEL).split("\n") == lines


def test_only_the_wanted_tasks_are_filled_with_all_their_gaps():
    text = fill_only(SOLUTION, ["cut"], LABEL)
    assert "yield number, x[" in text
    assert "return length // self.size" in text
    assert text.count("NotImplementedError") == 3
    assert "SOLUTION" not in text


def test_filling_an_unknown_task_is_refused():
    with pytest.raises(AuthoringError, match=r"^solutions/toy.py: no gap for the task 'cu'. Its gaps: clear, cut, sca"):
        fill_only(SOLUTION, ["cu"], LABEL)


@given(st.sets(st.sampled_from(list(toy_course.TASKS))))
def test_filling_all_is_stripping_and_filling_none_is_opening(tasks):
    text = fill_only(SOLUTION, tasks, LABEL)
    gaps = [gap.task for gap in parse_gaps(SOLUTION, LABEL)]
    assert text.count("NotImplementedError") == sum(task not in tasks for task in gaps)
    if len(tasks) == len(toy_course.TASKS):
        assert text == strip_markers(SOLUTION, LABEL)
    if not tasks:
        assert text == make_skeleton(SOLUTION, LABEL, Hints.STANDARD)
