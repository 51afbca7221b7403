"""What is told of a class or a method that is not there: the fact, and a reason only where it is certain."""

from __future__ import annotations

import pytest

import toy_course
from cnn_assignment.core.errors import UnreadableSubmissionError
from cnn_assignment.running.pool import GraderProcess
from cnn_assignment.submissions.extracting.extract import extract
from cnn_assignment.submissions.plain.folder import FolderFiles
from cnn_assignment.submissions.plain.values import Wanted
from toy_course import notebook, submit, write

WANTED = Wanted(
    ("Convolution2dLayer", "MaxPooling2dLayer", "ConvolutionalNetwork"),
    methods={"Convolution2dLayer": ("forward", "backward", "_get_filtersizeXfiltersize_views")},
)
CONVOLUTION = "class Convolution2dLayer: pass\n"
POOLING = "class MaxPooling2dLayer: pass\n"
NETWORK = "class ConvolutionalNetwork: pass\n"
PLAIN = "ConvolutionalNetwork is not defined."
CLOSE = "ConvolutionalNetwork is not defined, but {} is: names count letter by letter."
MAIN = 'if __name__ == "__main__":\n'


@pytest.fixture
def notes(tmp_path):
    """What is told of a module, or of a notebook where there are several texts."""

    def notes(*texts, wanted=WANTED):
        name = "cnn.py" if len(texts) == 1 else "cnn.ipynb"
        text = texts[0] if len(texts) == 1 else notebook(*texts)
        return extract(text.encode(), name, wanted, FolderFiles(tmp_path)).notes

    return notes


def indented(text):
    return "".join(f"    {line}\n" for line in text.splitlines())


INSIDE = "ConvolutionalNetwork is not defined at the top: at cnn.py, line {} it stands inside of {}."
ASKED = "ConvolutionalNetwork is {} (cnn.py, line 3), and a class is asked for."
MAIN_ONLY = (
    'ConvolutionalNetwork is defined only where `__name__` is "__main__" (cnn.py, line 4), which it is not where your '
    "classes are tested."
)
MANY = "class ConvolutionalNetworkss: pass\n"
CLASSES = {
    "another required class is no misspelling": ("", PLAIN),
    "a class of one's own with a name far away is none": ("class ConvolutionHelper: pass\n", PLAIN),
    "three letters too many": ("class ConvolutionalNetworksss: pass\n", PLAIN),
    "a function of a close name is no class": ("def convolutional_network(): pass\n", PLAIN),
    **{
        f"{what}: {name}": (f"class {name}: pass\n", CLOSE.format(name))
        for what, name in (
            ("another case", "convolutionalnetwork"),
            ("underscores", "Convolutional_Network"),
            ("a letter less", "ConvolutionalNetwrk"),
            ("two letters changed places", "ConvolutionalNetwrok"),
            ("two letters too many", "ConvolutionalNetworkss"),
        )
    },
    "the nearest one is told": (MANY + MANY.replace("ss:", "s:"), CLOSE.format("ConvolutionalNetworks")),
    "nested in another class": (f"class Mine:\n{indented(NETWORK)}", INSIDE.format(4, "Mine")),
    "nested in a function": (f"def make():\n    if True:\n    {indented(NETWORK)}", INSIDE.format(5, "make")),
    "a function where a class is asked for": ("def ConvolutionalNetwork(): pass\n", ASKED.format("a function")),
    "a number where a class is asked for": ("ConvolutionalNetwork = 3\n", ASKED.format("no class")),
    "only where the file is run as a program": (f"{MAIN}{indented(NETWORK)}", MAIN_ONLY),
}


@pytest.mark.parametrize("case", CLASSES)
def test_of_a_class_that_is_missing_no_more_is_told_than_is_certain(notes, case):
    text, told = CLASSES[case]
    assert notes(CONVOLUTION + POOLING + text) == (told,)


