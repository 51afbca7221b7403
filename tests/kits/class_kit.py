"""Classes of the real assignment that are graded by another user than the one who tests."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from nbgrader.api import Gradebook

from attacks.users import as_ordinary
from cnn_kit import NAME, copy_course, run
from places import ROOT

RIGHT = ROOT / f"solutions/{NAME}.py"


@contextmanager
def open_course() -> Iterator[Path]:
    """A released course without submissions, in a folder that every user can reach."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(shutil.copytree(Path(_release().name, "course"), Path(folder, "course")))


@cache
def _release() -> tempfile.TemporaryDirectory[str]:
    """The released course, made once by each process of the tests, and removed at its end: nbgrader takes seconds."""
    folder = tempfile.TemporaryDirectory()
    course = copy_course(ROOT, Path(folder.name, "course"), "release")
    run("nbgrader", "generate_assignment", NAME, "--create", "--force", cwd=course)
    return folder


def give(course: Path, user: int) -> None:
    """Let the course be another user's; nothing happens where this one is not root."""
    if os.geteuid() == 0:
        for path in (course, *course.rglob("*")):
            os.chown(path, user, user)


def run_as(
    user: int, course: Path, *words: str, most_tasks: int | None = None, path: str = os.environ["PATH"], status: int = 0
) -> str:
    """Run a command as that user, where this one is root, demand its exit status, and return what it printed.

    most_tasks: processes and threads that the user may have (`ulimit -u`), those that are there already not counted.
    """
    program, *rest = words
    line = f"PATH={shlex.quote(path)} exec {shlex.join([str(Path(sys.executable).parent / program), *rest])}"
    if most_tasks is not None:
        line = f"ulimit -u {most_tasks + (0 if os.geteuid() == 0 else _own_tasks())} && {line}"
    command = ["bash", "-c", f"cd {shlex.quote(str(course))} && {line}"]
    done = subprocess.run(
        as_ordinary(command, user) if os.geteuid() == 0 else command,
        cwd="/",
        env={"PATH": os.environ["PATH"], "HOME": str(course), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def recorded_scores(course: Path) -> dict[str, float]:
    """The scores in a course's gradebook."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        return {one.student.id: one.score for one in gradebook.assignment_submissions(NAME)}


def _own_tasks() -> int:
    """How many threads this user has already, in all processes."""
    found = 0
    for process in Path("/proc").iterdir():
        try:
            mine = process.name.isdigit() and process.stat().st_uid == os.geteuid()
            found += len(list((process / "task").iterdir())) if mine else 0
        except OSError:
            # It has ended meanwhile.
            continue
    return found
