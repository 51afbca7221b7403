"""The solution notebook: what goes into its cells, and what is refused."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from cnn_assignment.authoring.gaps import parse_gaps
from cnn_assignment.authoring.notebook import make_solution_notebook
from cnn_assignment.core.errors import AuthoringError
from cnn_assignment.core.model import Hints
from toy_course import COLLECTED, SECOND_GAP, SOLUTION, edit, make_course, write

TASKS = (COLLECTED[0], replace(COLLECTED[1], title="The slope | of scaling", max_score=1.5), *COLLECTED[2:])
INSERT_CUTTER = '```python insert="Cutter"\n```\n'
CHECK_SLOPE = '```python check="slope"\n```\n'


@pytest.fixture
def assignment(tmp_path):
    """A course with a second gap at the end of a class; nothing of it is built."""
    assignment = make_course(tmp_path)
    write(assignment.solution_file, SOLUTION + SECOND_GAP)
    return assignment


def make(assignment, tasks=TASKS, hints=Hints.STANDARD):
    return make_solution_notebook(assignment, tasks, hints)


def graded(notebook):
    """The cells that nbgrader knows, by grade id."""
    return {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells if "nbgrader" in cell.metadata}


def test_every_class_is_a_solution_cell_and_every_task_a_grade_cell(assignment):
    cells = graded(make(assignment))
    assert list(cells) == ["Scaler", "scale", "slope", "Cutter", "cut", "clear"]
    assert cells["Scaler"].metadata == {
        "nbgrader": {
            "grade": False,
            "grade_id": "Scaler",
            "locked": False,
            "schema_version": 3,
            "solution": True,
            "task": False,
        }
    }
    assert cells["slope"].metadata == {
        "nbgrader": {
            "grade": True,
            "grade_id": "slope",
            "locked": True,
            "points": 1.5,
            "schema_version": 3,
            "solution": False,
            "task": False,
        }
    }


def test_whole_points_are_integers(assignment):
    points = graded(make(assignment))["cut"].metadata.nbgrader.points
    assert (points, type(points)) == (2, int)


def test_nbformat_and_nbgrader_accept_the_notebook(assignment):
    import nbformat
    from nbgrader.nbgraderformat import MetadataValidator

    notebook = make(assignment)
    nbformat.validate(notebook)
    MetadataValidator().validate_nb(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata.kernelspec.name == "python3"


def test_the_notebook_remembers_its_edition(assignment):
    assert make(assignment, hints=Hints.GUIDED).metadata.cnn_assignment == {"hints": "guided"}


def test_a_class_comes_with_the_comment_above_it_and_its_last_marker(assignment):
    edit(assignment.solution_file, "class Scaler:", "# Scales arrays.\nclass Scaler:")
    cells = graded(make(assignment))
    assert cells["Scaler"].source.startswith("# Scales arrays.\nclass Scaler:")
    assert cells["Scaler"].source.endswith("return grad")
    assert cells["Cutter"].source.endswith("### END SOLUTION")
    assert [gap.task for gap in parse_gaps(cells["Cutter"].source, "Cutter")] == ["cut", "clear", "cut"]


def test_a_class_comes_with_its_decorators(assignment):
    kept = "# Kept.\n@keep\n# Scales arrays.\nclass Scaler:"
    edit(assignment.solution_file, "class Scaler:", f"def keep(a):\n    return a\n\n\n{kept}")
    edit(assignment.narrative_file, INSERT_CUTTER, f'```python insert="keep"\n```\n\n{INSERT_CUTTER}')
    assert graded(make(assignment))["Scaler"].source.startswith(kept)


MORE_CHECKS = """# What is scaled.
_VALUE = 1.5


def _expect(actual, expected):
    assert actual == expected, f"expected {expected}, got {actual}"


def test_scale_length():
    _expect(len(Scaler().forward(np.array([_VALUE]))["out"]), 1)


"""


def test_a_check_cell_holds_its_checks_what_they_need_their_calls_and_a_word_at_the_end(assignment):
    edit(assignment.checks_file, "def test_scale_values", f"{MORE_CHECKS}def test_scale_values")
    cells = graded(make(assignment))
    assert (
        cells["scale"].source
        == f"""{MORE_CHECKS}def test_scale_values():
    assert Scaler(4.0).forward(np.array([1.5]))["out"] == [8.0]


