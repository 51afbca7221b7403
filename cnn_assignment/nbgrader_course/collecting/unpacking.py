"""Unpacks the download of a platform: the archives of one upload share limits, and a bad one costs only itself."""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbgrader.plugins import ExtractorPlugin
from traitlets import Integer

from cnn_assignment.nbgrader_course.collecting.archives import CLONED, is_litter, reason, unpack
from cnn_assignment.nbgrader_course.notebooks.files import MOST_LEVELS, CopyBudget
from cnn_assignment.nbgrader_course.notebooks.logs import keep_clean

_MIB = 1024 * 1024
_COMPRESSED = (".gz", ".bz2", ".xz")
_TAR_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
# Of what a student's archive holds in all, many of them zeros; text and pictures are a tenth of it.
_HONEST_RATIO = 100
_ALWAYS_ALLOWED = 64 * _MIB


class CarefulUnpacker(ExtractorPlugin):
    """Unpacks every archive into a folder of its name, as nbgrader does, within limits and never outside.

    Links and other special members, absolute names, names with ``..`` and names that no file can have are left out, and
    so are members in too many folders. An archive that is broken, encrypted or too large is kept as it is, is named with
    the reason, and costs nobody else anything: all archives of an upload share one limit, small ones go first, and none
    may use more than an equal share of the rest, so that a bomb leaves enough for the others. Of an archive of the upload
    itself, which may be a class's, only the largest members are left out, and those that cannot be unpacked.
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
    max_depth = Integer(4, help="How many archives may be inside each other: a class of zipped folders is 2.").tag(
        config=True
    )

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.left_out: list[str] = []
        """Lines to show at the end: each file that was left out or not unpacked, with the reason."""
        self.unpacked: set[Path] = set()
        """The folders that were archives."""

    def extract(self, archive_path: str, extracted_path: str) -> None:
        """Unpack archives, and copy all other files, from one folder into another one with the same sub-folders."""
        keep_clean(self.log)
        source, target = Path(archive_path), Path(extracted_path)
        files = sorted(self._files(source))
        if not files:
            self.log.warning("No files found in directory: %s", source)
        plans = []
        for path in files:
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                self._leave_out("it is not a file", path)
                continue
            folder = target / path.parent.relative_to(source)
            try:
                folder.mkdir(parents=True, exist_ok=True)
                if path.is_dir():
                    # Empty, whatever is in it: it is litter, or nothing.
                    (folder / path.name).mkdir(exist_ok=True)
                elif self._is_archive(path):
                    kept = folder / path.name
                    plans.append(_Plan(path, _free_folder(folder, path.name), path.stat().st_size, kept))
                else:
                    self.log.info("Copying %s to %s", path, folder)
                    _copy(path, folder / path.name)
            except OSError as error:
                self._leave_out(f"it cannot be copied ({reason(error)})", path)
        packed = sum(plan.size for plan in plans)
        most = min(self.max_total_mib * _MIB, _ALWAYS_ALLOWED + _HONEST_RATIO * packed)
        self._unpack_all(plans, CopyBudget(most, self.max_total_files, seconds=self.max_total_seconds), 1)

    def _leave_out(self, why: str, path: Path) -> None:
        self.log.warning("Left out, because %s: %s", why, path)
        self.left_out.append(f"{path}: {why}")

    def _files(self, top: Path) -> Iterator[Path]:
        """All files and links below a folder, down to a depth, and all empty folders."""
        todo = [(top, 1)]
        while todo:
            folder, level = todo.pop()
            with os.scandir(folder) as scanned:
                entries = [entry for entry in scanned if not is_litter(entry.name)]
            if not entries and folder != top:
                yield folder
            if (folder / CLONED).is_dir():
                yield folder / CLONED
            for entry in entries:
                if not entry.is_dir(follow_symlinks=False):
                    yield Path(entry.path)
                elif level < MOST_LEVELS:
                    todo.append((Path(entry.path), level + 1))
                else:
                    self._leave_out("it lies in too many folders", Path(entry.path))

    def _is_archive(self, path: Path) -> bool:
        return path.suffix.lower() in self.zip_ext

    def _unpack_all(self, plans: Sequence[_Plan], budget: CopyBudget, depth: int) -> None:
        """Unpack archives, and then those inside them, each with an equal share of what the budget has left."""
        inner: list[_Plan] = []
        for number, plan in enumerate(sorted(plans, key=lambda plan: plan.size)):
            waiting = len(plans) - number
            entries = min(self.max_files, budget.entries_left // waiting)
            seconds = min(self.max_seconds, budget.seconds_left / waiting)
            share = CopyBudget(budget.left // waiting, entries, budget, seconds)
            inner += self._unpack(plan, share, depth)
        if inner:
            self._unpack_all(inner, budget, depth + 1)

    def _unpack(self, plan: _Plan, budget: CopyBudget, depth: int) -> list[_Plan]:
        """Unpack one archive, which is kept where it cannot be unpacked. Returns those that are inside it."""
        self.log.info("Extracting from %s to %s", plan.archive, plan.target)
        most = (self.max_archive_mib if depth == 1 else self.max_inner_mib) * _MIB
        try:
            for warning in unpack(
                plan.archive, plan.target, most, self.max_files, budget=budget, may_be_a_class=depth == 1
            ):
                self.log.warning("%s: %s", plan.archive, warning)
                self.left_out.append(f"{plan.archive}: {warning}")
        # zipfile and tarfile raise two dozen types on hostile input; one archive must not cost the class its collection.
        except Exception as error:  # noqa: BLE001
            shutil.rmtree(plan.target, ignore_errors=True)
            self._keep_packed(plan, error)
            return []
        self.unpacked.add(plan.target)
        if plan.archive == plan.kept:
            plan.archive.unlink()
        return list(self._plan_inner(plan.target, depth))

    def _keep_packed(self, plan: _Plan, error: Exception) -> None:
        """Leave an archive in the place of what is in it: so it is still seen who has handed it in."""
        name = plan.archive.name.lower()
        is_data = (
            name.endswith(_COMPRESSED) and not name.endswith(_TAR_ENDINGS) and isinstance(error, tarfile.ReadError)
        )
        if is_data:
            self.log.info("No archive, but one compressed file: %s", plan.archive)
        else:
            self._leave_out(f"it cannot be unpacked ({reason(error)})", plan.archive)
        if plan.archive != plan.kept and plan.size <= self.max_inner_mib * _MIB:
            _copy(plan.archive, plan.kept)

    def _plan_inner(self, folder: Path, depth: int) -> Iterator[_Plan]:
        for inner in sorted(path for path in folder.rglob("*") if path.is_file() and self._is_archive(path)):
            if depth >= self.max_depth:
                self._leave_out("it is an archive in too many others", inner)
                continue
            try:
                yield _Plan(inner, _free_folder(inner.parent, inner.name), inner.stat().st_size, inner)
            except OSError as error:
                self._leave_out(f"it cannot be unpacked ({reason(error)})", inner)


@dataclass(frozen=True, slots=True)
class _Plan:
    """An archive, the new folder for what it holds, its size in bytes, and its place where it cannot be unpacked."""

    archive: Path
    target: Path
    size: int
    kept: Path


def _copy(source: Path, target: Path) -> None:
    """Copy a file with its time, which tells which of two uploads is the later one."""
    shutil.copyfile(source, target)
    found = source.stat()
    os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))


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
