"""Pooling: forward"""

import itertools

import numpy as np
import pytest
from cases import ALIKE_POOLINGS, IMAGES, LEFT_OVER, ONE_PIXEL, POOLINGS, Pooling, every, in_any_layout, lay_out

from cnn_assignment.testing import assert_array, assert_unchanged, put


def expect(case, reference, x):
    """The right maxima."""
    return case.make_layer(reference).forward(x)["out"]


# With windows of one pixel x is its own maximum, so alone it would let a copy of x pass: test_negative has it too.
@every([case for case in POOLINGS if case.filter_size > 1], Pooling.at_random)
@pytest.mark.points(6.5)
def test_values(student, reference, rng, once, case):
    """cache["out"] holds the maximum of every whole window, channel by channel"""
    x, _ = case.draw(rng)
    cache = case.make_layer(student).forward(x)
    assert_array(cache["out"], once(expect, case, reference, x), 'cache["out"]', axes=IMAGES)
    assert_array(cache["x"], x, 'cache["x"]', axes=IMAGES)


@pytest.mark.points(1)
def test_negative(student, reference, rng, once):
    """The maximum of negative pixels is negative, whatever the size of the window and however small they are"""
    # Far below what a search might begin with for want of a better idea, -999 say.
    for case, scale in itertools.product((LEFT_OVER, ONE_PIXEL), (1, 1e6)):
        x = scale * (-1 - np.abs(case.draw(rng)[0]))
        cache = case.make_layer(student).forward(x)
        assert_array(cache["out"], once(expect, case, reference, x), 'cache["out"]', axes=IMAGES)


@in_any_layout
@pytest.mark.points(1)
def test_memory(student, reference, rng, once, layout):
    """x may be a view that does not lie in memory row by row"""
    x, _ = LEFT_OVER.draw(rng)
    cache = LEFT_OVER.make_layer(student).forward(lay_out(student, x, layout))
    assert_array(cache["out"], once(expect, LEFT_OVER, reference, x), 'cache["out"]', axes=IMAGES)


@pytest.mark.points(0.5)
def test_arguments_unchanged(student, reference, rng, once):
    """x stays as it is"""
    x, _ = LEFT_OVER.draw(rng)
    images = put(student, x)
    cache = LEFT_OVER.make_layer(student).forward(images)
    assert_unchanged(images, x, "x")
    assert_array(cache["out"], once(expect, LEFT_OVER, reference, x), 'cache["out"]', axes=IMAGES)


@pytest.mark.points(0.5)
def test_two_caches(student, reference, rng, once):
    """A cache is still right after forward was called again on other images, some of another size"""
    first, second = LEFT_OVER.draw(rng)[0], LEFT_OVER.draw(rng)[0]
    third = rng.normal(size=(LEFT_OVER.batch + 1, LEFT_OVER.channels - 1, LEFT_OVER.h - 2, LEFT_OVER.w + 3))
    batches = first, second, third
    right = [once(expect, LEFT_OVER, reference, x) for x in batches]
    layer = LEFT_OVER.make_layer(student)
    caches = [layer.forward(x) for x in batches]
    for x, cache, expected in zip(batches, caches, right, strict=True):
        assert_array(cache["out"], expected, 'cache["out"]', axes=IMAGES)
        assert_array(cache["x"], x, 'cache["x"]', axes=IMAGES)
    # Other pixels in an array that was seen before.
    pixels = put(student, first)
    images = pixels[...]
    layer.forward(images)
    pixels[...] = second
    assert_array(layer.forward(images)["out"], right[1], 'cache["out"] of images changed in place', axes=IMAGES)


@pytest.mark.points(0.5)
def test_several_layers(student, reference, rng, once):
    """Layers of different window size may be in use at once, for the same images"""
    x, _ = LEFT_OVER.draw(rng)
    right = [once(expect, case, reference, x) for case in ALIKE_POOLINGS]
    layers = [case.make_layer(student) for case in ALIKE_POOLINGS]
    for layer, expected in zip(layers, right, strict=True):
        assert_array(layer.forward(x)["out"], expected, 'cache["out"]', axes=IMAGES)
