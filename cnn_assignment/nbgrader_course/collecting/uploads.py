"""Finds the owner of each file in a download of Moodle, Canvas, Blackboard, Gradescope, GitHub Classroom, or plain names.

The outermost name that a platform made decides, because students chose the names inside. A folder that may be one person's
or several people's has no owner: two people are never merged.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from cnn_assignment.core.names import module_of
from cnn_assignment.nbgrader_course.collecting.archives import CLONED, is_litter
from cnn_assignment.nbgrader_course.collecting.gradescope import METADATA, is_submission, read_submitters

_MOODLE = re.compile(r"(?P<name>.+?)(?:_(?P<id>\d+))?_assignsubmission_[a-z]+(?:_(?P<file>.*))?", re.IGNORECASE)
_BLACKBOARD = re.compile(
    r".+_(?P<name>[^_]+)_attempt_(?P<time>\d{4}(?:-\d\d){5})(?:_(?P<file>.+)|\.txt)", re.IGNORECASE
)
_CANVAS = re.compile(r"(?P<name>.+?)(?:_LATE)?_(?P<id>\d+)_(?P<upload>\d+)_(?P<file>.+)", re.IGNORECASE)
_WORK = (".ipynb", ".py")
# Parts of one person's project, which people are not called.
_PARTS = frozenset(
    [
        "backup",
        "code",
        "data",
        "docs",
        "drafts",
        "final",
        "helpers",
        "layers",
        "lib",
        "models",
        "modules",
        "new",
        "notebooks",
        "old",
        "src",
        "tests",
        "utils",
    ]
)
# What assignments are called, and people are not: the first words of repositories' names.
_TASK = re.compile(r"\d+|(?:assignment|exercise|ex|final|homework|hw|lab|project|pset|task|week)\d*")
_MOST_WRAPPERS = 4
_MOST_READ = 4 * 1024 * 1024


class Owner(NamedTuple):
    """A person as a platform or a file names them: the name, and the platform's number or ""."""

    name: str
    number: str = ""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file or a folder that is one person's.

    name: what the person called it, "" for a folder that only a platform named. source: the folder of the download in
    which it lies; what one person has in two of them are two attempts. version: of two uploads of one name the larger
    one is the later, () where names tell nothing of that. attempt: the same for attempts, where a platform counts them.
    """

    owner: Owner
    path: Path
    name: str
    source: Path
    version: tuple[int, ...] = ()
    attempt: int | None = None


@dataclass(frozen=True, slots=True)
class Nobodys:
    """A file or folder that cannot be assigned to a student: why, and a full sentence that says what to do about it."""

    path: Path
    why: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Uploads:
    """All that was found in a download."""

    people: list[Upload] = field(default_factory=list)
    nobodys: list[Nobodys] = field(default_factory=list)


def find_uploads(root: Path, assignment: str) -> Uploads:
    """The owners of the files and folders that were unpacked into a folder."""
    found = Uploads()
    _Search(assignment, found).look_into(root, may_be_alone=True)
    return found


def split_copy(name: str) -> tuple[str, int]:
    """A file's name without the number that Canvas hangs on the name of a later upload, and this number or 0."""
    path = Path(name)
    made = re.fullmatch(r"(?P<stem>.+)-(?P<number>\d{1,9})", path.stem)
    return (made["stem"] + path.suffix, int(made["number"])) if made else (name, 0)


