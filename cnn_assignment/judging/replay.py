"""What hidden tests asked, what they were answered, and what they made of it, so that no answer is judged twice.

A hidden test sees nothing of a submission but the answers of its worker, and what it asks next depends on these alone.
So once a test has been run, its requests can be sent without it; if the answers are, to the last bit, those of that
run, its status is known. At the first answer that is new, the test itself is run: it is given the answers that came
already, and goes on from there. Student code is called as often either way, and in the same order.

A test that asks otherwise the next time, because of a random number without a seed say, is run on from its start.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from cnn_assignment.judging.session import SessionWorker
from cnn_assignment.sandbox.client.protocol import CallRaised, Packed, Reply, Request, WorkerFailure, pack_request
from cnn_assignment.testing import Mismatch

# Bytes of memory, roughly; what is beyond makes room by starting anew.
_ROOM = 32 << 20
# Of replies that wait for their test, in bytes: one that gets more is run from there.
_MOST_GIVEN = 16 << 20
# What Python needs for a turn or a result beside the bytes in it, roughly.
_OVERHEAD = 600


@dataclass(frozen=True, slots=True, eq=False)
class RunResult:
    """How a run of a test ended: with a failure, or None, and with remarks for the student.

    answers: what the test's `once` gave before a failure; the same objects for every run.
    """

    failure: BaseException | None
    remarks: tuple[str, ...] = ()
    answers: tuple[Any, ...] = ()


@dataclass(slots=True, eq=False)
class _Turn:
    """A request, and by the digest of the reply what followed."""

    packed: Packed
    label: str
    after: dict[bytes, _Turn | RunResult]


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    """A request that was made, and of the reply its digest and its size in bytes."""

    packed: Packed
    label: str
    digest: bytes
    size: int


class Playback:
    """One run of a test on one line: first what is known of it is asked again, then the test itself goes on."""

    def __init__(self, line: SessionWorker, first: _Turn | None = None) -> None:
        self._line = line
        self._first = first
        self._given: deque[tuple[Packed, Reply | WorkerFailure]] = deque()
        self.steps: list[_Step] = []
        self._in_step = True

    @property
    def is_whole(self) -> bool:
        """Whether the steps are all that the worker was asked, and all that the test knows."""
        return self._in_step and not self._given

    def replay(self) -> RunResult | None:
        """Ask what is known to be asked; the result, if the answers are known too. Else the test is to be run."""
        turn: _Turn | RunResult | None = self._first
        room = _MOST_GIVEN
        while isinstance(turn, _Turn):
            if room < 0:
                return None
            try:
                reply = self._line.send(turn.packed, turn.label)
            except WorkerFailure as failure:
                self._given.append((turn.packed, failure))
                return None
            self._given.append((turn.packed, reply))
            room -= reply.size
            turn = turn.after.get(reply.digest())
        return turn

    def carry(self, request: Request, label: str) -> Any:
        """Serve the test that is run: with an answer that came already, or a new one."""
        packed = pack_request(request)
        try:
            reply = self._take(packed)
            if reply is None:
                reply = self._line.send(packed, label)
        except WorkerFailure:
            self._in_step = False
            raise
        self.steps.append(_Step(packed, label, reply.digest(), reply.size))
        return self._line.open(reply, request, label)

    def _take(self, packed: Packed) -> Reply | None:
        """The reply that came before the test was run; None where there is none left, or not to this request."""
        if not self._given:
            return None
        match self._given.popleft():
            case (sent, Reply() as reply) if sent.is_same(packed):
                return reply
            case (sent, WorkerFailure() as failure) if sent.is_same(packed):
                raise failure
        # The worker has been asked other things than this run knows of.
        self._given.clear()
        self._in_step = False
        return None


class ReplayCache:
    """Of all tests of a grader, by a key of each."""

    def __init__(self, room: int = _ROOM) -> None:
        self._room = room
        self._left = room
        self._first: dict[Hashable, _Turn] = {}

    def play(self, key: Hashable, line: SessionWorker) -> Playback:
        """A run of the test with that key."""
        return Playback(line, self._first.get(key))

    def keep(self, key: Hashable, playback: Playback, result: RunResult) -> None:
        """Remember a run, if it would end so again: by its answers alone."""
        if not playback.is_whole or not playback.steps or not _is_certain(result.failure):
            return
        if self._left < 0:
            self._first.clear()
            self._left = self._room
        steps = playback.steps
        turn = self._first.get(key)
        if turn is None:
            turn = self._first[key] = self._new_turn(steps[0], None)
        for step, following in zip(steps, [*steps[1:], None], strict=True):
            if not turn.packed.is_same(step.packed):
                return
            known = turn.after.get(step.digest)
            if following is None:
                if known is None:
                    turn.after[step.digest] = self._slim(result, steps)
                return
            if known is None:
                known = turn.after[step.digest] = self._new_turn(following, next(iter(turn.after.values()), None))
            if not isinstance(known, _Turn):
                return
            turn = known

    def _new_turn(self, step: _Step, like: _Turn | RunResult | None) -> _Turn:
        self._left -= _OVERHEAD
        packed = step.packed
        if isinstance(like, _Turn) and like.packed.is_same(packed):
            # Most answers are followed by the same request.
            packed = like.packed
        else:
            self._left -= len(packed.header) + len(packed.payload)
        return _Turn(packed, step.label, {})

    def _slim(self, result: RunResult, steps: list[_Step]) -> RunResult:
        self._left -= _OVERHEAD
        if result.failure is not None:
            # It holds values of the answers, and need not hold the frames that it went through.
            self._left -= sum(step.size for step in steps)
            result.failure.__traceback__ = result.failure.__context__ = result.failure.__cause__ = None
        return result


def _is_certain(failure: BaseException | None) -> bool:
    """Whether a failure comes of the answers: not of the machine, and not of a test that is broken."""
    return failure is None or isinstance(failure, Mismatch | CallRaised)
