"""Benchmarks still run, compare equal work, and are told of: small sizes here, figures in docs/performance.md."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from places import ROOT

BENCHMARKS = ROOT / "benchmarks"
pytestmark = pytest.mark.usefixtures("unmeasured")

PROCESSES = ("floor_process", "otter_process")
"""What benchmarks start; the second one in an environment of its own."""
COMMANDS = sorted(path.stem for path in BENCHMARKS.glob("*.py") if "parse_args()" in path.read_text(encoding="utf-8"))


def run(*words: str | Path) -> list[str]:
    """The lines that a Python of this environment prints."""
    done = subprocess.run([sys.executable, *map(str, words)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def run_here(code: str) -> list[str]:
    """The same for a few lines among the benchmarks."""
    return run("-c", f"import sys; sys.path.insert(0, {str(BENCHMARKS)!r})\n{code}")


def test_every_module_imports():
    names = sorted(path.stem for path in BENCHMARKS.glob("*.py") if path.stem not in PROCESSES)
    assert run_here(f"for name in {names}: print(__import__(name).__name__)") == names


@pytest.mark.parametrize("name", COMMANDS)
def test_every_benchmark_is_in_the_docs_with_its_command(name):
    assert f"benchmarks/{name}.py" in (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")


def test_the_floor_is_measured_on_equal_work():
    *lines, last = run(BENCHMARKS / "floor.py", "--n", "1", "--rounds", "1")
    assert re.fullmatch(r"ratio kit/floor: \d+\.\d\d", last)
    assert "right submissions: 1 submissions; all ways pass the same tests in 1 of them" in lines


def test_tests_in_a_notebook_give_the_points_of_the_hidden_tests():
    code = """
import json
import __main__ as notebook
from benchkit import the_assignment
from inline_tests import setup_text, task_text
from cnn_assignment.core.layout import task_order
from cnn_assignment.misconceptions import load_misconceptions

assignment = the_assignment()
sys.path.insert(0, str(assignment.solution_file.parent))
exec(setup_text())
solution = assignment.solution_file.read_text(encoding="utf-8")
(flipped,) = [entry for entry in load_misconceptions(assignment) if entry.id == "kernel-flipped"]
for text in (solution, flipped.apply(solution)):
    exec(text)
    print(json.dumps({task: eval(task_text(task)) for task in task_order(assignment)}))
"""
    right, flipped = map(json.loads, run_here(code))
    points = {"conv-forward": 20, "conv-backward": 25, "pool-views": 10, "pool-forward": 10, "pool-backward": 20}
    assert right == points | {"cnn-chain": 15}
    # What the kit gives for it, but for the task that there gets a right forward; filters of one pixel have no other side.
    assert flipped == points | {"conv-forward": 1.8, "cnn-chain": 1}


def test_a_class_is_the_same_for_a_seed_and_no_two_submissions_are_alike():
    code = """
import hashlib
from class_maker import ClassMaker

def digests(maker, numbers):
    made = [maker.make(number) for number in numbers]
    return {it.name: [hashlib.sha256(content).hexdigest() for content in it.files.values()] for it in made}

first, again = digests(ClassMaker(3), range(40)), digests(ClassMaker(3), [39, 13, 2])
print(all(first[name] == found for name, found in again.items()), len(again))
print(sum(map(len, first.values())) - len({it for found in first.values() for it in found}))
"""
    same, twice = run_here(code)
    assert same == "True 3"
    assert twice == "0"


def test_modules_of_another_hand_are_still_modules_that_do_the_same():
    code = """
import random
from class_maker import POINTS, ClassMaker
from variations import vary

text = 'import math\\n\\n\\nclass A:\\n    def f(self, x):\\n        y = math.floor(x)\\n        for z in range(3):\\n'
text += '            y += z\\n        return y\\n\\n    def g(self, y):\\n        z = f"{y}"\\n        return z\\n'
made = [vary(text, random.Random(number), f"s{number}") for number in range(50)]
for it in made:
    names = {}
    exec(it, names)
    assert (names["A"]().f(2.5), names["A"]().g(1)) == (5, "1"), it
print(len(set(made)), any("y_s" in it for it in made), any(it.index("def g") < it.index("def f") for it in made))
"""
    assert run_here(code) == ["50 True True"]


def test_a_large_class_is_graded_and_checked(tmp_path):
    words = (BENCHMARKS / "big_class.py", "--students", "1", "--jobs", "1", "--folder", tmp_path)
    lines = run(*words)
    assert "mismatches: 0 (every report, class.csv and the gradebook)" in lines
    assert re.fullmatch(r"ratio of memory, last fifth/middle fifth: \d\.\d+", lines[-1])
    path = tmp_path / "course" / "reports" / "s00000.json"
    report = json.loads(path.read_text(encoding="utf-8"))
    report["tasks"][0]["score"] += 1
    found = run_here(
        f"import json\nfrom class_maker import *\n"
        f"for problem in problems(ClassMaker(6).choose(0), json.loads({json.dumps(report)!r})): print(problem)"
    )
    assert any("conv-forward" in problem for problem in found)


def test_feedback_is_compared_on_pages_that_are_equal():
    *lines, last = run(BENCHMARKS / "feedback.py", "--n", "2")
    assert "2 students, 2 pages, equal to the byte on all sides" in lines
    assert re.fullmatch(r"ratio nbgrader, nbconvert's exporter/kit: \d+\.\d", last)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_last_thing_that_a_benchmark_prints_is_a_ratio(name):
    tree = ast.parse((BENCHMARKS / f"{name}.py").read_text(encoding="utf-8"))
    printed = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Call) and is_print(node)]
    assert any("ratio" in text for text in printed)


def is_print(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id == "print"
