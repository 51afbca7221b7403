"""What runs on Dask workers: a remote grader that comes and goes with a class, and the tasks that ask it."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from distributed import Reschedule, Worker, WorkerPlugin, get_worker
from distributed.versions import get_package_info

from cnn_assignment.core.errors import KitError
from cnn_assignment.running.client import CalledOffError, problem_to_json
from cnn_assignment.running.cluster.payload import Bundle, Payload
from cnn_assignment.running.cluster.remote import RemoteGrader

COMPARED = ("python", "numpy", "cnn-assignment")
"""What has to be of one version everywhere, because a report depends on it."""

Answer = dict[str, Any]
"""``{"worker", "versions", "seconds"}`` and ``"result"``, or ``"problem"`` for an error that stops the class."""


def pick_versions(packages: Mapping[str, str | None]) -> dict[str, str]:
    """What has to be the same everywhere, of what Dask tells of a process's packages."""
    return {name: packages.get(name) or "not installed" for name in COMPARED}


class RemoteGraderPlugin(WorkerPlugin):
    """Brings an assignment to every worker of a cluster, those that come later too, and takes it away again."""

    def __init__(self, name: str, bundle: Bundle) -> None:
        self.name = name
        self._bundle = bundle
        self.remote: RemoteGrader | None = None

    def setup(self, worker: Worker) -> None:
        """Nothing is unpacked or started before there is something to grade."""
        # Dask removes this folder with the worker, or when the next one starts there.
        self.remote = RemoteGrader(self._bundle, Path(worker.local_directory))

    async def teardown(self, worker: Worker) -> None:  # noqa: ARG002 - Dask's signature
        """End what the worker does for this class."""
        if self.remote is not None:
            await asyncio.to_thread(self.remote.close)


def greet(name: str) -> Answer:
    """How student code is run at a worker: ``level`` and ``protections``."""

    def describe(remote: RemoteGrader) -> dict[str, Any]:
        process = remote.start()
        return {"level": process.level, "protections": process.protections}

    return _ask(name, describe)


def grade_batch(name: str, payloads: Sequence[Payload]) -> Answer:
    """The reports of some submissions: a list of JSON texts."""
    return _ask(name, lambda remote: [json.dumps(report.to_json()) for report in remote.grade(payloads)])


def _ask(name: str, question: Callable[[RemoteGrader], Any]) -> Answer:
    worker = get_worker()
    plugin = worker.plugins.get(name)
    began = time.monotonic()
    answer: Answer = {
        "worker": f"{worker.address} on {socket.gethostname()}",
        "versions": pick_versions(get_package_info(COMPARED)),
    }
    try:
        if not isinstance(plugin, RemoteGraderPlugin) or plugin.remote is None:
            raise Reschedule
        answer["result"] = question(plugin.remote)
    except CalledOffError:
        # This worker is about to leave, and what it could not finish is for another one.
        raise Reschedule from None
    except KitError as error:
        answer["problem"] = problem_to_json(error)
    return answer | {"seconds": time.monotonic() - began}
