"""The notebook of `cnn` as it is lived through: the solution from top to bottom, and the released one to its first gap."""

from __future__ import annotations

import ast
import base64
import importlib.util
import json
import os
import re
import shutil
from pathlib import Path

import nbformat
import numpy as np
import pytest
from bs4 import BeautifulSoup
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter

from cnn_kit import POINTS

FIGURES = 9
NOT_A_HANG_S = 600
"""Ends a cell that hangs. Twenty seconds are usual for the whole notebook."""

PNG_START = b"\x89PNG\r\n\x1a\n"


def execute(folder: Path, extra: str = "") -> nbformat.NotebookNode:
    """Run the notebook of a folder there in a real kernel, with a cell of the test's own at the end."""
    notebook = nbformat.read(folder / "cnn.ipynb", as_version=4)
    if extra:
        notebook.cells.append(nbformat.v4.new_code_cell(extra))
    client = NotebookClient(
        notebook, timeout=NOT_A_HANG_S, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    # A student's kernel chooses its own way of drawing, which puts figures into the notebook.
    environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    return client.execute(env=environment)


@pytest.fixture(scope="module")
def folder(course_root, tmp_path_factory) -> Path:
    """The solution notebook among the files that students get."""
    return Path(shutil.copytree(course_root / "source/cnn", tmp_path_factory.mktemp("notebook") / "cnn"))


ASK = """
import json, sys
print(json.dumps({
    "accuracy": float(np.mean(network.predict(images[held_out]) == labels[held_out])),
    "printed": float(accuracy),
    "initial": float(initial),
    "few": float(few_accuracy),
    "held out": len(held_out),
    "overlap": len(set(held_out.tolist()) & set(training.tolist())),
    "modules": sorted(name for name in sys.modules if name.partition(".")[0] in ("cnn_assignment", "nbgrader", "cnn")),
}))
"""


@pytest.fixture(scope="module")
def executed(folder):
    return execute(folder, ASK)


def outputs(notebook, kind):
    return [
        output
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == kind
    ]


def printed(notebook) -> str:
    return "".join(output.text for output in outputs(notebook, "stream") if output.name == "stdout")


@pytest.fixture(scope="module")
def facts(executed):
    return json.loads("".join(output.text for output in executed.cells[-1].outputs))


def test_the_solution_notebook_runs_without_an_error_or_a_warning(executed):
    assert outputs(executed, "error") == []
    assert [output.text for output in outputs(executed, "stream") if output.name == "stderr"] == []
    counts = [cell.execution_count for cell in executed.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))


def test_it_needs_nothing_but_the_provided_files(facts):
    assert facts["modules"] == []


@pytest.mark.parametrize("task", POINTS)
def test_every_public_check_passes(executed, task):
    assert f"{task}: every public check passes\n" in printed(executed)


def test_numeric_gradients_agree(executed):
    errors = re.findall(r"^(\w+), gradient of .*: relative error (\S+)$", printed(executed), re.MULTILINE)
    assert [name for name, _ in errors] == ["convolution", "pooling", "network"]
    assert all(0 < float(error) < 1e-6 for _, error in errors)


def test_training_ends_well(executed, facts):
    assert facts["accuracy"] >= 0.93
    assert facts["printed"] == facts["accuracy"]
    assert facts["held out"] == 360
    assert facts["overlap"] == 0
    assert facts["few"] == 1.0
    assert facts["initial"] == pytest.approx(np.log(10), abs=0.05)
    assert f"held-out accuracy {facts['accuracy']:.3f} on 360 images" in printed(executed)


def test_the_numbers_of_the_text_are_those_of_the_run(executed, facts):
    text = "\n".join(cell.source for cell in executed.cells if cell.cell_type == "markdown")
    told = re.search(r"about (\d+) of 100 digits that it has never seen", " ".join(text.split()))
    assert abs(int(told[1]) - 100 * facts["accuracy"]) <= 1


def test_every_figure_is_there_and_none_is_blank(executed):
    figures = [output.data["image/png"] for output in outputs(executed, "display_data") if "image/png" in output.data]
    assert len(figures) == FIGURES
    assert len(set(figures)) == FIGURES
    for figure in figures:
        data = base64.b64decode(figure)
        assert data.startswith(PNG_START)
        width, height = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
        assert 600 <= width <= 1100
        assert 150 <= height <= 800
        assert len(data) > 5_000
    shows = [cell.source for cell in executed.cells if "plt.show()" in cell.source]
    assert len(shows) == FIGURES


def test_the_released_notebook_stops_at_its_first_gap(course_root, tmp_path):
    folder = Path(shutil.copytree(course_root / "release/cnn", tmp_path / "cnn"))
    with pytest.raises(CellExecutionError, match="conv-forward: fill in this gap"):
        execute(folder)


# What students read


