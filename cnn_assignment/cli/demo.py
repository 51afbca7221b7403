"""The whole road on the example class, in a course folder of its own, so that nothing of the repository changes."""

from __future__ import annotations

import shutil
from pathlib import Path

from cnn_assignment.core.errors import UsageError
from cnn_assignment.core.layout import COURSE_CONFIG

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
    shutil.copy(root / COURSE_CONFIG, folder / COURSE_CONFIG)
    for student in sorted(path for path in examples.iterdir() if path.is_dir()):
        shutil.copytree(student, folder / "submitted" / student.name / assignment)
