"""The solution of `cnn`, and what its hidden tests expect, against independent oracles over random shapes.

SciPy's correlations know nothing of strides or gradients, and PyTorch differentiates by itself: neither shares a line
or an idea with the solution. PyTorch is not part of any installation that students or instructors make, so `make
oracles` brings it; without it the tests that ask for it are left out and say so.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view
from scipy.signal import correlate, correlate2d

from places import ROOT

HIDDEN = ROOT / "autograder" / "cnn"

RELATIVE = 1e-10
# Numbers here are of size one and a sum has less than a thousand terms: in another order its rounding differs by less.
FLOOR = 1e-13


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"_oracles_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # A dataclass looks its module up.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def load_hidden(name: str) -> ModuleType:
    """A file of hidden tests, which finds its cases as it does in the grader."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "cases", cases)
        return load(HIDDEN / f"{name}.py")


cnn = load(ROOT / "solutions" / "cnn.py")
mlp = load(ROOT / "solutions" / "mlp.py")
cases = load(HIDDEN / "cases.py")
pool_backward = load_hidden("test_pool_backward")
cnn_chain = load_hidden("test_cnn_chain")

CONVOLUTION_CASES = pytest.mark.parametrize("case", cases.CONVOLUTIONS, ids=lambda case: case.name)
POOLING_CASES = pytest.mark.parametrize("case", cases.POOLINGS, ids=lambda case: case.name)
NETWORK_CASES = pytest.mark.parametrize("case", cnn_chain.NETWORKS, ids=lambda case: case.name)


@pytest.fixture(scope="module")
def torch():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed here; `make oracles` does it")
    # Tests already use every core, a process each.
    torch.set_num_threads(1)
    return torch


# Random shapes

seeds = st.integers(0, 2**32 - 1)


@st.composite
def convolutions(draw):
    """A hidden test's kind of case, of any shape that the contract allows."""
    h, w = draw(st.integers(1, 13)), draw(st.integers(1, 13))
    size, stride = draw(st.integers(1, min(5, h, w))), draw(st.integers(1, 6))
    return cases.Convolution("", draw(st.integers(1, 4)), h, w, size, stride, draw(st.integers(1, 4)))


@st.composite
def poolings(draw):
    h, w = draw(st.integers(1, 13)), draw(st.integers(1, 13))
    size = draw(st.integers(1, min(4, h, w)))
    return cases.Pooling("", draw(st.integers(1, 4)), draw(st.integers(1, 4)), h, w, size)


