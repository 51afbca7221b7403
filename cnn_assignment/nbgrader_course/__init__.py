"""The gradebook road: reports go into nbgrader's notebooks and database, without a kernel.

`annotate` and `record` are for the kit's own commands; `preprocessors` (imported by its own name, because it needs
nbgrader at once) is for `nbgrader autograde` and for formgrader.
"""

from cnn_assignment.nbgrader_course.gradebook.recording import record
from cnn_assignment.nbgrader_course.notebooks.annotate import annotate, cell_comments, comments

__all__ = ["annotate", "cell_comments", "comments", "record"]
