"""The tiny course of all tests: two classes, four tasks, one of which builds on another's method.

Nothing in it has to do with images, so it also shows that the engine knows no assignment.
"""

from __future__ import annotations

import json
import shutil
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

from cnn_assignment.core.layout import load_assignment
from cnn_assignment.core.model import Assignment, Submission, Task

CONFIG = """
from cnn_assignment.nbgrader_plugins import configure

configure(get_config())
"""

SETTINGS = """
title = "A toy"
classes = ["Scaler", "Cutter"]
provided = ["given.py"]
requirements = ["numpy"]
seed = 3

[limits]
call_cpu_s = 0.3
call_wall_s = 3

[stand_ins]
clear = ["Cutter.pieces"]
"""

GIVEN = '"""What everybody gets."""\n\nHALF = 0.5\n'

SOLUTION = '''"""Two toys."""

import numpy as np

from given import HALF


class Scaler:
    """Multiplies, and knows the slope of it."""

    def __init__(self, factor=2.0):
        self.factor = factor

    def forward(self, x):
        """x (n,) -> a cache with "x" and "out" (n,)."""
        cache = {"x": x, "out": np.zeros(x.shape)}
        ### BEGIN SOLUTION scale
        cache["out"][:] = self.factor * (x + HALF)
        ### END SOLUTION
        return cache

    def backward(self, cache, grad_output):
        """The gradient with respect to the factor, (1,)."""
        ### BEGIN SOLUTION slope
        grad = np.sum((cache["x"] + HALF) * grad_output, keepdims=True)
        ### END SOLUTION
        return grad


class Cutter:
    """Cuts arrays into pieces of equal size."""

    def __init__(self, size=2):
        self.size = size

    def pieces(self, x):
        """Yield (number, view) for every whole piece of x (n,)."""
        ### BEGIN SOLUTION cut
        for number in range(len(x) // self.size):
            yield number, x[number * self.size : (number + 1) * self.size]
        ### END SOLUTION

    def clear(self, x):
        """A copy of x in which every whole piece is its number."""
        result = x.copy()
        ### BEGIN SOLUTION clear
        for number, view in self.pieces(result):
            view[:] = number
        ### END SOLUTION
        return result
'''

# Behind the solution: a second gap of a task, deeper, with an edition of its own.
SECOND_GAP = '''
    def count(self, x):
        """How many whole pieces x (n,) has."""
        for length in [len(x)]:
            ### BEGIN SOLUTION cut hints=open
            return length // self.size
            ### END SOLUTION
'''

CHECKS = '''"""Public checks of the toy."""

import numpy as np

from toy import Cutter, Scaler


def test_scale_values():
    assert Scaler(4.0).forward(np.array([1.5]))["out"] == [8.0]


def test_slope_values():
    assert Scaler().backward({"x": np.array([1.5])}, np.array([2.0])) == [4.0]


def test_cut_values():
    assert [number for number, _ in Cutter().pieces(np.arange(5.0))] == [0, 1]


def test_clear_values():
    assert Cutter(2).clear(np.array([5.0, 6.0, 7.0])).tolist() == [0.0, 0.0, 7.0]
'''

NARRATIVE = """---
jupyter:
  jupytext:
    text_representation:
      extension: .md
---

# A toy

```python
import numpy as np
from given import HALF
```

```python insert="Scaler"
```

```python check="scale"
```

```python check="slope"
```

```python insert="Cutter"
```

```python check="cut"
```

```python check="clear"
```
"""

HIDDEN = {
    "test_scale.py": '''"""Scaling"""

import pytest

from cnn_assignment.testing import assert_array


@pytest.mark.further_cases(draw=lambda rng: int(rng.integers(1, 9)))
@pytest.mark.parametrize("n", [1, 2, 5])
@pytest.mark.points(1)
def test_values(student, reference, rng, n):
    """Every value is scaled"""
    x = rng.normal(size=n)
    assert_array(student.Scaler(3.0).forward(x)["out"], reference.Scaler(3.0).forward(x)["out"], "out")
''',
    "test_slope.py": '''"""The slope of scaling"""

import pytest

from cnn_assignment.testing import assert_array, own_cache


@pytest.mark.points(2)
def test_values(student, reference, rng):
    """The gradient with respect to the factor"""
    x, grad_output = rng.normal(size=(2, 4))
    right = reference.Scaler(3.0)
    expected = right.backward(right.forward(x), grad_output)
    layer = student.Scaler(3.0)
    cache = own_cache(student, layer.forward, (x,), right.forward(x))
    assert_array(layer.backward(cache, grad_output), expected, "gradient")
''',
    "test_cut.py": '''"""Cutting"""

import pytest

from cnn_assignment.testing import assert_array, collect, fail


@pytest.mark.points(2)
def test_values(student, reference, rng):
    """Every whole piece, with its number"""
    x = rng.normal(size=7)
    expected = list(reference.Cutter(3).pieces(x))
    found = collect(student.Cutter(3).pieces(x), at_most=10)
    if len(found) != len(expected):
        fail(f"expected {len(expected)} pieces, got {len(found)}")
    for item, (right_number, right_view) in zip(found, expected, strict=True):
        if not (isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], int)):
            fail("every item must be (number, view)")
        number, view = item
        if number != right_number:
            fail("a wrong number")
        assert_array(view, right_view, "piece")
''',
    "test_clear.py": '''"""Clearing"""

import pytest

from cnn_assignment.testing import assert_array


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.points(3)
def test_values(student, reference, rng, size):
    """Whole pieces become their number, the rest stays"""
    x = rng.normal(size=7)
    assert_array(student.Cutter(size).clear(x), reference.Cutter(size).clear(x), "result")
''',
}

