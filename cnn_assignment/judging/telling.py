"""What a report says to a student, and how much of it the student's own code may choose.

Hidden inputs reach student code, because it computes with them; what it says comes back into the report, which the student
reads. So all words of a report pass here: they are cleaned, cut, and held to a budget of what the code chose.

What it chose is known without asking whoever wrote the test. A name or word that stands in the hidden tests, in the solution
or in the kit is not the student's; every other one, and every digit, is counted. Of an exception all is counted, for its text
may be made of our words; of our own sentence on an exception, all that it quotes. Where a share of the budget is used up, the
rest of a sentence stays and what was chosen becomes ``…``.
"""

from __future__ import annotations

import builtins
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain, islice
from pathlib import Path

from cnn_assignment.core.model import Assignment, Outcome, Report, ReportStatus, Status, TaskScore
from cnn_assignment.core.texts import clean
from cnn_assignment.judging.points import fair_shares
from cnn_assignment.judging.session import LOAD_ERROR

MOST_CHOSEN = 2_048
"""Bytes of a report that a student's code may choose, in all."""
MOST_REPORT = 64 * 1024
"""Bytes of a whole report."""
_LONGEST, _LONGEST_NAME = 300, 100
# An error of the grader is for the instructor, and names a place and a remedy.
_LONGEST_PROBLEM = 1_500
_MOST_NOTES, _MOST_SENTENCES = 40, 4
_CUT = "…"
# Which of our sentences on an exception it is, and of which kinds it speaks, are choices too: in bytes.
_WORDING = 4
# Whole names: made of our words, one is a name of the student's all the same.
_PIECE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[^A-Za-z0-9_\s]+|.", re.DOTALL)
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# What joins words in sentences, and says nothing by itself: a few characters of it at a time.
_PLAIN = re.compile(r"[ .,;:!?()\[\]'\"\-/=<>+*%`…]{1,4}")
_QUOTED = re.compile(r"`[^`]*(?:`|$)")
_EXCEPTIONS = frozenset(
    name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, BaseException)
)
_TYPE = re.compile(r"(?P<name>[A-Za-z]{1,40})(?=:|$| \()")


class Quoting(str):
    """A sentence that quotes what student code chose: of what stands between backticks all is counted."""

    __slots__ = ()


class Teller:
    """Makes the words of reports. vocabulary: words that no student's code has chosen."""

    def __init__(self, vocabulary: Iterable[str]) -> None:
        self._vocabulary = frozenset(vocabulary)

    def tell(self, report: Report) -> Report:
        """The report with all its words cleaned, cut and within the budget; scores and outcomes stay as they are."""
        # A part each, so that neither the notes nor one task silence the others.
        parts = [self._about(report), *(self._of_task(task) for task in report.tasks)]
        shares = fair_shares([sum(said.cost for said in set(part)) for part in parts], MOST_CHOSEN)
        budgets = [_Budget(share) for share in shares]
        file, *notes = map(budgets[0].take, parts[0])
        tasks = [
            _with_words(task, [budget.take(said) for said in part])
            for task, part, budget in zip(report.tasks, parts[1:], budgets[1:], strict=True)
        ]
        return _within_size(replace(report, notes=tuple(notes), file=file, tasks=tuple(tasks)))

    def _about(self, report: Report) -> list[_Said]:
        """What is said of the file, and of all of the code."""
        longest = _LONGEST_PROBLEM if report.status is ReportStatus.GRADER_ERROR else _LONGEST
        notes = [self._note(note, longest) for note in report.notes[:_MOST_NOTES]]
        return [self._sentence(report.file, _LONGEST_NAME), *notes]

    def _of_task(self, task: TaskScore) -> list[_Said]:
        """What is said of a task's tests, in their order: of each its message, then its diagnosis."""
        return [said for test in task.tests for said in self._of_test(test)]

    def _of_test(self, test: Outcome) -> list[_Said]:
        message = _quote(test.message) if test.outcome is Status.ERROR else self._sentence(test.message)
        return [message, *(self._diagnosis(sentence) for sentence in test.diagnosis[:_MOST_SENTENCES])]

    def _diagnosis(self, sentence: str) -> _Said:
        if not isinstance(sentence, Quoting):
            return self._sentence(sentence)
        text = _cut(sentence, _LONGEST)
        quoted = sum(len(part.encode()) for part in _QUOTED.findall(text))
        # Without what it quotes it says nothing that the message does not.
        return _Said(text, _WORDING + quoted + self._count(_QUOTED.sub("", text)), "")

    def _note(self, note: str, longest: int) -> _Said:
        if not note.startswith(LOAD_ERROR):
            return self._sentence(note, longest)
        quoted = _quote(note.removeprefix(LOAD_ERROR))
        return _Said(LOAD_ERROR + quoted.text, quoted.cost, LOAD_ERROR + quoted.rest)

    def _sentence(self, text: str, longest: int = _LONGEST) -> _Said:
        """A sentence of ours, in which the student's code chose numbers and names."""
        text = _cut(text, longest)
        return _Said(text, self._count(text), self._without_chosen(text))

    def _is_chosen(self, piece: str) -> bool:
        return piece not in self._vocabulary and not _PLAIN.fullmatch(piece)

    def _count(self, text: str) -> int:
        return sum(len(piece.encode()) for piece in _PIECE.findall(text) if self._is_chosen(piece))

    def _without_chosen(self, text: str) -> str:
        kept = (_CUT if self._is_chosen(piece) else piece for piece in _PIECE.findall(text))
        # How many pieces there were is a choice too.
        return re.sub(rf"{_CUT}(?:[ .,:()\[\]-]{{0,4}}{_CUT})+", _CUT, "".join(kept))


@dataclass(frozen=True, slots=True)
class _Said:
    """A text, how many of its bytes the student's code chose, and what is left of it without them."""

    text: str
    cost: int
    rest: str


class _Budget:
    """Bytes that may be chosen. What was said once costs nothing when it is said again."""

    def __init__(self, left: int) -> None:
        self._left = left
        self._told: dict[_Said, str] = {}

    def take(self, said: _Said) -> str:
        """The text, or what is left of it where there is no room for all."""
        if said not in self._told:
            has_room = said.cost <= self._left
            self._left -= said.cost if has_room else 0
            self._told[said] = said.text if has_room else said.rest
        return self._told[said]


def _quote(text: str) -> _Said:
    """What student code said itself: all of it is counted, and of what there is no room for its type stays."""
    text = _cut(text, _LONGEST)
    return _Said(text, len(text.encode()), _without_words(text))


def _with_words(task: TaskScore, words: Sequence[str]) -> TaskScore:
    """The task with these words, in the order of `Teller._of_task`."""
    left = iter(words)
    tests = [
        replace(test, message=next(left), diagnosis=_told(islice(left, min(len(test.diagnosis), _MOST_SENTENCES))))
        for test in task.tests
    ]
    return replace(task, tests=tuple(tests))


def make_teller(assignment: Assignment) -> Teller:
    """The teller of an assignment: its vocabulary is that of its hidden tests, its solution and the kit."""
    texts = [*assignment.autograder_dir.glob("*.py"), *assignment.autograder_dir.glob("*.toml")]
    texts += [assignment.solution_file, *assignment.provided_files]
    words = chain.from_iterable(_WORD.findall(path.read_text("utf-8", "replace")) for path in texts if path.is_file())
    return Teller({*words, *_words_of_kit()})


def _told(sentences: Iterable[str]) -> tuple[str, ...]:
    return tuple(sentence for sentence in sentences if sentence)


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
