"""Graded notebooks: a student's cells in the form of the release, with scores and comments."""
