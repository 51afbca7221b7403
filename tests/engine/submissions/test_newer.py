"""Syntax of newer Pythons: written for the one that grades and graded in full, or told by its name, and never more.

What is rewritten runs in every Python, so most tests ask for the oldest one; on a newer one they also run the original.
"""

from __future__ import annotations

import ast
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnn_assignment.core.errors import UnreadableSubmissionError
from cnn_assignment.core.model import ReportStatus
from cnn_assignment.submissions import extract_file
from cnn_assignment.submissions.newer.reading import read_newer
from cnn_assignment.submissions.python.found import THIS, name_of
from cnn_assignment.submissions.repairing.effort import Effort
from cnn_assignment.submissions.repairing.mending import mend
from hostile_files import book
from toy_course import SOLUTION, TOTAL, submit, write

OLDEST = (3, 11)
SPACE = {"d": {"a": 3.14159, "b": [1, 2]}, "w": 9, "p": 2, "x": "é", "words": ["a", "b"]}

FORMATS = {
    "its own quotes": ('f"{d["a"]}"', "3.14159"),
    "its own quotes, single": ("f'{d['a']}'", "3.14159"),
    "its own three quotes": ('f"""{d["""a"""]} "x"{w}"""', '3.14159 "x"9'),
    "a format": ('f"a {d["a"]:>{w}.{p}f}!"', "a      3.14!"),
    "a format of its own quotes": ('f"{d["a"]:{"w"[:0]}.{p}f}"', "3.14"),
    "a conversion": ('f"{x!r} {d["b"]!s:>8} {x!a}"', "'é'   [1, 2] '\\xe9'"),
    "the text of it": ('f"{d["a"] = } {d["a"]=:.1f}"', 'd["a"] = 3.14159 d["a"]=3.1'),
    "a backslash": (r'''f"{'\n'.join(words)}"''', "a\nb"),
    "a comment": ("f'''{w  # }}}\n}'''", "9"),
    "a line break": ('f"{\n  w\n}"', "9"),
    "one in another": ('f"{f"{f"{w}"}"}"', "9"),
    "brackets that are text": ('f"{{{d["a"]}}} }}"', "{3.14159} }"),
    "a backslash in its text": (r'f"\t{d["a"]}\n\N{DASH}"'.replace("DASH", "EM DASH"), "\t3.14159\n—"),
    "raw": (r'rf"\d{d["a"]}\n"', r"\d3.14159\n"),
    "texts beside it": ('("x" f"{d["a"]}" r"\\n"\n "y" f"{w}")', "x3.14159\\ny9"),
    "a method of it": ('f"{d["a"]}".upper()', "3.14159"),
    "in an operation": ('"%s" % f"{d["a"]}" + "!"', "3.14159!"),
    "an attribute behind one beside another": ('("a" f"{x}{d["a"]}".title())', "Aé3.14159"),
    "what changes while it is shown": ('f"{d["b"]}{d["b"].append(3)}{d["b"].pop()}"', "[1, 2]None3"),
    "a dictionary": ('f"{ {"k": w}["k"] }"', "9"),
    "a lambda": ('f"{(lambda k: d[k])("a")}"', "3.14159"),
    "a tuple": ('f"{w, "k"}"', "(9, 'k')"),
    "a comparison": ('f"{w != d["a"]} {w == d["a"]}"', "True False"),
}


def rewritten(text):
    """The text for the oldest Python, which has the same lines."""
    reading = read_newer(text, OLDEST)
    assert reading is not None
    code = reading.settle(reading.text)
    assert code.count("\n") == text.count("\n")
    return code


def evaluate(text):
    return eval(text, {name: dict(value) if isinstance(value, dict) else value for name, value in SPACE.items()})


@pytest.mark.parametrize("case", FORMATS)
def test_an_f_string_has_the_value_that_a_newer_python_gives(case):
    text, value = FORMATS[case]
    assert evaluate(rewritten(text)) == value
    if THIS >= (3, 12):
        assert evaluate(text) == value


# What stands around a value in its braces, and how it is shown then.
SHOWN = [
    ("", "!r", repr),
    ("", ":>9", lambda shown: f"{shown:>9}"),
    ("", ":{w}", lambda shown: f"{shown:9}"),
    ("", '!s:<{"3"}', lambda shown: f"{shown:<3}"),
    (" ", " # }\n", str),
    ("(", ")", str),
]


