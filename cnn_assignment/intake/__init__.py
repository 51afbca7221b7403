"""Intake: from a student's folder to one file, to its cells in order, to the code of its layers. Nothing is run here.

`find_submission` chooses the file, `read_document` reads and mends it, `lift_file` takes what the layers need.
"""

from cnn_assignment.intake.document import Document, Part, read_document
from cnn_assignment.intake.files import LINKED, find_in_folder, find_submission
from cnn_assignment.intake.lift import Chunk, LiftedCode, find_own_files, lift_file

__all__ = [
    "LINKED",
    "Chunk",
    "Document",
    "LiftedCode",
    "Part",
    "find_in_folder",
    "find_own_files",
    "find_submission",
    "lift_file",
    "read_document",
]
