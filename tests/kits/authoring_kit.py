"""A toy course for tests of the authoring road: two classes, three tasks, four gaps, no NumPy."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from cnn_assignment.core.layout import load_assignment
from cnn_assignment.core.model import Assignment, HiddenTest, Task

SETTINGS = """
title = "A toy"
classes = ["Ramp", "Bag"]
provided = ["given.py"]
requirements = ["pytest==9.2.0", "jupyterlab"]
"""

SOLUTION = '''"""Two toys."""

from given import STEP


# A ramp goes up and down.
class Ramp:
    """Steps up and down."""

    def up(self, start, count):
        """Return count numbers from start on."""
        ### BEGIN SOLUTION ramp-up
        return [start + STEP * position for position in range(count)]
        ### END SOLUTION

    def down(self, start, count):
        """Return count numbers from start down."""
        steps = {"out": [0] * count}
        for position in range(count):
            ### BEGIN SOLUTION ramp-down
            steps["out"][position] = start - STEP * position  # one step lower
            ### END SOLUTION
        return steps["out"]


class Bag:
    """Yields what was put into it, the largest first."""

    def __init__(self, items):
        self.items = items

    def __iter__(self):
        """Yield the items."""
        ### BEGIN SOLUTION bag-order
        for item in sorted(self.items, reverse=True):
            yield item
        ### END SOLUTION

    def total(self):
        """Return the sum of the items."""
        ### BEGIN SOLUTION bag-order hints=open
        return sum(self.items) if self.items else 0
        ### END SOLUTION
'''

GIVEN = '"""How far a step goes."""\n\nSTEP = 1\n'

CHECKS = '''"""Public checks of the toy."""

from given import STEP
from toy import Bag, Ramp

# What a ramp of three is made of.
_THREE = 3


def _expect(actual, expected):
    assert actual == expected, f"expected {expected}, got {actual}"


def test_ramp_up_length():
    _expect(len(Ramp().up(0, _THREE)), 3)


def test_ramp_up_values():
    _expect(Ramp().up(1, 2), [1, 1 + STEP])


def test_ramp_down_values():
    _expect(Ramp().down(1, 2), [1, 0])


def test_bag_order_values():
    assert list(Bag([1, 2])) == [2, 1]
'''

NARRATIVE = """---
jupyter:
  jupytext:
    text_representation:
      extension: .md
---

# A toy

First the imports.

```python
from given import STEP
```

```python insert="Ramp"
```

```python check="ramp-up"
```

Now the way down.

```python check="ramp-down"
```

```python insert="Bag"
```

```python check="bag-order"
```
"""

HIDDEN = {
    "test_ramp_up.py": '''"""Going up."""


def test_far_ramp(student, reference):
    """many steps"""
    expected = reference.Ramp().up(-40, 1234)
    assert student.Ramp().up(-40, 1234) == expected
''',
    "test_ramp_down.py": '''"""Going down | slowly."""


def test_deep_ramp(student, reference):
    assert student.Ramp().down(987, 65) == reference.Ramp().down(987, 65)
''',
    "test_bag_order.py": '''"""A bag in order."""


def test_mixed_bag(student):
    assert list(student.Bag([3, 1, 2, 2, -7])) == [3, 2, 2, 1, -7]
''',
    "misconceptions.py": "def unsorted(bag):\n    yield from (item for item in bag.items if item)\n",
}

CONFIG = """
from cnn_assignment.nbgrader_course.converting.gap_opener import configure_generate

c = get_config()
configure_generate(c)
"""

TASKS = (
    Task("ramp-up", "Going up", 2.0, (HiddenTest("test_far_ramp", "many steps", 2.0),)),
    Task("ramp-down", "Going down | slowly", 1.5, ()),
    Task("bag-order", "A bag in order", 3.0, ()),
)


def make_course(root: Path) -> Assignment:
    """Write the toy course into a folder; nothing is built yet."""
    texts = {
        "nbgrader_config.py": CONFIG,
        "solutions/toy.py": SOLUTION,
        "solutions/given.py": GIVEN,
        "source/toy.md": NARRATIVE,
        "autograder/toy/assignment.toml": SETTINGS,
        "autograder/toy/checks.py": CHECKS,
        **{f"autograder/toy/{name}": text for name, text in HIDDEN.items()},
    }
    for name, text in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return load_assignment(root, "toy")


def copy_course(assignment: Assignment, root: Path) -> Assignment:
    """Copy a course with its gradebook: for a new one nbgrader starts alembic, which takes seconds."""
    return replace(assignment, root=Path(shutil.copytree(assignment.root, root)))


def edit(path: Path, old: str, new: str) -> None:
    """Replace a text that stands in a file."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def tree(folder: Path) -> dict[str, bytes]:
    """All files of a folder with their bytes."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
