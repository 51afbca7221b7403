"""Which protections are active here, found by trying: each probe attempts in a throwaway worker what it forbids.

The level is what every protection of it together gives: 0 a separate process, 1 limits on it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from cnn_assignment.sandbox import wire
from cnn_assignment.sandbox.host import (
    CallRaised,
    CallTimedOut,
    Request,
    Sandbox,
    SandboxError,
    TimeLimits,
    WorkerFailure,
    WorkerProcess,
)
from cnn_assignment.sandbox.limits import WorkerLimits

_CPU_S = 0.1
_ATTACKS = """
import os

def use_cpu():
    while True:
        pass

def use_memory():
    return len(bytearray(2 << 30))

def write_file():
    path = f"/tmp/sandbox-probe-{os.getpid()}"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.unlink(path)
    return os.write(handle, b"x" * 4096)

def open_many():
    return len([open(os.devnull) for _ in range(300)])

def tell_process():
    return os.getpid()
"""


@dataclass(frozen=True, slots=True)
class Protections:
    """The level and, for each protection by name, whether the attack that it forbids failed here."""

    level: int
    active: dict[str, bool]


def probe(sandbox: Sandbox) -> Protections:
    """Attempt each attack in a worker of its own. Takes a fraction of a second.

    Raises SandboxError where not even harmless code runs in a worker.
    """
    active = {
        "separate_process": _find_process(sandbox) != os.getpid(),
        "cpu_limit": _fails_with(sandbox, "use_cpu", CallTimedOut, "CPU"),
        "memory_limit": _fails_with(sandbox, "use_memory", CallRaised, "MemoryError"),
        "file_size_limit": _fails_with(sandbox, "write_file", CallRaised, "Errno"),
        "open_files_limit": _fails_with(sandbox, "open_many", CallRaised, "Errno"),
    }
    return Protections(1 if all(active.values()) else 0, active)


def _find_process(sandbox: Sandbox) -> object:
    try:
        return _attempt(sandbox, "tell_process")
    except WorkerFailure as failure:
        raise SandboxError(f"no code runs in a worker: {failure}") from failure


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
    limits = TimeLimits(cpu_s=_CPU_S, wall_s=5.0)
    worker.load(order, TimeLimits(cpu_s=2.0, wall_s=10.0))
    operations: tuple[tuple[Any, ...], ...] = (("get", 1, wire.Handle(0), attack), ("call", 2, wire.Handle(1), (), {}))
    return worker.request(Request(operations, want=2, caps=wire.Caps(0, 1000)), limits)


def _fails_with(sandbox: Sandbox, attack: str, kind: type[WorkerFailure], words: str) -> bool:
    try:
        _attempt(sandbox, attack)
    except WorkerFailure as failure:
        return isinstance(failure, kind) and words in str(failure)
    return False
