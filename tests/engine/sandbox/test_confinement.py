"""The confinement is exactly the list that was decided, on both architectures, and the kernel says that it is on."""

from __future__ import annotations

import errno
import os
import platform
import re
import struct
from pathlib import Path

import pytest

from cnn_assignment.sandbox import confinement, limits
from cnn_assignment.sandbox.client.host import Sandbox
from cnn_assignment.sandbox.confinement.system_calls import make_program, read_architectures
from sandbox_kit import call, working

ARCHITECTURES = read_architectures()
KILL, REFUSE, UNKNOWN, ALLOW = 0x80000000, 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS, 0x7FFF0000
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# Other architectures that a process on these machines can enter or that exist: i386, arm, riscv64, ppc64le, s390x.
FOREIGN = (0x40000003, 0x40000028, 0xC00000F3, 0xC0000015, 0x80000016, 0, 0xFFFFFFFF)
X32 = 0x40000000

# Written down apart from the table under test, from the kernel's sources, as number = name.
ALLOWED = {
    "x86_64": """
        0 read 1 write 3 close 4 stat 5 fstat 6 lstat 7 poll 8 lseek 9 mmap 10 mprotect 11 munmap 12 brk
        13 rt_sigaction 14 rt_sigprocmask 15 rt_sigreturn 17 pread64 19 readv 20 writev 21 access 23 select
        24 sched_yield 25 mremap 28 madvise 32 dup 35 nanosleep 39 getpid 60 exit 79 getcwd
        96 gettimeofday 98 getrusage 99 sysinfo 100 times 102 getuid 104 getgid 107 geteuid 108 getegid 110 getppid
        131 sigaltstack 186 gettid 201 time 202 futex 204 sched_getaffinity 217 getdents64 219 restart_syscall
        228 clock_gettime 229 clock_getres 230 clock_nanosleep 231 exit_group 257 openat 262 newfstatat
        269 faccessat 270 pselect6 271 ppoll 273 set_robust_list 318 getrandom 324 membarrier 332 statx 334 rseq
        439 faccessat2
    """,
    "aarch64": """
        17 getcwd 23 dup 48 faccessat 56 openat 57 close 61 getdents64 62 lseek 63 read 64 write 65 readv 66 writev
        67 pread64 72 pselect6 73 ppoll 79 newfstatat 80 fstat 93 exit 94 exit_group 98 futex
        99 set_robust_list 101 nanosleep 113 clock_gettime 114 clock_getres 115 clock_nanosleep 123 sched_getaffinity
        124 sched_yield 128 restart_syscall 132 sigaltstack 134 rt_sigaction 135 rt_sigprocmask 139 rt_sigreturn
        153 times 165 getrusage 169 gettimeofday 172 getpid 173 getppid 174 getuid 175 geteuid 176 getgid
        177 getegid 178 gettid 179 sysinfo 214 brk 215 munmap 216 mremap 222 mmap 226 mprotect 233 madvise
        278 getrandom 283 membarrier 291 statx 293 rseq 439 faccessat2
    """,
}
# Allowed for some arguments only.
CONDITIONAL = {
    "x86_64": {"clone": 56, "clone3": 435, "ioctl": 16, "fcntl": 72},
    "aarch64": {"clone": 220, "clone3": 435, "ioctl": 29, "fcntl": 25},
}
# What the kernel's own headers say, where this machine has them. Those of one architecture do for that one.
HEADERS = {
    "x86_64": ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"),
    "aarch64": ("/usr/include/asm-generic/unistd.h",),
}


def allowed(machine: str) -> dict[str, int]:
    words = ALLOWED[machine].split()
    return {name: int(number) for number, name in zip(words[::2], words[1::2], strict=True)}


