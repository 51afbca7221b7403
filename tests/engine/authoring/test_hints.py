"""Hints: what each edition leaves of an answer."""

from __future__ import annotations

import ast
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnn_assignment.authoring.hints import make_hint
from cnn_assignment.core.model import Gap, Hints

GUIDED, STANDARD, OPEN = Hints.GUIDED, Hints.STANDARD, Hints.OPEN


def hint(answer: str, edition: Hints, *, indent: str = "        ", **options: str) -> list[str]:
    """The hint of an answer, which stands at some indentation as it does in a solution."""
    text = textwrap.indent(textwrap.dedent(answer).strip("\n"), indent)
    return make_hint(Gap("a-task", options, 1, 1, indent, text), edition)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ('cache["out"][:, :, row, col] = view @ w', 'cache["out"][?, ?, ?, ?] = ...'),
        ("cache['out'][i] = 1", "cache['out'][?] = ..."),
        ("grads[:, i, j] = v", "grads[?, ?, ?] = ..."),
        ("grads[ : , i,j ] = v", "grads[ ? , ?,? ] = ..."),
        ("grads[k] += v * 2  # for every filter", "grads[?] += ..."),
        ("w @= v", "w @= ..."),
        ("n //= 2", "n //= ..."),
        ("mask = x > 0", "mask = ..."),
        ("a, b = b, a", "a, b = ..."),
        ("(a, *b) = c", "(a, *b) = ..."),
        ("a = b[i] = c", "a = b[?] = ..."),
        ("self.grads.w[i] = v", "self.grads.w[?] = ..."),
        ("self.caches[i].out = v", "self.caches[?].out = ..."),
        ("self.find(i, key=j).out = v", "self.find(?, key=?).out = ..."),
        ("view[...] = v", "view[?] = ..."),
        ("x[:, 0, row :: s][:, :h] = v", "x[?, ?, ?][?, ?] = ..."),
        ("total: float = 0.0", "total: float = ..."),
        ("total: float", "total: float"),
        ('frame["ä", i] = v', 'frame["ä", ?] = ...'),
        ("yield row, col, x[row]", "yield ..."),
        ("yield from self.views(x)", "yield from ..."),
        ("yield", "yield"),
        ("return x", "return ..."),
        ("return", "return"),
        ("a = b; c[0] = d", ["a = ...", "c[?] = ..."]),
    ],
)
def test_standard_keeps_targets_and_return_and_yield(answer, expected):
    lines = [expected] if isinstance(expected, str) else expected
    assert hint(answer, STANDARD) == [f"# {line}" for line in lines]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ('cache["out"][:, :, row, col] = v', '# cache["out"][:, :, ?, ?] = ...'),
        ("a[:, 1:, ::2, i] = v", "# a[:, ?, ?, ?] = ..."),
        ("a[:] = v", "# a[:] = ..."),
    ],
)
def test_keep_slices_keeps_plain_colons(answer, expected):
    assert hint(answer, STANDARD, keep="slices") == [expected]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("a[:, :, i, j] = f(x, axis=(2, 3))", "a[:, :, ?, ?] = f(?, axis=?)"),
        ("out = np.tensordot(view[:, 0], self.w, axes=((1, 2), (1, 2)))", "out = np.tensordot(?[:, ?], ?, axes=?)"),
        ("mask = view == view.max(axis=(2, 3), keepdims=True)", "mask = ? == view.max(axis=?, keepdims=?)"),
        ("grads[k] += np.sum(x * -y) / (n + 1)", "grads[?] += np.sum(? * -?) / (? + ?)"),
        ("yield row, col, x[:, row * s : row * s + f]", "yield ?, ?, ?[:, ? * ? : ? * ? + ?]"),
        ("a, b = c, (d, e)", "a, b = ?, ?"),
        ("w = [k ** 2 for k in a if k not in b]", "w = [? ** ? for ? in ? if ? not in ?]"),
        ("w = lambda u, v=1: u + v", "w = lambda ?, ?=?: ? + ?"),
        ("w = a if b else f'{c}'", "w = ? if ? else ?"),
        ("x = sort(y)[::-1].T.reshape(2)", "x = sort(?)[::-?].T.reshape(?)"),
        ("if (n := len(x)) > 3: y = n", ["if (n := len(?)) > ?:", "    y = ?"]),
        ("n: int = 3", "n: int = ?"),
        ("np.add(a, b, out=c)", "np.add(?, ?, out=?)"),
        ("del x", "del ?"),
        ("assert x > 1, 'no'", "assert ? > ?, ?"),
        ("import math as m", "import ?"),
        ("from math import pi", "from ? import ?"),
        ("return d['k']", "return ?[?]"),
        ("return -1", "return -?"),
    ],
)
def test_guided_keeps_calls_operators_keywords_and_targets(answer, expected):
    lines = [expected] if isinstance(expected, str) else expected
    assert hint(answer, GUIDED) == [f"# {line}" for line in lines]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("x = next_one()", "# x = ..."), ("return super().forward()", "# return ..."), ("self.reset()", "# ...")],
)
def test_guided_never_leaves_a_whole_answer_because_nothing_in_it_had_a_name(answer, expected):
    assert hint(answer, GUIDED) == [expected]


