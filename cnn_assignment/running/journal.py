"""What a folder of reports is known to hold: which report was made of what, and what of it is in the gradebook.

A file of JSON lines in that folder, to which a run appends as it goes; the last line of a student counts. Nothing in it
is believed without a look at the report itself, so a run that was killed costs at most the lines that it had not written.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from cnn_assignment.core.errors import UsageError
from cnn_assignment.reporting import remove_unfinished, replace_file

JOURNAL = ".graded.jsonl"


@dataclass(frozen=True, slots=True)
class Entry:
    """One student. key: digest of all that the report was made from. report: digest of the report's file.

    recorded: digest of what the gradebook holds of it, "" where it was not recorded.
    """

    student: str
    key: str
    report: str
    recorded: str = ""


@dataclass(frozen=True, slots=True)
class PageEntry:
    """A student's feedback page. key: digest of all that it was made from. folder: digest of the folder that it is in."""

    student: str
    key: str
    folder: str


class Journal:
    """The entries of a folder of reports; see `open_journal`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries: dict[str, Entry] = {}
        self._pages: dict[str, PageEntry] = {}
        # Where the gradebook was, as the gradebook itself describes it.
        self.place: dict[str, Any] | None = None
        # Digest of a release notebook and the hidden tests that belong together.
        self.release = ""
        self._read()
        # Opened anew, with whatever a kill left at its end out of the way.
        self.save()
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND)

    def get(self, student: str) -> Entry | None:
        """What is known of a student's report."""
        return self._entries.get(student)

    def put(self, entry: Entry) -> None:
        """Remember a report that is in the folder."""
        self._entries[entry.student] = entry
        # In one call, so that a kill leaves a line or a part of one and never two that are mixed.
        os.write(self._file, _line(asdict(entry)))

    def drop(self, student: str) -> None:
        """Forget a report: it is none to be used again."""
        if student in self._entries:
            self.put(Entry(student, "", ""))

    def mark_recorded(self, student: str, digest: str) -> None:
        """Remember that the gradebook holds a student's report, as rows of this digest."""
        if student in self._entries:
            self.put(replace(self._entries[student], recorded=digest))

    def recorded(self, student: str) -> str:
        """Digest of the rows that the gradebook was given of a student's report; "" where it was given none."""
        return self._entries[student].recorded if student in self._entries else ""

    def page(self, student: str) -> tuple[str, str] | None:
        """Of a student's feedback page, the digests of what it was made from and of its folder."""
        entry = self._pages.get(student)
        return (entry.key, entry.folder) if entry is not None else None

    def put_page(self, student: str, key: str, folder: str) -> None:
        """Remember a feedback page that was written."""
        self._pages[student] = entry = PageEntry(student, key, folder)
        os.write(self._file, _line({"page": asdict(entry)}))

    def save(self) -> None:
        """Write the file anew, a line a student; equal entries give equal bytes."""
        lines = [_line({"gradebook": self.place})] if self.place else []
        lines += [_line({"release": self.release})] if self.release else []
        lines += [_line(asdict(entry)) for _, entry in sorted(self._entries.items()) if entry.key]
        lines += [_line({"page": asdict(entry)}) for _, entry in sorted(self._pages.items())]
        replace_file(self._path, b"".join(lines).decode("ascii"))

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)

    def _read(self) -> None:
        try:
            lines = self._path.read_bytes().splitlines()
        except FileNotFoundError:
            return
        for line in lines:
            try:
                self._take(json.loads(line))
            except (ValueError, TypeError, AttributeError):
                continue  # half a line, of a run that was killed, or of another kit: its students are graded anew

    def _take(self, data: dict[str, Any]) -> None:
        if "gradebook" in data:
            self.place = dict(data["gradebook"])
            return
        if "release" in data:
            self.release = str(data["release"])
            return
        kind = PageEntry if "page" in data else Entry
        fields = data.get("page", data)
        if not all(isinstance(value, str) for value in fields.values()):
            raise TypeError(data)
        entry = kind(**fields)
        if isinstance(entry, PageEntry):
            self._pages[entry.student] = entry
        else:
            self._entries[entry.student] = entry


@contextmanager
def open_journal(folder: Path) -> Generator[Journal]:
    """The journal of an existing folder, for one run at a time.

    Raises UsageError where another run is grading into the folder.
    """
    lock = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(
                "another run is grading into this folder",
                place=str(folder),
                remedy="Wait for it, or name another --out.",
            ) from error
        remove_unfinished(folder)
        journal = Journal(folder / JOURNAL)
        try:
            yield journal
            journal.save()
        finally:
            journal.close()
    finally:
        os.close(lock)  # and the lock goes with it, whatever ended this process


def _line(data: dict[str, Any]) -> bytes:
    return f"{json.dumps(data)}\n".encode("ascii")
