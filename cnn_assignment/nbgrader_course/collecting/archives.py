"""Unpacking one zip or tar archive, which may be hostile, within limits and never outside of its folder."""

from __future__ import annotations

import os
import re
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Self, TypeVar

from cnn_assignment.core.errors import TooLargeError
from cnn_assignment.core.texts import shorten
from cnn_assignment.nbgrader_course.notebooks.files import MOST_LEVELS, CopyBudget

_Info = TypeVar("_Info", zipfile.ZipInfo, tarfile.TarInfo)

CLONED = ".git"
"""The folder by which a clone of a repository is known; nothing in it is anybody's work."""

_MIB = 1024 * 1024
_MOST_WARNINGS = 20
# The signature of one entry in a zip's directory. Those of zips inside are counted with it, so there may be some more.
_DIRECTORY_ENTRY = b"PK\x01\x02"
_MOST_DIRECTORY_ENTRIES = 200_000
# Of a class's archive everybody who lost something is named.
_MOST_WARNINGS_OF_A_CLASS = 1_000
_LITTER = re.compile(r"\..*|__MACOSX|__pycache__|Thumbs\.db|desktop\.ini", re.IGNORECASE)
_MOST_NAME_BYTES = 255
# Of a tar's headers that are longer than a block: names, and what else does not fit into one.
_LONG_HEADERS = frozenset(
    {
        tarfile.XHDTYPE,
        tarfile.XGLTYPE,
        tarfile.SOLARIS_XHDTYPE,
        tarfile.GNUTYPE_LONGNAME,
        tarfile.GNUTYPE_LONGLINK,
    }
)
_MOST_HEADER_BYTES = 16 * 1024
_HOLES = b"GNU.sparse.major"


def unpack(
    archive: Path,
    target: Path,
    most: int,
    most_files: int,
    *,
    budget: CopyBudget | None = None,
    may_be_a_class: bool = False,
) -> list[str]:
    """Unpack the files of a zip or tar archive into an existing, empty folder; returns what was left out, and why.

    most: bytes in all, counted as they come and not as the archive claims; of them at most what budget has left, which
    is used up. Raises TooLargeError beyond it or beyond most_files, and whatever zipfile and tarfile raise where the
    archive cannot be read. may_be_a_class: whether members may be several people's: of what is too large in all the
    largest are left out instead, and so is each that cannot be unpacked.
    """
    warnings: list[str] = []
    within = CopyBudget(min(most, budget.left) if budget else most, most_files, budget)
    if archive.stat().st_size > most:
        raise TooLargeError(f"more than {most // _MIB} MiB")
    written, broken, hidden = 0, None, 0
    with _open_archive(archive, within) as found:
        members = [(member, _safe_parts(member.name)) for member in found]
        folders = [
            _without_litter(parts) for member, parts in members if parts and (member.is_folder or _litter_at(parts))
        ]
        files = [(member, parts) for member, parts in members if not (member.is_folder or _litter_at(parts or []))]
        last = {member.name: member for member, _ in files}
        for member, parts in sorted(files, key=lambda file: file[0].size) if may_be_a_class else files:
            why = _why_left_out(member, parts)
            if why is None and member is not last[member.name]:
                # As every program does that unpacks; in a class's archive they may be two people's.
                why = "is there once more, further down"
            if why is None and parts:
                try:
                    if may_be_a_class and member.size > within.left:
                        why = "would make it too large"
                    else:
                        _write(member, target.joinpath(*parts), within)
                        written += 1
                except TooLargeError:
                    raise
                except Exception as error:
                    if not may_be_a_class:
                        raise
                    broken, why = error, f"cannot be unpacked ({reason(error)})"
            if why is not None and len(warnings) < (_MOST_WARNINGS_OF_A_CLASS if may_be_a_class else _MOST_WARNINGS):
                warnings.append(f"left out a member that {why}: '{shorten(member.name, 200)}'")
            elif why is not None:
                hidden += 1
        _make_folders(target, folders)
    if broken is not None and not written:
        raise broken
    return [*warnings, f"left out {hidden} more members"] if hidden else warnings


def is_litter(name: str) -> bool:
    """Whether systems and editors leave files and folders of this name: a copy of the work there is never the work."""
    return _LITTER.fullmatch(name) is not None


def _litter_at(parts: Sequence[str]) -> list[int]:
    return [place for place, part in enumerate(parts) if is_litter(part)]


def _without_litter(parts: list[str]) -> list[str]:
    """The folder around litter: somebody may have handed in nothing else. Of a repository its ``.git`` is kept, empty."""
    end = next(iter(_litter_at(parts)), len(parts))
    return parts[: end + 1] if parts[end : end + 1] == [CLONED] else parts[:end]


def reason(error: Exception) -> str:
    """The first line of an error's message."""
    return str(error).strip().split("\n")[0][:120] or type(error).__name__


