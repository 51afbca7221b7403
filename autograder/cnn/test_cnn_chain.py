"""Network: backward through all blocks"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from cases import FILTERS, Convolution, every

from cnn_assignment.grading.testing import assert_array, assert_unchanged, fail, fetch, put


@dataclass(frozen=True)
class Network:
    """A convolution, a pooling layer and an MLP with hidden layers of these sizes."""

    name: str
    convolution: Convolution
    pool_size: int
    n_classes: int
    hidden: tuple[int, ...] = (6,)

    @property
    def n_hidden(self):
        """the number of hidden layers."""
        return len(self.hidden)

    def draw(self, rng):
        """x, labels, and a function that makes the network of a module."""
        x, weights, grad_output = self.convolution.draw(rng)
        pooled = [n // self.pool_size for n in grad_output.shape[2:]]
        sizes = (self.convolution.n_outchannel * pooled[0] * pooled[1], *self.hidden, self.n_classes)
        mlp_weights = [rng.normal(size=shape) / np.sqrt(shape[0]) for shape in pairwise(sizes)]
        mlp_biases = [0.1 * rng.normal(size=n) for n in sizes[1:]]

        def make(module, files):
            mlp = files.mlp.MultilayerPerceptron(sizes)
            mlp.weights, mlp.biases = mlp_weights, mlp_biases
            convolution = self.convolution.make_layer(module, weights)
            pooling = module.MaxPooling2dLayer(filter_size=self.pool_size)
            return module.ConvolutionalNetwork(convolution, pooling, mlp)

        return x, rng.integers(0, self.n_classes, size=len(x)), make


NETWORKS = (
    Network("a small batch", Convolution("", 4, 8, 8, 3, 1, 2), 2, 3),
    Network("one example, two hidden layers", Convolution("", 1, 8, 6, 3, 1, 3), 2, 4, (6, 5)),
    Network("stride 2, rows and columns left over", Convolution("", 3, 12, 15, 3, 2, 2), 2, 3),
    Network("one filter, window size 3, no hidden layer", Convolution("", 5, 9, 11, 2, 1, 1), 3, 2, ()),
    Network("digits: 8 by 8 images, ten classes", Convolution("", 6, 8, 8, 3, 1, 8), 2, 10),
)


def assert_grads(grads, expected):
    """The filters' gradient, and what the MLP's own backward gives."""
    # Said here, because the errors of looking for a name in a list are the same wherever the list is.
    found = fetch(grads)
    if found is None or isinstance(found, list | tuple | np.ndarray):
        fail(f'expected a dict with "convolution" and "mlp", got {type(found).__name__}')
    assert_array(grads["convolution"], expected["convolution"], 'grads["convolution"]', axes=FILTERS)
    for name in ("weights", "biases"):
        for layer, right in enumerate(expected["mlp"][name]):
            axes = ("input", "unit")[-right.ndim :]
            assert_array(grads["mlp"][name][layer], right, f'grads["mlp"]["{name}"][{layer}]', axes=axes)


def expect(make, reference, reference_files, x, labels):
    """The right gradients."""
    network = make(reference, reference_files)
    return network.backward(network.forward(x), labels)


@every(NETWORKS)
@pytest.mark.points(10)
def test_values(student, student_files, reference, reference_files, rng, once, case):
    """The gradients of the mean cross-entropy with respect to the filters and to the MLP"""
    x, labels, make = case.draw(rng)
    network = make(student, student_files)
    grads = network.backward(network.forward(x), labels)
    assert_grads(grads, once(expect, make, reference, reference_files, x, labels))


@pytest.mark.points(2)
def test_arguments_unchanged(student, student_files, reference, reference_files, rng, once):
    """The labels, the images, the caches, the weights and the biases stay as they are"""
    x, _, make = NETWORKS[2].draw(rng)
    # In an order that a sort would change.
    labels = np.array([2, 0, 1])
    network, images, classes = make(student, student_files), put(student, x), put(student, labels)
    right = make(reference, reference_files)
    caches = right.forward(x)
    cache = network.forward(images)
    grads = network.backward(cache, classes)
    assert_grads(grads, once(expect, make, reference, reference_files, x, labels))
    assert_unchanged(images, x, "x")
    assert_unchanged(classes, labels, "labels")
    assert_unchanged(cache["out"], caches["out"], 'cache["out"]')
    for block in ("convolution", "pooling", "mlp"):
        for name in ("x", "out"):
            assert_unchanged(cache[block][name], caches[block][name], f'cache["{block}"]["{name}"]')
    assert_unchanged(network.convolution.weights, right.convolution.weights, "weights")
    for name in ("weights", "biases"):
        for layer, array in enumerate(getattr(right.mlp, name)):
            assert_unchanged(getattr(network.mlp, name)[layer], array, f"mlp.{name}[{layer}]")


@pytest.mark.points(3)
def test_called_again(student, student_files, reference, reference_files, rng, once):
    """backward works on the cache that it is given, call after call, of any number of images"""
    x, labels, make = NETWORKS[0].draw(rng)
    # One image more than in the first batch, then as many again, and another network.
    other, other_labels = rng.normal(size=(len(x) + 1, *x.shape[1:])), np.append(labels, 0)
    last, last_labels, make_last = NETWORKS[3].draw(rng)
    network, last_network = make(student, student_files), make_last(student, student_files)
    cache, other_cache, _ = network.forward(x), network.forward(other), network.forward(-x)
    last_cache = last_network.forward(last)
    grads = network.backward(cache, labels)
    other_grads = network.backward(other_cache, other_labels)
    assert_grads(grads, once(expect, make, reference, reference_files, x, labels))
    assert_grads(other_grads, once(expect, make, reference, reference_files, other, other_labels))
    # The cache is still what it was, so the same call gives the same once more.
    assert_grads(network.backward(cache, labels), once(expect, make, reference, reference_files, x, labels))
    last_grads = last_network.backward(last_cache, last_labels)
    assert_grads(last_grads, once(expect, make_last, reference, reference_files, last, last_labels))
