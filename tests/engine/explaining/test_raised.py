"""Exceptions: what is certain of one is told in the student's own names, and nothing that might be wrong."""

from __future__ import annotations

import random
import re

import pytest

from cnn_assignment.core.layout import load_assignment
from cnn_assignment.core.model import ReportStatus, Status
from cnn_assignment.explaining.raised import explain_raised
from cnn_assignment.judging.failures import describe_circumstances
from cnn_assignment.running.client import GraderProcess
from cnn_assignment.sandbox.client.protocol import CallRaised, read_place
from cnn_assignment.sandbox.client.seen import Fact, Part, Scene, read_asked, read_fact, read_scene
from cnn_assignment.sandbox.server.scenes.variables import is_like
from cnn_assignment.sandbox.wire import Handle
from raised_cases import CASES, SILENT
from sandbox_kit import FORGER
from toy_course import answer, notebook, submit

HELPER = "    def helper(self, x):\n        return x[self.factor]\n\n"


@pytest.fixture
def explain(course, grader):
    """A function from an answer to the message and the diagnosis of the first test of its task that was failed."""

    def explain(task="scale", edit=lambda text: text, **answers):
        report = grader.grade(submit(course.root, "ada", edit(answer(**answers))))
        assert report.status is ReportStatus.GRADED, report.notes
        tests = [test for found in report.tasks if found.id == task for test in found.tests]
        (first, *_) = [test for test in tests if test.outcome is not Status.PASSED]
        return first.message, first.diagnosis

    return explain


def with_helper(text):
    return text.replace("    def backward(self", f"{HELPER}    def backward(self")


@pytest.mark.parametrize("name", CASES)
def test_an_exception_is_explained_in_the_names_of_the_code(explain, name):
    code, type_name, explanation = CASES[name]
    message, diagnosis = explain(scale=code, edit=with_helper)
    assert message.startswith(type_name)
    assert diagnosis == (explanation,)
    assert len(explanation) <= 300


# What is told where there is nothing to tell of the exception.
NOTHING = ("A small case that failed too, with random numbers: n 1.",)


@pytest.mark.parametrize("name", SILENT)
def test_where_nothing_is_certain_nothing_is_told(explain, name):
    message, diagnosis = explain(scale=SILENT[name])
    assert "Error: " in message
    assert diagnosis == NOTHING


# Where the test asks, and where it comes from


def test_a_method_without_self_is_told_by_what_a_method_is_handed(explain):
    message, diagnosis = explain(edit=lambda text: text.replace("def forward(self, x)", "def forward(x)"))
    assert message == "TypeError: Scaler.forward() takes 1 positional argument but 2 were given"
    assert diagnosis == (
        (
            "A method is handed its object first, before the 1 value of the call. The parameter for it is called `self` by "
            "custom: `forward` has `x`."
        ),
    )


def test_a_method_with_other_parameters_is_told_with_them(explain):
    _, diagnosis = explain(edit=lambda text: text.replace("def forward(self, x)", "def forward(self, x, y)"))
    assert diagnosis == ("`forward` takes `x` and `y`, and the test gives it 1 value by position.",)


def test_what_is_no_generator_is_told_by_what_it_is(explain):
    assert explain("cut", cut="return None")[1] == (
        "`pieces` returned None, and items for a loop are due. A function without `return` gives None.",
    )
    assert explain("cut", cut="return len(x)")[1] == ("`pieces` returned the int 7, and items for a loop are due.",)


def test_an_exception_in_a_generator_stands_in_the_generator(explain):
    assert explain("cut", cut="yield 0, x[len(x)]")[1] == (
        (
            "`x` has shape (7,) here: along axis 0 there are 7 places, numbered 0 to 6, and `len(x)` is 7. Compare how far "
            "the index runs with that size."
        ),
    )


def test_a_right_method_that_stood_in_is_named_with_what_it_was_given(explain):
    open_gap = 'raise NotImplementedError("cut: fill in this gap")'
    message, diagnosis = explain("clear", clear="scale = np.array(2.5)\nlist(self.pieces(scale))", cut=open_gap)
    assert message == "ValueError: Cutter.pieces cannot work with these arguments (toy.py, line 44)"
    assert diagnosis == (
        (
            "A right `Cutter.pieces` stood in for your own here, and raised an error for what this line gives it: `scale` is "
            "an array of shape ()."
        ),
    )


