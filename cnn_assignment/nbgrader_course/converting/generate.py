"""nbgrader's `generate_assignment` in this process: the release of an assignment from its source folder."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from cnn_assignment.core.errors import AuthoringError
from cnn_assignment.core.layout import COURSE_CONFIG
from cnn_assignment.core.model import Assignment
from cnn_assignment.core.programs import own_programs_first

if TYPE_CHECKING:
    from traitlets.config import Config


def generate_release(assignment: Assignment, source: Path, release: Path, *, record: bool) -> None:
    """Run nbgrader's GenerateAssignment on ``source/<name>`` into ``release/<name>``: see `authoring.release.Generate`.

    The course's own nbgrader_config.py is in force, so that its gradebook, header and the like are used. Nothing is
    printed. nbgrader, which starts slowly, is imported by the first call.
    """
    from nbgrader.converters import GenerateAssignment
    from nbgrader.converters.base import NbGraderException
    from nbgrader.coursedir import CourseDirectory

    # The same file system path in one form: nbgrader matches what it globs against these by a regular expression.
    source, release = source.resolve(), release.resolve()
    config = _read_config(assignment.root)
    config.SaveCells.enabled = record
    log = _Log()
    course = CourseDirectory(config=config, log=log)
    course.root = str(assignment.root)
    course.source_directory, course.release_directory = str(source), str(release)
    course.assignment_id = assignment.name
    converter = GenerateAssignment(coursedir=course, config=config, log=log)
    converter.force, converter.no_database = True, not record
    try:
        with own_programs_first():
            converter.start()
    except NbGraderException as error:
        raise AuthoringError(
            f"nbgrader could not generate the assignment: {log.reason() or error}",
            place=f"source/{assignment.name}",
            remedy="Nothing was built. If submissions stand in the way, give the new version another name.",
        ) from error


class _Log(logging.Logger):
    """Keeps nbgrader's messages instead of printing them."""

    def __init__(self) -> None:
        super().__init__("cnn_assignment.nbgrader", logging.ERROR)
        self._messages: list[str] = []

    def handle(self, record: logging.LogRecord) -> None:
        """Keep one message."""
        self._messages.append(record.getMessage())

    def reason(self) -> str:
        """The last line of the first traceback, which names the error; "" where there was none."""
        tracebacks = [message for message in self._messages if message.startswith("Traceback")]
        if not tracebacks:
            return ""
        _, _, sentence = tracebacks[0].strip().split("\n")[-1].partition(": ")
        return sentence.rstrip(".")


def _read_config(root: Path) -> Config:
    """The course's nbgrader_config.py, whether or not it plugs the kit in by itself."""
    from traitlets.config import Config
    from traitlets.config.loader import PyFileConfigLoader

    from cnn_assignment.nbgrader_course.converting.gap_opener import configure_generate

    config: Config = Config()
    if (root / COURSE_CONFIG).is_file():
        config = PyFileConfigLoader(COURSE_CONFIG, path=str(root)).load_config()
    if "preprocessors" not in config.GenerateAssignment:
        configure_generate(config)
    return config
