"""Intake: any file that a student may hand in becomes the code of its layers, or a reason in words."""

from __future__ import annotations

import ast
import itertools
import json
import sys

import numpy as np
import pytest
import sandbox_kit
import toy_course
from hypothesis import given
from hypothesis import strategies as st
from toy_course import notebook, write

from cnn_assignment.core.errors import UnreadableSubmissionError
from cnn_assignment.judging.session import Attempt
from cnn_assignment.sandbox.client.host import Sandbox
from cnn_assignment.sandbox.client.protocol import CallRaised
from cnn_assignment.sandbox.client.proxies import fetch
from cnn_assignment.submissions import lift_file
from cnn_assignment.submissions.python.parsing import SOURCE_CAP

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
        module = sandbox_kit.converse(attempts[-1])
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


FUTURE = "from __future__ import annotations\nprint(1)"
HINTED = "class Scaler:\n    def a(self, x: Undefined = 7) -> Missing: return x\n\n\nclass Cutter: pass"


@pytest.mark.parametrize("before", [FUTURE, f"import numpy as np\n\n\n{FUTURE}", f"{FUTURE}\n\n\nx = 1"])
def test_cells_go_on_with_the_future_imports_of_those_above(load, before):
    module, notes = load(in_cells(f"{before}\n\n\n{HINTED}"), "toy.ipynb")
    assert fetch(module.Scaler().a()) == 7
    assert notes == ()