def interpret(program: bytes, number: int, audit: int, arguments: tuple[int, ...] = ()) -> int:
    """What the kernel's classic BPF machine returns for one system call (Documentation/networking/filter.rst)."""
    data = struct.pack("<IIQ6Q", number, audit, 0, *(arguments + (0,) * 6)[:6])
    lines = list(struct.iter_unpack("=HBBI", program))
    accumulator = position = 0
    while True:
        code, when_true, when_false, value = lines[position]
        position += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, value)
        elif code == 0x06:
            return value
        else:
            holds = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: bool(accumulator & value)}[code]
            position += when_true if holds else when_false


@pytest.fixture(scope="module", params=["x86_64", "aarch64"])
def machine(request):
    return request.param


@pytest.fixture(scope="module")
def program(machine):
    return make_program(ARCHITECTURES[machine])


def ask(machine, program, number, *arguments):
    return interpret(program, number, AUDIT[machine], arguments)


# The tables


def test_the_table_is_the_list_that_was_written_down(machine):
    assert ARCHITECTURES[machine].audit == AUDIT[machine]
    assert ARCHITECTURES[machine].numbers == allowed(machine) | CONDITIONAL[machine]


def test_there_is_a_table_for_these_architectures_and_no_other():
    assert set(ARCHITECTURES) == set(AUDIT)


def test_the_numbers_are_those_of_the_kernels_headers(machine):
    texts = [Path(name).read_text(encoding="utf-8") for name in HEADERS[machine] if Path(name).is_file()]
    known = {
        name: int(number) for text in texts[:1] for name, number in re.findall(r"__NR(?:3264)?_(\w+)\s+(\d+)", text)
    }
    # The generic table names calls that differ between 32 and 64 bits by what 32 bits call them.
    known |= {new: known[old] for old, new in (("fstatat", "newfstatat"),) if old in known and new not in known}
    numbers = ARCHITECTURES[machine].numbers
    assert {name: known.get(name, number) for name, number in numbers.items()} == numbers
    # Where there are headers, they know every name.
    assert set(numbers) <= set(known) or not texts


# The program


def test_exactly_the_listed_calls_are_allowed(machine, program):
    expected = dict.fromkeys(allowed(machine).values(), ALLOW) | {CONDITIONAL[machine]["clone3"]: UNKNOWN}
    conditional = set(CONDITIONAL[machine].values()) - {CONDITIONAL[machine]["clone3"]}
    for number in range(601):
        # No argument of a conditional call is allowed here: fcntl is asked for a command that does not exist.
        arguments = (0, 0xFFFF) if number in conditional else (0xFFFFFFFF,) * 6
        assert ask(machine, program, number, *arguments) == expected.get(number, REFUSE), number


@pytest.mark.parametrize("number", [2**31 - 1, 2**31, 2**32 - 1, 1000, 4096])
def test_numbers_that_no_kernel_has_are_not_allowed(machine, program, number):
    assert ask(machine, program, number) in (REFUSE, KILL)


def test_calls_by_another_architectures_entry_end_the_process(machine, program):
    others = {*FOREIGN, *AUDIT.values()} - {AUDIT[machine]}
    assert {interpret(program, number, audit) for audit in others for number in range(601)} == {KILL}


def test_the_x32_numbers_of_x86_end_the_process():
    x86 = make_program(ARCHITECTURES["x86_64"])
    assert {ask("x86_64", x86, X32 + number) for number in range(601)} == {KILL}
    arm = make_program(ARCHITECTURES["aarch64"])
    assert {ask("aarch64", arm, X32 + number) for number in range(601)} == {REFUSE}


def test_clone_makes_threads_only(machine, program):
    clone = CONDITIONAL[machine]["clone"]
    thread = 0x00010000
    glibc = 0x003D0F00  # CLONE_VM, FS, FILES, SIGHAND, THREAD, SYSVSEM, SETTLS, PARENT_SETTID, CHILD_CLEARTID
    assert ask(machine, program, clone, thread) == ask(machine, program, clone, glibc) == ALLOW
    for flags in (0, 17, 0x01200011, 0x4111, *(1 << bit for bit in range(64) if 1 << bit != thread)):
        assert ask(machine, program, clone, flags, thread) == REFUSE, hex(flags)


