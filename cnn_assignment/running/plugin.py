"""pytest plugin: makes hidden tests plain pytest, for the grader and for ``pytest autograder/cnn --submission FILE``.

It does nothing in any other pytest run: only where the command line names an assignment's folder are its hooks and
fixtures registered.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cnn_assignment.core.model import Assignment


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--submission``."""
    parser.getgroup("cnn-assignment").addoption(
        "--submission",
        metavar="FILE",
        help="grade this notebook or module with the hidden tests (default: the solution)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Take over where an assignment's hidden tests are to be run."""
    found = _find_assignment(config)
    if found is not None:
        assignment, whole = found
        # Imported here: every other pytest run in this environment pays for this module only.
        from cnn_assignment.judging.hidden import HiddenTests
        from cnn_assignment.running.debug import DebugRun

        hidden = HiddenTests(assignment, whole=whole)
        config.pluginmanager.register(hidden)
        config.pluginmanager.register(DebugRun(hidden, config.getoption("--submission")))


def _find_assignment(config: pytest.Config) -> tuple[Assignment, bool] | None:
    """The assignment whose folder, or a file in it, is named on the command line, and whether it is the folder."""
    for argument in config.args:
        path = (config.invocation_params.dir / argument.partition("::")[0]).resolve()
        folder = path if path.is_dir() else path.parent
        if (folder / "assignment.toml").is_file() and folder.parent.name == "autograder":
            return _load(folder), path == folder
    return None


def _load(folder: Path) -> Assignment:
    from cnn_assignment.core.errors import KitError
    from cnn_assignment.core.layout import load_assignment

    try:
        return load_assignment(folder.parent.parent, folder.name)
    except KitError as error:
        raise pytest.UsageError(str(error)) from error
