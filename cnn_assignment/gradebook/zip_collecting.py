"""`nbgrader zip_collect` for uploads from a learning platform: archives are hostile, and file names are a mess."""

from __future__ import annotations

import re
import shutil
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from nbgrader.plugins import ExtractorPlugin, FileNameCollectorPlugin
from traitlets import Integer

from cnn_assignment.gradebook.files import Budget, TooLargeError

if TYPE_CHECKING:
    from traitlets.config import Config

_MIB = 1024 * 1024
_TAR_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
# What systems and editors leave in folders: a copy of the work among them is never the work.
_LITTER = re.compile(r"\..*|__MACOSX|__pycache__", re.IGNORECASE)
_LONGEST_NAME = 200


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

    Links and other special members, absolute names and names with ``..`` are left out. An archive that is broken,
    encrypted or too large is left out with the reason, and costs nobody else anything.
    """

    max_archive_mib = Integer(
        1024, help="The most that an archive may hold, unpacked; one inside another is counted for itself."
    ).tag(config=True)
    max_inner_mib = Integer(256, help="The same for an archive inside an archive, such as a student's own.").tag(
        config=True
    )
    max_files = Integer(20_000, help="The most members that an archive may have.").tag(config=True)
    max_depth = Integer(2, help="How many archives may be inside each other: a class of zipped folders is 2.").tag(
        config=True
    )

    def extract(self, archive_path: str, extracted_path: str) -> None:
        """Unpack archives, and copy all other files, from one folder into another one with the same sub-folders."""
        source, target = Path(archive_path), Path(extracted_path)
        files = [path for path in sorted(source.rglob("*")) if not path.is_dir() or path.is_symlink()]
        if not files:
            self.log.warning("No files found in directory: %s", source)
        for path in files:
            if path.is_symlink() or not path.is_file():
                self.log.warning("Left out, because it is not a file: %s", path)
                continue
            folder = target / path.parent.relative_to(source)
            folder.mkdir(parents=True, exist_ok=True)
            if self._is_archive(path):
                self._unpack(path, folder, 1)
            else:
                self.log.info("Copying %s to %s", path, folder)
                shutil.copyfile(path, folder / path.name)

    def _is_archive(self, path: Path) -> bool:
        return path.suffix.lower() in self.zip_ext

    def _unpack(self, archive: Path, folder: Path, depth: int) -> None:
        """Unpack one archive, and those inside it; nothing is left of one that cannot be unpacked."""
        target = _free_folder(folder, archive.name)
        self.log.info("Extracting from %s to %s", archive, target)
        most = (self.max_archive_mib if depth == 1 else self.max_inner_mib) * _MIB
        try:
            for warning in unpack(archive, target, most, self.max_files):
                self.log.warning("%s: %s", archive, warning)
        # zipfile and tarfile raise two dozen types on hostile input; one archive must not cost the class its collection.
        except Exception as error:  # noqa: BLE001
            shutil.rmtree(target, ignore_errors=True)
            self.log.warning("Left out, because it cannot be unpacked (%s): %s", _reason(error), archive)
            return
        for inner in sorted(path for path in target.rglob("*") if path.is_file() and self._is_archive(path)):
            if depth < self.max_depth:
                self._unpack(inner, inner.parent, depth + 1)
            else:
                self.log.warning("Left out, because it is an archive in an archive in an archive: %s", inner)
            inner.unlink()


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


def unpack(archive: Path, target: Path, most: int, most_files: int) -> list[str]:
    """Unpack the files of a zip or tar archive into an existing, empty folder; returns what was left out, and why.

    most: bytes in all, counted as they come and not as the archive claims. Raises TooLargeError beyond it or beyond
    most_files, and whatever zipfile and tarfile raise where the archive cannot be read.
    """
    warnings, budget = [], Budget(most)
    if archive.stat().st_size > most:
        raise TooLargeError(f"more than {most // _MIB} MiB")
    with _open_archive(archive, most) as members:
        for number, member in enumerate(members):
            if number >= most_files:
                raise TooLargeError(f"more than {most_files} members")
            parts = _safe_parts(member.name)
            if parts is None or not member.is_file:
                what = "is not a file" if parts else "has a name that leads elsewhere"
                warnings.append(f"left out a member that {what}: {member.name[:_LONGEST_NAME]!r}")
            elif not any(map(_LITTER.fullmatch, parts)):
                path = target.joinpath(*parts)
                path.parent.mkdir(parents=True, exist_ok=True)
                with member.open() as source, path.open("wb") as copy:
                    budget.copy(source, copy)
    return warnings


@dataclass(frozen=True, slots=True)
class _Member:
    """A member of an archive that is no folder."""

    name: str
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
def _open_archive(path: Path, most: int) -> Iterator[Iterator[_Member]]:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as zipped:
            yield (
                _Member(info.filename, _is_plain(info), zipped, info) for info in zipped.infolist() if not info.is_dir()
            )
        return
    # Decompressed into a file first: tarfile reads some headers into memory as a whole, whatever size they claim.
    with tempfile.TemporaryFile() as plain:
        _decompress(path, plain, most)
        with tarfile.open(fileobj=plain, mode="r:") as tarred:
            yield (_Member(info.name, info.isreg(), tarred, info) for info in tarred if not info.isdir())


def _decompress(path: Path, plain: IO[bytes], most: int) -> None:
    import bz2
    import gzip
    import lzma

    openers: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
    with path.open("rb") as file:
        start = file.read(6)
    opener = next((opener for magic, opener in openers.items() if start.startswith(magic)), open)
    with opener(path, "rb") as stream:
        Budget(most).copy(stream, plain)
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
        if self.named_regexp:
            found: dict[str, str] | None = super().collect(submitted_file)
            return found
        if self._found is None:
            app = self.parent
            root = Path(app._format_collect_path(app.extracted_directory))  # noqa: SLF001  # nbgrader tells it nowhere else
            self._found = self._choose(root, app.coursedir.assignment_id)
        return self._found.get(submitted_file)

    def _choose(self, root: Path, assignment: str) -> dict[str, dict[str, str]]:
        candidates: dict[tuple[str, str], list[_Candidate]] = {}
        for path in sorted(root.rglob("*")):
            if path.suffix not in self.valid_ext or path.is_symlink() or not path.is_file():
                continue
            student = recognise(path.relative_to(root), assignment)
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


def recognise(path: Path, assignment: str) -> str | None:
    """The student whose notebook or module this is, None where it is neither or nobody is named.

    path: relative to the folder of unpacked uploads.
    """
    stem = _work_stem(path.name, assignment)
    if stem is None:
        return None
    for part in path.parts:
        made = _MOODLE.fullmatch(part) or _CANVAS.fullmatch(part)
        if made:
            return _as_id(f"{made['name']}_{made['id']}")
    parts = list(path.parts)
    while len(parts) > 1 and parts[0] == assignment:
        del parts[0]  # the class's archive, or a folder as it was fetched: nobody's name
    owner = parts[0] if len(parts) > 1 else stem
    return None if owner == assignment else _as_id(owner.removesuffix(f"_{assignment}"))


def _work_stem(name: str, assignment: str) -> str | None:
    """The name of a student's work without its ending, and without what browsers and platforms add to a second copy."""
    stem = Path(name).stem
    loose = re.sub(r"(?:-\d+| ?\(\d+\))$", "", stem)
    return next((each for each in (stem, loose) if each == assignment or each.endswith(f"_{assignment}")), None)


def _as_id(name: str) -> str | None:
    """A name that can be a folder and an argument; None where nothing is left of it."""
    plain = re.sub(r"[^\w.@-]+", "-", name.strip()).strip("-.")
    return plain[:_LONGEST_NAME] or None
