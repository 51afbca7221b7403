"""Intake: from a student's folder to one file, to its cells in order, to the code of its layers. Nothing is run here.

`find_submission` chooses the file, `lift_file` takes what the layers need, `show_file` gives the cells for a person. What
a student wrote is parsed in a confined process only: `reader` starts it, `confined` is what runs there.
"""

from cnn_assignment.submissions.asking import find_own_files, lift_file, show_file
from cnn_assignment.submissions.finding import LINKED, find_in_folder, find_submission, work_folder
from cnn_assignment.submissions.plain.values import Chunk, LiftedCode, LocalModule, Shown, ShownCell

__all__ = [
    "LINKED",
    "Chunk",
    "LiftedCode",
    "LocalModule",
    "Shown",
    "ShownCell",
    "find_in_folder",
    "find_own_files",
    "find_submission",
    "lift_file",
    "show_file",
    "work_folder",
]
