"""One submission against the hidden tests: sessions, stand-ins, failures, scores and the report."""
