"""The notebook of `mlp` as it is lived through: the solution from top to bottom, and the released one to its first gap."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

TASKS = ("linear-forward", "linear-backward", "relu", "softmax", "cross-entropy", "mlp-backward", "sgd-step")
FIGURES = 6
NOT_A_HANG_S = 600
"""Ends a cell that hangs. A quarter of a minute is usual for the whole notebook."""

ASK = """
import json, sys
print(json.dumps({
    "accuracy": float(accuracy),
    "initial": float(initial),
    "few": float(few_accuracy),
    "overlap": len(set(held_out.tolist()) & set(training.tolist())),
    "modules": sorted(name for name in sys.modules if name.partition(".")[0] in ("cnn_assignment", "nbgrader", "mlp")),
}))

frozen = MultilayerPerceptron((64, 32, 10))
step = frozen.update


def step_of_the_last_layer(grads, learning_rate):
    zeros = {name: [0 * grads[name][0], *grads[name][1:]] for name in ("weights", "biases")}
    step(zeros, learning_rate)


frozen.update = step_of_the_last_layer
train(frozen, images[training], labels[training])
print(float(np.mean(frozen.predict(images[held_out]) == labels[held_out])))
"""


def execute(folder: Path, extra: str = "") -> nbformat.NotebookNode:
    """Run the notebook of a folder there in a real kernel, with a cell of the test's own at the end."""
    notebook = nbformat.read(folder / "mlp.ipynb", as_version=4)
    if extra:
        notebook.cells.append(nbformat.v4.new_code_cell(extra))
    client = NotebookClient(
        notebook, timeout=NOT_A_HANG_S, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    # A student's kernel chooses its own way of drawing, which puts figures into the notebook.
    environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    return client.execute(env=environment)


@pytest.fixture(scope="module")
def executed(course_root, tmp_path_factory) -> nbformat.NotebookNode:
    """The solution notebook among the files that students get, run from top to bottom."""
    folder = shutil.copytree(course_root / "source/mlp", tmp_path_factory.mktemp("notebook") / "mlp")
    return execute(Path(folder), ASK)


def outputs(notebook, kind):
    return [output for cell in notebook.cells for output in cell.get("outputs", ()) if output.output_type == kind]


def printed(notebook) -> str:
    return "".join(output.text for output in outputs(notebook, "stream") if output.name == "stdout")


@pytest.fixture(scope="module")
def facts(executed):
    facts, frozen = "".join(output.text for output in executed.cells[-1].outputs).splitlines()
    return json.loads(facts) | {"frozen": float(frozen)}


def test_the_solution_notebook_runs_without_an_error_or_a_warning(executed):
    assert outputs(executed, "error") == []
    assert [output.text for output in outputs(executed, "stream") if output.name == "stderr"] == []


def test_it_needs_nothing_but_the_provided_files(facts):
    assert facts["modules"] == []


@pytest.mark.parametrize("task", TASKS)
def test_every_public_check_passes(executed, task):
    assert f"{task}: every public check passes\n" in printed(executed)


def test_numeric_gradients_agree(executed):
    errors = re.findall(r"^(.+), gradient of (.+): relative error (\S+)$", printed(executed), re.MULTILINE)
    assert [(layer, of) for layer, of, _ in errors] == [
        *(("linear layer", name) for name in ("weights", "biases", "x")),
        ("cross-entropy", "logits"),
        *(("network", f"weights[{depth}]") for depth in range(3)),
    ]
    assert all(0 < float(error) < 1e-6 for *_, error in errors)


def test_training_ends_well(facts):
    assert facts["accuracy"] >= 0.95
    assert facts["overlap"] == 0
    assert facts["few"] == 1.0
    assert facts["initial"] == pytest.approx(np.log(10), abs=0.05)


def test_the_numbers_of_the_text_are_those_of_the_run(executed, facts):
    text = " ".join("\n".join(cell.source for cell in executed.cells if cell.cell_type == "markdown").split())
    told = re.search(r"about (\d+) of 100 that they have never seen", text)
    assert abs(int(told[1]) - 100 * facts["accuracy"]) <= 1
    without = re.search(r"about (\d+) of 100 held-out digits still come out right", text)
    assert abs(int(without[1]) - 100 * facts["frozen"]) <= 1


def test_every_figure_is_there(executed):
    figures = [output.data["image/png"] for output in outputs(executed, "display_data") if "image/png" in output.data]
    assert len(set(figures)) == FIGURES


def test_the_released_notebook_stops_at_its_first_gap(course_root, tmp_path):
    folder = Path(shutil.copytree(course_root / "release/mlp", tmp_path / "mlp"))
    with pytest.raises(CellExecutionError, match="linear-forward: fill in this gap"):
        execute(folder)
