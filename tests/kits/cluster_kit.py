"""Real Dask schedulers and workers as processes on this machine's own loopback, ended with whoever started them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from processes import await_that, descendants, end_family

# Scratch folders that Dask keeps for its workers, and in them those of a class.
REMOTE_GRADERS = "dask-scratch-space/*/cnn-assignment-*"


class Cluster:
    """One scheduler, and workers that come and go. address and file are two ways to it."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.file = folder / "scheduler.json"
        self.workers: list[Worker] = []
        self.process = start(
            "scheduler", "--port", "0", "--scheduler-file", self.file, log=folder / "log", **environment
        )
        # Dask opens the file, and then writes it.
        await_that(lambda: self.file.is_file() and self.file.read_bytes().endswith(b"}"))
        self.address = json.loads(self.file.read_text(encoding="utf-8"))["address"]

    def add_worker(self, *words: str, **environment: str) -> Worker:
        """Start a worker, and wait until it is known."""
        worker = Worker(self, len(self.workers), *words, **environment)
        self.workers.append(worker)
        await_that(lambda: "Registered to" in worker.log.read_text(encoding="utf-8"))
        return worker

    def close(self) -> None:
        """End everything, workers first."""
        for worker in self.workers:
            end_family(worker.process)
        end_family(self.process)


class Worker:
    """One worker with one thread; folder is where it keeps its files."""

    def __init__(self, cluster: Cluster, number: int, *words: str, **environment: str) -> None:
        self.folder = cluster.folder / f"worker{number}"
        self.log = cluster.folder / f"worker{number}.log"
        options = ("--nthreads", "1", "--memory-limit", "0", "--local-directory", self.folder, "--no-dashboard", *words)
        self.process = start("worker", cluster.address, *options, log=self.log, **environment)

    @property
    def graders(self) -> set[int]:
        """The grader processes that it started."""
        return {pid for pid in descendants(self.process.pid) if "running.grader" in command_of(pid)}

    def is_clean(self) -> bool:
        """Whether nothing of a class is left."""
        return not self.graders and not list(self.folder.glob(REMOTE_GRADERS))


@contextmanager
def open_cluster(folder: Path, **environment: str) -> Iterator[Cluster]:
    """A scheduler without workers."""
    folder.mkdir()
    cluster = Cluster(folder, **environment)
    try:
        yield cluster
    finally:
        cluster.close()


def start(what: str, *words: str | Path, log: Path, **environment: str) -> subprocess.Popen[bytes]:
    """Start a scheduler or a worker."""
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{what}", "--host", "127.0.0.1", *map(str, words)],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
        )


def command_of(pid: int) -> str:
    """The command line of a process, "" where it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8")
    except OSError:
        return ""
