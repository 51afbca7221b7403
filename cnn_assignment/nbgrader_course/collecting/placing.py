"""The place of each uploaded file in its student's folder, and the choice among several uploads."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from cnn_assignment.core.layout import SECRET, TIMESTAMP
from cnn_assignment.core.names import REMEDY, as_student, with_digest
from cnn_assignment.nbgrader_course.collecting.uploads import Nobodys, Owner, Upload, Uploads, list_entries, split_copy

# Of a file's path in a student's folder: with the course's own before it, a system takes some 4,000.
_MOST_PATH_BYTES = 2_000
_EARLIER = "earlier uploads"


@dataclass(frozen=True, slots=True)
class PlacedFile:
    """One file, whose it is, and its path in the student's folder."""

    source: Path
    student: str
    name: PurePath


@dataclass(frozen=True, slots=True)
class Placement:
    """The contents of all students' folders.

    students: all whom the download names, also those without any file. nobodys: files and folders without an owner.
    earlier: the student and the path of each upload that a later one replaces. passed_over: files that are named like
    the exchange's time and secret, which only the exchange may write.
    """

    files: list[PlacedFile] = field(default_factory=list)
    students: list[str] = field(default_factory=list)
    nobodys: list[Nobodys] = field(default_factory=list)
    earlier: list[tuple[str, Path]] = field(default_factory=list)
    passed_over: list[Path] = field(default_factory=list)


def place(
    uploads: Uploads, assignment: str, endings: Collection[str] = (), unpacked: Collection[Path] = ()
) -> Placement:
    """Place all files of all people.

    endings: those of the files that are wanted, in small letters; () for all. unpacked: the folders that were archives.
    """
    found = Placement(nobodys=list(uploads.nobodys))
    students = _name_apart(upload.owner for upload in uploads.people)
    of_student: dict[str, list[Upload]] = defaultdict(list)
    for upload in uploads.people:
        student = students[upload.owner]
        if student is None:
            found.nobodys.append(Nobodys(upload.path, "its name leaves nothing that a student can be called", REMEDY))
        else:
            of_student[student].append(upload)
    for student, theirs in sorted(of_student.items()):
        found.students.append(student)
        last, before = _last_attempt(theirs)
        found.earlier.extend((student, upload.path) for upload in before)
        named, replaced = _last_versions(last, assignment)
        found.earlier.extend((student, upload.path) for upload in replaced)
        entries = [each for upload, name in named for each in _entries(upload, name)]
        # Canvas takes single files only: a folder of its was an archive.
        archives = {*unpacked, *(upload.path for upload in theirs if upload.version and upload.path.is_dir())}
        files = [each for each in _expand(entries, archives) if not endings or each[0].suffix.lower() in endings]
        _place_files(student, files, assignment, found)
    return found


def _name_apart(owners: Iterable[Owner]) -> dict[Owner, str | None]:
    """The student's name of each owner: where two would share one, those who are called otherwise get a digest."""
    students = {owner: as_student(unicodedata.normalize("NFC", owner.name), owner.number) for owner in owners}
    shared = Counter(students.values())
    return {
        owner: with_digest(student, owner.name)
        if student is not None and shared[student] > 1 and student not in (owner.name, f"{owner.name}_{owner.number}")
        else student
        for owner, student in students.items()
    }


def _last_attempt(uploads: Sequence[Upload]) -> tuple[list[Upload], list[Upload]]:
    """The uploads of one person's latest download or attempt, and those of the earlier ones.

    The platform's own number decides; where it has none, the time of the newest file, and then the download's name.
    """
    attempts: dict[Path, list[Upload]] = defaultdict(list)
    for upload in uploads:
        attempts[upload.source].append(upload)
    last = max(attempts, key=lambda source: (*_age(attempts[source]), _natural(source)))
    return attempts[last], [upload for source, theirs in attempts.items() if source != last for upload in theirs]


def _age(uploads: Sequence[Upload]) -> tuple[int, float]:
    counted = [upload.attempt for upload in uploads if upload.attempt is not None]
    entries = [each for upload in uploads for each in _entries(upload, upload.name)]
    times = (path.stat().st_mtime for path, _ in _expand(entries, ()))
    return max(counted, default=0), max(times, default=0.0)


