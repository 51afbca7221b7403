"""Where the time of a submission goes: the kit's own grading loop with clocks at its doors.

A clock stops while another one runs inside, so the parts add up to the whole. The loop runs in this process, as in a
grader process; the time of a call to a worker is that of student code, of its inputs and results on their way, and of the
kernel that wakes one process and then the other. The last line is the share of the time in which workers were waited for.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from benchkit import add_group_options, stay_on_one_core, the_assignment
from floor import class_submissions, right_submissions

from cnn_assignment.core.model import Submission
from cnn_assignment.explaining.diagnosis import Diagnostician
from cnn_assignment.judging import hidden, scoring
from cnn_assignment.judging.replay import ReplayCache
from cnn_assignment.running import grader as job
from cnn_assignment.sandbox.client.host import Sandbox
from cnn_assignment.sandbox.client.worker_process import WorkerProcess

WHOLE = "report, statuses, and what is left"
WAITING = ("a worker: loading the code", "a worker: calls")
DOORS: tuple[tuple[Any, str, str], ...] = (
    (scoring.Scorer, "score", WHOLE),
    (scoring, "extract_file", "reading and extracting the file"),
    (Sandbox, "spawn", "a worker: start"),
    (WorkerProcess, "load", WAITING[0]),
    (WorkerProcess, "exchange", WAITING[1]),
    (WorkerProcess, "kill", "a worker: end"),
    (hidden, "runtestprotocol", "pytest, the tests and their comparisons"),
    (Diagnostician, "explain", "reasons for lost marks"),
)


class Clocks:
    """Seconds and calls by part."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self._running: list[str] = []
        self._since = 0.0

    def put_at(self, place: Any, name: str, part: str) -> None:
        """Time every call of this function."""
        function: Callable[..., Any] = getattr(place, name)

        def timed(*args: Any, **kwargs: Any) -> Any:
            self._switch()
            # Loading is a request too.
            is_loading = part == WAITING[1] and self._running[-1:] == [WAITING[0]]
            self._running.append(WAITING[0] if is_loading else part)
            self.calls[part] += not is_loading
            try:
                return function(*args, **kwargs)
            finally:
                self._switch()
                self._running.pop()

        setattr(place, name, timed)

    def reset(self) -> None:
        """Forget what was before."""
        self.seconds.clear()
        self.calls.clear()

    def _switch(self) -> None:
        now = time.perf_counter()
        if self._running:
            self.seconds[self._running[-1]] += now - self._since
        self._since = now


def orders(submissions: Iterable[Submission], rounds: int, clocks: Clocks) -> Iterator[str]:
    """What a grader process is told; the first round is not counted."""
    known = list(submissions)
    for number in range(rounds + 1):
        for submission in known:
            yield json.dumps(submission.to_json())
        if number == 0:
            clocks.reset()


def measure(title: str, submissions: list[Submission], rounds: int) -> float:
    """Print the table of these submissions; give the share of waiting for workers."""
    clocks = Clocks()
    before = [(place, name, getattr(place, name)) for place, name, _ in DOORS]
    for door in DOORS:
        clocks.put_at(*door)
    tests = hidden.HiddenTests(the_assignment(), replay_cache=ReplayCache())
    told: Any = orders(submissions, rounds, clocks)
    first = {"required_level": 0, "collect_only": False, "solution_first": False}
    loop = job.GradingLoop(tests, told, io.StringIO(), first)
    folder = str(the_assignment().autograder_dir)
    try:
        pytest.main([folder, f"--rootdir={folder}", *job._PYTEST_ARGUMENTS], plugins=[tests, loop])  # noqa: SLF001
    finally:
        for place, name, function in before:
            setattr(place, name, function)
    if loop.failure is not None:
        raise loop.failure
    total, count = sum(clocks.seconds.values()), clocks.calls[WHOLE]
    print(f"{title}: {count} gradings, {1000 * total / count:.1f} ms each")
    for part, seconds in clocks.seconds.most_common():
        calls = clocks.calls[part] / count
        print(f"  {part:42} {1000 * seconds / count:7.1f} ms {100 * seconds / total:5.1f} %  {calls:6.1f} calls")
    return sum(clocks.seconds[part] for part in WAITING) / total


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_group_options(parser, rounds=2)
    options = parser.parse_args()
    stay_on_one_core(options)
    os.environ |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o711)
        ratio = measure("right submissions", right_submissions(Path(place))[: options.n], options.rounds)
        measure("the example class", class_submissions()[: options.n], options.rounds)
    print(f"ratio of waiting for workers, right submissions: {ratio:.2f}")


if __name__ == "__main__":
    main()
