"""Statements that are left behind like training: those that may matter are named, and run where marks are lost without."""

from __future__ import annotations

import ast
import textwrap

import pytest

from cnn_assignment.core.model import ReportStatus
from cnn_assignment.submissions.extracting.dropped import find_dropped
from cnn_assignment.submissions.extracting.needed import analyse, select
from toy_course import SOLUTION, TOTAL, notebook, submit

GIVEN = """
import functools
import numpy as np
OPTIONS = {}
STATE = None
class Layer:
    count = 0
    table = {}
    def __init__(self): self.weights = np.ones(3)
    def forward(self, x):
        self.last = x
        return scaled(x, OPTIONS, STATE, RATE)
    @classmethod
    def configure(cls, **options): cls.table = options
RATE = 0.5
def scaled(x, *_): return x
class Trainer:
    def __init__(self, net): self.net, self.losses = net, []
    def fit(self, steps):
        for _ in range(steps):
            self.net.weights -= RATE
            self.losses.append(float(self.net.forward(1)))
def train(net, steps=3):
    losses = []
    for _ in range(steps):
        net.weights -= RATE
        losses.append(net.forward(1))
    return losses
def accuracy(net): return np.mean(net.forward(2))
def test(cls):
    layer = cls()
    layer.weights = np.ones(3)
    assert layer.forward(1) is not None
net = Layer()
"""

SET_STRIDE = "def set_up(*_): OPTIONS['stride'] = 2\n"
MATTER = {
    "a function that makes a layer, too": """
        def set_up():
            layer = Layer()
            OPTIONS["stride"] = 2
        set_up()
    """,
    "a global": """
        def set_up():
            global STATE
            STATE = Layer()
        set_up()
    """,
    "through another function": """
        def inner(): OPTIONS.update(stride=2)
        def set_up():
            net.forward(1)
            inner()
        set_up()
    """,
    "a value that is kept": f"{SET_STRIDE}done = set_up()",
    "inside of print": f"{SET_STRIDE}print(set_up())",
    "inside of a condition": f"{SET_STRIDE}if not set_up(): print('no')",
    "in a block": """
        def set_up(): OPTIONS["stride"] = Layer
        with np.errstate(all="ignore"):
            result = set_up()
    """,
    "a class method of a layer": "Layer.configure(stride=2)",
    "a table by another name": """
        def set_up():
            layer, chosen = Layer(), None
            chosen = OPTIONS
            chosen["stride"] = 2
        set_up()
    """,
    "what a class does when it is made": """
        class Setup:
            def __init__(self): OPTIONS["stride"] = 2
        Setup()
    """,
    "what the base of a class does when it is made": """
        class Base:
            def __init__(self): OPTIONS["stride"] = 2
        class Setup(Base): pass
        setup = Setup()
    """,
    "a method of an object": """
        class Setup:
            def run(self):
                net.forward(1)
                OPTIONS["stride"] = 2
        Setup().run()
    """,
    "a layer that is given": "def install(cls, net): cls.scale = net\ninstall(Layer, Layer())",
    "a layer that is given to a method": """
        class Installer:
            def install(self, cls): cls.scale = 2
        result = Installer().install(Layer)
    """,
    "through partial": """
        def set_up(stride, net): OPTIONS["stride"] = stride
        ready = functools.partial(set_up, 2)
        ready(net)
    """,
    "by its name alone": "def set_up(net): globals()['STATE'] = net\nset_up(net)",
    "by its module": """
        def set_up(net):
            import sys
            sys.modules[__name__].STATE = net
        set_up(net)
    """,
    "as text": "def set_up(net): exec('STATE = 1', globals())\nset_up(net)",
    "handed to map": f"{SET_STRIDE}list(map(set_up, [1, 2]))",
    "called by another function that is given it": f"{SET_STRIDE}def call(f): return f()\ncall(set_up)",
    "out of a table": f"{SET_STRIDE}STEPS = {{'first': set_up}}\nSTEPS['first']()",
    "an attribute, in an expression": "x = setattr(Layer, 'scale', 2)",
    "in an expression": "filled = OPTIONS.update(stride=2)",
}

DO_NOT = [
    "train(net)",
    "losses = train(net, 3)",
    "print(train(Layer()), accuracy(net))",
    "assert accuracy(net) > 0",
    "trainer = Trainer(net)\ntrainer.fit(3)",
    "Trainer(Layer()).fit(3)",
    "test(Layer)",
    "for cls in (Layer,): test(cls)",
    "print(scaled(3), RATE)",
    "layer = Layer()\nlayer.forward(np.ones(3))",
    "x = np.ones(3)\nprint(x.sum(), np.allclose(x, 1))",
    "if accuracy(net) < 1: print('low')",
    "results = [accuracy(Layer()) for _ in range(3)]",
    "def set_up(): OPTIONS['a'] = Layer\ndone = 1\nprint(done)",
    "import matplotlib.pyplot as plt\nplt.plot(train(net))",
    "OTHER = {}\ndef note(): OTHER['a'] = Layer()\nnote()",
]


