"""Finding out what candidates give: each is graded as a submission that is told fingerprints, and the rows are kept."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections import defaultdict
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from pathlib import Path

from cnn_assignment.core.model import Assignment, Report, ReportStatus, Status, Submission, Task
from cnn_assignment.explaining.fingerprints import Fingerprint
from cnn_assignment.explaining.mutant_rows import MutantRow, Mutation, Prints, TaskRows, is_alike, read_rows, write_rows
from cnn_assignment.proving.degenerate import make_degenerate
from cnn_assignment.proving.learning.candidates import Candidate, make_candidates

Grade = Callable[[Assignment, Sequence[Submission], int], Generator[Report]]


class Learning:
    """What is still to be found out of an assignment's mutants; its length is the number of candidates, 0 where all is kept.

    Raises AuthoringError where candidates cannot be made.
    """

    def __init__(self, assignment: Assignment, tasks: Sequence[Task], grade: Grade) -> None:
        self._assignment = assignment
        self._tasks = {task.id: tuple(test.id for test in task.tests) for task in tasks}
        self._grade = grade
        self._candidates = make_candidates(assignment)
        self._made_from = _digest(self._candidates)
        if read_rows(assignment).made_from == self._made_from:
            self._candidates = []

    def __len__(self) -> int:
        return len(self._candidates)

    def run(self, jobs: int = 1, progress: Callable[[str], None] = lambda _: None) -> None:
        """Try all candidates, and keep what they give with the assignment. Raises OSError where it cannot be written."""
        if not self._candidates:
            return
        found: dict[str, dict[str, tuple[Prints, list[Mutation]]]] = defaultdict(dict)
        wrong = [(candidate.task, candidate.text) for candidate in self._candidates]
        rows = sign(self._assignment, wrong, self._grade, jobs, progress)
        know_nothing = self._sign_degenerate(jobs)
        for candidate, row in zip(self._candidates, rows, strict=True):
            if row is None or not is_alike(row, row):
                # Nothing in it is unmistakable: it will never be told.
                continue
            if any(is_alike(row, other) for other in know_nothing[candidate.task]):
                # Who returns what was handed in, say, has made no slip.
                continue
            mutation = Mutation(candidate.kind, candidate.place, candidate.is_of_variant)
            key = json.dumps([one and one.to_json() for one in row])
            _, mutations = found[candidate.task].setdefault(key, (row, []))
            if mutation not in mutations:
                mutations.append(mutation)
        kept = {
            task: TaskRows(tests, tuple(MutantRow(tuple(row), tuple(told)) for row, told in found[task].values()))
            for task, tests in self._tasks.items()
        }
        write_rows(self._assignment, kept, self._made_from)

    def _sign_degenerate(self, jobs: int) -> dict[str, list[Prints]]:
        """By task what answers give that know nothing."""
        text = self._assignment.solution_file.read_text(encoding="utf-8")
        answers = make_degenerate(text, self._assignment.solution_label)
        rows = sign(self._assignment, [(answer.task, answer.text) for answer in answers], self._grade, jobs)
        found: dict[str, list[Prints]] = defaultdict(list)
        for answer, row in zip(answers, rows, strict=True):
            if row is not None:
                found[answer.task].append(row)
        return found


def sign(
    assignment: Assignment,
    wrong: Sequence[tuple[str, str]],
    grade: Grade,
    jobs: int,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Prints | None]:
    """What modules give in all tests of a task each, in their order. wrong: pairs of a task and a module's text.

    None for what would not give the same each time, because something did not come back.
    """
    found: dict[int, Prints | None] = {}
    with tempfile.TemporaryDirectory() as folder:
        submissions = []
        for number, (task, text) in enumerate(wrong):
            path = Path(folder, str(number), f"{assignment.module}.py")
            path.parent.mkdir()
            path.write_text(text, encoding="utf-8")
            submissions.append(Submission(str(number), path, (task,), explain=False, sign=True))
        with closing(grade(assignment, submissions, jobs)) as reports:
            for report in reports:
                found[int(report.student)] = _read_row(report)
                progress(report.student)
    return [found[number] for number in range(len(wrong))]


def _read_row(report: Report) -> Prints | None:
    if report.status is not ReportStatus.GRADED:
        return None
    tests = [test for task in report.tasks for test in task.tests]
    if any(test.outcome is Status.TIMEOUT for test in tests):
        return None
    return tuple(Fingerprint.from_json(json.loads(test.diagnosis[0])) if test.diagnosis else None for test in tests)


def _digest(candidates: Sequence[Candidate]) -> str:
    total = hashlib.sha256()
    for candidate in candidates:
        total.update(repr(candidate).encode())
    return f"sha256:{total.hexdigest()}"
