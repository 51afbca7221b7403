"""Lets Python show the text of a submission: ``inspect.getsource`` finds it, and tracebacks have lines.

The code of a submission comes from no file, and classes of one module may come from several cells. What is changed for
that belongs to Python itself, in a process that runs one submission and ends with it.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import types
from typing import Any


class Sources:
    """The texts of a submission by their labels, and the label of the text that each class was defined in."""

    def __init__(self) -> None:
        self._labels: dict[tuple[str, str], str] = {}

    def keep(self, label: str, text: str) -> None:
        """Remember a text under the label that its code has in the place of a file's name."""
        # Without a time it is never looked for on a disk.
        linecache.cache[label] = (len(text), None, text.splitlines(keepends=True), label)

    def note(self, module: types.ModuleType, statement: ast.stmt, label: str) -> None:
        """Remember which classes of a module come from this text, after the statement that makes them has run."""
        is_definition = isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        for node in [statement] if is_definition else ast.walk(statement):
            if isinstance(node, ast.ClassDef):
                self._labels[module.__name__, node.name] = label

    def install(self) -> None:
        """Let ``inspect`` find each class in its own text. It would ask the module, which names a single file."""
        find = inspect.getfile

        def getfile(object: Any) -> str:  # noqa: A002 - as inspect calls it
            if isinstance(object, type):
                label = self._labels.get((object.__module__, object.__qualname__.partition(".")[0]))
                if label is not None:
                    return label
            return find(object)

        getfile.__doc__ = find.__doc__
        inspect.getfile = getfile
