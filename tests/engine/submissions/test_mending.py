"""Mending: of code that Python refuses every method that is whole stays as it is, and the damaged one says so."""

from __future__ import annotations

import ast
import traceback

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import toy_course
from cnn_assignment.core.errors import UnreadableSubmissionError
from cnn_assignment.core.model import ReportStatus
from cnn_assignment.submissions import extract_file, show_file
from cnn_assignment.submissions.plain.values import Wanted
from cnn_assignment.submissions.python.parsing import parse
from cnn_assignment.submissions.reading.document import parse_document
from cnn_assignment.submissions.repairing.effort import Effort
from cnn_assignment.submissions.repairing.mending import mend
from hostile_files import book
from places import ROOT
from toy_course import TOTAL, submit, write

CNN = (ROOT / "solutions/cnn.py").read_text(encoding="utf-8")
TOY = toy_course.SOLUTION
OLD_CODE = '    """\n    def forward(self, x):\n        return "old"\n\n    def pieces(self, x):\n        return "old"\n    """\n\n'


def methods_of(tree):
    """Every method of the classes at the top, with its node."""
    return {
        (node.name, part.name): part
        for node in tree.body
        if isinstance(node, ast.ClassDef)
        for part in node.body
        if isinstance(part, ast.FunctionDef)
    }


def dumps_of(tree):
    return {key: ast.dump(node) for key, node in methods_of(tree).items()}


def is_stub(node):
    return isinstance(node.body[-1], ast.Raise) and "could not be read" in ast.unparse(node.body[-1])


def refuse(text):
    """Whether Python refuses a text."""
    try:
        parse(text, "text")
    except SyntaxError:
        return True
    return False


def mended(text):
    assert refuse(text)
    found = mend(text, Effort())
    assert found is not None
    assert found.code.count("\n") == text.count("\n")
    return found


METHODS = methods_of(ast.parse(CNN))
WHOLE = dumps_of(ast.parse(CNN))
MARKS = ("(", ")", "[", "]", "{", "}", '"', "'", '"""', "'''", ":", " ", "\\", "=", "\t", "else:", "\n")


@st.composite
def damages(draw):
    """A method, one of its lines from 0, and what the line is turned into."""
    method = draw(st.sampled_from(sorted(METHODS)))
    node = METHODS[method]
    number = draw(st.integers(node.lineno - 1, node.end_lineno - 1))
    line = CNN.split("\n")[number]
    place = draw(st.integers(0, len(line)))
    indent = len(line) - len(line.lstrip())
    match draw(st.sampled_from(("insert", "delete", "indent", "dedent", "tab"))):
        case "insert":
            new = line[:place] + draw(st.sampled_from(MARKS)) + line[place:]
        case "delete":
            places = [n for n, letter in enumerate(line) if letter in "()[]{}\"':,= "]
            assume(places)
            place = draw(st.sampled_from(places))
            new = line[:place] + line[place + draw(st.integers(1, 3)) :]
        case "indent":
            new = " " * draw(st.integers(1, 8)) + line
        case "dedent":
            new = line[draw(st.integers(min(1, indent), indent)) :]
        case _:
            new = "\t" + line.lstrip()
    return method, number, new


def replaced(number, new):
    lines = CNN.split("\n")
    return "\n".join([*lines[:number], new, *lines[number + 1 :]])


def line_of(text):
    """The only line of the solution that has this text, from 0."""
    (number,) = [number for number, line in enumerate(CNN.split("\n")) if text in line]
    return number


# Damages that were once taken for something else: the method, words of its line, and what the line became.
FOUND = [
    ("loss", "def loss", "def loss(self, cache, labels):"),
    ("loss", "def loss", "        def loss(self, cache, labels):"),
    ("loss", "def loss", "else:    def loss(self, cache, labels):"),
    ("predict", "def predict", "    defpredict(self, x):"),
    ("predict", "def predict", "   f predict(self, x):"),
    ("__init__", "self.mlp = mlp", "    '''    self.mlp = mlp"),
    ("__init__", "__init__(self, conv", "\tdef __init__(self, convolution, pooling, mlp):"),
    ("train", "rng = np.random.default", "rng = np.random.default_rng(rng)"),
    ("_get_filtersizeXfiltersize_views", "yield row, col, x[:, :, top", "    yield row, col"),
]


