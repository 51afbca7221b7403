"""Intake: any file that a student may hand in becomes the code of its layers, or a reason in words."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

import toy_course
from cnn_assignment.errors import UnreadableSubmissionError
from cnn_assignment.grading.attempt import Attempt
from cnn_assignment.intake import lift_file
from cnn_assignment.intake.parsing import SOURCE_CAP
from cnn_assignment.sandbox.host import CallRaised, Sandbox
from cnn_assignment.sandbox.proxies import fetch
from toy_course import notebook, write

# Two classes, as small as they come.
SMALL = "class Scaler: pass\nclass Cutter: pass\n"


@pytest.fixture(scope="module")
def assignment(tmp_path_factory):
    return toy_course.make_course(tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def lift(assignment, tmp_path):
    """Hand in a text as a notebook or a module."""

    def lift(text, name="toy.py"):
        return lift_file(write(tmp_path / name, text), assignment)

    return lift


@pytest.fixture
def load(lift, assignment, sandbox):
    """Hand in a text, run what was lifted, and give the module and the notes."""
    attempts = []

    def load(text, name="toy.py"):
        code = lift(text, name)
        attempts.append(Attempt(sandbox, assignment, code))
        module = attempts[-1].converse().module()
        fetch(module.__getattr__("Scaler"))
        return module, (*code.notes, *attempts[-1].notes)

    yield load
    for attempt in attempts:
        attempt.close()


def in_cells(text):
    return notebook(*text.split("\n\n\n"))


def kept(code):
    """The labels, and how many statements of each are kept."""
    return {chunk.label: len(chunk.keep) for chunk in code.chunks}


HOSTILE_AROUND = """
print("hello"); input("name? ")
import matplotlib.pyplot as plt, numpy as np
plt.plot([1, 2])
while True:
    pass
