"""Finding and reading: any file that a student may hand in becomes the code of its layers, or a reason in words."""

from __future__ import annotations

import ast
import itertools
import json
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sandbox_kit
import toy_course
from cnn_assignment.core.errors import UnreadableSubmissionError
from cnn_assignment.judging.session import Session
from cnn_assignment.sandbox.client.host import Sandbox
from cnn_assignment.sandbox.client.protocol import CallRaised
from cnn_assignment.sandbox.client.proxies import fetch
from cnn_assignment.submissions import extract_file
from cnn_assignment.submissions.python.parsing import SOURCE_CAP
from toy_course import notebook, write

# Two classes, as small as they come.
SMALL = "class Scaler: pass\nclass Cutter: pass\n"
SCALER, CUTTER = "class Scaler:\n    def a(self): return {}", "class Cutter: pass"
SEVEN = SCALER.format(7)


@pytest.fixture(scope="module")
def assignment(tmp_path_factory):
    return toy_course.make_course(tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def extract(assignment, tmp_path):
    """Hand in a text as a module, or the cells of a list as a notebook."""

    def extract(text, name="toy.py"):
        text, name = (notebook(*text), "toy.ipynb") if isinstance(text, list) else (text, name)
        return extract_file(write(tmp_path / name, text), assignment)

    return extract


@pytest.fixture
def load(extract, assignment, sandbox):
    """Hand in a text, run what was extracted, and give the module and the notes."""
    sessions = []

    def load(text, name="toy.py"):
        code = extract(text, name)
        sessions.append(Session(sandbox, assignment, code))
        module = sandbox_kit.converse(sessions[-1])
        fetch(module.__getattr__("Scaler"))
        return module, (*code.notes, *sessions[-1].notes)

    yield load
    for session in sessions:
        session.close()


def book_of(*cells, marks=(), kinds=()):
    """A notebook as JSON; marks: for cells their grade_id, kinds: for cells their kind."""
    book = json.loads(notebook(*cells))
    for number, name in dict(marks).items():
        book["cells"][number]["metadata"] = {"nbgrader": {"grade_id": name}}
    for number, kind in dict(kinds).items():
        book["cells"][number]["cell_type"] = kind
    return json.dumps(book)


def kept(code):
    """The labels, and how many statements of each are kept."""
    return {chunk.label: len(chunk.keep) for chunk in code.chunks}


def rows(table):
    """The cases of a table, by the sentence that each group of them is under."""
    return [
        pytest.param(case, id=f"{what} {number}") for what, cases in table.items() for number, case in enumerate(cases)
    ]


HOSTILE_AROUND = """
print("hello"); input("name? ")
import matplotlib.pyplot as plt, numpy as np
plt.plot([1, 2])
while True:
    pass
"""


@pytest.mark.parametrize("name", ["toy.py", "toy.ipynb"])
def test_the_solution_works_without_the_code_around_it(load, name):
    text = f"{HOSTILE_AROUND}\n\n\n{TOY}\n\n\n{HOSTILE_AROUND}"
    module, notes = load(text.split("\n\n\n") if name.endswith("ipynb") else text, name)
    assert fetch(module.Scaler(2.0).forward(np.array([1.0]))["out"]).tolist() == [3.0]
    assert notes == ()


TOY = toy_course.SOLUTION
FUTURE = "from __future__ import annotations\nprint(1)"
HINTED = ["class Scaler:\n    def a(self, x: Undefined = 7) -> Missing: return x", CUTTER]
ENCODED = f'G = "ä"\n{SCALER.format("7 if G == chr(228) else G")}\n{CUTTER}\n'
ATTACHED = [SMALL, "def f(self):\n    return helper()", "def helper(): return 7"]
MAGICS = (
    "%matplotlib inline", "!pip install torch", "files = !ls", "n = %timeit -o 1", "Scaler?", "?Scaler",
    "if True:\n    %time x = 1", "%%bash\nls $HOME; if [ 1 ]; then", "%%html\n<b>",
    "%%writefile notes.py\nclass Scaler: wrong", "%load_ext autoreload\n%autoreload 2",
)  # fmt: skip
REFERRED = (
    "try:\n    import torch as t\nexcept ImportError:\n    t = 7\nA = t",
    "from math import *\nA = floor(7.5)",
    "from __future__ import annotations\ndef f(x: Undefined): return 7\nA = f(0)",
    "from dataclasses import dataclass\n@dataclass\nclass P:\n    n: int = 7\nA = P().n",
    "f = lambda n: [n for n in range(n)][-1]\nA = f(8)",
    "B = [last := n for n in range(8)]\nA = last",
    "A = 1; A = A + 6",
    "COUNT = 6\ndef up():\n    global COUNT\n    COUNT += 1\n    return COUNT\nA = up()",
    "A = 3\nA = 7",
    "T = {}\nT['a'] = 7\nA = T['a']",
    "import numpy as np, matplotlib.pyplot as plt\nA = int(np.floor(7.5))",
    "from given import HALF\nA = int(HALF * 14)",
)
SEVENS = notebook(SEVEN, CUTTER)
# Modules, and notebooks as lists of cells or as they are, in which `Scaler().a()` is seven and nothing is to be told.
QUIET = {
    "what layers refer to behaves as it was written": [f"{text}\n{SCALER.format('A')}\n{CUTTER}" for text in REFERRED],
    "cells go on with the future imports of those above": [
        [FUTURE, *HINTED], ["import numpy as np", FUTURE, *HINTED], [FUTURE, "x = 1", *HINTED],
    ],
    "a module may have any line ends and any declared encoding": [
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
    "methods may be attached in a later cell": [
        [*ATTACHED[:2], attach, ATTACHED[2]]
        for attach in ("Scaler.a = f", "setattr(Scaler, 'a', f)", "Scaler.a = lambda self: f(self)")
    ],
    "of several definitions the last wins": [[f"{SCALER.format(1)}\n{CUTTER}", SEVEN]],
    "magics and shell lines do not stand in the way": [
        [magic, f"{magic}\n" if magic.startswith("%%") else f"{magic}\nX = 1", SEVEN, CUTTER] for magic in MAGICS
    ],
    "a cell that is indented as a whole is no piece of the class above": [
        [CUTTER, SEVEN, "    print(undefined)"],
        [CUTTER, SEVEN, "    def helper(x):\n        return undefined"],
        [CUTTER, SCALER.format("Cutter().a()"), "    class Cutter:\n        def a(self): return 7"],
    ],
    "what pasting leaves in a cell costs nothing": [
        [f"```python\n{SEVEN}\n```", CUTTER],
        [SEVEN.replace("    ", "\xa0\xa0\xa0\xa0"), CUTTER],
        [SEVEN.replace("class", "\u200bclass"), CUTTER],
        ["In [3]: x = 1\n\n>>> y = 2\n", SEVEN, CUTTER],
    ],
    "a notebook in another wrapping is a notebook": [
        (json.dumps({"type": "notebook", "name": "toy.ipynb", "content": json.loads(SEVENS)}), "toy.ipynb"),
        (json.dumps(SEVENS), "toy.ipynb"),
        (SEVENS.replace("\\n", "\n"), "toy.ipynb"),
        (f"\n\n{SEVENS}\n\n", "toy.ipynb"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("text", rows(QUIET))
def test_what_is_right_in_its_own_way_works_without_a_note(load, text):
    module, notes = load(*text) if isinstance(text, tuple) else load(text)
    assert fetch(module.Scaler().a()) == 7
    assert notes == ()


def test_a_future_import_says_nothing_of_the_cells_above_it(load):
    # As in the notebook itself, the class is not there.
    with pytest.raises(CallRaised, match="has no attribute 'Scaler'"):
        load([*HINTED, FUTURE])


def test_an_import_of_what_grading_does_not_offer_hurts_only_what_uses_it(load):
    module, notes = load(f"import torch\n{SCALER.format('torch.x')}\n    def b(self): return 7\n{CUTTER}")
    assert fetch(module.Scaler().b()) == 7
    with pytest.raises(CallRaised, match="torch is not available when this assignment is graded"):
        fetch(module.Scaler().a())
    assert "torch is not available" in notes[0]


# Line numbers

FAULTY = f"class Scaler:\n    def a(self):\n        return 1 / 0\n{CUTTER}"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("\n\n" + FAULTY, ("toy.py", 5)),
        ("\ufeff" + FAULTY, ("toy.py", 3)),
        ("import numpy as np; x = 1\n" + FAULTY.replace("\n", "\r\n"), ("toy.py", 4)),
        (["print(1)", FAULTY], ("cell 2", 3)),
        (["%matplotlib inline\n" + FAULTY], ("cell 1", 4)),
        (["\n\n%matplotlib inline\n!ls\n" + FAULTY], ("cell 1", 7)),
        (["%%time\n" + FAULTY], ("cell 1", 4)),
        (["\n%%capture out\n%cd x\n" + FAULTY], ("cell 1", 6)),
        (["from layers import *"], ("layers.py", 3)),
    ],
)
def test_errors_name_the_students_own_line(load, tmp_path, text, place):
    write(tmp_path / "layers.py", FAULTY)
    module, _ = load(text)
    with pytest.raises(CallRaised, match="division by zero") as caught:
        fetch(module.Scaler().a())
    assert caught.value.place == place


# What is kept


def with_cells(*cells, before=()):
    """A notebook of these raw cells around one that has the two classes."""
    return json.dumps({**json.loads(notebook()), "cells": [*before, *json.loads(notebook(SMALL))["cells"], *cells]})


CELL = {"cell_type": "code", "metadata": {}, "outputs": [], "source": SMALL.splitlines(keepends=True)}
OLD_CELL = {"cell_type": "code", "input": SMALL, "language": "python", "outputs": [], "collapsed": False}
TEXT_CELL = {"cell_type": "markdown", "source": "# class Scaler", "metadata": {}}
DEEP = 10_000
KEPT = {
    "cells are counted with the text cells": [(with_cells(before=[*json.loads(notebook("1"))["cells"], TEXT_CELL]), 3)],
    "a class may share its cell with magics": [(notebook(f"%matplotlib inline\n{SMALL}!ls"), 1)],
    "source may be a list of lines": [(json.dumps({"nbformat": 4, "cells": [CELL]}), 1)],
    "a notebook of format 3 is read": [(json.dumps({"nbformat": 3, "worksheets": [{"cells": [OLD_CELL]}]}), 1)],
    "a notebook may have a byte order mark": [("\ufeff" + notebook(SMALL), 1)],
    "odd cells cost nothing": [
        (with_cells(cell), 1)
        for cell in (
            *({"cell_type": "code", "source": source} for source in (None, [1, None], {"a": 1}, "x = '\ud800'")),
            *({"cell_type": "code"}, {"cell_type": ["code"], "source": "x"}, {}, "x = 1", None),
        )
    ],
}


@pytest.mark.parametrize("case", rows(KEPT))
def test_the_cell_with_the_classes_is_kept(extract, case):
    text, number = case
    assert kept(extract(text, "toy.ipynb")) == {f"cell {number}": 2}


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "[" * 80 + "]" * 80 + "\nz = " + "-" * (sys.getrecursionlimit() // 3) + "1\n" + SMALL,
        f'x = "\\d" is 1\n{SMALL}',
        "class Scaler:\n" + "".join(f"    def g{n}(self): pass\n" for n in range(DEEP)) + CUTTER,
    ],
    ids=["a deep expression", "what Python warns of", "very many methods"],
)
def test_odd_code_costs_nothing(extract, text):
    code = extract(text)
    assert kept(code) == {"toy.py": 2}


@pytest.mark.parametrize(
    "cell", ["x = " + "(" * DEEP, "x = " + "-" * DEEP + "1", "x\0", "!ls\n" * 50_000, "'" * DEEP, "\\" * DEEP]
)
def test_a_monstrous_cell_is_left_out_with_a_note(extract, cell):
    code = extract([cell, SMALL])
    assert kept(code) == {"cell 2": 2}
    assert code.notes[0].startswith("cell 1 is left out, because it is not valid Python")


@pytest.mark.parametrize("damage", ["return 1\n", "x = \x00\n", "x = (\n", "  x = 2\n"])
def test_a_damaged_line_beside_the_layers_costs_nothing_and_is_told(extract, damage):
    for text, line in ((f"{SMALL}{damage}", SMALL.count("\n") + 1), (f"{damage}{SMALL}", 1)):
        code = extract(text)
        assert kept(code) == {"toy.py": 2}
        (note,) = code.notes
        assert note.startswith(f"toy.py, line {line}: ")


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (CUTTER, "Scaler is not defined."),
        (f"{CUTTER}\nclass scaler: pass", "Scaler is not defined, but scaler is: names count letter by letter."),
    ],
)
def test_a_missing_class_is_told(extract, text, note):
    assert extract(text).notes == (note,)


