"""Sandboxes of the tests of the student's side."""

from __future__ import annotations

import pytest

from cnn_assignment.sandbox.client.host import Sandbox


@pytest.fixture(scope="module", params=[1, 3], ids=["limits", "namespaced"])
def sandbox(request):
    """For what a worker answers, unconfined and with every protection: namespaces alone change nothing of it."""
    with Sandbox(request.param) as opened:
        yield opened
