"""Landlock and seccomp for the process that calls it: no file but the readable ones, no system call but those listed.

Plain ctypes, so that no compiled package stands between a course and its sandbox. Every constant names its source in
the Linux tree; `system_calls` has those of seccomp. This runs in the zygote and in the worker, and imports the standard
library only.
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cnn_assignment.sandbox.confinement.system_calls import INSTRUCTION_BYTES, make_program, read_architectures

# include/uapi/linux/prctl.h
PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_SET_NO_NEW_PRIVS = 38
# include/uapi/linux/seccomp.h
SECCOMP_MODE_FILTER = 2
# include/uapi/linux/capability.h: version 3 and this process; three sets of 64 bits in two halves, all empty.
_CAPABILITY_HEADER = struct.pack("=Ii", 0x20080522, 0)
_NO_CAPABILITIES = bytes(24)
# include/uapi/linux/landlock.h
LANDLOCK_CREATE_RULESET_VERSION = 1
LANDLOCK_RULE_PATH_BENEATH = 1
LANDLOCK_ACCESS_FS_WRITE_FILE = 1 << 1
LANDLOCK_ACCESS_FS_READ_FILE = 1 << 2
LANDLOCK_ACCESS_FS_READ_DIR = 1 << 3
# What each ABI version handles: all file accesses that it knows, TCP (from 4), signals and abstract sockets (from 6).
_FS_ACCESSES = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
_NET_FROM, _NET_ACCESSES = 4, 0b11
_SCOPE_FROM, _SCOPES = 6, 0b11
# The same numbers on every architecture: include/uapi/asm-generic/unistd.h
_LANDLOCK_CREATE_RULESET, _LANDLOCK_ADD_RULE, _LANDLOCK_RESTRICT_SELF = 444, 445, 446


class ConfinementError(Exception):
    """A protection that should be active could not be switched on."""


if sys.platform != "win32":  # where this module is read and never used
    _libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Confinement:
    """A Landlock ruleset and a seccomp program, made once in the zygote and put on by each worker."""

    ruleset_fd: int
    program: bytes

    def put_on(self, ruleset_fd: int) -> None:
        """Confine the calling process for good, and close its descriptor of the ruleset.

        Raises ConfinementError; nothing may run after that.
        """
        _call("dropping capabilities", _libc.capset, _CAPABILITY_HEADER, _NO_CAPABILITIES)
        _call("undumpable", _libc.prctl, PR_SET_DUMPABLE, 0, 0, 0, 0)
        _call("no_new_privs", _libc.prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        _call("Landlock", _libc.syscall, _LANDLOCK_RESTRICT_SELF, ruleset_fd, 0)
        os.close(ruleset_fd)
        count = len(self.program) // INSTRUCTION_BYTES
        buffer = ctypes.create_string_buffer(self.program, len(self.program))
        # struct sock_fprog: a count of 16 bits, padded, and a pointer.
        described = ctypes.create_string_buffer(struct.pack("@HP", count, ctypes.addressof(buffer)))
        _call("seccomp", _libc.prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, described, 0, 0)


def die_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process when its parent ends, and notice if it has ended already."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(71)


def make_confinement(readable: Sequence[Path]) -> Confinement:
    """Prepare confinement in which only these files and folders can be read (and /dev/null written).

    Raises ConfinementError where the kernel or the architecture has no Landlock or seccomp.
    """
    machine = platform.machine()
    architectures = read_architectures()
    if machine not in architectures:
        raise ConfinementError(f"no table of system calls for {machine}")
    return Confinement(_make_ruleset(readable), make_program(architectures[machine]))


def landlock_abi() -> int:
    """The Landlock ABI version of this kernel; 0 where it has none."""
    version: int = _libc.syscall(_LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), LANDLOCK_CREATE_RULESET_VERSION)
    return max(version, 0)


def _make_ruleset(readable: Sequence[Path]) -> int:
    abi = landlock_abi()
    if abi < 1:
        raise ConfinementError("this kernel has no Landlock")
    handled = _FS_ACCESSES[max(known for known in _FS_ACCESSES if known <= abi)]
    attributes = [handled]
    if abi >= _NET_FROM:
        attributes.append(_NET_ACCESSES)
    if abi >= _SCOPE_FROM:
        attributes.append(_SCOPES)
    packed = struct.pack(f"={len(attributes)}Q", *attributes)
    ruleset: int = _call("Landlock", _libc.syscall, _LANDLOCK_CREATE_RULESET, packed, ctypes.c_size_t(len(packed)), 0)
    for path in readable:
        access = LANDLOCK_ACCESS_FS_READ_FILE | (LANDLOCK_ACCESS_FS_READ_DIR if path.is_dir() else 0)
        _allow(ruleset, path, access)
    _allow(ruleset, Path(os.devnull), LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE)
    _allow(ruleset, Path("/dev/urandom"), LANDLOCK_ACCESS_FS_READ_FILE)
    return ruleset


def _allow(ruleset: int, path: Path, access: int) -> None:
    parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = struct.pack("=Qi", access, parent)
        _call("Landlock", _libc.syscall, _LANDLOCK_ADD_RULE, ruleset, LANDLOCK_RULE_PATH_BENEATH, rule, 0)
    finally:
        os.close(parent)


def _call(what: str, function: ctypes._NamedFuncPointer, *arguments: object) -> int:
    result: int = function(*arguments)
    if result < 0:
        raise ConfinementError(f"{what} could not be switched on: {os.strerror(ctypes.get_errno())}")
    return result
