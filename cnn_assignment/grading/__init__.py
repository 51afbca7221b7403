"""Where the author's API was before it had modules of its own; assignments that import it from here go on working."""