@st.composite
def formats(draw, depth=2):
    """An f-string of any depth in one kind of quotes, and its value."""
    source, value = "", ""
    for _ in range(draw(st.integers(1, 3))):
        text = draw(st.sampled_from(("", "a", "{{", "}}", "é ", "\\n", "\\\\", "'", '\\"', ": ", "#", "=")))
        source += text
        value += {"{{": "{", "}}": "}", "\\n": "\n", "\\\\": "\\", '\\"': '"'}.get(text, text)
        if depth and draw(st.booleans()):
            inner, shown = draw(formats(depth - 1))
        else:
            shown = draw(st.sampled_from(("a", "b\\", "1", "é\n")))
            inner = '"' + shown.replace("\\", "\\\\").replace("\n", "\\n") + '"'
        before, after, show = draw(st.sampled_from(SHOWN))
        source, value = f"{source}{{{before}{inner}{after}}}", value + show(shown)
    return f'f"{source}"', value


@settings(max_examples=300)
@given(formats())
def test_any_f_string_has_its_value_and_its_lines(made):
    text, value = made
    assert eval(rewritten(text), dict(SPACE)) == value
    if THIS >= (3, 12):
        assert eval(text, dict(SPACE)) == value


STATEMENTS = {
    "a function": "def f[T](x: T, *, y: list[T] | None = None) -> dict[str, T]:\n    z: T = x\n    return {'k': z}\nR = f(3)",
    "a function of several": "def f[T: int, *Ts, **P](x: T, *a: *Ts) -> T:\n    return x\nR = {'k': f(3)}",
    "a type when it runs": "from typing import cast\ndef f[T](x):\n    return cast(T, x)\nR = {'k': f(3)}",
    "a name of a type that is another one inside": "def f[T](x: T):\n    T = x\n    return T\nR = {'k': f(3)}",
    "several lines": "def f[\n    T,  # any\n](\n    x: dict[\n        str, T\n    ],\n) -> dict[\n    str, T\n]:\n    return x\nR = f({'k': 3})",
    "a class": "class A[T]:\n    x: T\n    def f(self, x: T) -> T:\n        return x\nR = {'k': A[int]().f(3)}",
    "a class with a parent": (
        "class B[T]:\n    def f(self, x: T): return x\nclass A[T](B[T]):\n    pass\nR = {'k': A[int]().f(3)}"
    ),
    "a class with a kind": "class A[T](metaclass=type):\n    f = 3\nR = {'k': A[int].f}",
    "a method": "class A:\n    @staticmethod\n    def f[T](x: T) -> T: return x\nR = {'k': A.f(3)}",
    "defaults": "class A[T: int = int, *Ts = *tuple[int, ...], **P = [int]]:\n    x = 3\nR = {'k': A.x}",
    "an alias": "type N = float | int\ndef f(x: N | None, y: list[N] = ()) -> N: return x\nR = {'k': f(3)}",
    "an alias of itself": "type N = list[N] | int\ndef f(x: N) -> dict[str, N]: return x\nR = {'k': f(3)}",
    "an alias with parameters": "type P[T] = tuple[\n    T, T\n]\ndef f(x: P[int] | None): return x\nR = {'k': f(3)}",
    "several exceptions": "try:\n    {}[1]\nexcept KeyError, IndexError:\n    R = {'k': 3}",
    "a group of exceptions": (
        "try:\n    raise ExceptionGroup('', [KeyError()])\nexcept* KeyError, IndexError:\n    R = {'k': 3}"
    ),
}
SINCE = {"defaults": (3, 13), "several exceptions": (3, 14), "a group of exceptions": (3, 14)}


@pytest.mark.parametrize("case", STATEMENTS)
def test_a_statement_does_what_it_does_in_a_newer_python(case):
    text = STATEMENTS[case]
    since = SINCE.get(case, (3, 12))
    for code in (rewritten(text), *([text] if since <= THIS else [])):
        space = {}
        exec(code, space)
        assert space["R"] == {"k": 3}
    assert {newer.since for newer in read_newer(text, OLDEST).found} == {since}
    assert read_newer(text, since) is None


