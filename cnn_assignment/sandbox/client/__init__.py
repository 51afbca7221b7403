"""The grader's side of the sandbox: it starts workers, asks them, and believes nothing of what comes back."""
