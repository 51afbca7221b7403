"""Lets a submission keep files of its own: ``open``, ``os`` and ``tempfile`` find them in memory, and nothing on a disk.

A working folder and a folder for temporary files are there at every level, so that code is graded alike wherever it is
graded. All that has a name elsewhere goes to the system as before, which refuses it at level 2. This is a convenience for
honest code and protects nothing: whoever goes around it meets the kernel. The functions of Python that are replaced are
those of a worker, which is a process of one submission.
"""

from __future__ import annotations

import gc
import glob
import importlib
import io
import mmap
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any, Self

from cnn_assignment.sandbox.server.files.memory_files import MemoryFiles
from cnn_assignment.sandbox.server.files.own_functions import OwnFiles
from cnn_assignment.sandbox.server.files.own_paths import TEMPORARY_FOLDER, WORKING_FOLDER


class Change:
    """The change that lets files in memory be found. Making it takes time; doing it in a worker takes almost none.

    The fork server makes it and does not do it: its own files are the system's.
    """

    def __init__(self) -> None:
        own = OwnFiles(MemoryFiles(WORKING_FOLDER, TEMPORARY_FOLDER))
        pairs = [(own.systems[name], function) for name, function in own.functions().items() if name in own.systems]
        pairs.append((io.open, own.open))
        for names in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks, os.supports_effective_ids):
            names.update({new for old, new in pairs if old in names})
        self._changes = list(_find_changes(pairs, own.systems))
        self._mapping = _make_mapping(own)
        # Its classes take functions of os as defaults.
        self._put(new=True)
        importlib.reload(tempfile)
        self._put(new=False)

    def do(self) -> None:
        """Put files in memory in the place of the system's, for all of this process that looks them up by names."""
        self._put(new=True)
        tempfile.tempdir = TEMPORARY_FOLDER
        # Since Python 3.13 a class behind `pathlib` keeps functions of os as its own.
        globber = getattr(glob, "_StringGlobber", None)
        for name in ("lstat", "scandir"):
            if name in vars(globber or object):
                setattr(globber, name, staticmethod(getattr(os, name)))
        vars(mmap)["mmap"] = self._mapping

    def _put(self, *, new: bool) -> None:
        for holder, key, before, after in self._changes:
            holder[key] = after if new else before


def _find_changes(
    pairs: Iterable[tuple[Any, Any]], *kept: dict[str, Any]
) -> Iterator[tuple[dict[Any, Any], Any, Any, Any]]:
    """Every place in a module or another dict that holds the first of a pair: dict, key, the first and the second.

    The modules that imports are made with keep what they have.
    """
    replaced = {id(old): (old, new) for old, new in pairs}
    compiled = (vars(sys.modules[name]) for name in ("posix", "nt", "_io") if name in sys.modules)
    untouched = {id(holder) for holder in (*compiled, *kept)}
    # NumPy keeps ``open`` in a dict of its own.
    for holder in gc.get_referrers(*(old for old, _ in replaced.values())):
        if type(holder) is dict and id(holder) not in untouched:
            for key, value in list(holder.items()):
                if id(value) in replaced:
                    yield holder, key, *replaced[id(value)]


def _make_mapping(own: OwnFiles) -> type[mmap.mmap]:
    class mapping(mmap.mmap):  # noqa: N801 - it takes the place of one that is called mmap
        """The system's memory maps, which also say why they cannot map a file in memory."""

        def __new__(cls, fileno: int, *rest: Any, **named: Any) -> Self:
            own.refuse(fileno)
            return super().__new__(cls, fileno, *rest, **named)

    mapping.__name__ = mapping.__qualname__ = "mmap"
    mapping.__module__ = "mmap"
    return mapping
