"""What mutants give in every test of their task, as `verify` found it out and every grader reads it.

It is kept in a file of the assignment, ``autograder/<assignment>/mutants.json.gz``, so that a report depends on the course
alone and on nothing that a machine remembers. The file holds for the tests that it was made with: where one of them or
the solution was changed since, nothing is told of mutants until `verify` was run again.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnn_assignment.core.digests import tests_digest
from cnn_assignment.core.model import Assignment
from cnn_assignment.explaining.fingerprints import Fingerprint, take_fingerprint
from cnn_assignment.explaining.mutant_words import Place, SlipKind, tell
from cnn_assignment.judging.signature import FailureSignature, Likeness

FILE_NAME = "mutants.json.gz"
_SCHEMA = "cnn-assignment/mutants/1"
# By test of a task, in the order of the tests; None where it was passed.
Prints = Sequence[Fingerprint | None]


@dataclass(frozen=True, slots=True)
class Mutation:
    """What may be told of a mutant. is_of_variant: whether it is one of a right solution that is built differently."""

    kind: SlipKind
    place: Place
    is_of_variant: bool = False


@dataclass(frozen=True, slots=True)
class MutantRow:
    """What some mutants give in the tests of their task, all the same."""

    prints: tuple[Fingerprint | None, ...]
    mutations: tuple[Mutation, ...]


@dataclass(frozen=True, slots=True)
class TaskRows:
    """The rows of a task, and the ids of the tests that they are of."""

    tests: tuple[str, ...]
    rows: tuple[MutantRow, ...]


class MutantRows:
    """The rows of an assignment by task. made_from: a digest of all that they were made from."""

    def __init__(self, tasks: Mapping[str, TaskRows], made_from: str = "") -> None:
        self._tasks = tasks
        self.made_from = made_from

    def find(self, task: str, tests: Sequence[str], row: Sequence[FailureSignature | None]) -> str:
        """What to tell of a row of signatures; "" where no mutant gives it, or none that says anything."""
        prints = [take_fingerprint(signature) if signature is not None else None for signature in row]
        mutation = self.match(task, tests, prints)
        return tell(mutation.kind, mutation.place) if mutation is not None else ""

    def match(self, task: str, tests: Sequence[str], row: Prints) -> Mutation | None:
        """What all mutants have in common that give a row, if that is a place at least."""
        known = self._tasks.get(task)
        # Of a part of the tests, as after a first lost mark, a likeness may be an accident.
        if known is None or tuple(tests) != known.tests or not any(row):
            return None
        found = [mutation for other in known.rows if is_alike(row, other.prints) for mutation in other.mutations]
        return find_common([mutation for mutation in found if not mutation.is_of_variant] or found)


def is_alike(row: Prints, other: Prints) -> bool:
    """Whether two rows show the same: passed where it is passed, and failed alike, for the most part unmistakably."""
    strong = failed = 0
    for one, another in zip(row, other, strict=True):
        if one is None or another is None:
            if one is not another:
                return False
            continue
        likeness = one.compare(another)
        if not likeness:
            return False
        failed += 1
        strong += likeness is Likeness.STRONG
    return strong > 0 and 2 * strong >= failed


def find_common(mutations: Sequence[Mutation]) -> Mutation | None:
    """The kind and the place where all agree, or as much of the place as they agree in; None where that is nothing."""
    kinds, places = {mutation.kind for mutation in mutations}, {mutation.place for mutation in mutations}
    methods = {place.method for place in places}
    if len(methods) != 1 or "" in methods:
        return None
    kind = kinds.pop() if len(kinds) == 1 else SlipKind.UNKNOWN
    return Mutation(kind, places.pop() if len(places) == 1 else Place(methods.pop()))


def rows_path(assignment: Assignment) -> Path:
    """Where the rows of an assignment are kept."""
    return assignment.autograder_dir / FILE_NAME


def read_rows(assignment: Assignment) -> MutantRows:
    """The rows that are kept with an assignment; none where there is no file, or one that is not of these tests."""
    with suppress(OSError, EOFError, zlib.error, ValueError, TypeError, KeyError, IndexError, AttributeError):
        data = json.loads(gzip.decompress(rows_path(assignment).read_bytes()))
        if data["schema"] == _SCHEMA and data["tests"] == tests_digest(assignment):
            tasks = {task: _task_from_json(found) for task, found in data["tasks"].items()}
            return MutantRows(tasks, str(data["made_from"]))
    return MutantRows({})


def write_rows(assignment: Assignment, tasks: Mapping[str, TaskRows], made_from: str) -> None:
    """Keep rows with an assignment; the same rows give the same bytes. Raises OSError."""
    data = {
        "schema": _SCHEMA,
        "tests": tests_digest(assignment),
        "made_from": made_from,
        "tasks": {task: _task_to_json(found) for task, found in tasks.items()},
    }
    text = json.dumps(data, separators=(",", ":"))
    rows_path(assignment).write_bytes(gzip.compress(text.encode(), mtime=0))


def _task_to_json(found: TaskRows) -> dict[str, Any]:
    """Fingerprints and mutations stand once, and in rows their numbers: most rows share most of theirs."""
    prints: dict[str, int] = {}
    mutations: dict[str, int] = {}
    rows = [
        [
            [-1 if one is None else _number(prints, one.to_json()) for one in row.prints],
            [_number(mutations, _mutation_to_json(mutation)) for mutation in row.mutations],
        ]
        for row in found.rows
    ]
    return {
        "tests": list(found.tests),
        "prints": [json.loads(text) for text in prints],
        "mutations": [json.loads(text) for text in mutations],
        "rows": rows,
    }


def _number(known: dict[str, int], value: list[Any]) -> int:
    return known.setdefault(json.dumps(value), len(known))


def _task_from_json(data: Mapping[str, Any]) -> TaskRows:
    prints = [Fingerprint.from_json(found) for found in data["prints"]]
    mutations = [_mutation_from_json(found) for found in data["mutations"]]
    rows = tuple(
        MutantRow(
            tuple(None if number < 0 else prints[number] for number in places),
            tuple(mutations[number] for number in numbers),
        )
        for places, numbers in data["rows"]
    )
    if any(len(row.prints) != len(data["tests"]) for row in rows):
        raise ValueError("a row that is not of these tests")
    return TaskRows(tuple(data["tests"]), rows)


def _mutation_to_json(mutation: Mutation) -> list[Any]:
    place = mutation.place
    return [str(mutation.kind), place.method, place.name, place.verb, mutation.is_of_variant]


def _mutation_from_json(data: Sequence[Any]) -> Mutation:
    kind, method, name, verb, is_of_variant = data
    return Mutation(SlipKind(kind), Place(str(method), str(name), str(verb)), bool(is_of_variant))
