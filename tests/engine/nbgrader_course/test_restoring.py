"""A submission as a notebook that nbgrader can grade, in order again, whatever the student made of it."""

from __future__ import annotations

import json
from pathlib import Path

import hypothesis.strategies as st
import nbformat
import pytest
from hypothesis import given
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from nbgrader.nbgraderformat import MetadataValidator

from cnn_assignment.core.errors import GraderError
from cnn_assignment.core.model import Assignment, Hints, Limits
from cnn_assignment.nbgrader_course.notebooks.annotate import annotate
from cnn_assignment.nbgrader_course.notebooks.cells import read_release, read_submitted, restore_notebook
from gradebook_kit import ANSWER, SCALER, SKELETON, cell_metadata, cell_of, make_report, source_notebook, write_notebook
from toy_course import TASKS

# What reading a submission needs of the assignment: no folder of it.
TOY = Assignment("toy", "A toy", Path("no course"), ("Scaler", "Cutter"), (), (), (), Hints.STANDARD, 0, Limits(), {})

NAMES = ["imports", "Scaler", "scale", "slope", "Cutter", "cut", "clear"]
LOCKED = ["imports", *TASKS]


def put(notebook):
    return restore_notebook(source_notebook(), "toy.ipynb", nbformat.writes(notebook).encode(), TOY)


def names_of(notebook):
    found = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in notebook.cells]
    return [name for name in found if name]


def assert_in_order(notebook):
    nbformat.validate(notebook)
    MetadataValidator().validate_nb(notebook)
    assert names_of(notebook) == NAMES
    for name in LOCKED:
        assert cell_of(notebook, name) == cell_of(source_notebook(), name)


def submitted():
    notebook = source_notebook()
    cell_of(notebook, "Cutter").source = ANSWER
    return notebook


def test_an_untouched_notebook_keeps_its_cells_and_their_order():
    notebook = submitted()
    notebook.cells.insert(2, new_markdown_cell("My thoughts"))
    restored = put(notebook)
    assert_in_order(restored)
    assert [cell.source for cell in restored.cells] == [cell.source for cell in notebook.cells]


def test_locked_cells_and_points_are_the_releases_whatever_the_student_made_of_them():
    notebook = submitted()
    cell_of(notebook, "clear").source = "pass"
    cell_of(notebook, "cut").metadata["nbgrader"] |= {"points": 100, "grade": False, "odd": 1}
    cell_of(notebook, "imports").metadata["nbgrader"]["schema_version"] = "x"
    assert_in_order(put(notebook))


def test_a_copied_cell_stays_as_text_and_the_first_one_counts():
    notebook = submitted()
    notebook.cells.append(new_code_cell("class Cutter: pass", metadata=cell_metadata("Cutter", solution=True)))
    restored = put(notebook)
    assert_in_order(restored)
    assert cell_of(restored, "Cutter").source == ANSWER
    assert restored.cells[-1].source == "class Cutter: pass"


def test_stripped_metadata_is_found_again_by_content():
    notebook = submitted()
    for cell in notebook.cells:
        cell.metadata.clear()
    restored = put(notebook)
    assert_in_order(restored)
    assert cell_of(restored, "Cutter").source == ANSWER
    assert len(restored.cells) == len(notebook.cells)


def test_deleted_test_cells_come_back_in_their_places():
    notebook = submitted()
    notebook.cells = [cell for cell in notebook.cells if cell.id not in ("clear", "imports")]
    assert_in_order(put(notebook))


def test_huge_outputs_end_here():
    notebook = submitted()
    cell_of(notebook, "Cutter").outputs = [new_output("stream", text="x" * 10**7)]
    assert len(nbformat.writes(put(notebook))) < 10_000


def test_a_notebook_of_format_3_is_read():
    cells = [
        {
            "cell_type": "code",
            "input": [line + "\n" for line in ANSWER.split("\n")],
            "outputs": [],
            "language": "python",
        }
    ]
    content = {"metadata": {}, "nbformat": 3, "nbformat_minor": 0, "worksheets": [{"cells": cells}]}
    restored = restore_notebook(source_notebook(), "toy.ipynb", json.dumps(content).encode("utf-8-sig"), TOY)
    assert_in_order(restored)
    assert "view[:] = number" in cell_of(restored, "Cutter").source


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"cells": 3}',
        b'{"cells": [null, 3]}',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"cells": []}',
    ],
)
def test_what_is_no_notebook_is_shown_as_text_in_the_release(data):
    restored = restore_notebook(source_notebook(), "toy.ipynb", data, TOY)
    assert_in_order(restored)
    assert cell_of(restored, "Scaler").source.startswith("# toy.ipynb could not be read as a notebook.")


