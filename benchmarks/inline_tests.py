"""The hidden tests of the assignment as text for cells of a notebook, for graders that run tests where the code is.

Everything travels inside: the solution, the helpers of plain_testing.py, the cases, and each test file as it is. What
pytest does for them is done by forty lines instead, so that no notebook has to start pytest. The same functions run on
the same cases with the same random inputs as in the kit, and give the same partial points.
"""

from __future__ import annotations

from pathlib import Path

from benchkit import the_assignment

# Run once in a notebook, before any test. The names that students use are left alone.
_RUNNER = '''
import importlib as _importlib
import itertools as _itertools
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
    def parametrize(_name, cases, ids):
        def mark(function):
            function.cases = list(zip(ids, cases))
            return function
        return mark


def _module(name, text):
    module = _sys.modules[name] = _types.ModuleType(name)
    exec(compile(text, name, "exec", dont_inherit=True), module.__dict__)
    return module


def _run_tests(file, text, student, seed):
    """The points that a module earns in the tests of a file."""
    provided = _types.SimpleNamespace(**{name: _importlib.import_module(name) for name in _PROVIDED})
    earned = _Fraction(0)
    for function in [value for name, value in vars(_module(file, text)).items() if name.startswith("test_")]:
        cases = getattr(function, "cases", [("", None)])
        for id_, case in cases:
            name = f"{function.__name__}[{id_}]" if id_ else function.__name__
            generator = _numpy.random.default_rng([seed, _zlib.crc32(f"{file}::{name}".encode())])
            fixtures = {
                "student": student, "reference": _REFERENCE, "student_files": provided, "reference_files": provided,
                "rng": generator, "once": lambda function, *arguments: function(*arguments), "case": case,
            }
            wanted = function.__code__.co_varnames[: function.__code__.co_argcount]
            try:
                function(**{name: fixtures[name] for name in wanted})
            except Exception:
                continue
            earned += _Fraction(str(function.points)) / len(cases)
    return float(earned)


_sys.modules["pytest"] = _types.SimpleNamespace(mark=_Marks)
'''


def setup_text() -> str:
    """What a notebook runs before its tests."""
    assignment = the_assignment()
    texts = {
        "cnn_assignment.grading.testing": Path(__file__).with_name("plain_testing.py").read_text(encoding="utf-8"),
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
    path = the_assignment().autograder_dir / f"test_{task.replace('-', '_')}.py"
    text = path.read_text(encoding="utf-8")
    seed = the_assignment().seed
    return f"_run_tests({path.name!r}, {text!r}, _sys.modules['__main__'], {seed})"