def test_a_name_whose_statement_failed_is_told_with_that_statement(explain):
    source = answer(scale="cache['out'][:] = SCALE * x").replace(
        "class Scaler", "SCALE = np.zeros(3)[5]\n\n\nclass Scaler", 1
    )
    (told,) = explain(edit=lambda _: source)[1]
    assert told == "`SCALE` is what the statement at toy.py, line 8, would define, and that one failed."


def test_numpy_that_nothing_imports_is_told_so(explain):
    (told,) = explain("slope", edit=lambda text: text.replace("import numpy as np\n", ""))[1]
    assert told == "No statement of your code that was run imports NumPy as `np`."


def test_a_line_in_a_cell_is_read_in_that_cell(course, grader):
    cells = answer(scale="y = [1]\n\ny[x.size]").split("class Cutter", 1)
    text = notebook(cells[0], f"import numpy as np\n\nclass Cutter{cells[1]}")
    report = grader.grade(submit(course.root, "ada", text, name="toy.ipynb"))
    (first, *_) = report.tasks[0].tests
    assert first.message == "IndexError: list index out of range (cell 1, line 19)"
    assert first.diagnosis == ("`y` has 1 item here, numbered 0, and `x.size` is 1.",)


def test_letters_of_every_script_are_cut_out_whole(explain):
    assert explain(scale="größe = 'é'; größe.shape")[1] == ("`größe` is a text here, and has no `shape`.",)


@pytest.mark.parametrize(
    "code",
    [
        "(y := None)[0]",
        "y = None\n(y, y := [1])[0][0]",
        "y = [None]\ny[0](y.clear())",
        "class Odd:\n    def __getitem__(self, key): return key / 0\nOdd()[1]",
        "class Odd:\n    @property\n    def shape(self): raise ValueError('later')\ny = Odd()\ny.shape[5]",
        "class Odd(dict):\n    def keys(self): raise ValueError\ny = Odd()\ny['a']",
    ],
)
def test_what_may_have_changed_or_runs_code_is_not_looked_up(explain, code):
    assert not any("`y` is" in told or "has the keys" in told for told in explain(scale=code)[1])


def test_facts_hold_no_number_that_was_calculated_with(explain):
    codes = [
        "y = float(x[0])\nrange(y)",
        "y = float(x[0])\nx[y]",
        "y = x[0]\nx[y]",
        "y = x[0]\ny.append(1)",
        "y = [float(x[0])]\ny[3]",
        "y = {'a': float(x[0])}\ny['b']",
        "y = float(x[0])\ny()",
        "y = (float(x[0]), 1)\na, b, c = y",
        "y = float(x[0])\nfor a in y: pass",
        "y = float(x[0])\n[1] * y",
    ]
    for code in codes:
        _, diagnosis = explain(scale=code)
        assert diagnosis
        assert not any(re.search(r"\d\.\d", told) for told in diagnosis), diagnosis


# The real assignment

EDITS = {
    "a line of another method": (
        "conv-forward",
        ("h, w = x.shape[2:]\n        return (h", "h, w = x.shape[3:]\n        return (h"),
        (
            "`Convolution2dLayer._get_output_size`, reached from `Convolution2dLayer.forward`: `h` and `w` stand on the left, "
            "and `x.shape[3:]` has 1 item here. It is (7,)."
        ),
    ),
    "a cache that stood in": (
        "conv-backward",
        ('x = cache["x"]\n        out_h', 'x = cache["padded"]\n        out_h'),
        (
            '`cache` has the keys `x` and `out` here, and `"padded"` is not among them. In this test a cache with what the '
            "assignment asks for stood in for your own: forward gave none."
        ),
    ),
    "what a provided file was given": (
        "cnn-chain",
        ('pooling["out"].reshape(len(x), -1)', 'pooling["out"]'),
        '`self.mlp.forward` raised it, called here with `pooling["out"]`, an array of shape (4, 2, 3, 3).',
    ),
    "a dict for its entry": (
        "cnn-chain",
        ('self.pooling.forward(convolution["out"])', "self.pooling.forward(convolution)"),
        "`MaxPooling2dLayer.forward`, reached from `ConvolutionalNetwork.forward`: `x` is a dict here, and has no `shape`.",
    ),
}
NO_CACHE = ('cache = {"x": x, "out": np.zeros((len(x)', 'cache = {"x": x, "out": np.zeroes((len(x)')


