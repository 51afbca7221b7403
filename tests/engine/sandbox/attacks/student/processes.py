"""Attacks on processes: the grader (a victim process stands for it), the fork server, and processes of one's own."""

from __future__ import annotations

import ctypes
import fcntl
import multiprocessing
import os
import posix
import resource
import signal
import socket
import subprocess
import sys
import threading
import time

from tools import attack, check, libc, syscall

SIGNAL = signal.SIGTERM
LIFE_S = 8


class _Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("size", ctypes.c_size_t))


# Into the grader


@attack(seen="secret")
def read_environment(target):
    """read the grader's environment"""
    with open(f"/proc/{target['victim']}/environ", "rb") as stream:
        return stream.read().decode()


@attack(seen="secret")
def read_command_line(target):
    """read the grader's command line"""
    with open(f"/proc/{target['victim']}/cmdline", "rb") as stream:
        return stream.read().decode()


@attack(seen="secret")
def search_all_processes(target):
    """go through the command lines of all processes"""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) == target["victim"]:
            with open(f"/proc/{name}/cmdline", "rb") as stream:
                found.append(stream.read().decode())
    return found


@attack(seen="granted")
def read_memory_map(target):
    """read the grader's memory map"""
    with open(f"/proc/{target['victim']}/maps", encoding="ascii") as stream:
        return len(stream.read()) > 0


@attack(seen="secret", rare=True)
def read_memory_file(target):
    """read the grader's memory from /proc"""
    fd = os.open(f"/proc/{target['victim']}/mem", os.O_RDONLY)
    return os.pread(fd, 40, target["address"]).decode()


@attack(seen="secret")
def read_descriptor_of_grader(target):
    """open the grader's open files"""
    with open(f"/proc/{target['victim']}/fd/{target['victim_fd']}", encoding="ascii") as stream:
        return stream.read()


@attack(seen="secret", rare=True)
def read_memory_by_call(target):
    """read the grader's memory by process_vm_readv"""
    buffer = ctypes.create_string_buffer(40)
    mine, theirs = _Vector(ctypes.addressof(buffer), 40), _Vector(target["address"], 40)
    syscall("process_vm_readv", target["victim"], ctypes.byref(mine), 1, ctypes.byref(theirs), 1, 0)
    return buffer.raw.decode()


@attack(seen="victim", rare=True)
def write_memory_by_call(target):
    """change the grader's memory by process_vm_writev"""
    buffer = ctypes.create_string_buffer(b"forged")
    mine, theirs = _Vector(ctypes.addressof(buffer), 6), _Vector(target["address"], 6)
    syscall("process_vm_writev", target["victim"], ctypes.byref(mine), 1, ctypes.byref(theirs), 1, 0)


@attack(seen="victim", rare=True)
def write_memory_file(target):
    """change the grader's memory by /proc"""
    fd = os.open(f"/proc/{target['victim']}/mem", os.O_RDWR)
    os.pwrite(fd, b"forged", target["address"])


@attack(seen="victim", rare=True)
def trace_grader(target):
    """attach to the grader by ptrace"""
    syscall("ptrace", 16, target["victim"], 0, 0)


@attack(seen="victim", rare=True)
def seize_grader(target):
    """attach to it without stopping it"""
    syscall("ptrace", 0x4206, target["victim"], 0, 0)


@attack(seen="secret", rare=True)
def take_descriptor(target):
    """take a copy of the grader's descriptor by pidfd_getfd"""
    pidfd = syscall("pidfd_open", target["victim"], 0)
    fd = syscall("pidfd_getfd", pidfd, target["victim_fd"], 0)
    return os.pread(fd, 100, 0).decode()


@attack(seen="granted", rare=True)
def compare_with_grader(target):
    """compare kernel objects with the grader's by kcmp"""
    return syscall("kcmp", os.getpid(), target["victim"], 2, 0, 0) >= 0


@attack(seen="granted", rare=True)
def look_at_pages(target):
    """ask where the grader's pages lie"""
    page = ctypes.c_void_p(target["address"] & ~4095)
    status = ctypes.c_int(-1)
    syscall("move_pages", target["victim"], 1, ctypes.byref(page), None, ctypes.byref(status), 0)
    return status.value >= 0


# Signals


@attack(seen="victim")
def kill_grader(target):
    """send the grader a signal"""
    os.kill(target["victim"], SIGNAL)


@attack(seen="victim")
def kill_group_of_grader(target):
    """send it to the grader's process group"""
    os.kill(-target["victim"], SIGNAL)