def _natural(path: Path) -> list[tuple[int, str]]:
    """A path's order among others: numbers in it by their value."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d{1,18})", path.as_posix())]


def _last_versions(uploads: Sequence[Upload], assignment: str) -> tuple[list[tuple[Upload, str]], list[Upload]]:
    """Uploads with their names, the later one of a name without what the platform hung on it; and those it replaces.

    ``layers-1.py`` and ``layers-2.py`` may also be two files that were called so: unless there is ``layers.py``, or the
    name is the assignment's, the earlier one is kept, in a folder where it goes behind the later one.
    """
    named = [(upload, upload.name) for upload in uploads if not upload.version]
    versions: dict[str, list[Upload]] = defaultdict(list)
    for upload in uploads:
        if upload.version:
            versions[split_copy(upload.name)[0]].append(upload)
    replaced = []
    for name, theirs in versions.items():
        *before, last = sorted(theirs, key=lambda upload: upload.version)
        named.append((last, name))
        are_sure = any(upload.name == name for upload in theirs) or Path(name).stem.lower() == assignment.lower()
        if are_sure:
            replaced += before
        else:
            named += [(upload, f"{_EARLIER}/{upload.name}") for upload in before]
    return named, replaced


def _entries(upload: Upload, name: str) -> list[tuple[Path, PurePath]]:
    """The entries that an upload adds to a student's folder: itself, or the contents of a folder that the platform named."""
    if not name and upload.path.is_dir():
        return _children(upload.path, PurePath())
    return [(upload.path, PurePath(name or upload.path.name))]


def _children(folder: Path, name: PurePath) -> list[tuple[Path, PurePath]]:
    """The entries of a folder with their paths in the student's folder, without litter and links."""
    return [(entry, name / entry.name) for entry in list_entries(folder)]


def _expand(entries: Sequence[tuple[Path, PurePath]], archives: Collection[Path]) -> Iterator[tuple[Path, PurePath]]:
    """All files below the entries of one folder. The contents of an archive take its place where no name there is taken."""
    beside = {path: _children(path, name.parent) for path, name in entries if path in archives}
    count = Counter(name for path, name in entries if path not in beside)
    count.update(name for inside in beside.values() for _, name in inside)
    for path, name in entries:
        if not path.is_dir():
            yield path, name
        elif path in beside and all(count[each] == 1 for _, each in beside[path]):
            yield from _expand(beside[path], archives)
        else:
            yield from _expand(_children(path, name), archives)


def _place_files(student: str, files: Sequence[tuple[Path, PurePath]], assignment: str, found: Placement) -> None:
    """Give each file a path of its own: no two the same, and none that is a folder on the way to another one."""
    wrappers = _count_wrappers([name for _, name in files], assignment)
    taken: set[PurePath] = set()
    folders: set[PurePath] = set()
    for path, full_name in files:
        name = plain = PurePath(*full_name.parts[wrappers:])
        number = 2
        while name in taken or name in folders or taken.intersection(name.parents):
            name, number = PurePath(f"upload {number}") / plain, number + 1
        # Said by the student, these would decide what is late.
        if plain in {PurePath(TIMESTAMP), PurePath(SECRET)}:
            found.passed_over.append(path)
        elif len(bytes(name)) > _MOST_PATH_BYTES:
            found.nobodys.append(Nobodys(path, "its path is too long", "Hand it in again in fewer folders."))
        else:
            taken.add(name)
            folders.update(name.parents)
            found.files.append(PlacedFile(path, student, name))


def _count_wrappers(names: Sequence[PurePath], assignment: str) -> int:
    """How many folders are only wrapped around the work: archives, and archives in archives, make many of them.

    The last one stays where its name means something: that of a package, or of another assignment's folder.
    """
    count = 0
    while names and len({name.parts[count] for name in names}) == 1 and all(len(n.parts) > count + 1 for n in names):
        inside = {name.parts[count + 1] for name in names if len(name.parts) == count + 2}
        folder = names[0].parts[count]
        own = {f"{folder}.ipynb", f"{folder}.py"}
        if "__init__.py" in inside or (folder != assignment and not own.isdisjoint(inside)):
            break
        count += 1
    return count
