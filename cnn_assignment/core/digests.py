"""Content digests: what a report says of the files that it was made from."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

from cnn_assignment.core.layout import SETTINGS
from cnn_assignment.core.model import Assignment


class NamedSource(Protocol):
    """A module of a student's own, as far as a digest tells of it."""

    @property
    def name(self) -> str:
        """The dotted name by which it is imported."""

    @property
    def source(self) -> str:
        """The text of it."""


def file_digest(path: Path) -> str:
    """``sha256:`` and the digest of a file's bytes."""
    with path.open("rb") as stream:
        return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"


def data_digest(data: bytes) -> str:
    """The same of bytes at hand."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def submission_digest(path: Path, modules: Sequence[NamedSource] = ()) -> str:
    """The digest of a submission's file, together with the modules of the student's own that it imports."""
    if not modules:
        return file_digest(path)
    total = hashlib.sha256(f"{file_digest(path)}\n".encode())
    for module in modules:
        total.update(f"{module.name}:{hashlib.sha256(module.source.encode()).hexdigest()}\n".encode())
    return f"sha256:{total.hexdigest()}"


def autograder_digest(assignment: Assignment) -> str:
    """The digest of all that decides a score beside the submission: tests, solution, provided files, settings."""
    total = hashlib.sha256()
    files = [assignment.solution_file, *assignment.provided_files]
    files += sorted(path for path in assignment.autograder_dir.iterdir() if path.is_file())
    for path in files:
        total.update(f"{path.name}:{file_digest(path)}\n".encode())
    return f"sha256:{total.hexdigest()}"


def tests_digest(assignment: Assignment) -> str:
    """The digest of all that decides what a test says to a given answer: hidden tests, solution, provided files, settings.

    Less than `autograder_digest`: neither the sentences of misconceptions, nor public checks, nor what was made of these.
    """
    total = hashlib.sha256()
    files = [assignment.solution_file, *assignment.provided_files, assignment.autograder_dir / SETTINGS]
    modules = sorted(assignment.autograder_dir.glob("*.py"))
    files += [path for path in modules if path != assignment.checks_file and path.name != "misconceptions.py"]
    for path in files:
        total.update(f"{path.name}:{file_digest(path)}\n".encode())
    return f"sha256:{total.hexdigest()}"


def kit_digest() -> str:
    """The digest of what else decides a report: the kit's own files, the Python and NumPy that run it, and the sandbox.

    Of the sandbox only what can be seen without opening one: with other means, levels may differ.
    """
    package = Path(__file__).resolve().parents[1]
    total = hashlib.sha256()
    for path in sorted(path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
        total.update(f"{path.relative_to(package).as_posix()}:{file_digest(path)}\n".encode())
    means = (platform.system(), platform.machine(), os.geteuid() == 0, shutil.which("bwrap") is not None)
    total.update(f"{platform.python_version()} {version('numpy')} {means}\n".encode())
    return f"sha256:{total.hexdigest()}"
