from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from types import GeneratorType, ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest

from cnn_assignment.core.errors import AuthoringError
from cnn_assignment.core.layout import load_assignment
from cnn_assignment.proving.degenerate import make_degenerate, read_helper
from cnn_assignment.proving.degenerate_code import KINDS, knows_nothing
from cnn_assignment.submissions import extract_file
from places import ROOT

SOLUTION = ROOT / "solutions" / "cnn.py"

TOY = '''"""A toy."""

from __future__ import annotations

from dataclasses import dataclass
import numpy as np

KINDS = "the solution's own"


class Toy:
    @staticmethod
    def double(x):
        """Twice x."""
        ### BEGIN SOLUTION double
        out = 2 * x
        ### END SOLUTION
        return out

    def pieces(self, x):
        def cut(row):
            ### BEGIN SOLUTION pieces
            return row, x[row : row + 1]
            ### END SOLUTION

        for row in range(len(x)):
            yield cut(row)


### BEGIN SOLUTION halve
def halve(x):
    return x / 2
### END SOLUTION
'''


def answer(kind, result, *args):
    """What a function that returns result returns once it knows nothing."""
    return knows_nothing(kind)(lambda *_: result)(*args)


def load(text):
    module = ModuleType("toy")
    exec(compile(text, "toy.py", "exec", dont_inherit=True), module.__dict__)
    return module


def texts(task):
    return {found.kind: found.text for found in make_degenerate(TOY, "toy.py") if found.task == task}


@dataclass
class Record:
    value: float
    count: int


class Pair(NamedTuple):
    left: Any
    right: Any


# The helper


def test_zeros_and_ones_have_shape_and_dtype():
    right = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(answer("zeros", right), np.zeros((2, 3)))
    np.testing.assert_array_equal(answer("ones", right), np.ones((2, 3)))
    assert answer("ones", right.astype(np.int32)).dtype == np.int32


def test_input_is_the_first_array_cut_or_repeated():
    cache = {"n": 3, "x": np.arange(4.0)}
    np.testing.assert_array_equal(answer("input", np.zeros((2, 3)), 5, cache, np.ones(9)), [[0, 1, 2], [3, 0, 1]])
    np.testing.assert_array_equal(answer("input", np.zeros(2), cache), [0, 1])


def test_input_without_an_array_is_zero():
    np.testing.assert_array_equal(answer("input", np.ones(2), "words"), [0, 0])


RIGHT = np.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize(
    "given",
    [RIGHT, RIGHT.copy(), RIGHT.T, RIGHT.reshape(6), RIGHT[np.newaxis], np.pad(RIGHT, (0, 2)), -RIGHT, RIGHT / 2],
    ids=["itself", "copy", "transposed", "flat", "an axis more", "larger", "negated", "halved"],
)
def test_argument_is_the_one_that_comes_closest(given):
    found = answer("argument", RIGHT + 0.0, np.ones(9), {"cached": [given]}, np.zeros((2, 3)))
    np.testing.assert_array_equal(found, RIGHT)


def test_argument_knows_no_more_than_the_arguments():
    found = answer("argument", {"out": RIGHT, "n": 2.5}, np.ones((2, 3), np.float32), np.array([2.5, 7.0]))
    assert found["out"].dtype == RIGHT.dtype
    assert (found["out"] != RIGHT).any()
    assert answer("argument", RIGHT, "words").tolist() == np.zeros((2, 3)).tolist()


def test_random_is_the_same_every_time():
    first, again = answer("random", np.zeros((3, 4))), answer("random", np.zeros((3, 4)))
    np.testing.assert_array_equal(first, again)
    assert len(np.unique(first)) == 12


def test_empty_has_no_elements():
    assert answer("empty", np.ones((2, 3))).shape == (0,)


def test_nothing_is_none():
    assert answer("nothing", {"out": np.ones(3)}) is None


@pytest.mark.parametrize(
    ("kind", "weights"),
    [("zeros", [0.0, 0.0]), ("ones", [1.0, 1.0]), ("input", [5.0, 6.0]), ("nothing", [3.0, 4.0])],
)
def test_what_a_method_binds_to_its_object_is_its_answer(kind, weights):
    class Learner:
        def __init__(self):
            self.weights = [np.array([3.0, 4.0])]
            self.steps = 0
            self.untouched = np.array([7.0])

        @knows_nothing(kind)
        def update(self, grads):
            self.weights = [weights - grads for weights in self.weights]
            self.steps += 1
            self.last = grads.copy()

    learner = Learner()
    assert learner.update(np.array([5.0, 6.0])) is None
    np.testing.assert_array_equal(learner.weights, [weights])
    np.testing.assert_array_equal(learner.untouched, [7.0])
    # A whole number inside of an answer is a place, and stays.
    assert learner.steps == (0 if kind == "nothing" else 1)
    assert hasattr(learner, "last") == (kind != "nothing")


def test_arrays_in_dicts_lists_and_tuples_are_replaced():
    found = answer("zeros", {"a": [np.ones(2)], "b": (np.ones(1), "word"), "c": Pair(np.ones(3), None)})
    np.testing.assert_array_equal(found["a"][0], [0, 0])
    np.testing.assert_array_equal(found["b"][0], [0])
    assert found["b"][1] == ""
    np.testing.assert_array_equal(found["c"].left, [0, 0, 0])
    assert found["c"].right is None


