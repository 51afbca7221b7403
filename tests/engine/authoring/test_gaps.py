"""Gaps: what is one, what is refused, and that nothing is lost on the way."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnn_assignment.authoring.gaps import parse_answer, parse_gaps, render_gap, require_same_tasks
from cnn_assignment.core.errors import AuthoringError
from cnn_assignment.core.model import Gap
from toy_course import COLLECTED, SECOND_GAP, SOLUTION

LABEL = "solutions/toy.py"


def function(*lines: str) -> str:
    """A function with these lines as its body, so that the first of them is line 2."""
    return "def f(x):\n" + "".join(f"    {line}\n" for line in lines)


def test_a_gap_knows_its_task_its_options_its_lines_and_its_answer():
    text = function("### BEGIN SOLUTION pool-2 keep=slices hints=open", "y = x", "return y", "### END SOLUTION")
    assert parse_gaps(text, LABEL) == (
        Gap("pool-2", {"keep": "slices", "hints": "open"}, 2, 5, "    ", "    y = x\n    return y"),
    )


def test_a_task_may_have_several_gaps():
    tasks = [gap.task for gap in parse_gaps(SOLUTION + SECOND_GAP, LABEL)]
    assert tasks == ["scale", "slope", "cut", "clear", "cut"]


@pytest.mark.parametrize(
    "marker",
    [
        "### BEGIN SOLUTON a-task",
        "### BEGN SOLUTION a-task",
        "### BEGINN SOLUTION a-task",
        "## BEGIN SOLUTION a-task",
        "#### BEGIN SOLUTION a-task",
        "# BEGIN SOLUTION a-task",
        "###BEGIN SOLUTION a-task",
        "###  BEGIN SOLUTION a-task",
        "### BEGIN  SOLUTION a-task",
        "### BEGIN SOLUTION: a-task",
        "### begin solution a-task",
        "### Begin Solution a-task",
        "### BEGIN_SOLUTION a-task",
        "### BEGINSOLUTION a-task",
        "### START SOLUTION a-task",
        "### SOLUTION BEGIN a-task",
        "# ### BEGIN SOLUTION a-task",
        "# here stands BEGIN SOLUTION",
        "### END SOLUTIONS",
        "### END SOLUTON",
        "### End solution",
        "# END SOLUTION",
        "### ENDSOLUTION",
    ],
)
def test_a_near_miss_is_refused_where_it_stands(marker):
    text = function("y = x", marker, "y = y + 1")
    with pytest.raises(AuthoringError, match=rf"^{LABEL}:3: {re.escape(repr(marker))} looks like a gap marker"):
        parse_gaps(text, LABEL)


@pytest.mark.parametrize(
    "line",
    [
        "# the solution of the equation",
        "# find solutions by hand",
        "# begin with the last row",
        "# in the end it is one",
        "### a heading",
        "# and solutions to it",
        'y = "### BEGIN SOLUTON a-task"',
        '"""',
    ],
)
def test_what_only_sounds_similar_is_left_alone(line):
    text = function('"""Do not write', "### BEGIN SOLUTION here", '"""', line, *(['"""'] if line == '"""' else []))
    assert parse_gaps(text, LABEL) == ()


