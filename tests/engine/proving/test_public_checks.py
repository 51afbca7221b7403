"""Public checks run as students run them: each one that says the wrong thing of some answer is named."""

from __future__ import annotations

import json
import shutil

import pytest

import toy_course
from cnn_assignment.cli.proving import make_proof
from cnn_assignment.core.layout import load_assignment
from cnn_assignment.proving import public_checks
from cnn_assignment.proving.public_checks import PublicChecks
from cnn_assignment.running.pool import collect_tasks
from processes import run
from toy_course import SOLUTION, edit, write

CLAIMS = [
    "{} public checks pass on the solution",
    "4 check cells pass in the notebook of the solution",
    "{} public checks fail on the skeleton",
    "4 check cells fail in the notebook of the skeleton",
]
SCALE = "def test_scale_values():\n"


@pytest.fixture
def course(tmp_path):
    return toy_course.make_course(tmp_path).root


def try_checks(course, jobs=1):
    """The public checks of a course, which were run."""
    assignment = load_assignment(course, "toy")
    checks = PublicChecks(assignment, collect_tasks(assignment))
    told = []
    checks.run(jobs, told.append)
    assert len(told) == len(checks)
    return checks


def add_check(course, text):
    path = course / "autograder/toy/checks.py"
    write(path, path.read_text(encoding="utf-8") + f"\n\n{text}\n")


def add_right(course, name, old, new):
    """A right solution that differs from the solution in one place."""
    assert old in SOLUTION
    write(course / f"autograder/toy/proof/right/{name}.py", SOLUTION.replace(old, new))


def broken(checks):
    """The claims that do not hold, with what is."""
    return {finding.claim: finding.found for finding in checks.findings if not finding.holds}


def test_sound_checks_pass_where_the_answer_is_right_and_fail_where_there_is_none(course):
    add_right(course, "other", "(x + HALF)\n", "(HALF + x)\n")
    checks = try_checks(course, jobs=2)
    assert checks.survivors == []
    assert [finding.claim for finding in checks.findings] == [
        *(claim.format(4) for claim in CLAIMS),
        "1 right solutions pass the public checks, in the notebook too",
    ]
    assert all(finding.holds for finding in checks.findings)


def test_a_check_that_a_right_answer_fails_is_named_with_what_it_said(course):
    edit(course / "autograder/toy/checks.py", "== [8.0]", "== [9.0]")
    checks = try_checks(course)
    assert broken(checks) == {CLAIMS[0].format(4): "all but 1", CLAIMS[1]: "all but 1"}
    beside, in_notebook = checks.survivors
    assert beside.startswith("the solution: public check test_scale_values: failed: AssertionError: assert ")
    assert in_notebook == "the solution: in the notebook: scale: failed: test_scale_values: AssertionError"


def test_a_check_that_passes_on_the_skeleton_is_named(course):
    add_check(course, "def test_cut_nothing():\n    assert Cutter(3).size == 3")
    checks = try_checks(course)
    assert broken(checks) == {CLAIMS[2].format(5): "all but 1"}
    assert checks.survivors == ["the skeleton: public check test_cut_nothing: passed"]


def test_a_check_cell_that_passes_on_the_skeleton_is_named(course):
    edit(course / "autograder/toy/checks.py", 'assert Scaler(4.0).forward(np.array([1.5]))["out"] == [8.0]', "pass")
    assert try_checks(course).survivors == [
        "the skeleton: public check test_scale_values: passed",
        "the skeleton: in the notebook: scale: passed",
    ]


def test_a_check_that_is_skipped_says_nothing_of_anybody(course):
    edit(course / "autograder/toy/checks.py", SCALE, "import pytest\n\n\n" + SCALE + "    pytest.skip('later')\n")
    found = try_checks(course).survivors
    assert "the solution: public check test_scale_values: skipped: Skipped: later" in found
    assert "the skeleton: public check test_scale_values: skipped: Skipped: later" in found


def test_a_name_that_only_the_module_of_the_checks_imports_is_missing_in_the_notebook(course):
    edit(course / "autograder/toy/checks.py", SCALE, f"import math\n\n\n{SCALE}    math.sqrt(4.0)\n")
    checks = try_checks(course)
    told = "test_scale_values: NameError: name 'math' is not defined"
    assert checks.survivors == [f"the solution: in the notebook: scale: failed: {told}"]


def test_a_name_of_a_check_that_the_narrative_takes_is_found_in_the_notebook(course):
    edit(course / "source/toy.md", '```python check="slope"', '```python\nnp = None\n```\n\n```python check="slope"')
    found = try_checks(course).survivors
    assert any(
        line.startswith("the solution: in the notebook: slope: failed: test_slope_values: Attr") for line in found
    )
    assert not any("public check" in line for line in found)


def test_a_cell_that_stops_a_right_answer_on_the_way_to_the_checks_is_named(course):
    edit(course / "source/toy.md", '```python check="cut"', '```python\n1 / 0\n```\n\n```python check="cut"')
    assert try_checks(course).survivors == [
        "the solution: in the notebook: the cell `1 / 0`: failed: ZeroDivisionError: division by zero"
    ]


