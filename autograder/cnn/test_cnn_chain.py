"""Network: backward through all blocks"""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pytest
from cases import FILTERS, Convolution, every

from cnn_assignment.testing import assert_array, assert_unchanged, fail, fetch, put


@dataclass(frozen=True)
class Network:
    """A convolution, a pooling layer and an MLP with hidden layers of these sizes."""

    name: str
    convolution: Convolution
    pool_size: int
    n_classes: int
    hidden: tuple[int, ...] = (6,)

    @classmethod
    def at_random(cls, rng, name=""):
        """A network of any kind, for images in which its pooling layer has a window at least."""
        while True:
            case = replace(Convolution.at_random(rng), n_outchannel=int(rng.choice((1, 1, 2, 2, 3, 4, 5, 8, 9))))
            pool_size = int(rng.choice((1, 1, 2, 2, 3, 4)))
            hidden = ((), (6,), (6, 5), (6, 5, 4))[int(rng.integers(4))]
            network = cls(name, case, pool_size, int(rng.choice((2, 3, 4, 5, 10, 11))), hidden)
            if min(network.convolved) >= pool_size:
                return network

    @property
    def convolved(self):
        """Rows and columns of the convolution's output"""
        case = self.convolution
        return tuple((n - case.filter_size) // case.stride + 1 for n in (case.h, case.w))

    @property
    def n_hidden(self):
        """the number of hidden layers."""
        return len(self.hidden)

    @property
    def unpooled(self):
        """the pooling layer leaves rows or columns over."""
        return any(n % self.pool_size > 0 for n in self.convolved)

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
    Network("one example, window size 1, square images", Convolution("", 1, 11, 11, 3, 3, 1), 1, 10),
    Network("eight examples, two hidden layers", Convolution("", 8, 8, 5, 1, 2, 4), 2, 2, (6, 5)),
    Network("one example, no hidden layer", Convolution("", 1, 14, 10, 4, 3, 3), 2, 2, ()),
    Network("filter size 5, square images, pooled to one value", Convolution("", 2, 13, 13, 5, 2, 1), 3, 4, (6, 5)),
    Network("one row of windows", Convolution("", 8, 4, 10, 4, 1, 2), 1, 3, ()),
    Network("one window", Convolution("", 3, 6, 5, 4, 3, 5), 1, 2),
    Network("one window, one filter, two hidden layers", Convolution("", 1, 4, 4, 4, 5, 1), 1, 3, (6, 5)),
    Network("one window, stride 1, no hidden layer", Convolution("", 2, 3, 3, 3, 1, 2), 1, 2, ()),
    Network("filter size 1, stride 1", Convolution("", 2, 4, 6, 1, 1, 2), 2, 3, ()),
)


def assert_grads(grads, expected, of=""):
    """The filters' gradient, and what the MLP's own backward gives. of: added to their names."""
    # Said here, because the errors of looking for a name in a list are the same wherever the list is.
    found = fetch(grads)
    if found is None or isinstance(found, list | tuple | np.ndarray):
        fail(f'expected a dict with "convolution" and "mlp", got {type(found).__name__}')
    assert_array(grads["convolution"], expected["convolution"], f'grads["convolution"]{of}', axes=FILTERS)
    for name in ("weights", "biases"):
        for layer, right in enumerate(expected["mlp"][name]):
            axes = ("input", "unit")[-right.ndim :]
            assert_array(grads["mlp"][name][layer], right, f'grads["mlp"]["{name}"][{layer}]{of}', axes=axes)


def expect(make, reference, reference_files, x, labels):
    """The right gradients."""
    network = make(reference, reference_files)
    return network.backward(network.forward(x), labels)


@every(NETWORKS, Network.at_random)
@pytest.mark.points(7)
def test_values(student, student_files, reference, reference_files, rng, once, case):
    """The gradients of the mean cross-entropy with respect to the filters and to the MLP"""
    x, labels, make = case.draw(rng)
    network = make(student, student_files)
    grads = network.backward(network.forward(x), labels)
    assert_grads(grads, once(expect, make, reference, reference_files, x, labels))


@pytest.mark.points(3)
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
    """backward works on the cache and the labels that it is given, call after call"""
    x, _, make = NETWORKS[0].draw(rng)
    other = rng.normal(size=x.shape)
    # Other ones for every image.
    labels, other_labels = np.array([0, 1, 2, 1]), np.array([2, 0, 1, 0])
    expected, expected_later, expected_other = (
        once(expect, make, reference, reference_files, images, classes)
        for images, classes in ((x, labels), (x, other_labels), (other, other_labels))
    )
    network = make(student, student_files)
    # Two of one size in a row, which share what is kept for that size.
    cache, other_cache = network.forward(x), network.forward(other)
    # A view, so that its numbers can be changed whatever was done to the view.
    numbers = put(student, labels)
    classes = numbers[...]
    grads = network.backward(cache, classes)
    other_grads = network.backward(other_cache, other_labels)
    assert_grads(grads, expected)
    assert_grads(other_grads, expected_other)
    assert_grads(network.backward(cache, other_labels), expected_later, " of other labels")
    # The cache is still what it was, so the same call gives the same once more.
    assert_grads(network.backward(cache, labels), expected)
    # The same array with other labels in it.
    numbers[...] = other_labels
    assert_grads(network.backward(cache, classes), expected_later, " of labels changed in place")


@pytest.mark.points(2)
def test_other_sizes(student, student_files, reference, reference_files, rng, once):
    """backward works on the cache that it is given, of any number of images, also beside another network"""
    x, labels, make = NETWORKS[0].draw(rng)
    # One image more than in the first batch, then as many again, and another network.
    other, other_labels = rng.normal(size=(len(x) + 1, *x.shape[1:])), np.append(labels, 0)
    last, last_labels, make_last = NETWORKS[3].draw(rng)
    network, last_network = make(student, student_files), make_last(student, student_files)
    cache, other_cache, _ = network.forward(x), network.forward(other), network.forward(-x)
    last_cache = last_network.forward(last)
    assert_grads(network.backward(cache, labels), once(expect, make, reference, reference_files, x, labels))
    other_grads = network.backward(other_cache, other_labels)
    assert_grads(other_grads, once(expect, make, reference, reference_files, other, other_labels))
    last_grads = last_network.backward(last_cache, last_labels)
    assert_grads(last_grads, once(expect, make_last, reference, reference_files, last, last_labels))
