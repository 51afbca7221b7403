"""Proving an assignment before it is released: what must earn full marks does, what must lose marks does."""

from cnn_assignment.proving.proof import Proof
from cnn_assignment.proving.results import Finding, Result, TaskRow

__all__ = ["Finding", "Proof", "Result", "TaskRow"]