BEGIN, END = "### BEGIN SOLUTION a-task", "### END SOLUTION"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["y = x", END], f"{LABEL}:3: END SOLUTION without BEGIN. Check the spelling of the marker above."),
        ([BEGIN, "y = x", BEGIN, END], f"{LABEL}:4: BEGIN SOLUTION inside the gap that begins in line 2"),
        (["y = x", BEGIN, "y = x"], f"{LABEL}:3: BEGIN SOLUTION without END"),
        (["### BEGIN SOLUTION", "y = x", END], f"{LABEL}:2: BEGIN SOLUTION without a task id"),
        (["### BEGIN SOLUTION keep=slices", "y = x", END], f"{LABEL}:2: BEGIN SOLUTION without a task id"),
        (["### BEGIN SOLUTION Conv_1", "y = x", END], f"{LABEL}:2: malformed task id 'Conv_1'"),
        (["### BEGIN SOLUTION 1conv", "y = x", END], f"{LABEL}:2: malformed task id '1conv'"),
        ([f"{BEGIN} keep=all", "y = x", END], f"{LABEL}:2: unknown option: 'keep=all'"),
        ([f"{BEGIN} points=3", "y = x", END], f"{LABEL}:2: unknown option: 'points=3'"),
        ([f"{BEGIN} slices", "y = x", END], f"{LABEL}:2: unknown option: 'slices'"),
        ([f"{BEGIN} hints=open hints=open", "y = x", END], f"{LABEL}:2: option given twice: 'hints=open'"),
        ([BEGIN, "y = x", f"{END} a-task"], f"{LABEL}:4: END SOLUTION is followed by 'a-task'"),
        ([BEGIN, END, "pass"], f"{LABEL}:2: the gap 'a-task' is empty"),
        ([BEGIN, "# only a comment", "", END, "pass"], f"{LABEL}:2: the gap 'a-task' is empty"),
        ([f"y = x  {BEGIN}", "y = 1", END], f"{LABEL}:2: a gap marker behind code"),
        (["if x:", BEGIN, "    y = x", END], f"{LABEL}:3: a marker that is not indented like its answer"),
        (["y = (", BEGIN, "x +", END, "1)"], f"{LABEL}:3: the gap 'a-task' cuts a statement"),
        (["y = = x"], f"{LABEL}:2: not valid Python: invalid syntax"),
    ],
)
def test_a_wrong_marker_is_refused_with_file_line_and_remedy(lines, message):
    with pytest.raises(AuthoringError, match="^" + re.escape(message)) as caught:
        parse_gaps(function(*lines), LABEL)
    assert caught.value.remedy.endswith(".")


def test_lines_of_an_answer_count_from_its_marker_even_where_a_string_reaches_the_margin():
    text = function("### BEGIN SOLUTION a", 'y = """a', "### END SOLUTION").replace("### END", '\nb"""\n    ### END')
    (gap,) = parse_gaps(text.replace("    \n", ""), LABEL)
    (statement,) = parse_answer(gap).body
    assert (statement.lineno, statement.end_lineno) == (2, 3)
    assert isinstance(statement, ast.Assign)


def test_gaps_and_hidden_tests_must_name_the_same_tasks(course):
    gaps = parse_gaps(SOLUTION.replace("SOLUTION scale", "SOLUTION scale-all"), LABEL)
    tasks = (replace(COLLECTED[0], id="scale-all"), *COLLECTED[1:])
    require_same_tasks(course, gaps, tasks)
    with pytest.raises(AuthoringError, match=r"^solutions/toy.py:17: a gap without a task.*test_scale_all.py"):
        require_same_tasks(course, gaps, tasks[1:])
    with pytest.raises(AuthoringError, match=r"^autograder/toy/test_scale_all.py: a task without a gap"):
        require_same_tasks(course, gaps[1:], tasks)


ids = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
options = st.dictionaries(st.just("keep"), st.just("slices")) | st.fixed_dictionaries(
    {"hints": st.sampled_from(["guided", "standard", "open"])}
)
bodies = st.lists(
    st.sampled_from(["y = x", "", "# ä comment", "y = '###'", "for z in y:\n        yield z"]), min_size=1
)


@given(st.lists(st.tuples(ids, options, bodies, st.booleans()), max_size=4))
def test_parsed_gaps_render_to_the_same_text(parts):
    text = "def f(x):\n    pass\n"
    for task, chosen, body, between in parts:
        words = "".join(f" {key}={value}" for key, value in chosen.items())
        answer = "".join(f"    {line}\n" for line in ["y = 0", *body])
        text += f"    ### BEGIN SOLUTION {task}{words}\n{answer}    ### END SOLUTION\n" + "    x = 1\n" * between
    lines = text.split("\n")
    gaps = parse_gaps(text, LABEL)
    assert [gap.task for gap in gaps] == [task for task, *_ in parts]
    for gap in reversed(gaps):
        lines[gap.begin_line - 1 : gap.end_line] = render_gap(gap).split("\n")
    assert "\n".join(lines) == text
    for gap in gaps:
        assert "\n".join(lines[gap.begin_line - 1 : gap.end_line]) == render_gap(gap)
