"""Where a path leads: to a submission's own files in memory, or to what the system has to be asked for."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable
from typing import Any

from cnn_assignment.sandbox.server.files.memory_files import MemoryFiles, Node, Place

WORKING_FOLDER = "/submission"
TEMPORARY_FOLDER = "/tmp"  # noqa: S108 - there is nothing of the machine in it
_NO_DESCRIPTOR = (
    "files of a graded program lie in memory: np.save and np.load work, "
    "while memory maps, tofile and fromfile need a file of the system"
)
Function = Callable[..., Any]


class OwnPaths:
    """Tells paths and numbers of files in memory from the system's. systems: the functions of ``os`` as they were."""

    def __init__(self, files: MemoryFiles) -> None:
        self._files = files
        self._open: Function = io.open
        self.systems: dict[str, Any] = {name: getattr(os, name) for name in dir(os)}
        # Not while the working folder is one of the system's.
        self._at_home = True

    def place(self, path: Any, dir_fd: int | None = None) -> Place | None:
        """Where a path leads; None where that is the system's to say. Raises OSError."""
        if isinstance(path, int) or path is None:
            return None
        text = os.fsdecode(path)
        base = self._base(dir_fd)
        if not text or "\0" in text or (base is None and not text.startswith("/")):
            return None
        full = os.path.normpath(f"{base}/{text}" if not text.startswith("/") else text)
        return None if self._is_systems(full) else self._files.locate(full, path)

    def _base(self, dir_fd: int | None) -> str | None:
        if dir_fd is None:
            return self._files.working_folder if self._at_home else None
        opened = self._files.opened.get(dir_fd)
        return opened.path if opened is not None else None

    def _is_systems(self, full: str) -> bool:
        """Whether a path leads to something in the system's folder for temporary files that this process can see."""
        if not full.startswith(f"{TEMPORARY_FOLDER}/"):
            return False
        first = "/".join(full.split("/")[:3])
        place = self._files.locate(first, first)
        return place is not None and place.node is None and self._seen(first)

    def _seen(self, path: str) -> bool:
        try:
            self.systems["lstat"](path)
        except OSError:
            return False
        return True

    def _elsewhere(self, path: Any, dir_fd: int | None) -> Any:
        """The path to ask the system for. It is made absolute, because the system knows nothing of folders in memory."""
        if dir_fd is None and self._at_home and isinstance(path, str | bytes | os.PathLike):
            text = os.fsdecode(path)
            if text and "\0" not in text and not text.startswith("/"):
                text = f"{self._files.working_folder}/{text}"
            if text.startswith((f"{WORKING_FOLDER}/", f"{TEMPORARY_FOLDER}/")):
                return os.path.normpath(text)
        return path

    def _node(self, path: Any, dir_fd: int | None = None) -> Node | None:
        """What is at a path, or open under a number; None where that is the system's to say. Raises OSError."""
        if isinstance(path, int):
            opened = self._files.opened.get(path)
            return opened.node if opened is not None else None
        place = self.place(path, dir_fd)
        return place.existing() if place is not None else None

    def refuse(self, number: Any) -> None:
        """Raise OSError for the number of a file in memory, where only a file of the system would do."""
        if isinstance(number, int) and number in self._files.opened:
            raise OSError(errno.ENODEV, f"{os.strerror(errno.ENODEV)}: {_NO_DESCRIPTOR}")