@attack(seen="victim")
def kill_thread_of_grader(target):
    """send it to a thread"""
    syscall("tgkill", target["victim"], target["victim"], int(SIGNAL))


@attack(seen="victim")
def kill_by_pidfd(target):
    """send it by a pidfd"""
    signal.pidfd_send_signal(os.pidfd_open(target["victim"]), SIGNAL)


@attack(seen="victim")
def stop_grader(target):
    """stop the grader"""
    os.kill(target["victim"], signal.SIGSTOP)


@attack(seen="granted")
def reach_all_processes(target):
    """reach every process with one signal (number 0, which only asks)"""
    os.kill(-1, 0)
    return True


@attack(seen="victim")
def kill_by_owned_pipe(target):
    """have the kernel send the grader SIGIO for a pipe"""
    reading, writing = os.pipe()
    fcntl.fcntl(reading, fcntl.F_SETOWN, target["victim"])
    fcntl.fcntl(reading, fcntl.F_SETFL, fcntl.fcntl(reading, fcntl.F_GETFL) | os.O_ASYNC)
    os.write(writing, b"x")


@attack(seen="zygote")
def kill_fork_server(target):
    """kill the parent, which all submissions come from"""
    os.kill(os.getppid(), signal.SIGKILL)


# Priority and limits


@attack(seen="victim")
def slow_grader_down(target):
    """give the grader the lowest priority"""
    os.setpriority(os.PRIO_PROCESS, target["victim"], 19)


@attack(seen="victim")
def bind_grader_to_one_processor(target):
    """bind the grader to one processor"""
    os.sched_setaffinity(target["victim"], [min(os.sched_getaffinity(0))])


@attack(seen="victim")
def make_grader_idle(target):
    """let the grader run only where nothing else does"""
    os.sched_setscheduler(target["victim"], os.SCHED_IDLE, os.sched_param(0))


@attack(seen="victim")
def slow_disk_of_grader(target):
    """make the grader last at the disk"""
    syscall("ioprio_set", 1, target["victim"], 3 << 13)


@attack(seen="victim")
def limit_grader(target):
    """lower the grader's limits"""
    resource.prlimit(target["victim"], resource.RLIMIT_NOFILE, (5, 5))


@attack(seen="victim")
def offer_grader_to_the_killer(target):
    """make the grader the first to be killed for want of memory"""
    with open(f"/proc/{target['victim']}/oom_score_adj", "w", encoding="ascii") as stream:
        stream.write("900")


@attack(seen="granted", needs="root", rare=True)
def raise_own_limit(target):
    """raise the own limits"""
    resource.setrlimit(resource.RLIMIT_NOFILE, (1 << 15, 1 << 15))
    resource.setrlimit(resource.RLIMIT_CORE, (1 << 20, 1 << 20))
    return True


# Processes of one's own


def _rename(name):
    check(libc.prctl(15, name.encode(), 0, 0, 0))


def _live_under(name):
    _rename(name)
    time.sleep(LIFE_S)
    os._exit(0)


@attack(seen="process")
def fork(target):
    """fork"""
    if os.fork() == 0:
        _live_under(target["name"])
    time.sleep(0.05)


@attack(seen="process")
def fork_bomb(target):
    """fork again and again (sixteen times here)"""
    first = os.getpid()
    for _ in range(4):
        os.fork()
    if os.getpid() != first:
        _live_under(target["name"])
    time.sleep(0.05)


@attack(seen="process", rare=True)
def fork_by_clone3(target):
    """fork by clone3, whose flags a filter cannot read"""
    arguments = (ctypes.c_uint64 * 8)(*[0] * 4, signal.SIGCHLD, 0, 0, 0)
    if syscall("clone3", arguments, ctypes.sizeof(arguments)) == 0:
        _live_under(target["name"])
    time.sleep(0.05)


@attack(seen="orphan")
def leave_daemon(target):
    """leave a daemon, which has its own session"""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            _live_under(target["name"])
        os._exit(0)
    os.wait()
    time.sleep(0.05)


@attack(seen="outlive")
def outlive_grader(target):
    """cancel the wish to die with the parent"""
    check(libc.prctl(1, 0, 0, 0, 0))


@attack(seen="change")
def run_program(target):
    """run a program"""
    subprocess.run(["/bin/sh", "-c", 'echo x > "$0"', target["folder"] + "/marker"], check=True)


@attack(seen="change")
def run_shell(target):
    """run a command by os.system"""
    os.system(f"echo x > {target['folder']}/marker")


@attack(seen="change")
def spawn_program(target):
    """run a program by posix_spawn"""
    child = os.posix_spawn("/bin/sh", ["sh", "-c", 'echo x > "$0"', target["folder"] + "/marker"], {})
    os.waitpid(child, 0)


