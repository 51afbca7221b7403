"""How a zygote is started: a fresh interpreter with a clean environment, inside bubblewrap for level 3."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnn_assignment.sandbox import library

LEVEL_NAMESPACED = 3
# The bits of matmul depend on the number of threads, and forks must have one thread only.
ONE_THREAD: Mapping[str, str] = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
ENVIRONMENT: Mapping[str, str] = {
    **ONE_THREAD,
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "LC_ALL": "C.UTF-8",
    # Memory that nobody has written holds the same in every run, on every machine, and never by luck what is right:
    # glibc fills what it gives with the complement of this byte (mallopt(3)), as a float64 1.4e306.
    "MALLOC_PERTURB_": "128",
    # Where nobody else is told, Python asks the system, and it may know none of a worker's user.
    "HOME": "/submission",
    "USER": "student",
}
# -S keeps out the .pth files of the environment, and with them whatever they would run and put on the path.
FLAGS = ("-s", "-S", "-P")
# Of this package, what a zygote and its workers are made of: nothing of the grader's side.
_WORKERS_SIDE = ("__init__.py", "confinement", "library.py", "limits.py", "server", "wire")
_BOOT = """
import json, sys
control_fd, level, modules, path, service = json.loads(sys.argv[1])
sys.path += path
del path
from cnn_assignment.sandbox.server.zygote import main
main(control_fd, level, modules, service)
"""


@dataclass(frozen=True, slots=True)
class Service:
    """What the forks of a zygote do.

    module: its name; its ``prepare(argument)`` is called once in the zygote, before anything is confined, and gives
    the function that each fork runs with its `channel.Channel`. argument: plain data, and nothing secret.
    """

    module: str
    argument: Any = None

    def to_json(self) -> list[Any]:
        """The service as it travels to a fresh interpreter."""
        return [self.module, self.argument]


STUDENT_CODE = Service("cnn_assignment.sandbox.server.worker")
"""Running submissions."""


def start_zygote(
    control_fd: int, level: int, modules: Sequence[str], service: Service = STUDENT_CODE
) -> subprocess.Popen[bytes]:
    """Start a zygote that serves on a descriptor. Raises OSError where a program cannot be started."""
    # The interpreter itself, not the link of a virtual environment, which would not be there in a namespace.
    python = Path(sys.executable).resolve()
    packages = library.package_folders(("numpy", *modules))
    told = json.dumps([control_fd, level, list(modules), search_path(packages, service), service.to_json()])
    command = [str(python), *FLAGS, "-c", _BOOT, told]
    if level >= LEVEL_NAMESPACED:
        command = [*_wrap(python, packages), *command]
    return subprocess.Popen(
        command,
        env=ENVIRONMENT,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        pass_fds=[control_fd],
        start_new_session=True,
    )


def search_path(packages: Sequence[Path], service: Service = STUDENT_CODE) -> list[str]:
    """The folders on which a fresh interpreter finds the kit and these packages, before it forgets them.

    A service that is not student code may need any package of this interpreter.
    """
    kit = Path(__file__).resolve().parents[3]
    others = [Path(folder) for folder in sys.path if folder] if service != STUDENT_CODE else []
    return list(dict.fromkeys(str(folder) for folder in (kit, *(place.parent for place in packages), *others)))


def _wrap(python: Path, packages: Sequence[Path]) -> list[str]:
    """bubblewrap's command line: namespaces of every kind, and only what a worker needs in the file system.

    Raises FileNotFoundError where bubblewrap is not installed.
    """
    program = shutil.which("bwrap")
    if program is None:
        raise FileNotFoundError("bubblewrap (bwrap) is not installed")
    own = Path(__file__).resolve().parents[1]
    standard = library.standard_library()
    visible = [python, standard, *packages, own.parent / "__init__.py", *(own / name for name in _WORKERS_SIDE)]
    # Shared libraries of the interpreter and of compiled modules: the system's own, which hold no secret.
    visible += [path for path in map(Path, ("/lib", "/lib64", "/usr/lib", "/usr/lib64")) if path.exists()]
    visible += sorted(python.parents[1].glob("lib/libpython*.so*"))
    options = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    if os.geteuid() == 0:
        # Without a user namespace, so that workers can still become nobody, and with no more power than that takes.
        options += ["--cap-drop", "ALL"]
        for power in ("CAP_SETUID", "CAP_SETGID", "CAP_KILL"):
            options += ["--cap-add", power]
    else:
        options.append("--unshare-user")
    for path in visible:
        options += ["--ro-bind", str(path), str(path)]
    for name in ("site-packages", "dist-packages"):
        if (standard / name).is_dir():
            options += ["--tmpfs", str(standard / name)]
    # Bound again where they lie in what was just hidden.
    for path in packages:
        if path.is_relative_to(standard):
            options += ["--ro-bind", str(path), str(path)]
    return [
        program,
        *options,
        "--dev",
        "/dev",
        "--proc",
        "/proc",
        "--die-with-parent",
        "--new-session",
        "--chdir",
        "/",
        "--",
    ]
