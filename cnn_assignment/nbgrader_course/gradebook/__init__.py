"""nbgrader's gradebook: what it holds, and what is recorded in it."""
