"""Running student code apart: a fork server, workers, and the wire between them and the grader.

`client` is the grader's side, `server` the student's; both know `wire` and `limits`, and neither knows the other. This
floor knows nothing of assignments: it moves plain values to and from a process that it does not trust.
"""
