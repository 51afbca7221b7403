"""An assignment whose answers are texts, dicts and prints: built, proven and graded as any other."""

from __future__ import annotations

import json

import pytest

from cnn_assignment.core.layout import load_assignment
from processes import run
from toy_course import edit, write

SOLUTION = '''"""Words."""


def count(text):
    """How often each word occurs, as a dict."""
    ### BEGIN SOLUTION count-words
    found = {}
    for word in text.split():
        found[word] = found.get(word, 0) + 1
    ### END SOLUTION
    return found


def show(n):
    """Print a triangle of n lines of stars."""
    ### BEGIN SOLUTION show-stars
    for row in range(1, n + 1):
        print("*" * row)
    ### END SOLUTION


def label(word):
    """The word in capitals with its length behind a colon."""
    ### BEGIN SOLUTION label-word
    told = f"{word.upper()}:{len(word)}"
    ### END SOLUTION
    return told
'''
HIDDEN = {
    "count-words": '''"""Counting"""

import pytest

from cnn_assignment.testing import assert_value


@pytest.mark.points(2)
@pytest.mark.parametrize(
    "text", ["b a b", "one one", pytest.param("", marks=pytest.mark.degenerate_passes("zeros", "ones", "input", "argument",
    "random", "empty"))]
)
def test_values(student, reference, text):
    """Words of a text"""
    assert_value(student.count(text), reference.count(text), "count")
''',
    "show-stars": '''"""Showing"""

import pytest

from cnn_assignment.testing import assert_value, printed


@pytest.mark.points(1)
@pytest.mark.parametrize("n", [1, 2, 4])
def test_lines(student, n):
    """Lines of stars"""
    assert_value(printed(student.show, n), "".join("*" * row + "\\n" for row in range(1, n + 1)), "what show prints")
''',
    "label-word": '''"""Labelling"""

import pytest

from cnn_assignment.testing import assert_value


@pytest.mark.points(1)
@pytest.mark.parametrize("word", ["ab", "xyz"])
def test_text(student, reference, word):
    """A label"""
    assert_value(student.label(word), reference.label(word), "label")
''',
}
CHECKS = '''"""Checks."""

import contextlib
import io

from words import count, label, show


def test_count_words_one():
    assert count("a a") == {"a": 2}


def test_show_stars_one():
    with contextlib.redirect_stdout(io.StringIO()) as told:
        show(2)
    assert told.getvalue() == "*\\n**\\n"


def test_label_word_one():
    assert label("ab") == "AB:2"
'''
SETTINGS = 'functions = ["count", "show", "label"]\nrequirements = ["numpy"]\n'
NARRATIVE = "```python\nimport contextlib\nimport io\n```\n\n" + "".join(
    f'# {task}\n\n```python insert="{task.partition("-")[0]}"\n```\n\n```python check="{task}"\n```\n\n'
    for task in HIDDEN
)
MISTAKES = """from cnn_assignment.misconceptions import Misconception

MISCONCEPTIONS = [
    Misconception(
        "no-length", "label-word", "What stands behind the colon is not the length.", {"{len(word)}": "{len(word) + 1}"}
    ),
]
"""


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    root = tmp_path_factory.mktemp("course")
    run("init", root, cwd=root.parent)
    write(root / "solutions/words.py", SOLUTION)
    write(root / "source/words.md", NARRATIVE)
    write(root / "autograder/words/assignment.toml", SETTINGS)
    write(root / "autograder/words/checks.py", CHECKS)
    write(root / "autograder/words/misconceptions.py", MISTAKES)
    for task, text in HIDDEN.items():
        write(root / f"autograder/words/test_{task.replace('-', '_')}.py", text)
    run("build", "words", cwd=root)
    return load_assignment(root, "words")


def survivors(course, status):
    words = ("verify", "words", "--json", "--jobs", "1")
    return json.loads(run(*words, cwd=course.root, status=status).stdout)["survivors"]


@pytest.mark.nbgrader
def test_nothing_survives(course):
    assert survivors(course, status=0) == []


@pytest.mark.nbgrader
def test_a_case_in_which_an_empty_answer_is_right_has_to_say_so(course):
    path = course.autograder_dir / "test_count_words.py"
    text = path.read_text(encoding="utf-8")
    edit(path, '"zeros", ', "")
    try:
        (told,) = survivors(course, status=1)
        assert "zeros: passes test_values[]. Where that is right, mark the test or case with" in told
    finally:
        path.write_text(text, encoding="utf-8")


def test_a_wrong_text_is_told_by_its_place_and_by_its_mistake(course):
    wrong = SOLUTION.replace("### ", "# ").replace("{len(word)}", "{len(word) + 1}").replace('print("*"', 'print("+"')
    write(course.root / "handed/ada/words.py", wrong)
    run("grade", "words", "handed", "--out", "out", "--no-gradebook", cwd=course.root)
    report = json.loads((course.root / "out/ada.json").read_text(encoding="utf-8"))
    tasks = {task["id"]: task for task in report["tasks"]}
    assert {name: task["score"] for name, task in tasks.items()} == {"count-words": 2, "show-stars": 0, "label-word": 0}
    assert tasks["show-stars"]["tests"][0]["message"] == "what show prints: the text is wrong from character 1 on"
    assert tasks["label-word"]["tests"][0]["message"] == "label: the text is wrong from character 4 on"
    assert tasks["label-word"]["tests"][0]["diagnosis"] == ["What stands behind the colon is not the length."]
