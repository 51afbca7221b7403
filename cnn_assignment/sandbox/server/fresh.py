"""How a worker begins that is an interpreter of its own, as `client.portable` starts it."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from cnn_assignment.sandbox import library
from cnn_assignment.sandbox.limits import WorkerLimits, apply_limits
from cnn_assignment.sandbox.server.channel import Channel

# The same numbers as those of a forked worker.
READ_FD, WRITE_FD = 3, 4


def main(
    read_fd: int,
    write_fd: int,
    parent: int,
    limits: dict[str, int] | None,
    modules: Sequence[str],
    service: tuple[str, Any],
) -> None:
    """Become a worker that talks over two inherited descriptors. Never returns.

    limits: what the system is asked to hold the worker to; None asks for nothing. modules: importable beside the usual.
    service: what it does, a `launch.Service` in JSON.
    """
    code = 70
    try:
        if sys.platform == "linux":
            from cnn_assignment.sandbox.confinement import die_with_parent

            die_with_parent(parent)
        library.load_modules(modules)
        module, argument = service
        serve = importlib.import_module(module).prepare(argument)
        library.forget_the_way()
        _arrange_descriptors(read_fd, write_fd)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if limits is not None:
            apply_limits(WorkerLimits(**limits), required=False)
        os.write(WRITE_FD, b"R")
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 2)
        os.close(null)
        serve(Channel(READ_FD, WRITE_FD))
        code = 0
    except BaseException as error:  # noqa: BLE001 - the last line is read as the reason
        os.write(2, f"{type(error).__name__}: {error}\n".encode(errors="replace"))
    finally:
        os._exit(code)


def _arrange_descriptors(read_fd: int, write_fd: int) -> None:
    """The pipes on their fixed numbers, the standard streams, nothing else open."""
    high = max(read_fd, write_fd, WRITE_FD) + 1
    os.dup2(read_fd, high)
    os.dup2(write_fd, high + 1)
    os.dup2(high, READ_FD, inheritable=False)
    os.dup2(high + 1, WRITE_FD, inheritable=False)
    os.closerange(WRITE_FD + 1, os.sysconf("SC_OPEN_MAX"))