FINE = {
    "by another name for it": "class Mine: pass\nConvolutionalNetwork = Mine\n",
    "by a call": "ConvolutionalNetwork = type('ConvolutionalNetwork', (), {})\n",
    "by a decorator that may make a class": "def make(f): return object\n@make\ndef ConvolutionalNetwork(): pass\n",
    "twice": NETWORK + NETWORK,
    "once as a function, then as a class": f"def ConvolutionalNetwork(): pass\n{NETWORK}",
    "once for programs, and once for all": f"{MAIN}{indented(NETWORK)}{NETWORK}",
    "for programs and for all others": f"{MAIN}{indented(NETWORK)}else:\n{indented(NETWORK)}",
    "in a branch": f"if True:\n{indented(NETWORK)}",
}


@pytest.mark.parametrize("case", FINE)
def test_of_a_class_that_is_there_nothing_is_told(notes, case):
    assert notes(CONVOLUTION + POOLING + FINE[case]) == ()


REST = "ConvolutionalNetwork is not defined in what could be read"
STANDS = REST + ": {}, where `class ConvolutionalNetwork` stands, could not be read."
FIRST = CONVOLUTION + POOLING
DAMAGED = FIRST + "\nclass ConvolutionalNetwork[: pass\n\nclass Other:\n    def f(self): pass\n"
SPELT = "class ConvolutionalNetworks: pass"
# Texts in which something could not be read, and what is told of the class: that it is misspelt is not certain.
UNREAD = {
    "its cell is damaged": ([FIRST, SPELT, "x = (\nclass ConvolutionalNetwork(\n"], STANDS.format("cell 3, line 2")),
    "it was left out of a damaged module": ([DAMAGED], STANDS.format("cnn.py, line 4")),
    "another cell is damaged": ([FIRST, "x = ("], f"{REST}."),
    "a module of one's own is left out": ([f"from layers import *\n{FIRST}"], f"{REST}."),
}


@pytest.mark.parametrize("case", UNREAD)
def test_where_something_could_not_be_read_a_class_is_missing_in_the_rest_only(notes, tmp_path, case):
    write(tmp_path / "layers.py", "x = (\n")
    texts, told = UNREAD[case]
    assert told in notes(*texts)


def test_where_a_notebook_is_cut_off_a_class_is_missing_in_the_rest_only(tmp_path):
    raw = notebook(FIRST, NETWORK)
    raw = raw[: raw.index("class ConvolutionalNetwork")]
    assert extract(raw.encode(), "cnn.ipynb", WANTED, FolderFiles(tmp_path)).notes[-1] == f"{REST}."


def test_where_all_classes_are_missing_those_that_are_close_are_told(tmp_path):
    with pytest.raises(UnreadableSubmissionError) as caught:
        extract(b"class scaler: pass\n", "toy.py", Wanted(("Scaler",)), FolderFiles(tmp_path))
    assert str(caught.value) == (
        "none of the classes Scaler is defined. Scaler is not defined, but scaler is: names count letter by letter."
    )


