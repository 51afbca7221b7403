"""Syntax that a newer Python reads than the one that grades: `reading` is the interface, the other modules are its parts."""
