"""Network: a step of gradient descent"""

import numpy as np
import pytest
from cases import BIASES, NETWORKS, WEIGHTS, Network, every

from cnn_assignment.testing import assert_array, assert_unchanged, fail, fetch, put


def draw(case, rng):
    """Weights, biases, and gradients for them: random ones, because a step does not ask where they come from."""
    x, _, weights, biases = case.draw(rng)
    grads = {
        "weights": [rng.normal(size=array.shape) for array in weights],
        "biases": [rng.normal(size=array.shape) for array in biases],
        "x": rng.normal(size=x.shape),
    }
    return weights, biases, grads


def expect(case, reference, weights, biases, *steps):
    """The right weights and biases after steps, each of which has gradients and a learning rate."""
    network = case.make(reference, weights, biases)
    for grads, rate in steps:
        network.update(grads, rate)
    return {"weights": network.weights, "biases": network.biases}


def assert_parameters(network, expected):
    """All weights and all biases of a network."""
    for name, axes in (("weights", WEIGHTS), ("biases", BIASES)):
        found, right = fetch(getattr(network, name)), expected[name]
        if not isinstance(found, list | tuple):
            kind = type(found).__name__ if isinstance(found, dict | np.ndarray | None) else "something else"
            fail(f"{name}: expected a list, got {kind}")
        if len(found) != len(right):
            fail(f"{name}: expected {len(right)} arrays, one for each linear layer, got {len(found)}")
        for depth, array in enumerate(right):
            assert_array(getattr(network, name)[depth], array, f"{name}[{depth}]", axes=axes)


# The number of examples plays no part here, so fewer cases tell as much.
@every((*NETWORKS[:5:2], *NETWORKS[6:8], *NETWORKS[9:11]), Network.at_random)
@pytest.mark.points(5)
def test_values(student, reference, rng, once, case):
    """Each parameter moves against its gradient, by the learning rate times the gradient"""
    weights, biases, grads = draw(case, rng)
    expected = once(expect, case, reference, weights, biases, (grads, 0.3))
    network = case.make(student, weights, biases)
    network.update(grads, 0.3)
    assert_parameters(network, expected)


@pytest.mark.points(2)
def test_several_steps(student, reference, rng, once):
    """Steps add up, with any learning rate"""
    case = NETWORKS[4]
    weights, biases, grads = draw(case, rng)
    _, _, other_grads = draw(case, rng)
    steps = (grads, 0.1), (other_grads, 2.5), (grads, 0.01)
    right = [once(expect, case, reference, weights, biases, *steps[: count + 1]) for count in range(len(steps))]
    network = case.make(student, weights, biases)
    for step, expected in zip(steps, right, strict=True):
        network.update(*step)
        assert_parameters(network, expected)


@pytest.mark.points(2)
def test_arguments_unchanged(student, reference, rng, once):
    """The gradients stay as they are, also after the next step"""
    case = NETWORKS[0]
    weights, biases, grads = draw(case, rng)
    expected = once(expect, case, reference, weights, biases, (grads, 0.5), (grads, 0.2))
    network, given = case.make(student, weights, biases), put(student, grads)
    network.update(given, 0.5)
    network.update(given, 0.2)
    for name in ("weights", "biases"):
        for depth, array in enumerate(grads[name]):
            assert_unchanged(given[name][depth], array, f'grads["{name}"][{depth}]')
    assert_unchanged(given["x"], grads["x"], 'grads["x"]')
    assert_parameters(network, expected)


@pytest.mark.points(1)
def test_two_networks(student, reference, rng, once):
    """A step of one network leaves another alone"""
    prepared = []
    for case in (NETWORKS[0], NETWORKS[0], NETWORKS[2]):
        weights, biases, grads = draw(case, rng)
        expected = once(expect, case, reference, weights, biases, (grads, 0.3))
        prepared.append((case.make(student, weights, biases), grads, expected))
    for network, grads, _ in prepared:
        network.update(grads, 0.3)
    for network, _, expected in prepared:
        assert_parameters(network, expected)
