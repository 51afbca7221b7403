"""Objects and calls on the side where the student's code runs."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnn_assignment.sandbox.client.proxies import Remote, conversation_of, label_of


def put(student: Remote, value: Any) -> Remote:
    """A copy of value where the student's code runs, to be handed over and looked at again.

    An array that is not C-contiguous arrives as one that is not. Raises TypeError for a random generator, whose state
    does not travel: see `make_rng`.
    """
    if isinstance(value, np.random.Generator | np.random.RandomState):
        raise TypeError("a random generator cannot be copied to the student's code: use make_rng(student, seed)")
    return conversation_of(student).put(value)


def make_rng(student: Remote, seed: int) -> Remote:
    """A NumPy Generator where the student's code runs.

    It gives the stream of ``np.random.default_rng(seed)``, so a right solution that is handed that one draws the same
    numbers, in as far as both draw in the same order.
    """
    return conversation_of(student).import_module("numpy").random.default_rng(seed)


def side_by_side(student: Remote, *iterables: Remote) -> Remote:
    """The items of several iterables in step, as tuples, made where the student's code runs: ``zip`` for remote objects."""
    builtins = conversation_of(student).import_module("builtins")
    # One after the other, so that an error names what cannot be iterated over, and not zip.
    return builtins.zip(*[builtins.iter(iterable) for iterable in iterables])


def printed(function: Remote, *args: Any, **named: Any) -> Remote:
    r"""Call a function where the student's code runs, and return what it printed there, as a remote text.

    ``assert_value(printed(student.show, 3), "1 2 3\\n", "what show prints")``.
    """
    return conversation_of(function).note("print", function, args, named, label=label_of(function))
