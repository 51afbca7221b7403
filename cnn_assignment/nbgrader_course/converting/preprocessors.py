"""The steps of `nbgrader autograde` and formgrader for the kit's assignments; all others get nbgrader's own steps.

`configure_autograde` plugs the classes in. They are told how to grade by the trait `GradeWithKit.report_for`, because
this room makes no reports itself.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from nbconvert.exporters import NotebookExporter
from nbgrader.api import Gradebook
from nbgrader.apps import api, autogradeapp
from nbgrader.converters import Autograde
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import Execute, NbGraderPreprocessor, SaveAutoGrades
from traitlets import Callable as CallableTrait

from cnn_assignment.core.errors import GraderError
from cnn_assignment.core.layout import list_assignments, load_assignment
from cnn_assignment.core.model import Assignment, Report, ReportStatus, Submission
from cnn_assignment.nbgrader_course.converting.autograding import (
    AutogradeAnything,
    BeginFunction,
    PrepareFunction,
    configure_reading,
)
from cnn_assignment.nbgrader_course.notebooks.annotate import annotate, cell_comments, is_graded_by_kit
from cnn_assignment.nbgrader_course.notebooks.cells import read_release, read_submitted, restore_notebook
from cnn_assignment.nbgrader_course.notebooks.files import find_submitted, release_file

if TYPE_CHECKING:
    from nbformat import NotebookNode
    from traitlets.config import Config, Configurable

REPORT_KEY = "cnn_assignment_report"
ReportFunction = Callable[[Assignment, Submission], Report]


def configure_autograde(
    c: Config,
    report_for: ReportFunction | None = None,
    begin_report: BeginFunction | None = None,
    prepare: PrepareFunction | None = None,
) -> None:
    """Make `Autograde` grade the kit's assignments with the kit.

    report_for: makes the report of one submission; see `GradeWithKit.report_for`. begin_report: the same in two steps;
    see `AutogradeAnything.begin_report`. prepare: called once before all submissions; see `AutogradeAnything.prepare`.
    The whole list is assigned, never extended, because nbgrader loads its configuration several times: calling this
    again changes nothing.
    """
    steps: list[Any] = []
    for step in Autograde.class_traits()["autograde_preprocessors"].default():
        steps.append(GradeWithKit if step is Execute else step)
        if step is SaveAutoGrades:
            steps.append(CommentWithKit)
    c.Autograde.autograde_preprocessors = steps
    c.Autograde.exporter_class = SubmissionExporter
    if report_for is not None:
        c.GradeWithKit.report_for = report_for
    if begin_report is not None:
        c.AutogradeAnything.begin_report = begin_report
    if prepare is not None:
        c.AutogradeAnything.prepare = prepare
    # Both import nbgrader's converter by its name, and neither asks a setting which one to use.
    configure_reading()
    autogradeapp.Autograde = AutogradeAnything
    api.Autograde = AutogradeAnything


def find_converter(configurable: Configurable) -> Any:
    """The converter that owns this preprocessor or exporter. Raises GraderError where none does."""
    owner = configurable.parent
    while owner is not None:
        if getattr(owner, "coursedir", None) is not None:
            return owner
        owner = getattr(owner, "parent", None)
    raise GraderError(
        f"{type(configurable).__name__} does not know its course",
        remedy="Run it through nbgrader's autograde, not on its own.",
    )


def course_directory(configurable: Configurable) -> CourseDirectory:
    """The course of the converter that owns this preprocessor or exporter, whatever the working directory is."""
    return find_converter(configurable).coursedir


def find_assignment(course: CourseDirectory, resources: dict[str, Any]) -> Assignment | None:
    """The kit's assignment that this notebook is the main notebook of, None for any other notebook."""
    names = resources["nbgrader"]
    root = Path(course.root)
    if names["notebook"] != names["assignment"] or names["assignment"] not in list_assignments(root):
        return None
    return load_assignment(root, names["assignment"])


