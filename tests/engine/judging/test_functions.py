"""Assignments of plain functions: a submission is found, judged and told as one of classes is."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from cnn_assignment.authoring.scaffold import start_assignment, start_course
from cnn_assignment.core.layout import load_assignment
from cnn_assignment.core.model import ReportStatus
from cnn_assignment.running.client import GraderProcess
from judged_kit import lost, told
from toy_course import edit, notebook, submit

IMPORT = "import numpy as np\n"
FORWARD = "def linear_forward(x, weights, bias):\n    return x @ weights + bias, (x, weights)\n"
BACKWARD = """
def linear_backward(grad_output, cache):
    x, weights = cache
    return grad_output @ weights.T, x.T @ grad_output, grad_output.sum(axis=0)
"""
RIGHT = IMPORT + FORWARD + BACKWARD
GRADED_ALONE = "toy-backward was graded on its own: right functions stood in for your own linear_forward."
# A cache of their own kind: an object.
OWN_CACHE = """
class Cache:
    pass

def linear_forward(x, weights, bias):
    cache = Cache()
    cache.all = x, weights
    return x @ weights + bias, cache

def linear_backward(grad_output, cache):
    x, weights = cache.all
    return grad_output @ weights.T, x.T @ grad_output, grad_output.sum(axis=0)
"""


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    root = tmp_path_factory.mktemp("course")
    start_course(root)
    start_assignment(root, "toy", functions=True)
    return load_assignment(root, "toy")


@pytest.fixture(scope="module")
def grader(course):
    with GraderProcess(course) as grader:
        yield grader


@pytest.fixture
def grade(course, grader):
    def grade(text, name="toy.py"):
        report = grader.grade(submit(course.root, "ada", text, name))
        assert report.status is ReportStatus.GRADED, report.notes
        return report

    return grade


@pytest.mark.parametrize(
    "text",
    [
        RIGHT,
        OWN_CACHE,
        IMPORT + BACKWARD + FORWARD,
        IMPORT + "linear_forward = lambda x, weights, bias: (x @ weights + bias, (x, weights))\n" + BACKWARD,
        IMPORT + "def make(f):\n    return lambda *a: f(*a)\n@make\n" + FORWARD + BACKWARD,
        RIGHT + "\ndef train():\n    raise SystemExit\ntrain()\n",
        RIGHT + "\nfor _ in range(3):\n    print(linear_forward(np.ones((1, 1)), np.ones((1, 1)), np.ones(1)))\n",
    ],
)
def test_right_functions_earn_everything(grade, text):
    report = grade(text)
    assert (lost(report), report.notes) == ({}, ())


def test_right_functions_in_cells_earn_everything(grade):
    report = grade(notebook(IMPORT, FORWARD, "linear_forward(1, 2, 3)", BACKWARD), "toy.ipynb")
    assert lost(report) == {}


def test_a_wrong_forward_costs_its_own_task_and_no_other(grade):
    report = grade(RIGHT.replace(" + bias", ""))
    assert lost(report) == {"toy-forward": "failed"}


@pytest.mark.parametrize(
    "forward",
    [
        "",
        "linear_forward = 3\n",
        "def linear_forward(x, weights, bias):\n    raise ValueError\n",
        "def linear_forward(x, weights, bias):\n    raise NotImplementedError('toy-forward: fill in this gap')\n",
        "def linear_forward(x, weights, bias):\n    return x @ weights, None\n",
        "def linear_forward(x, weights, bias):\n    while True: pass\n",
        "def linear_forward(x, weights, bias):\n    import os; os._exit(1)\n",
        "import numpi\ndef linear_forward(x=numpi.x, weights=0, bias=0): pass\n",
    ],
)
def test_a_right_backward_is_graded_with_a_right_forward_where_there_is_no_cache(grade, forward):
    report = grade(IMPORT + forward + BACKWARD)
    assert told(report, "toy-backward")[0] == "passed"
    assert set(lost(report)) == {"toy-forward"}


def test_a_stand_in_is_what_code_at_the_top_and_in_classes_and_modules_calls(grade, course):
    # Each of these needs the forward, which is wrong, at another time and by another way.
    (course.root / "submitted/ada").mkdir(parents=True, exist_ok=True)
    (course.root / "submitted/ada/helper.py").write_text(
        "def linear_forward(x, weights, bias):\n    return None, None\n\n"
        "def again(*args):\n    return linear_forward(*args)[1]\n",
        encoding="utf-8",
    )
    text = f"""{IMPORT}from helper import again, linear_forward

AT_LOAD = linear_forward(np.ones((2, 1)), weights=np.ones((1, 3)), bias=np.zeros(3))[0].sum()

class Layer:
    def run(self, *args):
        return linear_forward(*args)[1]

def linear_backward(grad_output, cache):
    x, weights = Layer().run(*cache, np.zeros(cache[1].shape[1]))
    x, weights = again(x, weights, np.zeros(weights.shape[1]))
    return (AT_LOAD == 6) * grad_output @ weights.T, x.T @ grad_output, grad_output.sum(axis=0)
"""
    report = grade(text)
    assert set(lost(report)) == {"toy-forward"}, told(report, "toy-backward")
    (course.root / "submitted/ada/helper.py").unlink()


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (IMPORT + BACKWARD, "linear_forward is not defined."),
        (
            IMPORT + FORWARD.replace("linear_forward", "linear_foward") + BACKWARD,
            "linear_forward is not defined, but linear_foward is: names count letter by letter.",
        ),
        (
            IMPORT + "class linear_forward: pass\n" + BACKWARD,
            "linear_forward is a class (toy.py, line 2), and a function is asked for.",
        ),
        (
            IMPORT + "linear_forward = [1]\n" + BACKWARD,
            "linear_forward is no function (toy.py, line 2), and a function is asked for.",
        ),
        (
            IMPORT + "class Layer:\n    def linear_forward(x, weights, bias): pass\n" + BACKWARD,
            "linear_forward is not defined at the top: at toy.py, line 3 it stands inside of Layer.",
        ),
    ],
)
def test_a_function_that_is_not_there_is_told_as_it_is(grade, text, note):
    report = grade(text)
    assert report.notes == (note, GRADED_ALONE)
    assert set(lost(report)) == {"toy-forward"}


def test_a_file_without_the_functions_is_unreadable_and_told_so(course, grader):
    report = grader.grade(submit(course.root, "ada", "class linear: pass\n"))
    assert report.status is ReportStatus.UNREADABLE
    assert "none of the functions linear_forward, linear_backward is defined" in report.notes[0]


def test_functions_in_a_text_cell_are_found(grade):
    book = json.loads(notebook(IMPORT, FORWARD, BACKWARD))
    book["cells"][1]["cell_type"] = "raw"
    report = grade(json.dumps(book), "toy.ipynb")
    assert lost(report) == {}
    assert any("is not run as Python" in note for note in report.notes)


def test_a_name_is_a_class_or_a_function_as_the_solution_says(course, tmp_path):
    start_course(tmp_path / "other")
    start_assignment(tmp_path / "other", "toy", functions=True)
    settings = tmp_path / "other/autograder/toy/assignment.toml"
    edit(settings, "# classes = []\nfunctions = ", "classes = ")
    found = load_assignment(tmp_path / "other", "toy")
    assert found == replace(load_assignment(course.root, "toy"), root=found.root)
    assert found.functions == ("linear_forward", "linear_backward")
