"""nbgrader's converter of feedback pages as a course configures it, and the templates that it reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cnn_assignment.nbgrader_course.gradebook.opening import OpenCourse

if TYPE_CHECKING:
    from nbgrader.converters import GenerateFeedback


def open_page_converter(course: OpenCourse) -> GenerateFeedback:
    """nbgrader's converter with all that its `start` gives it."""
    from nbconvert.writers.files import FilesWriter
    from nbgrader.converters import GenerateFeedback

    course.directory.assignment_id = course.name
    converter = GenerateFeedback(coursedir=course.directory, parent=course.app)
    converter.writer = FilesWriter(parent=converter, config=converter.config)
    converter.exporter = converter.exporter_class(parent=converter, config=converter.config)
    for step in converter.preprocessors:
        converter.exporter.register_preprocessor(step)
    return converter


def find_templates(course: OpenCourse) -> list[Path]:
    """The folders that hold the templates and styles of the course's feedback pages."""
    exporter = open_page_converter(course).exporter
    roots = {Path(root) for root in exporter.get_prefix_root_dirs()}
    # All of Jupyter's files lie in these, too.
    shared = {
        root / name for root in roots for name in ("", "nbconvert/templates", "nbconvert/templates/compatibility")
    }
    paths = [Path(path).absolute() for path in exporter.template_paths]
    return [path for path in dict.fromkeys(paths) if path not in shared and path.is_dir()]
