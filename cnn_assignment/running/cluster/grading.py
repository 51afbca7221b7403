"""Grading a class on a dask.distributed cluster that is there already."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnn_assignment.core.errors import UsageError
from cnn_assignment.core.model import Assignment, Report, Submission
from cnn_assignment.running.cluster.payload import Bundle

if TYPE_CHECKING:
    from distributed import Client

# With less, student code has the network, and a scheduler takes orders from whoever reaches it.
_LEAST_LEVEL = 2
_POLL_S = 0.2
_ADDRESS = re.compile(r"(tcp|tls)://\S+:\d+")
_INSTALL = "Install it: pip install 'cnn-assignment[dask]'."
_START = "Start one with `dask scheduler`, and name its address, such as tcp://host:8786, or its scheduler file."


def grade_on_cluster(assignment: Assignment, submissions: Iterable[Submission], address: str) -> Generator[Report]:
    """Grade with all workers of the cluster at an address, yielding each report as it is finished.

    address: ``tcp://host:port``, ``tls://host:port``, or the path of a scheduler file. Reports are those that `grade_all`
    gives. A worker that is lost costs nothing; a submission that workers are lost at again and again, also when it is
    graded alone, is a grader error. Closing the iterator ends what was started on the workers.

    Raises UsageError where no scheduler or no worker answers in the time that Dask is configured to wait
    (``distributed.comm.timeouts.connect``), or where versions differ; AuthoringError and ProtectionError as `grade_all`
    does; ProtectionError also where workers differ in their protections; GraderError where the cluster is lost.
    """
    with _connect(address) as (client, patience_s):
        # After the connection, which says what is wrong where Dask is not installed.
        from cnn_assignment.running.cluster.client import DaskClient
        from cnn_assignment.running.cluster.tasks import RemoteGraderPlugin

        _await_workers(client, address, patience_s)
        _compare_versions(client)
        name = f"cnn-assignment-{client.id}"
        bundle = Bundle.pack(assignment, max(_LEAST_LEVEL, assignment.limits.required_level))
        dask_client = DaskClient(client, name, assignment, patience_s)
        client.register_plugin(RemoteGraderPlugin(name, bundle))
        try:
            dask_client.greet()
            yield from dask_client.grade(submissions)
        finally:
            # Where the scheduler is gone, workers end what is idle by themselves.
            if client.status == "running":
                with suppress(OSError):
                    dask_client.cancel()
                    client.unregister_worker_plugin(name)


@contextmanager
def _connect(address: str) -> Iterator[tuple[Client, float]]:
    """A client, and for how many seconds Dask is configured to wait."""
    try:
        import dask
        from dask.utils import parse_timedelta
        from distributed import Client
    except ImportError as error:
        raise UsageError("grading on a cluster needs Dask, which is not installed here", remedy=_INSTALL) from error

    patience_s = float(parse_timedelta(dask.config.get("distributed.comm.timeouts.connect")))
    try:
        client = Client(_locate(address, patience_s), set_as_default=False)
    except OSError as error:
        raise UsageError(
            f"no Dask scheduler answers, in {patience_s:g} seconds", place=address, remedy=_START
        ) from error
    with client:
        yield client, patience_s


def _locate(address: str, patience_s: float) -> str:
    """The scheduler's address, which may stand in a file. Dask waits for a file that is not there, and for any word."""
    found = address
    file = Path(address)
    if file.is_file():
        # A scheduler makes the file first, and writes it then.
        end = time.monotonic() + patience_s
        while not file.stat().st_size and time.monotonic() < end:
            time.sleep(_POLL_S)
        try:
            found = json.loads(file.read_text(encoding="utf-8"))["address"]
        except (ValueError, TypeError, KeyError) as error:
            raise UsageError("not the scheduler file of a Dask cluster", place=address, remedy=_START) from error
    if not _ADDRESS.fullmatch(str(found)):
        raise UsageError(
            "neither the address of a Dask scheduler nor its scheduler file",
            place=address,
            remedy="Write tcp://host:port or tls://host:port, or the path that `dask scheduler --scheduler-file` was given.",
        )
    return str(found)


def _await_workers(client: Client, address: str, patience_s: float) -> None:
    end = time.monotonic() + patience_s
    while not client.nthreads():
        if time.monotonic() > end:
            raise UsageError(
                f"the Dask scheduler has no workers, {patience_s:g} seconds after it was asked",
                place=address,
                remedy="Start some with `dask worker`; a cluster that adapts needs a minimum of 1. "
                "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT=10min waits longer.",
            )
        time.sleep(_POLL_S)


def _compare_versions(client: Client) -> None:
    """Refuse workers with which reports could come out differently. Dask asks them, so the kit may be missing there."""
    from cnn_assignment.running.cluster.client import refuse_versions
    from cnn_assignment.running.cluster.tasks import COMPARED, pick_versions

    found: Any = client.get_versions(packages=list(COMPARED[1:]))
    own = pick_versions(found["client"]["packages"])
    for worker, told in sorted(found["workers"].items()):
        refuse_versions(worker, pick_versions(told["packages"]), own)