FORWARD = "    def forward(self, x): pass\n"
VIEWS = "    def _get_filtersizeXfiltersize_views(self, x): pass\n"
BACKWARD = "    def backward(self, cache, grad_output): pass\n"
LAYER = "class Convolution2dLayer:\n"
ALL_BUT_ONE = LAYER + FORWARD + VIEWS
OUTSIDE, SPELT_SO = BACKWARD.removeprefix("    "), BACKWARD.replace("backward", "backwards")
SPELLING = "Convolution2dLayer.{} is not defined, but Convolution2dLayer.{} is: names count letter by letter."
ELSEWHERE = "Convolution2dLayer.backward is not defined in the class: at cnn.py, line 4 it stands {}."
VIEWS_SO = ("_get_filtersizeXfiltersize_views", "_get_filtersizexfiltersize_views")
# The class, and what is told of its methods.
METHODS = {
    "all are there": (ALL_BUT_ONE + BACKWARD,),
    "a close name": (ALL_BUT_ONE + SPELT_SO, SPELLING.format("backward", "backwards")),
    "another case": (LAYER + FORWARD + BACKWARD + VIEWS.replace(*VIEWS_SO), SPELLING.format(*VIEWS_SO)),
    "a name far away": (LAYER + FORWARD + BACKWARD + VIEWS.replace("_get_filtersizeXfiltersize_", "_"),),
    "none at all": (ALL_BUT_ONE,),
    "inside of the method above": (
        LAYER + FORWARD.replace(" pass", "\n        y = x") + indented(BACKWARD) + VIEWS,
        ELSEWHERE.format("inside of Convolution2dLayer.forward"),
    ),
    "outside of the class": (ALL_BUT_ONE + OUTSIDE, ELSEWHERE.format("outside")),
    "outside, and put in": (ALL_BUT_ONE + OUTSIDE + "Convolution2dLayer.backward = backward\n",),
    "outside, and put in by its name": (ALL_BUT_ONE + OUTSIDE + "setattr(Convolution2dLayer, 'backward', backward)\n",),
    "by another name": (ALL_BUT_ONE + SPELT_SO + "    backward = backwards\n",),
    "perhaps of a parent": ("class Mine: pass\n" + ALL_BUT_ONE.replace("Layer:", "Layer(Mine):") + SPELT_SO,),
    "perhaps of a decorator": ("def add(c): return c\n@add\n" + ALL_BUT_ONE + SPELT_SO,),
    "perhaps made when it is asked for": (ALL_BUT_ONE + SPELT_SO + "    def __getattr__(self, n): pass\n",),
}


@pytest.mark.parametrize("case", METHODS)
def test_of_a_method_that_is_missing_no_more_is_told_than_is_certain(notes, case):
    text, *told = METHODS[case]
    assert notes(text + POOLING + NETWORK) == tuple(told)


def test_a_method_in_a_damaged_part_is_not_blamed_on_spelling(notes):
    text = ALL_BUT_ONE + SPELT_SO + "    def other(self, x): return (\n"
    assert not any("letter by letter" in note for note in notes(text + POOLING + NETWORK))


# Through the grader


def messages(report, task):
    return {test.message for found in report.tasks if found.id == task for test in found.tests}


FAILING = toy_course.SOLUTION.replace("class Cutter:", "class Cutter:\n    size = undefined\n")
LINE = 1 + FAILING[: FAILING.index("class Cutter")].count("\n")


def test_of_a_class_whose_statement_failed_the_tests_say_so(course, grader):
    report = grader.grade(submit(course.root, "ada", FAILING))
    assert messages(report, "cut") == {
        f"Cutter is not defined, because the statement that defines it failed (toy.py, line {LINE})"
    }
    assert report.notes == (
        f"This statement failed when your code was loaded: toy.py, line {LINE}: NameError: name 'undefined' is not defined",
    )


def test_of_a_class_that_one_of_two_statements_defined_nothing_is_told_but_the_failure(course, grader):
    report = grader.grade(submit(course.root, "ada", f"{toy_course.SOLUTION}\n\nclass Cutter:\n    size = undefined\n"))
    assert report.score == toy_course.TOTAL


def test_a_class_for_programs_only_is_told_in_a_note(course, grader):
    text = toy_course.SOLUTION.replace("class Cutter:", f"{MAIN}    class Cutter:")
    head, cutter = text.split(MAIN)
    report = grader.grade(submit(course.root, "ada", head + MAIN + cutter.replace("\n    ", "\n        ")))
    assert messages(report, "cut") == {"Cutter is not defined"}
    assert report.notes[0].startswith('Cutter is defined only where `__name__` is "__main__" (toy.py, line ')


def test_a_method_of_a_close_name_is_told_where_the_release_tells_its_names(course, grader):
    release = notebook(toy_course.SOLUTION)
    write(course.release_file, release)
    text = toy_course.SOLUTION.replace("def backward", "def backwards")
    with GraderProcess(course) as fresh:
        report = fresh.grade(submit(course.root, "ada", text))
    assert report.notes == ("Scaler.backward is not defined, but Scaler.backwards is: names count letter by letter.",)
