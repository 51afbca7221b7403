"""Grading a whole class: its students, what is known of them already, and the run that grades the rest."""

from cnn_assignment.running.class_run import CLASS_TABLE, GONE, GradedClass, GradingOptions, grade_class, open_class
from cnn_assignment.running.journal import JOURNAL
from cnn_assignment.running.students import Student, find_misnamed, find_students

__all__ = [
    "CLASS_TABLE",
    "GONE",
    "JOURNAL",
    "GradedClass",
    "GradingOptions",
    "Student",
    "find_misnamed",
    "find_students",
    "grade_class",
    "open_class",
]