@pytest.fixture(scope="module")
def real(course_root):
    assignment = load_assignment(course_root, "cnn")
    with GraderProcess(assignment) as grader:
        yield assignment, grader


@pytest.mark.parametrize("name", EDITS)
def test_an_exception_of_the_real_assignment_is_told_where_it_comes_from(real, tmp_path, name):
    assignment, grader = real
    task, change, explanation = EDITS[name]
    text = assignment.solution_file.read_text(encoding="utf-8")
    for old, new in (change, NO_CACHE) if name == "a cache that stood in" else (change,):
        assert text.count(old) == 1
        text = text.replace(old, new)
    report = grader.grade(submit(tmp_path, "ada", text, name="cnn.py"))
    told = [
        sentence for found in report.tasks if found.id == task for test in found.tests for sentence in test.diagnosis
    ]
    assert explanation in told


# What nobody vouches for

HOSTILE = [
    None,
    True,
    -1,
    3,
    1 << 70,
    0.5,
    "",
    "x",
    "`x` and ",
    "x" * 5000,
    "\x1b[31m\u202e\n\x00",
    "\ud800",
    [],
    [[[]]],
    [1, 2],
    [-1, 0.5],
    ["a", "b"] * 40,
    {},
    {"kind": "array", "shape": [2, 3], "dtype": "<f8"},
    {"kind": "array", "shape": [2, 0.5]},
    {"kind": "array", "shape": [1 << 40] * 90, "dtype": "f" * 900},
    {"kind": "int", "number": 4},
    {"kind": "int", "number": 1 << 65},
    {"kind": "dict", "number": 2, "names": ["x", "out"]},
    {"kind": "dict", "number": 1, "names": [{"kind": "dict"}]},
    {"kind": "tuple", "number": 2, "shape": [2, -3]},
    {"kind": "list", "number": -7},
    {"kind": "object", "name": "A b", "names": ["\n"]},
    {"kind": "function", "name": "f", "names": []},
    {"kind": ["array"]},
    {"kind": "none"},
    {"kind": "float", "number": 0.25},
]
ROLES = ["value", "index", "slice", "new", "rest", "starred", "whole", "given", "left", "right", "argument", "item"]
ROLES += ["function", "holder", "target", "items", "axis", ""]
ACTIONS = ["read", "write", "attribute", "call", "operate", "compare", "unpack", "iterate", "truth", "name", "raise"]
ACTIONS += ["assert", "import", "recursion", "other", "unknown"]
MESSAGES = [
    ("IndexError", "index 4 is out of bounds for axis 2 with size 4"),
    ("IndexError", "index 4 is out of bounds for axis 99 with size 0"),
    ("IndexError", "list index out of range"),
    ("IndexError", "tuple index out of range"),
    ("IndexError", "too many indices for array: array is 0-dimensional, but 1 were indexed"),
    ("IndexError", "only integers, slices and so on are valid indices"),
    ("IndexError", "invalid index to scalar variable."),
    (
        "IndexError",
        (
            "boolean index did not match indexed array along axis 0; size of axis is 2 but size of corresponding "
            "boolean axis is 3"
        ),
    ),
    ("TypeError", "list indices must be integers or slices, not tuple"),
    ("TypeError", "only integer scalar arrays can be converted to a scalar index"),
    ("KeyError", "'x'"),
    ("ValueError", "operands could not be broadcast together with shapes (2,3) (4,3) "),
    ("ValueError", "operands could not be broadcast together with shapes () (,) "),
    ("ValueError", "non-broadcastable output operand with shape (2,3) doesn't match the broadcast shape (4,2,3)"),
    ("ValueError", "could not broadcast input array from shape (2,3) into shape (4,)"),
    ("ValueError", "setting an array element with a sequence."),
    ("TypeError", "only 0-dimensional arrays can be converted to Python scalars"),
    ("ValueError", "cannot reshape array of size 6 into shape (4,newaxis)"),
    (
        "ValueError",
        "matmul: Input operand 1 has a mismatch in its core dimension 0, with x (size 4 is different from 3)",
    ),
    ("ValueError", "matmul: Input operand 1 does not have enough dimensions"),
    ("ValueError", "shapes (2,3) and (4,3) not aligned: 3 (dim 1) != 4 (dim 0)"),
    ("ValueError", "shape-mismatch for sum"),
    ("ValueError", "operands could not be broadcast together with remapped shapes [original->remapped]: (2,3)"),
    ("ValueError", "einstein sum subscripts string contains too many subscripts for operand 0"),
    ("ValueError", "axes don't match array"),
    ("AxisError", "axis 2 is out of bounds for array of dimension 2"),
    ("ValueError", "zero-size array to reduction operation maximum which has no identity"),
    ("ValueError", "The truth value of an array with more than one element is ambiguous. Use a.any() or a.all()"),
    ("ValueError", "assignment destination is read-only"),
    ("UFuncTypeError", "Cannot cast ufunc 'add' output from dtype('float64') to dtype('int64') with casting rule 's'"),
    ("UFuncTypeError", "ufunc 'add' did not contain a loop with signature matching types"),
    ("MemoryError", "Unable to allocate 9.09 TiB for an array with shape (9,) and data type float64"),
    ("ValueError", "negative dimensions are not allowed"),
    ("TypeError", "Cannot interpret '2' as a data type"),
    ("TypeError", "'float' object cannot be interpreted as an integer"),
    ("TypeError", "'list' object cannot be interpreted as an integer"),
    ("TypeError", "'NoneType' object is not subscriptable"),
    ("TypeError", "'tuple' object does not support item assignment"),
    ("TypeError", "'int' object is not iterable"),
    ("TypeError", "cannot unpack non-iterable NoneType object"),
    ("TypeError", "'dict' object is not callable"),
    ("TypeError", "unsupported operand type(s) for +: 'int' and 'NoneType'"),
    ("TypeError", "object of type 'NoneType' has no len()"),
    ("TypeError", "unhashable type: 'list'"),
    ("TypeError", "f() takes 2 positional arguments but 3 were given"),
    ("TypeError", "f() missing 1 required positional argument: 'self'"),
    ("TypeError", "f() got an unexpected keyword argument 'x'"),
    ("AttributeError", "'object' object has no attribute 'x'"),
    ("AttributeError", "module 'numpy' has no attribute 'float'"),
    ("ValueError", "not enough values to unpack (expected 3, got 2)"),
    ("ValueError", "too many values to unpack (expected 1)"),
    ("NameError", "name 'x' is not defined"),
    ("UnboundLocalError", "cannot access local variable 'x' where it is not associated with a value"),
    *(
        (name, "")
        for name in ("SystemExit", "RecursionError", "AssertionError", "NotImplementedError", "StopIteration")
    ),
    ("ZeroDivisionError", "division by zero"),
    ("ValueError", "zip() argument 2 is shorter than argument 1"),
    ("RuntimeError", "generator raised StopIteration"),
    ("ValueError", "Cutter.pieces cannot work with these arguments"),
    ("FileNotFoundError", "no"),
]


