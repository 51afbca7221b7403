"""Programs that libraries start by name."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def own_programs_first() -> Iterator[None]:
    """Find the programs of this environment before all others, whether or not it was activated.

    nbgrader starts `alembic` by name whenever it makes a new database.
    """
    path = os.environ.get("PATH", os.defpath)
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), path])
    try:
        yield
    finally:
        os.environ["PATH"] = path
