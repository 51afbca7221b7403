"""How good explanations by mutants are: the misconceptions are held back, and each is explained by mutants alone.

A place is right where the misconception changes it: the method, and if a name is told, a statement that writes or returns it.
Both are looked up in the text of the solution and in that with the misconception, so the figure depends on nobody's opinion.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cnn_assignment.core.model import Assignment, Task
from cnn_assignment.explaining.mutant_rows import Mutation, read_rows
from cnn_assignment.explaining.mutant_words import Place, tell
from cnn_assignment.misconceptions import load_misconceptions
from cnn_assignment.proving.degenerate import make_degenerate
from cnn_assignment.proving.gate import load_equivalents
from cnn_assignment.proving.learning.places import Assigning, find_functions, returns, written_name
from cnn_assignment.proving.learning.rows import Grade, sign
from cnn_assignment.proving.mutating.mutants import make_mutants
from cnn_assignment.proving.mutating.sites import Code, Function
from cnn_assignment.proving.variants import load_variants


@dataclass(frozen=True, slots=True)
class HeldBack:
    """One misconception without its sentence: what a mutant tells of it, "" for nothing, and whether at the right place."""

    id: str
    task: str
    told: str
    is_right: bool


def hold_back(
    assignment: Assignment,
    tasks: Sequence[Task],
    grade: Grade,
    jobs: int,
    progress: Callable[[str], None] = lambda _: None,
) -> list[HeldBack]:
    """What mutants tell of every misconception of an assignment."""
    solution = assignment.solution_file.read_text(encoding="utf-8")
    entries = load_misconceptions(assignment)
    texts = [entry.apply(solution) for entry in entries]
    tried = [(entry.task, text) for entry, text in zip(entries, texts, strict=True)]
    found = []
    matches = _match(assignment, tasks, tried, grade, jobs, progress)
    for entry, text, mutation in zip(entries, texts, matches, strict=True):
        told = tell(mutation.kind, mutation.place) if mutation is not None else ""
        is_right = mutation is not None and is_changed(mutation.place, solution, text)
        found.append(HeldBack(entry.id, entry.task, told, is_right))
    return found


def find_mistaken(assignment: Assignment, tasks: Sequence[Task], grade: Grade, jobs: int) -> list[HeldBack]:
    """Degenerate answers, right variants and equivalent mutants of which a mutant's sentence would be told: none must be."""
    solution, label = assignment.solution_file.read_text(encoding="utf-8"), assignment.solution_label
    tried = [(answer.kind, answer.task, answer.text) for answer in make_degenerate(solution, label)]
    tried += [(variant.name, task.id, variant.text) for variant in load_variants(assignment) for task in tasks]
    equal = load_equivalents(assignment)
    mutants = (mutant for mutant in make_mutants(solution, label) if (mutant.task, mutant.change) in equal)
    tried += [(mutant.change, mutant.task, mutant.text) for mutant in mutants]
    matches = _match(assignment, tasks, [(task, text) for _, task, text in tried], grade, jobs)
    found = []
    for (name, task_id, _), mutation in zip(tried, matches, strict=True):
        if mutation is not None:
            found.append(HeldBack(name, task_id, tell(mutation.kind, mutation.place), is_right=False))
    return found


def _match(
    assignment: Assignment,
    tasks: Sequence[Task],
    tried: Sequence[tuple[str, str]],
    grade: Grade,
    jobs: int,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Mutation | None]:
    """What the kept mutants have in common that give the same as each text in its task. tried: tasks and texts."""
    rows = sign(assignment, tried, grade, jobs, progress)
    known, tests = read_rows(assignment), {task.id: [test.id for test in task.tests] for task in tasks}
    return [
        known.match(task, tests[task], row) if row is not None else None
        for (task, _), row in zip(tried, rows, strict=True)
    ]


def is_changed(place: Place, solution: str, other: str) -> bool:
    """Whether a place of the solution is one that another text of it changes."""
    before, after = Code(solution), Code(other)
    old, new = find_functions(before).get(place.method), find_functions(after).get(place.method)
    if old is None or new is None:
        return old is not new
    if ast.dump(old) == ast.dump(new):
        return False
    return not place.name or _uses(before, old, place.name) != _uses(after, new, place.name)


def _uses(code: Code, function: Function, name: str) -> Counter[str]:
    """The statements of a function that write a name or return it, as often as they stand there."""
    return Counter(
        ast.dump(node)
        for node in ast.walk(function)
        if (isinstance(node, Assigning) and written_name(code, node) == name) or returns(code, node, name)
    )
