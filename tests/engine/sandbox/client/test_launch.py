"""Where bubblewrap or the kernel does not do its part, the next lower level is used and the reason is told."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import doctor_kit as kit
import processes
import toy_course
from cnn_assignment.sandbox import library
from cnn_assignment.sandbox.client import host, launch
from cnn_assignment.sandbox.client.host import Sandbox
from cnn_assignment.sandbox.client.protocol import SandboxError
from levels import LEVELS
from places import KITS, ROOT
from sandbox_kit import count_descriptors, run, zygote_of
from toy_course import answer, submit

BROKEN = {
    "fails": ("#!/bin/sh\necho 'bwrap: no permission' >&2\nexit 1\n", "bwrap: no permission"),
    "is mute": ("#!/bin/sh\nexit 1\n", "no reason given"),
    "hangs": ("#!/bin/sh\nsleep 1000\n", "no reason given"),
    "leaves a child": ("#!/bin/sh\nsleep 1000 &\nexit 1\n", "no reason given"),
}


@pytest.fixture
def without_bubblewrap(tmp_path, monkeypatch):
    """A folder that holds all the programs that are needed, and no bwrap."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("sh", "sleep"):
        (programs / name).symlink_to(shutil.which(name))
    monkeypatch.setenv("PATH", str(programs))
    return programs


def put_bubblewrap(folder: Path, script: str) -> None:
    (folder / "bwrap").write_text(script, encoding="utf-8")
    (folder / "bwrap").chmod(0o755)


def test_without_bubblewrap_level_two_is_used_and_the_reason_told(without_bubblewrap):
    before = count_descriptors()
    with Sandbox() as sandbox:
        assert (sandbox.level, "bubblewrap (bwrap) is not installed" in sandbox.problem) == (2, True)
        assert run(sandbox, "answer = int", 3) == 3
    assert count_descriptors() == before


def test_in_bubblewrap_there_is_nothing_of_the_kit_but_what_a_worker_is_made_of():
    kit_folder = Path(launch.__file__).parents[2]
    with Sandbox() as sandbox:
        there = Path(f"/proc/{zygote_of(sandbox)}/root{kit_folder}")
        assert {path.name for path in there.iterdir()} == {"__init__.py", "sandbox"}
        names = {path.name for path in (there / "sandbox").iterdir()}
    assert names == {"__init__.py", "confinement", "library.py", "limits.py", "server", "wire"}


@pytest.mark.parametrize("how", BROKEN)
def test_with_a_bubblewrap_that_does_not_work_level_two_is_used_and_the_reason_told(
    without_bubblewrap, monkeypatch, how
):
    monkeypatch.setattr(host, "START_TIMEOUT_S", 3.0)
    script, reason = BROKEN[how]
    put_bubblewrap(without_bubblewrap, script)
    before = count_descriptors()
    with Sandbox() as sandbox:
        assert sandbox.level == 2
        assert sandbox.problem == f"bubblewrap does not work here: the fork server did not start: {reason}"
        assert run(sandbox, "answer = int", 3) == 3
    assert count_descriptors() == before


@pytest.mark.parametrize("level", [2, 3])
@pytest.mark.parametrize(
    ("words", "reason"),
    [(kit.NO_LANDLOCK, "this kernel has no Landlock"), (kit.NO_SECCOMP, "seccomp could not be switched on: no")],
    ids=["Landlock", "seccomp"],
)
def test_on_a_kernel_without_confinement_level_one_is_used_and_the_reason_told(monkeypatch, level, words, reason):
    kit.boot_with(monkeypatch, words)
    with Sandbox(level) as sandbox:
        assert (sandbox.level, sandbox.problem) == (1, reason)
        assert run(sandbox, "answer = int", 3) == 3


def test_a_level_that_was_not_asked_for_is_not_tried(without_bubblewrap):
    put_bubblewrap(without_bubblewrap, BROKEN["fails"][0])
    for level in (0, 1, 2):
        with Sandbox(level) as sandbox:
            assert (sandbox.level, sandbox.problem) == (level, "")


def test_a_zygote_that_never_starts_is_an_error_at_every_level(monkeypatch):
    monkeypatch.setattr(launch, "_BOOT", "raise SystemExit('nothing here')")
    before = count_descriptors()
    for level in (0, 1, 2, 3):
        with pytest.raises(SandboxError, match="the fork server did not start: nothing here"):
            Sandbox(level)
    assert count_descriptors() == before


# Failing closed


def check_refusal(done, root, mark, reason):
    assert done.stdout == ""
    assert "student code must be run at level" in done.stderr
    assert reason in done.stderr
    assert done.stderr.rstrip().endswith("`cnn-assignment doctor` shows what is missing and how to get it.")
    assert not mark.exists()
    assert not list((root / "out").glob("*.json"))


