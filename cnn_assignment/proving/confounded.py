"""Traits of test cases that cannot be told apart: where one fails, so does the other, and nobody knows which it is.

What sets the failing cases of a parametrised test apart can only be said where each trait, such as "stride is 1", varies
independently of the others. A table of cases in which every stride above 1 leaves rows over tells neither from the other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations

from cnn_assignment.core.model import Task
from cnn_assignment.core.traits import Condition, Traits, list_conditions

# On either side of a condition: one case alone is set apart by many things.
_FEWEST = 2


def find_confounded(tasks: Sequence[Task]) -> list[str]:
    """A sentence for each trait that is the same in all cases of a test, and for each two that never differ."""
    return [
        f"{task.id}: {function}: {found}"
        for task in tasks
        for function, cases in _cases(task).items()
        if len(cases) >= 2 * _FEWEST
        for found in (*_constant(cases), *_inseparable(cases))
    ]


def _cases(task: Task) -> dict[str, list[Traits]]:
    """The cases of each test function that have traits."""
    found: dict[str, list[Traits]] = defaultdict(list)
    for test in task.tests:
        if test.traits:
            found[test.function].append(test.traits)
    return found


def _constant(cases: Sequence[Traits]) -> Iterator[str]:
    for name, value in cases[0].items():
        if all(case.get(name) == value for case in cases):
            always = ("always" if value else "never") if isinstance(value, bool) else f"always {value}"
            yield f"{name}: {always}"


def _inseparable(cases: Sequence[Traits]) -> Iterator[str]:
    """Pairs of traits of which one condition each holds in the same cases, or in exactly the other ones."""
    sides = [(condition, tuple(condition.holds(case) for case in cases)) for condition in list_conditions(cases)]
    sides = [(condition, side) for condition, side in sides if _FEWEST <= sum(side) <= len(cases) - _FEWEST]
    known: set[tuple[str, str]] = set()
    for (one, side), (other, other_side) in combinations(sides, 2):
        names = (one.name, other.name)
        if one.name == other.name or names in known:
            continue
        if side == other_side or side == tuple(not held for held in other_side):
            known.add(names)
            yield _describe(one, other, is_opposite=side != other_side)


def _describe(one: Condition, other: Condition, *, is_opposite: bool) -> str:
    return f"where {one}, never {other}, and the other way round" if is_opposite else f"{one} exactly where {other}"
