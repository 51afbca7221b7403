"""`nbgrader zip_collect` for uploads from a learning platform: archives are hostile, and file names are a mess."""

from __future__ import annotations

import os
import re
import shutil
import stat
import tarfile
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Self, TypeVar

from nbgrader.plugins import ExtractorPlugin, FileNameCollectorPlugin
from nbgrader.utils import parse_utc
from traitlets import Integer

from cnn_assignment.errors import TooLargeError
from cnn_assignment.gradebook.files import MOST_LEVELS, Budget
from cnn_assignment.gradebook.logs import keep_clean
from cnn_assignment.names import as_student, refusal, with_digest
from cnn_assignment.texts import shorten

if TYPE_CHECKING:
    from traitlets.config import Config

_Info = TypeVar("_Info", zipfile.ZipInfo, tarfile.TarInfo)

_MIB = 1024 * 1024
_MOST_WARNINGS = 20
# The mark of one member in a zip's directory. Those of zips inside are counted with it, so there may be some more.
_DIRECTORY_ENTRY = b"PK\x01\x02"
_MOST_DIRECTORY_ENTRIES = 200_000
_TAR_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
# What systems and editors leave in folders: a copy of the work among them is never the work.
_LITTER = re.compile(r"\..*|__MACOSX|__pycache__", re.IGNORECASE)
# Of what a student's archive holds in all, many of them zeros; text and pictures are a tenth of it.
_HONEST_RATIO = 100
_ALWAYS_ALLOWED = 64 * _MIB
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


def configure_collecting(c: Config) -> None:
    """Plug extractor and collector in, and take modules too; what the instructor has set stays."""
    defaults: dict[str, Any] = {
        "ZipCollectApp.extractor_plugin": CarefulExtractor,
        "ZipCollectApp.collector_plugin": UploadCollector,
        "FileNameCollectorPlugin.valid_ext": [".ipynb", ".py"],
        "ExtractorPlugin.zip_ext": [".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz"],
    }
    for name, value in defaults.items():
        section, trait = name.split(".")
        if name not in c:
            setattr(c[section], trait, value)


