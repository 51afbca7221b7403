"""Submissions: from a student's folder to one file, to its cells in order, to the code of its layers. Nothing is run here.

`find_submission` chooses the file, `extract_file` takes the code that the layers need, `show_file` gives the cells for a
person. The student's code is parsed in a confined process only: `reader` starts the process, `confined` is the code in
it.
"""

from cnn_assignment.submissions.asking import extract_file, find_own_files, show_file
from cnn_assignment.submissions.finding import LINKED, find_in_folder, find_submission, work_folder
from cnn_assignment.submissions.plain.values import Chunk, ExtractedCode, LocalModule, Shown, ShownCell

__all__ = [
    "LINKED",
    "Chunk",
    "ExtractedCode",
    "LocalModule",
    "Shown",
    "ShownCell",
    "extract_file",
    "find_in_folder",
    "find_own_files",
    "find_submission",
    "show_file",
    "work_folder",
]