@dataclass(frozen=True, slots=True)
class _Search:
    assignment: str
    found: Uploads

    def look_into(self, folder: Path, *, may_be_alone: bool) -> None:
        """Go through a folder that holds several people's work. may_be_alone: whether nothing lies beside it."""
        entries = list_entries(folder)
        submitters = read_submitters(folder)
        prefix = self._repository_prefix(folder, entries)
        is_alone = may_be_alone and sum(entry.is_dir() or _is_work(entry) for entry in entries) == 1
        named = {entry: upload for entry in entries if (upload := _named_by_platform(entry)) is not None}
        # A class's archive may be called so that it looks like one student's upload: cs_2026_1_submissions.zip.
        like_canvas = [entry for entry, upload in named.items() if upload.version and entry.is_dir()]
        if len(like_canvas) == len(named) and all(_is_platforms(entry, _MOST_WRAPPERS) for entry in like_canvas):
            named = {}
        for entry in entries:
            if entry.name in submitters or is_submission(entry.name):
                self._take_submission(entry, submitters.get(entry.name, []), has_list=bool(submitters))
            elif is_alone and entry in named and entry in like_canvas and (doubt := self._why_several(entry)):
                self._refuse_doubtful(entry, doubt)
            elif entry in named:
                self.found.people.append(named[entry])
            elif entry.is_dir():
                self._take_folder(entry, prefix, is_alone=is_alone)
            elif entry.name != METADATA:
                self._take_file(entry)

    def _take_submission(self, folder: Path, people: Sequence[tuple[str, str]], *, has_list: bool) -> None:
        """A folder of Gradescope's, which belongs to each of its submitters."""
        digits = re.sub(r"\D", "", folder.name)
        for name, number in dict.fromkeys(people):
            owner = Owner(unicodedata.normalize("NFC", name), number or digits)
            self.found.people.append(Upload(owner, folder, "", folder, attempt=int(digits[:18] or 0)))
        if not people:
            why = (
                f"{METADATA} does not say whose it is" if has_list else f"there is no {METADATA} that says whose it is"
            )
            remedy = "Put Gradescope's export there as it was downloaded, with that file, or give the folder the student's name."
            self._refuse(folder, why, remedy)

    def _take_folder(self, folder: Path, prefix: str, *, is_alone: bool) -> None:
        """Take a folder that no platform has named: one person's, or several people's."""
        doubt = self._why_several(folder)
        is_platforms = _is_platforms(folder, _MOST_WRAPPERS)
        is_called_a_students = folder.name.lower().endswith(f"_{self.assignment.lower()}")
        is_called_a_class = re.sub(r" ?\(\d+\)$", "", folder.name).lower() == self.assignment.lower()
        if is_called_a_class or (is_platforms and not is_called_a_students) or (is_alone and (is_platforms or doubt)):
            self.look_into(folder, may_be_alone=is_alone)
        elif is_platforms:
            # A student may have made these names, and would be taken for others.
            remedy = f"If it is a platform's download, call it or its archive {self.assignment}."
            self._refuse(
                folder, "it is called like one student's, and holds what a platform calls several people's", remedy
            )
        elif doubt and not is_called_a_students:
            self._refuse_doubtful(folder, doubt)
        else:
            name = _without_ending(folder.name.removeprefix(prefix), f"_{self.assignment}")
            self.found.people.append(Upload(Owner(name), folder, "", folder.parent))

    def _refuse_doubtful(self, folder: Path, doubt: str) -> None:
        remedy = (
            f"If it holds several students, call it or its archive {self.assignment}; "
            f"if it is one student's, call it <student>_{self.assignment}."
        )
        self._refuse(folder, doubt, remedy)

    def _take_file(self, file: Path) -> None:
        stem = self._work_stem(file.name)
        ending = next((each for each in self._stems if (stem or "").lower().endswith(f"_{each}")), "")
        name = (stem or "")[: -len(ending) - 1] if ending else stem
        if stem is None or stem.lower() in self._stems or not name:
            remedy = f"Call it <student>_{self.assignment}{file.suffix}, or put it into a folder that has the student's name."
            self._refuse(file, "nothing says whose it is", remedy)
        else:
            self.found.people.append(Upload(Owner(name), file, file.name[len(name) + 1 :], file.parent))

    def _refuse(self, path: Path, why: str, remedy: str) -> None:
        self.found.nobodys.append(Nobodys(path, why, remedy))

    def _why_several(self, folder: Path) -> str | None:
        """The reason to take a folder for several people's; None where there is none."""
        entries = list_entries(folder)
        if len(entries) == 1 and entries[0].is_dir():
            return self._why_several(entries[0])
        files = [entry for entry in entries if _is_work(entry) and entry.name.lower() not in self._given]
        stems = {stem.lower() for file in files if (stem := self._work_stem(file.name))}
        if stems.intersection(self._stems):
            return None
        if len(stems) > 1:
            return f"it holds work under several names, such as {' and '.join(sorted(stems)[:2])}"
        if rivals := _find_rivals(files):
            return f"it holds the same work under several names, such as {rivals[0].name} and {rivals[1].name}"
        inside = [entry for entry in entries if self._may_be_a_persons(entry, must_be_exact=bool(files))]
        if len(inside) > 1:
            return f"it holds work in several folders, such as {inside[0].name} and {inside[1].name}"
        return None

    @property
    def _given(self) -> frozenset[str]:
        """What lies in a folder without being anybody's work."""
        return frozenset({*(f"test_{each}.py" for each in self._stems), "conftest.py"})

    @property
    def _stems(self) -> tuple[str, ...]:
        """What a student's work is called, in small letters: a notebook as the assignment, a file as its module."""
        ours = self.assignment.lower()
        return (ours, module_of(ours))

    def _may_be_a_persons(self, folder: Path, *, must_be_exact: bool) -> bool:
        """Whether a folder in another one may be a person's: it holds work, and is no part of a project."""
        if not folder.is_dir() or folder.name.lower() in _PARTS | {self.assignment.lower()}:
            return False
        if (folder / "__init__.py").exists():
            return False
        work = [path for path in _walk(folder) if _is_work(path)]
        return any(self._work_stem(path.name) is not None for path in work) if must_be_exact else bool(work)

    def _repository_prefix(self, folder: Path, entries: Sequence[Path]) -> str:
        """The prefix that GitHub Classroom puts before every name, its own name of the assignment; "" elsewhere."""
        names = [entry.name for entry in entries if entry.is_dir() and not _is_platforms(entry, 1)]
        names = [name for name in names if name.lower() != self.assignment.lower()]
        if not names:
            return ""
        if prefix := _classroom_prefix(folder, names):
            return prefix
        parts = [name.lower().split("-") for name in names]
        most = min(len(each) for each in parts) - 1
        shared = next((at for at in range(most) if len({each[at] for each in parts}) > 1), most)
        ours = set(self.assignment.lower().split("-"))
        words = [
            at for at in range(shared) if parts[0][at] in ours or (len(names) > 1 and _TASK.fullmatch(parts[0][at]))
        ]
        if not words and _are_clones([folder / name for name in names]):
            words = list(range(shared))
        return "-".join(names[0].split("-")[: words[-1] + 1]) + "-" if words else ""

    def _work_stem(self, name: str) -> str | None:
        """The name of a student's work without its ending, and without what browsers add to a second copy."""
        stem = _without_ending(Path(name).stem, ".tar")
        loose = re.sub(r"(?:-\d+| ?\(\d+\))$", "", stem)
        endings = tuple(f"_{each}" for each in self._stems)
        found = (each for each in (stem, loose) if each.lower() in self._stems or each.lower().endswith(endings))
        return next(found, None)


