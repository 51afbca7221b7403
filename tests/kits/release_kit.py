"""Releases and proofs as the commands make them: with nbgrader's own converter."""

from __future__ import annotations

from functools import partial

from cnn_assignment import proving
from cnn_assignment.authoring import release
from cnn_assignment.nbgrader_course.converting.generate import generate_release

build = partial(release.build, generate=generate_release)
check = partial(release.check, generate=generate_release)
Proof = partial(proving.Proof, generate=generate_release)
