"""The seccomp program: which system calls a confined process may make, as instructions of the classic BPF machine.

The calls and their numbers are in ``system_calls.toml`` beside this file. Every other constant names its source in the
Linux tree. This runs in the zygote, and imports the standard library only.
"""

from __future__ import annotations

import errno
import struct
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# include/uapi/linux/seccomp.h
SECCOMP_RET_KILL_PROCESS = 0x80000000
SECCOMP_RET_ERRNO = 0x00050000
SECCOMP_RET_ALLOW = 0x7FFF0000
# include/uapi/linux/filter.h and bpf_common.h: instruction codes of the classic BPF machine.
_LOAD, _JUMP_EQUAL, _JUMP_ANY_BIT, _JUMP_AT_LEAST, _RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
# struct seccomp_data: nr, arch, instruction pointer, six arguments of 64 bits, of which the low half comes first.
_OFFSET_NUMBER, _OFFSET_ARCHITECTURE, _OFFSET_ARGUMENTS = 0, 4, 16
_X32_BIT = 0x40000000  # arch/x86/include/uapi/asm/unistd.h
_CLONE_THREAD = 0x00010000  # include/uapi/linux/sched.h
_TCGETS = 0x5401  # include/uapi/asm-generic/ioctls.h
# include/uapi/asm-generic/fcntl.h: duplicate, read flags, set close-on-exec. Never an owner, a lease or a lock.
_FCNTL_COMMANDS = (0, 1, 2, 3, 1030)
_INSTRUCTION = struct.Struct("=HBBI")
INSTRUCTION_BYTES = _INSTRUCTION.size
"""Of one instruction of a program."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """The allowed system calls of one architecture by their names, with their numbers.

    audit: the kernel's number of the architecture. has_x32: whether calls of another set come under the same number.
    """

    audit: int
    numbers: dict[str, int]
    has_x32: bool


def read_architectures() -> dict[str, Architecture]:
    """The architectures that there is a table of, by the names that `platform.machine` gives them."""
    text = Path(__file__).with_name("system_calls.toml").read_text(encoding="utf-8")
    return {machine: Architecture(**table) for machine, table in tomllib.loads(text).items()}


def make_program(architecture: Architecture) -> bytes:
    """The seccomp filter: a list of allowed calls, EPERM for all others, and death for a foreign architecture."""
    numbers = architecture.numbers
    program = [
        _instruction(_LOAD, value=_OFFSET_ARCHITECTURE),
        _instruction(_JUMP_EQUAL, 1, 0, architecture.audit),
        _instruction(_RETURN, value=SECCOMP_RET_KILL_PROCESS),
        _instruction(_LOAD, value=_OFFSET_NUMBER),
    ]
    if architecture.has_x32:
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