def _write(member: _Member, path: Path, budget: CopyBudget) -> None:
    """Write a member's file with its time; nothing is left of one that cannot be read to its end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with member.open() as source, path.open("wb") as copy:
        try:
            budget.copy(source, copy)
        except BaseException:
            path.unlink()
            raise
    with suppress(OSError, OverflowError):
        os.utime(path, (member.time, member.time))


def _make_folders(target: Path, folders: Iterable[list[str]]) -> None:
    """Make what folders can be made: an empty one may say that somebody has handed in nothing."""
    for parts in folders:
        if parts and len(parts) <= MOST_LEVELS and all(map(_can_name_a_file, parts)):
            with suppress(OSError):
                target.joinpath(*parts).mkdir(parents=True, exist_ok=True)


def _why_left_out(member: _Member, parts: list[str] | None) -> str | None:
    if parts is None:
        return "has a name that leads elsewhere"
    if len(parts) > MOST_LEVELS:
        return "lies in too many folders"
    if not all(map(_can_name_a_file, parts)):
        return "has a name that no file can have"
    return None if member.is_file else "is not a file"


def _can_name_a_file(part: str) -> bool:
    try:
        return len(part.encode("utf-8", "surrogateescape")) <= _MOST_NAME_BYTES
    except UnicodeEncodeError:
        return False


@dataclass(frozen=True, slots=True)
class _Member:
    """A member of an archive. time: when its file was written last, in seconds since 1970, 0 where that is unknown."""

    name: str
    size: int
    is_file: bool
    is_folder: bool
    time: float
    archive: zipfile.ZipFile | tarfile.TarFile
    info: Any

    def open(self) -> IO[bytes]:
        if isinstance(self.archive, zipfile.ZipFile):
            return self.archive.open(self.info)
        stream = self.archive.extractfile(self.info)
        assert stream is not None  # it is a regular file
        return stream


@contextmanager
def _open_archive(path: Path, budget: CopyBudget) -> Iterator[Iterator[_Member]]:
    """The members of an archive; the budget counts the folders too."""
    if zipfile.is_zipfile(path):
        _refuse_large_directory(path)
        with zipfile.ZipFile(path) as zipped:
            yield (
                _Member(info.filename, info.file_size, _is_plain(info), info.is_dir(), _time(info), zipped, info)
                for info in _counted(zipped.infolist(), budget)
            )
        return
    # Decompressed into a file first: tarfile reads some headers into memory as a whole, whatever size they claim.
    with tempfile.TemporaryFile() as plain:
        _decompress(path, plain, budget)
        with tarfile.open(fileobj=plain, mode="r:", tarinfo=_bounded_headers(budget)) as tarred:
            yield (
                _Member(info.name, info.size, info.isreg(), info.isdir(), float(info.mtime), tarred, info)
                for info in _counted(tarred, budget)
            )


def _time(info: zipfile.ZipInfo) -> float:
    """A zip has times of some time zone: they are good for comparing two of one platform."""
    try:
        return datetime(*info.date_time, tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0


def _refuse_large_directory(path: Path) -> None:
    """Raise TooLargeError for a zip that names more members than can be meant: zipfile reads all of them at once."""
    count, rest = 0, b""
    with path.open("rb") as file:
        while chunk := file.read(_MIB):
            chunk = rest + chunk
            count += chunk.count(_DIRECTORY_ENTRY)
            rest = chunk[-len(_DIRECTORY_ENTRY) + 1 :]
    if count > _MOST_DIRECTORY_ENTRIES:
        raise TooLargeError(f"more than {_MOST_DIRECTORY_ENTRIES} members")


def _counted(members: Iterable[_Info], budget: CopyBudget) -> Iterator[_Info]:
    for member in members:
        budget.count()
        yield member


def _bounded_headers(budget: CopyBudget) -> type[tarfile.TarInfo]:
    """Headers for tarfile to read, none of them a long one: it reads them as a whole, and some take it hours."""

    class Header(tarfile.TarInfo):
        @classmethod
        def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
            budget.use(0)  # headers without members after them would never be counted
            found = super().frombuf(buf, encoding, errors)
            if found.type in _LONG_HEADERS and found.size > _MOST_HEADER_BYTES:
                raise TooLargeError(f"a header with more than {_MOST_HEADER_BYTES // 1024} KiB")
            return found

    return Header


def _decompress(path: Path, plain: IO[bytes], budget: CopyBudget) -> None:
    """Decompress a file into another one, no more of it than the budget has left.

    Raises ValueError for a tar that describes files with holes: nobody hands those in, and such a description may be as
    long as the rest of the archive, of which tarfile makes a list many times as large.
    """
    import bz2
    import gzip
    import lzma

    openers: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
    with path.open("rb") as file:
        start = file.read(6)
    opener = next((opener for magic, opener in openers.items() if start.startswith(magic)), open)
    copied, before = CopyBudget(budget.left), b""
    with opener(path, "rb") as stream:
        while chunk := stream.read(_MIB):
            budget.use(0)  # the time; the bytes are counted where members are copied
            copied.use(len(chunk))
            plain.write(chunk)
            if _HOLES in before + chunk:
                raise ValueError("it holds files with holes")
            before = chunk[1 - len(_HOLES) :]
    plain.seek(0)


def _is_plain(info: zipfile.ZipInfo) -> bool:
    """Whether a member of a zip is a regular file, by its Unix mode where it has one."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    return kind in (0, stat.S_IFREG)


def _safe_parts(name: str) -> list[str] | None:
    """The folders and the file of a member's name; None for a name that could lead out of its folder."""
    if "\0" in name or name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name):
        return None
    parts = [part for part in re.split(r"[/\\]", name) if part not in ("", ".")]
    return parts if parts and ".." not in parts else None