@st.composite
def networks(draw):
    """Blocks that leave at least one pooled pixel, and an MLP with up to two hidden layers: (network, x, labels)."""
    size, stride, pool = draw(st.integers(1, 5)), draw(st.integers(1, 6)), draw(st.integers(1, 4))
    least = size + stride * (pool - 1)
    h, w = least + draw(st.integers(0, 9)), least + draw(st.integers(0, 9))
    case = cases.Convolution("", draw(st.integers(1, 4)), h, w, size, stride, draw(st.integers(1, 4)))
    hidden, n_classes = draw(st.lists(st.integers(1, 7), max_size=2)), draw(st.integers(2, 10))
    rng = np.random.default_rng(draw(seeds))
    x, weights, grad_output = case.draw(rng)
    sizes = (case.n_outchannel * (grad_output.shape[2] // pool) * (grad_output.shape[3] // pool), *hidden, n_classes)
    perceptron = mlp.MultilayerPerceptron(sizes, rng=rng)
    # Weights that are small, and biases that are zero, would hide their part in the gradients.
    perceptron.weights = [rng.normal(size=shape.shape) / np.sqrt(len(shape)) for shape in perceptron.weights]
    perceptron.biases = [rng.normal(size=biases.shape) for biases in perceptron.biases]
    network = cnn.ConvolutionalNetwork(case.make_layer(cnn, weights), cnn.MaxPooling2dLayer(pool), perceptron)
    return network, x, rng.integers(0, n_classes, size=len(x))


def over(shapes, *hurtful, most=200):
    """Run a test on many random shapes with a seed each, and always on the shapes that hurt."""

    def decorate(test):
        for case in hurtful:
            test = example(case=case, seed=1)(test)
        return settings(max_examples=most)(given(case=shapes, seed=seeds)(test))

    return decorate


over_convolutions = over(
    convolutions(),
    cases.Convolution("stride 2, remainder in the rows only", 3, 8, 5, 3, 2, 2),
    cases.Convolution("stride larger than the filter, remainder in both", 2, 12, 10, 2, 5, 3),
    cases.Convolution("one window, although the image is larger", 2, 5, 4, 3, 6, 2),
    cases.Convolution("everything is one", 1, 1, 1, 1, 1, 1),
)
over_poolings = over(
    poolings(),
    cases.Pooling("remainder in both", 2, 3, 7, 5, 2),
    cases.Pooling("remainder of one and two", 1, 2, 10, 8, 3),
    cases.Pooling("one window and a remainder", 3, 1, 7, 5, 4),
)


def assert_close(actual, expected):
    assert actual.dtype == np.float64
    assert actual.shape == tuple(expected.shape)
    np.testing.assert_allclose(actual, np.asarray(expected), rtol=RELATIVE, atol=FLOOR)


# Convolutions, by SciPy's correlations


def scipy_forward(x, weights, stride):
    """Correlate every image with every filter at stride 1, and keep the results that a stride leaves."""
    return np.array(
        [[correlate2d(image, one, mode="valid")[::stride, ::stride] for one in weights] for image in x[:, 0]]
    )


def scipy_backward(x, grad_output, filter_size, stride):
    """Correlate the images with the upstream gradient, its rows and columns a stride apart and zeros between them.

    The correlation runs over the examples too, and all of them overlap in one place only: that is their sum.
    """
    batch, n_outchannel, out_h, out_w = grad_output.shape
    dilated = np.zeros((batch, n_outchannel, (out_h - 1) * stride + 1, (out_w - 1) * stride + 1))
    dilated[:, :, ::stride, ::stride] = grad_output
    every = [correlate(x[:, 0], dilated[:, k], mode="valid", method="direct") for k in range(n_outchannel)]
    # What a remainder adds at the end are places outside of the filter.
    return np.array(every)[:, 0, :filter_size, :filter_size]


def check_convolution_with_scipy(case, seed):
    x, weights, grad_output = case.draw(np.random.default_rng(seed))
    layer = case.make_layer(cnn, weights)
    cache = layer.forward(x)
    np.testing.assert_array_equal(cache["x"], x)
    assert_close(cache["out"], scipy_forward(x, weights, case.stride))
    assert_close(layer.backward(cache, grad_output), scipy_backward(x, grad_output, case.filter_size, case.stride))


@over_convolutions
def test_scipy_gives_the_convolution_and_its_gradient(case, seed):
    check_convolution_with_scipy(case, seed)


@CONVOLUTION_CASES
def test_scipy_gives_the_convolution_and_its_gradient_in_the_hidden_cases(case):
    check_convolution_with_scipy(case, seed=2)


# Convolutions, by PyTorch's gradients


def check_convolution_with_torch(torch, case, seed):
    x, weights, grad_output = case.draw(np.random.default_rng(seed))
    layer = case.make_layer(cnn, weights)
    cache = layer.forward(x)
    filters = torch.tensor(weights[:, np.newaxis], requires_grad=True)
    out = torch.nn.functional.conv2d(torch.tensor(x), filters, stride=case.stride)
    assert_close(cache["out"], out.detach())
    # The cases' own idea of the output's size is PyTorch's too.
    assert grad_output.shape == tuple(out.shape)
    out.backward(torch.tensor(grad_output))
    assert_close(layer.backward(cache, grad_output), filters.grad[:, 0])


@over_convolutions
def test_torch_gives_the_convolution_and_its_gradient(torch, case, seed):
    check_convolution_with_torch(torch, case, seed)


@CONVOLUTION_CASES
def test_torch_gives_the_convolution_and_its_gradient_in_the_hidden_cases(torch, case):
    check_convolution_with_torch(torch, case, seed=3)


# Views


def check_views(layer, x, windows):
    """windows: (batch, channels, out_h, out_w, rows, columns), one view for each place of the output."""
    found = list(layer._get_filtersizeXfiltersize_views(x))
    assert [(row, col) for row, col, _ in found] == list(np.ndindex(*windows.shape[2:4]))
    for row, col, view in found:
        assert np.shares_memory(view, x)
        np.testing.assert_array_equal(view, windows[:, :, row, col])


@over_convolutions
def test_numpy_gives_the_windows_of_a_convolution(case, seed):
    x, weights, _ = case.draw(np.random.default_rng(seed))
    every = sliding_window_view(x, (case.filter_size, case.filter_size), axis=(2, 3))
    check_views(case.make_layer(cnn, weights), x, every[:, :, :: case.stride, :: case.stride])


@over_poolings
def test_numpy_gives_the_windows_of_a_pooling_layer(case, seed):
    x, _ = case.draw(np.random.default_rng(seed))
    every = sliding_window_view(x, (case.filter_size, case.filter_size), axis=(2, 3))
    check_views(case.make_layer(cnn), x, every[:, :, :: case.filter_size, :: case.filter_size])


def torch_windows(x, size, stride):
    return x.unfold(2, size, stride).unfold(3, size, stride)


@over_convolutions
def test_torch_gives_the_windows_of_a_convolution(torch, case, seed):
    x, weights, _ = case.draw(np.random.default_rng(seed))
    windows = torch_windows(torch.tensor(x), case.filter_size, case.stride)
    check_views(case.make_layer(cnn, weights), x, windows.numpy())


@over_poolings
def test_torch_gives_the_windows_of_a_pooling_layer(torch, case, seed):
    x, _ = case.draw(np.random.default_rng(seed))
    windows = torch_windows(torch.tensor(x), case.filter_size, case.filter_size)
    check_views(case.make_layer(cnn), x, windows.numpy())


# Pooling without ties


def draw_untied(case, seed):
    """Numbers of both signs, no two alike, and an upstream gradient."""
    rng = np.random.default_rng(seed)
    x, grad_output = case.draw(rng)
    return (rng.permutation(x.size).reshape(x.shape) - x.size / 3) / 7, grad_output


def torch_pooling(torch, x, grad_output, size):
    """The maxima and the gradient with respect to x."""
    images = torch.tensor(x, requires_grad=True)
    out = torch.nn.functional.max_pool2d(images, size)
    out.backward(torch.tensor(grad_output))
    return out.detach().numpy(), images.grad.numpy()


def check_pooling_with_torch(torch, case, seed):
    x, grad_output = draw_untied(case, seed)
    out, grads = torch_pooling(torch, x, grad_output, case.filter_size)
    layer = case.make_layer(cnn)
    cache = layer.forward(x)
    # Nothing is computed, numbers are only chosen: they are equal in every bit.
    assert cache["out"].dtype == np.float64
    np.testing.assert_array_equal(cache["out"], out, strict=True)
    np.testing.assert_array_equal(layer.backward(cache, grad_output), grads, strict=True)
    for pick in (pool_backward.first_maximum, pool_backward.every_maximum):
        np.testing.assert_array_equal(pool_backward.route_to(pick, case, x, grad_output), grads, strict=True)


@over_poolings
def test_torch_gives_the_pooling_and_its_gradient(torch, case, seed):
    check_pooling_with_torch(torch, case, seed)


@POOLING_CASES
def test_torch_gives_the_pooling_and_its_gradient_in_the_hidden_cases(torch, case):
    check_pooling_with_torch(torch, case, seed=4)


@over_poolings
def test_numpy_gives_the_pooling_and_its_gradient(case, seed):
    x, grad_output = draw_untied(case, seed)
    size = case.filter_size
    windows = sliding_window_view(x, (size, size), axis=(2, 3))[:, :, ::size, ::size]
    layer = case.make_layer(cnn)
    cache = layer.forward(x)
    np.testing.assert_array_equal(cache["out"], windows.max(axis=(4, 5)), strict=True)
    # No two pixels are alike, so a maximum tells its own place.
    expected = np.zeros_like(x)
    expected.flat[np.argsort(x, axis=None)[np.searchsorted(np.sort(x, axis=None), cache["out"])]] = grad_output
    np.testing.assert_array_equal(layer.backward(cache, grad_output), expected, strict=True)


# Pooling with ties. PyTorch has both answers that earn full marks: max_pool2d goes to the first of the tied pixels, row
# by row, and amax shares the gradient of a window evenly, so times the number of tied pixels it gives all to every one.


def draw_tied(case, seed):
    rng = np.random.default_rng(seed)
    x, grad_output = case.draw(rng)
    return rng.integers(-2, 2, size=x.shape).astype(float), grad_output


def torch_shares(torch, x, grad_output, size):
    """(the gradient that amax shares out, the share of each pixel of x where the upstream gradient is one)."""

    def differentiate(upstream):
        images = torch.tensor(x, requires_grad=True)
        torch_windows(images, size, size).amax(dim=(4, 5)).backward(torch.tensor(upstream))
        return images.grad.numpy()

    return differentiate(grad_output), differentiate(np.ones_like(grad_output))


def sum_windows(array, size):
    return sliding_window_view(array, (size, size), axis=(2, 3))[:, :, ::size, ::size].sum(axis=(4, 5))


@over_poolings
def test_torch_gives_the_first_of_tied_pixels_what_the_hidden_tests_give_it(torch, case, seed):
    x, grad_output = draw_tied(case, seed)
    out, grads = torch_pooling(torch, x, grad_output, case.filter_size)
    np.testing.assert_array_equal(case.make_layer(cnn).forward(x)["out"], out, strict=True)
    expected = pool_backward.route_to(pool_backward.first_maximum, case, x, grad_output)
    np.testing.assert_array_equal(expected, grads, strict=True)


@over_poolings
def test_torch_shares_out_what_the_solution_and_the_hidden_tests_give_every_tied_pixel(torch, case, seed):
    x, grad_output = draw_tied(case, seed)
    shared, share = torch_shares(torch, x, grad_output, case.filter_size)
    assert_close(sum_windows(shared, case.filter_size), grad_output)
    layer = case.make_layer(cnn)
    grads = layer.backward(layer.forward(x), grad_output)
    np.testing.assert_array_equal(grads != 0, share != 0)
    assert_close(grads[share != 0], shared[share != 0] / share[share != 0])
    expected = pool_backward.route_to(pool_backward.every_maximum, case, x, grad_output)
    np.testing.assert_array_equal(grads, expected, strict=True)


@over_poolings
def test_a_tied_window_hands_on_its_gradient_once_for_every_tied_pixel(case, seed):
    x, grad_output = draw_tied(case, seed)
    layer = case.make_layer(cnn)
    cache = layer.forward(x)
    size = case.filter_size
    windows = sliding_window_view(x, (size, size), axis=(2, 3))[:, :, ::size, ::size]
    tied = (windows == windows.max(axis=(4, 5), keepdims=True)).sum(axis=(4, 5))
    assert_close(sum_windows(layer.backward(cache, grad_output), size), tied * grad_output)
    first = pool_backward.route_to(pool_backward.first_maximum, case, x, grad_output)
    np.testing.assert_array_equal(sum_windows(first, size), grad_output)


# The whole network


def torch_gradients(torch, network, x, labels):
    """Probabilities, loss, and the gradients of the loss with respect to all that can be trained and to the MLP's input."""

    def trained(array):
        return torch.tensor(array, requires_grad=True)

    filters = trained(network.convolution.weights[:, np.newaxis])
    weights, biases = list(map(trained, network.mlp.weights)), list(map(trained, network.mlp.biases))
    convolved = torch.nn.functional.conv2d(torch.tensor(x), filters, stride=network.convolution.stride)
    flat = torch.nn.functional.max_pool2d(convolved, network.pooling.filter_size).flatten(start_dim=1)
    flat.retain_grad()
    signal = flat
    for depth, (matrix, vector) in enumerate(zip(weights, biases, strict=True)):
        signal = (torch.relu(signal) if depth else signal) @ matrix + vector
    loss = torch.nn.functional.cross_entropy(signal, torch.tensor(labels))
    loss.backward()
    return SimpleNamespace(
        out=torch.softmax(signal, dim=1).detach(),
        loss=loss.item(),
        filters=filters.grad[:, 0],
        weights=[matrix.grad for matrix in weights],
        biases=[vector.grad for vector in biases],
        x=flat.grad,
    )


def check_network_with_torch(torch, network, x, labels):
    expected = torch_gradients(torch, network, x, labels)
    cache = network.forward(x)
    assert_close(cache["out"], expected.out)
    assert network.loss(cache, labels) == pytest.approx(expected.loss, rel=RELATIVE, abs=FLOOR)
    grads = network.backward(cache, labels)
    assert_close(grads["convolution"], expected.filters)
    for name in ("weights", "biases"):
        for actual, right in zip(grads["mlp"][name], getattr(expected, name), strict=True):
            assert_close(actual, right)
    assert_close(grads["mlp"]["x"], expected.x)


@settings(max_examples=200)
@given(case=networks())
def test_torch_gives_every_gradient_of_the_network(torch, case):
    check_network_with_torch(torch, *case)


@NETWORK_CASES
def test_torch_gives_every_gradient_of_the_network_in_the_hidden_cases(torch, case):
    x, labels, make = case.draw(np.random.default_rng(5))
    check_network_with_torch(torch, make(cnn, SimpleNamespace(mlp=mlp)), x, labels)
