"""A PostgreSQL server of Debian's package, on loopback and in a folder that goes with it."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

USER = "kit"
_START_S = "120"


@dataclass(frozen=True)
class Server:
    """A server that runs, or ran."""

    programs: Path
    folder: Path
    port: int

    def url(self, database: str) -> str:
        """What `CourseDirectory.db_url` is set to."""
        return f"postgresql+psycopg://{USER}@127.0.0.1:{self.port}/{database}"

    def create(self, database: str) -> str:
        """Make an empty database; returns its URL."""
        self._run("createdb", "--host=127.0.0.1", f"--port={self.port}", f"--username={USER}", database)
        return self.url(database)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        log = self.folder / "log"
        self._run("pg_ctl", f"--pgdata={self.folder / 'data'}", f"--log={log}", f"--options={options}", "--wait",
                  f"--timeout={_START_S}", "start")  # fmt: skip

    def stop(self) -> None:
        """End it and all connections; does nothing where it does not run."""
        if (self.folder / "data/postmaster.pid").exists():
            self._run("pg_ctl", f"--pgdata={self.folder / 'data'}", "--mode=immediate", "--wait", "stop")

    def _run(self, program: str, *words: str) -> None:
        # As root PostgreSQL refuses to run.
        account = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
        said = self.folder / "said"
        with said.open("wb") as file:  # no pipe, because the server keeps what it inherits
            done = subprocess.run(
                [str(self.programs / program), *words],
                stdin=subprocess.DEVNULL, stdout=file, stderr=file, check=False, cwd=self.folder, **account,
            )  # fmt: skip
        assert done.returncode == 0, f"{program}: {said.read_text(encoding='utf-8')}"


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
        server._run("initdb", f"--pgdata={folder / 'data'}", f"--username={USER}", "--auth=trust", "--encoding=UTF8",
                    "--locale=C", "--no-sync")  # fmt: skip
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
