"""nbgrader's exchange folder, without its ways to lose a whole class over one student."""

from __future__ import annotations

import glob
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbgrader.exchange import ExchangeError
from nbgrader.exchange.default import ExchangeCollect, ExchangeReleaseFeedback

from cnn_assignment.core.layout import SECRET, TIMESTAMP
from cnn_assignment.core.names import refusal, why_not_a_student
from cnn_assignment.core.texts import clean, shorten
from cnn_assignment.nbgrader_course.notebooks.files import CopyBudget, copy_regular_files
from cnn_assignment.nbgrader_course.notebooks.logs import keep_clean
from cnn_assignment.submissions.plain.folder import is_folder

if TYPE_CHECKING:
    from traitlets.config import Config

_KILOBYTE = 1000  # as nbgrader counts in its setting max_dir_size
_Record = dict[str, Any]


def configure_exchange(c: Config) -> None:
    """Plug the two classes in where nothing else is set; an exchange of another kind stays what it is."""
    for step, plugin in {"collect": CollectRegularFiles, "release_feedback": ReleaseWithSecret}.items():
        if f"ExchangeFactory.{step}" not in c:
            setattr(c.ExchangeFactory, step, plugin)


class ReleaseWithSecret(ExchangeReleaseFeedback):
    """Releases the feedback of everybody whose work came through the exchange, and names the others.

    A page lies in the exchange under a name made of the secret that `nbgrader submit` drew. Work that was put into
    ``submitted/`` by hand, or by `nbgrader zip_collect`, has none, and its student could not fetch the page.
    """

    src_path: str

    def copy_files(self) -> None:
        """Release one student after the other."""
        keep_clean(self.log)
        excluded = self.coursedir.student_id_exclude.split(",")
        folders = glob.glob(self.src_path)  # noqa: PTH207  # nbgrader's path is a pattern from the root on
        for folder in map(Path, sorted(folders)):
            pages = sorted(folder.glob("*.html"))
            if not pages or _student(pages[0]) in excluded:
                continue
            missing = [name for name in (SECRET, TIMESTAMP) if not _has_text(folder / name)]
            if missing:
                self._leave_out(pages, f"there is no {' and no '.join(missing)}")
                continue
            self.src_path = glob.escape(str(folder))
            try:
                super().copy_files()
            except (OSError, ValueError) as error:
                self._leave_out(pages, str(error))

    def _leave_out(self, pages: list[Path], reason: str) -> None:
        for page in pages:
            self.log.warning(
                "Feedback of student '%s' is not released, because %s: only work that came through `nbgrader submit` "
                "has a place in the exchange. Hand out %s yourself.",
                *(_student(page), reason, page),
            )


def _student(page: Path) -> str:
    return page.parent.parent.name


def _has_text(path: Path) -> bool:
    """Whether this is a file with something in it: anybody could guess where a page with an empty secret lies."""
    try:
        return path.is_file() and bool(path.read_bytes().strip())
    except OSError:
        return False


class CollectRegularFiles(ExchangeCollect):
    """Collects files and folders only, never what a link leads to; one submission's trouble stays its own.

    Students may write into ``inbound`` without `nbgrader submit`. A link there to the solution would otherwise be
    read with the instructor's rights, graded as the student's own, and shown in the feedback.
    """

    src_records: list[_Record]

    def init_src(self) -> None:
        """Find the submissions, less what `nbgrader submit` cannot have made and names that no student can have."""
        keep_clean(self.log)
        super().init_src()
        for record in self.src_records:
            if not record["usable"]:
                reason = refusal(record["username"])
                self.log.warning("Not collected, because it is no submission: %s", shorten(record["filename"], 300))
                if reason is not None:
                    self.log.warning("%s", reason)
        self.src_records = [record for record in self.src_records if record["usable"]]

    def _path_to_record(self, path: str) -> _Record:
        try:
            record: _Record = super()._path_to_record(path)
        except (ExchangeError, ValueError, OverflowError):
            name, never = Path(path).name, datetime.min  # noqa: DTZ901  # nbgrader's points in time have no zone
            return {"username": name.split("+")[0], "filename": name, "timestamp": never, "usable": False}
        return {**record, "usable": is_folder(Path(path)) and why_not_a_student(record["username"]) is None}

    def _sort_by_timestamp(self, records: list[_Record]) -> list[_Record]:
        usable = [record for record in records if record["usable"]]
        ordered: list[_Record] = super()._sort_by_timestamp(usable or records)
        return ordered

    def copy_files(self) -> None:
        """Collect the class; fails at the end where a submission could not be copied."""
        self._failures: list[str] = []
        super().copy_files()
        if self._failures:
            self.fail("These submissions are not collected, all others are:\n" + "\n".join(self._failures))

    def do_copy(self, src: str, dest: str, log: Any = None) -> None:
        """Copy one submission, by way of a folder that students cannot reach."""
        try:
            with self._private_copy(Path(src), Path(dest).parent) as copy:
                super().do_copy(str(copy), dest, log)
        except (OSError, ValueError, RuntimeError) as error:
            shutil.rmtree(dest, ignore_errors=True)
            self._failures.append(clean(f"{src}: {error}"))

    @contextmanager
    def _private_copy(self, src: Path, beside: Path) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix=".collecting-", dir=beside) as place:
            copy = Path(place) / "submission"
            copy.mkdir()
            budget = CopyBudget(self.coursedir.max_dir_size * _KILOBYTE)
            for path in copy_regular_files(src, copy, budget):
                self.log.warning("Not collected, because it is neither a file nor a folder: %s", path)
            yield copy
