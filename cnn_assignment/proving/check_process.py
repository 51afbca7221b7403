"""A process that runs public checks as a student does: by pytest beside the module, and cell by cell in the notebook.

It imports once what all notebooks of the assignment import, and forks for each run, so that nothing of one is left for the
next. It speaks JSON, one object a line: first it is told ``{"imports", "limit_s"}``, then each order ``{"folder", "test"}``
or ``{"folder", "cells"}`` is answered by ``{"outcomes", "end"}``. outcomes: of each check or cell that was run its name,
"passed", "failed" or "skipped", and what it said. end: "" or how the run ended early. It ends when its standard input does.

What runs here is the instructor's own, so it is limited in time and not confined.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"

_CHUNK = 1 << 16
_LONGEST = 300

Tell = Callable[[str, str, str], None]
"""Tells the name of a check or cell, how it went, and what it said."""


def main() -> int:
    """Take orders on standard input, answer on standard output."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # Neither what is checked nor what imports say must end up among the answers, or on the terminal.
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    sys.dont_write_bytecode = True
    first = json.loads(sys.stdin.readline())
    for name in ("pytest", "IPython.core.interactiveshell", *first["imports"]):
        # Whatever is wrong with an import is told by the cell that asks for it.
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    for line in sys.stdin:
        order = json.loads(line)
        answers.write(json.dumps(_run_in_fork(order, first["limit_s"])) + "\n")
        answers.flush()
    return 0


def _run_in_fork(order: dict[str, Any], limit_s: float) -> dict[str, Any]:
    """The answer to one order."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        # Nothing may be handled that belongs to the process around it, so this one ends by itself.
        status = 1
        try:
            os.close(reading)
            _run(order, writing)
            status = 0
        except BaseException:  # noqa: BLE001 - the status says it
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writing)
    said, is_late = _read_until(reading, time.monotonic() + limit_s)
    os.close(reading)
    if is_late:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    # A run that was ended in the middle may leave half a line.
    outcomes = [json.loads(line) for line in said.split(b"\n")[:-1]]
    end = f"took longer than {limit_s:g} s" if is_late else "" if status == 0 else "ended the process"
    return {"outcomes": outcomes, "end": end}


def _read_until(stream: int, end: float) -> tuple[bytes, bool]:
    """All that comes until the other side is closed, and whether it was not by that time."""
    said = b""
    while (left := end - time.monotonic()) > 0:
        ready, _, _ = select.select([stream], [], [], left)
        if ready:
            data = os.read(stream, _CHUNK)
            if not data:
                return said, False
            said += data
    return said, True


def _run(order: dict[str, Any], writing: int) -> None:
    def tell(name: str, outcome: str, said: str = "") -> None:
        os.write(writing, json.dumps([name, outcome, said[:_LONGEST]]).encode("ascii") + b"\n")

    os.chdir(order["folder"])
    if "test" in order:
        _run_pytest(order["test"], tell)
    else:
        _run_cells(order["cells"], tell)


def describe(error: BaseException) -> str:
    """An error in one line."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _run_pytest(file: str, tell: Tell) -> None:
    """``pytest FILE`` in the working folder, without the settings and plugins of whoever verifies."""
    import pytest

    class Listener:
        """Tells of each check as soon as it is over."""

        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
            report = yield
            if call.when == "call" or not report.passed:
                error = call.excinfo.value if call.excinfo is not None else None
                tell(item.name, report.outcome, describe(error) if error is not None else "")
            return report

        def pytest_collectreport(self, report: pytest.CollectReport) -> None:
            if report.failed:
                last = report.longreprtext.strip().splitlines()[-1].removeprefix("E").strip()
                tell(file, FAILED, last)

    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        os.environ.pop(name, None)
    quiet = ("-p", "no:terminal", "-p", "no:cacheprovider", "-p", "no:faulthandler", "-s")
    pytest.main([file, "-c", os.devnull, f"--rootdir={Path.cwd()}", *quiet], plugins=[Listener()])


def _run_cells(cells: list[tuple[str, str]], tell: Tell) -> None:
    """Every cell, whatever became of those above it, in one namespace: that of a shell as kernels have one."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    class Shell(InteractiveShell):
        """Shows nothing: pictures and tracebacks cost most of the time."""

        def enable_gui(self, gui: str | None = None) -> None:
            """There is nobody to look."""

        def showtraceback(self, *_: Any, **__: Any) -> None:
            """What matters is told."""

    config = Config()
    config.HistoryManager.enabled = False
    sys.path.insert(0, str(Path.cwd()))
    shell: Any = Shell.instance(config=config)
    for name, source in cells:
        result = shell.run_cell(source, store_history=False)
        error = result.error_before_exec or result.error_in_exec
        tell(name, PASSED if error is None else FAILED, _place(error) if error is not None else "")


def _place(error: BaseException) -> str:
    """The error, after the check that met it: a cell calls several."""
    frames = traceback.extract_tb(error.__traceback__)
    checks = [frame.name for frame in frames if frame.name.startswith("test_")]
    return f"{checks[0]}: {describe(error)}" if checks else describe(error)


if __name__ == "__main__":
    sys.exit(main())
