"""The whole road on the example class, in a course folder of its own, so that nothing of the repository changes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from cnn_assignment.errors import GraderError, UsageError
from cnn_assignment.layout import COURSE_MARK
from cnn_assignment.model import Assignment

_MARK = ".made-by-cnn-assignment-demo"


def prepare_course(root: Path, assignment: str, folder: Path) -> None:
    """Copy the course into folder and put the example class into its ``submitted/``.

    A folder that an earlier demo made is emptied first; any other folder that exists is refused with UsageError.
    """
    examples = root / "examples" / "class"
    if not examples.is_dir():
        raise UsageError("no example class", place=str(examples), remedy="Run the demo in the kit's own repository.")
    if folder.exists():
        if not (folder / _MARK).is_file():
            raise UsageError(
                "this folder was not made by a demo", place=str(folder), remedy="Name a new one with --out."
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / _MARK).touch()
    for name in ("autograder", "solutions", "source"):
        shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))
    shutil.copy(root / COURSE_MARK, folder / COURSE_MARK)
    for student in sorted(path for path in examples.iterdir() if path.is_dir()):
        shutil.copytree(student, folder / "submitted" / student.name / assignment)


def generate_feedback(assignment: Assignment) -> None:
    """Run nbgrader's own command in the course. Raises GraderError with its last words where it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", "generate_feedback", assignment.name, "--force"],
        cwd=assignment.root,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise GraderError(
            f"nbgrader generate_feedback failed: {last[0]}",
            place=str(assignment.root),
            remedy="Run it there by hand to see more.",
        )
