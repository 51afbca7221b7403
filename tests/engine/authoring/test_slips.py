"""Slips of authors: each is told by the build, with its place and the remedy, and nothing is built."""

from __future__ import annotations

import pytest

from cnn_assignment.authoring.notebook import make_solution_notebook, require_names
from cnn_assignment.authoring.slips import refuse_slips
from cnn_assignment.core.errors import AuthoringError
from cnn_assignment.core.layout import load_assignment
from cnn_assignment.core.model import Hints
from processes import run
from toy_course import COLLECTED, edit, make_course, tree

SOLUTION, SETTINGS = "solutions/toy.py", "autograder/toy/assignment.toml"
BEGIN = "### BEGIN SOLUTION slope"


@pytest.fixture
def root(tmp_path):
    return make_course(tmp_path).root


def test_the_toy_has_none(root):
    refuse_slips(load_assignment(root, "toy"))


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        (SOLUTION, BEGIN, "## BEGIN SOLUTION slope", r"solutions/toy\.py:24: "),
        (SOLUTION, BEGIN, "### begin solution slope", r"solutions/toy\.py:24: "),
        (SOLUTION, BEGIN, "### BEGIN SOLUTON slope", r"solutions/toy\.py:24: "),
        (SOLUTION, BEGIN, "#### BEGIN SOLUTION slope", r"solutions/toy\.py:24: "),
        (
            SETTINGS,
            '"Cutter"]',
            '"Cuter"]',
            r"assignment\.toml: classes names 'Cuter', and .* defines no such class\. Write 'Cutter', if that",
        ),
        (
            SETTINGS,
            '["Scaler", "Cutter"]',
            '["Scaler"]',
            r"solutions/toy\.py:\d+: the class Cutter has the gap 'cut', and the settings leave it out\. Add it to classes",
        ),
        (SETTINGS, "Cutter.pieces", "Cutter.peices", r"names 'Cutter\.peices', .* Write 'Cutter\.pieces', if that"),
        (SETTINGS, "Cutter.pieces", "Q.z", r"names 'Q\.z', .* Functions and methods: Scaler\.__init__, "),
        (SETTINGS, "clear = [", "claer = [", r"stand_ins names the task 'claer', which has no gap\. Write 'clear'"),
        (SETTINGS, 'requirements = ["numpy"]', "requirements = []", r"assignment\.toml: no requirements: students"),
        (
            "autograder/toy/checks.py",
            "def test_slope_values",
            "def test_scale_values",
            r"checks\.py:12: a second test_scale_values: Python forgets the one at line 8\. Give it a name",
        ),
        (
            "autograder/toy/test_cut.py",
            "@pytest.mark.points(2)",
            "def test_values():\n    pass\n\n\n@pytest.mark.points(2)",
            r"test_cut\.py:\d+: a second test_values: Python forgets the one at line \d+",
        ),
        (
            SOLUTION,
            "import numpy as np",
            "import nunpy as np",
            r"solutions/toy\.py:3: the solution cannot be imported: ModuleNotFoundError: No module named 'nunpy'\. Mend",
        ),
        (
            SOLUTION,
            "HALF\n",
            "WHOLE\n",
            r"solutions/toy\.py:5: the solution cannot be imported: ImportError: cannot import",
        ),
        (
            SOLUTION,
            "import numpy as np",
            "import os; os._exit(3)",
            r"solutions/toy\.py: the solution cannot be imported: it ends",
        ),
    ],
)
def test_a_slip_is_told_where_it_was_made(root, file, old, new, told):
    edit(root / file, old, new)
    with pytest.raises(AuthoringError, match=told):
        refuse_slips(load_assignment(root, "toy"))


def test_the_build_tells_it_first_and_leaves_everything_as_it_was(root):
    edit(root / SOLUTION, BEGIN, "### BEGIN SOLUTON slope")
    before = tree(root)
    done = run("build", cwd=root, status=2)
    assert done.stderr.startswith("solutions/toy.py:24: ")
    assert tree(root) == before


SHARED = "class Shared:\n    def share(self, x): ...\n\n\n"


@pytest.mark.parametrize("is_provided", [False, True])
def test_a_stand_in_may_be_inherited(root, is_provided):
    (root / "solutions/given.py").write_text(f"HALF = 0.5\n\n\n{SHARED}", encoding="utf-8")
    edit(root / SOLUTION, "class Cutter:", f"{'' if is_provided else SHARED}class Cutter(Shared):")
    edit(root / SOLUTION, "import HALF\n", f"import HALF{', Shared' if is_provided else ''}\n")
    edit(root / SETTINGS, "Cutter.pieces", "Cutter.share")
    refuse_slips(load_assignment(root, "toy"))


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        (
            "source/toy.md",
            "import numpy as np\n",
            "",
            r"no cell defines np, .* Add `import numpy as np` to a code cell",
        ),
        (
            "solutions/toy.py",
            "class Cutter:",
            "def half(x):\n    return x / 2\n\n\nclass Cutter:\n    unit = half(2)\n",
            r'no cell defines half, .* Add a cell ```python insert="half"',
        ),
        ("autograder/toy/checks.py", "\n\ndef test_", "\n\n\ndef test_", None),
    ],
)
def test_what_the_narrative_forgets_is_told_with_what_to_add(tmp_path, file, old, new, told):
    assignment = make_course(tmp_path)
    text = (tmp_path / file).read_text(encoding="utf-8")
    assert old in text
    (tmp_path / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    notebook = make_solution_notebook(assignment, COLLECTED, Hints.STANDARD)
    if told is None:
        require_names(notebook, assignment)
        return
    with pytest.raises(AuthoringError, match=told):
        require_names(notebook, assignment)


def test_a_task_that_is_called_like_a_definition_or_the_assignment_is_refused(tmp_path):
    assignment = make_course(tmp_path)
    text = assignment.solution_file.read_text(encoding="utf-8")
    assignment.solution_file.write_text(text.replace("BEGIN SOLUTION cut", "BEGIN SOLUTION toy"), encoding="utf-8")
    with pytest.raises(AuthoringError, match=r"toy\.py:\d+: the task 'toy' is called like the assignment\. Call it"):
        refuse_slips(assignment)
