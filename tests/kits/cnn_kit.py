"""The real assignment `cnn` for acceptance tests: copies of its course, its commands as processes, its notebooks."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

import nbformat
from click.testing import CliRunner

import warm
from cnn_assignment.cli import main

NAME = "cnn"
# The contract of the assignment: tasks in the order of their gaps, with their points.
POINTS = {
    "conv-forward": 20,
    "conv-backward": 25,
    "pool-views": 10,
    "pool-forward": 10,
    "pool-backward": 20,
    "cnn-chain": 15,
}
CLASSES = ("Convolution2dLayer", "MaxPooling2dLayer", "ConvolutionalNetwork")

_BY_HAND = ("autograder", "solutions", "source", "nbgrader_config.py")
_BACKSTOP_S = 900
"""Far more than any command needs: it ends a command that hangs, and judges no speed."""


def copy_course(root: Path, folder: Path, *more: str) -> Path:
    """Copy the course without what is built into release/; `more` names further folders to copy."""
    folder.mkdir(parents=True)
    for name in (*_BY_HAND, *more):
        if (root / name).is_dir():
            shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        else:
            shutil.copy(root / name, folder / name)
    return folder


def run(*words: str | Path, cwd: Path, status: int = 0) -> str:
    """Run a program of this environment, demand its exit status, and return all that it printed."""
    done = warm.run(words, cwd=cwd, env={**os.environ, "COLUMNS": "200"}, timeout=_BACKSTOP_S)
    said = done.stdout + done.stderr
    assert done.returncode == status, f"{' '.join(map(str, words))}: exit status {done.returncode}\n{said}"
    return said


def call(*words: str | Path, cwd: Path, status: int = 0) -> str:
    """As `run` with `cnn-assignment`, in this process: where a test has many commands, so that each need not start."""
    with contextlib.chdir(cwd):
        done = CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == status, f"{' '.join(map(str, words))}: exit status {done.exit_code}\n{done.output}"
    return done.output


def tree(folder: Path) -> dict[str, bytes]:
    """All files of a folder with their bytes, without what Python and Jupyter leave behind."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not {"__pycache__", ".ipynb_checkpoints"} & set(path.parts)
    }


def class_cells(notebook: nbformat.NotebookNode) -> dict[str, nbformat.NotebookNode]:
    """The cells that students fill, by the name of their class."""
    marks = {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells if "nbgrader" in cell.metadata}
    return {name: marks[name] for name in CLASSES}


def submit(course: Path, student: str, file: Path | nbformat.NotebookNode) -> None:
    """Hand in a file, or a notebook that a test has made, as nbgrader collects it."""
    folder = course / "submitted" / student / NAME
    folder.mkdir(parents=True)
    if isinstance(file, Path):
        shutil.copy(file, folder / f"{NAME}{file.suffix}")
    else:
        nbformat.write(file, folder / f"{NAME}.ipynb")
