"""The levels of the sandbox that tests go through."""

from __future__ import annotations

import os

import pytest

from attacks.users import bubblewrap_works_for

LEVELS = (
    1,
    2,
    pytest.param(
        3,
        marks=pytest.mark.skipif(
            not bubblewrap_works_for("root" if os.geteuid() == 0 else "ordinary user"),
            reason="bubblewrap (bwrap) is not installed or does not work here, so nothing was tried at level 3",
        ),
    ),
)
"""What student code is run at in tests: by limits alone, confined, and in namespaces where this machine gives them."""
