"""The gradebook road: reports go into nbgrader's notebooks and database, without a kernel.

`annotate` and `record` are for the kit's own commands; `preprocessors` (imported by its own name, because it needs
nbgrader at once) is for `nbgrader autograde` and for formgrader.
"""

from cnn_assignment.gradebook.annotate import annotate, cell_comments, comments
from cnn_assignment.gradebook.recording import record

__all__ = ["annotate", "cell_comments", "comments", "record"]
