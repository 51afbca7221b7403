"""Which protections are active here, found by trying: each is attacked in a throwaway worker of its own.

A protection is active when its attack is refused. The level is the highest one of which every protection, and every one of
the levels below, is active: 0 a separate process, 1 limits on it, 2 confined by Landlock and seccomp, 3 namespaced.
"""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnn_assignment.sandbox import wire
from cnn_assignment.sandbox.client.protocol import (
    CallRaised,
    CallTimedOut,
    Request,
    SandboxError,
    TimeLimits,
    WorkerFailure,
)
from cnn_assignment.sandbox.client.worker_process import Spawner
from cnn_assignment.sandbox.limits import NOBODY, WorkerLimits

_LIMITS = TimeLimits(cpu_s=0.1, wall_s=5.0)
# How the kernel's refusals look in Python.
_REFUSALS = frozenset(
    {"PermissionError", "FileNotFoundError", "ProcessLookupError", "ConnectionRefusedError", "OSError", "MemoryError"}
)
_ATTACKS = """
import mmap
import os
import socket
import sys

def separate_process(target):
    return "cnn_assignment.sandbox.client.probe" in sys.modules

def cpu_limit(target):
    while True:
        pass

def memory_limit(target):
    return len(mmap.mmap(-1, 2 << 30)) > 0

def file_size_limit(target):
    handle = os.open(target["folder"] + "/large", os.O_WRONLY | os.O_CREAT)
    return os.write(handle, b"x" * 4096) > 0

def open_files_limit(target):
    return len([open(os.devnull) for _ in range(300)]) > 0

def not_root(target):
    return os.geteuid() == 0

def no_file_reading(target):
    return open(target["secret"]).read() == "secret"

def no_file_writing(target):
    with open(target["folder"] + "/left", "w"):
        return True

def no_file_changes(target):
    os.chmod(target["secret"], 0o666)
    return True

def no_listing(target):
    return len(os.listdir(target["folder"])) > 0

def no_processes(target):
    child = os.fork()
    if child == 0:
        os._exit(0)
    return child > 0

def no_programs(target):
    refusal = None
    for program in (sys.executable, "/bin/true", "/usr/bin/true"):
        try:
            os.execv(program, [program, "-S", "-c", ""])
        except OSError as error:
            # Not there, or in a folder that is closed to this user: neither says that programs cannot be run.
            refusal = error
    raise refusal

def no_network(target):
    refusal = None
    for kind, port in ((socket.SOCK_STREAM, target["port"]), (socket.SOCK_DGRAM, target["datagram_port"])):
        try:
            connected = socket.socket(socket.AF_INET, kind)
            connected.connect(("127.0.0.1", port))
            # The second of two datagrams fails where nobody listens, as in a network of its own.
            return os.write(connected.fileno(), b"x") + os.write(connected.fileno(), b"x") == 2
        except OSError as error:
            refusal = error
    raise refusal

def no_signals(target):
    os.kill(target["pid"], 0)
    return True

def no_other_memory(target):
    return len(open(f"/proc/{target['pid']}/maps").read()) > 0

def no_unlisted_calls(target):
    return os.memfd_create("x") >= 0

def no_file_names(target):
    return os.stat(target["secret"]).st_size > 0

def no_process_list(target):
    if target["pid_namespace"] is None:
        return os.getpgid(target["pid"]) > 0
    # A number alone says nothing: in a namespace of its own, other processes have the same.
    here = os.stat("/proc/self/ns/pid").st_ino
    return here == target["pid_namespace"] and os.path.exists(f"/proc/{target['pid']}/stat")
"""


@dataclass(frozen=True, slots=True)
class Protection:
    """One protection: the level that needs it, how it is attacked, and what brings it about where it is missing."""

    name: str
    level: int
    attack: str
    remedy: str


_KERNEL = "Linux 5.13 or newer with Landlock and seccomp, on x86-64 or aarch64"
_BUBBLEWRAP = "install bubblewrap, and allow user namespaces if you are not root"
PROTECTIONS = (
    Protection("separate_process", 0, "look for the grader's code in its own memory", "Linux"),
    Protection("cpu_limit", 1, "loop for ever", "Linux"),
    Protection("memory_limit", 1, "take 2 GiB", "Linux"),
    Protection("file_size_limit", 1, "write 4 KiB to a file, or ask for the limit", "Linux"),
    Protection("open_files_limit", 1, "open 300 files", "Linux"),
    Protection("not_root", 2, "look for the powers of root", _KERNEL),
    Protection("no_file_reading", 2, "read a file of the grader", _KERNEL),
    Protection("no_file_writing", 2, "make a file beside it", _KERNEL),
    Protection("no_file_changes", 2, "change the file's permissions", _KERNEL),
    Protection("no_listing", 2, "list its folder", _KERNEL),
    Protection("no_processes", 2, "fork", _KERNEL),
    Protection("no_programs", 2, "run a program in its own place", _KERNEL),
    Protection("no_network", 2, "connect to a port of this machine", _KERNEL),
    Protection("no_signals", 2, "send a signal to the grader", _KERNEL),
    Protection("no_other_memory", 2, "look into the grader's memory map", _KERNEL),
    Protection("no_unlisted_calls", 2, "make a file in memory", _KERNEL),
    Protection("no_file_names", 3, "ask for the size of a file of the grader", _BUBBLEWRAP),
    Protection("no_process_list", 3, "look for the grader among the processes", _BUBBLEWRAP),
)


