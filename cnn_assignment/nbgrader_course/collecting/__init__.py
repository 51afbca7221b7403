"""Collecting submissions: downloads of learning platforms, and nbgrader's exchange."""
