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


CLASSES = {
    "another required class is no misspelling": ("", PLAIN),
    "a class of one's own with a name far away is none": ("class ConvolutionHelper: pass\n", PLAIN),
    "another case": ("class convolutionalnetwork: pass\n", CLOSE.format("convolutionalnetwork")),
    "underscores": ("class Convolutional_Network: pass\n", CLOSE.format("Convolutional_Network")),
    "a letter less": ("class ConvolutionalNetwrk: pass\n", CLOSE.format("ConvolutionalNetwrk")),
    "two letters changed places": ("class ConvolutionalNetwrok: pass\n", CLOSE.format("ConvolutionalNetwrok")),
    "two letters too many": ("class ConvolutionalNetworkss: pass\n", CLOSE.format("ConvolutionalNetworkss")),
    "three letters too many": ("class ConvolutionalNetworksss: pass\n", PLAIN),
    "the nearest one is told": (
        "class ConvolutionalNetworkss: pass\nclass ConvolutionalNetworks: pass\n",
        CLOSE.format("ConvolutionalNetworks"),
    ),
    "a function of a close name is no class": ("def convolutional_network(): pass\n", PLAIN),
    "nested in another class": (
        f"class Mine:\n{indented(NETWORK)}",
        "ConvolutionalNetwork is not defined at the top: at cnn.py, line 4 it stands inside of Mine.",
    ),
    "nested in a function": (
        f"def make():\n    if True:\n    {indented(NETWORK)}",
        "ConvolutionalNetwork is not defined at the top: at cnn.py, line 5 it stands inside of make.",
    ),
    "a function where a class is asked for": (
        "def ConvolutionalNetwork(): pass\n",
        "ConvolutionalNetwork is a function (cnn.py, line 3), and a class is asked for.",
    ),
    "a number where a class is asked for": (
        "ConvolutionalNetwork = 3\n",
        "ConvolutionalNetwork is no class (cnn.py, line 3), and a class is asked for.",
    ),
    "only where the file is run as a program": (
        f"{MAIN}{indented(NETWORK)}",
        (
            'ConvolutionalNetwork is defined only where `__name__` is "__main__" (cnn.py, line 4), which it is not where your '
            "classes are tested."
        ),
    ),
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


def test_a_class_in_a_cell_that_cannot_be_read_is_not_blamed_on_spelling(notes):
    damaged = "x = (\nclass ConvolutionalNetwork(\n"
    told = notes(CONVOLUTION + POOLING, "class ConvolutionalNetworks: pass", damaged)
    assert told[-1] == (
        "ConvolutionalNetwork is not defined in what could be read: cell 3, line 2, where `class ConvolutionalNetwork` "
        "stands, could not be read."
    )


def test_a_class_that_was_left_out_of_a_damaged_module_is_not_blamed_on_spelling(notes):
    text = CONVOLUTION + POOLING + "\nclass ConvolutionalNetwork[: pass\n\nclass Other:\n    def f(self): pass\n"
    assert notes(text)[-1] == (
        "ConvolutionalNetwork is not defined in what could be read: cnn.py, line 4, where `class ConvolutionalNetwork` "
        "stands, could not be read."
    )


def test_where_something_could_not_be_read_a_class_is_missing_in_the_rest_only(notes):
    assert notes(CONVOLUTION + POOLING, "x = (")[-1] == "ConvolutionalNetwork is not defined in what could be read."


def test_where_a_notebook_is_cut_off_a_class_is_missing_in_the_rest_only(tmp_path):
    raw = notebook(CONVOLUTION + POOLING, NETWORK)
    raw = raw[: raw.index("class ConvolutionalNetwork")]
    told = extract(raw.encode(), "cnn.ipynb", WANTED, FolderFiles(tmp_path)).notes
    assert told[-1] == "ConvolutionalNetwork is not defined in what could be read."


def test_where_a_module_of_ones_own_is_left_out_a_class_is_missing_in_the_rest_only(notes, tmp_path):
    write(tmp_path / "layers.py", "x = (\n")
    told = notes(f"from layers import *\n{CONVOLUTION}{POOLING}")
    assert told[0] == "ConvolutionalNetwork is not defined in what could be read."


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
METHODS = {
    "all are there": (LAYER + FORWARD + VIEWS + BACKWARD, ()),
    "a close name": (
        LAYER + FORWARD + VIEWS + BACKWARD.replace("backward", "backwards"),
        (
            "Convolution2dLayer.backward is not defined, but Convolution2dLayer.backwards is: names count letter by letter.",
        ),
    ),
    "another case": (
        LAYER + FORWARD + BACKWARD + VIEWS.replace("X", "x"),
        (
            (
                "Convolution2dLayer._get_filtersizeXfiltersize_views is not defined, but "
                "Convolution2dLayer._get_filtersizexfiltersize_views is: names count letter by letter."
            ),
        ),
    ),
    "a name far away": (LAYER + FORWARD + BACKWARD + VIEWS.replace("_get_filtersizeXfiltersize_", "_"), ()),
    "none at all": (LAYER + FORWARD + VIEWS, ()),
    "inside of the method above": (
        LAYER + FORWARD.replace(" pass", "\n        y = x") + indented(BACKWARD) + VIEWS,
        (
            (
                "Convolution2dLayer.backward is not defined in the class: at cnn.py, line 4 it stands inside of "
                "Convolution2dLayer.forward."
            ),
        ),
    ),
    "outside of the class": (
        LAYER + FORWARD + VIEWS + BACKWARD.removeprefix("    "),
        ("Convolution2dLayer.backward is not defined in the class: at cnn.py, line 4 it stands outside.",),
    ),
    "outside, and put in": (
        LAYER + FORWARD + VIEWS + BACKWARD.removeprefix("    ") + "Convolution2dLayer.backward = backward\n",
        (),
    ),
    "outside, and put in by its name": (
        LAYER + FORWARD + VIEWS + BACKWARD.removeprefix("    ") + "setattr(Convolution2dLayer, 'backward', backward)\n",
        (),
    ),
    "by another name": (
        LAYER + FORWARD + VIEWS + BACKWARD.replace("backward", "backwards") + "    backward = backwards\n",
        (),
    ),
    "perhaps of a parent": (
        "class Mine: pass\n"
        + LAYER.replace(":", "(Mine):")
        + FORWARD
        + VIEWS
        + BACKWARD.replace("backward", "backwards"),
        (),
    ),
    "perhaps of a decorator": (
        "def add(c): return c\n@add\n" + LAYER + FORWARD + VIEWS + BACKWARD.replace("backward", "backwards"),
        (),
    ),
    "perhaps made when it is asked for": (
        LAYER + FORWARD + VIEWS + BACKWARD.replace("backward", "backwards") + "    def __getattr__(self, n): pass\n",
        (),
    ),
}


@pytest.mark.parametrize("case", METHODS)
def test_of_a_method_that_is_missing_no_more_is_told_than_is_certain(notes, case):
    text, told = METHODS[case]
    assert notes(text + POOLING + NETWORK) == told


def test_a_method_in_a_damaged_part_is_not_blamed_on_spelling(notes):
    text = LAYER + FORWARD + VIEWS + BACKWARD.replace("backward(", "backwards(") + "    def other(self, x): return (\n"
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
