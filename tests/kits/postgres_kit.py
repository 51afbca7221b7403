"""A PostgreSQL server of Debian's package, on loopback and in a folder that goes with it."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

USER = "kit"
_START_S = 120


class Server:
    """A server that runs, or ran."""

    def __init__(self, programs: Path, folder: Path, port: int) -> None:
        self._programs, self._folder, self._port = programs, folder, port
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str) -> str:
        """What `CourseDirectory.db_url` is set to."""
        return f"postgresql+psycopg://{USER}@127.0.0.1:{self._port}/{database}"

    def create(self, database: str) -> str:
        """Make an empty database; returns its URL."""
        self._run("createdb", "--host=127.0.0.1", f"--port={self._port}", f"--username={USER}", database)
        return self.url(database)

    def make_files(self) -> None:
        """Make what a server needs, once."""
        self._run("initdb", f"--pgdata={self._folder / 'data'}", f"--username={USER}", "--auth=trust",
                  "--encoding=UTF8", "--locale=C", "--no-sync")  # fmt: skip

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = {"listen_addresses": "127.0.0.1", "port": self._port, "unix_socket_directories": "", "fsync": "off"}
        words = ["-D", str(self._folder / "data"), *(f"--{name}={value}" for name, value in settings.items())]
        with (self._folder / "log").open("ab") as log:
            # It ends with the tests, however these end.
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig=QUIT", str(self._programs / "postgres"), *words],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._folder, **_account(),
            )  # fmt: skip
        deadline = time.monotonic() + _START_S
        while not self._answers():
            log_text = (self._folder / "log").read_text(encoding="utf-8")
            assert self._process.poll() is None, log_text
            assert time.monotonic() < deadline, log_text
            time.sleep(0.05)

    def _answers(self) -> bool:
        words = ["--quiet", "--host=127.0.0.1", f"--port={self._port}"]
        return subprocess.run([str(self._programs / "pg_isready"), *words], check=False).returncode == 0

    def stop(self) -> None:
        """End it and all connections; does nothing where it does not run."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait()
            self._process = None

    def _run(self, program: str, *words: str) -> None:
        done = subprocess.run(
            [str(self._programs / program), *words],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, cwd=self._folder, **_account(),
        )  # fmt: skip
        assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"


def _account() -> dict[str, Any]:
    """As root PostgreSQL refuses to run."""
    return {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}


@contextmanager
def postgres() -> Iterator[Server]:
    """A new server for as long as the block runs; the test is left out where the package is not installed."""
    programs = _programs()
    # Not in pytest's folders, which only their owner may enter.
    with tempfile.TemporaryDirectory(prefix="kit-postgres-") as place:
        folder = Path(place)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        server = Server(programs, folder, _free_port())
        server.make_files()
        try:
            server.start()
            yield server
        finally:
            server.stop()


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        pytest.skip("PostgreSQL is not installed: Debian's package is postgresql")
    if os.geteuid() == 0:
        try:
            pwd.getpwnam("postgres")
        except KeyError:
            pytest.skip("there is no account postgres, which Debian's package postgresql makes")
    return found[-1].parent


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
