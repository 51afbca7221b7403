"""The solution notebook: what goes into its cells, and what is refused."""

from __future__ import annotations

import re
from dataclasses import replace

import nbformat
import pytest
from nbgrader.nbgraderformat import MetadataValidator

import authoring_kit
from authoring_kit import TASKS, edit
from cnn_assignment.authoring.gaps import parse_gaps
from cnn_assignment.authoring.notebook import make_solution_notebook
from cnn_assignment.core.errors import AuthoringError
from cnn_assignment.core.model import Hints


@pytest.fixture
def assignment(tmp_path):
    return authoring_kit.make_course(tmp_path)


def make(assignment, tasks=TASKS, hints=Hints.STANDARD):
    return make_solution_notebook(assignment, tasks, hints)


def graded(notebook):
    """The cells that nbgrader knows, by grade id."""
    return {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells if "nbgrader" in cell.metadata}


def test_every_class_is_a_solution_cell_and_every_task_a_grade_cell(assignment):
    cells = graded(make(assignment))
    assert list(cells) == ["Ramp", "ramp-up", "ramp-down", "Bag", "bag-order"]
    assert cells["Ramp"].metadata == {
        "nbgrader": {
            "grade": False,
            "grade_id": "Ramp",
            "locked": False,
            "schema_version": 3,
            "solution": True,
            "task": False,
        }
    }
    assert cells["ramp-down"].metadata == {
        "nbgrader": {
            "grade": True,
            "grade_id": "ramp-down",
            "locked": True,
            "points": 1.5,
            "schema_version": 3,
            "solution": False,
            "task": False,
        }
    }


def test_whole_points_are_integers(assignment):
    points = graded(make(assignment))["ramp-up"].metadata.nbgrader.points
    assert (points, type(points)) == (2, int)


def test_nbformat_and_nbgrader_accept_the_notebook(assignment):
    notebook = make(assignment)
    nbformat.validate(notebook)
    MetadataValidator().validate_nb(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata.kernelspec.name == "python3"


def test_the_notebook_remembers_its_edition(assignment):
    assert make(assignment, hints=Hints.GUIDED).metadata.cnn_assignment == {"hints": "guided"}


def test_a_class_comes_with_the_comment_above_it_and_its_last_marker(assignment):
    cells = graded(make(assignment))
    assert cells["Ramp"].source.startswith("# A ramp goes up and down.\nclass Ramp:")
    assert cells["Ramp"].source.endswith('return steps["out"]')
    assert cells["Bag"].source.endswith("### END SOLUTION")
    assert [gap.task for gap in parse_gaps(cells["Bag"].source, "Bag")] == ["bag-order", "bag-order"]


def test_a_class_comes_with_its_decorators(assignment):
    edit(assignment.solution_file, "# A ramp goes", "def keep(a):\n    return a\n\n\n# Kept.\n@keep\n# A ramp goes")
    assert graded(make(assignment))["Ramp"].source.startswith("# Kept.\n@keep\n# A ramp")


def test_a_check_cell_holds_its_checks_what_they_need_their_calls_and_a_word_at_the_end(assignment):
    source = graded(make(assignment))["ramp-up"].source
    assert (
        source
        == """# What a ramp of three is made of.
_THREE = 3


def _expect(actual, expected):
    assert actual == expected, f"expected {expected}, got {actual}"


def test_ramp_up_length():
    _expect(len(Ramp().up(0, _THREE)), 3)


def test_ramp_up_values():
    _expect(Ramp().up(1, 2), [1, 1 + STEP])


test_ramp_up_length()
test_ramp_up_values()
print("ramp-up: every public check passes")"""
    )


def test_the_table_of_tasks_is_made_from_the_tasks(assignment):
    edit(assignment.narrative_file, "First the imports.", "Before.\n\n<!-- tasks -->\n\nAfter.")
    first = make(assignment).cells[0].source
    assert first == (
        "# A toy\n\nBefore.\n\n"
        "| task | what it asks for | points |\n| --- | --- | ---: |\n"
        "| `ramp-up` | Going up | 2 |\n| `ramp-down` | Going down \\| slowly | 1.5 |\n"
        "| `bag-order` | A bag in order | 3 |\n| | total | 6.5 |"
        "\n\nAfter."
    )


def test_the_table_of_tasks_changes_with_points_and_titles(assignment):
    edit(assignment.narrative_file, "First the imports.", "<!-- tasks -->")
    tasks = (replace(TASKS[0], title=r"Up to \1", max_score=7.25), *TASKS[1:])
    first = make(assignment, tasks).cells[0].source
    assert r"| `ramp-up` | Up to \1 | 7.25 |" in first
    assert "| | total | 11.75 |" in first


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
    edit(assignment.narrative_file, "First the imports.", line)
    source = make(assignment).cells[0].source
    assert ("| | total | 6.5 |" in source) == is_table
    assert (line.strip() in source) != is_table


def test_code_is_never_taken_for_the_table_of_tasks(assignment):
    edit(
        assignment.narrative_file,
        "from given import STEP\n",
        "from given import STEP\nTEXT = '''\n<!-- tasks -->\n'''\n",
    )
    code = next(cell.source for cell in make(assignment).cells if cell.cell_type == "code")
    assert code.endswith("TEXT = '''\n<!-- tasks -->\n'''")


def test_a_check_belongs_to_the_longest_task_id_that_its_name_begins_with(assignment):
    for path in (assignment.solution_file, assignment.narrative_file):
        edit(path, "ramp-down", "ramp-up-and-down")
    edit(assignment.checks_file, "test_ramp_down_values", "test_ramp_up_and_down")
    tasks = (TASKS[0], replace(TASKS[1], id="ramp-up-and-down"), TASKS[2])
    cells = graded(make(assignment, tasks))
    assert "test_ramp_up_and_down" in cells["ramp-up-and-down"].source
    assert "test_ramp_up_and_down" not in cells["ramp-up"].source


def test_the_solution_notebook_passes_its_own_checks(assignment, capsys):
    space = {}
    exec("STEP = 1", space)
    for cell in make(assignment).cells:
        if cell.cell_type == "code" and "import" not in cell.source:
            exec(cell.source, space)
    assert capsys.readouterr().out.splitlines() == [
        f"{task}: every public check passes" for task in ("ramp-up", "ramp-down", "bag-order")
    ]


def test_a_class_without_a_gap_is_a_plain_cell_which_nbgrader_leaves_as_it_is(assignment):
    edit(assignment.solution_file, "class Bag:", "class Spare:\n    pass\n\n\nclass Bag:")
    edit(assignment.narrative_file, "Now the way", '```python insert="Spare"\n```\n\nNow the way')
    (cell,) = [cell for cell in make(assignment).cells if cell.source.startswith("class Spare")]
    assert cell.metadata == {}


def test_equal_inputs_give_equal_notebooks_and_a_changed_answer_keeps_all_cell_ids(assignment):
    first = make(assignment)
    assert nbformat.writes(make(assignment)) == nbformat.writes(first)
    edit(assignment.solution_file, "start - STEP * position", "start - position * STEP")
    assert [cell.id for cell in make(assignment).cells] == [cell.id for cell in first.cells]
    assert len({cell.id for cell in first.cells}) == len(first.cells)


def test_equal_cells_have_different_ids(assignment):
    edit(assignment.narrative_file, "Now the way down.", "```python\nSTEP\n```\n\n```python\nSTEP\n```")
    ids = [cell.id for cell in make(assignment).cells]
    assert len(set(ids)) == len(ids)


def test_other_cells_have_no_metadata_and_no_outputs(assignment):
    for cell in make(assignment).cells:
        if "nbgrader" not in cell.metadata:
            assert cell.metadata == {}
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)


