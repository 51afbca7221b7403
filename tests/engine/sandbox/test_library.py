"""What a worker may read, and how it imports once it has lost the way to the standard library."""

from __future__ import annotations

import importlib.util
import os
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from cnn_assignment.sandbox import library
from cnn_assignment.sandbox.client.host import Sandbox
from cnn_assignment.sandbox.client.protocol import CallRaised
from cnn_assignment.sandbox.library import DescriptorFinder
from sandbox_kit import call, count_descriptors, working

# Pure modules that do work without confinement and not with it, and why.
NOT_CONFINED = {"curses": "its compiled part needs the terminal library of the system, and a worker has no terminal"}
# Not tried: they open windows or browsers, print, or are the standard library's own tests.
NOT_TRIED = (
    "antigravity",
    "this",
    "idlelib",
    "lib2to3",
    "test",
    "tkinter",
    "turtle",
    "turtledemo",
    "__main__",
    "ensurepip",
)

IMPORT_ALL = """
    import importlib

    def answer(names):
        failed = {}
        for name in names:
            try:
                importlib.import_module(name)
            except BaseException as error:
                failed[name] = f"{type(error).__name__}: {error}"
        return failed
"""


@pytest.fixture
def finder(tmp_path):
    package = tmp_path / "package"
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").write_text("from . import sibling\nNAME = 'é'\n", encoding="utf-8")
    (package / "sibling.py").write_text("from .inner.deep import VALUE\n", encoding="utf-8")
    (package / "inner/__init__.py").touch()
    (package / "inner/deep.py").write_text(
        "from .. import __name__ as above\nVALUE = (above, __name__)\n", encoding="utf-8"
    )
    (tmp_path / "old.py").write_bytes("# coding: latin-1\nNAME = 'é'\n".encode("latin-1"))
    (tmp_path / "folder").mkdir()
    folder = os.open(tmp_path, os.O_PATH | os.O_DIRECTORY)
    before = set(sys.modules)
    made = DescriptorFinder(folder)
    sys.meta_path.append(made)
    yield made
    sys.meta_path.remove(made)
    for name in set(sys.modules) - before:
        del sys.modules[name]
    os.close(folder)


def test_packages_submodules_and_relative_imports_are_found_by_descriptor(finder):
    package = importlib.import_module("package")
    assert package.NAME == "é"
    assert package.sibling.VALUE == ("package", "package.inner.deep")
    assert importlib.import_module("package.inner.deep").__package__ == "package.inner"
    assert importlib.import_module("old").NAME == "é"
    assert finder.is_package("package.inner")
    assert not finder.is_package("package.sibling")


def test_what_is_not_there_is_left_to_others(finder):
    for name in ("absent", "package.absent", "folder", "absent.package"):
        assert finder.find_spec(name) is None
        assert not finder.is_package(name)
    with pytest.raises(ModuleNotFoundError, match="No module named 'absent'"):
        importlib.import_module("absent")
    with pytest.raises(ImportError, match="absent"):
        finder.get_source("absent")


def test_importing_by_descriptor_leaves_none_open(finder):
    before = count_descriptors()
    importlib.import_module("package")
    assert count_descriptors() == before


def test_only_the_standard_library_numpy_and_named_modules_are_readable():
    standard = library.standard_library()
    usual = library.readable_paths(())
    assert not [path for path in usual if path.name in ("site-packages", "dist-packages")]
    beside = [path for path in usual if path.parent != standard]
    own = Path(np.__file__).parent
    assert beside == [path for path in (own, own.parent / "numpy.libs") if path.exists()]
    assert set(library.readable_paths(("packaging",))) - set(usual) == {own.parent / "packaging"}
    assert library.package_folders(("no_such_package",)) == []


def pure_modules() -> list[str]:
    standard = library.standard_library()
    names = []
    for path in sorted(standard.rglob("*.py")):
        parts = path.relative_to(standard).with_suffix("").parts
        if {"site-packages", "dist-packages", "lib-dynload", "__pycache__", "test", "tests", "__main__"} & set(parts):
            continue
        if parts[0] in NOT_TRIED or not all(part.isidentifier() for part in parts):
            continue
        names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return names


def failures_at(level: int, names: list[str]) -> dict[str, str]:
    with Sandbox(level) as sandbox, working(sandbox, IMPORT_ALL) as worker:
        assert sandbox.level == level
        return call(worker, "answer", names)


def test_every_pure_module_that_can_be_imported_can_be_imported_confined():
    names = pure_modules()
    assert len(names) > 300
    without = failures_at(0, names)
    # What fails without confinement is made for other systems.
    possible = [name for name in names if name not in without]
    assert len(possible) > 300
    for level in (2, 3):
        failed = failures_at(level, possible)
        assert [name for name in failed if name.partition(".")[0] not in NOT_CONFINED] == [], level


@pytest.mark.parametrize("level", [0, 2, 3])
def test_a_star_import_of_numpy_and_of_each_of_its_public_modules_works(level):
    source = """
        from numpy import *
        import numpy

        def answer():
            kind = type(numpy)
            modules = [name for name in numpy.__all__ if isinstance(getattr(numpy, name), kind)]
            return float(zeros(3).sum() + amax(arange(4))), sorted(modules)
    """
    with Sandbox(level) as sandbox, working(sandbox, source) as worker:
        value, modules = call(worker, "answer")
    assert value == 3.0
    assert modules == sorted(name for name in np.__all__ if isinstance(getattr(np, name), types.ModuleType))


def test_what_stands_in_for_the_compiler_of_fortran_says_why():
    source = """
        import numpy

        def answer():
            return numpy.f2py.compile("end")
    """
    with (
        Sandbox(2) as sandbox,
        working(sandbox, source) as worker,
        pytest.raises(CallRaised, match=r"numpy\.f2py is not available when this assignment is graded"),
    ):
        call(worker, "answer")