class CarefulExtractor(ExtractorPlugin):
    """Unpacks every archive into a folder of its name, as nbgrader does, within limits and never outside.

    Links and other special members, absolute names, names with ``..`` and names that no file can have are left out, and
    so is what lies in too many folders. An archive that is broken, encrypted or too large is left out with the reason,
    and costs nobody else anything: all archives of an upload share what may be unpacked at all, small ones go first,
    and none may use more than an equal share of what is left, so that one that is a bomb leaves enough for the others.
    Of an archive of the upload itself, which may be a class's, only the largest members are left out, and those that
    cannot be unpacked.
    """

    max_total_mib = Integer(
        8192,
        help="The most that all archives of an upload may hold, unpacked, those inside others included. Never more than "
        f"{_HONEST_RATIO} times their size and {_ALWAYS_ALLOWED // _MIB} MiB.",
    ).tag(config=True)
    max_archive_mib = Integer(
        1024, help="The most that an archive may hold, unpacked; one inside another is counted for itself."
    ).tag(config=True)
    max_inner_mib = Integer(256, help="The same for an archive inside an archive, such as a student's own.").tag(
        config=True
    )
    max_files = Integer(20_000, help="The most members that an archive may have.").tag(config=True)
    max_total_files = Integer(200_000, help="The most members that all archives of an upload may have.").tag(
        config=True
    )
    max_seconds = Integer(300, help="The most seconds of CPU time that one archive may take.").tag(config=True)
    max_total_seconds = Integer(3600, help="The same for all archives of an upload.").tag(config=True)
    max_depth = Integer(2, help="How many archives may be inside each other: a class of zipped folders is 2.").tag(
        config=True
    )

    def extract(self, archive_path: str, extracted_path: str) -> None:
        """Unpack archives, and copy all other files, from one folder into another one with the same sub-folders."""
        keep_clean(self.log)
        source, target = Path(archive_path), Path(extracted_path)
        files = sorted(self._files(source))
        if not files:
            self.log.warning("No files found in directory: %s", source)
        plans = []
        for path in files:
            if path.is_symlink() or not path.is_file():
                self.log.warning("Left out, because it is not a file: %s", path)
                continue
            folder = target / path.parent.relative_to(source)
            try:
                folder.mkdir(parents=True, exist_ok=True)
                if self._is_archive(path):
                    plans.append(_Plan(path, _free_folder(folder, path.name), path.stat().st_size))
                else:
                    self.log.info("Copying %s to %s", path, folder)
                    shutil.copyfile(path, folder / path.name)
            except OSError as error:
                self.log.warning("Left out, because it cannot be copied (%s): %s", _reason(error), path)
        packed = sum(plan.size for plan in plans)
        most = min(self.max_total_mib * _MIB, _ALWAYS_ALLOWED + _HONEST_RATIO * packed)
        self._unpack_all(plans, Budget(most, self.max_total_files, seconds=self.max_total_seconds), 1)

    def _files(self, top: Path) -> Iterator[Path]:
        """All that is no folder in a folder and in those in it, down to a depth."""
        todo = [(top, 1)]
        while todo:
            folder, level = todo.pop()
            with os.scandir(folder) as entries:
                for entry in entries:
                    if not entry.is_dir(follow_symlinks=False):
                        yield Path(entry.path)
                    elif level < MOST_LEVELS:
                        todo.append((Path(entry.path), level + 1))
                    else:
                        self.log.warning("Left out, because it lies in too many folders: %s", entry.path)

    def _is_archive(self, path: Path) -> bool:
        return path.suffix.lower() in self.zip_ext

    def _unpack_all(self, plans: Sequence[_Plan], budget: Budget, depth: int) -> None:
        """Unpack archives, and then those inside them, each with an equal share of what the budget has left."""
        inner: list[_Plan] = []
        for number, plan in enumerate(sorted(plans, key=lambda plan: plan.size)):
            waiting = len(plans) - number
            entries = min(self.max_files, budget.entries_left // waiting)
            seconds = min(self.max_seconds, budget.seconds_left / waiting)
            share = Budget(budget.left // waiting, entries, budget, seconds)
            inner += self._unpack(plan, share, depth)
        if inner:
            self._unpack_all(inner, budget, depth + 1)
        for plan in inner:
            plan.archive.unlink()

    def _unpack(self, plan: _Plan, budget: Budget, depth: int) -> list[_Plan]:
        """Unpack one archive; nothing is left of one that cannot be unpacked. Returns those that are inside it."""
        self.log.info("Extracting from %s to %s", plan.archive, plan.target)
        most = (self.max_archive_mib if depth == 1 else self.max_inner_mib) * _MIB
        try:
            for warning in unpack(
                plan.archive, plan.target, most, self.max_files, budget=budget, may_be_a_class=depth == 1
            ):
                self.log.warning("%s: %s", plan.archive, warning)
            return list(self._plan_inner(plan.target, depth))
        # zipfile and tarfile raise two dozen types on hostile input; one archive must not cost the class its collection.
        except Exception as error:  # noqa: BLE001
            shutil.rmtree(plan.target, ignore_errors=True)
            self.log.warning("Left out, because it cannot be unpacked (%s): %s", _reason(error), plan.archive)
            return []

    def _plan_inner(self, folder: Path, depth: int) -> Iterator[_Plan]:
        for inner in sorted(path for path in folder.rglob("*") if path.is_file() and self._is_archive(path)):
            if depth < self.max_depth:
                try:
                    yield _Plan(inner, _free_folder(inner.parent, inner.name), inner.stat().st_size)
                    continue
                except OSError as error:
                    self.log.warning("Left out, because it cannot be unpacked (%s): %s", _reason(error), inner)
            else:
                self.log.warning("Left out, because it is an archive in an archive in an archive: %s", inner)
            inner.unlink()


@dataclass(frozen=True, slots=True)
class _Plan:
    """An archive, the new folder for what it holds, and its size in bytes."""

    archive: Path
    target: Path
    size: int


def _free_folder(folder: Path, name: str) -> Path:
    """A new folder named after an archive, without its ending."""
    lowered = name.lower()
    ending = next((ending for ending in _TAR_ENDINGS if lowered.endswith(ending)), Path(name).suffix)
    stem = name[: len(name) - len(ending)].strip() or "archive"
    target, number = folder / stem, 2
    while target.exists():
        target, number = folder / f"{stem} ({number})", number + 1
    target.mkdir()
    return target


def _reason(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:120] or type(error).__name__


def unpack(
    archive: Path,
    target: Path,
    most: int,
    most_files: int,
    *,
    budget: Budget | None = None,
    may_be_a_class: bool = False,
) -> list[str]:
    """Unpack the files of a zip or tar archive into an existing, empty folder; returns what was left out, and why.

    most: bytes in all, counted as they come and not as the archive claims; of them at most what budget has left, which
    is used up. Raises TooLargeError beyond it or beyond most_files, and whatever zipfile and tarfile raise where the
    archive cannot be read. may_be_a_class: whether members may be several people's: of what is too large in all the
    largest are left out instead, and so is each that cannot be unpacked.
    """
    warnings: list[str] = []
    within = Budget(min(most, budget.left) if budget else most, most_files, budget)
    if archive.stat().st_size > most:
        raise TooLargeError(f"more than {most // _MIB} MiB")
    written, broken = 0, None
    with _open_archive(archive, within) as members:
        for member in sorted(members, key=lambda member: member.size) if may_be_a_class else members:
            parts = _safe_parts(member.name)
            why = _why_left_out(member, parts)
            if why is None and parts and not any(map(_LITTER.fullmatch, parts)):
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
                    broken, why = error, f"cannot be unpacked ({_reason(error)})"
            if why is not None and len(warnings) < _MOST_WARNINGS:
                warnings.append(f"left out a member that {why}: '{shorten(member.name, 200)}'")
    if broken is not None and not written:
        raise broken
    return warnings


def _write(member: _Member, path: Path, budget: Budget) -> None:
    """Write a member's file; nothing is left of one that cannot be read to its end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with member.open() as source, path.open("wb") as copy:
        try:
            budget.copy(source, copy)
        except BaseException:
            path.unlink()
            raise


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
    """A member of an archive that is no folder."""

    name: str
    size: int
    is_file: bool
    archive: zipfile.ZipFile | tarfile.TarFile
    info: Any

    def open(self) -> IO[bytes]:
        if isinstance(self.archive, zipfile.ZipFile):
            return self.archive.open(self.info)
        stream = self.archive.extractfile(self.info)
        assert stream is not None  # it is a regular file
        return stream


@contextmanager
def _open_archive(path: Path, budget: Budget) -> Iterator[Iterator[_Member]]:
    """The members of an archive but for folders; the budget counts the folders too."""
    if zipfile.is_zipfile(path):
        _refuse_large_directory(path)
        with zipfile.ZipFile(path) as zipped:
            infos = _counted(zipped.infolist(), budget)
            yield (
                _Member(info.filename, info.file_size, _is_plain(info), zipped, info)
                for info in infos
                if not info.is_dir()
            )
        return
    # Decompressed into a file first: tarfile reads some headers into memory as a whole, whatever size they claim.
    with tempfile.TemporaryFile() as plain:
        _decompress(path, plain, budget)
        with tarfile.open(fileobj=plain, mode="r:", tarinfo=_bounded_headers(budget)) as tarred:
            yield (
                _Member(info.name, info.size, info.isreg(), tarred, info)
                for info in _counted(tarred, budget)
                if not info.isdir()
            )


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


def _counted(members: Iterable[_Info], budget: Budget) -> Iterator[_Info]:
    for member in members:
        budget.count()
        yield member


def _bounded_headers(budget: Budget) -> type[tarfile.TarInfo]:
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


def _decompress(path: Path, plain: IO[bytes], budget: Budget) -> None:
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
    copied, before = Budget(budget.left), b""
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


_MOODLE = re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_file(?:_(?P<file>.*))?")
_CANVAS = re.compile(r"(?P<name>[^_]+)(?:_LATE)?_(?P<id>\d+)_\d+_(?P<file>.+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, order=True)
class _Candidate:
    """A file that could be a student's notebook or module; the smallest of a student's is the one meant."""

    renamed: bool
    depth: int
    path: Path = field(compare=False)


class UploadCollector(FileNameCollectorPlugin):
    """Finds out whose notebook or module each unpacked file is.

    Where the instructor has set ``named_regexp``, nbgrader's own class works as ever. Without it these are understood,
    for an assignment `cnn`: Moodle's ``Ada Lovelace_123_assignsubmission_file_/cnn.ipynb`` (or the same in one name),
    Canvas's ``lovelaceada_123_456_cnn.ipynb`` (also with ``LATE``), ``ada_cnn.ipynb``, and ``ada/cnn.ipynb``; a file
    may end in ``-1`` or ``(1)``. A folder may be an archive. Students are then called ``Ada-Lovelace_123``,
    ``lovelaceada_123`` and ``ada``.

    The outermost name that a platform made decides, because what is inside was named by the student. A student's
    file that bears its exact name goes before copies of it, and one nearer to the top before one in a sub-folder;
    where that leaves two, neither is taken.
    """

    _found: dict[str, dict[str, str]] | None = None

    def collect(self, submitted_file: str) -> dict[str, str] | None:
        """What nbgrader wants to know of a file, None for a file that is not collected."""
        keep_clean(self.log)
        if self.named_regexp:
            found: dict[str, str] | None = super().collect(submitted_file)
            return self._without_impossible(submitted_file, found)
        if self._found is None:
            app = self.parent
            root = Path(app._format_collect_path(app.extracted_directory))  # noqa: SLF001  # nbgrader tells it nowhere else
            self._found = self._choose(root, app.coursedir.assignment_id)
        return self._found.get(submitted_file)

    def _without_impossible(self, file: str, found: dict[str, str] | None) -> dict[str, str] | None:
        """What the instructor's pattern found, without a time that is none; None where it must not be collected."""
        why = _why_not_collected(found) if found else None
        if why is not None:
            self.log.warning("Not collected, because %s: %s", why, file)
            return None
        if found and found.get("timestamp") and not _is_time(found["timestamp"]):
            self.log.warning("What should be the time in this file's name is none, and passed over: %s", file)
            return {name: value for name, value in found.items() if name != "timestamp"}
        return found

    def _choose(self, root: Path, assignment: str) -> dict[str, dict[str, str]]:
        candidates: dict[tuple[str, str], list[_Candidate]] = {}
        owners: dict[Path, _Owner] = {}
        for path in sorted(root.rglob("*")):
            if path.suffix in self.valid_ext and not path.is_symlink() and path.is_file():
                owner = _find_owner(path.relative_to(root), assignment)
                if owner is not None:
                    owners[path] = owner
        students = _name_apart(owners.values())
        for path, owner in owners.items():
            student = students[owner]
            if student is not None:
                parts = path.relative_to(root).parts
                candidate = _Candidate(_work_stem(path.name, assignment) != path.stem, len(parts), path)
                candidates.setdefault((student, path.suffix), []).append(candidate)
        found = {}
        for (student, suffix), files in candidates.items():
            first, *others = sorted(files)
            if first in others:
                self.log.warning(
                    "Left out: %d files could be the %s%s of student '%s', such as %s. An archive that holds several "
                    "students under plain names has to be called %s.zip.",
                    len(files), assignment, suffix, student, first.path, assignment,
                )  # fmt: skip
                continue
            for other in others:
                self.log.warning("Left out, because %s is there too: %s", first.path, other.path)
            found[str(first.path)] = {"student_id": student, "file_id": f"{assignment}{suffix}"}
        return found


def _why_not_collected(found: dict[str, str]) -> str | None:
    """Why what a pattern found must not be collected: nbgrader ends its run at some of it, and joins the rest to a path."""
    if any(name in found and not isinstance(found[name], str) for name in ("student_id", "file_id")):
        return "the pattern finds only a part of what it looks for"
    told = refusal(found.get("student_id", ""))
    if told is not None:
        return told.rstrip(".")
    # An absolute name would take the place of the student's folder: part of the path may be the student's own.
    file = found.get("file_id", "")
    leads_elsewhere = file.startswith("/") or ".." in file.split("/") or "\0" in file
    return "the pattern finds a name that leads elsewhere" if leads_elsewhere else None


def _is_time(text: str) -> bool:
    try:
        parse_utc(text)
    except (ValueError, OverflowError):
        return False
    return True


class _Owner(NamedTuple):
    """Whom a platform or a file names: what it calls somebody, and its number for that person or ""."""

    name: str
    number: str = ""


def _name_apart(owners: Iterable[_Owner]) -> dict[_Owner, str | None]:
    """The student's name of each owner: where two would share one, those who are called otherwise get a digest."""
    students = {owner: as_student(*owner) for owner in owners}
    shared = Counter(students.values())
    return {
        owner: with_digest(student, owner.name)
        if student is not None and shared[student] > 1 and student not in (owner.name, f"{owner.name}_{owner.number}")
        else student
        for owner, student in students.items()
    }


def recognise(path: Path, assignment: str) -> str | None:
    """The student whose notebook or module this is, None where it is neither or nobody is named.

    path: relative to the folder of unpacked uploads.
    """
    owner = _find_owner(path, assignment)
    return None if owner is None else as_student(*owner)


def _find_owner(path: Path, assignment: str) -> _Owner | None:
    stem = _work_stem(path.name, assignment)
    if stem is None:
        return None
    for part in path.parts:
        made = _MOODLE.fullmatch(part) or _CANVAS.fullmatch(part)
        if made:
            return _Owner(made["name"], made["id"])
    parts = list(path.parts)
    while len(parts) > 1 and parts[0] == assignment:
        del parts[0]  # the class's archive, or a folder as it was fetched: nobody's name
    owner = parts[0] if len(parts) > 1 else stem
    return None if owner == assignment else _Owner(owner.removesuffix(f"_{assignment}"))


def _work_stem(name: str, assignment: str) -> str | None:
    """The name of a student's work without its ending, and without what browsers and platforms add to a second copy."""
    stem = Path(name).stem
    loose = re.sub(r"(?:-\d+| ?\(\d+\))$", "", stem)
    return next((each for each in (stem, loose) if each == assignment or each.endswith(f"_{assignment}")), None)
