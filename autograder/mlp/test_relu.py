"""ReLU: forward and backward"""

import numpy as np
import pytest
from cases import EXAMPLES, LINEARS, SMALL, Linear, every

from cnn_assignment.testing import assert_array, assert_unchanged, own_cache, own_caches, put


def expect(reference, x, grad_output):
    """The entries of a right cache, and the right gradient."""
    layer = reference.ReluLayer()
    cache = layer.forward(x)
    return cache, layer.backward(cache, grad_output)


def draw(case, rng):
    """x (batch, n_units) and an upstream gradient. Numbers of both signs are in x, however few there are."""
    _, _, _, x = case.draw(rng)
    _, _, _, grad_output = case.draw(rng)
    flat = np.abs(x.reshape(-1))
    # The first is positive, the next two negative, and so on: what lets all pass, or nothing, is wrong everywhere.
    flat *= np.where(np.arange(flat.size) % 3 == 0, 1, -1)
    return flat.reshape(x.shape), grad_output


# The number of inputs plays no part here, so fewer cases tell as much. A single number would have one sign only.
SHAPES = (*LINEARS[:3], LINEARS[5], LINEARS[7], LINEARS[9], LINEARS[10])


@every(SHAPES, Linear.at_random)
@pytest.mark.points(3)
def test_forward(student, reference, rng, once, case):
    """cache["out"] keeps what is positive, and is 0 everywhere else"""
    x, grad_output = draw(case, rng)
    right, _ = once(expect, reference, x, grad_output)
    cache = student.ReluLayer().forward(x)
    assert_array(cache["out"], right["out"], 'cache["out"]', axes=EXAMPLES)
    assert_array(cache["x"], x, 'cache["x"]', axes=EXAMPLES)


@every(SHAPES, Linear.at_random)
@pytest.mark.points(3)
def test_backward(student, reference, rng, once, case):
    """The gradient passes where x was positive, and nowhere else"""
    x, grad_output = draw(case, rng)
    right, expected = once(expect, reference, x, grad_output)
    layer = student.ReluLayer()
    cache = own_cache(student, layer.forward, (x,), right)
    assert_array(layer.backward(cache, grad_output), expected, "gradient", axes=EXAMPLES)


@pytest.mark.points(1)
def test_zero(student, reference, rng, once):
    """Where x was exactly 0, the gradient is 0; a positive number counts as positive, however small it is"""
    x, grad_output = SMALL.draw(rng)[3], SMALL.draw(rng)[3]
    x[:, 0] = [0.0, 1e-12, -1e-12, -0.0]
    right, expected = once(expect, reference, x, grad_output)
    layer = student.ReluLayer()
    cache = own_cache(student, layer.forward, (x,), right)
    assert_array(layer.backward(cache, grad_output), expected, "gradient", axes=EXAMPLES)


@pytest.mark.points(1)
def test_arguments_unchanged(student, reference, rng, once):
    """x, the cache and grad_output stay as they are"""
    x, grad_output = draw(SMALL, rng)
    right, expected = once(expect, reference, x, grad_output)
    layer, signal, upstream = student.ReluLayer(), put(student, x), put(student, grad_output)
    out = layer.forward(signal)["out"]
    assert_unchanged(signal, x, "x")
    assert_array(out, right["out"], 'cache["out"]', axes=EXAMPLES)
    cache = own_cache(student, layer.forward, (x,), right)
    grad = layer.backward(cache, upstream)
    assert_unchanged(upstream, grad_output, "grad_output")
    assert_unchanged(cache["x"], x, 'cache["x"]')
    assert_unchanged(cache["out"], right["out"], 'cache["out"]')
    assert_array(grad, expected, "gradient", axes=EXAMPLES)


@pytest.mark.points(2)
def test_two_caches(student, reference, rng, once):
    """A cache is still right after forward was called again, and backward works on the cache that it is given"""
    # Two of one shape in a row, then another.
    batches = [draw(SMALL, rng), draw(SMALL, rng), draw(LINEARS[7], rng)]
    found = [once(expect, reference, x, grad_output) for x, grad_output in batches]
    layer = student.ReluLayer()
    caches = [layer.forward(x) for x, _ in batches]
    for cache, (right, _) in zip(caches, found, strict=True):
        assert_array(cache["out"], right["out"], 'cache["out"]', axes=EXAMPLES)
    caches = own_caches(
        student, layer.forward, [((x,), right) for (x, _), (right, _) in zip(batches, found, strict=True)]
    )
    gradients = [layer.backward(cache, upstream) for cache, (_, upstream) in zip(caches, batches, strict=True)]
    for place, gradient, (_, expected) in zip(("first", "second", "third"), gradients, found, strict=True):
        assert_array(gradient, expected, f"{place} gradient", axes=EXAMPLES)
