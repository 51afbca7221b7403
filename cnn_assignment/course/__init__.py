"""Grading a whole class: its students, what is known of them already, and the run that grades the rest."""

from cnn_assignment.course.feedback import Feedback
from cnn_assignment.course.final import FINAL_TABLE
from cnn_assignment.course.grading import CLASS_TABLE, GONE, GradedClass, GradingOptions, grade_class, open_class
from cnn_assignment.course.ledger import LEDGER
from cnn_assignment.course.students import Student, find_misnamed, find_students

__all__ = [
    "CLASS_TABLE",
    "FINAL_TABLE",
    "GONE",
    "LEDGER",
    "Feedback",
    "GradedClass",
    "GradingOptions",
    "Student",
    "find_misnamed",
    "find_students",
    "grade_class",
    "open_class",
]
