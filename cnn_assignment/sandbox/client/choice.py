"""Which kind of sandbox this system can have."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from cnn_assignment.sandbox.client.launch import LEVEL_NAMESPACED, STUDENT_CODE, Service
from cnn_assignment.sandbox.client.worker_process import Spawner


def open_sandbox(
    modules: Sequence[str] = (), service: Service = STUDENT_CODE, level: int = LEVEL_NAMESPACED
) -> Spawner:
    """The best sandbox of this system: a fork server on Linux, fresh interpreters elsewhere. Raises SandboxError.

    modules: packages that student code may import beside NumPy. service: what workers do. level: the most protection
    to use.
    """
    # Imported here: each kind is made of pieces that the systems of the other may lack.
    if sys.platform == "linux" and hasattr(os, "pidfd_open") and _has_pidfd():
        from cnn_assignment.sandbox.client.host import Sandbox

        return Sandbox(level, modules, service)
    from cnn_assignment.sandbox.client.portable import PortableSandbox

    return PortableSandbox(level, modules, service)


def _has_pidfd() -> bool:
    """Whether the kernel has what Python can ask it for: pidfds came with Linux 5.3."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError:
        return False
    return True
