"""What a report says to a student, and how much of it the student's own code may choose.

Hidden inputs reach student code, because it computes with them; what it says comes back into the report, which the student
reads. So all words of a report pass here: they are cleaned, cut, and held to a budget of what the code chose.

What it chose is known without asking whoever wrote the test. A word that stands in the hidden tests, in the solution or in
the kit is not the student's; every other word, and every digit, is counted. Of an exception all is counted, for its text may
be made of our words. Where a share of the budget is used up, the rest of a sentence stays and what was chosen becomes ``…``.
"""

from __future__ import annotations

import builtins
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import chain
from pathlib import Path

from cnn_assignment.model import Assignment, Outcome, Report, TaskScore, Verdict
from cnn_assignment.texts import clean

MOST_CHOSEN = 2_048
"""Bytes of a report that a student's code may choose, in all."""
MOST_REPORT = 64 * 1024
"""Bytes of a whole report."""
# For notes, of which those on reading come first; what they leave is the tasks'.
_NOTES_SHARE = 512
_LONGEST, _LONGEST_NAME = 300, 100
_MOST_NOTES, _MOST_SENTENCES = 40, 4
_CUT = "…"
_PIECE = re.compile(r"[A-Za-z]+|[^A-Za-z]")
_WORD = re.compile(r"[A-Za-z]+")
# What joins words in sentences, and says nothing by itself.
_PLAIN = frozenset(" .,;:!?()[]'\"-_/=<>+*%`")
_EXCEPTIONS = frozenset(
    name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, BaseException)
)
_TYPE = re.compile(r"(?P<name>[A-Za-z]{1,40})(?=:|$| \()")
_SAID = frozenset({Verdict.ERROR})


class Teller:
    """Makes the words of reports. vocabulary: words that no student's code has chosen."""

    def __init__(self, vocabulary: Iterable[str]) -> None:
        self._vocabulary = frozenset(vocabulary)

    def tell(self, report: Report) -> Report:
        """The report with all its words cleaned, cut and within the budget; scores and outcomes stay as they are."""
        budget = _Budget(_NOTES_SHARE)
        notes = [self._say(note, budget) for note in report.notes[:_MOST_NOTES]]
        file = self._say(report.file, budget, _LONGEST_NAME)
        left = MOST_CHOSEN - _NOTES_SHARE + budget.left
        tasks = []
        for number, task in enumerate(report.tasks):
            # An equal share of what is left, so that one task does not silence those below it.
            share = left // (len(report.tasks) - number)
            budget = _Budget(share)
            tasks.append(self._tell_task(task, budget))
            left -= share - budget.left
        return _within_size(replace(report, notes=tuple(notes), file=file, tasks=tuple(tasks)))

    def _tell_task(self, task: TaskScore, budget: _Budget) -> TaskScore:
        return replace(task, tests=tuple(self._tell_test(test, budget) for test in task.tests))

    def _tell_test(self, test: Outcome, budget: _Budget) -> Outcome:
        quote = self._quote if test.outcome in _SAID else self._say
        sentences = tuple(self._say(sentence, budget) for sentence in test.diagnosis[:_MOST_SENTENCES])
        return replace(test, message=quote(test.message, budget), diagnosis=sentences)

    def _say(self, text: str, budget: _Budget, longest: int = _LONGEST) -> str:
        """A sentence of ours, in which the student's code chose numbers and names."""
        return budget.take(_cut(text, longest), self._count, self._without_chosen)

    def _quote(self, text: str, budget: _Budget) -> str:
        """What student code said itself: all of it is counted, and of what there is no room for its type stays."""
        return budget.take(_cut(text, _LONGEST), lambda said: len(said.encode()), _without_words)

    def _is_chosen(self, piece: str) -> bool:
        return piece not in _PLAIN and piece not in self._vocabulary

    def _count(self, text: str) -> int:
        return sum(len(piece.encode()) for piece in _PIECE.findall(text) if self._is_chosen(piece))

    def _without_chosen(self, text: str) -> str:
        kept = (_CUT if self._is_chosen(piece) else piece for piece in _PIECE.findall(text))
        return re.sub(rf"{_CUT}(?:[ .,]{{0,2}}{_CUT})+", _CUT, "".join(kept))


class _Budget:
    """Bytes that may be chosen. What was said once costs nothing when it is said again."""

    def __init__(self, left: int) -> None:
        self.left = left
        self._said: dict[str, str] = {}

    def take(self, text: str, count: Callable[[str], int], shorten: Callable[[str], str]) -> str:
        """The text, or what is left of it where there is no room for all."""
        if text not in self._said:
            cost = count(text)
            if cost <= self.left:
                self.left -= cost
                self._said[text] = text
            else:
                self._said[text] = shorten(text)
        return self._said[text]


def make_teller(assignment: Assignment) -> Teller:
    """The teller of an assignment: its vocabulary is that of its hidden tests, its solution and the kit."""
    texts = [*assignment.autograder_dir.glob("*.py"), *assignment.autograder_dir.glob("*.toml")]
    texts += [assignment.solution_file, *assignment.provided_files]
    words = chain.from_iterable(_WORD.findall(path.read_text("utf-8", "replace")) for path in texts if path.is_file())
    return Teller({*words, *_words_of_kit()})


@lru_cache(maxsize=1)
def _words_of_kit() -> frozenset[str]:
    folder = Path(__file__).resolve().parents[1]
    return frozenset(chain.from_iterable(_WORD.findall(path.read_text("utf-8")) for path in folder.rglob("*.py")))


def _cut(text: str, longest: int) -> str:
    # Cleaning writes characters out, so it is cut before and after: neither may be long.
    shown = clean(" ".join(text[: 2 * longest].split()))
    return shown if len(shown) <= longest and len(text) <= 2 * longest else f"{shown[: longest - 1]}{_CUT}"


def _without_words(text: str) -> str:
    found = _TYPE.match(text)
    return f"{found['name']}: {_CUT}" if found is not None and found["name"] in _EXCEPTIONS else _CUT


def _size(report: Report) -> int:
    return len(json.dumps(report.to_json(), indent=2, ensure_ascii=False).encode("utf-8", "replace"))


def _within_size(report: Report) -> Report:
    """The report without sentences that it has no room for: those of the last tests go first, then messages."""
    for field in ("diagnosis", "message"):
        excess = _size(report) - MOST_REPORT
        if excess <= 0:
            return report
        report = replace(report, tasks=_drop(report.tasks, field, excess))
    return report


def _drop(tasks: Sequence[TaskScore], field: str, excess: int) -> tuple[TaskScore, ...]:
    found = []
    for task in reversed(tasks):
        tests = []
        for test in reversed(task.tests):
            before = getattr(test, field)
            drop = excess > 0 and bool(before)
            excess -= sum(len(part.encode()) for part in before) if drop else 0
            tests.append(replace(test, **{field: type(before)()}) if drop else test)
        found.append(replace(task, tests=tuple(reversed(tests))))
    return tuple(reversed(found))
