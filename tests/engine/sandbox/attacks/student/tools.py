"""What attacks share: raw system calls, and the mark that says how an attack's success is seen. Provided to the worker.

The arguments of `attack` are for `battery`, which reads them from the source; here the mark does nothing.

seen: the witness. stopped_from: the lowest level that promises to stop it (2 where nothing is said). control: where it is
shown to succeed first, "level 0" or, for what no level lets through, "no sandbox". needs: "root" for what only root can do
even without any sandbox. rare: not every kernel or container offers what it needs. machine: the only architecture.
"""

from __future__ import annotations

import ctypes
import os
import platform

libc = ctypes.CDLL(None, use_errno=True)

# name: (x86-64, aarch64), from arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h
NUMBERS = {
    "add_key": (248, 217),
    "bpf": (321, 280),
    "clone3": (435, 435),
    "execveat": (322, 281),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    "io_uring_enter": (426, 426),
    "io_uring_setup": (425, 425),
    "ioprio_get": (252, 31),
    "ioprio_set": (251, 30),
    "kcmp": (312, 272),
    "memfd_create": (319, 279),
    "mount": (165, 40),
    "move_pages": (279, 239),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "openat2": (437, 437),
    "perf_event_open": (298, 241),
    "personality": (135, 92),
    "pidfd_getfd": (438, 438),
    "pidfd_open": (434, 434),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "rt_tgsigqueueinfo": (297, 240),
    "setns": (308, 268),
    "tgkill": (234, 131),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
}


def attack(**_):
    """Mark a function as an attack."""
    return lambda function: function


def check(result):
    """The result of a C function. Raises OSError where it is negative."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def syscall(name, *arguments):
    """Make a system call by its name, or by its number. Raises OSError."""
    number = name if isinstance(name, int) else NUMBERS[name][platform.machine() == "aarch64"]
    words = [ctypes.c_long(value) if isinstance(value, int) else value for value in (number, *arguments)]
    return check(libc.syscall(*words))
