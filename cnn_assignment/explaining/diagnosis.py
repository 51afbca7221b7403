"""Why a test was failed: what came, compared with what each known misconception gives in the same test."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from cnn_assignment.core.errors import GraderError
from cnn_assignment.core.model import Status
from cnn_assignment.explaining.comparing_cases import compare_cases
from cnn_assignment.explaining.fingerprints import take_fingerprint
from cnn_assignment.explaining.misconception_cache import MisconceptionCache, without_expected
from cnn_assignment.explaining.mutant_rows import MutantRows, read_rows
from cnn_assignment.explaining.raised import explain_raised
from cnn_assignment.explaining.stale import find_stale
from cnn_assignment.explaining.symptoms import find_symptoms
from cnn_assignment.judging.collected import CollectedTask, CollectedTest
from cnn_assignment.judging.hidden import HiddenTests
from cnn_assignment.judging.session import Session
from cnn_assignment.judging.signature import FailureSignature, Likeness
from cnn_assignment.judging.telling import Quoting
from cnn_assignment.misconceptions import Misconception, load_misconceptions
from cnn_assignment.sandbox.client.worker_process import Spawner
from cnn_assignment.submissions import Chunk, ExtractedCode

# What each test of a task, in the order of the plan, gave; None where it was passed.
Row = Sequence[FailureSignature | None]
# For the further cases of one task, which are small: the explanation of slow code is not worth more.
_LONGEST_S = 10.0


class Diagnostician:
    """Explains failed tests. What a misconception gives in a test is found out when it is needed, once for all.

    kept: what earlier graders found out. Raises AuthoringError where the list of misconceptions is not valid.
    """

    def __init__(self, hidden: HiddenTests, sandbox: Spawner, kept: MisconceptionCache | None = None) -> None:
        self._hidden = hidden
        self._sandbox = sandbox
        self._solution = hidden.assignment.solution_file.read_text(encoding="utf-8")
        self._known: dict[str, list[Misconception]] = defaultdict(list)
        for misconception in load_misconceptions(hidden.assignment):
            self._known[misconception.task].append(misconception)
        # By misconception and test; False where the test itself breaks.
        self._found: dict[tuple[str, str], FailureSignature | Literal[False] | None] = {}
        self._kept = kept
        if kept is not None:
            kept.tell_total(sum(map(len, self._known.values())))
        self._asked: set[str] = set()

    def explain(self, task: CollectedTask, row: Row, code: ExtractedCode) -> tuple[tuple[str, ...], ...]:
        """What to tell the student of each test of a task; nothing of those that were passed. code: what was tested."""
        if all(signature is None for signature in row) or all(map(_is_untouched, row)):
            return ((),) * len(row)
        suspects = self._find_suspects(task, row)
        seen = [_find_symptoms(signature) for signature in row]
        fitting = Counter(seen)
        certain = [_explain_raised(signature) if signature is not None else () for signature in row]
        names = [
            _find_name(number, signature, suspects, certain[number], seen[number], fitting[seen[number]])
            if signature is not None
            else ()
            for number, signature in enumerate(row)
        ]
        if not any(names):
            names = self._find_mutant(task, row, certain)
        told = [name or certain[number] or seen[number] for number, name in enumerate(names)]
        unnamed = [number for number, name in enumerate(names) if not name and row[number] is not None]
        if unnamed:
            with self._trying(code) as session:
                for number, sentence in compare_cases(task, row, session, unnamed, told).items():
                    told[number] = (*told[number], sentence)
        return tuple(told)

    @staticmethod
    def sign(row: Row) -> tuple[tuple[str, ...], ...]:
        """The fingerprint of each failure, as JSON."""
        prints = [take_fingerprint(signature) if signature is not None else None for signature in row]
        return tuple((json.dumps(found.to_json()),) if found is not None else () for found in prints)

    @cached_property
    def _mutants(self) -> MutantRows:
        """Read where something is to be explained: it takes a twentieth of a second."""
        return read_rows(self._hidden.assignment)

    def _find_mutant(self, task: CollectedTask, row: Row, certain: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
        """What to tell of each failed test where a mutant gives the whole row; of what was raised, what is certain first."""
        said = self._mutants.find(task.id, [test.id for test in task.tests], row)
        return [(*sure, said) if said and found is not None else () for sure, found in zip(certain, row, strict=True)]

    @contextmanager
    def _trying(self, code: ExtractedCode) -> Iterator[Callable[[CollectedTask, CollectedTest], bool | None]]:
        """A function that tells whether the code passes a test; None where that does not hang on the code alone."""
        session = Session(self._sandbox, self._hidden.assignment, code)

        def passes(task: CollectedTask, test: CollectedTest) -> bool | None:
            if session.waited_s > _LONGEST_S:
                return None
            try:
                judged = self._hidden.judge(task, test, None)
            except GraderError:
                # A test that breaks on a further case is for `verify` to tell.
                return None
            return None if session.is_troubled else judged.signature is None

        before, self._hidden.session = self._hidden.session, session
        try:
            yield passes
        finally:
            self._hidden.session = before
            session.close()

    def _find_suspects(self, task: CollectedTask, row: Row) -> list[_Suspect]:
        """The misconceptions that may be behind a row, the likeliest first.

        To run all of them through a whole task takes seconds, so the first test sorts them: it is run with all, and the
        whole task only with those that are like the submission there, lost and alike or passed. Where one of them
        explains everything, no other can be likelier.
        """
        known = self._known[task.id]
        start = replace(task, tests=task.tests[:1])
        alike = [suspect.misconception for suspect in self._suspect(start, known, row[:1])]
        suspects = self._suspect(task, alike, row)
        if row[0] is not None and not any(suspect.consistent for suspect in suspects):
            suspects = self._suspect(task, known, row)
        return sorted(suspects, key=lambda suspect: (not suspect.consistent, -sum(map(bool, suspect.likeness))))

    def _suspect(self, task: CollectedTask, entries: Sequence[Misconception], row: Row) -> list[_Suspect]:
        found = [_compare_rows(entry, row, self._run(task, entry)) for entry in entries]
        return [suspect for suspect in found if suspect is not None]

    def _run(self, task: CollectedTask, misconception: Misconception) -> Row | None:
        """What the tests of a task say to a misconception, which is run as a submission would be."""
        if self._kept is not None and misconception.id not in self._asked:
            self._asked.add(misconception.id)
            found_before = self._kept.find(misconception.id)
            self._found |= {(misconception.id, test): signature for test, signature in found_before.items()}
        missing = tuple(test for test in task.tests if (misconception.id, test.id) not in self._found)
        if missing:
            self._found |= self._find_out(replace(task, tests=missing), misconception)
        found = [self._found[misconception.id, test.id] for test in task.tests]
        return None if False in found else [signature or None for signature in found]

    def _find_out(
        self, task: CollectedTask, misconception: Misconception
    ) -> Mapping[tuple[str, str], FailureSignature | Literal[False] | None]:
        try:
            row, is_certain = self._try(task, misconception)
            if not is_certain:
                # The machine may have been to blame. What happens twice is the mistake's own doing.
                row, is_certain = self._try(task, misconception)
        except GraderError:
            # A test that breaks on it is for `verify` to tell: it costs no student the grade.
            return {(misconception.id, test.id): False for test in task.tests}
        if is_certain and self._kept is not None:
            self._kept.keep(misconception.id, row)
        return {(misconception.id, test): signature for test, signature in row.items()}

    def _try(
        self, task: CollectedTask, misconception: Misconception
    ) -> tuple[dict[str, FailureSignature | None], bool]:
        """By test what a misconception gives; and whether it would give so each time."""
        assignment = self._hidden.assignment
        chunk = Chunk(assignment.solution_file.name, misconception.apply(self._solution))
        session = Session(self._sandbox, assignment, ExtractedCode((chunk,), ()))
        before, self._hidden.session = self._hidden.session, session
        try:
            judged = self._hidden.judge_all([task])[task.id]
        finally:
            self._hidden.session = before
            session.close()
        row = {found.outcome.id: found.signature and without_expected(found.signature) for found in judged}
        return row, not session.is_troubled


@dataclass(frozen=True, slots=True)
class _Suspect:
    """A misconception that may be the student's: how alike the two are in each test, and whether in all that failed.

    speaks_of: whether its sentence is about values that are wrong or about errors: what most of these tests ended with.
    """

    misconception: Misconception
    likeness: tuple[Likeness, ...]
    consistent: bool
    speaks_of: Status


def _compare_rows(misconception: Misconception, ours: Row, theirs: Row | None) -> _Suspect | None:
    """The misconception as a suspect for a row, given its own; None where it cannot be the same mistake.

    Nothing that the student got right can be a misconception's doing, so one that would have failed there is out. Words
    alone, and values such as zeros, are believed only where everything else fits too.
    """
    if theirs is None or any(b is not None and a is None for a, b in zip(ours, theirs, strict=True)):
        return None
    likeness = tuple(
        a.compare(b) if a is not None and b is not None else Likeness.NONE for a, b in zip(ours, theirs, strict=True)
    )
    consistent = all(alike for alike, a in zip(likeness, ours, strict=True) if a is not None)
    # Of a mixture of mistakes each may explain some; what explains few tests is alike by accident.
    strong = sum(alike is Likeness.STRONG for alike in likeness)
    if not consistent and 2 * strong < sum(a is not None for a in ours):
        return None
    statuses = Counter(a.status for alike, a in zip(likeness, ours, strict=True) if alike and a is not None)
    return _Suspect(misconception, likeness, consistent, max((Status.FAILED, *statuses), key=statuses.__getitem__))


def _is_untouched(signature: FailureSignature | None) -> bool:
    return signature is not None and signature.status is Status.NOT_ATTEMPTED


def _find_symptoms(signature: FailureSignature | None) -> tuple[str, ...]:
    if signature is None or signature.expected is None:
        return ()
    stale = find_stale(signature.expected, signature.actual, signature.answers)
    return stale or find_symptoms(signature.expected, signature.actual, signature.axes)


def _explain_raised(signature: FailureSignature) -> tuple[str, ...]:
    """A certain sentence on the exception that ended a test; nothing where there is none."""
    explained = explain_raised(signature.raised, signature.remarks) if signature.raised is not None else ""
    return (Quoting(explained),) if explained else ()


def _find_name(
    number: int,
    signature: FailureSignature,
    suspects: Sequence[_Suspect],
    certain: tuple[str, ...],
    seen: tuple[str, ...],
    fitting: int,
) -> tuple[str, ...]:
    """What to tell of one failed test whose misconception is known; nothing where none is.

    certain: what is told of an exception. seen: the test's symptoms, which fit so many tests of the task in the same words. Half of everything is also what a
    division by the batch gives, where there are two examples: a suspect that does not explain all has to explain more
    than what is seen.
    """
    for suspect in suspects:
        if suspect.speaks_of is not signature.status:
            continue
        if suspect.likeness[number] is Likeness.STRONG or (suspect.likeness[number] and suspect.consistent):
            if seen and not suspect.consistent and fitting > sum(map(bool, suspect.likeness)):
                break
            # What has no more than an exception in common may have it for another reason: what is certain comes first.
            first = certain if Likeness.STRONG not in suspect.likeness else ()
            return (*first, suspect.misconception.tells)
    return ()
