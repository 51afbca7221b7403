"""What people read, made from reports alone: files, tables, and what is shown on a terminal."""

from cnn_assignment.reporting.class_table import UNGRADED, write_class_csv
from cnn_assignment.reporting.final_table import FINAL_TABLE, FinalMark, FinalRow, MarkChanges, write_final_csv
from cnn_assignment.reporting.report_files import (
    read_report,
    read_summary,
    remove_unfinished,
    replace_file,
    report_path,
    write_report,
)

__all__ = [
    "FINAL_TABLE",
    "UNGRADED",
    "FinalMark",
    "FinalRow",
    "MarkChanges",
    "read_report",
    "read_summary",
    "remove_unfinished",
    "replace_file",
    "report_path",
    "write_class_csv",
    "write_final_csv",
    "write_report",
]
