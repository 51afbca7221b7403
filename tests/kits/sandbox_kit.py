"""Shared by the sandbox's tests: student code as a text, run in a real worker, and what is left of it afterwards."""

from __future__ import annotations

import gc
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cnn_assignment.judging.replay import Playback
from cnn_assignment.judging.session import Session
from cnn_assignment.sandbox import wire
from cnn_assignment.sandbox.client.host import Sandbox
from cnn_assignment.sandbox.client.protocol import Ask, Request, TimeLimits
from cnn_assignment.sandbox.client.proxies import Conversation, Remote
from cnn_assignment.sandbox.client.worker_process import WorkerProcess
from cnn_assignment.sandbox.limits import WorkerLimits

LOADING = TimeLimits(cpu_s=10.0, wall_s=60.0)
PATIENT = TimeLimits(cpu_s=10.0, wall_s=60.0)
# For code that is expected to be stopped, so these are the seconds that its test takes.
SHORT_CPU = TimeLimits(cpu_s=0.2, wall_s=60.0)
SHORT_WALL = TimeLimits(cpu_s=60.0, wall_s=0.3)

# Student code that knows the kit: it finds the worker's own object and from there the nonce and the pipe.
FORGER = """
import json, os, struct, sys, time

def find_worker():
    frame = sys._getframe()
    while type(frame.f_locals.get("self")).__name__ != "Worker":
        frame = frame.f_back
    return frame.f_locals["self"]

def frame_of(header, payload=b""):
    text = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    return struct.pack(">II", len(text), len(payload)) + text + payload

def forge(header, payload=b""):
    os.write(4, frame_of({"nonce": find_worker()._nonce, **header}, payload))
"""


def attack(source: str) -> str:
    """The code, which can use what the forger knows."""
    return FORGER + textwrap.dedent(source)


def make_order(source: str, **changes: Any) -> dict[str, Any]:
    """What a worker is told to load: one file of a module called lesson."""
    order = {
        "provided": {},
        "modules": [],
        "seed": 0,
        "module": "lesson",
        "chunks": [["lesson.py", textwrap.dedent(source), None]],
        "stand_ins": [],
    }
    return order | changes


@contextmanager
def working(
    sandbox: Sandbox, source: str, limits: WorkerLimits | None = None, **changes: Any
) -> Iterator[WorkerProcess]:
    """A worker with that code loaded, ended afterwards."""
    worker = sandbox.spawn(limits or WorkerLimits())
    try:
        worker.load(make_order(source, **changes), LOADING)
        yield worker
    finally:
        worker.kill()


def failures_of(sandbox: Sandbox, source: str, **changes: Any) -> list[dict[str, Any]]:
    """What loading that code in a worker of its own tells of the statements that failed."""
    worker = sandbox.spawn(WorkerLimits())
    try:
        return worker.load(make_order(source, **changes), LOADING)
    finally:
        worker.kill()


def call(
    worker: WorkerProcess,
    name: str,
    *args: Any,
    limits: TimeLimits = PATIENT,
    caps: wire.Caps | None = None,
    ask: Ask | None = None,
    collect: int | None = None,
) -> Any:
    """Call a function of the loaded module and return its value, or that many items of it."""
    operations: list[tuple[Any, ...]] = [
        ("get", 1, wire.Handle(0), name),
        ("call", 2, wire.Handle(1), args, {}),
    ]
    if collect is not None:
        operations.append(("collect", 2, wire.Handle(2), collect))
    return worker.request(Request(tuple(operations), 2, caps or wire.Caps()), limits, ask)


def run(sandbox: Sandbox, source: str, *args: Any, **options: Any) -> Any:
    """What ``answer(*args)`` of that code gives in a worker of its own."""
    with working(sandbox, source) as worker:
        return call(worker, "answer", *args, **options)


def count_descriptors() -> int:
    """How many descriptors this process has open."""
    # What earlier tests left to the collector would be closed at any time otherwise.
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


def state_of(pid: int) -> str | None:
    """The kernel's letter for a process, Z for one that is dead and not waited for; None where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None


def children_of(pid: int) -> list[int]:
    """The process ids of a process's children."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += map(int, (task / "children").read_text(encoding="utf-8").split())
    return found


def zygote_of(sandbox: Sandbox) -> int:
    """The process id of a sandbox's zygote, which may be below bubblewrap's processes."""
    return below_bubblewrap(sandbox._process.pid)


def below_bubblewrap(pid: int) -> int:
    """The first process of a chain that is not bubblewrap's own."""
    while Path(f"/proc/{pid}/comm").read_text(encoding="utf-8") == "bwrap\n":
        (pid,) = children_of(pid)
    return pid


def wait_until(condition: Any, what: str) -> None:
    """Wait for something that another process does; a failure is a hang, not a slow machine."""
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError(f"waited in vain until {what}")


def converse(session: Session, *stand_ins: str) -> Remote:
    """The submission's module as a hidden test sees it, with right methods in the place of those named."""
    line = session.line(stand_ins)
    return Conversation(Playback(line).carry, line.is_deadly).module()
