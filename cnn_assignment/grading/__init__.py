"""Grading: intake of a submission, the pytest plugin, points, misconceptions and the report."""