@pytest.fixture(scope="module")
def narrative(course_root) -> str:
    return (course_root / "source/cnn.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def solution(course_root):
    spec = importlib.util.spec_from_file_location("_narrated_cnn", course_root / "solutions/cnn.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def matrices(narrative: str) -> list[np.ndarray]:
    """The matrices of plain numbers in the narrative's formulas, in their order."""
    blocks = re.findall(r"\\begin\{pmatrix\}(.*?)\\end\{pmatrix\}", narrative, re.DOTALL)
    rows = [[row.split("&") for row in block.split(r"\\")] for block in blocks if r"\cdot" not in block]
    return [np.array(matrix, dtype=float) for matrix in rows]


def test_the_examples_by_hand_are_right(narrative, solution):
    x, weights, grad_weights, pixels, out, grad_pixels, *channels = matrices(narrative)
    layer = solution.Convolution2dLayer(filter_size=2, stride=1, n_outchannel=1)
    layer.weights = weights[np.newaxis]
    cache = layer.forward(x[np.newaxis, np.newaxis])
    steps = re.findall(r"\\text\{out\}_\{0,\d\} &= (.*?) = (\d+)", narrative)
    worked = [eval(step.replace(r"\cdot", "*")) for step, _ in steps]
    assert worked == [int(result) for _, result in steps] == cache["out"].ravel().tolist()
    assert np.array_equal(layer.backward(cache, np.array([[[[3.0, -2.0]]]]))[0], grad_weights)

    pooling = solution.MaxPooling2dLayer(filter_size=2)
    cache = pooling.forward(pixels[np.newaxis, np.newaxis])
    assert np.array_equal(cache["out"][0, 0], out)
    assert np.array_equal(pooling.backward(cache, np.array([[[[0.5, -2.0]]]]))[0, 0], grad_pixels)

    convolved = np.zeros((1, 2, 2, 4))
    convolved[0, 0, [1, 0], [0, 3]] = convolved[0, 1, [0, 1], [1, 2]] = 1
    grad_pooled = np.array([1, -2, 3, 0.5]).reshape(1, 2, 1, 2)
    assert np.array_equal(pooling.backward(pooling.forward(convolved), grad_pooled)[0], channels)


def test_the_shapes_to_predict_have_the_right_answers(narrative, solution):
    found = []
    for table, answers in re.findall(r"\n\| x \|.*?\| --- \|\n(.*?)\n\n<details>(.*?)</details>", narrative, re.DOTALL):
        for row, answer in zip(table.split("\n"), re.findall(r"\(\d+, \d+, \d+, \d+\)", answers), strict=True):
            shape, *numbers = (cell.strip() for cell in row.strip("|").split("|"))
            x = np.zeros(ast.literal_eval(shape))
            if len(numbers) == 4:
                n_outchannel, filter_size, stride = map(int, numbers[:3])
                layer = solution.Convolution2dLayer(filter_size, stride, n_outchannel)
                layer.initialize_weights()
            else:
                layer = solution.MaxPooling2dLayer(int(numbers[0]))
            assert layer.forward(x)["out"].shape == ast.literal_eval(answer)
            found.append(answer)
    assert len(found) == 6


@pytest.fixture(scope="module")
def page(course_root) -> BeautifulSoup:
    """The released notebook as nbconvert shows it."""
    html, _ = HTMLExporter().from_filename(str(course_root / "release/cnn/cnn.ipynb"))
    return BeautifulSoup(html, "html.parser")


def test_the_page_shows_tables_and_headings_in_order(page):
    tables = [
        [cell.get_text(strip=True) for cell in table.find("tr").find_all("th")] for table in page.find_all("table")
    ]
    assert tables == [
        ["task", "what it asks for", "points"],
        ["x", "filters", "filter_size", "stride", "out"],
        ["x", "filter_size", "out", "windows"],
        ["block", "result", "shape for 32 digits and 8 filters"],
    ]
    headings = [heading.get_text().rstrip("¶") for heading in page.find_all("h1")]
    assert headings == [
        "A convolutional network in NumPy",
        "1 Convolution",
        "2 Max pooling",
        "3 The network",
        "4 Training",
    ]
    order = re.findall(r"Checks: ([a-z-]+)", page.get_text())
    assert order == list(POINTS)


def test_the_page_leaves_no_markup_unrendered(page):
    words = [cell.get_text() for cell in page.select(".jp-RenderedMarkdown")]
    assert len(words) > 20
    for text in words:
        prose = re.sub(r"\$\$.*?\$\$|\$[^$\n]+\$", "", text, flags=re.DOTALL)
        assert not re.search(r"\*\*|`|\||<!--|\\[a-zA-Z]+|\$", prose), prose


def test_formulas_have_no_backslash_that_mathjax_would_show(narrative):
    # In \text{...} MathJax takes \_ for two characters; \mathrm{...} is mathematics, where it is an underscore.
    assert not re.search(r"\\text\{[^}]*\\", narrative)
    assert narrative.count("$$") % 2 == 0
    assert narrative.count(r"\begin{") == narrative.count(r"\end{")
    assert narrative.count(r"\left") == narrative.count(r"\right")


def test_lines_of_code_fit_a_page(course_root):
    notebook = nbformat.read(course_root / "release/cnn/cnn.ipynb", as_version=4)
    lines = [line for cell in notebook.cells if cell.cell_type == "code" for line in cell.source.split("\n")]
    assert max(map(len, lines)) <= 120
