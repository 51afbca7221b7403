"""From the bytes of a file to its parts in order."""