def find_submission_in_turn(
    configurable: Configurable, assignment: Assignment, resources: dict[str, Any]
) -> Submission:
    """The submission of the student who is being graded now."""
    converter, student = find_converter(configurable), resources["nbgrader"]["student"]
    if isinstance(converter, AutogradeAnything):
        return converter.find_submission(assignment, student)
    return find_submitted(converter.coursedir, assignment, student)


class SubmissionExporter(NotebookExporter):
    """Reads what students hand in, in any state and under any name, as a notebook in order.

    nbgrader's own reading aborts the whole class on a copied cell, and gives up on lost metadata or broken JSON.
    """

    def from_filename(
        self, filename: str, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Convert a file; only the sanitizing pass over a kit assignment differs: there it need not even exist."""
        sanitizing = getattr(self.parent, "_sanitizing", False)
        course = course_directory(self) if sanitizing and resources and "nbgrader" in resources else None
        assignment = find_assignment(course, resources or {}) if course is not None else None
        if course is None or assignment is None or resources is None:
            return super().from_filename(filename, resources=resources, **kw)
        submission = find_submission_in_turn(self, assignment, resources)
        file = submission.path.name if submission.path is not None else ""
        release = read_release(release_file(course, assignment))
        notebook = restore_notebook(release, file, read_submitted(submission.path), assignment)
        resources["metadata"] = {"name": assignment.name, "path": str(Path(filename).parent)}
        convert: Any = self.from_notebook_node  # nbconvert's types call its text a notebook
        return cast("tuple[NotebookNode, dict[str, Any]]", convert(notebook, resources=resources, **kw))


class GradeWithKit(NbGraderPreprocessor):
    """Takes the place of `Execute`: asks the kit for a report and writes it into the grade cells.

    Not derived from `Execute`, whose configuration (such as `--no-execute`) would otherwise switch grading off.
    A grader's error is raised, so nbgrader reports this student as failed and writes no grade.
    """

    report_for = CallableTrait(
        default_value=None,
        allow_none=True,
        help="A function (Assignment, Submission) -> Report that grades the file as the student handed it in.",
    ).tag(config=True)

    def make_report(self, assignment: Assignment, submission: Submission) -> Report:
        """The report of one submission; a subclass may replace this method instead of setting `report_for`."""
        if self.report_for is None:
            raise GraderError(
                "nothing tells how to grade",
                place="nbgrader_config.py",
                remedy="Call cnn_assignment.nbgrader_plugins.configure(c) there.",
            )
        converter = find_converter(self)
        if isinstance(converter, AutogradeAnything) and (finish := converter.take_begun(submission)) is not None:
            return finish()
        return self.report_for(assignment, submission)  # type: ignore[no-any-return]

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Grade one notebook; nbgrader's executor does it for notebooks that are not the kit's."""
        course = course_directory(self)
        assignment = find_assignment(course, resources)
        if assignment is None:
            return Execute(parent=self.parent)(nb, resources)  # type: ignore[no-any-return]
        submission = find_submission_in_turn(self, assignment, resources)
        report = self.make_report(assignment, submission)
        resources[REPORT_KEY] = report
        return annotate(nb, report), resources


class CommentWithKit(NbGraderPreprocessor):
    """Writes the report's words as comments on the solution cells; after `SaveAutoGrades`, which clears them.

    What could not be read needs a person, whatever the score is.
    """

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Comment on one notebook; nothing happens without a report of `GradeWithKit`."""
        report: Report | None = resources.get(REPORT_KEY)
        course = course_directory(self)
        assignment = find_assignment(course, resources)
        if report is None or assignment is None:
            return nb, resources
        release = read_release(release_file(course, assignment))
        names = resources["nbgrader"]
        with Gradebook(names["db_url"], course.course_id) as gradebook:
            for cell, text in cell_comments(release, report).items():
                comment = gradebook.find_comment(cell, names["notebook"], names["assignment"], names["student"])
                comment.auto_comment = text
            if report.status is ReportStatus.UNREADABLE:
                for cell in filter(is_graded_by_kit, nb.cells):
                    place = cell.metadata["nbgrader"]["grade_id"], names["notebook"], names["assignment"]
                    gradebook.find_grade(*place, names["student"]).needs_manual_grade = True
            gradebook.db.commit()
        return nb, resources
