"""Errors: one line of fact, place and remedy."""

from __future__ import annotations

import pytest

from cnn_assignment.core.errors import AuthoringError, GraderError, KitError, UnreadableSubmissionError, UsageError


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (KitError("no such file", place="toy.py:3", remedy="Write it."), "toy.py:3: no such file. Write it."),
        (KitError("no such file", place="toy.py"), "toy.py: no such file."),
        (KitError("no such file", remedy="Write it."), "no such file. Write it."),
        (KitError("no such file"), "no such file."),
    ],
)
def test_an_error_reads_place_fact_remedy(error, text):
    assert str(error) == text


def test_an_error_keeps_its_parts():
    error = GraderError("a fact", place="here", remedy="Do it.")
    assert (error.fact, error.place, error.remedy) == ("a fact", "here", "Do it.")


@pytest.mark.parametrize("kind", [UsageError, AuthoringError, UnreadableSubmissionError, GraderError])
def test_kinds_of_errors_are_told_apart(kind):
    kinds = {UsageError, AuthoringError, UnreadableSubmissionError, GraderError}
    assert issubclass(kind, KitError)
    assert not any(issubclass(kind, other) for other in kinds - {kind})
