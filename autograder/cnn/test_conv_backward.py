"""Convolution: backward"""

from dataclasses import replace

import pytest
from cases import ALIKE, CONVOLUTIONS, FILTERS, SMALL, Convolution, every, in_any_layout, lay_out

from cnn_assignment.testing import assert_array, assert_unchanged, copy_of, own_caches, put


def expect(case, reference, x, weights, grad_output):
    """The entries of a right cache, and the right gradient."""
    layer = case.make_layer(reference, weights)
    cache = layer.forward(x)
    return cache, layer.backward(cache, grad_output)


def make(case, student, weights, *calls):
    """The student's layer, and its caches for calls of forward."""
    layer = case.make_layer(student, weights)
    # The gradient does not depend on the responses, so nobody is handed right ones of a hidden input.
    caches = own_caches(student, layer.forward, calls, form_only=("out",))
    # Whatever forward did to them is not what this task is about.
    layer.weights = weights
    return layer, *caches


@every(CONVOLUTIONS, Convolution.at_random)
@pytest.mark.points(15)
def test_values(student, reference, rng, once, case):
    """The gradient with respect to the weights, for a random upstream gradient"""
    x, weights, grad_output = case.draw(rng)
    right, expected = once(expect, case, reference, x, weights, grad_output)
    layer, cache = make(case, student, weights, ((x,), right))
    assert_array(layer.backward(cache, grad_output), expected, "gradient", axes=FILTERS)


@in_any_layout
@pytest.mark.points(2)
def test_memory(student, reference, rng, once, layout):
    """x and grad_output may be views that do not lie in memory row by row"""
    x, weights, grad_output = SMALL.draw(rng)
    right, expected = once(expect, SMALL, reference, x, weights, grad_output)
    layer, cache = make(SMALL, student, weights, ((lay_out(student, x, layout),), right))
    upstream = lay_out(student, grad_output, layout)
    assert_array(layer.backward(cache, upstream), expected, "gradient", axes=FILTERS)


@pytest.mark.points(2)
def test_arguments_unchanged(student, reference, rng, once):
    """The cache, grad_output and the weights stay as they are"""
    x, weights, grad_output = SMALL.draw(rng)
    right, expected = once(expect, SMALL, reference, x, weights, grad_output)
    layer, cache = make(SMALL, student, weights, ((x,), right))
    upstream, out = put(student, grad_output), copy_of(cache["out"], right["out"])
    grads = layer.backward(cache, upstream)
    assert_unchanged(upstream, grad_output, "grad_output")
    assert_unchanged(cache["x"], right["x"], 'cache["x"]')
    assert_unchanged(cache["out"], out, 'cache["out"]')
    assert_unchanged(layer.weights, weights, "weights")
    assert_array(grads, expected, "gradient", axes=FILTERS)


@pytest.mark.points(2)
def test_called_again(student, reference, rng, once):
    """Calling backward again gives the new gradient alone, and leaves the first result as it was"""
    x, weights, grad_output = SMALL.draw(rng)
    _, _, other_grad = SMALL.draw(rng)
    right, expected = once(expect, SMALL, reference, x, weights, grad_output)
    _, other_expected = once(expect, SMALL, reference, x, weights, other_grad)
    layer, cache = make(SMALL, student, weights, ((x,), right))
    # A view, so that its numbers can be changed whatever was done to the view.
    numbers = put(student, grad_output)
    upstream = numbers[...]
    first = layer.backward(cache, upstream)
    assert_array(layer.backward(cache, other_grad), other_expected, "second gradient", axes=FILTERS)
    assert_array(first, expected, "first gradient", axes=FILTERS)
    # The same array with other numbers in it.
    numbers[...] = other_grad
    third = layer.backward(cache, upstream)
    assert_array(third, other_expected, "gradient of a grad_output changed in place", axes=FILTERS)


@pytest.mark.points(2)
def test_two_caches(student, reference, rng, once):
    """backward works on the cache that it is given, also after forward was called on other images of any size"""
    x, weights, grad_output = SMALL.draw(rng)
    other, other_grad = rng.normal(size=x.shape), rng.normal(size=grad_output.shape)
    right, expected = once(expect, SMALL, reference, x, weights, grad_output)
    other_right, other_expected = once(expect, SMALL, reference, other, weights, other_grad)
    # More examples, fewer rows and more columns. In the second round not the last: what forward keeps of those must not
    # fit all the others.
    odd = replace(SMALL, batch=SMALL.batch + 1, h=SMALL.h - 3, w=SMALL.w + 3)
    odd_x, _, odd_grad = odd.draw(rng)
    odd_right, odd_expected = once(expect, odd, reference, odd_x, weights, odd_grad)
    # Two of one size in a row, which share what is kept for that size; then others.
    layer, cache, other_cache = make(SMALL, student, weights, ((x,), right), ((other,), other_right))
    assert_array(layer.backward(cache, grad_output), expected, "gradient", axes=FILTERS)
    assert_array(layer.backward(other_cache, other_grad), other_expected, "gradient", axes=FILTERS)
    calls = ((x,), right), ((odd_x,), odd_right), ((other,), other_right)
    layer, cache, odd_cache, other_cache = make(SMALL, student, weights, *calls)
    assert_array(layer.backward(cache, grad_output), expected, "gradient", axes=FILTERS)
    assert_array(layer.backward(odd_cache, odd_grad), odd_expected, "gradient", axes=FILTERS)
    assert_array(layer.backward(other_cache, other_grad), other_expected, "gradient", axes=FILTERS)


@pytest.mark.points(1)
def test_larger_images(student, reference, rng, once):
    """backward works on the cache that it is given, also after forward was called on larger images"""
    x, weights, grad_output = SMALL.draw(rng)
    right, expected = once(expect, SMALL, reference, x, weights, grad_output)
    larger = replace(SMALL, h=SMALL.h + 4, w=SMALL.w + 6)
    larger_x, _, larger_grad = larger.draw(rng)
    larger_right, _ = once(expect, larger, reference, larger_x, weights, larger_grad)
    layer, cache, _ = make(SMALL, student, weights, ((x,), right), ((larger_x,), larger_right))
    assert_array(layer.backward(cache, grad_output), expected, "gradient", axes=FILTERS)


@pytest.mark.points(1)
def test_several_layers(student, reference, rng, once):
    """Layers that differ in filter size, stride or number of filters may be in use at once, for the same images"""
    x, _, _ = SMALL.draw(rng)
    prepared = []
    for case in ALIKE:
        _, weights, grad_output = case.draw(rng)
        right, expected = once(expect, case, reference, x, weights, grad_output)
        prepared.append((*make(case, student, weights, ((x,), right)), grad_output, expected))
    for layer, cache, grad_output, expected in prepared:
        assert_array(layer.backward(cache, grad_output), expected, "gradient", axes=FILTERS)
