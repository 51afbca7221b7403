"""All that needs nbgrader: releases, the gradebook, feedback pages, and the collecting of uploads.

`annotate` and `record`, which put reports into notebooks and into the database without a kernel, serve the kit's own
commands. `converting.preprocessors` serves `nbgrader autograde` and formgrader; it is imported by its own name, because it
needs nbgrader at once.
"""

from cnn_assignment.nbgrader_course.gradebook.recording import record
from cnn_assignment.nbgrader_course.notebooks.annotate import annotate, cell_comments, comments

__all__ = ["annotate", "cell_comments", "comments", "record"]
