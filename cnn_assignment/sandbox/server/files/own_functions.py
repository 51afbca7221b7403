"""``open`` and the functions of ``os``, which work on files in memory and pass every other path on to the system."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable, Iterable
from typing import Any

from cnn_assignment.sandbox.server.files.memory_files import Folder
from cnn_assignment.sandbox.server.files.memory_streams import Entry, MemoryStream, Scan, flags_of
from cnn_assignment.sandbox.server.files.own_paths import Function, OwnPaths
from cnn_assignment.sandbox.server.system.refusals import FILES, dress


class OwnFiles(OwnPaths):
    """``open`` and the functions of ``os``, for files in memory and for the system's."""

    # The functions of os

    def functions(self) -> dict[str, Function]:
        """The functions by their names in ``os``."""
        files = self._files

        def getcwd() -> str:
            where: str = files.working_folder if self._at_home else self.systems["getcwd"]()
            return where

        def chdir(path: Any) -> None:
            self._change_folder(path)

        def dup(fd: int) -> int:
            self.refuse(fd)
            number: int = self.systems["dup"](fd)
            return number

        made: dict[str, Function] = {
            "open": self._make_opening(),
            "getcwd": self._make("getcwd", getcwd),
            "getcwdb": self._make("getcwdb", lambda: os.fsencode(getcwd())),
            "chdir": self._make("chdir", chdir),
            "dup": self._make("dup", dup),
        }
        of_number: dict[str, Function] = {
            "close": files.close,
            "read": files.read,
            "write": files.write,
            "lseek": files.seek,
            "fstat": lambda number: files.opened[number].node.describe(),
            "fsync": lambda _: None,
            "fdatasync": lambda _: None,
            "isatty": lambda _: False,
            "ftruncate": lambda number, size: files.truncate(files.opened[number].node, size),
        }
        for name, function in of_number.items():
            made[name] = self._make_of_number(name, function)
        of_node: dict[str, Function] = {
            "stat": lambda node, **_: node.describe(),
            "lstat": lambda node, **_: node.describe(),
            "access": lambda *_, **__: True,
            "chmod": lambda *_, **__: None,
            "utime": lambda *_, **__: None,
            "listxattr": lambda *_, **__: [],
            "truncate": files.truncate,
        }
        for name, function in of_node.items():
            made[name] = self._make_of_node(name, function)
        of_place: dict[str, Function] = {
            "mkdir": lambda place, *_, **__: files.make_folder(place),
            "rmdir": lambda place: files.remove(place, folder=True),
            "unlink": lambda place: files.remove(place, folder=False),
            "remove": lambda place: files.remove(place, folder=False),
            "readlink": lambda place: _raise(place.error(errno.EINVAL)),
        }
        for name, function in of_place.items():
            made[name] = self._make_of_place(name, function)
        for name in ("rename", "replace"):
            made[name] = self._make_of_two(name, files.rename)
        for name in ("link", "symlink"):
            made[name] = self._make_of_two(name, lambda _, to: _raise(to.error(errno.EPERM)))
        made["listdir"] = self._make_listing("listdir", lambda entries: [entry.name for entry in entries])
        made["scandir"] = self._make_listing("scandir", Scan)
        return made

    def _make(self, name: str, function: Function) -> Function:
        """A function that looks like the one of ``os`` in whose place it is."""
        return dress(function, self.systems.get(name, _absent))

    def _make_of_number(self, name: str, function: Function) -> Function:
        original: Function = self.systems.get(name, _absent)

        def call(fd: int, *rest: Any) -> Any:
            return function(fd, *rest) if fd in self._files.opened else original(fd, *rest)

        return self._make(name, call)

    def _make_of_node(self, name: str, function: Function) -> Function:
        original: Function = self.systems.get(name, _absent)

        def call(path: Any, *rest: Any, dir_fd: int | None = None, **named: Any) -> Any:
            try:
                node = self._node(path, dir_fd)
            except OSError:
                if name == "access":
                    return False
                raise
            if node is not None:
                return function(node, *rest, **named)
            told = named if dir_fd is None else {"dir_fd": dir_fd, **named}
            return original(self._elsewhere(path, dir_fd), *rest, **told)

        return self._make(name, call)

    def _make_of_place(self, name: str, function: Function) -> Function:
        original: Function = self.systems.get(name, _absent)

        def call(path: Any, *rest: Any, dir_fd: int | None = None, **named: Any) -> Any:
            place = self.place(path, dir_fd)
            if place is not None:
                return function(place, *rest, **named)
            told = named if dir_fd is None else {"dir_fd": dir_fd, **named}
            return original(self._elsewhere(path, dir_fd), *rest, **told)

        return self._make(name, call)

    def _make_of_two(self, name: str, function: Function) -> Function:
        original: Function = self.systems.get(name, _absent)

        def call(src: Any, dst: Any, *rest: Any, **named: Any) -> Any:
            first = self.place(src, named.get("src_dir_fd"))
            second = self.place(dst, named.get("dst_dir_fd", named.get("dir_fd")))
            if first is not None and second is not None:
                return function(first, second)
            if first is None and second is None:
                return original(self._elsewhere(src, None) if name != "symlink" else src, dst, *rest, **named)
            if name == "symlink" and second is not None:
                raise second.error(errno.EPERM)
            # As between two disks: shutil.move copies then.
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), src, None, dst)

        return self._make(name, call)

    def _make_listing(self, name: str, make: Callable[[list[Entry]], Any]) -> Function:
        original: Function = self.systems.get(name, _absent)

        def call(path: Any = ".") -> Any:
            asked = "." if path is None else path
            node = self._node(asked)
            if node is None:
                return original(self._elsewhere(asked, None))
            if not isinstance(node, Folder):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
            above = "" if isinstance(asked, int) else f"{os.fsdecode(asked).rstrip('/')}/"
            return make([Entry(name, above + name, below) for name, below in node.entries.items()])

        return self._make(name, call)

    def _make_opening(self) -> Function:
        original = self.systems["open"]

        def call(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
            place = self.place(path, dir_fd)
            if place is not None:
                return self._files.open(place, flags)
            number: int = original(self._elsewhere(path, dir_fd), flags, mode, dir_fd=dir_fd)
            return number

        return self._make("open", call)

    def _change_folder(self, path: Any) -> None:
        node = self._node(path)
        if node is None:
            self.systems["chdir"](self._elsewhere(path, None))
            self._at_home = False
            return
        if not isinstance(node, Folder):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
        place = self.place(path) if not isinstance(path, int) else None
        self._files.working_folder = place.path if place is not None else self._files.opened[path].path
        self._at_home = True

    # open

    @property
    def open(self) -> Function:
        """What takes the place of the built-in ``open``."""

        def call(
            file: Any,
            mode: str = "r",
            buffering: int = -1,
            encoding: str | None = None,
            errors: str | None = None,
            newline: str | None = None,
            closefd: bool = True,
            opener: Callable[[Any, int], int] | None = None,
        ) -> Any:
            number = self._number(file, mode, opener)
            if number is None or number not in self._files.opened:
                # Also what an opener found in the system.
                given = opener if number is None else lambda *_: number
                asked = self._elsewhere(file, None) if opener is None else file
                return self._open(asked, mode, buffering, encoding, errors, newline, closefd, given)
            stream = MemoryStream(self._files, number, file, mode, keeps=not closefd)
            if "b" in mode:
                return stream
            text = io.TextIOWrapper(stream, encoding, errors, newline, line_buffering=buffering == 1)
            vars(text)["mode"] = mode
            return text

        return dress(call, self._open)

    def _number(self, file: Any, mode: str, opener: Callable[[Any, int], int] | None) -> int | None:
        """The number of a file in memory, or what an opener gives; None where the system is to be asked."""
        if isinstance(file, int):
            return file if file in self._files.opened else None
        flags = flags_of(mode)
        if flags is None:
            return None
        if opener is not None:
            return opener(file, flags)
        place = self.place(file)
        if place is None:
            return None
        if isinstance(place.node, Folder) and not flags & os.O_EXCL:
            raise place.error(errno.EISDIR)
        try:
            number = self._files.open(place, flags)
        except FileNotFoundError as error:
            # Whatever lay beside the submission is not here.
            error.strerror = f"{error.strerror} ({FILES})"
            raise
        if flags & os.O_APPEND:
            self._files.seek(number, 0, os.SEEK_END)
        return number


def _absent(*_: Any, **__: Any) -> Any:
    """Stands for a function of ``os`` that this system does not have, and that nothing replaces."""


def _raise(error: OSError) -> Iterable[None]:
    raise error
