"""The gate: trials that show whether the hidden tests tell wrong from right, and say why."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from cnn_assignment.core.errors import AuthoringError
from cnn_assignment.core.layout import task_order
from cnn_assignment.core.model import Assignment, Report, Status, Task
from cnn_assignment.explaining.mutant_words import LEAD
from cnn_assignment.misconceptions import Misconception, load_misconceptions
from cnn_assignment.proving.degenerate import make_degenerate
from cnn_assignment.proving.degenerate_code import KINDS
from cnn_assignment.proving.mutating.mutants import Mutant, make_mutants
from cnn_assignment.proving.trials import Kind, Trial, TrialOutcome, graded
from cnn_assignment.proving.variants import load_variants

EQUIVALENT_MUTANTS = "equivalent_mutants.toml"


def make_gate(assignment: Assignment, tasks: Sequence[Task]) -> list[Trial]:
    """Degenerate answers, misconceptions, mutants and right solutions.

    tasks: those of the hidden tests. Raises AuthoringError for misconceptions, right solutions and equivalent mutants that do not belong to this solution.
    """
    solution = assignment.solution_file.read_text(encoding="utf-8")
    label = assignment.solution_label
    right_there: dict[str, set[str]] = defaultdict(set)
    for task in tasks:
        for test in task.tests:
            for kind in test.degenerate:
                right_there[kind].add(f"{task.id}: {test.id}")
    if unknown := right_there.keys() - set(KINDS):
        raise AuthoringError(
            f"degenerate_passes names {', '.join(sorted(unknown))}",
            place=f"autograder/{assignment.name}",
            remedy=f"Answers that know nothing are {', '.join(KINDS)}.",
        )
    degenerate = [
        Trial(
            Kind.DEGENERATE,
            answer.kind,
            answer.task,
            answer.text,
            _earns_nothing_but(right_there[answer.kind]),
            tasks=(answer.task,),
        )
        for answer in make_degenerate(solution, label)
    ]
    known = load_misconceptions(assignment)
    told = {entry.id: entry.tells for entry in known}
    texts = {entry.id: entry.apply(solution) for entry in known}
    misconceptions = [
        Trial(
            Kind.MISCONCEPTION,
            entry.id,
            entry.task,
            texts[entry.id],
            _is_told(entry, told),
            tasks=(entry.task,),
            explain=True,
        )
        for entry in known
    ]
    neighbours = [
        trial for task in task_order(assignment) for trial in _make_neighbour_trials(solution, known, texts, task)
    ]
    right = [
        Trial(Kind.RIGHT, variant.name, "", variant.text, _keeps_full_marks) for variant in load_variants(assignment)
    ]
    mutants = _make_mutant_trials(assignment, make_mutants(solution, label))
    # What takes longest comes first, so that no process is left with a long one at the end.
    return [*misconceptions, *right, *neighbours, *degenerate, *mutants]


def _make_neighbour_trials(
    solution: str, known: Sequence[Misconception], texts: Mapping[str, str], task: str
) -> list[Trial]:
    """Trials of whether a task is graded on its own, whatever is wrong elsewhere.

    texts: the solution with each misconception alone. Each trial holds one misconception of every other task at once,
    which takes a third of the time that it takes to try them one by one; a group that costs marks is taken apart.
    """
    others: dict[str, list[Misconception]] = defaultdict(list)
    for entry in known:
        if entry.task != task:
            others[entry.task].append(entry)
    trials = []
    for group in zip_longest(*others.values()):
        text, members, alone = solution, [], []
        for entry in group:
            if entry is not None:
                single = _neighbour(task, [entry], texts[entry.id])
                try:
                    text = entry.apply(text)
                    members.append((entry, single))
                except AuthoringError:
                    # Another of the group has changed the same lines.
                    alone.append(single)
        names = [entry for entry, _ in members]
        trials += [_neighbour(task, names, text, tuple(single for _, single in members)), *alone]
    return trials


def _neighbour(task: str, entries: Sequence[Misconception], text: str, parts: tuple[Trial, ...] = ()) -> Trial:
    name = " + ".join(entry.id for entry in entries)
    return Trial(Kind.NEIGHBOURS, name, task, text, _stays_whole, tasks=(task,), parts=parts)


def _make_mutant_trials(assignment: Assignment, mutants: Sequence[Mutant]) -> list[Trial]:
    listed = load_equivalents(assignment, {(mutant.task, mutant.change) for mutant in mutants})

    def trial(mutant: Mutant) -> Trial:
        kind, rule = Kind.MUTANT, _loses_marks
        if (mutant.task, mutant.change) in listed:
            kind, rule = Kind.EQUIVALENT, _keeps_its_marks
        return Trial(kind, mutant.change, mutant.task, mutant.text, rule, tasks=(mutant.task,), until_loss=True)

    return [trial(mutant) for mutant in mutants]


def load_equivalents(assignment: Assignment, known: set[tuple[str, str]] | None = None) -> set[tuple[str, str]]:
    """Task and change of each mutant that is listed as equivalent, with a reason.

    known: all mutants there are. Raises AuthoringError for a list that cannot be read, or names another one.
    """
    path = assignment.proof_dir / EQUIVALENT_MUTANTS
    if not path.is_file():
        return set()
    place = path.relative_to(assignment.root).as_posix()
    try:
        entries: list[dict[str, Any]] = tomllib.loads(path.read_text(encoding="utf-8")).get("mutant", [])
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AuthoringError(f"not valid TOML: {error}", place=place, remedy="Mend the line it names.") from error
    found = set()
    for entry in entries:
        if set(entry) != {"task", "change", "reason"} or not str(entry["reason"]).strip():
            raise AuthoringError(
                f"an entry that is not task, change and reason: {entry}", place=place, remedy="Give it all three."
            )
        key = (entry["task"], entry["change"])
        if known is not None and key not in known:
            raise AuthoringError(
                f"no such mutant of {key[0]}: {key[1]}",
                place=place,
                remedy="The solution was changed since: take the entry out, and look at what survives now.",
            )
        found.add(key)
    return found


# Rules: what a report must show


def _missed(report: Report) -> list[str]:
    """Every test that was not passed, with its message."""
    return [
        f"{task.id}: {test.id}: {test.message}"
        for task in report.tasks
        for test in task.tests
        if test.outcome is not Status.PASSED
    ]


def _earns_nothing_but(right_there: Collection[str]) -> Callable[[Report], TrialOutcome]:
    """right_there: tests, as ``task: test``, in which this answer is right."""

    @graded
    def rule(report: Report) -> TrialOutcome:
        passed = [(task.id, test.id) for task in report.tasks for test in task.tests if test.outcome is Status.PASSED]
        kept = [test for task, test in passed if f"{task}: {test}" not in right_there]
        if not kept:
            return TrialOutcome()
        return TrialOutcome(
            f"passes {', '.join(kept)}. Where that is right, mark the test or case with degenerate_passes(kind)"
        )

    return rule


@graded
def _loses_marks(report: Report) -> TrialOutcome:
    return TrialOutcome("" if _missed(report) else "keeps all its marks")


@graded
def _keeps_its_marks(report: Report) -> TrialOutcome:
    return TrialOutcome("loses marks, so it is not equivalent" if _missed(report) else "")


@graded
def _stays_whole(report: Report) -> TrialOutcome:
    return TrialOutcome("costs this task marks, though it belongs to another" if _missed(report) else "")


@graded
def _keeps_full_marks(report: Report) -> TrialOutcome:
    missed = _missed(report)
    return TrialOutcome(f"loses marks in {len(missed)} tests, the first {missed[0]}" if missed else "")


def _is_told(entry: Misconception, told: Mapping[str, str]) -> Callable[[Report], TrialOutcome]:
    """It loses marks in its own task, and is told as itself or as one that it is the same as."""
    right = {told[name] for name in (entry.id, *entry.same_as)}
    names = {sentence: name for name, sentence in told.items()}

    @graded
    def rule(report: Report) -> TrialOutcome:
        missed = [test for task in report.tasks for test in task.tests if test.outcome is not Status.PASSED]
        if not missed:
            return TrialOutcome("keeps all its marks")
        taken = {names[why] for test in missed for why in test.diagnosis if why in names and why not in right}
        if any(why.startswith(LEAD) for test in missed for why in test.diagnosis):
            return TrialOutcome("is taken for a mutant", len(missed))
        if taken:
            return TrialOutcome(f"is taken for {', '.join(sorted(taken))}", len(missed))
        explained = sum(bool(right.intersection(test.diagnosis)) for test in missed)
        return TrialOutcome("" if explained else "is never told", len(missed), explained)

    return rule
