"""Misconceptions: edits and replaced methods on a small text, the file that lists them, and the list of `cnn`."""

from __future__ import annotations

import ast
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

import toy_course
from cnn_assignment.authoring.gaps import parse_answer, parse_gaps
from cnn_assignment.authoring.skeleton import make_skeleton
from cnn_assignment.core.errors import AuthoringError
from cnn_assignment.core.layout import load_assignment
from cnn_assignment.core.model import Hints
from cnn_assignment.misconceptions import Misconception, load_misconceptions
from cnn_kit import POINTS

SOLUTION = '''\
"""Scales, for é and others."""


class Scale:
    factor = 2

    @property
    @staticmethod
    def unit():
        return "kg"

    def grow(self, x):
        """Multiply."""
        y = x * self.factor  # twice
        return y

    def shrink(self, x): return x / self.factor


class Empty: pass


class Other:
    def grow(self, x):
        return x


def grow(x):
    return x
'''


def wrong(**fields):
    return Misconception(id="scale-forgotten", task="scale", tells="Look at the factor.", **fields)


# Edits


def test_an_edit_replaces_its_text_and_nothing_else():
    old, new = "y = x * self.factor", "y = x + self.factor"
    assert wrong(edits={old: new}).apply(SOLUTION) == SOLUTION.replace(old, new)


def test_edits_are_made_in_their_order_and_a_later_one_may_build_on_an_earlier_one():
    edits = {"x * self.factor": "x * self.size", "self.size": "self.weight"}
    assert wrong(edits=edits).apply(SOLUTION) == SOLUTION.replace("x * self.factor", "x * self.weight")


def test_an_edit_over_several_lines_keeps_its_indentation():
    edits = {"# twice\n        return y": "# twice\n        return -y"}
    assert wrong(edits=edits).apply(SOLUTION) == SOLUTION.replace("return y", "return -y")


@pytest.mark.parametrize(
    ("old", "said"),
    [
        ("self.size", r"'self\.size' stands 0 times in the solution, and not once"),
        ("return x\n\n\ndef shrink", r"'return x' stands 0 times in the solution, and not once"),
        ("self.factor", r"'self\.factor' stands 2 times in the solution, and not once"),
        ("", r"'' stands \d+ times in the solution, and not once"),
        ("\n", r"'\\n' stands \d+ times in the solution, and not once"),
    ],
)
def test_an_edit_whose_text_does_not_stand_there_once_no_longer_applies(old, said):
    with pytest.raises(AuthoringError, match=rf"misconceptions\.py: scale-forgotten does not apply: {said}"):
        wrong(edits={old: "nothing"}).apply(SOLUTION)


def test_an_edit_that_an_earlier_one_has_taken_away_no_longer_applies():
    edits = {"y = x * self.factor": "y = x", "* self.factor": "* 3"}
    with pytest.raises(AuthoringError, match="stands 0 times"):
        wrong(edits=edits).apply(SOLUTION)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"edits": {"factor = 2": "factor = 2"}},
        {"methods": {"Other.grow": "def grow(self, x):\n    return x"}},
    ],
    ids=["nothing asked for", "an edit", "a method"],
)
def test_a_misconception_that_changes_nothing_is_an_error(fields):
    with pytest.raises(AuthoringError, match="scale-forgotten does not apply: it changes nothing"):
        wrong(**fields).apply(SOLUTION)


@given(st.text(), st.text(min_size=1), st.text(), st.text())
def test_an_edit_applies_just_where_its_text_stands_once(before, old, after, new):
    text = before + old + after
    misconception = wrong(edits={old: new})
    if text.count(old) == 1 and old != new:
        assert misconception.apply(text) == before + new + after
    else:
        with pytest.raises(AuthoringError, match="does not apply"):
            misconception.apply(text)


# Methods


def test_a_method_is_replaced_and_the_rest_stays_byte_for_byte():
    source = '''
        def grow(self, x):
            """Say a word."""
            if x:

                return "é"
            return x
        '''
    text = wrong(methods={"Scale.grow": source}).apply(SOLUTION)
    old = SOLUTION[SOLUTION.index("    def grow(self") : SOLUTION.index("return y") + len("return y")]
    new = '    def grow(self, x):\n        """Say a word."""\n        if x:\n\n            return "é"\n        return x'
    assert text == SOLUTION.replace(old, new)


def test_the_method_of_the_named_class_is_replaced_and_no_namesake():
    text = wrong(methods={"Other.grow": "def grow(self, x):\n    return -x"}).apply(SOLUTION)
    before, _, after = SOLUTION.partition("class Other:")
    assert text == before + "class Other:" + after.replace("return x", "return -x", 1)


def test_a_method_on_one_line_is_replaced_by_several():
    text = wrong(methods={"Scale.shrink": "def shrink(self, x):\n    y = x\n    return y"}).apply(SOLUTION)
    old = "    def shrink(self, x): return x / self.factor"
    assert text == SOLUTION.replace(old, "    def shrink(self, x):\n        y = x\n        return y")


