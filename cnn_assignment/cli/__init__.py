"""The command `cnn-assignment`: parse, call, print. One file a group of commands; help is the docstring of each.

Everything heavy is imported where it is used, so that help comes at once.
"""

from cnn_assignment.cli import authoring, demo, grading, proving, sandbox  # noqa: F401 - they add their commands
from cnn_assignment.cli.group import main

__all__ = ["main"]
