"""The old place of `cnn_assignment.testing`."""

from cnn_assignment.testing import *  # noqa: F403 - whatever the new place has
from cnn_assignment.testing import Mismatch  # noqa: F401
