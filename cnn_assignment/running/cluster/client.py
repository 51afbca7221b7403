"""Submissions in batches on their way to the workers of a Dask cluster, and reports on their way back."""

from __future__ import annotations

import itertools
import json
import queue
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, replace
from typing import Any

import dask
from distributed import Client, Future, KilledWorker
from distributed.versions import get_package_info

from cnn_assignment.core.digests import file_digest
from cnn_assignment.core.errors import GraderError, ProtectionError, UsageError
from cnn_assignment.core.model import Assignment, Report, ReportStatus, Submission
from cnn_assignment.running.client import problem_from_json, withheld_report
from cnn_assignment.running.cluster.payload import Payload
from cnn_assignment.running.cluster.tasks import COMPARED, Answer, grade_batch, greet, pick_versions

# A batch takes about so long, holds no more than so much, and does not outgrow what came before it: the last ones of a
# class must not keep one worker busy while the others have nothing to do.
_BATCH_S = 3.0
_BATCH_BYTES = 4 * 1024 * 1024
_BATCH_LENGTH = 200
_SHARES = 4
# Batches on their way for each thread, and bytes for the whole class: what the scheduler has to hold.
_AHEAD = 2
_FLYING_BYTES = 256 * 1024 * 1024
_TICK_S = 1.0
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class _Batch:
    """What was sent: submissions, each with whether its file was too large to go with it."""

    future: Future[Answer]
    submissions: tuple[tuple[Submission, bool], ...]
    size: int


