"""The commands of nbgrader and of the kit, as forks of a process that has imported already what they import.

A fork is a process like any other: it has its own arguments, folder, environment, output and end. It saves what a start
costs, which for nbgrader is two to three seconds of CPU. What depends on the start itself has a process of its own:
any other program, an environment that says how Python starts, a run that measures coverage, and whatever a test starts
with `subprocess`.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from functools import cache
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from unittest.mock import patch

# What commands of nbgrader and of the kit import. pytest's own plugin of the kit stays out: it is rewritten at import.
_IMPORTS = [
    "nbgrader.apps.nbgraderapp",
    "nbgrader.apps.api",
    "nbgrader.api",
    "nbgrader.converters",
    "nbconvert.exporters",
    "jupytext",
    "cnn_assignment.nbgrader_plugins",
    "cnn_assignment.cli.authoring",
    "cnn_assignment.cli.class_grading",
    "cnn_assignment.nbgrader_course.class_gradebook",
    "warm",
]
PYTHON_COMMAND = "from cnn_assignment.cli import main; main(prog_name='cnn-assignment')"
"""`cnn-assignment` as a program behind `python -c`."""
# Each command by its script, and the ways in which tests call it.
_COMMANDS = {
    "nbgrader": (("nbgrader",), (sys.executable, "-m", "nbgrader")),
    "cnn-assignment": (("cnn-assignment",), (sys.executable, "-c", PYTHON_COMMAND)),
}


def run(
    words: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, as `subprocess.run` does with its output as text.

    words: the program and its arguments; a name alone is a program of this environment.

    Raises:
        subprocess.TimeoutExpired: if it does not end in that time (s). It is killed.
    """
    words = [str(word) for word in words]
    command = _command_of(words)
    if command is None or _starts_in_its_own_way(env):
        return subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=timeout)
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        process = _start(command, cwd, env, out, err)
        process.join(timeout)
        if process.is_alive():
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(words, timeout)
        status = process.exitcode
        process.close()
        texts = [path.read_text(encoding="utf-8") if path.exists() else "" for path in (out, err)]
    return subprocess.CompletedProcess(words, status, *texts)


def start(words: Sequence[str], *, cwd: Path) -> BaseProcess:
    """Start a command that a test disturbs, in the environment of the tests, and throw its output away."""
    command = _command_of(list(words))
    assert command is not None, words
    return _start(command, cwd, os.environ, Path(os.devnull), Path(os.devnull))


def _start(command: list[str], cwd: Path, env: Mapping[str, str], out: Path, err: Path) -> BaseProcess:
    process = _server().Process(target=_work, args=(command, _fresh_path(), str(cwd), dict(env), str(out), str(err)))
    process.start()
    return process


@cache
def _server() -> ForkServerContext:
    """The process to fork. It is started by the first program and ends with the tests."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_IMPORTS)
    # Where this run measures coverage, forks are only of what is not to be measured.
    with patch.dict(os.environ):
        for name in [name for name in os.environ if name.startswith("COVERAGE_")]:
            del os.environ[name]
        forkserver.ensure_running()
    return context


@cache
def _fresh_path() -> list[str]:
    """Where a Python that was just started finds modules, without its first entry."""
    code = "import sys; print('\\n'.join(sys.path[1:]))"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()


def _command_of(words: list[str]) -> list[str] | None:
    """The path of a command's script and its arguments, or nothing if the program is another one."""
    for name, ways in _COMMANDS.items():
        for way in ways:
            if tuple(words[: len(way)]) == way:
                return [str(Path(sys.executable).parent / name), *words[len(way) :]]
    return None


def _starts_in_its_own_way(env: Mapping[str, str]) -> bool:
    """Whether the environment says how Python starts, otherwise than that of the tests, or measures coverage."""
    ours = os.environ
    decisive = {
        name for name in {*env, *ours} if name.startswith(("PYTHON", "COVERAGE_", "LC_", "LANG", "OPENBLAS", "OMP"))
    }
    return any(name.startswith("COVERAGE_") for name in env) or any(
        env.get(name) != ours.get(name) for name in decisive - {"PYTHONPATH"}
    )


def _work(command: list[str], path: list[str], cwd: str, env: dict[str, str], out: str, err: str) -> None:
    """What a fork does: become the command, and end as it does."""
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    writing = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    for number, (name, flags) in enumerate(((os.devnull, os.O_RDONLY), (out, writing), (err, writing))):
        file = os.open(name, flags, 0o600)
        os.dup2(file, number)
        os.close(file)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.__stderr__ = os.fdopen(2, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)
    more = [place for place in env.get("PYTHONPATH", "").split(os.pathsep) if place]
    sys.path[:] = [str(Path(command[0]).parent), *more, *path]
    sys.argv = command
    status = 0
    try:
        runpy.run_path(command[0], run_name="__main__")
    except SystemExit as end:
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - as Python does with what nobody catches
        traceback.print_exc()
        status = 1
    # What Python does at its end, which a fork of multiprocessing leaves out.
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(status & 0xFF)
