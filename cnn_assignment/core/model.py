"""The frozen values that flow through the kit: assignment, gap, task, submission, outcome, report."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from cnn_assignment.core.names import module_of

REPORT_SCHEMA = "cnn-assignment/report/1"
OPEN_GAP = re.compile(r"([a-z][a-z0-9-]*): fill in this gap")
"""What `open_gap` says, with the task as its group."""


def open_gap(task: str) -> str:
    """What an open gap raises: it tells students, and the grader, that nothing was done here yet."""
    return f"{task}: fill in this gap"


class Hints(StrEnum):
    """How much of an answer its hint leaves: the edition of a build."""

    GUIDED = "guided"
    STANDARD = "standard"
    OPEN = "open"


class Status(StrEnum):
    """The result of one test, and with PARTIAL that of a whole task."""

    PASSED = "passed"
    PARTIAL = "partial"
    FAILED = "failed"
    NOT_ATTEMPTED = "not_attempted"
    ERROR = "error"
    TIMEOUT = "timeout"


class ReportStatus(StrEnum):
    """What a report is worth: a grade, a reason why nothing could be read, or a grade withheld."""

    GRADED = "graded"
    UNREADABLE = "unreadable"
    GRADER_ERROR = "grader_error"


@dataclass(frozen=True, slots=True)
class Gap:
    """A marked region of the solution that students must fill.

    task: the task id after the marker. options: the words after it, such as {"keep": "slices"}.
    begin_line and end_line: 1-based lines of the two markers. indent: the white space before BEGIN.
    answer: the lines between the markers, as written.
    """

    task: str
    options: dict[str, str]
    begin_line: int
    end_line: int
    indent: str
    answer: str


def function_of(test_id: str) -> str:
    """The test function of a hidden test, without the case in brackets."""
    return test_id.partition("[")[0]


@dataclass(frozen=True, slots=True)
class HiddenTest:
    """One item of a hidden test file; id is unique within its task.

    traits: the numbers that describe the case of a parametrised test, by name. degenerate: the kinds of answers that
    know nothing and pass all the same, because they are right here.
    """

    id: str
    title: str
    max_score: float
    traits: Mapping[str, float] = field(default_factory=dict)
    degenerate: tuple[str, ...] = ()

    @property
    def function(self) -> str:
        """The test function of a case."""
        return function_of(self.id)

    def to_json(self) -> dict[str, Any]:
        """The test as grader processes tell it."""
        return asdict(self) | {"degenerate": list(self.degenerate)}


@dataclass(frozen=True, slots=True)
class Task:
    """What earns points: one hidden test file. title is the file's docstring, max_score the sum of its points."""

    id: str
    title: str
    max_score: float
    tests: tuple[HiddenTest, ...]

    def to_json(self) -> dict[str, Any]:
        """The task as grader processes tell it."""
        return asdict(self) | {"tests": [test.to_json() for test in self.tests]}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Task:
        """The inverse of `to_json`."""
        tests = tuple(HiddenTest(**test | {"degenerate": tuple(test["degenerate"])}) for test in data["tests"])
        return cls(data["id"], data["title"], data["max_score"], tests)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one submission may use, and the least protection with which it is run. Times in seconds, memory in MiB."""

    call_cpu_s: float = 2.0
    call_wall_s: float = 12.0
    submission_wall_s: float = 120.0
    memory_mib: int = 1024
    timeouts_per_method: int = 2
    required_level: int = 0


@dataclass(frozen=True, slots=True)
class Assignment:
    """One assignment as its settings describe it; all paths are absolute.

    classes, functions: the public names that submissions define. provided: files from ``solutions/`` that students get as
    they are. provided_solutions: those of them that are the solution of another assignment whose deadline is over, and
    that students get solved and without its markers. modules: importable names beyond the standard library and NumPy. stand_ins: for a task id, the
    names of methods and functions, ``Class.method`` or ``function``, that its tests may replace by right ones. requirements: what students install.
    hints: the edition of a plain build. python: the oldest Python that grades, as students are told it, "3.11", or "". seed: from which every test draws its inputs.
    """

    name: str
    title: str
    root: Path
    classes: tuple[str, ...]
    provided: tuple[str, ...]
    modules: tuple[str, ...]
    requirements: tuple[str, ...]
    hints: Hints
    seed: int
    limits: Limits
    stand_ins: dict[str, tuple[str, ...]]
    python: str = ""
    provided_solutions: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All names that submissions define: the classes, and then the functions."""
        return (*self.classes, *self.functions)

    @property
    def module(self) -> str:
        """The name of the module that students may fill: the assignment's, as Python can import it."""
        return module_of(self.name)

    @property
    def solution_file(self) -> Path:
        """The full solution, the only place where the answer is written."""
        return self.root / "solutions" / f"{self.module}.py"

    @property
    def solution_label(self) -> str:
        """The solution as messages name it."""
        return f"solutions/{self.module}.py"

    @property
    def narrative_file(self) -> Path:
        """The notebook's text in jupytext Markdown."""
        return self.root / "source" / f"{self.name}.md"

    @property
    def source_dir(self) -> Path:
        """The built source folder of nbgrader."""
        return self.root / "source" / self.name

    @property
    def source_file(self) -> Path:
        """The built notebook with all answers."""
        return self.source_dir / f"{self.name}.ipynb"

    @property
    def release_dir(self) -> Path:
        """What students receive."""
        return self.root / "release" / self.name

    @property
    def release_file(self) -> Path:
        """The notebook that students receive."""
        return self.release_dir / f"{self.name}.ipynb"

    @property
    def autograder_dir(self) -> Path:
        """Hidden tests, public checks and settings."""
        return self.root / "autograder" / self.name

    @property
    def proof_dir(self) -> Path:
        """What only the proof of the assignment needs: right solutions, and mutants that are equivalent."""
        return self.autograder_dir / "proof"

    @property
    def checks_file(self) -> Path:
        """The public checks, which students get as ``test_<module>.py``."""
        return self.autograder_dir / "checks.py"

    @property
    def provided_files(self) -> tuple[Path, ...]:
        """The provided files, in the order of the settings."""
        return tuple(self.root / "solutions" / name for name in self.provided)

    @property
    def provided_modules(self) -> tuple[Path, ...]:
        """Those of them that can be imported."""
        return tuple(path for path in self.provided_files if path.suffix == ".py")

    @property
    def provided_data(self) -> tuple[Path, ...]:
        """Those that code reads: they lie in its working folder when it is graded."""
        return tuple(path for path in self.provided_files if path.suffix != ".py")

    @property
    def hidden_test_files(self) -> tuple[Path, ...]:
        """One file a task, in the order of their names; the order of tasks is that of the gaps."""
        return tuple(sorted(self.autograder_dir.glob("test_*.py")))


