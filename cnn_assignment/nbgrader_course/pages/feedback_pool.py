"""Feedback pages made by several processes at once, each with nbgrader in it."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import suppress
from functools import lru_cache
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, NoReturn

from cnn_assignment.core.errors import KitError
from cnn_assignment.core.model import Assignment
from cnn_assignment.core.texts import clean
from cnn_assignment.nbgrader_course.pages.feedback import FeedbackWriter

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext

# Read once, by the process that all others are forked from: nbgrader alone takes seconds.
_READ_ONCE = ["__main__", __name__, "nbgrader.apps", "nbgrader.converters", "nbconvert.filters", "IPython.lib.lexers"]
# That a process has to take its draft away; one that does not listen is killed.
_PATIENCE_S = 5.0
_DIED = "the process that made the page ended, twice; its memory may have run out"


def write_feedback(assignment: Assignment, students: Sequence[str], jobs: int) -> Generator[tuple[str, str | None]]:
    """Write each student's feedback (`FeedbackWriter.write`) with that many processes.

    Yields each student once, as soon as the files are there, with None, or with what went wrong; nobody else is the
    worse for it. A process that dies is replaced, and what it was at is tried once more. Closing the iterator ends the
    processes, and leaves whole files.
    """
    # Not forked from this process, which has threads, and not one new interpreter for each.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_READ_ONCE)
    waiting, died = deque(students), set[str]()
    free: list[_Worker] = []
    busy: list[_Worker] = []
    try:
        while waiting or busy:
            while waiting and (free or len(busy) < jobs):
                worker = free.pop() if free else _Worker(context, assignment)
                busy.append(worker)
                worker.begin(waiting.popleft())
            ready = wait([worker.connection for worker in busy])
            for worker in [worker for worker in busy if worker.connection in ready]:
                busy.remove(worker)
                try:
                    told = worker.finish()
                except (EOFError, OSError):
                    worker.end()
                    told = _DIED
                    if worker.student not in died:
                        died.add(worker.student)
                        waiting.append(worker.student)
                        continue
                else:
                    free.append(worker)
                yield worker.student, told
    finally:
        for worker in (*free, *busy):
            worker.end()


class _Worker:
    """A process that makes one page after the other."""

    def __init__(self, context: ForkServerContext, assignment: Assignment) -> None:
        self.connection, other_end = context.Pipe()
        self.student = ""
        self._process = context.Process(target=_serve, args=(other_end, assignment), daemon=True)
        self._process.start()
        other_end.close()

    def begin(self, student: str) -> None:
        """Let it make a student's page."""
        self.student = student
        try:
            self.connection.send(student)
        except OSError:  # it is dead, which `finish` tells
            return

    def finish(self) -> str | None:
        """What went wrong, None where all went well. Raises EOFError or OSError where the process has died."""
        told: str | None = self.connection.recv()
        return told

    def end(self) -> None:
        """End it, whatever it is at; what it was at leaves nothing behind."""
        self._process.terminate()
        self._process.join(_PATIENCE_S)
        self._process.kill()
        self._process.join()
        self._process.close()
        self.connection.close()


def _serve(connection: Connection, assignment: Assignment) -> None:
    """Make pages until nobody is there to ask for one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started this is told, and ends it
    writer: FeedbackWriter | None = None

    def stop(*_: object) -> NoReturn:
        if writer is not None:
            writer.discard()
        # No exception: raised while an object goes away, or in a library's callback, it is printed and forgotten.
        os._exit(0)

    signal.signal(signal.SIGTERM, stop)
    _keep_queries()
    with suppress(EOFError, OSError):
        while True:
            student, failure = connection.recv(), None
            try:
                writer = writer or FeedbackWriter(assignment)
                writer.write(student)
            except Exception as error:  # noqa: BLE001 - one student's trouble must not cost the class its pages
                failure = clean(str(error) if isinstance(error, KitError) else f"{type(error).__name__}: {error}")
            connection.send(failure)


def _keep_queries() -> None:
    """Let this process work out each query once: nbgrader opens its database anew for each page."""
    from nbgrader import api

    api.create_engine = lru_cache(api.create_engine)