def check_damage(method, number, new):
    """What must hold of the solution with one damaged line; whether Python refuses it at all."""
    text = replaced(number, new)
    if not refuse(text):
        return False
    found = methods_of(mended(text).tree)
    whole = {key: dump for key, dump in WHOLE.items() if key != method}
    assert {key: ast.dump(found[key]) for key in whole} == whole
    if method in found:
        assert is_stub(found[method]) or ast.dump(found[method]) == WHOLE[method]
    return True


@pytest.mark.parametrize(("name", "words", "new"), FOUND)
def test_damage_that_was_misread_once_costs_one_method(name, words, new):
    owner = "Convolution2dLayer" if "views" in name else "ConvolutionalNetwork"
    assert check_damage((owner, name), line_of(words), new)


@settings(max_examples=200)
@given(damages())
def test_a_damaged_method_costs_no_other_and_is_never_taken_for_whole(damage):
    assume(check_damage(*damage))


@settings(max_examples=100)
@given(damages(), damages())
def test_lines_keep_their_numbers_and_the_damaged_one_is_told(one, other):
    lines = CNN.split("\n")
    for _, number, new in (one, other):
        lines[number] = new.replace("\n", "")
    text = "\n".join(lines)
    assume(refuse(text))
    found = mend(text, Effort())
    assume(found is not None)
    for key, node in methods_of(found.tree).items():
        if not is_stub(node):
            assert (
                found.code.split("\n")[node.lineno - 1 : node.end_lineno] == lines[node.lineno - 1 : node.end_lineno]
            ), key
    assert all(1 <= damage.line <= len(lines) and damage.why for damage in found.damages)


@pytest.mark.parametrize("name", ["cnn.py", "cnn.ipynb"])
def test_what_python_takes_is_not_treated_differently(name):
    raw = CNN.encode() if name == "cnn.py" else book(CNN)
    part = parse_document(raw, name, Wanted(("Convolution2dLayer",))).parts[0]
    assert (part.code, part.source, part.lost) == (CNN, CNN, 0)
    assert ast.dump(part.tree) == ast.dump(ast.parse(CNN))


# Kinds of damage


KINDS = {
    "a bracket": ("self.factor * (x + HALF)", "self.factor * (x + HALF", {"Scaler.forward"}),
    "a bracket too many": ("self.factor * (x + HALF)", "self.factor * (x + HALF))", {"Scaler.forward"}),
    "a quote of three": ('(n,)."""', "(n,).", {"Scaler.forward"}),
    "a quote": ('"out": np.zeros', "'out\": np.zeros", {"Scaler.forward"}),
    "a colon": ("def forward(self, x):", "def forward(self, x)", {"Scaler.forward"}),
    "a bracket of the header": ("def forward(self, x):", "def forward(self, x:", {"Scaler.forward"}),
    "an indent": ("        return cache", "       return cache", {"Scaler.forward"}),
    "a line at the left": ("        return cache", "return cache", {"Scaler.forward"}),
    "a stray else": ("        return cache", "        else:\n        return cache", {"Scaler.forward"}),
    "an old print": ("        return cache", "        print cache\n        return cache", {"Scaler.forward"}),
    "a constructor": ("self.factor = factor", "self.factor = (factor", {"Scaler.__init__"}),
    "the class": ("class Scaler:", "class Scaler", set()),
    "the bracket of a class": ("class Scaler:", "class Scaler(object:", set()),
    "the word class": ("class Cutter:", "clas Cutter:", set()),
    "the place of a class": ("class Cutter:", "    class Cutter:", set()),
    "the text of a class": ('slope of it."""', "slope of it.", set()),
    "an import": ("import numpy as np", "import numpy as np)", set()),
    "half of an import": ("import numpy as np", "import numpy as", set()),
    "an import of names": ("from given import HALF", "from given import (HALF", set()),
    "a constant above": ("class Scaler:", "SIZES = [1, 2\n\n\nclass Scaler:", set()),
    "the text of the module": ('"""Two toys."""', "Two toys.", set()),
    "prose between methods": (
        "    def backward",
        "Here I take it (see above)\nof all of it.\n\n    def backward",
        set(),
    ),
    "prose that is indented": ("    def backward", "    Here I take the slope of it.\n\n    def backward", set()),
    "training below": ("        return result\n", "        return result\n\nfor i in range(3)\n    Scaler(i)\n", set()),
    "a cell's fence": ("import numpy as np", "```\nimport numpy as np\n%matplotlib inline", set()),
    "old code in quotes": ("    def backward", f"{OLD_CODE}    def backward", {"Scaler.forward"}),
    "old code in quotes, and one more quote": ("    def backward", f"{OLD_CODE}    def backward", {"Scaler.forward"}),
}
ALSO = {
    "old code in quotes": ("self.factor * (x + HALF)", "self.factor * (x + HALF"),
    "old code in quotes, and one more quote": ('(n,)."""', "(n,)."),
}
STYLES = {
    "as it is": lambda text: text,
    "dense": lambda text: "\n".join(line for line in text.split("\n") if line.strip()) + "\n",
    "two blanks": lambda text: text.replace("    ", "  "),
    "tabs": lambda text: text.replace("    ", "\t"),
    "single quotes": lambda text: text.replace('"""', "'''"),
}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("kind", KINDS)
def test_damage_ends_where_the_next_method_begins(kind, style):
    old, new, damaged = KINDS[kind]
    assert old in TOY
    restyle = STYLES[style]
    whole = dumps_of(ast.parse(restyle(TOY)))
    text = restyle(TOY.replace(old, new, 1).replace(*ALSO.get(kind, ("\0", "")), 1))
    result = mended(text)
    found = methods_of(result.tree)
    assert {".".join(key) for key, node in found.items() if is_stub(node)} == damaged
    kept = {key: ast.dump(node) for key, node in found.items() if not is_stub(node)}
    assert kept == {key: dump for key, dump in whole.items() if ".".join(key) not in damaged}
    assert result.damages or kind == "a cell's fence"
    names = {alias.asname or alias.name for node in result.tree.body for alias in getattr(node, "names", ())}
    assert names == {"np", "HALF"}


