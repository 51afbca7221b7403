"""What tests of the sandbox share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cnn_assignment.sandbox.client.host import Sandbox
from levels import LEVELS


@pytest.fixture(scope="module", params=LEVELS, ids=["limits", "confined", "namespaced"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A sandbox of each level in turn, for the modules that have none of their own."""
    with Sandbox(request.param) as opened:
        assert (opened.level, opened.problem) == (request.param, "")
        yield opened
