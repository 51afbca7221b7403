"""The export road: reports as files, and a class as tables."""

from cnn_assignment.reporting.class_table import UNGRADED, write_class_csv
from cnn_assignment.reporting.final_table import FinalMark, FinalRow, write_final_csv
from cnn_assignment.reporting.report_files import (
    read_report,
    read_summary,
    remove_unfinished,
    replace_file,
    report_path,
    write_report,
)

__all__ = [
    "UNGRADED",
    "FinalMark",
    "FinalRow",
    "read_report",
    "read_summary",
    "remove_unfinished",
    "replace_file",
    "report_path",
    "write_class_csv",
    "write_final_csv",
    "write_report",
]
