"""Programs that libraries start by name."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def put_own_programs_first() -> None:
    """Let this process find the programs of its environment before all others, whether or not it was activated.

    nbgrader starts `alembic` by name whenever it makes a new database. Calling this again changes nothing.
    """
    own, path = str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)
    if path.split(os.pathsep)[0] != own:
        os.environ["PATH"] = os.pathsep.join([own, path])


@contextmanager
def own_programs_first() -> Iterator[None]:
    """The same for a while."""
    before = os.environ.get("PATH", os.defpath)
    put_own_programs_first()
    try:
        yield
    finally:
        os.environ["PATH"] = before
