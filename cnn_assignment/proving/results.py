"""What a proof found: lines with claims, a table by task, and the survivors by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from cnn_assignment.proving.trials import Kind, Trial, TrialOutcome

_CLAIMS = {
    Kind.DEGENERATE: "degenerate answers earn nothing",
    Kind.MISCONCEPTION: "misconceptions lose marks in their task, and are told by name",
    Kind.NEIGHBOURS: "groups of misconceptions leave the tasks of others whole",
    Kind.MUTANT: "mutants of the gaps lose marks",
    Kind.EQUIVALENT: "mutants that are listed as equivalent keep theirs",
    Kind.RIGHT: "differently built right solutions keep full marks",
}


@dataclass(frozen=True, slots=True)
class Result:
    """A trial and what was found of it."""

    trial: Trial
    outcome: TrialOutcome

    @property
    def survivor(self) -> str:
        """The trial by its name, and its problem."""
        task = f"{self.trial.task}: " if self.trial.task else ""
        return f"{self.trial.kind} {task}{self.trial.name}: {self.outcome.problem}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the proof: what was tried, what must be found, what was found, and whether that is right.

    is_advice: whether something else than expected was found, of which the instructor is to decide.
    """

    claim: str
    expected: str
    found: str
    holds: bool
    is_advice: bool = False

    def to_json(self) -> dict[str, Any]:
        """The finding for another program."""
        return {"claim": self.claim, "expected": self.expected, "found": self.found, "holds": self.holds}


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One task in the gate's table: how many of each kind were tried, and how many went as they must.

    explained: misconceptions of which every lost test told the reason.
    """

    task: str
    misconceptions: tuple[int, int]
    explained: int
    mutants: tuple[int, int]
    equivalent: int
    degenerate: tuple[int, int]

    def to_json(self) -> dict[str, Any]:
        """The row for another program."""
        return {
            "id": self.task,
            "misconceptions": _pair(self.misconceptions, "caught") | {"fully_explained": self.explained},
            "mutants": _pair(self.mutants, "killed") | {"equivalent": self.equivalent},
            "degenerate": _pair(self.degenerate, "caught"),
        }


def _pair(counts: tuple[int, int], word: str) -> dict[str, int]:
    return {"count": counts[0], word: counts[1]}


def summarise(results: Sequence[Result]) -> list[Finding]:
    """A line for each claim, and one for each other kind of trial that there was."""
    findings = [_of_claim(result) for result in results if result.trial.kind is Kind.CLAIM]
    for kind, sentence in _CLAIMS.items():
        of_kind = [result for result in results if result.trial.kind is kind]
        survivors = [result for result in of_kind if result.outcome.problem]
        if of_kind:
            found = f"all but {len(survivors)}" if survivors else "all"
            findings.append(Finding(f"{len(of_kind)} {sentence}", "all", found, not survivors))
    return findings


def _of_claim(result: Result) -> Finding:
    problem = result.outcome.problem
    return Finding(result.trial.name, result.trial.must_be, problem or result.trial.must_be, not problem)


def tabulate(results: Iterable[Result], tasks: Iterable[str]) -> list[TaskRow]:
    """One row a task."""
    results = list(results)

    def count(task: str, kind: Kind) -> tuple[int, int]:
        of_kind = [result for result in results if result.trial.kind is kind and result.trial.task == task]
        return len(of_kind), sum(not result.outcome.problem for result in of_kind)

    def explained(task: str) -> int:
        outcomes = [result.outcome for result in results if result.trial.task == task]
        return sum(0 < outcome.lost == outcome.explained for outcome in outcomes)

    return [
        TaskRow(
            task=task,
            misconceptions=count(task, Kind.MISCONCEPTION),
            explained=explained(task),
            mutants=count(task, Kind.MUTANT),
            equivalent=count(task, Kind.EQUIVALENT)[0],
            degenerate=count(task, Kind.DEGENERATE),
        )
        for task in tasks
    ]
