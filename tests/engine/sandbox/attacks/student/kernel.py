"""Attacks by way of the kernel: memory above the budget, what outlasts a process, and calls that filters forget."""

from __future__ import annotations

import ctypes
import mmap
import os
import platform
import posix
import struct

import numpy as np
from tools import attack, check, libc, syscall

TAKEN = 160 << 20
PAGE = 4096
held = []


def _touch(buffer):
    held.append(buffer)
    for position in range(0, TAKEN, PAGE):
        buffer[position] = 1


# Memory


@attack(seen="memory", stopped_from=1)
def take_memory_by_list(target):
    """fill a list"""
    held.extend(b"x" * (1 << 20) for _ in range(160))


@attack(seen="memory", stopped_from=1)
def take_memory_by_array(target):
    """make a large array"""
    held.append(np.ones(TAKEN // 8))


@attack(seen="memory", stopped_from=1)
def take_memory_by_mapping(target):
    """map memory"""
    _touch(mmap.mmap(-1, TAKEN, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))


@attack(seen="memory", stopped_from=1)
def take_memory_by_shared_mapping(target):
    """map shared memory, which some limits do not count"""
    _touch(mmap.mmap(-1, TAKEN))


@attack(seen="memory", stopped_from=1)
def take_memory_by_malloc(target):
    """ask the C library"""
    libc.malloc.restype = ctypes.c_void_p
    libc.memset.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t)
    place = libc.malloc(ctypes.c_size_t(TAKEN))
    if place:
        libc.memset(place, 1, TAKEN)


@attack(seen="memory")
def take_memory_by_device(target):
    """raise the limit, then map /dev/zero"""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    fd = os.open("/dev/zero", os.O_RDWR)
    _touch(mmap.mmap(fd, TAKEN, flags=mmap.MAP_PRIVATE))


@attack(seen="granted", stopped_from=1)
def take_memory_by_file(target):
    """fill a file that lies in memory"""
    fd = os.memfd_create("taken")
    os.ftruncate(fd, TAKEN)
    return os.write(fd, b"x" * (1 << 20)) == 1 << 20


@attack(seen="granted", needs="root")
def lock_memory(target):
    """keep memory from being swapped"""
    held.append(mmap.mmap(-1, 1 << 20))
    place = ctypes.addressof(ctypes.c_char.from_buffer(held[-1]))
    check(libc.mlock(ctypes.c_void_p(place), ctypes.c_size_t(1 << 20)))
    return True


# What outlasts a process


@attack(seen="left", rare=True)
def leave_shared_memory(target):
    """leave a shared memory segment"""
    check(libc.shmget(target["key"], 4096, 0o1000 | 0o666))


@attack(seen="left", rare=True)
def leave_semaphore(target):
    """leave a semaphore"""
    check(libc.semget(target["key"], 1, 0o1000 | 0o666))


@attack(seen="left", rare=True)
def leave_message_queue(target):
    """leave a message queue"""
    check(libc.msgget(target["key"], 0o1000 | 0o666))


@attack(seen="left", rare=True)
def leave_posix_queue(target):
    """leave a POSIX message queue"""
    check(libc.mq_open(b"/" + target["name"].encode(), os.O_CREAT | os.O_RDWR, 0o666, None))


@attack(seen="left")
def leave_file_in_shared_memory(target):
    """leave a file in /dev/shm"""
    with open("/dev/shm/" + target["name"], "w", encoding="ascii"):
        pass


@attack(seen="left")
def leave_temporary_file(target):
    """leave a file in the system's folder for temporary ones"""
    os.close(posix.open(target["temporary"], os.O_CREAT | os.O_WRONLY))


@attack(seen="granted", rare=True)
def keep_key(target):
    """keep something in the kernel's keyring"""
    return syscall("add_key", b"user", target["name"].encode(), b"x", 1, -2) > 0


# Calls that filters forget


@attack(seen="change", rare=True)
def make_file_by_io_uring(target):
    """make a file without a call that says so"""
    parameters = ctypes.create_string_buffer(120)
    ring = syscall("io_uring_setup", 4, parameters)
    flat = struct.unpack("30I", parameters.raw)
    entries, submission, completion = flat[0], flat[10:20], flat[20:30]
    queue = mmap.mmap(ring, submission[6] + 4 * entries)
    mmap.mmap(ring, completion[5] + 16 * flat[1], offset=0x8000000)
    tasks = mmap.mmap(ring, 64 * entries, offset=0x10000000)
    path = ctypes.create_string_buffer((target["folder"] + "/marker").encode())
    # IORING_OP_OPENAT: opcode, flags, priority, directory, offset, address of the path, mode, open flags.
    tasks[:32] = struct.pack("BBHiQQII", 18, 0, 0, -100, 0, ctypes.addressof(path), 0o644, os.O_CREAT | os.O_WRONLY)[
        :32
    ]
    queue[submission[6] : submission[6] + 4] = struct.pack("I", 0)
    queue[submission[1] : submission[1] + 4] = struct.pack("I", 1)
    syscall("io_uring_enter", ring, 1, 1, 1, None, 0)


@attack(seen="change", rare=True, machine="x86_64")
def make_file_by_int_80(target):
    """make a file by the 32-bit entry of the kernel"""
    low = mmap.mmap(-1, PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40, prot=7)
    place = ctypes.addressof(ctypes.c_char.from_buffer(low))
    path = (target["folder"] + "/marker").encode() + b"\0"
    low[256 : 256 + len(path)] = path
    # push rbx; mov eax, 8 (creat); mov ebx, path; mov ecx, 0644; int 0x80; pop rbx; ret
    code = b"\x53\xb8" + struct.pack("I", 8) + b"\xbb" + struct.pack("I", place + 256)
    code += b"\xb9" + struct.pack("I", 0o644) + b"\xcd\x80\x5b\xc3"
    low[: len(code)] = code
    ctypes.CFUNCTYPE(ctypes.c_int)(place)()


@attack(seen="change", rare=True, machine="x86_64")
def make_folder_by_x32(target):
    """make a folder by a number of the x32 calls"""
    syscall(0x40000000 + 83, (target["folder"] + "/deep").encode(), 0o755)


@attack(seen="change")
def make_folder_by_number(target):
    """make a folder by a raw number, past Python and the C library"""
    if platform.machine() == "x86_64":
        syscall(83, (target["folder"] + "/deep").encode(), 0o755)
    else:
        syscall(34, -100, (target["folder"] + "/deep").encode(), 0o755)


@attack(seen="granted", rare=True)
def handle_page_faults(target):
    """handle page faults oneself, which many exploits need"""
    return syscall("userfaultfd", os.O_CLOEXEC | 1) >= 0


@attack(seen="granted", needs="root", rare=True)
def load_kernel_program(target):
    """make a map for a program in the kernel"""
    attributes = struct.pack("IIII", 2, 4, 4, 1)
    return syscall("bpf", 0, attributes, len(attributes)) >= 0


@attack(seen="granted", rare=True)
def count_events(target):
    """measure by the processor's event counters"""
    attributes = ctypes.create_string_buffer(struct.pack("IIQ", 1, 112, 1), 112)
    attributes[40] = 0b01100000
    return syscall("perf_event_open", attributes, 0, -1, -1, 0) >= 0


@attack(seen="granted", rare=True)
def become_root_of_own_world(target):
    """make a user namespace"""
    syscall("unshare", 0x10000000)
    return True


@attack(seen="granted", rare=True)
def mount_over(target):
    """mount something over a folder"""
    syscall("unshare", 0x00020000 if os.geteuid() == 0 else 0x10020000)
    syscall("mount", b"none", b"/", None, 1 << 18 | 1 << 14, None)
    syscall("mount", b"none", target["folder"].encode(), b"tmpfs", 0, None)
    return not os.listdir(target["folder"])


@attack(seen="granted", needs="root", rare=True)
def change_root(target):
    """make a folder the root"""
    os.chroot(target["folder"])
    return os.path.exists("/hidden")


@attack(seen="granted", needs="root", rare=True)
def join_namespace(target):
    """join the grader's namespace"""
    fd = os.open(f"/proc/{target['victim']}/ns/uts", os.O_RDONLY)
    syscall("setns", fd, 0)
    return True


@attack(seen="granted")
def stay_dumpable(target):
    """become readable for other processes again"""
    check(libc.prctl(4, 1, 0, 0, 0))
    return libc.prctl(3, 0, 0, 0, 0) == 1


@attack(seen="granted", needs="root")
def become_root_again(target):
    """take the ids of root"""
    os.setresuid(0, 0, 0)
    return os.geteuid() == 0


@attack(seen="granted", rare=True)
def fix_addresses(target):
    """switch off random addresses for what comes"""
    return syscall("personality", 0x0040000) >= 0