EQUIVALENT = """
[[mutant]]
task = "scale"
change = 'line 1: cache["out"][:] = self.factor * (x + HALF) -> cache["out"][:] += self.factor * (x + HALF)'
reason = "There are only zeros to add to."

[[mutant]]
task = "clear"
change = "line 2: view[:] -> view[::-1]"
reason = "One number is written to every place, in whatever order."
"""

TASKS = {"scale": 1.0, "slope": 2.0, "cut": 2.0, "clear": 3.0}
TOTAL = sum(TASKS.values())
COLLECTED = tuple(Task(task, HIDDEN[f"test_{task}.py"].split('"""')[1], points, ()) for task, points in TASKS.items())
"""The tasks as a grader process tells them, but for their hidden tests."""


def make_course(root: Path) -> Assignment:
    """Write the course into a folder; nothing is built."""
    write(root / "nbgrader_config.py", CONFIG)
    write(root / "solutions/toy.py", SOLUTION)
    write(root / "solutions/given.py", GIVEN)
    write(root / "source/toy.md", NARRATIVE)
    write(root / "autograder/toy/assignment.toml", SETTINGS)
    write(root / "autograder/toy/checks.py", CHECKS)
    write(root / "autograder/toy/proof/equivalent_mutants.toml", EQUIVALENT)
    for name, text in HIDDEN.items():
        write(root / "autograder/toy" / name, text)
    return load_assignment(root, "toy")


def copy_course(assignment: Assignment, root: Path) -> Assignment:
    """Copy a course with its gradebook: for a new one nbgrader starts alembic, which takes seconds."""
    return replace(assignment, root=Path(shutil.copytree(assignment.root, root)))


def tree(folder: Path) -> dict[str, bytes]:
    """All files of a folder with their bytes."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


TWIN = "toy-two"


def add_twin(root: Path) -> Assignment:
    """Give the course a second assignment, which is the toy under another name; no module can have that name."""
    module = TWIN.replace("-", "_")
    write(root / f"solutions/{module}.py", (root / "solutions/toy.py").read_text(encoding="utf-8"))
    write(root / f"source/{TWIN}.md", (root / "source/toy.md").read_text(encoding="utf-8"))
    for name in ("assignment.toml", "checks.py", *HIDDEN):
        text = (root / "autograder/toy" / name).read_text(encoding="utf-8")
        write(root / "autograder" / TWIN / name, text.replace("from toy import", f"from {module} import"))
    return load_assignment(root, TWIN)


def write(path: Path, text: str | bytes) -> Path:
    """Write a file with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def edit(path: Path, old: str, new: str) -> None:
    """Replace a text that stands in a file."""
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{old!r} is not in {path.name}"
    path.write_text(text.replace(old, new), encoding="utf-8")


def answer(**edits: str) -> str:
    """The solution as a student's file, with the answers of some tasks replaced. None opens the gap."""
    from cnn_assignment.authoring.gaps import parse_gaps

    lines = SOLUTION.split("\n")
    for gap in reversed(parse_gaps(SOLUTION, "toy.py")):
        if gap.task in edits:
            new = textwrap.indent(textwrap.dedent(edits[gap.task]).strip("\n"), gap.indent)
            lines[gap.begin_line - 1 : gap.end_line] = new.split("\n")
    return "\n".join(lines)


def left_open(*tasks: str) -> str:
    """The solution with some gaps open."""
    return answer(**{task: f'raise NotImplementedError("{task}: fill in this gap")' for task in tasks})


# Does nothing for a while, without using CPU time, and then what is right.
SLOW = "import time; time.sleep({seconds}); cache['out'][:] = self.factor * (x + HALF)"


def submit(root: Path, student: str, text: str | bytes, name: str = "toy.py") -> Submission:
    """Hand a file in."""
    return Submission(student, write(root / "submitted" / student / name, text))


def notebook(*cells: str, **extra: Any) -> str:
    """The text of a notebook with these code cells."""
    described = [
        {"cell_type": "code", "source": cell, "metadata": {}, "outputs": [], "execution_count": None} for cell in cells
    ]
    return json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": described, **extra})