test_scale_length()
test_scale_values()
print("scale: every public check passes")"""
    )
    assert "_expect" not in cells["slope"].source


def test_the_table_of_tasks_is_made_from_the_tasks(assignment):
    edit(assignment.narrative_file, "# A toy", "# A toy\n\nBefore.\n\n<!-- tasks -->\n\nAfter.")
    first = make(assignment).cells[0].source
    assert first == (
        "# A toy\n\nBefore.\n\n"
        "| task | what it asks for | points |\n| --- | --- | ---: |\n"
        "| `scale` | Scaling | 1 |\n| `slope` | The slope \\| of scaling | 1.5 |\n"
        "| `cut` | Cutting | 2 |\n| `clear` | Clearing | 3 |\n| | total | 7.5 |"
        "\n\nAfter."
    )


def test_the_table_of_tasks_changes_with_points_and_titles(assignment):
    edit(assignment.narrative_file, "# A toy", "<!-- tasks -->")
    tasks = (replace(TASKS[0], title=r"Scaling to \1", max_score=7.25), *TASKS[1:])
    first = make(assignment, tasks).cells[0].source
    assert r"| `scale` | Scaling to \1 | 7.25 |" in first
    assert "| | total | 13.75 |" in first


@pytest.mark.parametrize(
    ("line", "is_table"),
    [
        ("<!--tasks-->", True),
        ("  <!-- tasks -->  ", True),
        ("<!-- the tasks -->", False),
        ("The line `<!-- tasks -->` makes it.", False),
    ],
)
def test_only_a_line_of_its_own_makes_the_table_of_tasks(assignment, line, is_table):
    edit(assignment.narrative_file, "# A toy", line)
    source = make(assignment).cells[0].source
    assert ("| | total | 7.5 |" in source) == is_table
    assert (line.strip() in source) != is_table


def test_code_is_never_taken_for_the_table_of_tasks(assignment):
    edit(
        assignment.narrative_file,
        "from given import HALF\n",
        "from given import HALF\nTEXT = '''\n<!-- tasks -->\n'''\n",
    )
    code = next(cell.source for cell in make(assignment).cells if cell.cell_type == "code")
    assert code.endswith("TEXT = '''\n<!-- tasks -->\n'''")


def test_a_check_belongs_to_the_longest_task_id_that_its_name_begins_with(assignment):
    for path in (assignment.solution_file, assignment.narrative_file):
        edit(path, "slope", "scale-and-slope")
    edit(assignment.checks_file, "test_slope_values", "test_scale_and_slope")
    cells = graded(make(assignment, (TASKS[0], replace(TASKS[1], id="scale-and-slope"), *TASKS[2:])))
    assert "test_scale_and_slope" in cells["scale-and-slope"].source
    assert "test_scale_and_slope" not in cells["scale"].source


def test_the_solution_notebook_passes_its_own_checks(assignment, capsys):
    space = {}
    exec("import numpy as np; HALF = 0.5", space)
    for cell in make(assignment).cells:
        if cell.cell_type == "code" and "import" not in cell.source:
            exec(cell.source, space)
    assert capsys.readouterr().out.splitlines() == [f"{task.id}: every public check passes" for task in TASKS]


def test_a_class_without_a_gap_is_a_plain_cell_which_nbgrader_leaves_as_it_is(assignment):
    edit(assignment.solution_file, "class Cutter:", "class Spare:\n    pass\n\n\nclass Cutter:")
    edit(assignment.narrative_file, INSERT_CUTTER, f'```python insert="Spare"\n```\n\n{INSERT_CUTTER}')
    (cell,) = [cell for cell in make(assignment).cells if cell.source.startswith("class Spare")]
    assert cell.metadata == {}


def test_equal_inputs_give_equal_notebooks_and_a_changed_answer_keeps_all_cell_ids(assignment):
    import nbformat

    first = make(assignment)
    assert nbformat.writes(make(assignment)) == nbformat.writes(first)
    edit(assignment.solution_file, "self.factor * (x + HALF)", "(x + HALF) * self.factor")
    assert [cell.id for cell in make(assignment).cells] == [cell.id for cell in first.cells]
    assert len({cell.id for cell in first.cells}) == len(first.cells)


def test_equal_cells_have_different_ids(assignment):
    edit(assignment.narrative_file, "# A toy", "```python\nHALF\n```\n\n```python\nHALF\n```")
    ids = [cell.id for cell in make(assignment).cells]
    assert len(set(ids)) == len(ids)


def test_other_cells_have_no_metadata_and_no_outputs(assignment):
    for cell in make(assignment).cells:
        if "nbgrader" not in cell.metadata:
            assert cell.metadata == {}
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (
            "narrative",
            'insert="Cutter"',
            'insert="Cuter"',
            "source/toy.md:24: unknown class or function 'Cuter'. solutions/toy.py has these: Scaler, Cutter.",
        ),
        ("narrative", 'check="slope"', 'check="slop"', "source/toy.md:21: unknown task 'slop'. Tasks: scale, slope, "),
        ("narrative", INSERT_CUTTER, "", "source/toy.md: no cells insert the class 'Cutter'."),
        (
            "narrative",
            INSERT_CUTTER,
            f"{INSERT_CUTTER}\n{INSERT_CUTTER}",
            "source/toy.md:27: 2 cells insert the class 'Cutter'.",
        ),
        ("narrative", CHECK_SLOPE, "", "source/toy.md: no cells check the task 'slope'."),
        (
            "narrative",
            CHECK_SLOPE,
            f"{CHECK_SLOPE}\n{CHECK_SLOPE}",
            "source/toy.md:24: 2 cells check the task 'slope'.",
        ),
        (
            "narrative",
            INSERT_CUTTER,
            INSERT_CUTTER.replace("\n```", "\nx = 1\n```"),
            'source/toy.md:24: the cell insert="Cutter" is not an empty code cell.',
        ),
        (
            "narrative",
            "from given",
            "### BEGIN SOLUTON scale\nfrom given",
            "source/toy.md: the narrative holds the gap marker '### BEGIN SOLUTON scale'.",
        ),
        (
            "checks",
            "def test_clear_values",
            "def test_clean_values",
            "autograder/toy/checks.py:20: the check test_clean_values belongs to no task.",
        ),
        (
            "checks",
            "def test_clear_values",
            "def clear_values",
            "source/toy.md:30: no public check for the task 'clear'.",
        ),
        (
            "checks",
            "def test_clear_values()",
            "def test_clear_values(tmp_path)",
            "autograder/toy/checks.py:20: the check test_clear_values is not a plain function",
        ),
        ("checks", "import numpy", "numpy = = 3", "autograder/toy/checks.py:3: not valid Python: invalid syntax."),
        (
            "solution",
            "### BEGIN SOLUTION scale",
            "### BEGIN SOLUTION scale-all",
            "solutions/toy.py:17: a gap without a task: no hidden test for 'scale-all'.",
        ),
        (
            "solution",
            "from given import HALF",
            "### BEGIN SOLUTION scale\nfrom given import HALF\n### END SOLUTION",
            "solutions/toy.py:5: the gap 'scale' is in no cell of the notebook.",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused_where_it_stands(assignment, file, old, new, message):
    edit(getattr(assignment, f"{file}_file"), old, new)
    with pytest.raises(AuthoringError, match="^" + re.escape(message)):
        make(assignment)


def test_a_task_without_a_gap_is_refused(assignment):
    tasks = (*TASKS, replace(TASKS[0], id="scale-all"))
    with pytest.raises(AuthoringError, match=r"^autograder/toy/test_scale_all.py: a task without a gap"):
        make(assignment, tasks)


def test_a_missing_or_unreadable_file_is_refused(assignment):
    assignment.checks_file.write_bytes(b'"""\xff"""')
    with pytest.raises(AuthoringError, match=r"^autograder/toy/checks.py: not UTF-8: byte 3 is 0xff"):
        make(assignment)
    assignment.checks_file.unlink()
    with pytest.raises(AuthoringError, match=r"^autograder/toy/checks.py: no such file"):
        make(assignment)