"""


@pytest.mark.parametrize("name", ["toy.py", "toy.ipynb"])
def test_the_solution_works_without_the_code_around_it(load, name):
    text = f"{HOSTILE_AROUND}\n\n\n{toy_course.SOLUTION}\n\n\n{HOSTILE_AROUND}"
    module, notes = load(in_cells(text) if name.endswith("ipynb") else text, name)
    assert fetch(module.Scaler(2.0).forward(np.array([1.0]))["out"]).tolist() == [3.0]
    assert notes == ()


ENCODED = 'GREETING = "ä"\nclass Scaler:\n    def greet(self): return GREETING\nclass Cutter: pass\n'


@pytest.mark.parametrize(
    "raw",
    [
        ENCODED.encode(),
        b"\xef\xbb\xbf" + ENCODED.encode(),
        b"# -*- coding: latin-1 -*-\n" + ENCODED.encode("latin-1"),
        b"#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\n" + ENCODED.encode("cp1252"),
        ENCODED.replace("\n", "\r\n").encode(),
        ENCODED.replace("\n", "\r").encode(),
        ENCODED.replace("    ", "\t").encode(),
        ENCODED.rstrip("\n").encode(),
        b"\x0c\n" + ENCODED.encode(),
    ],
    ids=["utf-8", "BOM", "latin-1", "cp1252", "CRLF", "CR", "tabs", "no last newline", "form feed"],
)
def test_a_module_may_have_any_line_ends_and_any_declared_encoding(load, raw):
    module, notes = load(raw)
    assert fetch(module.Scaler().greet()) == "ä"
    assert notes == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("try:\n    import torch as t\nexcept ImportError:\n    t = 7\nA = t", 7),
        ("from math import *\nA = floor(7.5)", 7),
        ("from __future__ import annotations\ndef f(x: Undefined): return 7\nA = f(0)", 7),
        ("from dataclasses import dataclass\n@dataclass\nclass P:\n    n: int = 7\nA = P().n", 7),
        ("f = lambda n: [n for n in range(n)][-1]\nA = f(8)", 7),
        ("B = [last := n for n in range(8)]\nA = last", 7),
        ("A = 1; A = A + 6", 7),
        ("COUNT = 6\ndef up():\n    global COUNT\n    COUNT += 1\n    return COUNT\nA = up()", 7),
        ("A = 3\nA = 7", 7),
        ("T = {}\nT['a'] = 7\nA = T['a']", 7),
        ("import numpy as np, matplotlib.pyplot as plt\nA = int(np.floor(7.5))", 7),
        ("from given import HALF\nA = int(HALF * 14)", 7),
    ],
)
def test_what_layers_refer_to_behaves_as_it_was_written(load, text, expected):
    module, notes = load(f"{text}\nclass Scaler:\n    def a(self): return A\nclass Cutter: pass")
    assert fetch(module.Scaler().a()) == expected
    assert notes == ()


@pytest.mark.parametrize("attach", ["Scaler.a = f", "setattr(Scaler, 'a', f)", "Scaler.a = lambda self: f(self)"])
def test_methods_may_be_attached_in_a_later_cell(load, attach):
    module, _ = load(
        notebook(SMALL, "def f(self):\n    return helper()", attach, "def helper(): return 7"), "toy.ipynb"
    )
    assert fetch(module.Scaler().a()) == 7


def test_of_several_definitions_the_last_wins(load):
    cells = ["class Scaler:\n    def a(self): return 1\nclass Cutter: pass", "class Scaler:\n    def a(self): return 2"]
    assert fetch(load(notebook(*cells), "toy.ipynb")[0].Scaler().a()) == 2


def test_a_statement_that_fails_when_loaded_is_told_and_costs_only_itself(load):
    module, notes = load(
        "\n\nA = 1 / 0\nclass Scaler:\n    def a(self): return A\n    def b(self): return 7\nclass Cutter: pass"
    )
    assert fetch(module.Scaler().b()) == 7
    assert notes == (
        "This statement failed when your code was loaded: toy.py, line 3: ZeroDivisionError: division by zero",
    )


def test_an_import_of_what_grading_does_not_offer_hurts_only_what_uses_it(load):
    module, notes = load(
        "import torch\nclass Scaler:\n    def a(self): return torch.x\n    def b(self): return 7\nclass Cutter: pass"
    )
    assert fetch(module.Scaler().b()) == 7
    with pytest.raises(CallRaised, match="torch is not available when this assignment is graded"):
        fetch(module.Scaler().a())
    assert "torch is not available" in notes[0]


# Line numbers

FAULTY = "class Scaler:\n    def a(self):\n        return 1 / 0\nclass Cutter: pass"


@pytest.mark.parametrize(
    ("text", "name", "place"),
    [
        ("\n\n" + FAULTY, "toy.py", ("toy.py", 5)),
        ("\ufeff" + FAULTY, "toy.py", ("toy.py", 3)),
        ("import numpy as np; x = 1\n" + FAULTY.replace("\n", "\r\n"), "toy.py", ("toy.py", 4)),
        (notebook("print(1)", FAULTY), "toy.ipynb", ("cell 2", 3)),
        (notebook("%matplotlib inline\n" + FAULTY), "toy.ipynb", ("cell 1", 4)),
        (notebook("\n\n%matplotlib inline\n!ls\n" + FAULTY), "toy.ipynb", ("cell 1", 7)),
        (notebook("%%time\n" + FAULTY), "toy.ipynb", ("cell 1", 4)),
        (notebook("\n%%capture out\n%cd x\n" + FAULTY), "toy.ipynb", ("cell 1", 6)),
    ],
)
def test_errors_name_the_students_own_line(load, text, name, place):
    module, _ = load(text, name)
    with pytest.raises(CallRaised, match="division by zero") as caught:
        fetch(module.Scaler().a())
    assert caught.value.place == place


def test_cells_are_counted_with_the_text_cells(lift):
    book = json.loads(notebook("1", SMALL))
    book["cells"].insert(0, {"cell_type": "markdown", "source": "# class Scaler", "metadata": {}})
    assert kept(lift(json.dumps(book), "toy.ipynb")) == {"cell 3": 2}


# Notebooks


@pytest.mark.parametrize(
    "magic",
    [
        "%matplotlib inline",
        "!pip install torch",
        "files = !ls",
        "n = %timeit -o 1",
        "Scaler?",
        "?Scaler",
        "if True:\n    %time x = 1",
        "%%bash\nls $HOME; if [ 1 ]; then",
        "%%html\n<b>",
        "%%writefile notes.py\nclass Scaler: wrong",
        "%load_ext autoreload\n%autoreload 2",
    ],
)
def test_magics_and_shell_lines_do_not_stand_in_the_way(load, magic):
    module, notes = load(
        notebook(magic, f"{magic}\n" if magic.startswith("%%") else f"{magic}\nX = 1", SMALL), "toy.ipynb"
    )
    fetch(module.Scaler())
    assert notes == ()


def test_a_class_in_the_same_cell_as_a_magic_is_lifted(lift):
    assert kept(lift(notebook(f"%matplotlib inline\n{SMALL}!ls"), "toy.ipynb")) == {"cell 1": 2}


def test_a_cell_that_is_not_python_is_told_and_costs_nothing(load):
    module, notes = load(notebook("def f(:", SMALL, "for"), "toy.ipynb")
    fetch(module.Scaler())
    assert notes == (
        "cell 1 is left out, because it is not valid Python: invalid syntax (line 1).",
        "cell 3 is left out, because it is not valid Python: invalid syntax (line 1).",
    )


def test_a_missing_class_is_told(lift):
    assert lift("class Cutter: pass").notes == ("Scaler is not defined.",)


def test_source_may_be_a_list_of_lines(lift):
    book = json.loads(notebook(""))
    book["cells"][0]["source"] = SMALL.splitlines(keepends=True)
    assert kept(lift(json.dumps(book), "toy.ipynb")) == {"cell 1": 2}


def test_a_notebook_of_format_3_is_read(lift):
    cell = {"cell_type": "code", "input": SMALL, "language": "python", "outputs": [], "collapsed": False}
    book = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [{"cells": [cell]}]}
    assert kept(lift(json.dumps(book), "toy.ipynb")) == {"cell 1": 2}


def test_a_notebook_may_have_a_byte_order_mark(lift):
    assert kept(lift("\ufeff" + notebook(SMALL), "toy.ipynb")) == {"cell 1": 2}


@pytest.mark.parametrize(
    "cell",
    [
        {"cell_type": "code"},
        {"cell_type": "code", "source": None},
        {"cell_type": "code", "source": [1, None]},
        {"cell_type": "code", "source": {"a": 1}},
        {"cell_type": "code", "source": "x = '\ud800'"},
        {"cell_type": ["code"], "source": "x"},
        {},
        "x = 1",
        None,
    ],
)
def test_odd_cells_cost_nothing(lift, cell):
    book = json.loads(notebook(SMALL))
    book["cells"].append(cell)
    assert kept(lift(json.dumps(book), "toy.ipynb")) == {"cell 1": 2}


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "not JSON"),
        (b"I could not do it.", "not a notebook: it is not JSON"),
        (b"<!DOCTYPE html>\n<html>", "toy.ipynb is a web page, and not a notebook: it is not JSON"),
        (b"PK\x03\x04rest", "toy.ipynb is a zip archive"),
        (b"%PDF-1.7", "toy.ipynb is a PDF document"),
        (b'{"cells": [', "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "JSON, but not a notebook"),
        (b"3", "JSON, but not a notebook"),
        (b'{"a": 1}', "JSON, but not a notebook"),
        (b'{"nbformat": "four"}', "no code cells"),
        (b'{"nbformat": 99, "cells": []}', "no code cells"),
        (b'{"nbformat": 4}', "no code cells"),
        (b'{"nbformat": 4, "cells": null}', "no code cells"),
        (b'{"nbformat": 4, "cells": {"a": 1}}', "no code cells"),
        (notebook().encode(), "no code cells"),
        (notebook("x = 1").encode(), "none of the classes Scaler, Cutter is defined"),
        (notebook("class Scaler(:").encode(), "cell 1 is left out, because it is not valid Python"),
        (notebook(*["x = 1\n" * (SOURCE_CAP // 60)] * 11).encode(), "characters of code"),
    ],
)
def test_a_notebook_that_cannot_be_read_has_a_reason(lift, raw, reason):
    with pytest.raises(UnreadableSubmissionError, match=reason):
        lift(raw, "toy.ipynb")


DEEP = 10_000


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "none of the classes Scaler, Cutter is defined"),
        (b"\n# only a comment\n", "none of the classes Scaler, Cutter is defined"),
        (b"class Scaler(:\n  pass", r"toy.py is not valid Python: .* \(line 1\)"),
        (b"x = 1\n  y = 2\n", r"not valid Python: unexpected indent \(line 2\)"),
        (b"if 1:\n\tx = 1\n        y = 1\n", r"not valid Python: inconsistent use of tabs .*\(line 3\)"),
        (b"return 1\n" + SMALL.encode(), r"'return' outside function \(line 1\)"),
        (SMALL.encode() + b"x = \x00\n", "not valid Python: .*null byte"),
        (b"\xff\xfe\x00", "not text in UTF-8"),
        (SMALL.encode("utf-16"), "not text in UTF-8"),
        (b"# coding: klingon\n" + SMALL.encode(), "not text in UTF-8 or in the encoding"),
        (b"# coding: hex\n" + SMALL.encode(), "not text in UTF-8 or in the encoding"),
        (b"# coding: undefined\n" + SMALL.encode(), "not text in UTF-8 or in the encoding"),
        (b"# coding: idna\n\xff" + SMALL.encode(), "not text in UTF-8 or in the encoding"),
        (b"# coding: ascii\nx = '\xe4'\n" + SMALL.encode(), "not text in UTF-8 or in the encoding"),
        (b"x = 1\n" * (3 * 2**20 // 6), "more than 2097152 characters of code"),
        (b"x = " + b"(" * DEEP + b")" * DEEP, "not valid Python: too many nested parentheses"),
        (b"x = " + b"-" * DEEP + b"1", "not valid Python"),
        (b"x = y" + b".a" * DEEP, "not valid Python"),
        (b"x = 1" + b"1" * DEEP, "not valid Python: Exceeds the limit"),
    ],
)
def test_a_module_that_cannot_be_read_has_a_reason(lift, raw, reason):
    with pytest.raises(UnreadableSubmissionError, match=reason):
        lift(raw)


def test_a_deep_expression_beside_the_layers_costs_nothing(lift):
    deep = "x = " + "[" * 80 + "]" * 80 + "\nz = " + "-" * (sys.getrecursionlimit() // 3) + "1\n"
    assert kept(lift(f"{deep}{SMALL}")) == {"toy.py": 2}


@pytest.mark.parametrize(
    "cell", ["x = " + "(" * DEEP, "x = " + "-" * DEEP + "1", "x\0", "!ls\n" * 50_000, "'" * DEEP, "\\" * DEEP]
)
def test_a_monstrous_cell_is_left_out_with_a_note(lift, cell):
    code = lift(notebook(cell, SMALL), "toy.ipynb")
    assert kept(code) == {"cell 2": 2}
    assert code.notes[0].startswith("cell 1 is left out, because it is not valid Python")


def test_a_folder_in_the_place_of_the_file_is_an_error_of_the_system(assignment, tmp_path):
    # Scoring tells the student; here it must only not be taken for code.
    with pytest.raises(IsADirectoryError, match="Is a directory"):
        lift_file(tmp_path, assignment)


def test_syntax_warnings_of_students_are_nobodys(lift):
    assert kept(lift(f'x = "\\d" is 1\n{SMALL}')) == {"toy.py": 2}