LONG = '''
"""A docstring in a gap."""
# the way is long
for row, col in zip(
    rows,  # first
    cols,
):
    # and winding
    if row > col and not done:
        out[row] = col ** 2
    elif done:
        continue
    else:
        yield row
while True:
    with open(name) as file:
        try:
            total += float(file.read())
        except (ValueError, OSError) as error:
            raise RuntimeError("no") from error
        else:
            done = 1
        finally:
            del row
def inner(a, b=2, *rest) -> int:
    return a
match total:
    case 1:
        return 7
'''


def test_guided_goes_line_by_line_with_masked_headers():
    assert hint(LONG, GUIDED) == [
        "# for ?, ? in zip(?, ?):",
        "#     if ? > ? and not ?:",
        "#         out[?] = ? ** ?",
        "#     elif ?:",
        "#         continue",
        "#     else:",
        "#         yield ?",
        "# while ?:",
        "#     with open(?) as ?:",
        "#         try:",
        "#             total += ...",
        "#         except ? as error:",
        "#             raise RuntimeError(?) from ?",
        "#         else:",
        "#             done = ?",
        "#         finally:",
        "#             del ?",
        "# def inner(?, ?=?, *?) -> ?:",
        "#     return ?",
        "# match ?:",
        "#     case ?:",
        "#         return ?",
    ]


def test_standard_flattens_what_stands_deeper():
    lines = ["out[?] = ...", "yield ...", "total += ...", "done = ...", "return ...", "return ..."]
    assert hint(LONG, STANDARD) == [f"# {line}" for line in lines]


def test_open_tells_nothing_and_so_does_standard_where_nothing_is_left():
    assert hint(LONG, OPEN) == ["# your code here"]
    assert hint("print(x)", STANDARD) == ["# your code here"]
    assert hint('"""only words"""', GUIDED) == ["# your code here"]


def test_a_gap_may_choose_its_own_edition():
    assert hint("x = y + 1", STANDARD, hints="guided") == ["# x = ? + ?"]
    assert hint("x = y + 1", GUIDED, hints="open") == ["# your code here"]


def test_a_statement_of_several_lines_becomes_one_line_without_its_comments():
    answer = """
        grads[
            :,  # every filter
            row,
        ] = np.einsum(
            "nhw,nhw->n",
            # the upstream gradient
            grad_output,
            (row,),
            np.sum(
                (
                    x,
                )
            ),
        ) + \\
            1
    """
    assert hint(answer, STANDARD) == ["# grads[?, ?] = ..."]
    assert hint(answer, GUIDED) == ["# grads[:, ?] = np.einsum(?, ?, ?, np.sum(?)) + ?"]


def test_the_comma_that_makes_a_tuple_stays():
    assert hint("x = (\n    f(a),\n)", GUIDED) == ["# x = (f(?),)"]
    assert hint("x = g(\n    f(a),\n)", GUIDED) == ["# x = g(f(?))"]


def test_an_answer_at_the_margin_has_a_hint_too():
    assert hint("limit[0] = f(3)", GUIDED, indent="") == ["# limit[?] = f(?)"]


names = st.sampled_from(["alpha", "beta_2", "gamma"])
atoms = names | st.sampled_from(["17", "'text'", "3.5"])
values = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "*", "@", "=="]), inner).map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
        st.lists(inner, max_size=3).map(lambda p: f"call({', '.join(p)})"),
        st.tuples(inner, inner).map(lambda p: f"{p[0]}[{p[1]}, :]"),
        st.lists(inner, min_size=1, max_size=3).map(lambda p: f"[{', '.join(p)}]"),
    ),
    max_leaves=8,
)


@given(names, values)
def test_guided_leaves_no_name_and_no_constant_of_a_value(target, value):
    (line,) = hint(f"{target} = {value}", GUIDED)
    head, _, masked = line.removeprefix("# ").partition(" = ")
    assert head == target
    if masked != "...":
        tree = ast.parse(masked.replace("?", "_"), mode="eval")
        assert {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} <= {"_", "call"}
        assert not any(isinstance(node, ast.Constant) for node in ast.walk(tree))
        assert masked != value