def _named_by_platform(entry: Path) -> Upload | None:
    """The upload that Moodle's, Blackboard's or Canvas's name makes of a file or folder."""
    # One name may be written in two ways, of which archives of other systems have the longer one.
    name = unicodedata.normalize("NFC", entry.name)
    if made := _MOODLE.fullmatch(name):
        return Upload(Owner(made["name"], made["id"] or ""), entry, made["file"] or "", entry.parent)
    if made := _BLACKBOARD.fullmatch(name):
        source = entry.parent / made["time"]
        counted = int(made["time"].replace("-", ""))
        return Upload(Owner(made["name"]), entry, made["file"] or entry.name, source, attempt=counted)
    if made := _CANVAS.fullmatch(name):
        _, copy = split_copy(made["file"])
        version = (copy, int(made["upload"]))
        return Upload(Owner(made["name"], made["id"]), entry, made["file"], entry.parent, version)
    return None


def _is_platforms(folder: Path, levels: int) -> bool:
    """Whether names in a folder are a platform's, or in one that is in it and has no work beside it."""
    entries = list_entries(folder)
    names = [entry.name for entry in entries if entry.is_dir()]
    if any(_named_by_platform(entry) or is_submission(entry.name) for entry in entries):
        return True
    if any(entry.name == METADATA for entry in entries) or _classroom_prefix(folder, names):
        return True
    if _are_clones([entry for entry in entries if entry.is_dir()]):
        return True
    if levels <= 1 or any(_is_work(entry) for entry in entries):
        return False
    return any(entry.is_dir() and _is_platforms(entry, levels - 1) for entry in entries)


def _classroom_prefix(folder: Path, names: Sequence[str]) -> str:
    """The prefix of what GitHub's own command clones: ``<prefix>-submissions/<prefix>-<user>``; "" for anything else."""
    prefix = f"{_without_ending(folder.name, '-submissions')}-"
    is_clone = folder.name.endswith("-submissions") and bool(names) and all(name.startswith(prefix) for name in names)
    return prefix if is_clone else ""


def _are_clones(folders: Sequence[Path]) -> bool:
    """Whether these are several repositories, each fetched with its history."""
    return len(folders) > 1 and all((folder / CLONED).is_dir() for folder in folders)


def _find_rivals(files: Sequence[Path]) -> tuple[Path, Path] | None:
    """Two files of which one defines half of what the other one does: two people's work, or two editions of one's."""
    defined = [(file, _definitions(file)) for file in files]
    for (one, names), (other, others) in combinations([each for each in defined if each[1]], 2):
        if 2 * len(names & others) >= min(len(names), len(others)):
            return one, other
    return None


def _definitions(file: Path) -> frozenset[str]:
    """The names of classes and functions on the top level of a module or notebook, as far as its lines tell."""
    with file.open("rb") as stream:
        text = stream.read(_MOST_READ).decode("utf-8", "replace")
    # In a notebook a line begins behind a quote, or behind a line break that is written out.
    return frozenset(re.findall(r'(?:^|"|\\n)(?:class|def) (\w+)', text, re.MULTILINE)) - {"main"}


def list_entries(folder: Path) -> list[Path]:
    """The files and folders in a folder, sorted, without litter and links."""
    with os.scandir(folder) as scanned:
        return sorted(Path(entry.path) for entry in scanned if not is_litter(entry.name) and not entry.is_symlink())


def _walk(folder: Path) -> Iterator[Path]:
    todo = [folder]
    while todo:
        for entry in list_entries(todo.pop()):
            if entry.is_dir():
                todo.append(entry)
            else:
                yield entry


def _is_work(path: Path) -> bool:
    return path.suffix.lower() in _WORK and path.is_file()


def _without_ending(name: str, ending: str) -> str:
    return name[: len(name) - len(ending)] if name.lower().endswith(ending.lower()) else name