def forged_part(rng):
    """A part with any text and any fact."""
    text = rng.choice(["x", "y", "f", *HOSTILE])
    return {"role": rng.choice(ROLES), "text": text, "fact": rng.choice(HOSTILE)}


def forged_scene(rng):
    """A scene that is nearly right, or not at all."""
    scene = {
        "action": rng.choice(ACTIONS),
        "parts": [forged_part(rng) if rng.random() < 0.98 else rng.choice(HOSTILE) for _ in range(rng.randrange(6))],
    }
    fields = ("where", "called", "through", "word", "lines", "of_self", "elsewhere", "names", "lost")
    return scene | {field: rng.choice(["x", *HOSTILE]) for field in fields if rng.random() < 0.5}


def test_whatever_a_scene_holds_the_sentence_is_short_and_nothing_is_raised():
    rng = random.Random(5)
    told = 0
    for _ in range(40_000):
        scene = read_scene(forged_scene(rng), read_place, {"toy.py"})
        type_name, message = rng.choice(MESSAGES)
        failure = CallRaised(type_name, message, ("toy.py", 3), 0, scene)
        sentence = explain_raised(failure, rng.choice([(), ("a right cache stood in for the one",)]))
        assert len(sentence) <= 300
        assert sentence.count("`") % 2 == 0
        assert describe_circumstances(failure).count("\n") == 0
        told += bool(sentence)
    assert told > 1000