@attack(seen="change")
def run_program_in_place(target):
    """become another program"""
    os.execv("/bin/sh", ["sh", "-c", 'echo x > "$0"', target["folder"] + "/marker"])


@attack(seen="change")
def run_python_in_place(target):
    """become a fresh Python without the limits of this one"""
    os.execv(sys.executable, [sys.executable, "-S", "-c", f"open({target['folder'] + '/marker'!r}, 'w')"])


@attack(seen="change")
def run_program_from_memory(target):
    """run a program that lies in no file"""
    fd = os.memfd_create("program", 0)
    os.write(fd, f"#!/bin/sh\necho x > '{target['folder']}/marker'\n".encode())
    argv = (ctypes.c_char_p * 2)(b"program", None)
    syscall("execveat", fd, b"", argv, None, 0x1000)


@attack(seen="change")
def run_worker_process(target):
    """compute in another process by multiprocessing"""
    process = multiprocessing.get_context("fork").Process(target=_touch, args=(target["folder"] + "/marker",))
    process.start()
    process.join()


def _touch(path):
    with open(path, "w", encoding="ascii"):
        pass


@attack(seen="threads", stopped_from=1)
def flood_threads(target):
    """start threads with the default stack until something gives"""
    _start_threads(300)


@attack(seen="threads")
def flood_small_threads(target):
    """start threads with small stacks until something gives"""
    threading.stack_size(32 * 1024)
    _start_threads(target["threads"])


def _start_threads(count):
    gate = threading.Lock()
    gate.acquire()

    def wait():
        with gate:
            pass

    for _ in range(count):
        threading.Thread(target=wait, daemon=True).start()


# Network


@attack(seen="received")
def connect_tcp(target):
    """connect to a port of this machine"""
    socket.create_connection(("127.0.0.1", target["tcp"]), timeout=2).send(b"secret")


@attack(seen="received", rare=True)
def connect_tcp6(target):
    """connect by IPv6"""
    socket.create_connection(("::1", target["tcp6"]), timeout=2).send(b"secret")


@attack(seen="received")
def send_udp(target):
    """send a datagram"""
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"secret", ("127.0.0.1", target["udp"]))


@attack(seen="received")
def connect_unix(target):
    """connect to a socket in a folder"""
    socket.socket(socket.AF_UNIX).connect(target["unix"])


@attack(seen="received")
def connect_abstract(target):
    """connect to a socket without a file"""
    socket.socket(socket.AF_UNIX).connect("\0" + target["name"])


@attack(seen="received")
def write_to_pipe(target):
    """write into the grader's named pipe"""
    os.write(os.open(target["pipe"], os.O_WRONLY | os.O_NONBLOCK), b"secret")


@attack(seen="received", rare=True)
def write_to_terminal(target):
    """write to the grader's terminal"""
    os.write(os.open(target["terminal"], os.O_WRONLY | os.O_NOCTTY), b"\x1b[2Jsecret")


@attack(seen="received", needs="root", rare=True)
def type_at_terminal(target):
    """type at the grader's terminal"""
    fd = os.open(target["terminal"], os.O_RDWR)
    for letter in b"exit\n":
        fcntl.ioctl(fd, 0x5412, bytes([letter]))


@attack(seen="served")
def listen(target):
    """wait for orders at a port"""
    server = socket.create_server(("127.0.0.1", target["port"]))
    target["held"] = server
    globals()["held"] = server


@attack(seen="granted")
def ask_kernel_for_network(target):
    """list the network by netlink"""
    route = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    route.send(b"\x14\0\0\0\x12\0\x01\x03" + bytes(12))
    return len(route.recv(65536)) > 0


@attack(seen="granted", needs="root", rare=True)
def listen_to_all_packets(target):
    """listen to everyone's packets"""
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    return True


@attack(seen="granted")
def make_pair_of_sockets(target):
    """make sockets that could carry descriptors"""
    pair = (ctypes.c_int * 2)()
    check(libc.socketpair(socket.AF_UNIX, socket.SOCK_STREAM, 0, pair))
    return True


@attack(seen="granted")
def pass_descriptor_over_pair(target):
    """pass a descriptor over a pair of sockets"""
    first, second = socket.socketpair()
    socket.send_fds(first, [b"x"], [1])
    return len(socket.recv_fds(second, 1, 1)[1]) == 1


@attack(seen="granted")
def make_pipe(target):
    """make a pipe, which holds memory that nobody counts"""
    return len(posix.pipe()) == 2
