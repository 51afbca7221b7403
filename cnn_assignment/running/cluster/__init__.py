"""Grading a class on a dask.distributed cluster."""
