"""What protection, explanations and reports cost: the kit's grading against the same hidden tests with nothing around.

The floor is one process: pytest collects the hidden tests of `cnn` once, every submission's code is run in a fresh
module of that same process, and pytest runs the same items on it, with the same inputs and expected values. The second
floor has not even pytest: the test functions are just called. The kit is one grader process. Everything stays on one
core, in turn, submission by submission; start-up and collecting are told apart.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchkit import CLASS, ONE_THREAD, add_group_options, median_ms, stay_on_one_core, the_assignment

from cnn_assignment.core.model import Report, Status, Submission
from cnn_assignment.proving.variants import load_variants
from cnn_assignment.running.pool import GraderProcess
from cnn_assignment.running.students import find_students
from cnn_assignment.submissions import extract_file, find_submission

# What the floor cannot run: code that would end, hold up or change the process that measures, and what cannot be read.
LEFT_OUT = {
    "always-equal": "fools tests that share its process",
    "endless-loop": "never ends",
    "os-exit": "ends the process",
    "patched-testing": "changes NumPy for all that come after it",
    "no-file": "unreadable",
    "not-a-notebook": "unreadable",
    "not-utf8": "unreadable",
    "syntax-error": "unreadable",
}
# What is timed, and in which words it is told.
WAYS = {
    "kit": "kit, when it has seen the same answers before",
    "kit, first of its kind": "kit, first of its kind",
    "pytest": "floor: pytest in process",
    "direct": "floor without pytest",
}
KIT, FIRST, *FLOORS = WAYS


@dataclass
class Work:
    """One submission, what the floor runs of it, and the seconds that each way took, round by round."""

    submission: Submission
    source: str
    seconds: dict[str, list[float]] = field(default_factory=lambda: {way: [] for way in WAYS})
    passed: dict[str, set[str]] = field(default_factory=dict)


class FloorProcess:
    """The process of floor_process.py."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("floor_process.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **ONE_THREAD, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""},
        )
        self.pid = self._process.pid

    def run(self, source: str, *, direct: bool) -> set[str]:
        """The tests that this code passes, as ``task::test``."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"source": source, "direct": direct}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            sys.exit("the floor's process has ended: a submission that is in this benchmark ends or breaks it")
        return {_name(*nodeid.split("::", 1)) for nodeid in json.loads(line)["passed"]}

    def close(self) -> None:
        """Let it end."""
        self._process.communicate()


def _name(file: str, test: str) -> str:
    return f"{Path(file).stem.removeprefix('test_').replace('_', '-')}::{test}"


def passed_in(report: Report) -> set[str]:
    """The tests that a report counts as passed, named as the floor does."""
    tests = [(task.id, test) for task in report.tasks for test in task.tests]
    return {f"{task}::{test.id}" for task, test in tests if test.outcome is Status.PASSED}


def prepare(submission: Submission) -> Work:
    """Have the code extracted for the floor, so that it pays for no more than running it."""
    assert submission.path is not None
    statements: list[ast.stmt] = []
    for chunk in extract_file(submission.path, the_assignment()).chunks:
        body = ast.parse(chunk.source).body
        # They hold for the whole text, and Python wants them first.
        futures = [node for node in body if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
        statements[:0] = futures
        for index, names in [(index, None) for index in range(len(body))] if chunk.keep is None else chunk.keep:
            statement = body[index]
            if names is not None and isinstance(statement, ast.Import | ast.ImportFrom):
                statement.names = [statement.names[place] for place in names]
            if statement not in futures:
                statements.append(statement)
    return Work(submission, ast.unparse(ast.Module(statements, [])))


def right_submissions(folder: Path) -> list[Submission]:
    """The solution, and the right solutions of the proof, which are built in many other ways."""
    assignment = the_assignment()
    texts = {"solution": assignment.solution_file.read_text(encoding="utf-8")}
    texts |= {variant.name.replace(" ", "-"): variant.text for variant in load_variants(assignment)}
    for name, text in texts.items():
        (folder / name).mkdir()
        (folder / name / f"{assignment.name}.py").write_text(text, encoding="utf-8")
    return [find_submission(student.name, student.folder, assignment) for student in find_students(assignment, folder)]


def class_submissions() -> list[Submission]:
    """The part of the example class that can share a process with its tests."""
    students = [path.name for path in CLASS.iterdir() if path.is_dir() and path.name not in LEFT_OUT]
    return [find_submission(name, CLASS / name, the_assignment()) for name in sorted(students)]


def measure(works: list[Work], kit: GraderProcess, floor: FloorProcess, rounds: int) -> None:
    """Run every submission in every way, in turn. The first round tells what the kit needs for what it never saw."""
    for _ in range(2):
        # Expected values, and what tests look at.
        kit.grade(works[0].submission)
    for number in range(rounds + 1):
        for work in works:
            for way in (KIT, *FLOORS):
                start = time.perf_counter()
                passed = (
                    passed_in(kit.grade(work.submission))
                    if way == KIT
                    else floor.run(work.source, direct=way == "direct")
                )
                taken = time.perf_counter() - start
                work.passed[way] = passed
                if number:
                    work.seconds[way].append(taken)
                elif way == KIT:
                    work.seconds[FIRST].append(taken)


def report_group(title: str, works: list[Work]) -> dict[str, dict[str, float]]:
    """Print the milliseconds of a group; give the ratios of a typical submission, by way of the kit and floor."""
    means = {way: statistics.mean(median_ms(work.seconds[way]) for work in works) for way in WAYS}
    equal = sum(work.passed[KIT] == work.passed["pytest"] == work.passed["direct"] for work in works)
    print(f"{title}: {len(works)} submissions; all ways pass the same tests in {equal} of them")
    for way, what in WAYS.items():
        each = {work.submission.student: median_ms(work.seconds[way]) for work in works}
        print(f"  {what:45} mean {means[way]:6.1f} ms, median {statistics.median(each.values()):6.1f} ms", end="")
        print(f", most {max(each.values()):6.1f} ms ({max(each, key=lambda name: each[name])})")
    ratios = {
        way: {
            floor: statistics.median(median_ms(work.seconds[way]) / median_ms(work.seconds[floor]) for work in works)
            for floor in FLOORS
        }
        for way in (KIT, FIRST)
    }
    for way in (KIT, FIRST):
        print(f"  {way}: ratio of the whole group {means[way] / means['pytest']:.2f}, ", end="")
        print(f"without pytest on the floor {means[way] / means['direct']:.2f}; ", end="")
        print(f"of its median submission {ratios[way]['pytest']:.2f} and {ratios[way]['direct']:.2f}")
    return ratios


def report_diagnosis(works: list[Work], kit: GraderProcess, rounds: int) -> None:
    """Print what the reasons for lost marks cost, on the submissions that lose some."""
    failing = [work for work in works if any(t.score < t.max_score for t in kit.grade(work.submission).tasks)]
    if not failing:
        return
    seconds: dict[bool, list[list[float]]] = {True: [], False: []}
    for work in failing:
        taken: dict[bool, list[float]] = {True: [], False: []}
        for _ in range(rounds):
            for explain in (True, False):
                start = time.perf_counter()
                kit.grade(replace(work.submission, explain=explain))
                taken[explain].append(time.perf_counter() - start)
        for explain, mine in taken.items():
            seconds[explain].append(mine)
    told, untold = (statistics.mean(map(median_ms, seconds[explain])) for explain in (True, False))
    print(f"diagnosis: {len(failing)} submissions that lose marks, {told:.1f} ms with it, {untold:.1f} ms without")


def require_full_marks(works: list[Work], tests: int) -> None:
    """The work on right submissions is equal only if every way runs and passes every test."""
    for work in works:
        for way in (KIT, *FLOORS):
            if len(work.passed[way]) != tests:
                sys.exit(f"{work.submission.student}: {len(work.passed[way])} of {tests} tests passed in {way}")


def main() -> None:
    """Print the milliseconds and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_group_options(parser, rounds=5)
    options = parser.parse_args()
    stay_on_one_core(options)
    with tempfile.TemporaryDirectory() as folder:
        right = [prepare(submission) for submission in right_submissions(Path(folder))[: options.n]]
        others = [prepare(submission) for submission in class_submissions()[: options.n]]
        start = time.perf_counter()
        floor = FloorProcess()
        floor.run("", direct=True)
        started = time.perf_counter()
        with GraderProcess(the_assignment()) as kit:
            # What misconceptions give is kept on disk, once for an assignment.
            for work in others:
                kit.grade(work.submission)
        started_again = time.perf_counter()
        with GraderProcess(the_assignment()) as kit:
            ready = time.perf_counter()
            print(f"sandbox level {kit.level}; start-up, not counted below: ", end="")
            print(f"floor {started - start:.1f} s, kit {ready - started_again:.1f} s")
            print(f"left out on both sides: {', '.join(f'{name} ({why})' for name, why in LEFT_OUT.items())}")
            measure(right, kit, floor, options.rounds)
            measure(others, kit, floor, options.rounds)
            tests = sum(len(task.tests) for task in kit.tasks)
            require_full_marks(right, tests)
            ratios = report_group("right submissions", right)
            report_group("the example class", others)
            report_diagnosis(others, kit, options.rounds)
        floor.close()
    print("the median right submission; slow student code is slow on both sides and would only flatter the kit:")
    for way in (FIRST, KIT):
        print(f"{way}: ratio to the floor without pytest {ratios[way]['direct']:.2f}")
    print(f"ratio kit/floor, first of its kind: {ratios[FIRST]['pytest']:.2f}")
    print(f"ratio kit/floor: {ratios[KIT]['pytest']:.2f}")


if __name__ == "__main__":
    main()