def test_only_so_many_notes_are_kept(extract):
    code = extract([*["def f(:"] * 100, SMALL])
    assert len(code.notes) == 21
    assert code.notes[-1] == "80 more notes are left out."


# What cannot be read

NO_CODE, NO_TEXT, NONE = "no code cells", "not text in UTF-8", "none of the classes Scaler, Cutter is defined"
CROWD = "more than 3000 functions inside of functions"
REFUSED = {
    "toy.ipynb": [
        (b"", "not JSON"),
        (b"I could not do it.", "not a notebook: it is not JSON"),
        (b"<!DOCTYPE html>\n<html>", "toy.ipynb is a web page, and not a notebook: it is not JSON"),
        (b"PK\x03\x04rest", "toy.ipynb is a zip archive"),
        (b"%PDF-1.7", "toy.ipynb is a PDF document"),
        (b'{"cells": [', "not JSON"),
        (b"[" * 100_000, "not JSON"),
        *((raw, "JSON, but not a notebook") for raw in (b"[]", b"3", b'{"a": 1}')),
        *((raw, NO_CODE) for raw in (b'{"nbformat": "four"}', b'{"nbformat": 99, "cells": []}', b'{"nbformat": 4}')),
        *((raw, NO_CODE) for raw in (b'{"nbformat": 4, "cells": null}', b'{"nbformat": 4, "cells": {"a": 1}}')),
        (notebook(), NO_CODE),
        (notebook("x = 1"), NONE),
        (notebook("class Scaler(:"), "cell 1 is left out, because it is not valid Python"),
        # Long and quick to read: what is asked is the cap, and a slow machine must not come to the limit of time first.
        (notebook(*[f"x = '{'a' * (SOURCE_CAP // 10)}'"] * 11), "cell 1 is left out, because the notebook holds more"),
    ],
    "toy.py": [
        (b"", NONE),
        (b"\n# only a comment\n", NONE),
        (b"class Scaler(:\n  pass", r"toy.py is not valid Python: .* \(line 1\)"),
        (b"x = 1\n  y = 2\n", r"not valid Python: unexpected indent \(line 2\)"),
        (b"if 1:\n\tx = 1\n        y = 1\n", r"not valid Python: inconsistent use of tabs .*\(line 3\)"),
        (b"return 1\n", r"'return' outside function \(line 1\)"),
        (b"x = \x00\n", "not valid Python: .*null byte"),
        (b"\xff\xfe\x00", NO_TEXT),
        (SMALL.encode("utf-16"), NO_TEXT),
        *(
            (b"# coding: " + coding + SMALL.encode(), f"{NO_TEXT} or in the encoding")
            for coding in (b"klingon\n", b"hex\n", b"undefined\n", b"idna\n\xff", b"ascii\nx = '\xe4'\n")
        ),
        (b"x = 1\n" * (3 * 2**20 // 6), f"more than {SOURCE_CAP} characters of code"),
        (b"x = " + b"(" * DEEP + b")" * DEEP, "not valid Python: too many nested parentheses"),
        (b"x = " + b"-" * DEEP + b"1", "not valid Python"),
        (b"x = y" + b".a" * DEEP, "not valid Python"),
        (b"x = 1" + b"1" * DEEP, "not valid Python: Exceeds the limit"),
        ("class Scaler:\n    def f(self):\n" + "".join(f"        def g{n}(): pass\n" for n in range(DEEP)), CROWD),
        ("x = lambda: [" + "lambda: 0, " * DEEP + "]\n", CROWD),
    ],
}


@pytest.mark.parametrize(
    ("name", "number"), [(name, number) for name, cases in REFUSED.items() for number in range(len(cases))]
)
def test_a_file_that_cannot_be_read_has_a_reason(extract, name, number):
    raw, reason = REFUSED[name][number]
    with pytest.raises(UnreadableSubmissionError, match=reason):
        extract(raw, name)


def test_a_folder_in_the_place_of_the_file_is_an_error_of_the_system(assignment, tmp_path):
    # Scoring tells the student; here it must only not be taken for code.
    with pytest.raises(IsADirectoryError, match="Is a directory"):
        extract_file(tmp_path, assignment)


# What was damaged, cut, copied, moved or renamed


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
    assert classes_in(extract_file(path, assignment)) == WHOLE


@given(st.permutations(TOY.split("\n\n\n")))
def test_the_order_of_cells_does_not_matter(tmp_path_factory, assignment, cells):
    path = write(tmp_path_factory.mktemp("shuffled") / "toy.ipynb", notebook(*cells))
    assert classes_in(extract_file(path, assignment)) == WHOLE


JSON = notebook("import numpy", *TOY.split("\n\n\n"), "plot()")


@given(st.integers(0, len(JSON)), st.binary(max_size=6))
def test_any_damage_to_the_text_gives_code_or_a_reason(tmp_path_factory, assignment, place, junk):
    raw = JSON.encode()
    path = write(tmp_path_factory.mktemp("damaged") / "toy.ipynb", raw[:place] + junk + raw[place + len(junk) :])
    try:
        code = extract_file(path, assignment)
    except UnreadableSubmissionError as error:
        assert str(error)  # noqa: PT017 - both ends are right
    else:
        assert set(classes_in(code)) <= set(WHOLE)


def test_a_notebook_that_is_cut_off_keeps_its_whole_cells(extract):
    code = extract(JSON[: JSON.index("class Cutter")], "toy.ipynb")
    assert (set(classes_in(code)), code.missing) == ({"Scaler"}, ("Cutter",))
    assert code.notes == (
        "toy.ipynb is damaged: 3 cells could be read in it, and no more.",
        "Cutter is not defined in what could be read.",
    )


OPEN = 'class Scaler:\n    def a(self): raise NotImplementedError("scale: fill in this gap")'
ONE, TWO, BOTH = SCALER.format(1), SCALER.format(2), {0: "S", 1: "S"}
COPIES = "cell 1 and cell 2 are copies of one cell: cell {} counts, {}."
AS_CODE = "cell 1 is not run as Python, and was read as such all the same, because it defines Scaler."
NOT_PYTHON = "cell {} is left out, because it is not valid Python: invalid syntax (line 1)."
FAILED = "This statement failed when your code was loaded: toy.py, line 3: ZeroDivisionError: division by zero"
LARGE = f"cell 2 is left out, because the notebook holds more than {SOURCE_CAP} characters of code."
KINDS = ("markdown", "raw", "heading")
# What is handed in, the value of `Scaler().a()`, and what is told.
TOLD = {
    "of copies one counts, which is told": [
        (book_of(ONE, TWO, CUTTER, marks=BOTH), 1, COPIES.format(1, "the first of them")),
        (book_of(OPEN, TWO, CUTTER, marks=BOTH), 2, COPIES.format(2, "in which more gaps are filled")),
        ([ONE, OPEN, CUTTER], 1, "cell 2 defines Scaler again with more gaps open: cell 1 counts."),
        (book_of(ONE, TWO, CUTTER, marks={0: "S"}), 2),
        ([ONE, "class Scaler(Scaler): pass", CUTTER], 1),
        (book_of(ONE, CUTTER, "x = 1", "x = 2", marks={2: "S", 3: "S"}), 1),
        (book_of(ONE, "class Scaler: pass", CUTTER, marks=BOTH), 1, COPIES.format(1, "the first of them")),
    ],
    "of too much code the largest cells are left out": [([SEVEN, "x = 1\n" * (SOURCE_CAP // 5), CUTTER], 7, LARGE)],
    "a class in a text cell counts": [(book_of(SEVEN, CUTTER, kinds={0: kind}), 7, AS_CODE) for kind in KINDS],
    "but not where another defines it": [(book_of(ONE, TWO, CUTTER, kinds={0: kind}), 2) for kind in KINDS],
    "a class that only a cell that is not run defines is taken from it": [
        ([f"%%writefile mine.py\n{SEVEN}", CUTTER], 7, AS_CODE),
        ([f"%%script false\n{SEVEN}", CUTTER], 7, AS_CODE),
        ([f"Here it is:\n\n```python\n{SEVEN}\n```\nGood luck, said the chat.", CUTTER], 7, AS_CODE),
    ],
    "a cell that is not Python costs nothing": [
        (["def f(:", f"{SEVEN}\n{CUTTER}", "for"], 7, NOT_PYTHON.format(1), NOT_PYTHON.format(3))
    ],
    "a statement that fails costs only itself": [
        (f"\n\nA = 1 / 0\n{SEVEN}\n    def b(self): return A\n{CUTTER}", 7, FAILED)
    ],
}


@pytest.mark.parametrize("case", rows(TOLD))
def test_what_was_chosen_or_left_out_is_told(load, case):
    text, value, *told = case
    module, notes = load(text, "toy.ipynb" if text[0] == "{" else "toy.py")
    assert fetch(module.Scaler().a()) == value
    assert notes == tuple(told)


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
    base = "class Base:\n    def a(self): return SIZE"
    rest = ["SIZE = 7", base, "class Other: pass", "def mark(c): return c", CUTTER]
    module, notes = load([first, *rest, "import numpy as np"])
    assert fetch(module.Scaler().a()) == 7
    assert notes
    assert all("was read before" in note for note in notes)


# Modules of the student's own


LAYERS = f"import numpy as np\nfrom helpers import SIZE\nprint(1 / 0)\n{SCALER.format('SIZE')}\n{CUTTER}"
ALL = "from layers import *"
REMINDER = ("from layers import Scaler", f"As a reminder:\n\n```\n{ONE}\n```", CUTTER)


@pytest.mark.parametrize(
    ("cells", "files"),
    [
        (["from layers import Scaler, Cutter"], {"layers": LAYERS}),
        ([ALL], {"layers": LAYERS}),
        (["import layers as l", "Scaler = l.Scaler\nCutter = l.Cutter"], {"layers": LAYERS}),
        (["from pack.layers import *"], {"pack/layers": LAYERS}),
        (
            ["from pack import Scaler, Cutter"],
            {"pack/__init__": "from .layers import Scaler, Cutter", "pack/layers": LAYERS},
        ),
        (
            ["from pack import layers", "Scaler, Cutter = layers.Scaler, layers.Cutter"],
            {"pack/__init__": "", "pack/layers": LAYERS},
        ),
        (["from toy import *"], {"toy": LAYERS}),
        ([f"%%writefile layers.py\n{LAYERS}", ALL], {}),
        (["%run layers.py"], {"layers": LAYERS}),
        (["class Scaler:\n    def a(self):\n        from helpers import SIZE\n        return SIZE", CUTTER], {}),
        # A class that is imported is not looked for in text.
        (book_of(*REMINDER, kinds={1: "markdown"}), {"layers": SEVEN}),
        # Modules that import each other are read once.
        (["from one import *"], {"one": f"import two\n{SEVEN}\n{CUTTER}", "two": "import one\nSIZE = 7"}),
    ],
)
def test_layers_may_be_in_modules_of_the_students_own(load, tmp_path, cells, files):
    for name, text in {"helpers": "SIZE = 7\nwhile True: pass", **files}.items():
        write(tmp_path / f"{name}.py", text)
    module, notes = load(cells, "toy.ipynb")
    assert fetch(module.Scaler().a()) == 7
    assert notes == ()


@pytest.mark.parametrize("name", ["given", "numpy", "math"])
def test_what_is_provided_or_installed_is_not_a_students_to_replace(load, tmp_path, name):
    write(tmp_path / f"{name}.py", "HALF = pi = 99")
    text = f"from {name} import {'HALF' if name == 'given' else 'pi'} as A\n{SCALER.format('A')}\n{CUTTER}"
    module, _ = load(text)
    assert fetch(module.Scaler().a()) < 4


def test_a_link_is_no_module_of_the_students_own(load, tmp_path, assignment):
    (tmp_path / "layers.py").symlink_to(assignment.solution_file)
    (tmp_path / "pack").symlink_to(assignment.solution_file.parent)
    for cell in (ALL, "from pack.toy import *"):
        with pytest.raises(UnreadableSubmissionError, match="none of the classes"):
            load([cell])


def test_a_module_that_is_not_python_is_told(load, tmp_path):
    write(tmp_path / "layers.py", "class Scaler(:")
    _, notes = load(["from layers import Scaler", SMALL])
    assert "layers.py is left out, because it is not valid Python: invalid syntax (line 1)." in notes
