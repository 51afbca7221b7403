from __future__ import annotations

import ast
import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnn_assignment.authoring.gaps import parse_gaps
from cnn_assignment.core.errors import AuthoringError
from cnn_assignment.proving.mutating.mutants import OPERATORS, make_mutants
from places import ROOT

SOLUTION = ROOT / "solutions" / "cnn.py"

FRAME = '''"""A toy."""

import numpy as np


class Toy:
    def __init__(self, size):
        self.size = size
        self.step = 1

    def other(self, x):
        return x

    def run(self, x, y, cache):
        out = np.zeros(x.shape)
        for row in range(self.size):
            for col in range(self.step):
                ### BEGIN SOLUTION run
{answer}
                ### END SOLUTION
        return out
'''

# By operator: an answer, and what one of its lines must become.
EXAMPLES = [
    ("swap_operator", "out = x + y", "out = x - y"),
    ("swap_operator", "out = row // 2", "out = row * 2"),
    ("swap_operator", "out = x == y", "out = x >= y"),
    ("swap_operator", "out = (x + 1) * (y - 1)", "out = (x + 1) / (y - 1)"),
    ("drop_operand", "out = x * y", "out = x"),
    ("drop_operand", "out = x * y", "out = y"),
    ("drop_operand", "out = -x", "out = x"),
    ("drop_operand", "out = x and y and out", "out = x and out"),
    ("drop_operand", "out = x if y else out", "out = out"),
    ("exchange_operands", "out = x - y * 2", "out = (y * 2) - x"),
    ("swap_junction", "out = x and y", "out = x or y"),
    ("shift_number", "out = x + 2", "out = x + 3"),
    ("shift_number", "out = x + 2", "out = x + 1"),
    ("shift_number", "out = x[-1]", "out = x[-2]"),
    ("shift_number", "out = x[-1]", "out = x[0]"),
    ("shift_number", "out = x * 0.5", "out = x * 1.0"),
    ("flip_boolean", "out = x.sum(keepdims=True)", "out = x.sum(keepdims=False)"),
    ("swap_name", "out[row, col] = x[row, col]", "out[row, row] = x[row, col]"),
    ("swap_name", "out[row, col] = x[row, col]", "out[row, col] = y[row, col]"),
    ("swap_name", "out = x[: self.size]", "out = x[: self.step]"),
    ("swap_name", 'cache["out"] = cache["x"]', 'cache["out"] = cache["out"]'),
    ("swap_function", "out = x.max(axis=1)", "out = x.min(axis=1)"),
    ("swap_function", "out = np.zeros(3)", "out = np.ones(3)"),
    ("swap_function", "out = min(row, col)", "out = max(row, col)"),
    ("drop_call", "out = x.copy()", "out = x"),
    ("drop_call", "out = np.flip(x)", "out = x"),
    ("drop_call", "out = self.other(x)", "out = x"),
    ("drop_call", "out = x.T", "out = x"),
    ("change_arguments", "out = x.sum(axis=1)", "out = x.sum()"),
    ("change_arguments", "out = np.dot(x, y)", "out = np.dot(y, x)"),
    ("change_arguments", "out = np.dot(x, y)", "out = np.dot(x)"),
    ("change_arguments", "out = x.reshape(2, -1)", 'out = x.reshape(2, -1, order="F")'),
    ("change_range", "out = range(row)", "out = range(1, row)"),
    ("change_range", "out = range(row)", "out = range(row - 1)"),
    ("change_range", "out = range(row)", "out = range(row + 1)"),
    ("change_range", "out = range(0, row, 2)", "out = range(0, row)"),
    ("change_index", "out = x[row, col]", "out = x[col, row]"),
    ("change_index", "out = x[row, col]", "out = x[:, col]"),
    ("change_index", "out = x[row, col]", "out = x[-1 - row, col]"),
    ("change_index", "out = x[:, row, np.newaxis]", "out = x[:, row]"),
    ("change_slice", "out = x[row : row + 2]", "out = x[: row + 2]"),
    ("change_slice", "out = x[row : row + 2]", "out = x[row :]"),
    ("change_slice", "out = x[row : row + 2]", "out = x[row + 1 : row + 2]"),
    ("change_slice", "out = x[row :: self.step]", "out = x[row :]"),
    ("change_slice", "out = x[:, row]", "out = x[::-1, row]"),
    ("change_tuple", "out = x.max(axis=(2, 3))", "out = x.max(axis=(3,))"),
    ("change_tuple", "out = [x, y]", "out = [y, x]"),
    ("change_tuple", "yield row, col, x", "yield col, row, x"),
    ("change_einsum", 'out = np.einsum("ij,jk->ik", x, y)', 'out = np.einsum("ji,jk->ik", x, y)'),
    ("change_einsum", 'out = np.einsum("ij,jk->ik", x, y)', 'out = np.einsum("ij,jk->i", x, y)'),
    ("change_einsum", 'out = np.einsum("ij,jk->ik", x, y)', 'out = np.einsum("ij,jk->ij", x, y)'),
    ("change_assignment", "out += x", "out = x"),
    ("change_assignment", "out += x", "out -= x"),
    ("change_assignment", "out[row] = x", "out[row] += x"),
    ("change_assignment", "out[...] = x", "out = x"),
    ("change_assignment", "out = out * 2", "out *= 2"),
    ("change_value", "out[row] = x", "out[row] = -x"),
    ("change_value", "out = x.sum()", "out = np.float32(x.sum())"),
    ("change_value", "yield row, x", "yield row, -x"),
    ("change_value", 'return {"out": x}', 'return {"out": -x}'),
    ("drop_statement", "out[row] = x", "pass"),
    ("repeat_statement", "yield x", "yield x\nyield x"),
    ("exchange_statements", "out = x + y\nout = out * 2", "out = out * 2\nout = x + y"),
    ("change_condition", "if row > 1:\n    out = x", "if not (row > 1):\n    out = x"),
    ("change_condition", "if row > 1:\n    out = x", "if True:\n    out = x"),
    ("change_condition", "out = [a for a in x if a]", "out = [a for a in x if True]"),
    ("change_exit", "if row > 1:\n    break", "if row > 1:\n    continue"),
    ("stop_loop", "for a in x:\n    out = a", "for a in x:\n    out = a\n    break"),
    ("stop_loop", "out[row] = x", "out[row] = x\nbreak"),
    (
        "dedent_statement",
        "for a in x:\n    b = a\n    yield (\n        b\n    )",
        "for a in x:\n    b = a\nyield (\n    b\n)",
    ),
    ("dedent_statement", "for a in x:\n    yield a", "for a in x:\n    pass\nyield a"),
    ("indent_statement", "for a in x:\n    out = a\nyield out", "for a in x:\n    out = a\n    yield out"),
]


