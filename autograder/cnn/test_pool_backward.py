"""Pooling: backward"""

from dataclasses import replace

import numpy as np
import pytest
from cases import ALIKE_POOLINGS, IMAGES, LEFT_OVER, POOLINGS, Pooling, every, in_any_layout, lay_out

from cnn_assignment.testing import assert_array, assert_unchanged, own_cache, own_caches, put


def expect(case, reference, x, grad_output):
    """The entries of a right cache, and the right gradient."""
    layer = case.make_layer(reference)
    cache = layer.forward(x)
    return cache, layer.backward(cache, grad_output)


def route_to(pick, case, x, grad_output):
    """The gradient with respect to x when each window gives its own to the pixels that pick marks."""
    expected = np.zeros_like(x)
    size = case.filter_size
    for index in np.ndindex(grad_output.shape):
        *image, row, col = index
        place = (*image, slice(row * size, (row + 1) * size), slice(col * size, (col + 1) * size))
        expected[place] = pick(x[place]) * grad_output[index]
    return expected


def first_maximum(window):
    """Marks the first of the largest pixels, row by row."""
    marks = np.zeros_like(window)
    marks[np.unravel_index(window.argmax(), window.shape)] = 1
    return marks


def every_maximum(window):
    """Marks all of the largest pixels."""
    return window == window.max()


@every(POOLINGS, Pooling.at_random)
@pytest.mark.points(12)
def test_values(student, reference, rng, once, case):
    """Each window's gradient goes to its largest pixel, and nowhere else"""
    # Where a window is one pixel, grad_output is the right answer as it is: so that alone must not earn anything.
    for images in (case, POOLINGS[0]) if case.filter_size == 1 and case in POOLINGS else (case,):
        x, grad_output = images.draw(rng)
        right, expected = once(expect, images, reference, x, grad_output)
        layer = images.make_layer(student)
        cache = own_cache(student, layer.forward, (x,), right)
        assert_array(layer.backward(cache, grad_output), expected, "gradient", axes=IMAGES)


@pytest.mark.points(2)
def test_ties(student, reference, rng, once):
    """Where several pixels are largest, either the first one or every one of them gets the window's gradient"""
    case = LEFT_OVER
    x = rng.integers(-2, 2, size=(case.batch, case.channels, case.h, case.w)).astype(float)
    # One window without a tie, one with all of its pixels tied, one tied in its last two pixels.
    x[0, 0, :2, :4] = [[3, 1, -1, -1], [0, 2, -1, -1]]
    x[0, 1, :2, :2] = [[-2, 0], [1, 1]]
    grad_output = case.draw(rng)[1]
    right, _ = once(expect, case, reference, x, grad_output)
    layer = case.make_layer(student)
    cache = own_cache(student, layer.forward, (x,), right)
    assert_array(
        layer.backward(cache, grad_output),
        once(route_to, first_maximum, case, x, grad_output),
        "gradient",
        or_else=[once(route_to, every_maximum, case, x, grad_output)],
        axes=IMAGES,
    )


@pytest.mark.points(1)
def test_nearly_tied(student, reference, rng, once):
    """Pixels that differ in their last digits only are not tied"""
    x, grad_output = LEFT_OVER.draw(rng)
    # In each example one channel closer than float32 tells apart, the others closer than what tolerances usually are.
    x = 3 + np.array([[1e-6, 1e-9, 1e-12], [1e-12, 1e-6, 1e-9]])[:, :, np.newaxis, np.newaxis] * x
    right, expected = once(expect, LEFT_OVER, reference, x, grad_output)
    layer = LEFT_OVER.make_layer(student)
    cache = own_cache(student, layer.forward, (x,), right)
    assert_array(layer.backward(cache, grad_output), expected, "gradient", axes=IMAGES)


@pytest.mark.points(1)
def test_negative(student, reference, rng, once):
    """The largest of negative pixels gets the gradient, however small it is"""
    x, grad_output = LEFT_OVER.draw(rng)
    # Far below what a search might begin with for want of a better idea, -999 say.
    x = 1e6 * (-1 - np.abs(x))
    right, expected = once(expect, LEFT_OVER, reference, x, grad_output)
    layer = LEFT_OVER.make_layer(student)
    cache = own_cache(student, layer.forward, (x,), right)
    assert_array(layer.backward(cache, grad_output), expected, "gradient", axes=IMAGES)


@in_any_layout
@pytest.mark.points(1)
def test_memory(student, reference, rng, once, layout):
    """x and grad_output may be views that do not lie in memory row by row"""
    x, grad_output = LEFT_OVER.draw(rng)
    right, expected = once(expect, LEFT_OVER, reference, x, grad_output)
    layer = LEFT_OVER.make_layer(student)
    cache = own_cache(student, layer.forward, (lay_out(student, x, layout),), right)
    upstream = lay_out(student, grad_output, layout)
    assert_array(layer.backward(cache, upstream), expected, "gradient", axes=IMAGES)