def test_a_decorated_method_is_replaced_with_its_decorators():
    text = wrong(methods={"Scale.unit": "def unit(self):\n    return 'g'"}).apply(SOLUTION)
    old = '    @property\n    @staticmethod\n    def unit():\n        return "kg"'
    assert text == SOLUTION.replace(old, "    def unit(self):\n        return 'g'")


def test_a_wrong_method_may_bring_decorators():
    text = wrong(methods={"Scale.grow": "@staticmethod\ndef grow(x):\n    return x"}).apply(SOLUTION)
    (scale,) = (node for node in ast.parse(text).body if isinstance(node, ast.ClassDef) and node.name == "Scale")
    grow = next(node for node in scale.body if isinstance(node, ast.FunctionDef) and node.name == "grow")
    assert [ast.unparse(decorator) for decorator in grow.decorator_list] == ["staticmethod"]


def test_several_methods_and_edits_are_applied_together():
    misconception = wrong(
        edits={"factor = 2": "factor = 3"},
        methods={"Scale.grow": "def grow(self, x):\n    pass", "Scale.shrink": "def shrink(self, x):\n    return x"},
    )
    names = {}
    exec(compile(misconception.apply(SOLUTION), "scale", "exec"), names)
    scale = names["Scale"]()
    assert (scale.factor, scale.grow(1), scale.shrink(1), names["Other"]().grow(1)) == (3, None, 1, 1)


def test_a_function_is_replaced_and_methods_of_its_name_are_not():
    text = wrong(methods={"grow": "def grow(x):\n    return 2 * x"}).apply(SOLUTION)
    assert text == SOLUTION.replace("def grow(x):\n    return x", "def grow(x):\n    return 2 * x")


@pytest.mark.parametrize("name", ["Scale.sink", "Scale.factor", "Empty.grow", "Missing.grow", "shrink", "Scale."])
def test_a_method_that_the_solution_does_not_have_is_an_error(name):
    with pytest.raises(
        AuthoringError, match=f"does not apply: the solution has no (method|function) {re.escape(name)}"
    ):
        wrong(methods={name: "def grow(self, x):\n    return x"}).apply(SOLUTION)


# The file


@pytest.fixture
def toy(tmp_path):
    return toy_course.make_course(tmp_path / "course")


def listed(assignment, text):
    path = assignment.autograder_dir / "misconceptions.py"
    head = "from cnn_assignment.misconceptions import Misconception as M\n"
    path.write_text(head + text, encoding="utf-8")
    return load_misconceptions(assignment)


def entry(assignment, **fields):
    """The source of a valid entry, with some of its fields changed."""
    first_line = assignment.solution_file.read_text(encoding="utf-8").split("\n")[0]
    valid = {
        "id": "m",
        "task": next(iter(toy_course.TASKS)),
        "tells": "Look.",
        "edits": {first_line: f"{first_line}  # x"},
    }
    return f"M({', '.join(f'{name}={value!r}' for name, value in (valid | fields).items())})"


def test_an_assignment_without_a_list_has_no_misconceptions(toy):
    assert load_misconceptions(toy) == ()


def test_misconceptions_keep_the_order_of_the_list(toy):
    entries = [entry(toy, id=name, tells=name) for name in ("b", "c", "a")]
    assert [found.id for found in listed(toy, f"MISCONCEPTIONS = [{', '.join(entries)}]")] == ["b", "c", "a"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"task": "missing"}, "m is of the task 'missing', which the solution does not have"),
        ({"tells": " "}, "m needs a sentence of its own for the student"),
        ({"same_as": ("n",)}, "m is the same as n, which is not in the list"),
        ({"edits": {"not there": ""}}, "m does not apply: 'not there' stands 0 times"),
        ({"edits": {}, "methods": {"No.where": "def where(): pass"}}, "the solution has no method No.where"),
    ],
    ids=["task", "sentence", "same_as", "edit", "method"],
)
def test_an_entry_that_is_not_valid_is_told_with_its_file(toy, fields, said):
    with pytest.raises(AuthoringError, match=rf"^autograder/toy/misconceptions\.py: .*{re.escape(said)}"):
        listed(toy, f"MISCONCEPTIONS = [{entry(toy, **fields)}]")


def test_an_edit_that_leaves_no_python_is_an_error(toy):
    first_line = toy.solution_file.read_text(encoding="utf-8").split("\n")[0]
    with pytest.raises(AuthoringError, match="m does not apply: the solution is no longer Python with it"):
        listed(toy, f"MISCONCEPTIONS = [{entry(toy, edits={first_line: 'def ('})}]")