def test_a_future_import_says_nothing_of_the_cells_above_it(load):
    # As in the notebook itself, the class is not there.
    with pytest.raises(CallRaised, match="has no attribute 'Scaler'"):
        load(in_cells(f"{HINTED}\n\n\n{FUTURE}"), "toy.ipynb")


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
        (
            notebook(*["x = 1\n" * (SOURCE_CAP // 60)] * 11).encode(),
            "cell 1 is left out, because the notebook holds more",
        ),
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
        (b"return 1\n", r"'return' outside function \(line 1\)"),
        (b"x = \x00\n", "not valid Python: .*null byte"),
        (b"\xff\xfe\x00", "not text in UTF-8"),
        (SMALL.encode("utf-16"), "not text in UTF-8"),
        (b"# coding: klingon\n" + SMALL.encode(), "not text in UTF-8 or in the encoding"),
        (b"# coding: hex\n" + SMALL.encode(), "not text in UTF-8 or in the encoding"),
        (b"# coding: undefined\n" + SMALL.encode(), "not text in UTF-8 or in the encoding"),
        (b"# coding: idna\n\xff" + SMALL.encode(), "not text in UTF-8 or in the encoding"),
        (b"# coding: ascii\nx = '\xe4'\n" + SMALL.encode(), "not text in UTF-8 or in the encoding"),
        (b"x = 1\n" * (3 * 2**20 // 6), f"more than {SOURCE_CAP} characters of code"),
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


@pytest.mark.parametrize("damage", ["return 1\n", "x = \x00\n", "x = (\n", "  x = 2\n"])
def test_a_damaged_line_beside_the_layers_costs_nothing_and_is_told(lift, damage):
    for text, line in ((f"{SMALL}{damage}", SMALL.count("\n") + 1), (f"{damage}{SMALL}", 1)):
        code = lift(text)
        assert kept(code) == {"toy.py": 2}
        (note,) = code.notes
        assert note.startswith(f"toy.py, line {line}: ")


def test_a_folder_in_the_place_of_the_file_is_an_error_of_the_system(assignment, tmp_path):
    # Scoring tells the student; here it must only not be taken for code.
    with pytest.raises(IsADirectoryError, match="Is a directory"):
        lift_file(tmp_path, assignment)


def test_syntax_warnings_of_students_are_nobodys(lift):
    assert kept(lift(f'x = "\\d" is 1\n{SMALL}')) == {"toy.py": 2}


# What was damaged, cut, copied, moved or renamed


CLASSES = ("Scaler", "Cutter")
TOY = toy_course.SOLUTION


def book_of(*cells, marks=(), kinds=()):
    """A notebook as JSON; marks: for cells their grade_id, kinds: for cells their kind."""
    book = json.loads(notebook(*cells))
    for number, name in dict(marks).items():
        book["cells"][number]["metadata"] = {"nbgrader": {"grade_id": name}}
    for number, kind in dict(kinds).items():
        book["cells"][number]["cell_type"] = kind
    return json.dumps(book)


def classes_in(code):
    """The last definition of each class, as the worker would have it, told by its text."""
    found = {}
    for chunk in code.chunks:
        body = ast.parse(chunk.source).body
        for index, _ in chunk.keep:
            if isinstance(body[index], ast.ClassDef):
                found[body[index].name] = ast.unparse(body[index])
    return found


WHOLE = {
    statement.name: ast.unparse(statement) for statement in ast.parse(TOY).body if isinstance(statement, ast.ClassDef)
}
# Between two methods, two statements, or the lines of one loop: all places but those inside of texts and brackets.
CUTS = [number for number, line in enumerate(TOY.split("\n")) if number and line.strip() and '"""' not in line]


@given(st.sets(st.sampled_from(CUTS), min_size=1, max_size=4), st.booleans())
def test_a_notebook_that_is_cut_anywhere_is_read_as_it_was(tmp_path_factory, assignment, cuts, with_ids):
    lines = TOY.split("\n")
    places = [0, *sorted(cuts), len(lines)]
    cells = ["\n".join(lines[first:last]) for first, last in itertools.pairwise(places)]
    ids = dict.fromkeys(range(len(cells)), "toy") if with_ids else {}
    path = write(tmp_path_factory.mktemp("cut") / "toy.ipynb", book_of(*cells, marks=ids))
    assert classes_in(lift_file(path, assignment)) == WHOLE


@given(st.permutations(TOY.split("\n\n\n")))
def test_the_order_of_cells_does_not_matter(tmp_path_factory, assignment, cells):
    path = write(tmp_path_factory.mktemp("shuffled") / "toy.ipynb", notebook(*cells))
    assert classes_in(lift_file(path, assignment)) == WHOLE


JSON = notebook("import numpy", *TOY.split("\n\n\n"), "plot()")


@given(st.integers(0, len(JSON)), st.binary(max_size=6))
def test_any_damage_to_the_text_gives_code_or_a_reason(tmp_path_factory, assignment, place, junk):
    raw = JSON.encode()
    path = write(tmp_path_factory.mktemp("damaged") / "toy.ipynb", raw[:place] + junk + raw[place + len(junk) :])
    try:
        code = lift_file(path, assignment)
    except UnreadableSubmissionError as error:
        assert str(error)  # noqa: PT017 - both ends are right
    else:
        assert set(classes_in(code)) <= set(WHOLE)


def test_a_notebook_that_is_cut_off_keeps_its_whole_cells(lift):
    code = lift(JSON[: JSON.index("class Cutter")], "toy.ipynb")
    assert (set(classes_in(code)), code.missing) == ({"Scaler"}, ("Cutter",))
    assert code.notes == (
        "toy.ipynb is damaged: 3 cells could be read in it, and no more.",
        "Cutter is not defined in what could be read.",
    )


SCALER, CUTTER = "class Scaler:\n    def a(self): return {}", "class Cutter: pass"
OPEN_SCALER = 'class Scaler:\n    def a(self): raise NotImplementedError("scale: fill in this gap")'


@pytest.mark.parametrize(
    ("cells", "marks", "value", "note"),
    [
        (
            [SCALER.format(1), SCALER.format(2), CUTTER],
            {0: "S", 1: "S"},
            1,
            "cell 1 and cell 2 are copies of one cell: cell 1 counts, the first of them.",
        ),
        (
            [OPEN_SCALER, SCALER.format(2), CUTTER],
            {0: "S", 1: "S"},
            2,
            "cell 1 and cell 2 are copies of one cell: cell 2 counts, in which more gaps are filled.",
        ),
        (
            [SCALER.format(1), OPEN_SCALER, CUTTER],
            {},
            1,
            "cell 2 defines Scaler again with more gaps open: cell 1 counts.",
        ),
        ([SCALER.format(1), SCALER.format(2), CUTTER], {0: "S"}, 2, None),
        ([SCALER.format(1), "class Scaler(Scaler): pass", CUTTER], {}, 1, None),
        ([SCALER.format(1), CUTTER, "x = 1", "x = 2"], {2: "S", 3: "S"}, 1, None),
        (
            [SCALER.format(1), "class Scaler: pass", CUTTER],
            {0: "S", 1: "S"},
            1,
            "cell 1 and cell 2 are copies of one cell: cell 1 counts, the first of them.",
        ),
    ],
)
def test_of_copies_one_counts_and_a_note_says_which(load, cells, marks, value, note):
    module, notes = load(book_of(*cells, marks=marks), "toy.ipynb")
    assert fetch(module.Scaler().a()) == value
    assert notes == (() if note is None else (note,))


@pytest.mark.parametrize(
    "indented",
    [
        "    print(undefined)",
        "    def helper(x):\n        return undefined",
        "    class Cutter:\n        def a(self): return 7",
    ],
)
def test_a_cell_that_is_indented_as_a_whole_is_no_piece_of_the_class_above(load, indented):
    module, notes = load(notebook(CUTTER, SCALER.format(7), indented), "toy.ipynb")
    assert fetch(module.Scaler().a()) == 7
    if "Cutter" in indented:
        assert fetch(module.Cutter().a()) == 7
    assert notes == ()


def test_of_too_much_code_the_largest_cells_are_left_out(load):
    module, notes = load(notebook(SCALER.format(7), "x = 1\n" * (SOURCE_CAP // 5), CUTTER), "toy.ipynb")
    assert fetch(module.Scaler().a()) == 7
    assert notes == (f"cell 2 is left out, because the notebook holds more than {SOURCE_CAP} characters of code.",)


def test_a_class_whose_name_is_spelt_otherwise_is_pointed_at(lift):
    assert lift("class Cutter: pass\nclass scaler: pass").notes == (
        "Scaler is not defined, but scaler is: names count letter by letter.",
    )


@pytest.mark.parametrize("kind", ["markdown", "raw", "heading"])
def test_a_class_in_a_text_cell_counts_where_no_other_defines_it(load, kind):
    module, notes = load(book_of(SCALER.format(1), CUTTER, kinds={0: kind}), "toy.ipynb")
    assert fetch(module.Scaler().a()) == 1
    assert notes == ("cell 1 is not run as Python, and was read as such all the same, because it defines Scaler.",)
    module, notes = load(book_of(SCALER.format(1), SCALER.format(2), CUTTER, kinds={0: kind}), "toy.ipynb")
    assert fetch(module.Scaler().a()) == 2
    assert notes == ()


@pytest.mark.parametrize(
    "cell",
    [
        "%%writefile mine.py\n" + SCALER.format(7),
        "%%script false\n" + SCALER.format(7),
        "Here it is:\n\n```python\n" + SCALER.format(7) + "\n```\nGood luck, said the chat.",
    ],
)
def test_a_class_that_only_a_cell_that_is_not_run_defines_is_taken_from_it(load, cell):
    module, notes = load(notebook(cell, CUTTER), "toy.ipynb")
    assert fetch(module.Scaler().a()) == 7
    assert notes == ("cell 1 is not run as Python, and was read as such all the same, because it defines Scaler.",)


@pytest.mark.parametrize(
    "cell",
    [
        "```python\n" + SCALER.format(7) + "\n```",
        SCALER.format(7).replace("    ", "\xa0\xa0\xa0\xa0"),
        SCALER.format(7).replace("class", "\u200bclass"),
        "In [3]: x = 1\n\n" + ">>> y = 2\n",
    ],
)
def test_what_pasting_leaves_in_a_cell_costs_nothing(load, cell):
    module, notes = load(notebook(cell, "" if "class" in cell else SCALER.format(7), CUTTER), "toy.ipynb")
    assert fetch(module.Scaler().a()) == 7
    assert notes == ()


@pytest.mark.parametrize(
    "wrap",
    [
        lambda book: json.dumps({"type": "notebook", "name": "toy.ipynb", "content": json.loads(book)}),
        json.dumps,
        lambda book: book.replace("\\n", "\n"),
        lambda book: f"\n\n{book}\n\n",
    ],
    ids=["as a server sends it", "JSON in JSON", "line ends in strings", "blank lines around it"],
)
def test_a_notebook_in_another_wrapping_is_a_notebook(load, wrap):
    module, notes = load(wrap(notebook(SCALER.format(7), CUTTER)), "toy.ipynb")
    assert fetch(module.Scaler().a()) == 7
    assert notes == ()


@pytest.mark.parametrize(
    "first",
    [
        "class Scaler:\n    def a(self, x: np.ndarray = None): return SIZE",
        "@mark\nclass Scaler:\n    def a(self): return SIZE",
        "class Scaler(Base):\n    b = np.pi",
        "Other.a = lambda self: SIZE\nclass Scaler(Other): pass",
    ],
)
def test_what_stands_below_its_first_use_is_run_before_it(load, first):
    rest = [
        "SIZE = 7",
        "class Base:\n    def a(self): return SIZE",
        "class Other: pass",
        "def mark(c): return c",
        CUTTER,
    ]
    module, notes = load(notebook(first, *rest, "import numpy as np"), "toy.ipynb")
    assert fetch(module.Scaler().a()) == 7
    assert notes
    assert all("was read before" in note for note in notes)


# Modules of the student's own


LAYERS = "import numpy as np\nfrom helpers import SIZE\nprint(1 / 0)\nclass Scaler:\n    def a(self): return SIZE\nclass Cutter: pass"


@pytest.mark.parametrize(
    ("cells", "files"),
    [
        (["from layers import Scaler, Cutter"], {"layers.py": LAYERS}),
        (["from layers import *"], {"layers.py": LAYERS}),
        (["import layers as l", "Scaler = l.Scaler\nCutter = l.Cutter"], {"layers.py": LAYERS}),
        (["from pack.layers import *"], {"pack/layers.py": LAYERS}),
        (
            ["from pack import Scaler, Cutter"],
            {"pack/__init__.py": "from .layers import Scaler, Cutter", "pack/layers.py": LAYERS},
        ),
        (
            ["from pack import layers", "Scaler, Cutter = layers.Scaler, layers.Cutter"],
            {"pack/__init__.py": "", "pack/layers.py": LAYERS},
        ),
        (["from toy import *"], {"toy.py": LAYERS}),
        ([f"%%writefile layers.py\n{LAYERS}", "from layers import *"], {}),
        (["%run layers.py"], {"layers.py": LAYERS}),
        (["class Scaler:\n    def a(self):\n        from helpers import SIZE\n        return SIZE", CUTTER], {}),
    ],
)
def test_layers_may_be_in_modules_of_the_students_own(load, tmp_path, cells, files):
    for name, text in {"helpers.py": "SIZE = 7\nwhile True: pass", **files}.items():
        write(tmp_path / name, text)
    module, notes = load(notebook(*cells), "toy.ipynb")
    assert fetch(module.Scaler().a()) == 7
    assert notes == ()


def test_a_class_that_is_imported_is_not_looked_for_in_text(load, tmp_path):
    write(tmp_path / "layers.py", SCALER.format(7))
    book = book_of(
        "from layers import Scaler", f"As a reminder:\n\n```\n{SCALER.format(1)}\n```", CUTTER, kinds={1: "markdown"}
    )
    module, notes = load(book, "toy.ipynb")
    assert fetch(module.Scaler().a()) == 7
    assert notes == ()


def test_an_error_in_a_module_of_the_students_own_is_told_with_its_line(load, tmp_path):
    write(tmp_path / "layers.py", FAULTY)
    module, _ = load(notebook("from layers import *"), "toy.ipynb")
    with pytest.raises(CallRaised, match="division by zero") as caught:
        fetch(module.Scaler().a())
    assert caught.value.place == ("layers.py", 3)


@pytest.mark.parametrize("name", ["given", "numpy", "math"])
def test_what_is_provided_or_installed_is_not_a_students_to_replace(load, tmp_path, name):
    write(tmp_path / f"{name}.py", "HALF = pi = 99")
    text = f"from {name} import {'HALF' if name == 'given' else 'pi'} as A\nclass Scaler:\n    def a(self): return A\n{CUTTER}"
    module, _ = load(text)
    assert fetch(module.Scaler().a()) < 4


def test_a_link_is_no_module_of_the_students_own(load, tmp_path, assignment):
    (tmp_path / "layers.py").symlink_to(assignment.solution_file)
    (tmp_path / "pack").symlink_to(assignment.solution_file.parent)
    for cell in ("from layers import *", "from pack.toy import *"):
        with pytest.raises(UnreadableSubmissionError, match="none of the classes"):
            load(notebook(cell), "toy.ipynb")


def test_a_module_that_is_not_python_is_told(load, tmp_path):
    write(tmp_path / "layers.py", "class Scaler(:")
    _, notes = load(notebook("from layers import Scaler", SMALL), "toy.ipynb")
    assert "layers.py is left out, because it is not valid Python: invalid syntax (line 1)." in notes


def test_modules_that_import_each_other_are_read_once(load, tmp_path):
    write(tmp_path / "one.py", f"import two\n{SMALL}")
    write(tmp_path / "two.py", "import one\nSIZE = 7")
    module, notes = load(notebook("from one import *"), "toy.ipynb")
    fetch(module.Scaler())
    assert notes == ()


# Hostile files


@pytest.mark.parametrize(
    "text",
    [
        "class Scaler:\n    def f(self):\n" + "".join(f"        def g{n}(): pass\n" for n in range(10_000)),
        "x = lambda: [" + "lambda: 0, " * 10_000 + "]\n",
    ],
)
def test_crowds_of_functions_are_refused_before_the_compiler_is_asked(lift, text):
    with pytest.raises(UnreadableSubmissionError, match="more than 3000 functions inside of functions"):
        lift(text)


def test_a_class_of_very_many_methods_is_read(lift):
    text = "class Scaler:\n" + "".join(f"    def g{n}(self): pass\n" for n in range(10_000))
    assert kept(lift(text + CUTTER)) == {"toy.py": 2}


def test_only_so_many_notes_are_kept(lift):
    code = lift(notebook(*["def f(:"] * 100, SMALL), "toy.ipynb")
    assert len(code.notes) == 21
    assert code.notes[-1] == "80 more notes are left out."
