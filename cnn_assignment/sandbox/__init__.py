"""Running student code apart: a fork server, workers, and the wire between them and the grader.

This floor knows nothing of assignments; it moves plain values to and from a process that it does not trust.
"""
