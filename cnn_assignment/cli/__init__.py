"""The command `cnn-assignment`: parse, call, print."""

from cnn_assignment.cli.group import main

__all__ = ["main"]