@dataclass(frozen=True, slots=True)
class Submission:
    """One student's file for one assignment; path is None where the folder holds nothing to read.

    folder: where it was handed in, which holds its time; that of path where it is None. notes: for the student, on how
    the file was chosen.
    A proof may ask for less than a grade, and then the report holds no more. tasks: those that are to be graded, all
    where it is empty. until_loss: whether a task is left after its first lost mark. explain: whether lost marks are
    told their reasons. sign: whether they are told the fingerprints of what came, in the place of reasons.
    """

    student: str
    path: Path | None
    tasks: tuple[str, ...] = ()
    until_loss: bool = False
    explain: bool = True
    sign: bool = False
    notes: tuple[str, ...] = ()
    folder: Path | None = None

    def to_json(self) -> dict[str, Any]:
        """The order that a grader process takes."""
        asked = {"tasks": list(self.tasks), "until_loss": self.until_loss, "explain": self.explain, "sign": self.sign}
        places = {name: path and str(path.absolute()) for name, path in (("path", self.path), ("folder", self.folder))}
        return {"student": self.student, "notes": list(self.notes), **asked, **places}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Submission:
        """The inverse of `to_json`."""
        same: dict[str, Any] = {name: data[name] for name in ("student", "until_loss", "explain", "sign")}
        same |= {name: data[name] and Path(data[name]) for name in ("path", "folder")}
        return cls(**same, tasks=tuple(data["tasks"]), notes=tuple(data["notes"]))


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one hidden test on one submission. message and diagnosis are told to the student."""

    id: str
    title: str
    outcome: Status
    score: float
    max_score: float
    message: str = ""
    diagnosis: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The ``tests`` entry of a report."""
        return asdict(self) | {"outcome": str(self.outcome), "diagnosis": list(self.diagnosis)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Outcome:
        """The inverse of `to_json`."""
        return cls(
            id=data["id"],
            title=data["title"],
            outcome=Status(data["outcome"]),
            score=data["score"],
            max_score=data["max_score"],
            message=data["message"],
            diagnosis=tuple(data["diagnosis"]),
        )


@dataclass(frozen=True, slots=True)
class TaskScore:
    """All outcomes of one task."""

    id: str
    title: str
    status: Status
    score: float
    max_score: float
    tests: tuple[Outcome, ...]

    def to_json(self) -> dict[str, Any]:
        """The ``tasks`` entry of a report."""
        return {
            "id": self.id,
            "title": self.title,
            "status": str(self.status),
            "score": self.score,
            "max_score": self.max_score,
            "tests": [test.to_json() for test in self.tests],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> TaskScore:
        """The inverse of `to_json`."""
        return cls(
            id=data["id"],
            title=data["title"],
            status=Status(data["status"]),
            score=data["score"],
            max_score=data["max_score"],
            tests=tuple(Outcome.from_json(test) for test in data["tests"]),
        )


@dataclass(frozen=True, slots=True)
class Report:
    """All outcomes and scores of one submission. Equal inputs give equal reports: no clock, host or path."""

    assignment: str
    student: str
    status: ReportStatus
    score: float
    max_score: float
    tasks: tuple[TaskScore, ...]
    notes: tuple[str, ...]
    file: str
    digest: str
    autograder_digest: str
    seed: int
    kit: str
    level: int
    protections: dict[str, bool] = field(default_factory=dict)

    def without_tests(self) -> Report:
        """As much of the report as a table shows, in little memory: there may be a hundred thousand."""
        tasks = [replace(t, id=sys.intern(t.id), title=sys.intern(t.title), tests=()) for t in self.tasks]
        return replace(self, tasks=tuple(tasks), protections={})

    def to_json(self) -> dict[str, Any]:
        """The report in the schema ``cnn-assignment/report/1``."""
        return {
            "schema": REPORT_SCHEMA,
            "assignment": self.assignment,
            "student": self.student,
            "status": str(self.status),
            "score": self.score,
            "max_score": self.max_score,
            "tasks": [task.to_json() for task in self.tasks],
            "notes": list(self.notes),
            "submission": {"file": self.file, "digest": self.digest},
            "autograder": {"digest": self.autograder_digest, "seed": self.seed},
            "kit": self.kit,
            "sandbox": {"level": self.level, "protections": dict(self.protections)},
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Report:
        """The inverse of `to_json`. Raises ValueError on another schema."""
        if data.get("schema") != REPORT_SCHEMA:
            raise ValueError(f"expected schema {REPORT_SCHEMA}, got {data.get('schema')!r}")
        return cls(
            assignment=data["assignment"],
            student=data["student"],
            status=ReportStatus(data["status"]),
            score=data["score"],
            max_score=data["max_score"],
            tasks=tuple(TaskScore.from_json(task) for task in data["tasks"]),
            notes=tuple(data["notes"]),
            file=data["submission"]["file"],
            digest=data["submission"]["digest"],
            autograder_digest=data["autograder"]["digest"],
            seed=data["autograder"]["seed"],
            kit=data["kit"],
            level=data["sandbox"]["level"],
            protections=dict(data["sandbox"]["protections"]),
        )