def test_of_cells_that_begin_alike_the_one_that_fails_is_told(course):
    cells = "".join(f"```python\nx = 1\n{line}\n```\n\n" for line in ("x += 1", "x /= 0", "x -= 1"))
    edit(course / "source/toy.md", '```python check="cut"', f'{cells}```python check="cut"')
    assert try_checks(course).survivors == [
        "the solution: in the notebook: the cell `x = 1`: failed: ZeroDivisionError: division by zero"
    ]


def test_cells_may_hold_what_only_a_notebook_understands(course):
    optional = "try:\n    import numpyro_of_students\nexcept ImportError:\n    pass\n"
    magic = "%precision 3\n%matplotlib inline\n"
    edit(course / "source/toy.md", "import numpy as np\n", f"{magic}import numpy as np\n{optional}")
    assert try_checks(course).survivors == []


def test_what_stands_below_the_last_check_is_not_run(course):
    path = course / "source/toy.md"
    write(path, path.read_text(encoding="utf-8") + "\n```python\n1 / 0\n```\n")
    assert try_checks(course).survivors == []


def test_a_right_solution_that_fails_a_public_check_is_named(course):
    add_right(course, "lists", "yield number, x[number", "yield float(number), x[number")
    add_check(
        course,
        "def test_cut_type():\n    assert [type(number) for number, _ in Cutter().pieces(np.arange(2.0))] == [int]",
    )
    checks = try_checks(course, jobs=2)
    assert broken(checks) == {"1 right solutions pass the public checks, in the notebook too": "all but 1"}
    beside, in_notebook = checks.survivors
    assert beside.startswith("right solution lists: public check test_cut_type: failed: AssertionError: ")
    assert in_notebook.startswith("right solution lists: in the notebook: cut: failed: test_cut_type: AssertionError")


def test_a_check_that_never_ends_costs_its_time_and_no_more(course, monkeypatch):
    monkeypatch.setattr(public_checks, "_LIMIT_S", 4.0)
    edit(
        course / "autograder/toy/checks.py",
        "def test_slope_values():\n",
        "def test_slope_values():\n    while True: pass\n",
    )
    found = try_checks(course, jobs=2).survivors
    assert "the solution: public check test_slope_values: failed: took longer than 4 s" in found
    assert "the solution: in the notebook: slope: failed: took longer than 4 s" in found
    assert not any("test_scale" in line for line in found)


def test_a_check_that_ends_its_process_is_told(course):
    edit(course / "autograder/toy/checks.py", SCALE, f"import os\n\n\n{SCALE}    os._exit(3)\n")
    assert "the solution: public check test_scale_values: failed: ended the process" in try_checks(course).survivors


def test_checks_that_cannot_be_imported_are_told_with_the_reason(course):
    edit(course / "autograder/toy/checks.py", "import Cutter, Scaler", "import Cutter, Scaler, Rotor")
    found = try_checks(course).survivors
    told = "ImportError: cannot import name 'Rotor' from 'toy'"
    assert any(line.startswith(f"the solution: public check test_scale_values: failed: {told}") for line in found)
    assert any(line.startswith(f"the skeleton: public check test_scale_values: {told}") for line in found)


def test_a_package_that_is_not_installed_here_is_told_once(course):
    edit(course / "source/toy.md", "import numpy as np\n", "import numpy as np\nimport numpyro_of_students.deep\n")
    checks = try_checks(course)
    assert checks.survivors == []
    assert broken(checks) == {
        "what the notebook imports is installed here": "no numpyro_of_students. "
        "`python -m pip install -r release/toy/requirements.txt` brings what students have"
    }
    assert [finding.claim for finding in checks.findings if finding.holds] == [CLAIMS[0].format(4), CLAIMS[2].format(4)]


def test_the_command_names_them_and_exits_with_1(built, tmp_path):
    course = shutil.copytree(built, tmp_path / "course")
    edit(course / "autograder/toy/checks.py", "== [8.0]", "== [9.0]")
    data = json.loads(run("verify", "toy", "--json", cwd=course, status=1).stdout)
    assert [row["found"] for row in data["findings"] if row["claim"] == CLAIMS[0].format(4)] == ["all but 1"]
    assert data["survivors"][0].startswith("the solution: public check test_scale_values: failed")


def test_a_narrative_that_does_not_fit_is_a_finding_of_its_own(built, tmp_path):
    course = shutil.copytree(built, tmp_path / "course")
    edit(course / "source/toy.md", 'check="slope"', 'check="slop"')
    proof = make_proof(load_assignment(course, "toy"))
    proof.run(2)
    (told,) = (finding.found for finding in proof.findings if finding.claim == "public checks can be run")
    assert told.startswith("source/toy.md")
    assert "unknown task 'slop'" in told
    assert not proof.holds
