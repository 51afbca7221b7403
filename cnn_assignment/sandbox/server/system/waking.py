"""A pair of sockets in memory, for asyncio and thread pools in a process that the system gives no sockets.

An event loop sleeps until one of its sockets can be read, and another thread wakes it by a byte on a pair of sockets. No
worker at level 2 can make sockets; where only threads of one process are to be woken, memory and a lock do as well.
Nothing of this reaches the kernel, so a pair carries bytes and can carry nothing else.
"""

from __future__ import annotations

import errno
import os
import queue
import selectors
import socket
import threading
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import suppress
from typing import Any, Self
from weakref import WeakValueDictionary

# Above those of files in memory, and of the system.
_FIRST_NUMBER = 1 << 21
_MOST_WAITING = 64 * 1024
# How a pool waits for its queue of notes; it has no public name.
_SHARED = "_wait_for_updates"


def install_pool() -> None:
    """Let ``ThreadPool`` work without semaphores and pipes of the system, which are for other processes."""
    # Where a system lacks what that is made of, this module is read and never used.
    from multiprocessing.pool import Pool, ThreadPool

    def start(
        self: Any, processes: int | None = None, initializer: Callable[..., object] | None = None, initargs: Any = ()
    ) -> None:
        Pool.__init__(self, processes, initializer, initargs, context=_OneProcess())

    wait = getattr(Pool, _SHARED)

    def wait_for_updates(sentinels: Any, notes: Any, timeout: float | None = None) -> None:
        if not isinstance(notes, _Notes):
            wait(sentinels, notes, timeout)
            return
        with suppress(queue.Empty):
            notes.get(timeout=timeout)
            while True:
                notes.get_nowait()

    # Pools of threads share it with pools of processes.
    setattr(Pool, _SHARED, staticmethod(wait_for_updates))
    start.__name__, start.__qualname__ = "__init__", "ThreadPool.__init__"
    ThreadPool.__init__ = start  # type: ignore[method-assign]


def install_loop() -> None:
    """Let event loops work where the system gives no sockets."""
    ends: WeakValueDictionary[int, PairedSocket] = WeakValueDictionary()
    refuse = socket.socketpair

    def socketpair(family: int | None = None, type: int = socket.SOCK_STREAM, proto: int = 0) -> Any:  # noqa: A002
        """A connected pair of sockets in memory, of the usual kind; the system refuses all others."""
        if family in (None, socket.AF_UNIX) and type == socket.SOCK_STREAM and proto == 0:
            return make_pair(ends)
        return refuse(family, type, proto)

    socket.socketpair = socketpair

    class DefaultSelector(WaitingSelector):
        """The selector of this process."""

        def __init__(self) -> None:
            super().__init__(ends)

    vars(selectors)["DefaultSelector"] = DefaultSelector


class _Notes(queue.SimpleQueue[Any]):
    """The queue by which the threads of a pool tell of themselves."""

    _reader = None


class _OneProcess:
    """The context that a pool of threads asks for a queue. Nothing in it is for other processes."""

    def SimpleQueue(self) -> Any:  # noqa: N802 - the name is multiprocessing's
        """A queue for threads."""
        return _Notes()


class PairedSocket:
    """One end of a pair in memory, with those methods of a socket that make sense for a stream of bytes."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._waiting = bytearray()
        self._changed = threading.Condition()
        self._timeout: float | None = None
        self._ended = False
        self.closed = False
        self.listeners: set[threading.Event] = set()
        self.peer = self

    @property
    def readable(self) -> bool:
        """Whether reading would find something, be it the end."""
        return bool(self._waiting) or self._ended

    def fileno(self) -> int:
        """A number for selectors; -1 after the end, as with sockets."""
        return -1 if self.closed else self._number

    def setblocking(self, flag: bool) -> None:
        """See `socket.socket.setblocking`."""
        self._timeout = None if flag else 0.0

    def settimeout(self, value: float | None) -> None:
        """See `socket.socket.settimeout`: seconds, None for ever."""
        self._timeout = value

    def gettimeout(self) -> float | None:
        """See `socket.socket.gettimeout`."""
        return self._timeout

    def send(self, data: Any, flags: int = 0) -> int:
        """Give bytes to the other end. Raises BlockingIOError where it has not read what it was given before."""
        del flags
        if self.closed or self.peer.closed:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        return self.peer.take(bytes(data))

    def take(self, data: bytes) -> int:
        """Keep bytes that the other end gives, as many as there is room for."""
        with self._changed:
            room = _MOST_WAITING - len(self._waiting)
            if room <= 0:
                raise _later()
            self._waiting += data[:room]
            self._tell()
        return min(len(data), room)

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Give all bytes to the other end."""
        left = bytes(data)
        while left:
            left = left[self.send(left, flags) :]

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        """The bytes that have come, none at the end. Raises BlockingIOError and TimeoutError as sockets do."""
        del flags
        with self._changed:
            if not self._changed.wait_for(lambda: self.readable, self._timeout):
                raise TimeoutError("timed out") if self._timeout else _later()
            found = bytes(self._waiting[:bufsize])
            del self._waiting[:bufsize]
            return found

    def close(self) -> None:
        """End this end; the other one reads the end after what came before."""
        self.closed = True
        self.peer.end()

    def end(self) -> None:
        """Note that the other end is closed."""
        with self._changed:
            self._ended = True
            self._tell()

    def __enter__(self) -> Self:
        """See `socket.socket`."""
        return self

    def __exit__(self, *_: object) -> None:
        """See `socket.socket`."""
        self.close()

    def _tell(self) -> None:
        self._changed.notify_all()
        for listener in tuple(self.listeners):
            listener.set()