def test_several_damages_cost_what_they_hit_and_no_more():
    result = mended(TOY.replace("(x + HALF)", "(x + HALF").replace("x.copy()", "x.copy("))
    stubs = [".".join(key) for key, node in methods_of(result.tree).items() if is_stub(node)]
    assert stubs == [damage.name for damage in result.damages] == ["Scaler.forward", "Cutter.clear"]
    assert result.lost == 2


def test_a_replaced_method_keeps_its_decorators_and_its_parameters():
    text = "class A:\n    @staticmethod\n    def f(a, *, b=2):\n        return (a\n\n    def g(self):\n        pass\n"
    space = {}
    exec(mended(text).code, space)
    with pytest.raises(SyntaxError, match=r"^f could not be read: '\(' was never closed$") as caught:
        space["A"].f(1, b=3)
    assert traceback.extract_tb(caught.tb)[-1].lineno == 4


@pytest.mark.parametrize(
    "text", ["x = " + "(" * 70_000, "x = (" + "1, " * 1_000, "class A:\n    def f(self:\n" * 9_000]
)
def test_what_would_take_long_is_not_mended(text):
    assert mend(text, Effort()) is None


def test_the_work_for_one_reading_has_an_end():
    effort = Effort()
    text = TOY.replace("(x + HALF)", "(x + HALF")
    results = [mend(text, effort) is None for _ in range(200)]
    assert results == sorted(results)
    assert set(results) == {False, True}


# Through the grader


def lost(report):
    assert report.status is ReportStatus.GRADED, report.notes
    return {task.id: {test.message for test in task.tests} for task in report.tasks if task.score < task.max_score}


# Of each task of the toy its method, and a bracket in it that is not closed.
BRACKETS = {
    "scale": ("Scaler.forward", "(x + HALF)", "(x + HALF"),
    "slope": ("Scaler.backward", "+ HALF) * grad_output", "+ HALF * grad_output"),
    "cut": ("Cutter.pieces", "range(len(x) // self.size)", "range(len(x) // self.size"),
    "clear": ("Cutter.clear", "self.pieces(result):", "self.pieces(result:"),
}
DAMAGED = TOY.replace(*BRACKETS["clear"][1:])


def line_in(text, words):
    """The first line of a text that has these words, from 1."""
    return 1 + next(n for n, line in enumerate(text.split("\n")) if words in line)


LINE = line_in(DAMAGED, "pieces(result:")


@pytest.mark.parametrize("task", BRACKETS)
def test_a_damaged_method_costs_its_own_task_and_is_told_with_its_line(course, grader, task):
    name, old, new = BRACKETS[task]
    text = TOY.replace(old, new)
    assert text != TOY
    report = grader.grade(submit(course.root, "ada", text))
    # What builds on the method is graded with a right one.
    assert list(lost(report)) == [task]
    (message,) = lost(report)[task]
    assert message.startswith(f"SyntaxError: {name.partition('.')[2]} could not be read: ")
    assert message.endswith(f"(toy.py, line {line_in(text, new)})")
    note, *others = report.notes
    assert len(others) == (task in ("scale", "cut"))
    assert all("was graded on its own" in note for note in others)
    assert note.startswith(f"toy.py, line {line_in(text, new)}: ")
    assert note.endswith(f"; {name} is left out, the other methods are graded.")


