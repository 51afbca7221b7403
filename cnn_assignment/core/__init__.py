"""Frozen values, error types, settings and where things lie."""
