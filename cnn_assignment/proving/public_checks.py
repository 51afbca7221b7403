"""Public checks, run as students run them: what they must say of the solution, of right solutions and of the skeleton."""

from __future__ import annotations

import ast
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnn_assignment.authoring.notebook import make_solution_notebook
from cnn_assignment.authoring.release import write_source
from cnn_assignment.authoring.skeleton import make_skeleton
from cnn_assignment.core.errors import GraderError
from cnn_assignment.core.model import Assignment, Task
from cnn_assignment.proving import check_process
from cnn_assignment.proving.check_process import FAILED, PASSED
from cnn_assignment.proving.results import Finding
from cnn_assignment.proving.variants import load_variants
from cnn_assignment.sandbox.client.launch import ONE_THREAD

if TYPE_CHECKING:
    from nbformat import NotebookNode

# For all public checks of one solution, or all cells of one notebook up to its last check.
_LIMIT_S = 120.0


@dataclass(frozen=True, slots=True)
class Cell:
    """A code cell. name: for people. is_check: whether it holds a task's public checks."""

    name: str
    source: str
    is_check: bool


@dataclass(frozen=True, slots=True)
class CheckTrial:
    """One state of a student's work. module: its text. cells: those of its notebook, up to the last that checks.

    kind: what a table counts it as. is_right: whether all must pass; where it is not, every check must fail.
    """

    kind: str
    name: str
    module: str
    cells: tuple[Cell, ...]
    is_right: bool


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A trial, and what is wrong with its checks beside the module and with its notebook."""

    trial: CheckTrial
    beside: tuple[str, ...]
    in_notebook: tuple[str, ...]


SOLUTION, SKELETON, RIGHT = "the solution", "the skeleton", "right solution"


class PublicChecks:
    """The trials of an assignment's public checks, ready to run; its length is their number.

    Raises AuthoringError for an assignment that does not fit together.
    """

    def __init__(self, assignment: Assignment, tasks: tuple[Task, ...]) -> None:
        self._assignment, self._tasks = assignment, tasks
        self._names = _read_checks(assignment.checks_file)
        self._trials = _make_trials(assignment, tasks)
        self._missing = _find_missing(assignment, self._trials[0].cells)
        self.results: tuple[CheckResult, ...] = ()

    def __len__(self) -> int:
        return len(self._trials)

    @property
    def survivors(self) -> list[str]:
        """Every check that went otherwise than it must, by name, with what it said."""
        return [line for result in self.results for line in (*result.beside, *result.in_notebook)]

    @property
    def findings(self) -> list[Finding]:
        """A line for each claim."""
        found = []
        for trial, verb in ((SOLUTION, "pass"), (SKELETON, "fail")):
            (result,) = (result for result in self.results if result.trial.kind == trial)
            cells = sum(cell.is_check for cell in result.trial.cells)
            found.append(_count(f"{len(self._names)} public checks {verb} on {trial}", result.beside))
            if not self._missing:
                found.append(_count(f"{cells} check cells {verb} in the notebook of {trial}", result.in_notebook))
        if self._missing:
            place = f"{self._assignment.release_dir.relative_to(self._assignment.root).as_posix()}/requirements.txt"
            told = f"no {', '.join(self._missing)}. `python -m pip install -r {place}` brings what students have"
            found.append(Finding("what the notebook imports is installed here", "yes", told, holds=False))
        right = [result for result in self.results if result.trial.kind == RIGHT]
        if right:
            failed = [result.trial.name for result in right if result.beside or result.in_notebook]
            too = "" if self._missing else ", in the notebook too"
            found.append(_count(f"{len(right)} right solutions pass the public checks{too}", failed))
        return found

    def run(self, jobs: int, progress: Callable[[str], None]) -> None:
        """Try everything, with that many processes; progress is told of each trial as soon as it is over."""
        with tempfile.TemporaryDirectory() as folder, _open_desks(jobs, _imports(self._trials[0].cells)) as desks:
            given = Path(folder, "given")
            write_source(self._assignment, self._tasks, self._assignment.hints, given)

            def work(share: int) -> dict[int, CheckResult]:
                found = {}
                for number in range(share, len(self._trials), jobs):
                    place = shutil.copytree(given, Path(folder, str(number)))
                    found[number] = self._try(self._trials[number], place, desks[share])
                    progress(self._trials[number].name)
                return found

            with ThreadPoolExecutor(jobs) as pool:
                shares = [pool.submit(work, share) for share in range(jobs)]
                try:
                    results = {number: result for share in shares for number, result in share.result().items()}
                except BaseException:
                    # Whoever waits for a process need not wait longer.
                    for one in desks:
                        one.end()
                    raise
        self.results = tuple(results[number] for number in sorted(results))

    def _try(self, trial: CheckTrial, folder: Path, place: _Desk) -> CheckResult:
        name = self._assignment.module
        (folder / f"{name}.py").write_text(trial.module, encoding="utf-8")
        order: dict[str, Any] = {"folder": str(folder)}
        beside = place.ask(order | {"test": f"test_{name}.py"})
        beside_problems = tuple(_judge(trial, "public check ", self._names, beside))
        if self._missing:
            return CheckResult(trial, beside_problems, ())
        cells = place.ask(order | {"cells": [(cell.name, cell.source) for cell in trial.cells]})
        checked = [cell.name for cell in trial.cells if cell.is_check]
        # Where an answer is right, nothing else stops a student on the way to the checks.
        expected = [cell.name for cell in trial.cells] if trial.is_right else checked
        return CheckResult(trial, beside_problems, tuple(_judge(trial, "in the notebook: ", expected, cells)))


def _judge(trial: CheckTrial, where: str, expected: Iterable[str], answer: dict[str, Any]) -> Iterator[str]:
    """What is wrong with what a process found."""
    found: dict[str, tuple[str, str]] = {}
    for name, outcome, said in answer["outcomes"]:
        # The first thing that went wrong: names of cells may be alike, and a check may pass and not be cleaned up.
        if name not in found or found[name][0] == PASSED:
            found[name] = (outcome, said)
    # A file that cannot be collected has outcomes of no check.
    ending = answer["end"] or next((said for name, (_, said) in found.items() if name.endswith(".py")), "was not run")
    for name in dict.fromkeys(expected):
        outcome, said = found.get(name, (FAILED if trial.is_right else "", ending))
        if outcome != (PASSED if trial.is_right else FAILED):
            told = f"{outcome}: {said}" if outcome and said else outcome or said
            yield f"{trial.name}: {where}{name}: {told}"


def _count(claim: str, problems: Sequence[str]) -> Finding:
    return Finding(claim, "all", f"all but {len(problems)}" if problems else "all", not problems)


# What is tried


def _make_trials(assignment: Assignment, tasks: tuple[Task, ...]) -> list[CheckTrial]:
    solution = assignment.solution_file.read_text(encoding="utf-8")
    label = assignment.solution_label
    notebook = make_solution_notebook(assignment, tasks, assignment.hints)

    def skeleton(text: str) -> str:
        return make_skeleton(text, label, assignment.hints)

    trials = [
        CheckTrial(SOLUTION, SOLUTION, solution, _read_cells(notebook, lambda text, _: text), is_right=True),
        CheckTrial(
            SKELETON,
            SKELETON,
            skeleton(solution),
            _read_cells(notebook, lambda text, _: skeleton(text)),
            is_right=False,
        ),
    ]
    for variant in load_variants(assignment):
        cells = _read_cells(notebook, _in_one_piece(variant.text))
        trials.append(CheckTrial(RIGHT, f"{RIGHT} {variant.name}", variant.text, cells, is_right=True))
    return trials


def _in_one_piece(whole: str) -> Callable[[str, int], str]:
    """Fills the first cell that students fill, and leaves the others empty."""
    return lambda _, number: "" if number else whole


def _read_cells(notebook: NotebookNode, fill: Callable[[str, int], str]) -> tuple[Cell, ...]:
    """The code cells up to the last check. fill: what stands in a cell that students fill, of its text and number."""
    cells: list[Cell] = []
    filled = 0
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        about = cell.metadata.get("nbgrader", {})
        source = cell.source
        if about.get("solution"):
            source = fill(source, filled)
            filled += 1
        name = about.get("grade_id") or f"the cell `{source.strip().splitlines()[0] if source.strip() else ''}`"
        cells.append(Cell(name, source, bool(about.get("grade"))))
    last = max(number for number, cell in enumerate(cells) if cell.is_check)
    return tuple(cells[: last + 1])


def _read_checks(file: Path) -> tuple[str, ...]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return tuple(node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"))


def _imports(cells: Iterable[Cell]) -> list[str]:
    """Modules that the cells import in any case; an import in a `try` or an `if` is the cell's own affair."""
    found: dict[str, None] = {}
    for cell in cells:
        # Magic commands, without which it is Python.
        lines = [line for line in cell.source.split("\n") if not line.startswith(("%", "!"))]
        with suppress(SyntaxError):
            for node in ast.parse("\n".join(lines)).body:
                if isinstance(node, ast.Import):
                    found |= dict.fromkeys(alias.name for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    found[node.module] = None
    return list(found)


def _find_missing(assignment: Assignment, cells: Iterable[Cell]) -> list[str]:
    """Packages that the cells import and that are not installed here, without what students get as files."""
    given = {assignment.module, *(path.stem for path in assignment.provided_modules)}
    packages = dict.fromkeys(name.partition(".")[0] for name in _imports(cells))
    return [name for name in packages if name not in given and find_spec(name) is None]


# Where it is tried


class _Desk:
    """The client of one process of `check_process`."""

    def __init__(self, imports: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            # -P: the working folder, which may hold students' files, is not on the path.
            [sys.executable, "-P", check_process.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**os.environ, **ONE_THREAD, "MPLBACKEND": "agg"},
            start_new_session=True,
        )
        self._give({"imports": list(imports), "limit_s": _LIMIT_S})

    def ask(self, order: dict[str, Any]) -> dict[str, Any]:
        """The answer to an order. Raises GraderError where the process has ended."""
        assert self._process.stdout is not None
        try:
            self._give(order)
            line = self._process.stdout.readline()
        except OSError:
            line = ""
        if not line.endswith("\n"):
            raise GraderError("the process that runs the public checks has ended", remedy="Run `verify` again.")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def end(self) -> None:
        """End it, and whatever checks have left running."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """End it and let go of it."""
        self.end()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()

    def _give(self, order: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()


@contextmanager
def _open_desks(jobs: int, imports: Sequence[str]) -> Iterator[list[_Desk]]:
    desks: list[_Desk] = []
    try:
        desks.extend(_Desk(imports) for _ in range(jobs))
        yield desks
    finally:
        for one in desks:
            one.close()
