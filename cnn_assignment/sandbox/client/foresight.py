"""Reads that are known to follow: a test that was passed before tells what it will look at next.

Most of a conversation is one value of a container after the other: ``cache["out"]``, then ``cache["x"]``. Each costs a
round trip, and a test asks every submission the same. So what it read after a request, with nothing else in between,
goes along with that request the next time. A worker reads ahead in plain containers only, where reading runs no code of
the submission, and leaves out what it cannot read: a value that was read ahead is the value that would have come anyway.
A test that goes another way has some answers too many, and asks again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from cnn_assignment.sandbox import wire
from cnn_assignment.sandbox.client.protocol import Read

# What a reply's header has room for.
_MOST_READS = 64


class Foresight:
    """What one test reads, learned from its runs that were passed, until two of them in a row read the same."""

    def __init__(self) -> None:
        self._followed: list[list[Read]] = []
        self.is_settled = False

    def expect(self, number: int) -> tuple[Read, ...]:
        """The reads that should follow the request of this number."""
        return tuple(self._followed[number][:_MOST_READS]) if number < len(self._followed) else ()

    def learn(self, reading: Reading) -> None:
        """Expect what this run read, from now on."""
        if not self.is_settled:
            self.is_settled = self._followed == reading.followed
            self._followed = reading.followed


class Reading:
    """One run of a test: what it read after each of its other requests, and the values that are here already."""

    def __init__(self, foresight: Foresight) -> None:
        self._foresight = foresight
        self._expected: tuple[Read, ...] = ()
        self._values: list[Any] = []
        self.followed: list[list[Read]] = []

    def recall(self, read: Read) -> tuple[Any] | None:
        """The value of a read, in a tuple; None where it is not here."""
        if self.followed:
            self.followed[-1].append(read)
        if not self._values or self._expected[0] != read:
            self._values = []
            return None
        self._expected = self._expected[1:]
        return (self._values.pop(0),)

    def expect(self, number: int) -> tuple[Read, ...]:
        """What should go along with the next request, which is no read. number: that of the next operation after it.

        A run that has gone another way gives its operations other numbers. Reads with those of the learned one could
        not be what follows, and would take the places of objects that are still needed.
        """
        self._values = []
        self._expected = tuple(_in_step(self._foresight.expect(len(self.followed)), number))
        self.followed.append([])
        return self._expected

    def keep(self, values: list[Any]) -> None:
        """The values that came along with that request: those of the first reads that were expected."""
        self._values = values


def _in_step(reads: Sequence[Read], number: int) -> Iterator[Read]:
    """The reads up to the first whose operations are not numbered on from here."""
    for read in reads:
        for operation in read.operations:
            if operation[1] != number:
                return
            number += 1
        yield read


def as_read(operations: tuple[tuple[Any, ...], ...], want: int | None, caps: wire.Caps) -> Read | None:
    """A fetch as a read, if it only looks items up by a text or a number; None where it does anything else."""
    if want is None or not all(map(_is_plain, operations)):
        return None
    return Read(operations, want, caps)


def _is_plain(operation: tuple[Any, ...]) -> bool:
    match operation:
        case ("item", int(), wire.Handle(), key):
            return type(key) in (int, str)
    return False
