"""Pages for students and graders: feedback, and what formgrader shows."""
