"""What a worker may read, the standard library and NumPy, and how it still finds them when it is nobody.

A worker that was started by root runs as nobody. Where Python lies in a private home, nobody cannot walk to the
standard library by its path, but files can still be opened from a folder's descriptor that was taken before. Functions
here that change modules of Python are for a zygote and its workers, where nothing else runs.
"""

from __future__ import annotations

import _sitebuiltins
import builtins
import importlib.abc
import importlib.machinery
import importlib.util
import os
import platform
import socket
import sys
import sysconfig
import types
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

_NOT_STANDARD = ("site-packages", "dist-packages")
# Loaded before there is student code: in a fork server they then cost nothing.
PRELOADED = (
    *("numpy.fft", "numpy.lib.stride_tricks", "numpy.linalg", "numpy.ma", "numpy.polynomial", "numpy.random"),
    *("numpy.testing", "abc", "bisect", "collections.abc", "contextlib", "copy", "dataclasses", "datetime", "decimal"),
    *("enum", "fractions", "functools", "heapq", "inspect", "io", "itertools", "json", "logging", "math", "numbers"),
    *("operator", "os.path", "pathlib", "pickle", "pprint", "random", "re", "secrets", "statistics", "string"),
    *("struct", "tempfile", "textwrap", "time", "timeit", "traceback", "typing", "unittest", "warnings", "weakref"),
)

_HOST = "localhost"
# NumPy's compiler of Fortran: more than all its other public modules together, and a worker may start no compiler.
_LEFT_OUT = "f2py"


def standard_library() -> Path:
    """The folder of the standard library."""
    return Path(sysconfig.get_path("stdlib")).resolve()


def package_folders(names: Sequence[str]) -> list[Path]:
    """Where packages lie: their own folder or file, and the folder of shared libraries that their wheel brought."""
    found = []
    for name in names:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            place = Path(spec.origin)
            place = place.parent if spec.submodule_search_locations else place
            found += [path for path in (place, place.parent / f"{name}.libs") if path.exists()]
    return found


def readable_paths(modules: Sequence[str]) -> list[Path]:
    """The standard library without what is installed inside of it, NumPy, and the modules that are allowed beside."""
    # Entry by entry: a rule holds for all that lies below it, and site-packages may lie in the standard library.
    standard = [path for path in standard_library().iterdir() if path.name not in _NOT_STANDARD]
    return standard + package_folders(("numpy", *modules))


def load_modules(modules: Sequence[str]) -> None:
    """Import what student code is likely to, and the modules that are allowed beside."""
    for name in (*PRELOADED, *modules):
        importlib.import_module(name)
    load_numpy_modules()


def load_numpy_modules() -> None:
    """Import every public module of NumPy: `from numpy import *` asks for them all, and fails where one is missing.

    In the place of f2py stands an empty module.
    """
    import numpy as np

    if _LEFT_OUT in np.__all__ and _LEFT_OUT not in vars(np):
        vars(np)[_LEFT_OUT] = _make_empty_module(f"numpy.{_LEFT_OUT}")
    with warnings.catch_warnings():
        # Some names are kept for old code, and say so.
        warnings.simplefilter("ignore")
        for name in np.__all__:
            getattr(np, name)


def _make_empty_module(name: str) -> types.ModuleType:
    """A module whose every attribute is said to be missing."""
    module = types.ModuleType(name)

    def refuse(attribute: str) -> object:
        raise AttributeError(f"{name} is not available when this assignment is graded", name=attribute, obj=module)

    vars(module)["__getattr__"] = refuse
    return module


def forget_the_way() -> None:
    """Remove from this process what leads to the kit's files, so that student code finds neither them nor the kit."""
    sys.path[:] = [path for path in sys.path if Path(path).is_relative_to(standard_library())]
    sys.argv[:] = [""]
    # What the interpreter was told, and the listings of folders that it looked into.
    sys.orig_argv[:] = [""]
    for folder in [path for path in sys.path_importer_cache if not Path(path).is_relative_to(standard_library())]:
        del sys.path_importer_cache[folder]


def forget_the_host() -> None:
    """Let Python tell a made-up name of the machine, to be called before confinement hides the real one."""
    kernel = os.uname()
    plain = os.uname_result((kernel.sysname, _HOST, kernel.release, kernel.version, kernel.machine))
    os.uname = lambda: plain
    # It keeps what it found, and finds nothing later.
    vars(platform)["_uname_cache"] = None
    platform.uname()
    socket.gethostname = lambda: _HOST


def add_names_of_site() -> None:
    """Define ``exit``, ``quit`` and ``help``, which come from the module ``site``, and that is not loaded here."""

    def show_help(*request: Any) -> None:
        importlib.import_module("pydoc").help(*request)

    names = {name: _sitebuiltins.Quitter(name, "") for name in ("exit", "quit")}
    vars(builtins).update(names, help=show_help)


def preload_extensions() -> None:
    """Import every compiled module of the standard library: later their shared libraries cannot be opened."""
    # The package first: begun by its compiled part, it would do without it in some of its modules and not in others.
    importlib.import_module("asyncio")
    for path in sorted((standard_library() / "lib-dynload").glob("*.so")):
        name = path.name.partition(".")[0]
        if not name.startswith(
            ("_test", "_xx", "xx", "_ctypes_test", "_tkinter", "_curses", "readline", "_gdbm", "_dbm")
        ):
            with suppress(ImportError):
                importlib.import_module(name)


class DescriptorFinder(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Imports pure modules of the standard library through the descriptor of its folder. To be asked last."""

    def __init__(self, folder_fd: int) -> None:
        self._folder_fd = folder_fd

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """A spec where the standard library has that module or package as source."""
        del path, target
        base = fullname.replace(".", "/")
        for name, is_package in ((f"{base}/__init__.py", True), (f"{base}.py", False)):
            with suppress(OSError):
                os.stat(name, dir_fd=self._folder_fd)
                spec = importlib.machinery.ModuleSpec(fullname, self, origin=name, is_package=is_package)
                spec.has_location = False
                return spec
        return None

    def is_package(self, fullname: str) -> bool:
        """Whether the module is a package."""
        spec = self.find_spec(fullname)
        return spec is not None and spec.submodule_search_locations is not None

    def get_source(self, fullname: str) -> str:
        """The text of the module. Raises ImportError where there is none."""
        spec = self.find_spec(fullname)
        if spec is None or spec.origin is None:
            raise ImportError(fullname)
        with open(os.open(spec.origin, os.O_RDONLY, dir_fd=self._folder_fd), "rb") as stream:  # noqa: PTH123 - a descriptor
            return importlib.util.decode_source(stream.read())