def test_a_later_error_names_the_line_of_the_file(course, grader):
    text = DAMAGED.replace(
        '        grad = np.sum((cache["x"] + HALF) * grad_output, keepdims=True)', "        grad = 1 / 0"
    )
    (message,) = lost(grader.grade(submit(course.root, "ada", text)))["slope"]
    assert message == f"ZeroDivisionError: division by zero (toy.py, line {line_in(text, '1 / 0')})"


def test_a_damaged_cell_is_read_as_a_module_is(course, grader):
    head, scaler, cutter = DAMAGED.partition("class Scaler")[0], *DAMAGED.split("class ")[1:]
    raw = book(head, f"class {scaler}", f"class {cutter}")
    path = write(course.root / "submitted/bob/toy/toy.ipynb", raw)
    report = grader.grade(submit(course.root, "ada", raw.decode(), "toy.ipynb"))
    assert list(lost(report)) == ["clear"]
    assert report.notes[0].startswith("cell 3, line ")
    assert extract_file(path, course).open_gaps == 1
    assert show_file(raw, "toy.ipynb", course).cells[2].source == f"class {cutter}"


def test_a_whole_class_counts_before_a_damaged_one(course, grader):
    head, scaler, cutter = "import numpy as np\nfrom given import HALF\n", *TOY.split("class ")[1:]
    cells = book(head, f"class {scaler}", f"class {cutter}", f"class {scaler}".replace("x + HALF)", "x"))
    report = grader.grade(submit(course.root, "ada", cells, "toy.ipynb"))
    assert report.score == TOTAL
    (note,) = report.notes
    assert note.startswith("cell 4 is left out, because it is not valid Python")


def test_a_damaged_module_of_the_students_own_is_read_too(course, grader):
    path = submit(course.root, "ada", "from layers import *\n").path
    write(path.parent / "layers.py", DAMAGED)
    report = grader.grade(submit(course.root, "ada", "from layers import *\n"))
    assert list(lost(report)) == ["clear"]
    assert report.notes[0].startswith(f"layers.py, line {LINE}: ")


def test_both_sides_of_a_merge_in_a_module_are_told(course, grader):
    line = '        cache["out"][:] = self.factor * (x + HALF)\n'
    both = f"<<<<<<< HEAD\n{line}=======\n        cache['out'][:] = 3\n>>>>>>> theirs\n"
    report = grader.grade(submit(course.root, "ada", TOY.replace(line, both)))
    assert report.score == TOTAL
    assert report.notes == ("toy.py holds both sides of a merge; the first of each was read.",)


def test_a_whole_file_counts_before_a_damaged_one_of_the_right_name(course):
    write(course.root / "submitted/eve/toy/toy.py", DAMAGED)
    assert extract_file(course.root / "submitted/eve/toy/toy.py", course).open_gaps == 1


def test_what_shows_a_damaged_module_shows_it_as_it_was(course):
    (cell,) = show_file(DAMAGED.encode(), "toy.py", course).cells
    assert cell.source == DAMAGED
    assert cell.names == {"Scaler", "Cutter"}


def test_a_file_of_which_no_method_is_whole_stays_unreadable(course, tmp_path):
    with pytest.raises(UnreadableSubmissionError, match=r"toy.py is not valid Python: .* \(line 2\)"):
        extract_file(write(tmp_path / "toy.py", "class Scaler:\n    def forward(self, x:\n        return x\n"), course)


FILLED = [
    *((name, method) for name in ("Convolution2dLayer", "MaxPooling2dLayer") for method in ("forward", "backward")),
    ("MaxPooling2dLayer", "_get_filtersizeXfiltersize_views"),
    ("ConvolutionalNetwork", "backward"),
]


@pytest.mark.parametrize("method", FILLED, ids=".".join)
def test_one_bracket_costs_one_method_of_the_layers(method):
    last = METHODS[method].end_lineno - 1
    result = mended(replaced(last, CNN.split("\n")[last] + " + ("))
    assert [key for key, node in methods_of(result.tree).items() if is_stub(node)] == [method]
    (note,) = result.describe("cnn.py")
    assert note.startswith(f"cnn.py, line {last + 1}: '(' was never closed; {'.'.join(method)} is left out")
