"""Network: backward through all layers"""

import numpy as np
import pytest
from cases import BIASES, INPUTS, NETWORKS, WEIGHTS, Network, every, require_dict

from cnn_assignment.testing import assert_array, assert_unchanged, fail, fetch, put


def assert_grads(grads, expected, of=""):
    """The gradients of all weights, of all biases and of x. of: added to their names."""
    require_dict(grads, "weights", "biases", "x")
    for name, axes in (("weights", WEIGHTS), ("biases", BIASES)):
        found, right = fetch(grads[name]), expected[name]
        if not isinstance(found, list | tuple):
            kind = type(found).__name__ if isinstance(found, dict | np.ndarray | None) else "something else"
            fail(f'grads["{name}"]{of}: expected a list, got {kind}')
        if len(found) != len(right):
            fail(f'grads["{name}"]{of}: expected {len(right)} arrays, one for each linear layer, got {len(found)}')
        for depth, array in enumerate(right):
            assert_array(grads[name][depth], array, f'grads["{name}"][{depth}]{of}', axes=axes)
    assert_array(grads["x"], expected["x"], f'grads["x"]{of}', axes=INPUTS)


def expect(case, reference, x, labels, weights, biases):
    """The right cache, and the right gradients."""
    network = case.make(reference, weights, biases)
    cache = network.forward(x)
    return cache, network.backward(cache, labels)


@every(NETWORKS, Network.at_random)
@pytest.mark.points(8)
def test_values(student, reference, rng, once, case):
    """The gradients of the mean cross-entropy with respect to all weights, all biases and x"""
    x, labels, weights, biases = case.draw(rng)
    _, expected = once(expect, case, reference, x, labels, weights, biases)
    network = case.make(student, weights, biases)
    assert_grads(network.backward(network.forward(x), labels), expected)


@pytest.mark.points(3)
def test_arguments_unchanged(student, reference, rng, once):
    """The labels, x, the cache, the weights and the biases stay as they are"""
    case = NETWORKS[4]
    x, _, weights, biases = case.draw(rng)
    # In an order that a sort would change.
    labels = np.array([1, 0, 1, 1, 0, 0])
    right, expected = once(expect, case, reference, x, labels, weights, biases)
    network, examples, classes = case.make(student, weights, biases), put(student, x), put(student, labels)
    cache = network.forward(examples)
    grads = network.backward(cache, classes)
    assert_grads(grads, expected)
    assert_unchanged(examples, x, "x")
    assert_unchanged(classes, labels, "labels")
    for name in ("x", "logits", "out"):
        assert_unchanged(cache[name], right[name], f'cache["{name}"]')
    for depth, array in enumerate(right["inputs"]):
        assert_unchanged(cache["inputs"][depth], array, f'cache["inputs"][{depth}]')
    for name, arrays in (("weights", weights), ("biases", biases)):
        for depth, array in enumerate(arrays):
            assert_unchanged(getattr(network, name)[depth], array, f"{name}[{depth}]")


@pytest.mark.points(2)
def test_called_again(student, reference, rng, once):
    """backward works on the cache and the labels that it is given, call after call"""
    case = NETWORKS[0]
    x, _, weights, biases = case.draw(rng)
    # As many examples, then one more.
    other, more = rng.normal(size=x.shape), rng.normal(size=(case.batch + 1, case.n_inputs))
    labels, other_labels, more_labels = np.array([0, 1, 2, 1]), np.array([2, 0, 1, 0]), np.array([1, 1, 0, 2, 2])
    batches = (x, labels), (other, other_labels), (more, more_labels)
    found = [once(expect, case, reference, *batch, weights, biases)[1] for batch in batches]
    _, expected_later = once(expect, case, reference, x, other_labels, weights, biases)
    network = case.make(student, weights, biases)
    caches = [network.forward(examples) for examples, _ in batches]
    all_grads = [network.backward(cache, classes) for cache, (_, classes) in zip(caches, batches, strict=True)]
    for place, grads, expected in zip(("first", "second", "third"), all_grads, found, strict=True):
        assert_grads(grads, expected, f" of the {place} of three batches")
    assert_grads(network.backward(caches[0], other_labels), expected_later, " of other labels")
    # The cache is still what it was, so the same call gives the same once more.
    assert_grads(network.backward(caches[0], labels), found[0], " of the same call again")


@pytest.mark.points(2)
def test_several_networks(student, reference, rng, once):
    """Networks of different sizes may be in use at once"""
    prepared = []
    for case in (NETWORKS[0], NETWORKS[6], NETWORKS[2]):
        x, labels, weights, biases = case.draw(rng)
        _, expected = once(expect, case, reference, x, labels, weights, biases)
        network = case.make(student, weights, biases)
        prepared.append((network, network.forward(x), labels, expected))
    for network, cache, labels, expected in prepared:
        assert_grads(network.backward(cache, labels), expected)
