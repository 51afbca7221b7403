"""What sets the failing cases of a test apart, found by trying more cases and told only where nothing refutes it.

Of a dozen cases many things are true by accident. So a pattern is a guess: that a test is passed exactly where one
condition holds. Further cases are drawn, and those are tried in which the guesses that are left differ, until one is
left or none; that one is tried on cases of either side, and on those in which it differs from each pair of conditions
that explains as much.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnn_assignment.core.traits import Condition, Traits, list_conditions

# Tried before anything is guessed, of either side of a guess, and to tell a guess from pairs of conditions.
_FIRST, _OF_EACH_SIDE, _AGAINST_PAIRS = 12, 24, 48
# On either side of what is told, of the further cases that were tried.
_FEWEST = 4

Rows = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A test is passed where a condition holds, or where it does not, and fails elsewhere; tried on so many cases."""

    condition: Condition
    is_right: bool
    tried: int

    def tell(self, subject: str = "") -> str:
        """The sentence. subject: the name of what is right or wrong there; none where there may be an error instead.

        It says where all is right, and not that all is wrong elsewhere: in a small case wrong code can hit by accident.
        """
        if self.is_right:
            right, wrong = (f"Your {subject} is right", "goes wrong") if subject else ("This test is passed", "failed")
            said = f"{right} wherever {self.condition}, and {wrong} only elsewhere"
        else:
            said = f"{f'Your {subject} goes wrong' if subject else 'This test is failed'} only where {self.condition}"
        return f"{said}: so it was in all of {self.tried} cases."


class PatternSearch:
    """One search: cases that were tried with their results, and others that can be tried.

    session: tries one of further by its number, and says whether it was passed; None where it cannot be known.
    """

    def __init__(
        self,
        seen: Sequence[tuple[Traits, bool]],
        further: Sequence[Traits],
        session: Callable[[int], bool | None],
    ) -> None:
        self._session = session
        self._first = len(seen)
        cases = [*(traits for traits, _ in seen), *further]
        self._conditions = list_conditions(cases)
        holds = [[condition.holds(case) for case in cases] for condition in self._conditions]
        held = np.array(holds, dtype=bool).reshape(len(self._conditions), len(cases))
        # Each condition, then each one's opposite: a guess is a row, and says where the test is passed.
        self._guesses: Rows = np.concatenate([held, ~held])
        self._passed: Rows = np.zeros(len(cases), dtype=bool)
        self._is_tried: Rows = np.zeros(len(cases), dtype=bool)
        for number, (_, passed) in enumerate(seen):
            self._note(number, passed)

    def find(self) -> Pattern | None:
        """The pattern, if there is one."""
        results = {bool(passed) for passed in self._passed[self._is_tried]}
        if len(results) < 2:  # noqa: PLR2004 - passed and failed
            return None
        try:
            return self._find()
        except _UnknownError:
            return None

    def _find(self) -> Pattern | None:
        for number in self._untried()[:_FIRST]:
            if not self._alive().any():
                return None
            self._try(number)
        self._narrow()
        alive = np.flatnonzero(self._alive())
        named = {self._conditions[guess % len(self._conditions)].name for guess in alive}
        if len(named) != 1:
            # None, or several that no case tells apart.
            return None
        guess = int(alive[0])
        if not (self._confirm(guess) and self._beats_pairs(guess)):
            return None
        condition = self._conditions[guess % len(self._conditions)]
        return Pattern(condition, guess < len(self._conditions), int(self._is_tried.sum()))

    def _narrow(self) -> None:
        """Try the cases that tell guesses from each other, that first which splits them best."""
        while True:
            alive, untried = self._guesses[self._alive()], self._untried()
            if len(alive) == 0 or len(untried) == 0:
                return
            counts = alive[:, untried].sum(axis=0)
            splits = np.minimum(counts, len(alive) - counts)
            best = int(splits.argmax())
            if splits[best] == 0:
                return
            self._try(int(untried[best]))

    def _confirm(self, guess: int) -> bool:
        """Whether cases on either side of a guess go as it says, and there are enough of them."""
        says = self._guesses[guess]
        for side in (True, False):
            for number in [n for n in self._untried() if says[n] == side][:_OF_EACH_SIDE]:
                if self._try(int(number)) != side:
                    return False
            tried = self._is_tried[self._first :]
            if int((says[self._first :][tried] == side).sum()) < _FEWEST:
                return False
        return True

    def _beats_pairs(self, guess: int) -> bool:
        """Whether no pair of conditions explains all that was tried and says otherwise of a case that can be tried."""
        says = self._guesses[guess]
        for _ in range(_AGAINST_PAIRS):
            untried = self._untried()
            # By pair and case: whether the pair says otherwise.
            otherwise = self._pairs()[:, untried] != says[untried]
            doubts = otherwise.sum(axis=0)
            if not doubts.any():
                return True
            number = int(untried[doubts.argmax()])
            if self._try(number) != says[number]:
                return False
        return False

    def _pairs(self) -> Rows:
        """Where two conditions hold, or one of two, for those that agree with all that was tried."""
        tried, passed = self._is_tried, self._passed[self._is_tried]
        found = []
        # One of two holds where not both opposites do; the opposites are among the guesses.
        for due, is_both in ((passed, True), (~passed, False)):
            # Both hold wherever it is due, so each does.
            fitting = self._guesses[self._guesses[:, tried][:, due].all(axis=1)]
            for number, one in enumerate(fitting):
                pairs = one & fitting[number:]
                agreeing = pairs[(pairs[:, tried] == due).all(axis=1)]
                found.append(agreeing if is_both else ~agreeing)
        return np.concatenate(found) if found else self._guesses[:0]

    def _alive(self) -> Rows:
        """The guesses that agree with all that was tried."""
        return np.asarray((self._guesses[:, self._is_tried] == self._passed[self._is_tried]).all(axis=1))

    def _untried(self) -> np.ndarray[Any, Any]:
        return np.flatnonzero(~self._is_tried)

    def _try(self, number: int) -> bool:
        passed = self._session(int(number) - self._first)
        if passed is None:
            raise _UnknownError
        self._note(int(number), passed)
        return passed

    def _note(self, number: int, passed: bool) -> None:
        self._is_tried[number], self._passed[number] = True, passed


class _UnknownError(Exception):
    """It cannot be known whether a case is passed."""
