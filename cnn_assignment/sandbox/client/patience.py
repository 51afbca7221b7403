"""Waiting for a machine that is out of processes, threads, memory or descriptors for the moment.

Whoever meets such a shortage is not to blame: another user, or another submission, holds what is missing and gives it
back when it ends. So what could not be started is tried again, with growing pauses, before anybody is told.
"""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")

PATIENCE_S = 45.0
"""How long a shortage may last."""
REMEDY = "Raise the limits of this user (`ulimit -u` for processes and threads, `ulimit -n` for files), or grade with fewer --jobs."
_FIRST_PAUSE_S = 0.02
_LONGEST_PAUSE_S = 1.0
_SHORTAGES = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE})
# How programs that could not start say it, in the language that `launch.ENVIRONMENT` gives them.
_WORDS = (
    "Resource temporarily unavailable",
    "Cannot allocate memory",
    "Too many open files",
    "can't start new thread",
    "pthread_create failed",
)


def is_shortage(error: BaseException) -> bool:
    """Whether an error says that the machine is out of something that may come back."""
    match error:
        case OSError(errno=number):
            return number in _SHORTAGES
        case RuntimeError() | MemoryError():
            return isinstance(error, MemoryError) or tells_shortage(str(error))
    return False


def tells_shortage(text: str) -> bool:
    """Whether a program's last words say that the machine is out of something that may come back."""
    return any(words in text for words in _WORDS)


def with_patience(
    start: Callable[[], _T], is_short: Callable[[BaseException], bool] = is_shortage, patience_s: float = PATIENCE_S
) -> _T:
    """What start gives, tried again while the machine is short of something. Raises what the last try raised."""
    end, pause = time.monotonic() + patience_s, _FIRST_PAUSE_S
    while True:
        try:
            return start()
        except (OSError, RuntimeError, MemoryError) as error:
            if not is_short(error) or time.monotonic() + pause > end:
                raise
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_S)


def start_thread(target: Callable[[], object]) -> threading.Thread:
    """A started daemon thread. Raises RuntimeError where the machine has had none to spare for long."""
    thread = threading.Thread(target=target, daemon=True)
    with_patience(thread.start)
    return thread
