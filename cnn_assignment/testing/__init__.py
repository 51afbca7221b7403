"""What hidden tests are written with, beside plain pytest and its fixtures `student`, `reference`, `rng` and `once`.

The functions here compare in the trusted process, on copies made of exact built-in types and arrays. Their messages
are told to students: they never hold an expected value or a hidden input.
"""

from __future__ import annotations

from cnn_assignment.sandbox.client.proxies import collect, fetch
from cnn_assignment.testing.arrays import assert_array, assert_unchanged, copy_of
from cnn_assignment.testing.caches import own_cache, own_caches
from cnn_assignment.testing.mismatch import Mismatch, fail
from cnn_assignment.testing.values import assert_value
from cnn_assignment.testing.worker_side import make_rng, printed, put, side_by_side

__all__ = [
    "Mismatch",
    "assert_array",
    "assert_unchanged",
    "assert_value",
    "collect",
    "copy_of",
    "fail",
    "fetch",
    "make_rng",
    "own_cache",
    "own_caches",
    "printed",
    "put",
    "side_by_side",
]