def test_arguments_are_kept_in_the_answer():
    x = np.arange(3.0)
    found = answer("zeros", {"x": x, "equal": x.copy()}, {"x": x})
    assert found["x"] is x
    np.testing.assert_array_equal(found["equal"], [0, 0, 0])


def test_generator_stays_one_and_keeps_its_places():
    @knows_nothing("ones")
    def views(x):
        for row in range(2):
            yield row, x[row : row + 1]

    found = views(np.zeros(2))
    assert isinstance(found, GeneratorType)
    assert [(row, list(view)) for row, view in found] == [(0, [1.0]), (1, [1.0])]


def test_generator_that_knows_nothing_at_all_is_empty():
    @knows_nothing("nothing")
    def views(x):
        yield x

    assert list(views(np.zeros(2))) == []


def test_iterators_are_looked_into():
    assert [list(part) for part in answer("zeros", iter([np.ones(2)]))] == [[0, 0]]


@pytest.mark.parametrize(("right", "expected"), [(2.5, 0.0), (np.float64(2.5), 0.0), (7, 0), (True, False)])
def test_number_that_is_the_whole_result_is_replaced(right, expected):
    found = answer("zeros", right)
    assert found == expected
    assert type(found) is type(right)


def test_whole_numbers_inside_of_a_result_stay_and_fractions_go():
    assert answer("zeros", (3, 2.5)) == (3, 0.0)


def test_texts_become_empty_or_what_was_given():
    assert answer("zeros", {"a": "right", "n": 3}, "given") == {"a": "", "n": 3}
    assert answer("argument", ["right", 1.5], 2, "given") == ["given", 0.0]
    assert answer("input", "right") == ""


def test_whole_numbers_go_where_there_is_nothing_else():
    assert answer("zeros", {"a": 3, "b": [4, True]}) == {"a": 0, "b": [0, False]}
    assert answer("ones", (3, "")) == (3, "")


def test_fields_of_a_dataclass_go_and_the_object_stays_as_it_is():
    right = Record(2.5, 3)
    assert answer("zeros", right) == Record(0.0, 3)
    assert right == Record(2.5, 3)


def test_what_is_printed_is_not_seen(capsys):
    def show():
        sys.stdout.write("right")

    knows_nothing("zeros")(show)()
    assert capsys.readouterr().out == ""


def test_dict_that_holds_itself_comes_to_an_end():
    cache = {"out": np.ones(2)}
    cache["self"] = cache
    np.testing.assert_array_equal(answer("zeros", cache)["out"], [0, 0])


# The texts


def test_every_task_has_every_kind_in_order():
    found = [(entry.task, entry.kind) for entry in make_degenerate(TOY, "toy.py")]
    assert found == [(task, kind) for task in ("double", "pieces", "halve") for kind in KINDS]


def test_helper_adds_one_name_and_leaves_the_rest_alone():
    before, after = vars(load(TOY)), vars(load(texts("double")["zeros"]))
    assert set(after) - set(before) == {"_give_degenerate_answers"}
    assert after["KINDS"] == "the solution's own"


def test_static_method_is_decorated_below_its_own_decorator():
    np.testing.assert_array_equal(load(texts("double")["ones"]).Toy.double(np.zeros(2)), [1, 1])


def test_method_is_decorated_where_the_gap_is_in_a_function_inside_of_it():
    found = list(load(texts("pieces")["zeros"]).Toy().pieces(np.ones(2)))
    assert [(row, list(view)) for row, view in found] == [(0, [0.0]), (1, [0.0])]


def test_function_that_a_gap_holds_is_decorated():
    assert load(texts("halve")["nothing"]).halve(np.ones(2)) is None


def test_other_tasks_keep_their_answers():
    np.testing.assert_array_equal(load(texts("halve")["zeros"]).Toy.double(np.ones(2)), [2, 2])


def test_solution_without_docstring_gets_the_helper_first():
    text = make_degenerate("def f(x):\n    ### BEGIN SOLUTION f\n    return 2 * x\n    ### END SOLUTION\n", "f.py")[
        0
    ].text
    assert load(text).f(np.ones(1)) == [0]


def test_gap_without_a_function_is_an_error():
    with pytest.raises(AuthoringError, match=r"toy\.py:1: the gap 'size' has no function"):
        make_degenerate("### BEGIN SOLUTION size\nSIZE = 3\n### END SOLUTION\n", "toy.py")


def test_helper_needs_the_standard_library_and_numpy_only():
    words = [line.split() for line in read_helper().split("\n")]
    imported = {parts[1].partition(".")[0] for parts in words if parts[:1] in (["import"], ["from"])}
    assert imported - set(sys.stdlib_module_names) == {"numpy"}


@pytest.mark.parametrize("kind", KINDS)
def test_answers_of_the_assignment_survive_the_intake(tmp_path, kind):
    assignment = load_assignment(ROOT, "cnn")
    found = [entry for entry in make_degenerate(SOLUTION.read_text(encoding="utf-8"), "cnn.py") if entry.kind == kind]
    assert len(found) == 6
    for entry in found:
        path = tmp_path / "cnn.py"
        path.write_text(entry.text, encoding="utf-8")
        extracted = extract_file(path, assignment)
        assert extracted.notes == ()
        kept = {index for index, _ in extracted.chunks[0].keep}
        helper = next(
            n for n, node in enumerate(ast.parse(entry.text).body) if getattr(node, "name", "")[:5] == "_give"
        )
        assert helper in kept
