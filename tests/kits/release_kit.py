"""Releases and proofs as the commands make them: with nbgrader's own converter."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from cnn_assignment import proving
from cnn_assignment.authoring import release
from cnn_assignment.core.model import Assignment
from cnn_assignment.nbgrader_course.converting.generate import generate_release


def _generate_unrecorded(assignment: Assignment, source: Path, target: Path, *, record: bool) -> None:
    if not record:
        generate_release(assignment, source, target, record=False)


build = partial(release.build, generate=generate_release)
build_unrecorded = partial(release.build, generate=_generate_unrecorded)
"""The same folders, and no gradebook, which takes nbgrader seconds to make."""
check = partial(release.check, generate=generate_release)
Proof = partial(proving.Proof, generate=generate_release)