def find(text, find_module=lambda _: ()):
    """The statements that are named, and what they call."""
    tree = ast.parse(text)
    statements = analyse(tree, 0)
    found = find_dropped(tree.body, statements, select(statements, ["Layer"]), find_module)
    return [(ast.unparse(tree.body[dropped.number]), dropped.calls) for dropped in found]


@pytest.mark.parametrize("what", MATTER)
def test_what_may_change_what_layers_need_is_named(what):
    own = textwrap.dedent(MATTER[what])
    ((statement, _),) = find(GIVEN + own)[-1:]
    assert statement == ast.unparse(ast.parse(own).body[-1])


@pytest.mark.parametrize("statement", DO_NOT)
def test_training_tests_plots_and_what_layers_do_not_need_are_not(statement):
    assert find(f"{GIVEN}{statement}\n") == []


def test_what_was_made_by_such_a_call_is_not():
    text = "def set_up():\n    OPTIONS['a'] = Layer()\n    return 1\ndone = set_up()\nprint(done)\n"
    assert find(GIVEN + text) == [("done = set_up()", "set_up")]


@pytest.mark.parametrize(
    "use", ["from levels import set_level\nset_level(net)", "import levels\nlevels.set_level(net)"]
)
def test_what_another_module_of_the_students_own_changes_in_itself_is_named(use):
    module = ast.parse("LEVEL = 1\ndef set_level(n):\n    global LEVEL\n    LEVEL = n\ndef show(): return LEVEL\n").body
    text = f"{GIVEN}{use}\nfrom levels import show\nprint(show(), np.ones(3))\n"
    assert find(text, lambda name: module if name == "levels" else []) == [(use.split("\n")[1], "set_level")]


@pytest.fixture
def grade(course, grader):
    def grade(text, name="toy.py", **modules):
        submission = submit(course.root, "ada", text, name)
        for module, source in modules.items():
            (submission.path.parent / f"{module}.py").write_text(source)
        report = grader.grade(submission)
        assert report.status is ReportStatus.GRADED, report.notes
        return report

    return grade


# The right solution, which takes half of a number from a table that only a function fills.
FILLED = SOLUTION.replace("(x + HALF)", "(x + TABLE['half'])").replace(
    "class Scaler", "TABLE = {}\n\n\nclass Scaler", 1
)
SET_UP = """

def set_up():
    scaler = Scaler(3.0)
    TABLE["half"] = HALF


set_up()
"""


def was_run(report):
    """Whether a note says that what was left out counts for the grade."""
    return any("was run for this grade" in note for note in report.notes)


def test_what_is_left_out_is_run_where_marks_are_lost_without_it(grade):
    report = grade(FILLED + SET_UP)
    assert report.score == TOTAL
    line = (FILLED + SET_UP).rstrip().count("\n") + 1
    assert [note for note in report.notes if f"toy.py, line {line} is left out" in note and "set_up" in note]
    assert was_run(report)


def test_it_is_not_run_where_nothing_is_lost(grade):
    report = grade(SOLUTION + "\nTABLE = {}\nScaler.table = TABLE\n" + SET_UP + "raise SystemExit\n")
    assert report.score == TOTAL
    assert not was_run(report)


def test_the_better_of_the_two_counts(grade):
    # What is left out spoils the code here.
    spoils = SET_UP.replace('TABLE["half"] = HALF', 'TABLE["half"] = "nothing"')
    text = FILLED.replace("TABLE = {}", "TABLE = {'half': HALF}").replace("np.sum((", "2 * np.sum((")
    report = grade(text + spoils)
    assert 0 < report.score < TOTAL
    assert report.score == grade(text).score
    assert not was_run(report)


def test_what_never_ends_costs_no_marks(grade):
    endless = SET_UP.replace('TABLE["half"] = HALF', 'TABLE["half"] = HALF\n    while True: pass')
    assert grade(FILLED + endless).score == grade(FILLED + SET_UP.replace("set_up()\n", "", 2)).score


def test_the_same_in_cells_and_in_a_module_of_the_students_own(grade):
    assert grade(notebook(*(FILLED + SET_UP).split("\n\n\n")), "toy.ipynb").score == TOTAL
    report = grade("from layers import *\n", layers=FILLED + SET_UP)
    assert report.score == TOTAL
    assert [note for note in report.notes if "layers.py, line" in note]
