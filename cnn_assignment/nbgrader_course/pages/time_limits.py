"""A limit on the time of a computation in this process, for libraries that render what students wrote.

The person who opens a page waits for it, and formgrader's server serves nobody else meanwhile. Limits on a text's length and form
keep known inputs short (`harmless`); this one is for the inputs that nobody has thought of.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class TookTooLongError(Exception):
    """The time was over before the computation was."""


@contextmanager
def limit_time(seconds: float) -> Iterator[None]:
    """Raises TookTooLongError in the block once this process has computed for so many seconds in it.

    Python's interpreter and its regular expressions look for signals, which only the main thread gets: elsewhere the
    block has no limit. For computations that leave nothing half done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    armed = [True]

    def stop(_signal: int, _frame: FrameType | None) -> None:
        if armed:
            armed.clear()
            raise TookTooLongError

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, max(seconds, 0.001))
    try:
        yield
    finally:
        armed.clear()
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
