"""What the grader may explain an error with: looked up where code of a submission raised."""
