"""Convolution: forward"""

import pytest
from cases import CONVOLUTIONS, IMAGES, SMALL, every, spread

from cnn_assignment.grading.testing import assert_array, assert_unchanged, put


def expect(case, reference, x, weights):
    """The right responses."""
    return case.make_layer(reference, weights).forward(x)["out"]


@every(CONVOLUTIONS)
@pytest.mark.points(12)
def test_values(student, reference, rng, once, case):
    """cache["out"] holds the response of every filter at every position"""
    x, weights, _ = case.draw(rng)
    expected = once(expect, case, reference, x, weights)
    cache = case.make_layer(student, weights).forward(x)
    assert_array(cache["out"], expected, 'cache["out"]', axes=IMAGES)
    assert_array(cache["x"], x, 'cache["x"]', axes=IMAGES)


@pytest.mark.points(2)
def test_input_in_pieces(student, reference, rng, once):
    """x may be an array that does not lie in one piece in memory"""
    x, weights, _ = SMALL.draw(rng)
    expected = once(expect, SMALL, reference, x, weights)
    cache = SMALL.make_layer(student, weights).forward(spread(x))
    assert_array(cache["out"], expected, 'cache["out"]', axes=IMAGES)


@pytest.mark.points(2)
def test_arguments_unchanged(student, reference, rng, once):
    """x and the weights stay as they are"""
    x, weights, _ = SMALL.draw(rng)
    expected = once(expect, SMALL, reference, x, weights)
    layer, images = SMALL.make_layer(student, weights), put(student, x)
    cache = layer.forward(images)
    assert_array(cache["out"], expected, 'cache["out"]', axes=IMAGES)
    assert_unchanged(images, x, "x")
    assert_unchanged(layer.weights, weights, "weights")


@pytest.mark.points(2)
def test_two_caches(student, reference, rng, once):
    """A cache is still right after forward was called again on other images, some of another size"""
    first, weights, _ = SMALL.draw(rng)
    second, _, _ = SMALL.draw(rng)
    # One more example, and more rows than columns.
    third = rng.normal(size=(SMALL.batch + 1, 1, SMALL.h + 3, SMALL.w - 3))
    layer = SMALL.make_layer(student, weights)
    caches = layer.forward(first), layer.forward(second), layer.forward(third)
    for x, cache in zip((first, second, third), caches, strict=True):
        expected = once(expect, SMALL, reference, x, weights)
        assert_array(cache["out"], expected, 'cache["out"]', axes=IMAGES)
        assert_array(cache["x"], x, 'cache["x"]', axes=IMAGES)


@pytest.mark.points(2)
def test_new_weights(student, reference, rng, once):
    """forward uses the weights that the layer has now"""
    x, weights, _ = SMALL.draw(rng)
    layer = SMALL.make_layer(student, weights)
    layer.forward(x)
    layer.weights = -2 * weights
    expected = once(expect, SMALL, reference, x, -2 * weights)
    assert_array(layer.forward(x)["out"], expected, 'cache["out"]', axes=IMAGES)
