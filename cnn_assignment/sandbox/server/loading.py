"""How the code of a submission is loaded: which statements run, and which modules they can import."""

from __future__ import annotations
import __future__

import ast
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any

_ALWAYS_IMPORTABLE = frozenset({"numpy", *sys.stdlib_module_names, *sys.builtin_module_names})


class Unavailable:
    """Stands for a name whose import failed, so that only code that uses the name meets the error."""

    def __init__(self, error: ImportError) -> None:
        self.__dict__["_error"] = error

    def __getattr__(self, name: str) -> Any:
        raise self.__dict__["_error"]

    def __call__(self, *_: Any, **__: Any) -> Any:
        """Raise the error of the import, as every other use of the name does."""
        raise self.__dict__["_error"]


class Importer(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Serves the provided files and the student's own modules from memory and refuses what grading does not offer.

    own: by dotted name the label, the text, the statements to run and whether it is a package. run: runs one of them.
    """

    def __init__(
        self,
        provided: dict[str, str],
        allowed: Sequence[str],
        own: dict[str, list[Any]],
        run: Callable[[ast.stmt, str, int, types.ModuleType], None],
    ) -> None:
        self._provided = provided
        self._allowed = _ALWAYS_IMPORTABLE | frozenset(allowed)
        self._own = own
        self._run = run

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """A spec for what is served; None leaves the search to Python; ModuleNotFoundError refuses."""
        del path, target
        if fullname in self._provided:
            return importlib.util.spec_from_loader(fullname, self)
        if fullname in self._own:
            return importlib.util.spec_from_loader(fullname, self, is_package=self._own[fullname][3])
        top = fullname.partition(".")[0]
        if top in self._allowed:
            return None
        raise ModuleNotFoundError(f"{top} is not available when this assignment is graded", name=top)

    def exec_module(self, module: types.ModuleType) -> None:
        """Run a provided file, or what was extracted from a student's own, in its new module."""
        if module.__name__ in self._own:
            label, source, keep, _ = self._own[module.__name__]
            module.__file__ = label
            statements, flags = select_statements(source, label, keep)
            for statement in statements:
                self._run(statement, label, flags, module)
            return
        label = f"{module.__name__}.py"
        code = compile(self._provided[module.__name__], label, "exec", dont_inherit=True)
        exec(code, module.__dict__)  # noqa: S102 - running code is what this process is for


def select_statements(source: str, label: str, keep: list[list[Any]] | None) -> tuple[list[ast.stmt], int]:
    """The statements to run, and the compiler flags of the chunk's ``from __future__`` imports.

    keep holds ``[index, aliases]`` pairs; aliases, where given, are the positions of the names to keep of an import.
    Without keep everything runs.
    """
    body = ast.parse(source, label).body
    flags = 0
    for statement in body:
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            for alias in statement.names:
                flags |= getattr(__future__, alias.name).compiler_flag
    pairs: list[list[Any]] = [[index, None] for index in range(len(body))] if keep is None else keep
    chosen = []
    for index, aliases in pairs:
        statement = body[index]
        if aliases is not None and isinstance(statement, ast.Import | ast.ImportFrom):
            statement.names = [statement.names[position] for position in aliases]
        chosen.append(statement)
    return chosen, flags


def names_of_definition(statement: ast.stmt) -> list[str]:
    """The names that a statement would have defined."""
    match statement:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.AsyncFunctionDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            return [target.id for target in targets if isinstance(target, ast.Name)]
    return []


def names_of_import(statement: ast.stmt) -> list[str]:
    """The names that an import statement would have bound."""
    if not isinstance(statement, ast.Import | ast.ImportFrom):
        return []
    return [alias.asname or alias.name.partition(".")[0] for alias in statement.names if alias.name != "*"]
