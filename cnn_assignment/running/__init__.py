"""Grading a whole class: its students, what is known of them already, and the run that grades the rest.

Nothing is imported here: pytest loads `plugin` wherever the kit is installed, and that must cost next to nothing.
"""
