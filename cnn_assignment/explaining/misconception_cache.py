"""What misconceptions give in hidden tests, kept between runs: to find all of it out takes a grader half a minute.

One SQLite file for each state of an assignment and the kit, in the user's cache, shared by all graders. It holds frames of
the wire format, so nothing in it can run. Whatever is wrong with the file costs time only.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

from cnn_assignment.core.cache import cache_file, remove_oldest
from cnn_assignment.core.model import Status
from cnn_assignment.judging.signature import FailureSignature
from cnn_assignment.sandbox import wire

# States of assignments that are kept; the oldest go.
_MOST_FILES = 16
_CAPS = wire.Caps(items=1 << 30, text=1 << 20)
_BUSY_S = 10.0
# For a test that a misconception passes.
_PASSED = b""


def rows_file(*digests: str) -> Path:
    """The file for an assignment and a kit of these digests."""
    return cache_file("misconceptions", *digests, suffix=".sqlite")


def count_known(path: Path) -> tuple[int, int] | None:
    """Of how many misconceptions a file has rows, and how many there are; None where no grader has told yet."""
    with suppress(sqlite3.Error, OSError), closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
        ((known, total),) = database.execute(
            "SELECT (SELECT count(DISTINCT misconception) FROM row), (SELECT max(misconceptions) FROM total)"
        )
        return (known, total) if isinstance(total, int) else None
    return None


class MisconceptionCache:
    """The rows of one file. Where the file cannot be used, nothing is kept, and nothing found."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_usable = True
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            remove_oldest(path, _MOST_FILES)

    def find(self, misconception: str) -> dict[str, FailureSignature | None]:
        """By test what a misconception gave: its signature, or None where the test was passed."""
        found = self._execute("SELECT test, frame FROM row WHERE misconception = ?", (misconception,))
        try:
            return {test: _unpack(frame) for test, frame in found}
        except (wire.WireError, ValueError, TypeError):
            self._is_usable = False  # something else lies there
            return {}

    def keep(self, misconception: str, rows: Mapping[str, FailureSignature | None]) -> None:
        """Add rows of a misconception."""
        for test, signature in rows.items():
            self._execute("INSERT OR REPLACE INTO row VALUES (?, ?, ?)", (misconception, test, _pack(signature)))

    def tell_total(self, misconceptions: int) -> None:
        """Write down how many there are, for whoever shows how many of them are known."""
        self._execute("INSERT OR REPLACE INTO total VALUES (0, ?)", (misconceptions,))

    def _execute(self, statement: str, values: tuple[object, ...]) -> list[tuple[str, bytes]]:
        if not self._is_usable:
            return []
        try:
            with closing(sqlite3.connect(self._path, timeout=_BUSY_S)) as database, database:
                database.execute("PRAGMA synchronous = OFF")
                database.execute(
                    "CREATE TABLE IF NOT EXISTS row (misconception, test, frame, PRIMARY KEY (misconception, test))"
                )
                database.execute("CREATE TABLE IF NOT EXISTS total (number PRIMARY KEY, misconceptions)")
                return database.execute(statement, values).fetchall()
        except (sqlite3.Error, OSError):
            self._is_usable = False
            return []


def without_expected(signature: FailureSignature) -> FailureSignature:
    """As much of it as another failure is compared with."""
    return replace(signature, expected=None, answers=(), raised=None)


def _pack(signature: FailureSignature | None) -> bytes:
    if signature is None:
        return _PASSED
    value = [str(signature.status), signature.said, signature.actual, signature.what, list(signature.axes)]
    tree, buffers = wire.encode(value, _CAPS)
    return wire.pack({"row": tree}, buffers)


def _unpack(frame: bytes) -> FailureSignature | None:
    if frame == _PASSED:
        return None
    size, _ = wire.FRAME.unpack_from(frame)
    start = wire.FRAME.size
    header = wire.parse_header(frame[start : start + size])
    status, said, actual, what, axes = wire.decode(header.get("row"), frame[start + size :], _CAPS)
    return FailureSignature(Status(status), said, None, actual, what, tuple(axes))