def put(answer: str) -> str:
    return FRAME.format(answer=textwrap.indent(answer, " " * 16))


def answers(text: str) -> list[str]:
    """The answers of all mutants of a toy, without their indentation."""
    return [answer_of(mutant.text) for mutant in make_mutants(text, "toy.py")]


def answer_of(text: str) -> str:
    # What a mutant dedents can no longer be read as a gap, so the lines are taken as they are.
    inside = text.partition("### BEGIN SOLUTION run\n")[2].partition("### END SOLUTION")[0]
    return textwrap.dedent(inside).strip()


@pytest.mark.parametrize(("operator", "answer", "expected"), EXAMPLES)
def test_operator_makes_its_slip(operator, answer, expected):
    assert expected in answers(put(answer))


def test_every_operator_has_an_example():
    assert {operator.__name__ for operator in OPERATORS} == {name for name, _, _ in EXAMPLES}


def test_statement_alone_in_an_outer_loop_moves_behind_it_and_leaves_a_pass():
    mutants = {mutant.change: mutant.text for mutant in make_mutants(put("out[row] = x"), "toy.py")}
    moved = mutants["line 1: out[row] = x -> behind for col in range(self.step)"]
    assert "                pass\n            out[row] = x\n" in moved


def test_names_are_swapped_for_their_own_kind():
    found = answers(put('z = x\nout[row] = z[col]\ncache["x"] = z'))
    assert "out[col] = z[col]" in {line for answer in found for line in answer.split("\n")}
    assert not any("out[x]" in answer or "out[cache]" in answer or 'x["x"]' in answer for answer in found)


def test_names_are_not_read_before_they_are_bound():
    assert not any(answer.startswith("out = z") for answer in answers(put("out = x\nz = y")))


def test_commutative_operands_are_not_exchanged():
    assert "out = y * x" not in answers(put("out = x * y"))


def test_plain_assignment_is_not_repeated():
    assert "out = x\nout = x" not in answers(put("out = x"))


def test_statements_that_do_not_depend_on_each_other_are_not_exchanged():
    assert "b = y\na = x" not in answers(put("a = x\nb = y"))


def test_change_shows_the_smallest_part_that_is_unique():
    changes = {mutant.change for mutant in make_mutants(put("out[row] = x.max(axis=(0, 1)) + y[row]"), "toy.py")}
    assert "line 1: (0, 1) -> (1, 1)" in changes
    assert "line 1: out[row] -> out[col]" in changes
    assert "line 1: y[row] -> y[col]" in changes
    assert "line 1: x.max(axis=(0, 1)) -> x.min(axis=(0, 1))" in changes