def test_clone3_is_told_as_unknown_so_that_the_c_library_falls_back(machine, program):
    assert ask(machine, program, CONDITIONAL[machine]["clone3"], 0x00010000) == UNKNOWN


def test_ioctl_reads_terminal_settings_only(machine, program):
    ioctl = CONDITIONAL[machine]["ioctl"]
    permitted = [command for command in range(0x10000) if ask(machine, program, ioctl, 0x5401, command) == ALLOW]
    assert permitted == [0x5401]
    # The kernel looks at the low half of a command, and so does the filter.
    assert ask(machine, program, ioctl, 0, 1 << 32 | 0x5412) == REFUSE


def test_fcntl_duplicates_and_reads_flags_only(machine, program):
    fcntl = CONDITIONAL[machine]["fcntl"]
    permitted = [command for command in range(2000) if ask(machine, program, fcntl, 1, command) == ALLOW]
    # F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC: no locks, leases, owners, signals, seals or pipe sizes.
    assert permitted == [0, 1, 2, 3, 1030]


def test_the_program_is_one_that_the_kernel_takes(program):
    assert len(program) % 8 == 0
    # BPF_MAXINSNS
    assert len(program) // 8 < 4096


# On this kernel


def status_of(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


OPEN_DESCRIPTORS = """
    import os

    def answer():
        return [number for number in range(64) if is_open(number)]

    def is_open(number):
        try:
            os.fstat(number)
        except OSError:
            return False
        return True
"""


@pytest.mark.parametrize("level", [2, 3])
def test_the_kernel_says_that_a_worker_is_confined(level):
    with Sandbox(level) as sandbox, working(sandbox, OPEN_DESCRIPTORS) as worker:
        assert sandbox.level == level
        status = status_of(worker.pid)
        # A process that cannot be dumped belongs to root in /proc, whatever its user (proc(5)).
        owner = Path(f"/proc/{worker.pid}/fd").stat().st_uid
        descriptors = call(worker, "answer")
    assert (status["NoNewPrivs"], status["Seccomp"], status["Seccomp_filters"]) == ("1", "2", "1")
    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {"0" * 16}
    group = limits.NOBODY if os.geteuid() == 0 else os.getegid()
    assert status["Gid"].split() == [str(group)] * 4
    users = {int(user) for user in status["Uid"].split()}
    assert len(users) == 1
    # Below root, a user that nobody else is.
    assert users <= (set(range(61184, 65520)) if os.geteuid() == 0 else {os.geteuid()})
    assert status["Groups"] == "" or os.geteuid() != 0
    assert owner == 0
    # The ruleset was number 5.
    assert descriptors == [0, 1, 2, 3, 4, 6]


@pytest.mark.parametrize("level", [0, 1])
def test_the_kernel_says_that_a_worker_of_a_lower_level_is_not(level):
    with Sandbox(level) as sandbox, working(sandbox, "") as worker:
        status = status_of(worker.pid)
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("0", "0")


def test_an_unknown_machine_has_no_confinement(monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(confinement.ConfinementError, match="no table of system calls for riscv64"):
        confinement.make_confinement([])


def test_a_kernel_without_landlock_has_no_confinement(monkeypatch):
    monkeypatch.setattr(confinement, "landlock_abi", lambda: 0)
    with pytest.raises(confinement.ConfinementError, match="this kernel has no Landlock"):
        confinement.make_confinement([])


@pytest.mark.parametrize("abi", range(1, confinement.landlock_abi() + 1))
def test_a_ruleset_can_be_made_as_for_every_older_kernel(monkeypatch, abi, tmp_path):
    monkeypatch.setattr(confinement, "landlock_abi", lambda: abi)
    made = confinement.make_confinement([tmp_path, Path(__file__)])
    os.close(made.ruleset_fd)
