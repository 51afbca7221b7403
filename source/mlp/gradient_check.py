"""Numeric gradients: the referee for every gradient that was derived by hand.

A gradient check compares two numbers that were found on different ways: the gradient that `backward` computes, and
the slope that is measured by nudging one entry of an array and looking at what the loss does.

    numeric = numeric_gradient(loss, weights)
    print(relative_error(layer.backward(cache, grad_output), numeric))

With float64 a relative error below 1e-6 says that the two agree. Take random numbers, and no ties under a maximum: a
function has no slope where it has a kink.
"""

import numpy as np


def numeric_gradient(f, array, step=1e-5):
    """Measure the gradient of f at array with central differences, (f(a + step) - f(a - step)) / (2 * step).

    f: takes an array of this shape and returns one number. array: float64, any shape; it is not changed, because f
    gets a changed copy. Returns float64 in the shape of array. f is called twice for every entry, so keep it small.
    """
    gradient = np.zeros(np.shape(array))
    for index in np.ndindex(gradient.shape):
        above = np.array(array, dtype=np.float64)
        below = above.copy()
        above[index] += step
        below[index] -= step
        gradient[index] = (f(above) - f(below)) / (2 * step)
    return gradient


def relative_error(a, b):
    """Return the largest |a - b| / max(1e-8, |a| + |b|) over all entries: 0 for equal arrays, 1 for opposite ones.

    Raises ValueError where the shapes differ, because broadcasting would hide a wrong shape.
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.shape != b.shape:
        raise ValueError(f"gradients to compare: expected equal shapes, got {a.shape} and {b.shape}")
    errors = np.abs(a - b) / np.maximum(1e-8, np.abs(a) + np.abs(b))
    return float(errors.max(initial=0.0))
