"""Syntax that a newer Python reads than the one that grades: `reading` is where to ask, the rest is how it is done."""
