"""Landlock and seccomp for the process that calls it: no file but the readable ones, no system call but those listed.

Plain ctypes, so that no compiled package stands between a course and its sandbox. Every constant names its source in
the Linux tree; system call numbers are in one table an architecture. This runs in the zygote and in the worker, and
imports the standard library only.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import signal
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# include/uapi/linux/prctl.h
PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_SET_NO_NEW_PRIVS = 38
# include/uapi/linux/seccomp.h
SECCOMP_MODE_FILTER = 2
SECCOMP_RET_KILL_PROCESS = 0x80000000
SECCOMP_RET_ERRNO = 0x00050000
SECCOMP_RET_ALLOW = 0x7FFF0000
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

# include/uapi/linux/filter.h and bpf_common.h: instruction codes of the classic BPF machine.
_LOAD, _JUMP_EQUAL, _JUMP_ANY_BIT, _JUMP_AT_LEAST, _RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
# struct seccomp_data: nr, arch, instruction pointer, six arguments of 64 bits, of which the low half comes first.
_OFFSET_NUMBER, _OFFSET_ARCHITECTURE, _OFFSET_ARGUMENTS = 0, 4, 16
_X32_BIT = 0x40000000  # arch/x86/include/uapi/asm/unistd.h
_CLONE_THREAD = 0x00010000  # include/uapi/linux/sched.h
_TCGETS = 0x5401  # include/uapi/asm-generic/ioctls.h
# include/uapi/asm-generic/fcntl.h: duplicate, read flags, set close-on-exec. Never an owner, a lease or a lock.
_FCNTL_COMMANDS = (0, 1, 2, 3, 1030)


class ConfinementError(Exception):
    """A protection that should be active could not be switched on."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """System call numbers of one architecture. audit: include/uapi/linux/audit.h."""

    audit: int
    numbers: dict[str, int]


# arch/x86/entry/syscalls/syscall_64.tbl
_X86_64 = Architecture(
    0xC000003E,
    {
        "mmap": 9,
        "munmap": 11,
        "mremap": 25,
        "mprotect": 10,
        "brk": 12,
        "madvise": 28,
        "openat": 257,
        "read": 0,
        "pread64": 17,
        "readv": 19,
        "write": 1,
        "writev": 20,
        "lseek": 8,
        "close": 3,
        "stat": 4,
        "fstat": 5,
        "lstat": 6,
        "newfstatat": 262,
        "statx": 332,
        "getdents64": 217,
        "access": 21,
        "faccessat": 269,
        "faccessat2": 439,
        "fcntl": 72,
        "dup": 32,
        "getcwd": 79,
        "clock_gettime": 228,
        "clock_getres": 229,
        "clock_nanosleep": 230,
        "nanosleep": 35,
        "gettimeofday": 96,
        "time": 201,
        "sched_yield": 24,
        "sched_getaffinity": 204,
        "getrusage": 98,
        "times": 100,
        "sysinfo": 99,
        "rt_sigaction": 13,
        "rt_sigprocmask": 14,
        "rt_sigreturn": 15,
        "sigaltstack": 131,
        "restart_syscall": 219,
        "futex": 202,
        "set_robust_list": 273,
        "rseq": 334,
        "membarrier": 324,
        "gettid": 186,
        "clone": 56,
        "clone3": 435,
        "getrandom": 318,
        "getpid": 39,
        "getppid": 110,
        "getuid": 102,
        "geteuid": 107,
        "getgid": 104,
        "getegid": 108,
        "poll": 7,
        "ppoll": 271,
        "select": 23,
        "pselect6": 270,
        "exit": 60,
        "exit_group": 231,
        "ioctl": 16,
    },
)
# include/uapi/asm-generic/unistd.h
_AARCH64 = Architecture(
    0xC00000B7,
    {
        "mmap": 222,
        "munmap": 215,
        "mremap": 216,
        "mprotect": 226,
        "brk": 214,
        "madvise": 233,
        "openat": 56,
        "read": 63,
        "pread64": 67,
        "readv": 65,
        "write": 64,
        "writev": 66,
        "lseek": 62,
        "close": 57,
        "fstat": 80,
        "newfstatat": 79,
        "statx": 291,
        "getdents64": 61,
        "faccessat": 48,
        "faccessat2": 439,
        "fcntl": 25,
        "dup": 23,
        "getcwd": 17,
        "clock_gettime": 113,
        "clock_getres": 114,
        "clock_nanosleep": 115,
        "nanosleep": 101,
        "gettimeofday": 169,
        "sched_yield": 124,
        "sched_getaffinity": 123,
        "getrusage": 165,
        "times": 153,
        "sysinfo": 179,
        "rt_sigaction": 134,
        "rt_sigprocmask": 135,
        "rt_sigreturn": 139,
        "sigaltstack": 132,
        "restart_syscall": 128,
        "futex": 98,
        "set_robust_list": 99,
        "rseq": 293,
        "membarrier": 283,
        "gettid": 178,
        "clone": 220,
        "clone3": 435,
        "getrandom": 278,
        "getpid": 172,
        "getppid": 173,
        "getuid": 174,
        "geteuid": 175,
        "getgid": 176,
        "getegid": 177,
        "ppoll": 73,
        "pselect6": 72,
        "exit": 93,
        "exit_group": 94,
        "ioctl": 29,
    },
)
ARCHITECTURES = {"x86_64": _X86_64, "aarch64": _AARCH64}

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
        count = len(self.program) // _INSTRUCTION.size
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
    if machine not in ARCHITECTURES:
        raise ConfinementError(f"no table of system calls for {machine}")
    return Confinement(_make_ruleset(readable), make_program(ARCHITECTURES[machine]))


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


_INSTRUCTION = struct.Struct("=HBBI")


def make_program(architecture: Architecture) -> bytes:
    """The seccomp filter: a list of allowed calls, EPERM for all others, and death for a foreign architecture."""
    numbers = architecture.numbers
    program = [
        _instruction(_LOAD, value=_OFFSET_ARCHITECTURE),
        _instruction(_JUMP_EQUAL, 1, 0, architecture.audit),
        _instruction(_RETURN, value=SECCOMP_RET_KILL_PROCESS),
        _instruction(_LOAD, value=_OFFSET_NUMBER),
    ]
    if architecture is _X86_64:
        # The x32 calls share the architecture's number and would walk around the list.
        program += [
            _instruction(_JUMP_AT_LEAST, 0, 1, _X32_BIT),
            _instruction(_RETURN, value=SECCOMP_RET_KILL_PROCESS),
        ]
    # glibc falls back to clone where clone3 is unknown; its flags lie in memory, where a filter cannot look.
    program += _when(numbers["clone3"], [_instruction(_RETURN, value=SECCOMP_RET_ERRNO | errno.ENOSYS)])
    program += _when(numbers["clone"], _if_argument(0, _JUMP_ANY_BIT, (_CLONE_THREAD,)))
    program += _when(numbers["ioctl"], _if_argument(1, _JUMP_EQUAL, (_TCGETS,)))
    program += _when(numbers["fcntl"], _if_argument(1, _JUMP_EQUAL, _FCNTL_COMMANDS))
    for name, number in numbers.items():
        if name not in ("clone", "clone3", "ioctl", "fcntl"):
            program += _when(number, [_instruction(_RETURN, value=SECCOMP_RET_ALLOW)])
    program.append(_instruction(_RETURN, value=SECCOMP_RET_ERRNO | errno.EPERM))
    return b"".join(program)


def _instruction(code: int, when_true: int = 0, when_false: int = 0, value: int = 0) -> bytes:
    return _INSTRUCTION.pack(code, when_true, when_false, value)


def _when(number: int, then: list[bytes]) -> list[bytes]:
    """Run instructions, which must end in a return, for one system call; go on below for all others."""
    return [_instruction(_JUMP_EQUAL, 0, len(then), number), *then]


def _if_argument(position: int, test: int, values: Sequence[int]) -> list[bytes]:
    """Allow the call if the low half of an argument passes the test against any of the values, else EPERM."""
    lines = [_instruction(_LOAD, value=_OFFSET_ARGUMENTS + 8 * position)]
    for place, value in enumerate(values):
        # Over the remaining tests and the refusal, to the permission.
        lines.append(_instruction(test, len(values) - place, 0, value))
    lines.append(_instruction(_RETURN, value=SECCOMP_RET_ERRNO | errno.EPERM))
    lines.append(_instruction(_RETURN, value=SECCOMP_RET_ALLOW))
    return lines


def _call(what: str, function: ctypes._NamedFuncPointer, *arguments: object) -> int:
    result: int = function(*arguments)
    if result < 0:
        raise ConfinementError(f"{what} could not be switched on: {os.strerror(ctypes.get_errno())}")
    return result