@pytest.fixture
def marked_course(tmp_path):
    """A course whose one submission leaves a mark wherever it can write."""
    root = toy_course.make_course(tmp_path / "course").root
    mark = tmp_path / "ran"
    submit(root, "ada", f"open({str(mark)!r}, 'w').close()\n" + answer(scale=f"open({str(mark)!r}, 'w').close()"))
    return root, mark


WORDS = ("grade", "toy", "submitted", "--out", "out", "--no-gradebook")


@pytest.mark.parametrize("script", [None, BROKEN["fails"][0]], ids=["missing", "failing"])
def test_a_required_level_that_bubblewrap_does_not_give_stops_the_class(without_bubblewrap, marked_course, script):
    root, mark = marked_course
    if script:
        put_bubblewrap(without_bubblewrap, script)
    done = processes.run(*WORDS, "--require-level", "3", cwd=root, status=3)
    check_refusal(done, root, mark, "and the sandbox gives level 2 (bubblewrap")


def test_a_required_level_that_the_kernel_does_not_give_stops_the_class(tmp_path, marked_course):
    root, mark = marked_course
    # Every grader process of this command starts its zygotes on a kernel without Landlock.
    command = tmp_path / "command.py"
    boot = launch._BOOT.replace("main(", f"{kit.NO_LANDLOCK}main(")
    command.write_text(
        f"import sys\nfrom cnn_assignment.sandbox.client import launch\nlaunch._BOOT = {boot!r}\n"
        "del sys.argv[1:4]\nfrom cnn_assignment.running.grader import main\nsys.exit(main())\n",
        encoding="utf-8",
    )
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\nexec '{sys.executable}' '{command}' \"$@\"\n", encoding="utf-8")
    python.chmod(0o755)
    program = f"import sys\nsys.executable = {str(python)!r}\n{processes.COMMAND}"
    done = processes.run_program("-c", program, *WORDS, "--require-level", "2", cwd=root, status=3)
    check_refusal(done, root, mark, "and the sandbox gives level 1 (this kernel has no Landlock)")
    # The same command with what there is.
    processes.run_program("-c", program, *WORDS, cwd=root, status=0)
    assert json.loads((root / "out/ada.json").read_text(encoding="utf-8"))["sandbox"]["level"] == 1


# Other places for Python


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """A Python in a folder whose name has spaces, with NumPy in the standard library's own site-packages."""
    prefix = tmp_path_factory.mktemp("a place") / "with spaces"
    standard = library.standard_library()
    left_out = shutil.ignore_patterns(
        "site-packages", "__pycache__", "test", "idlelib", "ensurepip", "lib2to3", "config-*"
    )
    copied = prefix / "lib" / standard.name
    shutil.copytree(standard, copied, ignore=left_out)
    packages = Path(np.__file__).parents[1]
    for name in ("numpy", "numpy.libs"):
        if (packages / name).is_dir():
            shutil.copytree(packages / name, copied / "site-packages" / name, ignore=shutil.ignore_patterns("tests"))
    (copied / "site-packages" / "secret.py").write_text("SECRET = 1\n", encoding="utf-8")
    python = Path(sys.executable).resolve()
    (prefix / "bin").mkdir()
    shutil.copy2(python, prefix / "bin" / python.name)
    for shared in python.parents[1].glob("lib/libpython*.so*"):
        shutil.copy2(shared, prefix / "lib" / shared.name)
    return prefix / "bin" / python.name


@pytest.mark.parametrize("level", LEVELS)
def test_numpy_beside_the_standard_library_and_spaces_in_paths_do_no_harm(elsewhere, level):
    program = f"""
import json, sys
sys.path += {[str(ROOT), str(KITS)]!r}
from cnn_assignment.sandbox.client.host import Sandbox
from cnn_assignment.sandbox.client.probe import probe
from sandbox_kit import run
source = '''
import numpy as np, colorsys, wave

def answer(name):
    try:
        return np.__file__, open(name).read()
    except OSError as error:
        return np.__file__, type(error).__name__
'''
with Sandbox({level}) as sandbox:
    secret = {str(elsewhere.parents[1] / "lib" / library.standard_library().name / "site-packages/secret.py")!r}
    print(json.dumps([sandbox.level, sandbox.problem, probe(sandbox).level, run(sandbox, source, secret)]))
"""
    environment = {**os.environ, "PYTHONHOME": "", "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("PYTHONHOME")
    done = subprocess.run(
        [str(elsewhere), "-c", program], capture_output=True, text=True, env=environment, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    found, problem, proven, (numpy, read) = json.loads(done.stdout)
    assert (found, problem, proven) == (level, "", level)
    assert numpy.startswith(str(elsewhere.parents[1]))
    # Other packages beside NumPy are hidden, although the standard library around them is not.
    assert read in ({"SECRET = 1\n"} if level == 1 else {"PermissionError", "FileNotFoundError"})
