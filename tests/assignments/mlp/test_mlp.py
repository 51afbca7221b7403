"""The solution of the assignment `mlp`, which students of `cnn` are given."""

from __future__ import annotations

import importlib.util
from types import ModuleType

import numpy as np
import pytest

from places import ROOT

SOLUTIONS = ROOT / "solutions"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"_solution_{name}", SOLUTIONS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


mlp = load("mlp")
gradient_check = load("gradient_check")

SIZES = [
    pytest.param((3, 4), id="no hidden layer"),
    pytest.param((5, 7, 3), id="one hidden layer"),
    pytest.param((4, 6, 5, 3), id="two hidden layers"),
    pytest.param((1, 2, 2), id="one input"),
]


def make_example(sizes, batch, seed=0):
    rng = np.random.default_rng(seed)
    network = mlp.MultilayerPerceptron(sizes, rng=rng)
    network.weights = [rng.normal(size=weights.shape) for weights in network.weights]
    network.biases = [rng.normal(size=biases.shape) for biases in network.biases]
    return network, rng.normal(size=(batch, sizes[0])), rng.integers(0, sizes[-1], size=batch)


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("batch", [1, 4])
def test_probabilities_are_positive_and_add_up_to_one(sizes, batch):
    network, x, _ = make_example(sizes, batch)
    cache = network.forward(x)
    assert cache["out"].shape == (batch, sizes[-1])
    assert cache["out"].dtype == np.float64
    assert (cache["out"] > 0).all()
    np.testing.assert_allclose(cache["out"].sum(axis=1), 1)
    np.testing.assert_array_equal(cache["x"], x)
    np.testing.assert_array_equal(network.predict(x), cache["out"].argmax(axis=1))


def test_forward_agrees_with_a_network_worked_by_hand():
    network = mlp.MultilayerPerceptron((2, 2, 2))
    network.weights = [np.array([[1.0, -1.0], [2.0, 1.0]]), np.array([[1.0, 0.0], [3.0, -1.0]])]
    network.biases = [np.array([0.5, -4.0]), np.array([0.0, 1.0])]
    cache = network.forward(np.array([[1.0, 2.0]]))
    # hidden: 1 + 4 + 0.5 = 5.5, and -1 + 2 - 4 = -3, which the ReLU stops; logits: 5.5 and 0 + 1
    np.testing.assert_allclose(cache["logits"], [[5.5, 1.0]])
    np.testing.assert_allclose(cache["out"], [[1 / (1 + np.exp(-4.5)), 1 / (1 + np.exp(4.5))]])
    assert network.loss(cache, np.array([1])) == pytest.approx(np.log(1 + np.exp(4.5)))


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("batch", [1, 4])
def test_gradients_agree_with_numeric_ones(sizes, batch):
    network, x, labels = make_example(sizes, batch)
    grads = network.backward(network.forward(x), labels)
    assert set(grads) == {"weights", "biases", "x"}

    def loss_of_input(array):
        return network.loss(network.forward(array), labels)

    numeric = gradient_check.numeric_gradient(loss_of_input, x)
    assert gradient_check.relative_error(grads["x"], numeric) < 1e-6
    for parameters, parameter_grads in ((network.weights, grads["weights"]), (network.biases, grads["biases"])):
        assert len(parameters) == len(parameter_grads)
        for depth, grad in enumerate(parameter_grads):

            def loss(array, parameters=parameters, depth=depth):
                kept, parameters[depth] = parameters[depth], array
                value = network.loss(network.forward(x), labels)
                parameters[depth] = kept
                return value

            numeric = gradient_check.numeric_gradient(loss, parameters[depth])
            assert gradient_check.relative_error(grad, numeric) < 1e-6


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 4, 3), (5, 2, 5), (4, 3, 1)], ids=str)
def test_gradients_of_a_linear_layer_agree_with_numeric_ones(shape):
    batch, n_inputs, n_units = shape
    rng = np.random.default_rng(1)
    x, weights, biases = (
        rng.normal(size=(batch, n_inputs)),
        rng.normal(size=(n_inputs, n_units)),
        rng.normal(size=n_units),
    )
    grad_output = rng.normal(size=(batch, n_units))

    def loss(x, weights, biases):
        return np.sum(grad_output * mlp.LinearLayer(weights, biases).forward(x)["out"])

    layer = mlp.LinearLayer(weights, biases)
    grads = layer.backward(layer.forward(x), grad_output)
    assert set(grads) == {"weights", "biases", "x"}
    numeric = {
        "x": gradient_check.numeric_gradient(lambda array: loss(array, weights, biases), x),
        "weights": gradient_check.numeric_gradient(lambda array: loss(x, array, biases), weights),
        "biases": gradient_check.numeric_gradient(lambda array: loss(x, weights, array), biases),
    }
    for name, slope in numeric.items():
        assert gradient_check.relative_error(grads[name], slope) < 1e-6


