"""Convolution: forward"""

import pytest
from cases import ALIKE, CONVOLUTIONS, IMAGES, SMALL, Convolution, every, in_any_layout, lay_out

from cnn_assignment.core.comparing import is_same
from cnn_assignment.testing import assert_array, assert_unchanged, fetch, put


def expect(case, reference, x, weights):
    """The right responses."""
    return case.make_layer(reference, weights).forward(x)["out"]


@every(CONVOLUTIONS, Convolution.at_random)
@pytest.mark.points(12)
def test_values(student, reference, rng, once, case):
    """cache["out"] holds the response of every filter at every position"""
    x, weights, _ = case.draw(rng)
    expected = once(expect, case, reference, x, weights)
    cache = case.make_layer(student, weights).forward(x)
    assert_array(cache["out"], expected, 'cache["out"]', axes=IMAGES)
    assert_array(cache["x"], x, 'cache["x"]', axes=IMAGES)


@in_any_layout
@pytest.mark.points(2)
def test_memory(student, reference, rng, once, layout):
    """x may be a view that does not lie in memory row by row"""
    x, weights, _ = SMALL.draw(rng)
    expected = once(expect, SMALL, reference, x, weights)
    cache = SMALL.make_layer(student, weights).forward(lay_out(student, x, layout))
    assert_array(cache["out"], expected, 'cache["out"]', axes=IMAGES)


@pytest.mark.points(2)
def test_arguments_unchanged(student, reference, rng, once):
    """x and the weights stay as they are"""
    x, weights, _ = SMALL.draw(rng)
    expected = once(expect, SMALL, reference, x, weights)
    layer, images = SMALL.make_layer(student, weights), put(student, x)
    cache = layer.forward(images)
    assert_unchanged(images, x, "x")
    assert_unchanged(layer.weights, weights, "weights")
    assert_array(cache["out"], expected, 'cache["out"]', axes=IMAGES)


@pytest.mark.points(2)
def test_two_caches(student, reference, rng, once):
    """A cache is still right after forward was called again on other images, some of another size"""
    first, weights, _ = SMALL.draw(rng)
    second, _, _ = SMALL.draw(rng)
    # One more example, and more rows than columns.
    third = rng.normal(size=(SMALL.batch + 1, 1, SMALL.h + 3, SMALL.w - 3))
    layer = SMALL.make_layer(student, weights)
    batches = first, second, third
    right = [once(expect, SMALL, reference, x, weights) for x in batches]
    caches = [layer.forward(x) for x in batches]
    for x, cache, expected in zip(batches, caches, right, strict=True):
        assert_array(cache["out"], expected, 'cache["out"]', axes=IMAGES)
        assert_array(cache["x"], x, 'cache["x"]', axes=IMAGES)


@pytest.mark.points(1)
def test_new_weights(student, reference, rng, once):
    """forward uses the weights that the layer has now, and the pixels that x has now"""
    x, weights, _ = SMALL.draw(rng)
    other, _, _ = SMALL.draw(rng)
    expected, doubled, tripled, later = (
        once(expect, SMALL, reference, images, factor * weights)
        for images, factor in ((x, 1), (x, -2), (x, 3), (other, 1))
    )
    # Views, so that their numbers can be changed whatever was done to the views.
    pixels, numbers = put(student, x), put(student, -2 * weights)
    images = pixels[...]
    layer = SMALL.make_layer(student, weights)
    layer.forward(images)
    # The same array with other numbers in it.
    pixels[...] = other
    assert_array(layer.forward(images)["out"], later, 'cache["out"] of images changed in place', axes=IMAGES)
    pixels[...] = x
    cache = layer.forward(images)
    layer.weights = numbers[...]
    assert_array(layer.forward(images)["out"], doubled, 'cache["out"]', axes=IMAGES)
    assert_array(cache["out"], expected, 'cache["out"] of the old weights', axes=IMAGES)
    # A layer may have copied its weights, so it is asked what they are.
    numbers[...] = 3 * weights
    due = doubled if is_same(fetch(layer.weights), -2 * weights) else tripled
    assert_array(layer.forward(images)["out"], due, 'cache["out"] of weights changed in place', axes=IMAGES)


@pytest.mark.points(1)
def test_several_layers(student, reference, rng, once):
    """Layers that differ in filter size, stride or number of filters may be in use at once, for the same images"""
    x, _, _ = SMALL.draw(rng)
    drawn = [case.draw(rng)[1] for case in ALIKE]
    right = [once(expect, case, reference, x, weights) for case, weights in zip(ALIKE, drawn, strict=True)]
    layers = [case.make_layer(student, weights) for case, weights in zip(ALIKE, drawn, strict=True)]
    for layer, expected in zip(layers, right, strict=True):
        assert_array(layer.forward(x)["out"], expected, 'cache["out"]', axes=IMAGES)