def test_a_notebook_without_the_class_shows_its_code_in_the_solution_cell():
    notebook = source_notebook()
    notebook.cells = [new_code_cell("print('all I did')")]
    assert cell_of(put(notebook), "Scaler").source == "print('all I did')"


def test_a_module_shows_its_class_in_the_solution_cell_and_the_rest_before_it():
    text = f"import numpy\r\n\r\n\r\n{ANSWER}\n\ndef helper():\n    return 2\n"
    restored = restore_notebook(source_notebook(), "toy.py", text.encode("utf-8-sig"), TOY)
    assert_in_order(restored)
    assert cell_of(restored, "Cutter").source == ANSWER
    assert cell_of(restored, "Scaler").source == SCALER
    rest = restored.cells[restored.cells.index(cell_of(restored, "Scaler")) - 1]
    assert rest.source == "import numpy\n\ndef helper():\n    return 2"


def test_a_module_that_does_not_parse_is_shown_whole():
    restored = restore_notebook(source_notebook(), "toy.py", b"class Cutter(:\n    pass\n", TOY)
    assert cell_of(restored, "Scaler").source == "class Cutter(:\n    pass\n"


def test_without_a_file_the_release_is_shown():
    restored = restore_notebook(source_notebook(), "", None, TOY)
    assert_in_order(restored)
    assert cell_of(restored, "Cutter").source == SKELETON


SOURCES = st.text(st.characters(codec=None), max_size=30)
CELLS = st.fixed_dictionaries(
    {},
    optional={
        "cell_type": st.sampled_from(["code", "markdown", "raw", "heading", 3]),
        "source": SOURCES | st.lists(SOURCES, max_size=2) | st.none() | st.just(ANSWER),
        "metadata": st.none()
        | st.fixed_dictionaries(
            {
                "nbgrader": st.none()
                | st.fixed_dictionaries({"grade_id": st.sampled_from(["Cutter", "clear", "x", 3, []])})
            }
        ),
    },
)


@given(st.lists(CELLS, max_size=6))
def test_any_cells_at_all_give_a_notebook_that_nbgrader_can_grade(cells):
    data = json.dumps({"cells": cells}).encode()
    restored = restore_notebook(source_notebook(), "toy.ipynb", data, TOY)
    nbformat.validate(restored)
    MetadataValidator().validate_nb(restored)
    assert sorted(names_of(restored)) == sorted(NAMES)
    written = nbformat.writes(annotate(restored, make_report()))
    assert written.encode("utf-8")
    assert written == nbformat.writes(
        annotate(restore_notebook(source_notebook(), "toy.ipynb", data, TOY), make_report())
    )


def test_a_link_is_never_followed(tmp_path):
    (tmp_path / "secret").write_text("hidden test")
    (tmp_path / "toy.ipynb").symlink_to(tmp_path / "secret")
    assert read_submitted(tmp_path / "toy.ipynb") is None
    assert read_submitted(tmp_path / "secret") == b"hidden test"


def test_a_release_that_is_missing_or_broken_is_a_graders_error(tmp_path):
    with pytest.raises(GraderError, match=r"no release notebook\. Run `cnn-assignment build`"):
        read_release(tmp_path / "toy.ipynb")
    (tmp_path / "toy.ipynb").write_text("{")
    with pytest.raises(GraderError, match="not a valid nbgrader notebook"):
        read_release(tmp_path / "toy.ipynb")
    broken = source_notebook()
    broken.cells.append(new_code_cell("test_cut_values()", metadata=cell_metadata("cut", points=2)))
    write_notebook(tmp_path / "toy.ipynb", broken)
    with pytest.raises(GraderError, match="Duplicate"):
        read_release(tmp_path / "toy.ipynb")