@dataclass(frozen=True, slots=True)
class Protections:
    """The level and, for each protection by name, whether the attack on it failed here."""

    level: int
    active: dict[str, bool]


def probe(sandbox: Spawner) -> Protections:
    """Attack every protection once, each in a worker of its own. Takes a fraction of a second.

    Raises SandboxError where not even harmless code runs in a worker.
    """
    with _target() as target:
        active = {protection.name: _fails(sandbox, protection, target) for protection in PROTECTIONS}
    missing = [protection.level for protection in PROTECTIONS if not active[protection.name]]
    highest = max(protection.level for protection in PROTECTIONS)
    return Protections(max(min(missing, default=highest + 1) - 1, 0), active)


@contextmanager
def _target() -> Iterator[dict[str, Any]]:
    """What the attacks aim at: this process, a file, its folder, and a port that listens on loopback."""
    namespace = Path("/proc/self/ns/pid")
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
    ):
        datagrams.bind(("127.0.0.1", 0))
        secret = Path(folder) / "secret"
        secret.write_text("secret", encoding="ascii")
        # Open to everyone, and given to each worker in turn.
        for path, mode in ((Path(folder), 0o777), (secret, 0o644)):
            path.chmod(mode)
        yield {
            "pid": os.getpid(),
            "pid_namespace": namespace.stat().st_ino if namespace.exists() else None,
            "secret": str(secret),
            "folder": folder,
            "port": server.getsockname()[1],
            "datagram_port": datagrams.getsockname()[1],
        }


def _fails(sandbox: Spawner, protection: Protection, target: dict[str, Any]) -> bool:
    """Whether the attack fails. An attack that cannot even be tried is taken for one that succeeds."""
    worker = sandbox.spawn(WorkerLimits(memory_mib=256))
    order = {
        "provided": {},
        "modules": [],
        "seed": 0,
        "module": "probe",
        "chunks": [["probe.py", _ATTACKS, None]],
        "stand_ins": [],
    }
    operations: tuple[tuple[Any, ...], ...] = (
        ("get", 1, wire.Handle(0), protection.name),
        ("call", 2, wire.Handle(1), (target,), {}),
    )
    try:
        worker.load(order, TimeLimits(cpu_s=2.0, wall_s=10.0))
        _give(target, worker.pid)
        succeeded = worker.request(Request(operations, want=2, caps=wire.Caps(0, 1000)), _LIMITS)
    except WorkerFailure as failure:
        if protection is PROTECTIONS[0]:
            raise SandboxError(f"no code runs in a worker: {failure}") from failure
        return _is_refusal(failure, protection, worker.pid)
    finally:
        worker.kill()
    return succeeded is False


def _give(target: dict[str, Any], pid: int) -> None:
    """Make a worker's user own the target, so that what keeps it out is its confinement, and not the file's owner."""
    if os.geteuid() == 0:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
        user = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("Uid:"))
        for path in (target["folder"], target["secret"]):
            os.chown(path, user, NOBODY)


def _is_refusal(failure: WorkerFailure, protection: Protection, pid: int) -> bool:
    """Whether the attack failed because of this protection, and not because of another or because it is broken."""
    match failure:
        case CallTimedOut(kind="CPU"):
            return protection.name == "cpu_limit"
        case CallRaised(type_name="PermissionError" | "FileNotFoundError") if protection.name == "file_size_limit":
            # No file could be made that the limit would have been met by. The kernel knows it all the same.
            return _file_size_limit(pid) == "0"
        case CallRaised(type_name=type_name):
            return type_name in _REFUSALS
    # Among them a program that ran in the worker's place, and ended well.
    return False


def _file_size_limit(pid: int) -> str:
    """The hard limit of a process on the size of files, as proc_pid_limits(5) tells it."""
    for line in Path(f"/proc/{pid}/limits").read_text(encoding="ascii").splitlines():
        if line.startswith("Max file size"):
            return line.split()[4]
    return "unknown"
