"""Linear layer: forward"""

import pytest
from cases import ALIKE, EXAMPLES, INPUTS, LAYOUTS, LINEARS, SMALL, Linear, every, lay_out

from cnn_assignment.testing import assert_array, assert_unchanged, put


def expect(reference, x, weights, biases):
    """The right output."""
    return reference.LinearLayer(weights, biases).forward(x)["out"]


@every(LINEARS, Linear.at_random)
@pytest.mark.points(6)
def test_values(student, reference, rng, once, case):
    """cache["out"] holds the weighted sums of every example, plus the biases"""
    x, weights, biases, _ = case.draw(rng)
    expected = once(expect, reference, x, weights, biases)
    cache = student.LinearLayer(weights, biases).forward(x)
    assert_array(cache["out"], expected, 'cache["out"]', axes=EXAMPLES)
    assert_array(cache["x"], x, 'cache["x"]', axes=INPUTS)


@pytest.mark.points(1)
def test_memory(student, reference, rng, once):
    """x may be a view that does not lie in memory row by row"""
    x, weights, biases, _ = SMALL.draw(rng)
    expected = once(expect, reference, x, weights, biases)
    for layout in LAYOUTS:
        cache = student.LinearLayer(weights, biases).forward(lay_out(student, x, layout))
        assert_array(cache["out"], expected, 'cache["out"]', axes=EXAMPLES)


@pytest.mark.points(1)
def test_arguments_unchanged(student, reference, rng, once):
    """x, the weights and the biases stay as they are"""
    x, weights, biases, _ = SMALL.draw(rng)
    expected = once(expect, reference, x, weights, biases)
    layer, examples = student.LinearLayer(weights, biases), put(student, x)
    cache = layer.forward(examples)
    assert_unchanged(examples, x, "x")
    assert_unchanged(layer.weights, weights, "weights")
    assert_unchanged(layer.biases, biases, "biases")
    assert_array(cache["out"], expected, 'cache["out"]', axes=EXAMPLES)


@pytest.mark.points(1)
def test_two_caches(student, reference, rng, once):
    """A cache is still right after forward was called again on other examples"""
    first, weights, biases, _ = SMALL.draw(rng)
    # As many examples, then one more.
    batches = first, rng.normal(size=first.shape), rng.normal(size=(SMALL.batch + 1, SMALL.n_inputs))
    right = [once(expect, reference, x, weights, biases) for x in batches]
    layer = student.LinearLayer(weights, biases)
    caches = [layer.forward(x) for x in batches]
    for x, cache, expected in zip(batches, caches, right, strict=True):
        assert_array(cache["out"], expected, 'cache["out"]', axes=EXAMPLES)
        assert_array(cache["x"], x, 'cache["x"]', axes=INPUTS)


@pytest.mark.points(1)
def test_several_layers(student, reference, rng, once):
    """Layers of different sizes may be in use at once"""
    drawn = [case.draw(rng) for case in ALIKE]
    right = [once(expect, reference, x, weights, biases) for x, weights, biases, _ in drawn]
    layers = [student.LinearLayer(weights, biases) for _, weights, biases, _ in drawn]
    caches = [layer.forward(x) for layer, (x, _, _, _) in zip(layers, drawn, strict=True)]
    for cache, expected in zip(caches, right, strict=True):
        assert_array(cache["out"], expected, 'cache["out"]', axes=EXAMPLES)
