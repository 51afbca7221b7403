"""Points: from the markers of hidden tests to exact shares, and from outcomes to the score of a task.

Arithmetic is in fractions, so that a third three times is one; reports hold the nearest float.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from cnn_assignment.core.model import Outcome, Status, TaskScore


def share(points: float, cases: int) -> Fraction:
    """What one of the cases of a parametrised test earns."""
    return Fraction(str(points)) / cases


def score_task(task_id: str, title: str, shares: Sequence[Fraction], outcomes: Sequence[Outcome]) -> TaskScore:
    """The score and status of a task from the outcomes of its tests, with their exact shares in the same order."""
    earned = sum(
        (part for part, test in zip(shares, outcomes, strict=True) if test.outcome is Status.PASSED), Fraction()
    )
    return TaskScore(
        id=task_id,
        title=title,
        status=_status(outcomes),
        score=float(earned),
        max_score=float(sum(shares)),
        tests=tuple(outcomes),
    )


def fair_shares(needs: Sequence[int], total: int) -> list[int]:
    """How much of a total each may use: all that it needs, and where that is too much, no more than the neediest others."""
    shares = [0] * len(needs)
    left = total
    for done, number in enumerate(sorted(range(len(needs)), key=needs.__getitem__)):
        shares[number] = min(needs[number], left // (len(needs) - done))
        left -= shares[number]
    return shares


def _status(outcomes: Sequence[Outcome]) -> Status:
    """One word for a task: its tests' own where they agree, partial where some passed, else the gravest of them."""
    statuses = {test.outcome for test in outcomes}
    if len(statuses) == 1:
        return statuses.pop()
    if Status.PASSED in statuses:
        return Status.PARTIAL
    for status in (Status.TIMEOUT, Status.ERROR, Status.FAILED):
        if status in statuses:
            return status
    return Status.NOT_ATTEMPTED