@pytest.mark.parametrize("holder", HOSTILE)
def test_whatever_a_worker_says_of_what_a_test_asked_nothing_is_raised(holder):
    operations = (("get", 1, Handle(0), "forward"), ("call", 2, Handle(1), (1,), {}), ("item", 3, Handle(2), "out"))
    for step in (-1, 0, 1, 2, 3, 1 << 40):
        asked = read_asked(operations, {1: "Scaler.forward", 2: "Scaler.forward"}, step, holder)
        for type_name, message in MESSAGES:
            assert len(explain_raised(CallRaised(type_name, message, None, step, None, asked))) <= 300


@pytest.mark.parametrize("tree", [*HOSTILE, {"action": "read"}, {"action": "read", "parts": [1]}])
def test_what_is_no_scene_is_none(tree):
    assert read_scene(tree, read_place, set()) is None


def test_a_fact_has_no_float_and_no_long_text():
    assert read_fact({"kind": "float", "number": 0.25}) == Fact("float")
    assert read_fact({"kind": "int", "number": True}) == Fact("int")
    assert read_fact({"kind": "object", "name": "x" * 81}) == Fact("object")
    assert read_fact({"kind": "array", "shape": [2, -1]}) is None
    assert read_fact({"kind": "array", "shape": [2], "dtype": ">i4"}) == Fact("array", shape=(2,), dtype="int32")


def test_of_several_parts_of_one_role_none_is_the_part():
    part = Part("argument", "x", Fact("none"))
    assert Scene("call", parts=(part,)).part("argument") is part
    assert Scene("call", parts=(part, part)).part("argument") == Part("argument", "")


@pytest.mark.parametrize("value", ["HOSTILE", "{'action': 'read', 'parts': HOSTILE}", "'x' * 60000", "[[]] * 20000"])
def test_a_forged_scene_ends_no_grading(course, grader, value):
    forged = f"{FORGER}\nHOSTILE = {HOSTILE!r}\n"
    said = "'type': 'IndexError', 'message': 'm', 'step': 0, 'at': ['toy.py', 5]"
    text = answer(scale=f"forge({{'error': {{{said}, 'scene': {value}}}}})\nos._exit(0)").replace(
        "class Scaler", f"{forged}\n\nclass Scaler", 1
    )
    report = grader.grade(submit(course.root, "eve", text))
    assert report.status is ReportStatus.GRADED
    earned = {task.id: task.score for task in report.tasks}
    assert earned["cut"] + earned["clear"] == 5.0


def test_code_that_hides_where_it_is_raised_costs_only_the_explanation(explain):
    hiding = "raise IndexError('index 4 is out of bounds for axis 2 with size 4').with_traceback(None)"
    assert explain(scale=hiding)[1] == NOTHING
    compiled = "exec(compile('y = None' + chr(10) * 40 + 'y[0]', 'toy.py', 'exec'))"
    assert explain(scale=compiled)[1] == NOTHING


def test_names_are_nearly_the_same_with_one_slip():
    assert all(is_like("weights", other) for other in ("Weights", "weight", "wieghts", "weightss", "weighds"))
    assert not any(is_like("weights", other) for other in ("weights", "weigh", "wgihets", "xs", "heights_"))
    assert not is_like("row", "ro")