def test_lines_are_counted_within_the_answer():
    text = put("z = x\nout[row] = z")
    moved = text.replace('"""A toy."""', '"""A toy.\n\nWith more to say.\n"""')
    assert "line 2: out[row] = z -> out[row] = -z" in {mutant.change for mutant in make_mutants(text, "toy.py")}
    assert [m.change for m in make_mutants(text, "")] == [m.change for m in make_mutants(moved, "")]


def test_gaps_of_one_task_are_told_apart():
    gap = "### BEGIN SOLUTION both\n{}\n### END SOLUTION\n"
    text = "def f(x):\n" + textwrap.indent(gap.format("y = x + 1") + gap.format("z = x + 1") + "return y, z\n", "    ")
    changes = [mutant.change for mutant in make_mutants(text, "toy.py")]
    assert "gap 1, line 1: y = x + 1 -> pass" in changes
    assert "gap 2, line 1: z = x + 1 -> pass" in changes
    assert len(set(changes)) == len(changes)


def test_letters_of_more_than_one_byte_keep_their_places():
    found = answers(put('größe = x["ß"] + y  # für später'))
    assert 'größe = x["ß"] - y  # für später' in found
    assert "größe = y  # für später" in found


def test_brackets_are_put_where_an_expression_needs_them():
    assert "out = (x + y) * 2" not in answers(put("out = (x + y) - y * 2"))
    assert "out = x - (y - 1)" in answers(put("out = (y - 1) - x"))


def test_function_that_a_gap_holds_is_mutated_without_its_docstring():
    text = '### BEGIN SOLUTION f\ndef f(x):\n    """Twice."""\n    return 2 * x\n### END SOLUTION\n'
    mutants = make_mutants(text, "toy.py")
    assert "line 3: 2 * x -> 3 * x" in {mutant.change for mutant in mutants}
    assert all('"""Twice."""' in mutant.text for mutant in mutants if "pass" not in mutant.change)


def test_solution_without_gaps_has_no_mutants():
    assert make_mutants("x = 1\n", "toy.py") == ()


def test_gap_that_cannot_be_read_is_an_error_with_its_place():
    with pytest.raises(AuthoringError, match=r"toy\.py:1: END SOLUTION without BEGIN"):
        make_mutants("### END SOLUTION\n", "toy.py")


def check_promises(text: str) -> None:
    """Of every mutant: it compiles, it is new, and it differs within one gap only."""
    gaps = parse_gaps(text, "toy.py")
    mutants = make_mutants(text, "toy.py")
    assert len({(mutant.task, mutant.change) for mutant in mutants}) == len(mutants)
    known = {(task, ast.dump(ast.parse(text))) for task in {gap.task for gap in gaps}}
    for mutant in mutants:
        tree = ast.parse(mutant.text)
        compile(tree, "mutant", "exec", dont_inherit=True)
        program = (mutant.task, ast.dump(tree))
        assert program not in known
        known.add(program)
        assert "\n" not in mutant.change
        first, last = _changed_lines(text, mutant.text)
        assert any(gap.begin_line < first and last <= gap.end_line for gap in gaps if gap.task == mutant.task)


def _changed_lines(text: str, mutated: str) -> tuple[int, int]:
    """The first and the last 1-based line of the text that differ."""
    before, after = text.split("\n"), mutated.split("\n")
    first = next(n for n, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1])
    pairs = enumerate(zip(reversed(before), reversed(after), strict=False))
    same = next(n for n, (old, new) in pairs if old != new)
    return first + 1, max(first + 1, len(before) - same)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from(sorted({answer for _, answer, _ in EXAMPLES})), min_size=1, max_size=3))
def test_every_mutant_keeps_the_promises(parts):
    check_promises(put("\n".join(parts)))


def test_mutants_are_the_same_every_time():
    text = put("out[row] = x.max(axis=(0, 1))")
    assert make_mutants(text, "toy.py") == make_mutants(text, "toy.py")


def test_mutants_of_the_assignment_keep_the_promises():
    check_promises(SOLUTION.read_text(encoding="utf-8"))


def test_assignment_has_mutants_enough_in_every_task():
    mutants = make_mutants(SOLUTION.read_text(encoding="utf-8"), "solutions/cnn.py")
    counts = {task: sum(mutant.task == task for mutant in mutants) for task in {mutant.task for mutant in mutants}}
    assert len(mutants) >= 200
    assert len(counts) == 6
    assert min(counts.values()) >= 20