# Right in some older Python, or in none.
NOTHING = [
    "", "x = f\"{d['a']}\" f'{w}'", "type = 3\ntype(x)\nprint(type, x)", "x[type] = 3\nexcept_ = a, b",
    "try: pass\nexcept (A, B): pass", "try: pass\nexcept A, B as e: pass", "try: pass\nexcept A, b c: pass",
    "def f[](x): pass", "def f[1](x): pass", "def f[T, T](x): pass", "def f[*T: int](x): pass",
    "def f[T = int, S](x): pass", "def f[T =](x): pass", "def f[T: ](x): pass", "def f[T] x: pass", "class A[T] pass",
    "type X = ", "type X = a b", "type X[1] = int", 'f"{}" f"{" "}"', 'f"{x!z}" f"{"a"}{x!z}"',
    'f"{d["a"] for d in w}"', 'f"{d["a"}"', 'f"{d["a"]}}"', 'f"{lambda x: "a"}"', 'f"{d["a"]', 'f"{" "',
    'x = \'f"{d["a"]}"\'', '# f"{d["a"]}"', '"""f"{d["a"]}" """',
]  # fmt: skip


@pytest.mark.parametrize("text", NOTHING)
def test_of_what_is_newer_in_no_python_nothing_is_told(text):
    reading = read_newer(text, OLDEST)
    assert reading is None


@pytest.mark.parametrize(
    ("text", "since"), [('t"{x}"', (3, 14)), ("rt'{x}'", (3, 14)), ("type N = int\nprint(N.__value__)", (3, 12))]
)
def test_what_has_no_older_form_is_told_by_its_name(text, since):
    reading = read_newer(text, OLDEST)
    assert reading.text == text
    error = reading.explain(lambda trial: ast.parse(trial) is not None)
    assert error.msg.endswith(f", which {name_of(since)} and newer read (this is graded with {name_of()})")
    assert read_newer(text, since) is None


@pytest.mark.parametrize("text", ['t"{x!z}"', 't"{x}" y'])
def test_a_template_that_is_wrong_in_every_python_is_not_told_as_newer(text):
    def is_right(text):
        with suppress(SyntaxError):
            return ast.parse(text) is not None
        return False

    assert read_newer(text, OLDEST).explain(is_right) is None


# Through the grader

COPY, CLEAR, CUTTER = "        result = x.copy()", "def clear(self, x):", "class Cutter:"
QUOTES = SOLUTION.replace(COPY, f'        d = {{"a": x}}\n        name = f"{{d["a"].size}}"\n{COPY}')
ALIASED = SOLUTION.replace(CUTTER, f"type A = np.ndarray\n\n\n{CUTTER}").replace(CLEAR, "def clear(self, x: A) -> A:")
TRIED = f"        try:\n    {COPY}\n        except ValueError, TypeError:\n            raise"
# The text, the Python that it was written for, what is told of it, and words of the line that is named.
NEW = {
    "an f-string": (QUOTES, (3, 12), "an f-string with quotes of its own kind inside", 'f"{d'),
    "parameters": (SOLUTION.replace(CLEAR, "def clear[T](self, x: T) -> T:"), (3, 12), "parameters of types", "[T]"),
    "a class": (SOLUTION.replace(CUTTER, "class Cutter[T]:"), (3, 12), "parameters of types", "[T]"),
    "a default": (
        SOLUTION.replace(CUTTER, "class Cutter[T = int]:"),
        (3, 13),
        "parameters of types with defaults",
        "[T",
    ),
    "an alias": (ALIASED, (3, 12), "an alias of a type", "type A"),
    "exceptions": (SOLUTION.replace(COPY, TRIED), (3, 14), "several exceptions without brackets", "except Val"),
}
TEMPLATE = SOLUTION.replace(COPY, f'        note = t"{{x}}"\n{COPY}')


def line_of(text, words):
    """The first line of a text with these words, from 1."""
    return 1 + next(number for number, line in enumerate(text.split("\n")) if words in line)


def in_cells(text):
    head, *classes = text.split("class ")
    return book(head, *(f"class {part}" for part in classes))