INSERT_BAG = '```python insert="Bag"\n```\n'
CHECK_DOWN = '```python check="ramp-down"\n```\n'


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (
            "source",
            'insert="Bag"',
            'insert="Bog"',
            "source/toy.md:27: unknown class 'Bog'. solutions/toy.py has these: Ramp, Bag.",
        ),
        ("source", 'check="ramp-down"', 'check="ramp"', "source/toy.md:24: unknown task 'ramp'. Tasks: ramp-up, "),
        ("source", INSERT_BAG, "", "source/toy.md: no cells insert the class 'Bag'."),
        ("source", INSERT_BAG, f"{INSERT_BAG}\n{INSERT_BAG}", "source/toy.md:30: 2 cells insert the class 'Bag'."),
        ("source", CHECK_DOWN, "", "source/toy.md: no cells check the task 'ramp-down'."),
        (
            "source",
            CHECK_DOWN,
            f"{CHECK_DOWN}\n{CHECK_DOWN}",
            "source/toy.md:27: 2 cells check the task 'ramp-down'.",
        ),
        (
            "source",
            INSERT_BAG,
            INSERT_BAG.replace("\n```", "\nx = 1\n```"),
            'source/toy.md:27: the cell insert="Bag" is not an empty code cell.',
        ),
        (
            "source",
            "from given",
            "### BEGIN SOLUTON ramp-up\nfrom given",
            "source/toy.md: the narrative holds the gap marker '### BEGIN SOLUTON ramp-up'.",
        ),
        (
            "checks",
            "def test_bag_order_values",
            "def test_bog_values",
            "autograder/toy/checks.py:26: the check test_bog_values belongs to no task.",
        ),
        (
            "checks",
            "def test_bag_order_values",
            "def bag_order_values",
            "source/toy.md:30: no public check for the task 'bag-order'.",
        ),
        (
            "checks",
            "def test_bag_order_values()",
            "def test_bag_order_values(tmp_path)",
            "autograder/toy/checks.py:26: the check test_bag_order_values is not a plain function",
        ),
        ("checks", "_THREE = 3", "_THREE = = 3", "autograder/toy/checks.py:7: not valid Python: invalid syntax."),
        (
            "solution",
            "### BEGIN SOLUTION ramp-up",
            "### BEGIN SOLUTION ramp-over",
            "solutions/toy.py:12: a gap without a task: no hidden test for 'ramp-over'.",
        ),
        (
            "solution",
            "from given import STEP",
            "### BEGIN SOLUTION ramp-up\nfrom given import STEP\n### END SOLUTION",
            "solutions/toy.py:3: the gap 'ramp-up' is in no cell of the notebook.",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused_where_it_stands(assignment, file, old, new, message):
    paths = {
        "source": assignment.narrative_file,
        "checks": assignment.checks_file,
        "solution": assignment.solution_file,
    }
    edit(paths[file], old, new)
    with pytest.raises(AuthoringError, match="^" + re.escape(message)):
        make(assignment)


def test_a_task_without_a_gap_is_refused(assignment):
    tasks = (*TASKS, replace(TASKS[0], id="ramp-over"))
    with pytest.raises(AuthoringError, match=r"^autograder/toy/test_ramp_over.py: a task without a gap"):
        make(assignment, tasks)


def test_a_missing_or_unreadable_file_is_refused(assignment):
    assignment.checks_file.write_bytes(b'"""\xff"""')
    with pytest.raises(AuthoringError, match=r"^autograder/toy/checks.py: not UTF-8: byte 3 is 0xff"):
        make(assignment)
    assignment.checks_file.unlink()
    with pytest.raises(AuthoringError, match=r"^autograder/toy/checks.py: no such file"):
        make(assignment)