@pytest.mark.points(1)
def test_arguments_unchanged(student, reference, rng, once):
    """The cache and grad_output stay as they are"""
    x, grad_output = LEFT_OVER.draw(rng)
    right, expected = once(expect, LEFT_OVER, reference, x, grad_output)
    layer, upstream = LEFT_OVER.make_layer(student), put(student, grad_output)
    cache = own_cache(student, layer.forward, (x,), right)
    grads = layer.backward(cache, upstream)
    assert_unchanged(upstream, grad_output, "grad_output")
    assert_unchanged(cache["x"], right["x"], 'cache["x"]')
    assert_unchanged(cache["out"], right["out"], 'cache["out"]')
    assert_array(grads, expected, "gradient", axes=IMAGES)


@pytest.mark.points(1)
def test_called_again(student, reference, rng, once):
    """backward works on the cache and the gradient that it is given, and leaves earlier results as they were"""
    x, grad_output = LEFT_OVER.draw(rng)
    other, other_grad = LEFT_OVER.draw(rng)
    right, expected = once(expect, LEFT_OVER, reference, x, grad_output)
    other_right, other_expected = once(expect, LEFT_OVER, reference, other, other_grad)
    _, expected_later = once(expect, LEFT_OVER, reference, x, other_grad)
    layer = LEFT_OVER.make_layer(student)
    # Two of one size in a row, which share what is kept for that size.
    cache, other_cache = own_caches(student, layer.forward, [((x,), right), ((other,), other_right)])
    # A view, so that its numbers can be changed whatever was done to the view.
    numbers = put(student, grad_output)
    upstream = numbers[...]
    first = layer.backward(cache, upstream)
    second = layer.backward(other_cache, other_grad)
    third = layer.backward(cache, other_grad)
    assert_array(second, other_expected, "second gradient", axes=IMAGES)
    assert_array(first, expected, "first gradient", axes=IMAGES)
    assert_array(third, expected_later, "third gradient", axes=IMAGES)
    # The same array with other numbers in it.
    numbers[...] = other_grad
    later = layer.backward(cache, upstream)
    assert_array(later, expected_later, "gradient of a grad_output changed in place", axes=IMAGES)


@pytest.mark.points(0.5)
def test_other_sizes(student, reference, rng, once):
    """backward works on the cache that it is given, also after forward was called on images of another size"""
    x, grad_output = LEFT_OVER.draw(rng)
    other, other_grad = LEFT_OVER.draw(rng)
    right, expected = once(expect, LEFT_OVER, reference, x, grad_output)
    other_right, other_expected = once(expect, LEFT_OVER, reference, other, other_grad)
    layer = LEFT_OVER.make_layer(student)
    larger = replace(LEFT_OVER, h=LEFT_OVER.h + 4, w=LEFT_OVER.w + 6)
    larger_x, larger_grad = larger.draw(rng)
    larger_right, _ = once(expect, larger, reference, larger_x, larger_grad)
    cache, _ = own_caches(student, layer.forward, [((x,), right), ((larger_x,), larger_right)])
    assert_array(layer.backward(cache, grad_output), expected, "gradient", axes=IMAGES)
    # One example more, one channel less, fewer rows and more columns. Not the last: what forward keeps must not fit all.
    odd = replace(LEFT_OVER, batch=LEFT_OVER.batch + 1, channels=LEFT_OVER.channels - 1, h=LEFT_OVER.h - 2, w=8)
    odd_x, odd_grad = odd.draw(rng)
    odd_right, odd_expected = once(expect, odd, reference, odd_x, odd_grad)
    calls = [((x,), right), ((odd_x,), odd_right), ((other,), other_right)]
    cache, odd_cache, other_cache = own_caches(student, layer.forward, calls)
    assert_array(layer.backward(cache, grad_output), expected, "gradient", axes=IMAGES)
    assert_array(layer.backward(odd_cache, odd_grad), odd_expected, "gradient", axes=IMAGES)
    assert_array(layer.backward(other_cache, other_grad), other_expected, "gradient", axes=IMAGES)


@pytest.mark.points(0.5)
def test_several_layers(student, reference, rng, once):
    """Layers of different window size may be in use at once, for the same images"""
    x, _ = LEFT_OVER.draw(rng)
    prepared = []
    for case in ALIKE_POOLINGS:
        _, grad_output = case.draw(rng)
        right, expected = once(expect, case, reference, x, grad_output)
        layer = case.make_layer(student)
        prepared.append((layer, own_cache(student, layer.forward, (x,), right), grad_output, expected))
    for layer, cache, grad_output, expected in prepared:
        assert_array(layer.backward(cache, grad_output), expected, "gradient", axes=IMAGES)
