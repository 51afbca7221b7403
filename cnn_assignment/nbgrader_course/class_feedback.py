"""The feedback pages of a class: those that are still right are kept, the others are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cnn_assignment.core.digests import data_digest, kit_digest
from cnn_assignment.core.model import Assignment

if TYPE_CHECKING:
    from cnn_assignment.nbgrader_course.class_gradebook import Memory
    from cnn_assignment.nbgrader_course.gradebook.state import GradebookPlace


@dataclass(frozen=True, slots=True)
class Feedback:
    """What became of the pages of a class.

    folder: where all of them are. failures: by student why there is none. left_out: students whose marks the gradebook
    does not hold.
    """

    folder: Path
    made: int
    kept: int
    failures: dict[str, str]
    left_out: tuple[str, ...]


class FeedbackRun:
    """Planned pages: todo are the students whose page is to be made.

    A page is kept where the folder that it is in, and everything that it was made from, is as it was: the graded
    notebook and what lies beside it, what the gradebook shows, nbgrader's configuration, templates, libraries and the
    kit. Digests of contents say so, and no clock.
    """

    def __init__(
        self,
        assignment: Assignment,
        students: Sequence[str],
        journal: Memory,
        place: GradebookPlace,
        *,
        left_out: Sequence[str],
        jobs: int,
        fresh: bool,
    ) -> None:
        from cnn_assignment.nbgrader_course.pages.shown import folder_digest, look_digest, read_shown

        self._assignment = assignment
        self._journal = journal
        self._place = place
        self._jobs = jobs
        self._left_out = tuple(left_out)
        self._digest = folder_digest
        shown = read_shown(place, assignment.name)
        common = f"{assignment.name} {kit_digest()} {place.config_digest} {look_digest(place)}"
        self._keys = {student: self._key(student, common, shown.get(student, "")) for student in students}
        self.todo = [student for student in students if fresh or not self._is_right(student)]

    def run(self, progress: Callable[[str], None] = lambda _: None) -> Feedback:
        """Make the pages that are to be made; one that cannot be made costs no other."""
        from cnn_assignment.nbgrader_course.pages.feedback_pool import write_feedback

        failures = {}
        with closing(write_feedback(self._assignment, self.todo, self._jobs)) as finished:
            for student, failure in finished:
                folder = self._place.feedback_of(student)
                if failure is None:
                    self._journal.put_page(student, self._keys[student], self._digest(folder))
                else:
                    failures[student] = failure
                progress(student)
        return Feedback(
            self._place.feedback_folder,
            len(self.todo) - len(failures),
            len(self._keys) - len(self.todo),
            failures,
            self._left_out,
        )

    def _key(self, student: str, common: str, shown: str) -> str:
        graded = self._digest(self._place.notebook_of(student).parent)
        return data_digest(f"{common} {student!r} {shown} {graded}".encode())

    def _is_right(self, student: str) -> bool:
        key, folder = self._journal.page(student) or ("", "")
        if key != self._keys[student]:
            return False
        with suppress(OSError):
            return self._digest(self._place.feedback_of(student)) == folder
        return False
