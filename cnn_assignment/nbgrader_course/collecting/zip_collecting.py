"""`nbgrader zip_collect` for downloads of learning platforms: all files of all students, and a list of the others."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbgrader.plugins import FileNameCollectorPlugin
from nbgrader.utils import parse_utc
from traitlets import List, Unicode

from cnn_assignment.core.names import refusal
from cnn_assignment.nbgrader_course.collecting.placing import PlacedFile, place
from cnn_assignment.nbgrader_course.collecting.unpacking import CarefulUnpacker
from cnn_assignment.nbgrader_course.collecting.uploads import find_uploads
from cnn_assignment.nbgrader_course.notebooks.logs import keep_clean

if TYPE_CHECKING:
    from traitlets.config import Config

NOT_ALL_COLLECTED = 3
"""The exit status where something was left out or is nobody's: a grade will be missing."""

# Copies of a group's files for its second and further members. A name that begins with a dot is never an upload.
_COPIES = ".copies"
_WITH_PATTERN = (".ipynb", ".py")


def configure_collecting(c: Config) -> None:
    """Plug unpacker and collector in; the instructor's own settings stay."""
    defaults: dict[str, Any] = {
        "ZipCollectApp.extractor_plugin": CarefulUnpacker,
        "ZipCollectApp.collector_plugin": UploadCollector,
        "ExtractorPlugin.zip_ext": [".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz"],
    }
    for name, value in defaults.items():
        section, trait = name.split(".")
        if name not in c:
            setattr(c[section], trait, value)


class UploadCollector(FileNameCollectorPlugin):
    """Finds the owner of each unpacked file, and its name in the student's folder.

    Without a ``named_regexp`` these are understood, for an assignment `cnn`: Moodle's
    ``Ada Lovelace_123_assignsubmission_file_/`` (or the same in one name), Canvas's ``lovelaceada_123_456_work.ipynb``
    (also with ``LATE``), Gradescope's export with its ``submission_metadata.yml``, Blackboard's
    ``x_ada_attempt_<time>_work.ipynb``, GitHub Classroom's ``cnn-submissions/cnn-ada/``, ``ada_cnn.ipynb`` and ``ada/``.
    A folder may be an archive, and what a student's folder or archive holds may have any name. Students are then called
    ``Ada-Lovelace_123``, ``lovelaceada_123`` and ``ada``. See `find_uploads` for files without an owner, and `place`
    for the choice among several uploads.

    Where the instructor has set ``named_regexp``, that pattern decides, as ever. Files that are left out are listed at the
    end, and the command then ends with `NOT_ALL_COLLECTED`.
    """

    valid_ext = List(
        Unicode(),
        default_value=[],
        help="The endings of files that are collected. Empty: of all files; with a named_regexp .ipynb and .py.",
    ).tag(config=True)

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._found: dict[str, PlacedFile] | None = None
        self._students: list[str] = []
        self._left_out: list[str] = []
        app, process = self.parent, self.parent.process_extracted_files

        # nbgrader asks its plugins nothing when it has finished, and would end with status 0 whatever was left out.
        def process_and_tell() -> None:
            keep_clean(self.log)
            if not self.named_regexp:
                self._found = self._choose()
            process()
            self._finish()

        app.process_extracted_files = process_and_tell

    def collect(self, submitted_file: str) -> dict[str, str] | None:
        """The student and the name of a file, as nbgrader asks for them; None for a file that is not collected."""
        keep_clean(self.log)
        if self.named_regexp:
            return self._match_pattern(submitted_file)
        if self._found is None:
            self._found = self._choose()
        placed = self._found.get(str(Path(submitted_file)))
        return None if placed is None else {"student_id": placed.student, "file_id": str(placed.name)}

    def _match_pattern(self, file: str) -> dict[str, str] | None:
        """The groups that the instructor's pattern found, without a time that cannot be read; None for a file to leave out."""
        if Path(file).suffix.lower() not in [ending.lower() for ending in self.valid_ext or _WITH_PATTERN]:
            return None
        found: dict[str, str] | None = self._match(file)
        why = _why_not_collected(found) if found else "it does not match named_regexp"
        if found is None or why is not None:
            self.log.warning("Not collected, because %s: %s", why, file)
            self._left_out.append(f"{file}: {why}. Rename it, or change the pattern.")
            return None
        if found.get("timestamp") and not _is_time(found["timestamp"]):
            self.log.warning("What should be the time in this file's name is none, and passed over: %s", file)
            return {name: value for name, value in found.items() if name != "timestamp"}
        return found

    @property
    def _root(self) -> Path:
        app = self.parent
        return Path(app._format_collect_path(app.extracted_directory))  # noqa: SLF001  # nbgrader tells it nowhere else

    def _choose(self) -> dict[str, PlacedFile]:
        root, assignment = self._root, self.parent.coursedir.assignment_id
        if not root.is_dir():
            return {}
        shutil.rmtree(root / _COPIES, ignore_errors=True)
        endings = {ending.lower() for ending in self.valid_ext}
        unpacked = getattr(self.parent.extractor_plugin_inst, "unpacked", ())
        placement = place(find_uploads(root, assignment), assignment, endings, unpacked)
        for student, path in placement.earlier:
            self.log.warning("Left out, because '%s' has handed in a later one: %s", student, path)
        for path in placement.passed_over:
            self.log.warning("Left out, because only the exchange may say this of a submission: %s", path)
        self._students = placement.students
        self._left_out += [
            f"{each.path.relative_to(root)}: {each.why}. {each.remedy}" for each in sorted(placement.nobodys, key=str)
        ]
        found: dict[str, PlacedFile] = {}
        for placed in placement.files:
            found[str(placed.source if str(placed.source) not in found else _copied(placed, root))] = placed
        return found

    def _finish(self) -> None:
        """See that everybody has a folder, list what was left out, and end with a status that says so."""
        app = self.parent
        taken = {placed.student for placed in (self._found or {}).values()}
        for student in self._students:
            if student not in taken:
                self.log.warning("Nothing was handed in by '%s'.", student)
                folder = app.coursedir.format_path(
                    app.coursedir.submitted_directory, student, app.coursedir.assignment_id
                )
                Path(folder).mkdir(parents=True, exist_ok=True)
        lines = [*getattr(app.extractor_plugin_inst, "left_out", ()), *self._left_out]
        if not lines and not self.named_regexp and not self._students:
            archive = app._format_collect_path(app.archive_directory)  # noqa: SLF001  # as above
            lines = [f"{archive}: nobody's work was found. Put what the platform gave into this folder, as it is."]
        if lines:
            self.log.error("Not everything was collected. Left out or nobody's: %d", len(lines))
            for line in lines:
                self.log.error("  %s", line)
            app.exit(NOT_ALL_COLLECTED)


def _copied(placed: PlacedFile, root: Path) -> Path:
    """A copy of a file that is also somebody else's: nbgrader takes each file for one student."""
    path = root / _COPIES / placed.student / placed.name
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(placed.source, path)
    return path


def _why_not_collected(found: dict[str, str]) -> str | None:
    """The reason not to collect a file by what a pattern found: nbgrader would end its run at it, or join it to a path."""
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
