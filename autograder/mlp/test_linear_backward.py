"""Linear layer: backward"""

import pytest
from cases import ALIKE, BIASES, INPUTS, LAYOUTS, LINEARS, SMALL, WEIGHTS, Linear, every, lay_out, require_dict

from cnn_assignment.testing import assert_array, assert_unchanged, copy_of, own_cache, own_caches, put

AXES = {"weights": WEIGHTS, "biases": BIASES, "x": INPUTS}


def expect(reference, x, weights, biases, grad_output):
    """The entries of a right cache, and the right gradients."""
    layer = reference.LinearLayer(weights, biases)
    cache = layer.forward(x)
    return cache, layer.backward(cache, grad_output)


def make(student, weights, biases, *calls):
    """The student's layer, and its caches for calls of forward."""
    layer = student.LinearLayer(weights, biases)
    # The gradients do not depend on the output, so nobody is handed a right one of a hidden input.
    caches = own_caches(student, layer.forward, calls, form_only=("out",))
    # Whatever forward did to them is not what this task is about.
    layer.weights, layer.biases = weights, biases
    return layer, *caches


def assert_grads(grads, expected, of=""):
    """All three gradients. of: added to their names."""
    require_dict(grads, *AXES)
    for name, axes in AXES.items():
        assert_array(grads[name], expected[name], f'grads["{name}"]{of}', axes=axes)


@every(LINEARS, Linear.at_random)
@pytest.mark.points(4)
def test_weights(student, reference, rng, once, case):
    """The gradient with respect to the weights, for a random upstream gradient"""
    x, weights, biases, grad_output = case.draw(rng)
    right, expected = once(expect, reference, x, weights, biases, grad_output)
    layer, cache = make(student, weights, biases, ((x,), right))
    grads = layer.backward(cache, grad_output)
    require_dict(grads, *AXES)
    assert_array(grads["weights"], expected["weights"], 'grads["weights"]', axes=WEIGHTS)


@every(LINEARS, Linear.at_random)
@pytest.mark.points(4)
def test_biases(student, reference, rng, once, case):
    """The gradient with respect to the biases, for a random upstream gradient"""
    x, weights, biases, grad_output = case.draw(rng)
    # With one example the upstream gradient is the answer but for its shape, so that alone must not earn anything.
    for sizes in (case, SMALL) if case.batch == 1 and case in LINEARS else (case,):
        if sizes is not case:
            x, weights, biases, grad_output = sizes.draw(rng)
        right, expected = once(expect, reference, x, weights, biases, grad_output)
        layer, cache = make(student, weights, biases, ((x,), right))
        grads = layer.backward(cache, grad_output)
        require_dict(grads, *AXES)
        assert_array(grads["biases"], expected["biases"], 'grads["biases"]', axes=BIASES)


@every(LINEARS, Linear.at_random)
@pytest.mark.points(4)
def test_input(student, reference, rng, once, case):
    """The gradient with respect to x, for a random upstream gradient"""
    x, weights, biases, grad_output = case.draw(rng)
    right, expected = once(expect, reference, x, weights, biases, grad_output)
    layer, cache = make(student, weights, biases, ((x,), right))
    grads = layer.backward(cache, grad_output)
    require_dict(grads, *AXES)
    assert_array(grads["x"], expected["x"], 'grads["x"]', axes=INPUTS)


@pytest.mark.points(2)
def test_memory(student, reference, rng, once):
    """x and grad_output may be views that do not lie in memory row by row"""
    x, weights, biases, grad_output = SMALL.draw(rng)
    right, expected = once(expect, reference, x, weights, biases, grad_output)
    for layout in LAYOUTS:
        layer, cache = make(student, weights, biases, ((lay_out(student, x, layout),), right))
        assert_grads(layer.backward(cache, lay_out(student, grad_output, layout)), expected)


@pytest.mark.points(2)
def test_arguments_unchanged(student, reference, rng, once):
    """The cache, grad_output, the weights and the biases stay as they are"""
    x, weights, biases, grad_output = SMALL.draw(rng)
    right, expected = once(expect, reference, x, weights, biases, grad_output)
    layer, cache = make(student, weights, biases, ((x,), right))
    upstream, out = put(student, grad_output), copy_of(cache["out"], right["out"])
    grads = layer.backward(cache, upstream)
    assert_unchanged(upstream, grad_output, "grad_output")
    assert_unchanged(cache["x"], right["x"], 'cache["x"]')
    assert_unchanged(cache["out"], out, 'cache["out"]')
    assert_unchanged(layer.weights, weights, "weights")
    assert_unchanged(layer.biases, biases, "biases")
    assert_grads(grads, expected)


@pytest.mark.points(2)
def test_two_caches(student, reference, rng, once):
    """backward works on the cache and the gradient that it is given, call after call, also of batches of another size"""
    x, weights, biases, grad_output = SMALL.draw(rng)
    other, other_grad = rng.normal(size=x.shape), rng.normal(size=grad_output.shape)
    more, more_grad = (
        rng.normal(size=(SMALL.batch + 1, SMALL.n_inputs)),
        rng.normal(size=(SMALL.batch + 1, SMALL.n_units)),
    )
    batches = (x, grad_output), (other, other_grad), (more, more_grad)
    found = [once(expect, reference, examples, weights, biases, upstream) for examples, upstream in batches]
    calls = [((examples,), right) for (examples, _), (right, _) in zip(batches, found, strict=True)]
    layer, *caches = make(student, weights, biases, *calls)
    all_grads = [layer.backward(cache, upstream) for cache, (_, upstream) in zip(caches, batches, strict=True)]
    for place, grads, (_, expected) in zip(("first", "second", "third"), all_grads, found, strict=True):
        assert_grads(grads, expected, f" of the {place} of three batches")
    # The same call gives the same once more.
    assert_grads(layer.backward(caches[0], grad_output), found[0][1], " of the same call again")


@pytest.mark.points(2)
def test_several_layers(student, reference, rng, once):
    """Layers of different sizes may be in use at once"""
    prepared = []
    for case in ALIKE:
        x, weights, biases, grad_output = case.draw(rng)
        right, expected = once(expect, reference, x, weights, biases, grad_output)
        layer = student.LinearLayer(weights, biases)
        cache = own_cache(student, layer.forward, (x,), right, form_only=("out",))
        layer.weights, layer.biases = weights, biases
        prepared.append((layer, cache, grad_output, expected))
    for layer, cache, grad_output, expected in prepared:
        assert_grads(layer.backward(cache, grad_output), expected)