def test_two_entries_with_one_id_or_one_sentence_are_an_error(toy):
    with pytest.raises(AuthoringError, match="two misconceptions are named m"):
        listed(toy, f"MISCONCEPTIONS = [{entry(toy)}, {entry(toy, tells='Look again.')}]")
    with pytest.raises(AuthoringError, match="needs a sentence of its own"):
        listed(toy, f"MISCONCEPTIONS = [{entry(toy)}, {entry(toy, id='n')}]")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 / 0", "it does not run: ZeroDivisionError: division by zero"),
        ("MISCONCEPTIONS = [", "it does not run: SyntaxError"),
        ("", "no list of misconceptions"),
        ("MISCONCEPTIONS = ['m']", "no list of misconceptions"),
    ],
)
def test_a_file_without_a_list_is_an_error(toy, text, said):
    with pytest.raises(AuthoringError, match=rf"^autograder/toy/misconceptions\.py: {re.escape(said)}"):
        listed(toy, text)


# The list of `cnn`

SHORTEST = 12
"""Shorter pieces of an answer, such as a name, are anybody's."""


@pytest.fixture(scope="module")
def cnn(course_root):
    """The list, which is loaded only if every entry applies to the solution and compiles."""
    return load_misconceptions(load_assignment(course_root, "cnn"))


def test_the_list_of_cnn_has_many_misconceptions_in_every_task(cnn):
    assert len(cnn) >= 100
    counts = Counter(misconception.task for misconception in cnn)
    assert set(counts) == set(POINTS)
    assert min(counts.values()) >= 10


def test_ids_are_unique_words_with_hyphens(cnn):
    ids = [misconception.id for misconception in cnn]
    assert len(set(ids)) == len(ids)
    assert [name for name in ids if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)] == []


def test_the_list_is_grouped_by_task_in_the_order_of_the_gaps(cnn):
    assert list(dict.fromkeys(misconception.task for misconception in cnn)) == list(POINTS)
    tasks = [misconception.task for misconception in cnn]
    assert tasks == sorted(tasks, key=list(POINTS).index)


def test_what_is_the_same_on_purpose_says_so_on_both_sides_and_within_one_task(cnn):
    by_id = {misconception.id: misconception for misconception in cnn}
    pairs = {(entry.id, other) for entry in cnn for other in entry.same_as}
    assert pairs == {(other, name) for name, other in pairs}
    assert all(name != other and by_id[name].task == by_id[other].task for name, other in pairs)


def test_no_two_misconceptions_make_the_same_program(cnn, course_root):
    solution = (course_root / "solutions/cnn.py").read_text(encoding="utf-8")
    programs = Counter(ast.dump(ast.parse(misconception.apply(solution))) for misconception in cnn)
    assert ast.dump(ast.parse(solution)) not in programs
    assert set(programs.values()) == {1}


def test_sentences_are_a_few_short_ones_of_plain_text(cnn):
    for misconception in cnn:
        tells = misconception.tells
        assert tells == " ".join(tells.split()), misconception.id
        assert tells[0].isupper(), misconception.id
        assert tells[-1] in ".?", misconception.id
        sentences = re.split(r"(?<=[.?!]) ", tells)
        assert 2 <= len(sentences) <= 4, misconception.id
        assert len(tells) <= 320, misconception.id


# What other code that gives the same values need not have, or do.
CAUSES = re.compile(
    r"\bself\b|\bLook for\b|(?<!training )\bloops?\b(?! in forward)|\bindentation\b|\bvariable\b|\bstatement\b|\bdefault argument\b"
    r"|(?<!what )(?<!What )\b[Yy]ou (?:return|yield|keep|store|write|took|take|multiply|add|append|compare|name|compute|use|go|hand|send)\b"
)


def test_sentences_name_no_cause_that_other_code_with_these_values_need_not_have(cnn):
    named = {entry.id: CAUSES.findall(entry.tells) for entry in cnn if CAUSES.search(entry.tells)}
    assert named == {}
    assert [entry.id for entry in cnn if not re.search(r"(Look|Check|Compare) |[Ll]ook at", entry.tells)] == []


def answers(solution):
    """Lines and expressions of the gaps, less those that the skeleton shows."""
    shown = flat(make_skeleton(solution, "solutions/cnn.py", Hints.STANDARD))
    found = set()
    for gap in parse_gaps(solution, "solutions/cnn.py"):
        found |= {line.strip() for line in gap.answer.split("\n")}
        nodes = (node for node in ast.walk(parse_answer(gap)) if isinstance(node, ast.expr | ast.stmt))
        found |= {ast.unparse(node) for node in nodes}
    return {piece for piece in map(flat, found) if len(piece) >= SHORTEST and piece not in shown}


def flat(text):
    return "".join(text.split())


def test_no_sentence_holds_a_piece_of_an_answer(cnn, course_root):
    solution = (course_root / "solutions/cnn.py").read_text(encoding="utf-8")
    secrets = answers(solution)
    assert len(secrets) > 30
    assert flat("view.max(axis=(2, 3))") in secrets
    told = [
        (misconception.id, piece) for misconception in cnn for piece in secrets if piece in flat(misconception.tells)
    ]
    assert told == []
