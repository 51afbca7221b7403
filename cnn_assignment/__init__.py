"""The autograded assignment kit: one full solution in, a graded class and explanations out."""

__version__ = "0.1.0"
