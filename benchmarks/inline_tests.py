"""The hidden tests of the assignment as text for cells of a notebook, for graders that run tests where the code is.

Everything travels inside: the solution, the helpers of plain_testing.py, the cases, and each test file as it is. What
pytest does for them is done by sixty lines instead, so that no notebook has to start pytest. The same functions run on
the same cases with the same random inputs as in the kit, and give the same partial points.
"""

from __future__ import annotations

from pathlib import Path

from benchkit import the_assignment

from cnn_assignment.core import comparing

# Run once in a notebook, before any test. The names that students use are left alone.
_RUNNER = '''
import importlib as _importlib
import sys as _sys
import types as _types
import zlib as _zlib
from fractions import Fraction as _Fraction

import numpy as _numpy


class _Marks:
    @staticmethod
    def points(points):
        def mark(function):
            function.points = points
            return function
        return mark

    @staticmethod
    def parametrize(name, cases, ids=None):
        def mark(function):
            function.parameter, function.cases = name, list(zip(ids or cases, cases))
            return function
        return mark

    @staticmethod
    def further_cases(draw):
        return lambda function: function


def _module(name, text):
    module = _sys.modules[name] = _types.ModuleType(name)
    exec(compile(text, name, "exec", dont_inherit=True), module.__dict__)
    return module


def _items(file, text, seed):
    """Name, points and a call of every case of a test file; the call takes the module under test."""
    provided = _types.SimpleNamespace(**{name: _importlib.import_module(name) for name in _PROVIDED})
    for function in [value for name, value in vars(_module(file, text)).items() if name.startswith("test_")]:
        cases = getattr(function, "cases", [("", None)])
        for id_, case in cases:
            name = f"{function.__name__}[{id_}]" if id_ else function.__name__

            def call(student, function=function, case=case, name=name):
                fixtures = {
                    "student": student, "reference": _REFERENCE, getattr(function, "parameter", ""): case,
                    "student_files": provided, "reference_files": provided,
                    "rng": _numpy.random.default_rng([seed, _zlib.crc32(f"{file}::{name}".encode())]),
                    "once": lambda function, *arguments: function(*arguments),
                }
                wanted = function.__code__.co_varnames[: function.__code__.co_argcount]
                function(**{name: fixtures[name] for name in wanted})

            yield name, _Fraction(str(function.points)) / len(cases), call


def _run_tests(file, text, student, seed):
    """The points that a module earns in the tests of a file."""
    earned = _Fraction(0)
    for _, points, call in _items(file, text, seed):
        try:
            call(student)
        except Exception:
            continue
        earned += points
    return float(earned)


_sys.modules["pytest"] = _types.SimpleNamespace(mark=_Marks)
'''


def setup_text() -> str:
    """What a notebook runs before its tests."""
    assignment = the_assignment()
    texts = {
        "cnn_assignment.core.comparing": Path(comparing.__file__).read_text(encoding="utf-8"),
        "cnn_assignment.testing": Path(__file__).with_name("plain_testing.py").read_text(encoding="utf-8"),
        "cases": (assignment.autograder_dir / "cases.py").read_text(encoding="utf-8"),
    }
    # Without the markers, which nbgrader would look for in a cell of tests too.
    lines = assignment.solution_file.read_text(encoding="utf-8").splitlines()
    solution = "\n".join(line for line in lines if "### BEGIN" not in line and "### END" not in line)
    lines = [_RUNNER.strip(), f"_PROVIDED = {[path.stem for path in assignment.provided_files]!r}"]
    lines += [f"_module({name!r}, {text!r})" for name, text in texts.items()]
    # Another name than the students' module, which is the notebook itself.
    lines += [f"_REFERENCE = _module('the_reference', {solution!r})"]
    return "\n".join(lines)


def task_text(task: str) -> str:
    """An expression that runs the tests of a task on the notebook's own classes: the points that they earn."""
    file, text, seed = _test_file(task)
    return f"_run_tests({file!r}, {text!r}, _sys.modules['__main__'], {seed})"


def otter_text(task: str) -> str:
    """A test file of Otter-Grader, with a test case for each case of the task's tests."""
    file, text, seed = _test_file(task)
    return f"""
import sys
import types

from otter.test_files import test_case

OK_FORMAT = False
name = {task!r}
points = None

if "hidden_runner" not in sys.modules:
    sys.modules["hidden_runner"] = types.ModuleType("hidden_runner")
    exec({setup_text()!r}, vars(sys.modules["hidden_runner"]))


def bind(call):
    def test(env):
        call(types.SimpleNamespace(**env))
    return test


for number, (title, worth, call) in enumerate(sys.modules["hidden_runner"]._items({file!r}, {text!r}, {seed})):
    globals()[f"case_{{number}}"] = test_case(name=title, points=float(worth), hidden=True)(bind(call))
"""


def _test_file(task: str) -> tuple[str, str, int]:
    assignment = the_assignment()
    path = assignment.autograder_dir / f"test_{task.replace('-', '_')}.py"
    return path.name, path.read_text(encoding="utf-8"), assignment.seed
