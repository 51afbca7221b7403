"""docs/writing-tests.md, step by step: what it shows is done on a copy of the course, and does what it says."""

from __future__ import annotations

import json
import re
import textwrap

import pytest

from cnn_kit import NAME, copy_course, run
from places import ROOT
from processes import run_pytest
from toy_course import edit, write

pytestmark = pytest.mark.usefixtures("unmeasured")

GUIDE = (ROOT / "docs/writing-tests.md").read_text(encoding="utf-8")
WALKS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", GUIDE, re.MULTILINE | re.DOTALL))
ADD_TEST, ADD_MISCONCEPTION, READ_TABLE = (
    WALKS[title] for title in ("Add a hidden test", "Add a misconception", "Read the gate's table")
)
EQUAL = "Several pixels of a window may be the largest"
MAXIMA = 'cache["out"][:, :, row, col] = view.max(axis=(2, 3))'


def code_in(walk):
    """The one block of Python in a walk."""
    (block,) = re.findall(r"```python\n(.*?)\n *```", walk, re.DOTALL)
    return textwrap.dedent(block)


@pytest.fixture
def course(tmp_path):
    return copy_course(ROOT, tmp_path / "course")


def submission(course, answer):
    """The solution with another answer in pool-forward."""
    text = (course / f"solutions/{NAME}.py").read_text(encoding="utf-8")
    assert text.count(MAXIMA) == 1
    return write(course / "submitted/ada/cnn.py", text.replace(MAXIMA, answer))


def report_on(course):
    run("cnn-assignment", "grade", NAME, "submitted", "--out", "reports", "--no-gradebook", cwd=course)
    report = json.loads((course / "reports/ada.json").read_text(encoding="utf-8"))
    return {task["id"]: task for task in report["tasks"]}


@pytest.mark.parametrize("walk", [ADD_TEST, ADD_MISCONCEPTION, READ_TABLE], ids=["test", "misconception", "table"])
def test_each_walk_has_seven_steps(walk):
    assert re.findall(r"^(\d)\. \*\*", walk, re.MULTILINE) == list("1234567")


def test_a_hidden_test_is_added_as_the_guide_says(course):
    path = course / "autograder/cnn/test_pool_forward.py"
    before = run_pytest(f"autograder/{NAME}", "-k", "pool_forward", cwd=course)
    assert "pool-forward: 10 of 10" in before
    write(path, f"{path.read_text(encoding='utf-8')}\n\n{code_in(ADD_TEST)}")
    # Step 7: the solution passes it; a wrong answer fails it, and is told by the test's own words.
    assert "pool-forward: 12 of 12" in run_pytest(f"autograder/{NAME}", "-k", "pool_forward", cwd=course)
    wrong = submission(course, MAXIMA.replace("max", "min"))
    told = run_pytest(f"autograder/{NAME}", "-k", "pool_forward", "--submission", wrong, cwd=course, status=1)
    assert f"{EQUAL}: failed" in told
    pool = report_on(course)["pool-forward"]
    assert pool["max_score"] == 12
    assert [test["max_score"] for test in pool["tests"] if test["title"] == EQUAL] == [2]
    # Points of the notebook follow the tests.
    assert run("cnn-assignment", "build", NAME, "--check", cwd=course, status=1)
    run("cnn-assignment", "build", NAME, cwd=course)
    run("cnn-assignment", "build", NAME, "--check", cwd=course)
    released = json.loads((course / f"release/{NAME}/{NAME}.ipynb").read_text(encoding="utf-8"))
    marks = [cell["metadata"].get("nbgrader", {}) for cell in released["cells"]]
    assert [mark["points"] for mark in marks if mark.get("grade_id") == "pool-forward"] == [12]


def test_a_misconception_is_added_as_the_guide_says(course):
    squared = f"{MAXIMA.replace('view', '(view * view)')}"
    submission(course, squared)
    block = code_in(ADD_MISCONCEPTION)
    sentence = "Your values are squares: the largest square of each window, and not its largest pixel."
    lost = [test for test in report_on(course)["pool-forward"]["tests"] if test["outcome"] == "failed"]
    assert lost
    assert not any(sentence in why for test in lost for why in test["diagnosis"])
    path = course / "autograder/cnn/misconceptions.py"
    write(path, f"{path.read_text(encoding='utf-8')}\n{block}")
    tasks = report_on(course)
    lost = [test for test in tasks["pool-forward"]["tests"] if test["outcome"] == "failed"]
    assert all(any(sentence in why for why in test["diagnosis"]) for test in lost)
    # Step 4: one task only.
    assert [name for name, task in tasks.items() if task["score"] < task["max_score"]] == ["pool-forward"]
    # Step 7: an edit that no longer applies is named.
    edit(
        path,
        'view.max(axis=(2, 3))\\n            ### END": "np.max(view**2',
        'gone\\n            ### END": "np.max(view**2',
    )
    done = run("cnn-assignment", "grade", NAME, "submitted", "--out", "reports", cwd=course, status=2)
    assert "maximum-of-absolute-values-squared does not apply" in done


def test_the_table_of_the_guide_is_the_gate_s(course):
    (head, row) = re.search(r"```\n(task .*)\n(.*)\n```", READ_TABLE).groups()
    assert head.split("  ")[0] == "task"
    for column in ("misconceptions", "told in full", "mutants", "equivalent", "degenerate"):
        assert column in head
        assert f"**{column}:**" in READ_TABLE
    assert re.fullmatch(r"conv-forward +\d+ of \d+ +\d+ +\d+ of \d+ +\d+ +\d+ of \d+", row)
    assert (course / "autograder/cnn/proof/equivalent_mutants.toml").is_file()
    assert list((course / "autograder/cnn/proof/right").glob("*.py"))
