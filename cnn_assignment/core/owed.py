"""What the cache of a forward pass owes its backward pass: right values, or only arrays of the right form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnn_assignment.core.comparing import Array, is_same


@dataclass(frozen=True, slots=True)
class Owed:
    """The entries that a cache must have: right ones, and the keys of those of which only the form matters."""

    right: Mapping[str, Array]
    form_only: frozenset[str]

    def is_met(self, key: str, value: Any) -> bool:
        """Whether a value is as good as the right one."""
        right = self.right[key]
        return is_same(value, right) or (key in self.form_only and has_form(value, right) and _is_finite(value))

    def give(self, key: str) -> Array:
        """What stands in for a value that is not."""
        return np.ones_like(self.right[key]) if key in self.form_only else self.right[key]


def has_form(value: Any, right: Array) -> bool:
    """Whether a value is an array of that shape and dtype."""
    return isinstance(value, np.ndarray) and value.shape == right.shape and value.dtype == right.dtype


def _is_finite(value: Array) -> bool:
    return value.dtype.kind not in "fc" or bool(np.isfinite(value).all())