def make_pair(ends: MutableMapping[int, PairedSocket]) -> tuple[PairedSocket, PairedSocket]:
    """Two connected ends, which are then found by their numbers."""
    number = max(ends, default=_FIRST_NUMBER) + 1
    first, second = PairedSocket(number), PairedSocket(number + 1)
    first.peer, second.peer = second, first
    ends[number], ends[number + 1] = first, second
    return first, second


class WaitingSelector(selectors.BaseSelector):
    """Waits for pairs in memory. Descriptors of the system are refused: it has none that could be waited for.

    ends: every end of a pair by its number.
    """

    def __init__(self, ends: Mapping[int, PairedSocket]) -> None:
        self._ends = ends
        self._keys: dict[int, selectors.SelectorKey] = {}
        self._woken = threading.Event()

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """See `selectors.BaseSelector`. Raises PermissionError for what is no end of a pair."""
        number = _number_of(fileobj)
        if not events or events & ~(selectors.EVENT_READ | selectors.EVENT_WRITE):
            raise ValueError(f"Invalid events: {events!r}")
        if number in self._keys:
            raise KeyError(f"{fileobj!r} (FD {number}) is already registered")
        if number not in self._ends:
            raise PermissionError(errno.EPERM, f"{os.strerror(errno.EPERM)}: a graded program has nothing to wait for")
        self._ends[number].listeners.add(self._woken)
        self._keys[number] = selectors.SelectorKey(fileobj, number, events, data)
        return self._keys[number]

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """See `selectors.BaseSelector`."""
        key = self.get_key(fileobj)
        del self._keys[key.fd]
        if key.fd in self._ends:
            self._ends[key.fd].listeners.discard(self._woken)
        return key

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """See `selectors.BaseSelector`."""
        self.unregister(fileobj)
        return self.register(fileobj, events, data)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """See `selectors.BaseSelector`: at most so many seconds."""
        # Before looking: whoever writes after that sets it again.
        self._woken.clear()
        ready = self._find_ready()
        if not ready and (timeout is None or timeout > 0):
            self._woken.wait(timeout)
            ready = self._find_ready()
        return ready

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        """See `selectors.BaseSelector`. Raises KeyError."""
        for key in self._keys.values():
            if key.fileobj is fileobj or key.fd == fileobj:
                return key
        raise KeyError(f"{fileobj!r} is not registered")

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        """See `selectors.BaseSelector`; the keys are numbers."""
        return self._keys

    def close(self) -> None:
        """See `selectors.BaseSelector`."""
        for number in list(self._keys):
            self.unregister(number)

    def _find_ready(self) -> list[tuple[selectors.SelectorKey, int]]:
        found = []
        for key in list(self._keys.values()):
            end = self._ends.get(key.fd)
            can_read = selectors.EVENT_READ if end is not None and end.readable else 0
            ready = (can_read | selectors.EVENT_WRITE) & key.events
            if ready:
                found.append((key, ready))
        return found


def _number_of(fileobj: Any) -> int:
    number = fileobj if isinstance(fileobj, int) else fileobj.fileno()
    if number < 0:
        raise ValueError(f"Invalid file descriptor: {number}")
    return int(number)


def _later() -> BlockingIOError:
    return BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
