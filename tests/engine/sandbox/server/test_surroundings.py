"""What a worker has around it at every level: environment, modules, limits and threads."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from cnn_assignment.sandbox import library
from cnn_assignment.sandbox.client.host import Sandbox
from cnn_assignment.sandbox.client.protocol import CallRaised, WorkerDied
from cnn_assignment.sandbox.limits import WorkerLimits
from sandbox_kit import call, failures_of, run, working, zygote_of


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_a_worker_sees_nothing_of_the_graders_environment(monkeypatch, level):
    monkeypatch.setenv("COURSE_TOKEN", "sentinel-of-the-environment")
    monkeypatch.setenv("PYTHONPATH", "/sentinel-of-the-path")
    source = """
        import os, stat, sys

        def answer():
            return dict(os.environ), os.getcwd(), sys.argv, sys.path, dict(descriptors())

        def descriptors():
            for number in range(64):
                try:
                    found = os.fstat(number)
                except OSError:
                    continue
                pipe, folder, null = (
                    stat.S_ISFIFO(found.st_mode),
                    stat.S_ISDIR(found.st_mode),
                    stat.S_ISCHR(found.st_mode) and found.st_rdev == os.makedev(1, 3),
                )
                yield number, "pipe" if pipe else "folder" if folder else "null" if null else "other"
    """
    with Sandbox(level) as sandbox, working(sandbox, source) as worker:
        environ, folder, argv, path, descriptors = call(worker, "answer")
        # Confined, it cannot read these itself; the zygote's are the same.
        block, command = (
            Path(f"/proc/{zygote_of(sandbox)}/{name}").read_text(encoding="utf-8") for name in ("environ", "cmdline")
        )
    told = repr((environ, block, command, argv, path))
    assert "sentinel" not in told
    # bubblewrap adds the working folder.
    assert environ.pop("PWD", "/") == "/"
    assert set(environ) == {
        *("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "PYTHONHASHSEED"),
        *("PYTHONDONTWRITEBYTECODE", "MALLOC_PERTURB_", "LC_ALL", "HOME", "USER"),
    }
    assert folder == environ["HOME"] == "/submission"
    assert argv == [""]
    standard = library.standard_library()
    assert path
    assert all(
        Path(entry).is_relative_to(standard) and entry.endswith(("lib-dynload", standard.name)) for entry in path
    )
    # Standard streams to nowhere, the two pipes, and the folder of the standard library.
    assert descriptors == {0: "null", 1: "null", 2: "null", 3: "pipe", 4: "pipe", 6: "folder"}


def test_a_worker_has_imported_nothing_of_the_kit_but_its_own_side(sandbox):
    source = """
        import sys

        def answer():
            return sorted(name for name in sys.modules if name.partition(".")[0] == "cnn_assignment")
    """
    side = ("confinement", "library", "limits", "server", "wire")
    loaded = run(sandbox, source)
    assert "cnn_assignment.sandbox.server.worker" in loaded
    assert {".".join(name.split(".")[:3]) for name in loaded} == {
        *("cnn_assignment", "cnn_assignment.sandbox"),
        *(f"cnn_assignment.sandbox.{name}" for name in side),
    }


def test_a_worker_runs_in_a_session_and_a_process_of_its_own(sandbox):
    source = """
        import os, threading

        def answer():
            return os.getpid(), threading.active_count()
    """
    with working(sandbox, source) as worker:
        assert call(worker, "answer") == (worker._process._inner_pid, 1)
        assert os.getsid(worker.pid) == os.getpgid(worker.pid) == worker.pid


def test_limits_hold_and_cannot_be_raised(sandbox):
    source = """
        import resource

        def answer():
            resource.setrlimit(resource.RLIMIT_CPU, (8, 8))
    """
    with working(sandbox, source, WorkerLimits(memory_mib=100, cpu_s=7, file_mib=2, open_files=20)) as worker:
        if sandbox.level >= 2 or os.geteuid() != 0:
            with pytest.raises(CallRaised, match=r"PermissionError|ValueError: not allowed to raise"):
                call(worker, "answer")
        found = limits_of(worker.pid)
    space = found.pop("address space")
    assert found == {
        "cpu time": (7, 7),
        "file size": (2 << 20, 2 << 20),
        "open files": (20, 20),
        "core file size": (0, 0),
        "locked memory": (0, 0),
        "msgqueue size": (0, 0),
    }
    assert 100 << 20 < space[0] == space[1] < 10 << 30


def limits_of(pid):
    """Soft and hard limit by name, as the kernel tells them: those that are set."""
    found = {}
    for line in Path(f"/proc/{pid}/limits").read_text(encoding="ascii").splitlines()[1:]:
        soft, hard = line[26:].split()[:2]
        name = line[:26].strip().removeprefix("Max ")
        if name in (
            "cpu time",
            "file size",
            "open files",
            "core file size",
            "locked memory",
            "msgqueue size",
            "address space",
        ):
            found[name] = (int(soft), int(hard))
    return found


def test_the_memory_budget_comes_on_top_of_the_interpreter(sandbox):
    source = """
        def answer(mib):
            return len(bytearray(mib << 20))
    """
    with working(sandbox, source, WorkerLimits(memory_mib=100)) as worker:
        assert call(worker, "answer", 60) == 60 << 20
        with pytest.raises(CallRaised, match="MemoryError"):
            call(worker, "answer", 130)
        assert call(worker, "answer", 60) == 60 << 20


def test_the_processor_limit_of_a_whole_life_ends_a_worker(sandbox):
    source = """
        import signal

        def answer():
            for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
                signal.signal(number, signal.SIG_IGN)
            while True:
                pass
    """
    with working(sandbox, source, WorkerLimits(cpu_s=1)) as worker, pytest.raises(WorkerDied, match="status -9"):
        call(worker, "answer")


def test_numpy_uses_one_thread(sandbox):
    source = """
        import os
        import numpy as np

        def answer():
            a = np.ones((300, 300))
            return float((a @ a).sum())
    """
    with working(sandbox, source) as worker:
        assert call(worker, "answer") == 300.0**3
        assert len(list(Path(f"/proc/{worker.pid}/task").iterdir())) == 1


def test_the_modules_that_a_worker_may_always_import_are_importable(sandbox):
    assert failures_of(sandbox, "import numpy.linalg, numpy.random, json, dataclasses, typing, math, itertools") == []
    assert sys.version_info[:2] == run(sandbox, "import sys\ndef answer(): return tuple(sys.version_info[:2])")