def test_a_rectifier_passes_what_is_positive_and_nothing_at_zero():
    layer = mlp.ReluLayer()
    cache = layer.forward(np.array([[-2.0, 0.0, 3.0, -0.0]]))
    np.testing.assert_array_equal(cache["out"], [[0, 0, 3, 0]])
    np.testing.assert_array_equal(layer.backward(cache, np.array([[5.0, 6.0, -7.0, 8.0]])), [[0, 0, -7, 0]])


def test_the_gradient_of_the_logits_agrees_with_a_numeric_one():
    rng = np.random.default_rng(2)
    logits, labels, end = rng.normal(size=(5, 4)), np.array([3, 0, 0, 1, 3]), mlp.SoftmaxCrossEntropy()
    analytic = end.backward(end.softmax(logits), labels)
    numeric = gradient_check.numeric_gradient(lambda array: end.loss(array, labels), logits)
    assert gradient_check.relative_error(analytic, numeric) < 1e-6
    np.testing.assert_allclose(analytic.sum(axis=1), 0, atol=1e-15)


def test_the_gradient_is_that_of_the_mean_loss():
    network, x, labels = make_example((5, 7, 3), 4)
    once = network.backward(network.forward(x), labels)
    twice = network.backward(network.forward(np.concatenate([x, x])), np.concatenate([labels, labels]))
    for name in ("weights", "biases"):
        for a, b in zip(once[name], twice[name], strict=True):
            np.testing.assert_allclose(a, b, atol=1e-12)
    np.testing.assert_allclose(np.concatenate([once["x"], once["x"]]) / 2, twice["x"], atol=1e-12)


def test_nothing_that_is_given_changes_and_calls_repeat_themselves():
    network, x, labels = make_example((5, 7, 3), 4)
    cache = network.forward(x)
    layers = [array for layer in (*cache["linear"], *cache["relu"]) for array in layer.values()]
    for array in (x, labels, *network.weights, *network.biases, *layers, cache["logits"], cache["out"]):
        array.flags.writeable = False
    first, second = network.backward(cache, labels), network.backward(cache, labels)
    np.testing.assert_array_equal(first["x"], second["x"])
    np.testing.assert_array_equal(network.forward(x)["out"], cache["out"])


def test_huge_logits_give_finite_probabilities_and_losses():
    logits = np.array([[1e4, 0.0, -1e4], [-1e4, -1e4, -1e4]])
    np.testing.assert_allclose(mlp.softmax(logits), [[1, 0, 0], [1 / 3, 1 / 3, 1 / 3]])
    assert mlp.mean_cross_entropy(logits, np.array([2, 0])) == pytest.approx((2e4 + np.log(3)) / 2)
    assert mlp.mean_cross_entropy(logits[:1], np.array([0])) == 0


def test_a_fresh_network_is_undecided():
    network = mlp.MultilayerPerceptron((64, 32, 10), rng=3)
    x = np.random.default_rng(4).normal(size=(200, 64))
    labels = np.random.default_rng(5).integers(0, 10, size=200)
    assert network.loss(network.forward(x), labels) == pytest.approx(np.log(10), abs=0.05)


def test_equal_seeds_make_equal_networks_and_a_generator_will_do():
    networks = [mlp.MultilayerPerceptron((4, 3, 2), rng=rng) for rng in (7, 7, np.random.default_rng(7), 8)]
    for a, b, c, d in zip(*(network.weights for network in networks), strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)
        assert not np.array_equal(a, d)


def test_a_step_goes_down_the_gradient_and_leaves_old_arrays_alone():
    network, x, labels = make_example((5, 7, 3), 4)
    old, kept = network.weights, [weights.copy() for weights in network.weights]
    before = network.loss(network.forward(x), labels)
    grads = network.backward(network.forward(x), labels)
    network.update(grads, 0.01)
    assert network.loss(network.forward(x), labels) < before
    for was, copy, now, grad in zip(old, kept, network.weights, grads["weights"], strict=True):
        np.testing.assert_array_equal(was, copy)
        np.testing.assert_allclose(now, copy - 0.01 * grad)


def test_it_learns_what_no_linear_classifier_can():
    x, labels = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
    network = mlp.MultilayerPerceptron((2, 8, 2), rng=0)
    for _ in range(1000):
        network.update(network.backward(network.forward(x), labels), 0.3)
    np.testing.assert_array_equal(network.predict(x), labels)
    assert network.loss(network.forward(x), labels) < 0.05