class DaskClient:
    """Sends to the remote graders of one name, and keeps them from having too much or too little to do.

    patience_s: how long the cluster may be without any worker.
    """

    def __init__(self, client: Client, name: str, assignment: Assignment, patience_s: float) -> None:
        self._client = client
        self._name = name
        self._assignment = assignment
        self._patience_s = patience_s
        self._census = _Census()
        self._threads: Mapping[str, int] = client.nthreads()
        self._seen = time.monotonic()
        self._numbers = itertools.count()
        self._landed: queue.SimpleQueue[Future[Answer]] = queue.SimpleQueue()
        self._flying: dict[str, _Batch] = {}
        self._greetings: dict[str, tuple[str, Future[Answer]]] = {}
        self._suspects: list[Submission] = []
        self._sent = 0
        self._pace_s = _BATCH_S

    def greet(self) -> None:
        """Look at every worker before anything is graded. Raises ProtectionError and UsageError for what is unlike."""
        for worker in self._threads:
            future = self._submit(greet, workers=[worker], allow_other_workers=False)
            self._greetings[_key(future)] = worker, future
        while self._greetings:
            landed = self._wait()
            if landed is not None and _key(landed) in self._greetings:
                answer = self._open(landed)
                del self._greetings[_key(landed)]
                if answer is not None:
                    self._census.count(answer["worker"], answer["result"])
            # Those that have gone in the meantime will not answer.
            self._greetings = {key: pair for key, pair in self._greetings.items() if pair[0] in self._threads}
        self._census.refuse_differences()

    def grade(self, submissions: Iterable[Submission]) -> Iterator[Report]:
        """The reports, as they come back. Submissions are taken a few batches ahead."""
        yield from self._grade(submissions)
        # Nobody else is to be on a worker that is lost once more, so that there is no doubt about the reason.
        suspects, self._suspects = self._suspects, []
        for suspect in suspects:
            yield from self._grade([suspect])
            for submission in self._suspects:
                yield withheld_report(
                    self._assignment,
                    submission,
                    "Dask workers were lost again and again while they graded this submission, also when it was graded "
                    "alone. Grade it with --only and without --dask, and look at the workers' logs and memory limits.",
                )
            self._suspects = []

    def cancel(self) -> None:
        """Call off what is on its way."""
        futures = [batch.future for batch in self._flying.values()]
        futures += [future for _, future in self._greetings.values()]
        if futures:
            self._client.cancel(futures, force=True)

    def _grade(self, submissions: Iterable[Submission]) -> Iterator[Report]:
        batch: list[tuple[Submission, Payload]] = []
        for submission in submissions:
            try:
                payload = Payload.pack(submission, self._assignment)
            except OSError as error:
                yield withheld_report(self._assignment, submission, f"the file cannot be read: {error.strerror}.")
                continue
            if batch and (len(batch) >= self._length() or _size(batch) + payload.size > _BATCH_BYTES):
                yield from self._make_room(_size(batch))
                self._send(batch)
                batch = []
            batch.append((submission, payload))
            while not self._landed.empty():
                yield from self._take()
        if batch:
            yield from self._make_room(_size(batch))
            self._send(batch)
        while self._flying:
            yield from self._take()

    def _length(self) -> int:
        """How many submissions the next batch may hold."""
        threads = max(1, sum(self._threads.values()))
        return max(1, min(_BATCH_LENGTH, int(_BATCH_S / self._pace_s), self._sent // (_SHARES * threads)))

    def _make_room(self, size: int) -> Iterator[Report]:
        """Take reports until one more batch may be sent."""
        while self._flying and (
            len(self._flying) >= _AHEAD * max(1, sum(self._threads.values()))
            or size + sum(batch.size for batch in self._flying.values()) > _FLYING_BYTES
        ):
            yield from self._take()

    def _send(self, batch: Sequence[tuple[Submission, Payload]]) -> None:
        future = self._submit(grade_batch, [payload for _, payload in batch])
        sent = tuple((submission, payload.is_cut) for submission, payload in batch)
        self._flying[_key(future)] = _Batch(future, sent, _size(batch))
        self._sent += len(batch)

    def _submit(self, function: Callable[..., Answer], *words: Any, **options: Any) -> Future[Answer]:
        # Never taken for the result of an earlier call.
        key = f"{self._name}-{function.__name__}-{next(self._numbers)}"
        # A submission may be as large as the kit reads, and Dask would warn about it.
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": _FLYING_BYTES}):
            future = self._client.submit(function, self._name, *words, key=key, pure=False, **options)
        future.add_done_callback(self._landed.put)
        return future

    def _take(self) -> Iterator[Report]:
        """The reports of the next batch that comes back, if one does soon."""
        future = self._wait()
        if future is None or _key(future) not in self._flying:
            return
        answer = self._open(future)
        batch = self._flying.pop(_key(future))
        if answer is None:
            self._suspects += [submission for submission, _ in batch.submissions]
            return
        self._pace_s = max(1e-3, (self._pace_s + answer["seconds"] / len(batch.submissions)) / 2)
        for text, (submission, is_cut) in zip(answer["result"], batch.submissions, strict=True):
            report = Report.from_json(json.loads(text))
            if report.status is not ReportStatus.GRADER_ERROR:
                self._census.count(answer["worker"], {"level": report.level, "protections": report.protections})
                self._census.refuse_differences()
            yield replace(report, digest=file_digest(submission.path)) if is_cut and submission.path else report

    def _wait(self) -> Future[Answer] | None:
        """Whatever is finished next; None after a while, in which the cluster was looked at."""
        try:
            return self._landed.get(timeout=_TICK_S)
        except queue.Empty:
            self._look()
            return None

    def _look(self) -> None:
        """See which workers there are. Raises GraderError when there have been none for too long."""
        try:
            self._threads = self._client.nthreads()
        except OSError as error:
            raise _lost_scheduler() from error
        if self._threads:
            self._seen = time.monotonic()
        elif time.monotonic() > self._seen + self._patience_s:
            raise GraderError(
                f"the Dask cluster has had no workers for {self._patience_s:g} seconds",
                remedy="See in their logs why they ended. What was finished is kept; run the command again to go on.",
            )

    def _open(self, future: Future[Answer]) -> Answer | None:
        """What a worker answered, None where workers were lost again and again. Raises what stops the class."""
        try:
            answer = future.result()
        except KilledWorker:
            return None
        except CancelledError as error:
            raise _lost_scheduler() from error
        except Exception as error:
            raise GraderError(
                f"a Dask worker failed: {type(error).__name__}: {error}", remedy="See its log for more."
            ) from error
        refuse_versions(answer["worker"], answer["versions"], pick_versions(get_package_info(COMPARED)))
        if "problem" in answer:
            told = answer["problem"]
            raise problem_from_json(told | {"place": told["place"] or f"Dask worker {answer['worker']}"})
        return answer


class _Census:
    """Which workers give student code which protections."""

    def __init__(self) -> None:
        self._workers: dict[tuple[int, tuple[str, ...]], set[str]] = defaultdict(set)

    def count(self, worker: str, place: Mapping[str, Any]) -> None:
        """Take a worker in. place: its ``level`` and its ``protections``."""
        missing = tuple(sorted(name for name, active in place["protections"].items() if not active))
        self._workers[place["level"], missing].add(worker)

    def refuse_differences(self) -> None:
        """Raise ProtectionError, naming the workers, unless they are all alike: their reports would not be."""
        if len(self._workers) < 2:  # noqa: PLR2004 - one kind, or none
            return
        kinds = [
            f"level {level}{f', without {_list(missing)}' if missing else ''}, on {_list(sorted(workers))}"
            for (level, missing), workers in sorted(self._workers.items())
        ]
        raise ProtectionError(
            f"the Dask workers give student code different protections, so that reports would differ: {'; '.join(kinds)}",
            remedy="`cnn-assignment doctor` there shows what is missing and how to get it; or leave those workers out.",
        )


def refuse_versions(worker: str, theirs: Mapping[str, str], own: Mapping[str, str]) -> None:
    """Raise UsageError where a worker has another Python, NumPy or kit than this process."""
    for package, version in own.items():
        if theirs[package] != version:
            raise UsageError(
                f"{package} is {theirs[package]} there and {version} here, so that reports could differ",
                place=f"Dask worker {worker}",
                remedy="Give the workers the environment of this command, and start them again.",
            )


def _lost_scheduler() -> GraderError:
    return GraderError(
        "the Dask scheduler is gone, or has forgotten this class",
        remedy="Start it again. What was finished is kept; run the command again to go on.",
    )


def _key(future: Future[Answer]) -> str:
    return str(future.key)


def _size(batch: Sequence[tuple[Submission, Payload]]) -> int:
    return sum(payload.size for _, payload in batch)


def _list(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"
