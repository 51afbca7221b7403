"""The old place of `cnn_assignment.misconceptions`."""

from cnn_assignment.misconceptions import Misconception, load_misconceptions

__all__ = ["Misconception", "load_misconceptions"]
