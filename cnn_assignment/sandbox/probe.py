"""Which protections are active here, found by trying: each probe attempts in a throwaway worker what it forbids.

The level is what every protection of it together gives: 0 a separate process, 1 limits on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cnn_assignment.sandbox import wire
from cnn_assignment.sandbox.host import (
    CallRaised,
    CallTimedOut,
    Request,
    Sandbox,
    TimeLimits,
    WorkerFailure,
    WorkerProcess,
)
from cnn_assignment.sandbox.limits import WorkerLimits

_ATTACKS = """
import os
import sys
import tempfile

def use_cpu():
    while True:
        pass

def use_memory():
    return len(bytearray(2 << 30))

def write_file():
    handle, path = tempfile.mkstemp()
    os.unlink(path)
    return os.write(handle, b"x" * 4096)

def open_many():
    return len([open(os.devnull) for _ in range(300)])

def read_sibling():
    return sorted(name for name in sys.modules if name.startswith("pytest"))
"""


@dataclass(frozen=True, slots=True)
class Protections:
    """The level and, for each protection by name, whether the attack that it forbids failed here."""

    level: int
    active: dict[str, bool]


def probe(sandbox: Sandbox) -> Protections:
    """Attempt each attack in a worker of its own. Takes a fraction of a second."""
    active = {
        "separate_process": _attempt(sandbox, "read_sibling") == [],
        "cpu_limit": _fails_with(sandbox, "use_cpu", CallTimedOut),
        "memory_limit": _fails_with(sandbox, "use_memory", CallRaised),
        "file_size_limit": _fails_with(sandbox, "write_file", WorkerFailure),
        "open_files_limit": _fails_with(sandbox, "open_many", CallRaised),
    }
    return Protections(1 if all(active.values()) else 0, active)


def _attempt(sandbox: Sandbox, attack: str) -> object:
    worker = sandbox.spawn(WorkerLimits(memory_mib=256))
    try:
        return _run(worker, attack)
    finally:
        worker.kill()


def _run(worker: WorkerProcess, attack: str) -> object:
    order = {
        "provided": {},
        "modules": [],
        "seed": 0,
        "module": "probe",
        "chunks": [["probe.py", _ATTACKS, None]],
        "stand_ins": [],
    }
    limits = TimeLimits(cpu_s=0.1, wall_s=5.0)
    worker.load(order, TimeLimits(cpu_s=2.0, wall_s=10.0))
    operations: tuple[tuple[Any, ...], ...] = (("get", 1, wire.Handle(0), attack), ("call", 2, wire.Handle(1), (), {}))
    return worker.request(Request(operations, want=2, caps=wire.Caps(0, 1000)), limits)


def _fails_with(sandbox: Sandbox, attack: str, failure: type[WorkerFailure]) -> bool:
    try:
        _attempt(sandbox, attack)
    except failure:
        return True
    except WorkerFailure:
        return False
    return False
