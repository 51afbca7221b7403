"""What can be said of failed tests by comparing their cases with each other, and with further ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence

from cnn_assignment.core.model import Status
from cnn_assignment.explaining.further import FurtherCases, has_further_cases
from cnn_assignment.judging.collected import CollectedTask, CollectedTest
from cnn_assignment.judging.signature import FailureSignature

# Tells whether a submission passes a test of a task; None where it cannot be known.
Passes = Callable[[CollectedTask, CollectedTest], bool | None]


def compare_cases(
    task: CollectedTask,
    row: Sequence[FailureSignature | None],
    passes: Passes,
    unnamed: Collection[int],
    told: Sequence[Sequence[str]],
) -> dict[int, str]:
    """By number of a test, a further sentence on why it failed.

    row: what each test of the task gave. unnamed: the failed tests whose mistake is not known by name. told: what is
    said of each already.
    """
    functions: dict[str, list[int]] = defaultdict(list)
    for number, test in enumerate(task.tests):
        functions[test.function].append(number)
    found: dict[int, str] = {}
    for numbers in functions.values():
        failed = [number for number in numbers if number in unnamed]
        silent = [number for number in failed if not told[number]]
        if failed and has_further_cases(task.tests[numbers[0]]):
            pattern, small = _try_further(task, row, passes, numbers, silent)
            found |= dict.fromkeys(failed, pattern) if pattern else dict.fromkeys(silent, small) if small else {}
        elif silent and (contrast := _contrast(task, row, functions)):
            found |= dict.fromkeys(silent, contrast)
    return found


def _try_further(
    task: CollectedTask,
    row: Sequence[FailureSignature | None],
    passes: Passes,
    numbers: Sequence[int],
    silent: Sequence[int],
) -> tuple[str, str]:
    """The pattern over the cases of a function; and where there is none and something is still to be said, a small case."""
    failures = [signature for number in numbers if (signature := row[number]) is not None]
    if any(signature.status is Status.TIMEOUT for signature in failures):
        return "", ""
    cases = FurtherCases(
        [task.tests[number] for number in numbers],
        [row[number] is None for number in numbers],
        lambda test: passes(task, test),
    )
    pattern = cases.find_pattern(_subject(failures))
    return pattern, cases.find_small_failure() if silent and not pattern else ""


def _subject(failures: Sequence[FailureSignature]) -> str:
    """The name of what is wrong where these tests failed; "" where it is not the same everywhere."""
    named = {signature.what if signature.status is Status.FAILED else "" for signature in failures}
    return next(iter(named)) if len(named) == 1 else ""


def _contrast(
    task: CollectedTask, row: Sequence[FailureSignature | None], functions: Mapping[str, Sequence[int]]
) -> str:
    """For a test that stands alone: which other test has all its cases right."""
    for numbers in functions.values():
        if has_further_cases(task.tests[numbers[0]]) and all(row[number] is None for number in numbers):
            title = task.tests[numbers[0]].title.rpartition(" (")[0]
            return f"All {len(numbers)} cases of another test are right ({title}): look at what this one adds."
    return ""
