"""Graders away from the course: an assignment in a private folder, and one grader for each thread that asks."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cnn_assignment.core.model import Assignment, Report
from cnn_assignment.running.client import CalledOffError, GraderClient, GraderProcess
from cnn_assignment.running.cluster.payload import Bundle, Payload

# After so long without work processes and files go, in case whoever sent them is gone and can no longer say so.
IDLE_S = 60.0
_PATIENCE_S = 10.0


class RemoteGrader:
    """Grades what comes in payloads, from any number of threads.

    place: the folder in which its own one is made when there is something to grade. Raises what graders raise, and
    CalledOffError once it was closed.
    """

    def __init__(self, bundle: Bundle, place: Path, idle_s: float = IDLE_S) -> None:
        self._bundle = bundle
        self._place = place
        self._idle_s = idle_s
        self._change = threading.Condition()
        self._folder: Path | None = None
        self._assignment: Assignment | None = None
        self._free: list[GraderClient] = []
        self._busy: list[GraderClient] = []
        self._timer: threading.Timer | None = None
        self._closed = False

    def start(self) -> GraderProcess:
        """A grader process of this place, ready: it knows its level and its protections."""
        with self._borrow() as (grader, _):
            return grader.start()

    def grade(self, payloads: Sequence[Payload]) -> list[Report]:
        """The reports of some submissions, one after the other."""
        with self._borrow() as (grader, folder):
            return [self._grade(grader, payload, folder) for payload in payloads]

    def close(self) -> None:
        """End all processes, whatever they are at, and remove the files."""
        with self._change:
            self._closed = True
            for grader in self._busy:
                grader.abort()
            # Each is closed by the thread that uses it.
            self._change.wait_for(lambda: not self._busy, timeout=_PATIENCE_S)
            self._rest()

    @staticmethod
    def _grade(grader: GraderClient, payload: Payload, folder: Path) -> Report:
        with tempfile.TemporaryDirectory(dir=folder) as own:
            return grader.report(payload.unpack(Path(own)))

    @contextmanager
    def _borrow(self) -> Iterator[tuple[GraderClient, Path]]:
        grader, folder = self._take()
        try:
            yield grader, folder
        finally:
            self._give_back(grader)

    def _take(self) -> tuple[GraderClient, Path]:
        with self._change:
            if self._closed:
                raise CalledOffError("the class was called off")
            self._stop_timer()
            if self._folder is None or self._assignment is None:
                self._folder = Path(tempfile.mkdtemp(prefix="cnn-assignment-", dir=self._place))
                self._assignment = self._bundle.unpack(self._folder / "course")
            grader = self._free.pop() if self._free else GraderClient(self._assignment)
            self._busy.append(grader)
            return grader, self._folder

    def _give_back(self, grader: GraderClient) -> None:
        if self._closed:
            grader.close()
        with self._change:
            self._busy.remove(grader)
            self._free.append(grader)
            if self._closed:
                self._rest()
            elif not self._busy:
                self._timer = threading.Timer(self._idle_s, self._rest_if_idle)
                self._timer.daemon = True
                self._timer.start()
            self._change.notify_all()

    def _rest_if_idle(self) -> None:
        with self._change:
            if not self._busy:
                self._rest()

    def _rest(self) -> None:
        """Let go of everything; it comes back when there is something to grade."""
        self._stop_timer()
        for grader in self._free:
            grader.close()
        self._free.clear()
        if self._folder is not None and not self._busy:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = self._assignment = None

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