def hand_in(course, text, form):
    """Submit a text as a module, in cells, or in a module of the student's own."""
    if form == "layers.py":
        submission = submit(course.root, "eva", "from layers import *\n")
        write(submission.path.parent / form, text)
        return submission
    return submit(course.root, "ada", text if form == "toy.py" else in_cells(text), form)


@pytest.mark.parametrize("form", ["toy.py", "toy.ipynb", "layers.py"])
@pytest.mark.parametrize("case", NEW)
def test_newer_syntax_costs_nothing(course, grader, case, form):
    text, since, what, words = NEW[case]
    report = grader.grade(hand_in(course, text, form))
    assert (report.score, report.status) == (TOTAL, ReportStatus.GRADED)
    assert len(report.notes) == (since > THIS)
    for note in report.notes:
        place = "cell " if form == "toy.ipynb" else f"{form}, line {line_of(text, words)}: "
        assert note.startswith(place)
        assert note.endswith(
            f": {what}, which {name_of(since)} and newer read, was rewritten for {name_of()}, which grades it; this "
            "costs nothing."
        )


@pytest.mark.parametrize("form", ["toy.py", "toy.ipynb"])
@pytest.mark.parametrize("case", NEW)
def test_damage_beside_newer_syntax_costs_its_own_method_only(course, grader, case, form):
    text = NEW[case][0].replace("self.factor * (x + HALF)", "self.factor * (x + HALF")
    report = grader.grade(hand_in(course, text, form))
    assert [task.id for task in report.tasks if task.score < task.max_score] == ["scale"]


@pytest.mark.parametrize("form", ["toy.py", "toy.ipynb"])
def test_what_has_no_older_form_costs_its_own_method_only_and_says_why(course, grader, form):
    report = grader.grade(hand_in(course, TEMPLATE, form))
    if THIS >= (3, 14):
        assert report.score == TOTAL
        return
    (lost,) = (task for task in report.tasks if task.score < task.max_score)
    assert lost.id == "clear"
    why = f"a t-string, which Python 3.14 and newer read (this is graded with {name_of()})"
    assert all(test.message.startswith(f"SyntaxError: clear could not be read: {why}") for test in lost.tests)
    (note,) = report.notes
    assert note.endswith(f"{why}; Cutter.clear is left out, the other methods are graded.")
    if form == "toy.py":
        assert note.startswith(f"toy.py, line {line_of(TEMPLATE, 'note =')}: ")


CUT = QUOTES.index("    def clear")
CELLS = {"below magics": [f"%matplotlib inline\n!ls\n{QUOTES}"], "cut in two": [QUOTES[:CUT], QUOTES[CUT:]]}


@pytest.mark.parametrize("case", CELLS)
def test_newer_syntax_costs_nothing_in_a_cell_as_students_have_it(course, grader, case):
    assert grader.grade(submit(course.root, "ada", book(*CELLS[case]), "toy.ipynb")).score == TOTAL


def test_a_file_of_which_nothing_is_left_says_which_python_it_needs(course, grader):
    text = "class Scaler:\n    def forward(self, x):\n        return t'{x}'\n"
    report = grader.grade(submit(course.root, "ada", text))
    if THIS < (3, 14):
        assert report.status is ReportStatus.UNREADABLE
        assert report.notes[0].startswith(
            "toy.py is written for a newer Python: a t-string, which Python 3.14 and newer read (this is graded with "
        )


def test_training_in_newer_syntax_is_not_worth_a_note(course, grader):
    report = grader.grade(submit(course.root, "ada", f'{SOLUTION}\nprint(f"{len("ab")}")\n'))
    assert (report.score, report.notes) == (TOTAL, ())


def test_what_mending_keeps_it_keeps_beside_newer_syntax_too():
    for text, since, *_ in NEW.values():
        found = mend(text.replace("return grad\n", "return grad)\n"), Effort())
        assert bool(found.newer) == (since > THIS)
        assert {damage.name for damage in found.damages} == {"Scaler.backward"}


def test_a_submission_without_work_is_still_refused(course):
    with pytest.raises(UnreadableSubmissionError, match=r"toy.py is not valid Python: .*Run it once with Python 3\."):
        extract_file(write(course.root / "submitted/x/toy.py", 'f"{d["a"]}"\nx = (\n'), course)
