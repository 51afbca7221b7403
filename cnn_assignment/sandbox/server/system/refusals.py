"""Adds to an error of the system why it refuses something, where confinement is the reason, for the student to read.

Each function here is asked as before and refuses as before. Only where it raises what a confined process always gets is
the reason added to the error. Below level 2 nothing is confined, and nothing is added.
"""

from __future__ import annotations

import builtins
import errno
import functools
import io
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

PROCESSES = "a graded program has no other processes; threads work, as in concurrent.futures and multiprocessing.pool"
NETWORK = "a graded program has no network"
FILES = "a graded program has no files but those that it makes itself, in its working folder or by tempfile"
QUESTIONS = "nobody answers a graded program"
_REFUSALS = frozenset({errno.EPERM, errno.EACCES, errno.ENOSYS})
_OF_PROCESSES = (
    *("fork", "forkpty", "posix_spawn", "posix_spawnp", "execv", "execve", "pipe", "kill", "killpg", "pidfd_open"),
    "waitpid",
)
_OF_NAMES = ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr")
_OF_FILES = ("listdir", "scandir", "mkdir", "rmdir", "unlink", "remove", "rename", "replace", "chmod", "truncate")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A function that a confined process is refused, and the words that say why.

    numbers: the error numbers of such a refusal; none where every error is one.
    """

    holder: Any
    name: str
    words: str
    numbers: frozenset[int] = _REFUSALS


def is_confined() -> bool:
    """Whether this process is confined. Found by a harmless system call that confinement never allows."""
    try:
        os.getpgid(0)
    except PermissionError:
        return True
    return False


def explain_questions() -> None:
    """Say of ``input`` that nobody answers."""
    ask = builtins.input

    def answer(prompt: object = "", /) -> str:
        try:
            return ask(prompt)
        except EOFError as error:
            raise EOFError(f"{error} ({QUESTIONS})") from None

    builtins.input = dress(answer, ask)


def list_refusals() -> list[Refusal]:
    """What a confined process is refused. Takes time, because it imports modules that most submissions never need."""
    import subprocess

    found = [Refusal(os, name, PROCESSES) for name in _OF_PROCESSES]
    found.append(Refusal(subprocess.Popen, "__init__", PROCESSES))
    with suppress(ImportError):
        # Not where the system has no semaphores and no shared memory.
        from multiprocessing.heap import Arena
        from multiprocessing.shared_memory import SharedMemory
        from multiprocessing.synchronize import SemLock

        found += [Refusal(shared, "__init__", PROCESSES) for shared in (Arena, SharedMemory, SemLock)]
    found += [Refusal(socket.socket, "__init__", NETWORK), Refusal(socket, "socketpair", NETWORK)]
    # Names of machines are looked up by the network, so that none can be found whatever the reason is called.
    found += [Refusal(socket, name, NETWORK, frozenset()) for name in _OF_NAMES]
    found += [Refusal(os, name, FILES) for name in _OF_FILES]
    # In namespaces of its own a worker does not even see what it may not open.
    found += [Refusal(holder, "open", FILES, _REFUSALS | {errno.ENOENT}) for holder in (builtins, os)]
    return found


def explain_refusals(refusals: Sequence[Refusal]) -> None:
    """Let each of these functions say why it is refused."""
    for refusal in refusals:
        function = getattr(refusal.holder, refusal.name, None)
        if function is not None:
            setattr(refusal.holder, refusal.name, _telling(function, refusal.words, refusal.numbers))
    vars(io)["open"] = builtins.open


def _telling(function: Callable[..., Any], words: str, numbers: frozenset[int]) -> Callable[..., Any]:
    """The function, whose refusals say these words too."""

    @functools.wraps(function)
    def ask(*args: Any, **named: Any) -> Any:
        try:
            return function(*args, **named)
        except OSError as error:
            if error.strerror and "graded program" not in error.strerror and (not numbers or error.errno in numbers):
                error.strerror = f"{error.strerror} ({words})"
            raise

    return ask


def dress(function: Callable[..., Any], original: Any) -> Callable[..., Any]:
    """The function, with the name and the words of the one that it replaces. It keeps no way to that one."""
    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        if hasattr(original, name):
            setattr(function, name, getattr(original, name))
    return function
