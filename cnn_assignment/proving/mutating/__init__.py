"""Mutants: solutions with one small mechanical slip in one gap."""
