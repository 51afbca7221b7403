"""Pooling: forward"""

import numpy as np
import pytest
from cases import IMAGES, LEFT_OVER, ONE_PIXEL, POOLINGS, every, spread

from cnn_assignment.grading.testing import assert_array, assert_unchanged, put


def expect(case, reference, x):
    """The right maxima."""
    return case.make_layer(reference).forward(x)["out"]


# With windows of one pixel x is its own maximum, so alone it would let a copy of x pass: test_negative has it too.
@every([case for case in POOLINGS if case.filter_size > 1])
@pytest.mark.points(6)
def test_values(student, reference, rng, once, case):
    """cache["out"] holds the maximum of every whole window, channel by channel"""
    x, _ = case.draw(rng)
    cache = case.make_layer(student).forward(x)
    assert_array(cache["out"], once(expect, case, reference, x), 'cache["out"]', axes=IMAGES)
    assert_array(cache["x"], x, 'cache["x"]', axes=IMAGES)


@pytest.mark.points(1)
def test_negative(student, reference, rng, once):
    """The maximum of negative pixels is negative, whatever the size of the window"""
    for case in (LEFT_OVER, ONE_PIXEL):
        x = -1 - np.abs(case.draw(rng)[0])
        cache = case.make_layer(student).forward(x)
        assert_array(cache["out"], once(expect, case, reference, x), 'cache["out"]', axes=IMAGES)


@pytest.mark.points(1)
def test_input_in_pieces(student, reference, rng, once):
    """x may be an array that does not lie in one piece in memory"""
    x, _ = LEFT_OVER.draw(rng)
    cache = LEFT_OVER.make_layer(student).forward(spread(x))
    assert_array(cache["out"], once(expect, LEFT_OVER, reference, x), 'cache["out"]', axes=IMAGES)


@pytest.mark.points(1)
def test_arguments_unchanged(student, reference, rng, once):
    """x stays as it is"""
    x, _ = LEFT_OVER.draw(rng)
    images = put(student, x)
    cache = LEFT_OVER.make_layer(student).forward(images)
    assert_array(cache["out"], once(expect, LEFT_OVER, reference, x), 'cache["out"]', axes=IMAGES)
    assert_unchanged(images, x, "x")


@pytest.mark.points(1)
def test_two_caches(student, reference, rng, once):
    """A cache is still right after forward was called again on other images, some of another size"""
    first, second = LEFT_OVER.draw(rng)[0], LEFT_OVER.draw(rng)[0]
    third = rng.normal(size=(LEFT_OVER.batch + 1, LEFT_OVER.channels - 1, LEFT_OVER.h - 2, LEFT_OVER.w + 3))
    layer = LEFT_OVER.make_layer(student)
    caches = layer.forward(first), layer.forward(second), layer.forward(third)
    for x, cache in zip((first, second, third), caches, strict=True):
        assert_array(cache["out"], once(expect, LEFT_OVER, reference, x), 'cache["out"]', axes=IMAGES)
        assert_array(cache["x"], x, 'cache["x"]', axes=IMAGES)
