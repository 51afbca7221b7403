"""Zygotes in which one protection is switched off, for tests of what doctor says of them.

The grader's side is the real one; only the words that start a zygote are others, so that a single function is replaced
in it before it serves.
"""

from __future__ import annotations

import platform
import tempfile
from typing import Any

import pytest

from cnn_assignment.sandbox.client import launch

# arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h: none of these is ever allowed.
_NUMBERS = {
    "x86_64": {
        "chmod": 90,
        "fchmodat": 268,
        "execve": 59,
        "socket": 41,
        "connect": 42,
        "kill": 62,
        "memfd_create": 319,
    },
    "aarch64": {"fchmodat": 53, "execve": 221, "socket": 198, "connect": 203, "kill": 129, "memfd_create": 279},
}[platform.machine()]

IMPORTS = (
    "from cnn_assignment.sandbox import confinement, library, limits\n"
    "from cnn_assignment.sandbox.confinement import system_calls\n"
    "from cnn_assignment.sandbox.server import zygote\n"
)
NO_LANDLOCK = IMPORTS + "confinement.landlock_abi = lambda: 0\n"
NO_SECCOMP = IMPORTS + (
    "call = confinement._call\n"
    "def refuse(what, *arguments):\n"
    "    if what == 'seccomp': raise confinement.ConfinementError('seccomp could not be switched on: no')\n"
    "    return call(what, *arguments)\n"
    "confinement._call = refuse\n"
)
# Also for a grader that is not root: then its workers only look like it.
STAY_ROOT = "import os\nos.geteuid = lambda: 0\nzygote.become_nobody = lambda: None\n"
NO_RULESET = (
    "call = confinement._call\n"
    "confinement._call = lambda what, *given: 0 if given[1:2] == (446,) else call(what, *given)\n"
)
KEEP_POWERS = (
    "keep = confinement._call\n"
    "confinement._call = lambda what, *given: 0 if what == 'dropping capabilities' else keep(what, *given)\n"
)
GRADERS_CODE = "import cnn_assignment.sandbox.client.probe\n"
ANY_CLONE = (
    "def make(architecture, real=confinement.make_program):\n"
    "    allow = [system_calls._instruction(system_calls._RETURN, value=system_calls.SECCOMP_RET_ALLOW)]\n"
    "    start = [system_calls._instruction(system_calls._LOAD, value=system_calls._OFFSET_NUMBER)]\n"
    "    return b''.join([*start, *system_calls._when(architecture.numbers['clone'], allow)]) + real(architecture)\n"
    "confinement.make_program = make\n"
)


def without_limit(name: str) -> str:
    """One limit is not applied."""
    return (
        "import resource\n"
        "def apply(kind, value, real=resource.setrlimit):\n"
        f"    return None if kind == resource.{name} else real(kind, value)\n"
        "resource.setrlimit = apply\n"
    )


def with_calls(*names: str) -> str:
    """The seccomp program allows more system calls."""
    chosen = {name: _NUMBERS[name] for name in names if name in _NUMBERS}
    return (
        "def read(real=confinement.read_architectures):\n"
        "    found = real()\n"
        f"    found[{platform.machine()!r}].numbers.update({chosen!r})\n"
        "    return found\n"
        "confinement.read_architectures = read\n"
    )


def with_access(bits: int, folder: str | None = None) -> str:
    """The Landlock ruleset allows more in a folder: by default, where temporary files are."""
    return (
        "from pathlib import Path\n"
        "def make(readable, real=confinement._make_ruleset):\n"
        "    ruleset = real(readable)\n"
        f"    confinement._allow(ruleset, Path({folder or tempfile.gettempdir()!r}), {bits})\n"
        "    return ruleset\n"
        "confinement._make_ruleset = make\n"
    )


def boot_with(patch: pytest.MonkeyPatch, words: str) -> None:
    """Let each zygote that is started run these words before it serves."""
    patch.setattr(launch, "_BOOT", launch._BOOT.replace("main(", f"{IMPORTS}{words}main("))


def wrap_with(patch: pytest.MonkeyPatch, change: Any) -> None:
    """Let bubblewrap be started with a changed command line."""
    real = launch._wrap
    patch.setattr(launch, "_wrap", lambda *given: change(real(*given)))
