"""The solution of `cnn` against slow loops, SciPy and numeric gradients."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import correlate2d

from places import ROOT

SOLUTIONS = ROOT / "solutions"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"_solution_{name}", SOLUTIONS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


cnn = load("cnn")
mlp = load("mlp")
gradient_check = load("gradient_check")

# batch, h, w, filter_size, stride, n_outchannel
CONVOLUTIONS = [
    pytest.param((2, 6, 6, 3, 1, 4), id="plain"),
    pytest.param((3, 8, 8, 3, 2, 4), id="stride 2 with a remainder"),
    pytest.param((2, 7, 9, 3, 2, 2), id="stride 2 without a remainder"),
    pytest.param((2, 12, 9, 2, 3, 3), id="stride exceeds the filter, remainder in rows and columns"),
    pytest.param((2, 5, 9, 3, 1, 2), id="wide"),
    pytest.param((2, 9, 4, 2, 2, 2), id="high"),
    pytest.param((1, 6, 7, 3, 1, 3), id="one example"),
    pytest.param((4, 6, 5, 3, 1, 1), id="one filter"),
    pytest.param((1, 5, 4, 2, 2, 1), id="one example and one filter"),
    pytest.param((2, 4, 5, 1, 1, 3), id="filter 1"),
    pytest.param((2, 7, 5, 1, 3, 2), id="filter 1 stride 3"),
    pytest.param((2, 9, 8, 5, 2, 2), id="filter 5"),
    pytest.param((3, 4, 4, 4, 1, 2), id="one window"),
    pytest.param((2, 4, 5, 3, 7, 2), id="one window because the stride is large"),
    pytest.param((1, 1, 1, 1, 1, 1), id="everything is one"),
    pytest.param((2, 28, 28, 5, 1, 32), id="28 x 28 with 32 filters"),
]

# batch, channels, h, w, filter_size
POOLINGS = [
    pytest.param((2, 3, 6, 6, 2), id="plain"),
    pytest.param((2, 3, 5, 7, 2), id="remainder in rows and columns"),
    pytest.param((2, 2, 8, 4, 2), id="high"),
    pytest.param((1, 1, 4, 6, 2), id="one example and one channel"),
    pytest.param((2, 2, 8, 10, 3), id="filter 3 with a remainder of 2 and 1"),
    pytest.param((2, 2, 3, 4, 1), id="filter 1"),
    pytest.param((2, 2, 11, 10, 5), id="filter 5"),
    pytest.param((3, 2, 3, 3, 3), id="one window"),
    pytest.param((2, 2, 3, 3, 2), id="one window and a remainder"),
]


def make_convolution(filter_size: int, stride: int, n_outchannel: int, rng: np.random.Generator) -> Any:
    layer = cnn.Convolution2dLayer(filter_size=filter_size, stride=stride, n_outchannel=n_outchannel)
    layer.weights = rng.normal(size=(n_outchannel, filter_size, filter_size))
    return layer


def slow_convolution(x, weights, stride):
    """The definition, with SciPy at stride 1 and every stride-th result kept."""
    full = [[correlate2d(image[0], one, mode="valid")[::stride, ::stride] for one in weights] for image in x]
    return np.array(full)


def slow_filter_gradient(x, grad_output, filter_size, stride):
    """The definition, one multiplication at a time."""
    batch, n_outchannel, out_h, out_w = grad_output.shape
    grads = np.zeros((n_outchannel, filter_size, filter_size))
    for n, k, r, c in np.ndindex(batch, n_outchannel, out_h, out_w):
        for i, j in np.ndindex(filter_size, filter_size):
            grads[k, i, j] += grad_output[n, k, r, c] * x[n, 0, r * stride + i, c * stride + j]
    return grads


def slow_pooling(x, size):
    """Every maximum found by itself, and the place of the first one: (out, [(n, k, row, col, pixel row, column)])."""
    batch, channels, h, w = x.shape
    out, winners = np.empty((batch, channels, h // size, w // size)), []
    for n, k, r, c in np.ndindex(out.shape):
        places = [(r * size + i, c * size + j) for i in range(size) for j in range(size)]
        top, left = max(places, key=lambda place: x[n, k, *place])
        out[n, k, r, c] = x[n, k, top, left]
        winners.append((n, k, r, c, top, left))
    return out, winners


def scattered(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Random numbers without a tie, in memory that is neither contiguous nor in order."""
    batch, channels, h, w = shape
    flat = rng.permutation(batch * channels * h * w * 4) / 7 - batch
    return flat.reshape(2 * w, batch, 2 * h, channels).transpose(1, 3, 2, 0)[:, :, ::2, ::-2]


def test_constructor_stores_its_arguments_and_draws_no_weights():
    layer = cnn.Convolution2dLayer()
    assert (layer.filter_size, layer.stride, layer.n_outchannel) == (3, 1, 32)
    assert not hasattr(layer, "weights")
    layer = cnn.Convolution2dLayer(5, 2, 7)
    assert (layer.filter_size, layer.stride, layer.n_outchannel) == (5, 2, 7)
    assert cnn.MaxPooling2dLayer().filter_size == 2


def test_initialize_weights_draws_from_the_unit_interval():
    np.random.seed(0)  # noqa: NPY002 (the layer draws from the global generator)
    layer = cnn.Convolution2dLayer(filter_size=5, stride=2, n_outchannel=40)
    layer.initialize_weights()
    assert layer.weights.shape == (40, 5, 5)
    assert layer.weights.dtype == np.float64
    assert layer.weights.min() >= 0
    assert layer.weights.max() < 1
    assert abs(layer.weights.mean() - 0.5) < 0.05


@pytest.mark.parametrize("shape", CONVOLUTIONS)
def test_convolution_views_are_windows_of_x_in_row_major_order(shape):
    batch, h, w, filter_size, stride, _ = shape
    x = np.arange(batch * h * w, dtype=float).reshape(batch, 1, h, w)
    layer = cnn.Convolution2dLayer(filter_size=filter_size, stride=stride)
    views = list(layer._get_filtersizeXfiltersize_views(x))
    rows, cols = range(0, h - filter_size + 1, stride), range(0, w - filter_size + 1, stride)
    assert [(row, col) for row, col, _ in views] == [(r, c) for r in range(len(rows)) for c in range(len(cols))]
    for row, col, view in views:
        top, left = rows[row], cols[col]
        assert np.shares_memory(view, x)
        np.testing.assert_array_equal(view, x[:, :, top : top + filter_size, left : left + filter_size])


@pytest.mark.parametrize("shape", CONVOLUTIONS)
def test_convolution_forward_is_a_cross_correlation(shape):
    batch, h, w, filter_size, stride, n_outchannel = shape
    rng = np.random.default_rng(1)
    layer, x = make_convolution(filter_size, stride, n_outchannel, rng), rng.normal(size=(batch, 1, h, w))
    cache = layer.forward(x)
    out = (batch, n_outchannel, (h - filter_size) // stride + 1, (w - filter_size) // stride + 1)
    assert cache["out"].shape == out
    assert cache["out"].dtype == np.float64
    np.testing.assert_array_equal(cache["x"], x)
    np.testing.assert_allclose(cache["out"], slow_convolution(x, layer.weights, stride), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("shape", [shape for shape in CONVOLUTIONS if shape.id != "28 x 28 with 32 filters"])
def test_convolution_backward_is_the_sum_over_examples_and_places(shape):
    batch, h, w, filter_size, stride, n_outchannel = shape
    rng = np.random.default_rng(2)
    layer, x = make_convolution(filter_size, stride, n_outchannel, rng), rng.normal(size=(batch, 1, h, w))
    cache = layer.forward(x)
    grad_output = rng.normal(size=cache["out"].shape)
    grads = layer.backward(cache, grad_output)
    assert grads.shape == layer.weights.shape
    assert grads.dtype == np.float64
    expected = slow_filter_gradient(x, grad_output, filter_size, stride)
    np.testing.assert_allclose(grads, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("stride", [1, 2, 3, 4])
@pytest.mark.parametrize("batch", [1, 3])
def test_convolution_backward_agrees_with_the_numeric_gradient(batch, stride):
    rng = np.random.default_rng(3)
    layer, x = make_convolution(3, stride, 2, rng), rng.normal(size=(batch, 1, 8, 7))
    cache = layer.forward(x)
    grad_output = rng.normal(size=cache["out"].shape)

    def loss(weights):
        return np.sum(grad_output * slow_convolution(x, weights, stride))

    numeric = gradient_check.numeric_gradient(loss, layer.weights)
    assert gradient_check.relative_error(layer.backward(cache, grad_output), numeric) < 1e-6


@settings(max_examples=80)
@given(
    batch=st.integers(1, 3),
    filter_size=st.integers(1, 5),
    stride=st.integers(1, 6),
    n_outchannel=st.integers(1, 3),
    more_rows=st.integers(0, 6),
    more_cols=st.integers(0, 6),
    seed=st.integers(0, 2**32 - 1),
)
def test_convolution_is_right_for_any_shape_and_memory(
    batch, filter_size, stride, n_outchannel, more_rows, more_cols, seed
):
    rng = np.random.default_rng(seed)
    layer = make_convolution(filter_size, stride, n_outchannel, rng)
    x = scattered((batch, 1, filter_size + more_rows, filter_size + more_cols), rng)
    cache = layer.forward(x)
    np.testing.assert_allclose(cache["out"], slow_convolution(x, layer.weights, stride), rtol=1e-9, atol=1e-9)
    grad_output = scattered(cache["out"].shape, rng)
    expected = slow_filter_gradient(x, grad_output, filter_size, stride)
    np.testing.assert_allclose(layer.backward(cache, grad_output), expected, rtol=1e-9, atol=1e-8)


def test_convolution_accepts_an_input_that_is_one_image_repeated_in_memory():
    rng = np.random.default_rng(4)
    layer, image = make_convolution(2, 1, 2, rng), rng.normal(size=(1, 1, 4, 5))
    repeated = np.broadcast_to(image, (3, 1, 4, 5))
    np.testing.assert_array_equal(layer.forward(repeated)["out"], layer.forward(np.array(repeated))["out"])


@pytest.mark.parametrize("shape", POOLINGS)
def test_pooling_views_are_windows_side_by_side(shape):
    batch, channels, h, w, size = shape
    x = np.arange(batch * channels * h * w, dtype=float).reshape(batch, channels, h, w)
    views = list(cnn.MaxPooling2dLayer(size)._get_filtersizeXfiltersize_views(x))
    assert [(row, col) for row, col, _ in views] == list(np.ndindex(h // size, w // size))
    for row, col, view in views:
        top, left = size * row, size * col
        assert np.shares_memory(view, x)
        np.testing.assert_array_equal(view, x[:, :, top : top + size, left : left + size])


@pytest.mark.parametrize("shape", POOLINGS)
@pytest.mark.parametrize("shift", [0.0, -1000.0], ids=["mixed signs", "all negative"])
def test_pooling_forward_and_backward_follow_the_maximum(shape, shift):
    *dimensions, size = shape
    rng = np.random.default_rng(5)
    layer, x = cnn.MaxPooling2dLayer(filter_size=size), rng.normal(size=dimensions) + shift
    out, winners = slow_pooling(x, size)
    cache = layer.forward(x)
    assert cache["out"].dtype == np.float64
    np.testing.assert_array_equal(cache["x"], x)
    np.testing.assert_array_equal(cache["out"], out)
    grad_output = rng.normal(size=out.shape)
    expected = np.zeros_like(x)
    for n, k, r, c, top, left in winners:
        expected[n, k, top, left] = grad_output[n, k, r, c]
    grads = layer.backward(cache, grad_output)
    assert grads.dtype == np.float64
    np.testing.assert_array_equal(grads, expected)


@settings(max_examples=80)
@given(
    batch=st.integers(1, 3),
    channels=st.integers(1, 3),
    size=st.integers(1, 4),
    more_rows=st.integers(0, 6),
    more_cols=st.integers(0, 6),
    seed=st.integers(0, 2**32 - 1),
)
def test_pooling_is_right_for_any_shape_and_memory(batch, channels, size, more_rows, more_cols, seed):
    rng = np.random.default_rng(seed)
    layer, x = cnn.MaxPooling2dLayer(size), scattered((batch, channels, size + more_rows, size + more_cols), rng)
    out, winners = slow_pooling(x, size)
    cache = layer.forward(x)
    np.testing.assert_array_equal(cache["out"], out)
    grad_output = scattered(out.shape, rng)
    grads = layer.backward(cache, grad_output)
    assert grads.shape == x.shape
    for n, k, r, c, top, left in winners:
        assert grads[n, k, top, left] == grad_output[n, k, r, c]
        grads[n, k, top, left] = 0
    assert not grads.any()


def test_every_tied_maximum_gets_the_gradient_of_its_window():
    x = np.array([[[[4.0, 1, 0, 0], [4, 4, 0, 0]], [[1, 2, -3, -3], [2, 1, -5, -3]]]])
    layer = cnn.MaxPooling2dLayer(filter_size=2)
    grads = layer.backward(layer.forward(x), np.array([[[[3.0, -2.0]], [[0.5, 7.0]]]]))
    expected = [[[[3, 0, -2, -2], [3, 3, -2, -2]], [[0, 0.5, 7, 7], [0.5, 0, 0, 7]]]]
    np.testing.assert_array_equal(grads, expected)


def layer_and_input(kind: str) -> tuple[Any, np.ndarray]:
    rng = np.random.default_rng(6)
    if kind == "convolution":
        return make_convolution(3, 2, 4, rng), rng.normal(size=(3, 1, 8, 7))
    return cnn.MaxPooling2dLayer(filter_size=2), rng.normal(size=(3, 4, 5, 7))


@pytest.mark.parametrize("kind", ["convolution", "pooling"])
def test_layers_write_into_nothing_that_they_are_given(kind):
    layer, x = layer_and_input(kind)
    grad_output = np.random.default_rng(7).normal(size=layer.forward(x)["out"].shape)
    for array in (x, grad_output, *vars(layer).values()):
        if isinstance(array, np.ndarray):
            array.flags.writeable = False
    cache = layer.forward(x)
    cache["x"].flags.writeable = cache["out"].flags.writeable = False
    keys = set(cache)
    layer.backward(cache, grad_output)
    assert set(cache) == keys


@pytest.mark.parametrize("kind", ["convolution", "pooling"])
def test_two_caches_are_alive_at_once(kind):
    layer, x = layer_and_input(kind)
    other = x[:, :, ::-1, :] * 3
    grad_output = np.random.default_rng(8).normal(size=layer.forward(x)["out"].shape)
    alone = layer.backward(layer.forward(x), grad_output)
    first, kept = layer.forward(x), layer.forward(x)["out"].copy()
    layer.backward(layer.forward(other), grad_output)
    np.testing.assert_array_equal(layer.backward(first, grad_output), alone)
    np.testing.assert_array_equal(layer.backward(first, grad_output), alone)
    np.testing.assert_array_equal(first["out"], kept)


@pytest.mark.parametrize("kind", ["convolution", "pooling"])
def test_a_minimal_cache_is_enough_for_backward(kind):
    layer, x = layer_and_input(kind)
    cache = layer.forward(x)
    grad_output = np.random.default_rng(9).normal(size=cache["out"].shape)
    minimal = {"x": x.copy(), "out": cache["out"].copy()}
    np.testing.assert_array_equal(layer.backward(minimal, grad_output), layer.backward(cache, grad_output))


def make_network(n_outchannel: int = 8, seed: int = 0) -> Any:
    np.random.seed(seed)  # noqa: NPY002 (the same)
    convolution = cnn.Convolution2dLayer(filter_size=3, stride=1, n_outchannel=n_outchannel)
    convolution.initialize_weights()
    perceptron = mlp.MultilayerPerceptron((n_outchannel * 9, 32, 10), rng=seed)
    return cnn.ConvolutionalNetwork(convolution, cnn.MaxPooling2dLayer(filter_size=2), perceptron)


def test_network_forward_keeps_the_cache_of_each_block():
    network, x = make_network(), np.random.default_rng(10).normal(size=(5, 1, 8, 8))
    cache = network.forward(x)
    assert set(cache) == {"convolution", "pooling", "mlp", "out"}
    assert cache["convolution"]["out"].shape == (5, 8, 6, 6)
    assert cache["pooling"]["out"].shape == (5, 8, 3, 3)
    assert cache["mlp"]["x"].shape == (5, 72)
    np.testing.assert_array_equal(cache["out"], cache["mlp"]["out"])
    np.testing.assert_allclose(cache["out"].sum(axis=1), 1)
    np.testing.assert_array_equal(network.predict(x), cache["out"].argmax(axis=1))


@pytest.mark.parametrize("batch", [1, 4])
def test_network_backward_agrees_with_the_numeric_gradient(batch):
    rng = np.random.default_rng(11)
    network, x = make_network(n_outchannel=2), rng.normal(size=(batch, 1, 8, 8))
    network.mlp.weights[-1] = rng.normal(size=network.mlp.weights[-1].shape)
    labels = rng.integers(0, 10, size=batch)
    grads = network.backward(network.forward(x), labels)

    def loss(weights):
        network.convolution.weights = weights
        return network.loss(network.forward(x), labels)

    numeric = gradient_check.numeric_gradient(loss, network.convolution.weights)
    assert gradient_check.relative_error(grads["convolution"], numeric) < 1e-6


def test_network_backward_hands_on_what_the_mlp_returns():
    rng = np.random.default_rng(12)
    network, x, labels = make_network(), rng.normal(size=(3, 1, 8, 8)), np.array([1, 7, 1])
    cache = network.forward(x)
    grads, own = network.backward(cache, labels), network.mlp.backward(cache["mlp"], labels)
    assert set(grads) == {"convolution", "mlp"}
    assert set(grads["mlp"]) == {"weights", "biases", "x"}
    for name in ("weights", "biases"):
        for actual, expected in zip(grads["mlp"][name], own[name], strict=True):
            np.testing.assert_array_equal(actual, expected)


def test_network_gradient_is_that_of_the_mean_loss():
    rng = np.random.default_rng(13)
    network, x, labels = make_network(), rng.normal(size=(3, 1, 8, 8)), np.array([4, 0, 9])
    once = network.backward(network.forward(x), labels)["convolution"]
    x_twice, labels_twice = np.concatenate([x, x]), np.concatenate([labels, labels])
    twice = network.backward(network.forward(x_twice), labels_twice)["convolution"]
    np.testing.assert_allclose(twice, once, rtol=1e-9, atol=1e-12)


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits

    data = load_digits()
    return data.images[:, np.newaxis] / 16 - 0.5, data.target


def test_a_fresh_network_is_undecided_between_ten_classes(digits):
    x, labels = digits
    for seed in range(3):
        network = make_network(seed=seed)
        assert network.loss(network.forward(x), labels) == pytest.approx(np.log(10), abs=0.05)


def test_twenty_images_are_learned_by_heart(digits):
    x, labels = digits[0][:20], digits[1][:20]
    network = make_network()
    history = network.train(x, labels, learning_rate=0.3, n_epochs=60, batch_size=20)
    assert history["loss"][-1] < 0.1
    np.testing.assert_array_equal(network.predict(x), labels)


def test_training_recognizes_digits_that_were_held_out(digits):
    x, labels = digits
    order = np.random.default_rng(14).permutation(len(x))
    held_out, training = order[:360], order[360:]
    network = make_network()
    before = network.convolution.weights
    kept = before.copy()
    history = network.train(x[training], labels[training], learning_rate=0.3, n_epochs=12)
    assert [len(history[name]) for name in ("loss", "accuracy")] == [12, 12]
    assert history["loss"][-1] < history["loss"][0] / 5
    assert history["accuracy"][-1] > 0.95
    assert np.mean(network.predict(x[held_out]) == labels[held_out]) >= 0.93
    np.testing.assert_array_equal(before, kept)  # a step makes new weights and leaves an array once handed out alone


def test_training_repeats_itself_with_the_same_seed_and_counts_a_short_last_batch(digits):
    x, labels = digits[0][:50], digits[1][:50]
    networks = [make_network(), make_network()]
    histories = [network.train(x, labels, n_epochs=2, batch_size=16, rng=5) for network in networks]
    assert histories[0] == histories[1]
    np.testing.assert_array_equal(networks[0].convolution.weights, networks[1].convolution.weights)
    idle = make_network()
    expected = idle.loss(idle.forward(x), labels)
    history = idle.train(x, labels, learning_rate=0.0, n_epochs=1, batch_size=16)
    assert history["loss"] == [pytest.approx(expected)]
    assert history["accuracy"] == [pytest.approx(np.mean(idle.predict(x) == labels))]


def run_public_checks(folder: Path) -> subprocess.CompletedProcess[str]:
    for name in ("mlp.py", "gradient_check.py"):
        shutil.copy(SOLUTIONS / name, folder / name)
    shutil.copy(SOLUTIONS.parent / "autograder" / "cnn" / "checks.py", folder / "test_cnn.py")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--tb=line",
        "-p",
        "no:cacheprovider",
        "--rootdir=.",
        "test_cnn.py",
    ]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_public_checks_accept_the_solution(tmp_path):
    shutil.copy(SOLUTIONS / "cnn.py", tmp_path / "cnn.py")
    result = run_public_checks(tmp_path)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("right", "wrong", "check"),
    [
        pytest.param("axes=((1, 2), (1, 2))", "axes=((1, 2), (2, 1))", "test_conv_forward_values", id="transposed"),
        pytest.param(
            "row :: self.stride, col :: self.stride]", "row:, col:]", "test_conv_backward", id="stride ignored"
        ),
        pytest.param("range(h // size)", "range(-(-h // size))", "test_pool_views_type", id="keeps the remainder"),
        pytest.param("view.max(axis=(2, 3))\n", "view.mean(axis=(2, 3))\n", "test_pool_forward_values", id="mean"),
        pytest.param("mask * grad", "mask / mask.sum() * grad", "test_pool_backward_values", id="gradient shared out"),
        pytest.param(
            'cache = {"x": x, "out": np.zeros((len(x), self.n',
            'cache = {"x": x, "out": np.zeros((32, self.n',
            "test_conv_forward_shape",
            id="hard-coded batch",
        ),
        pytest.param(
            'mlp_grads["x"].reshape',
            '(len(labels) * mlp_grads["x"]).reshape',
            "test_cnn_chain_values",
            id="summed loss",
        ),
    ],
)
def test_public_checks_refuse_a_wrong_answer(tmp_path, right, wrong, check):
    text = (SOLUTIONS / "cnn.py").read_text(encoding="utf-8")
    assert text.count(right) == 1
    (tmp_path / "cnn.py").write_text(text.replace(right, wrong), encoding="utf-8")
    result = run_public_checks(tmp_path)
    assert result.returncode == 1, result.stdout
    assert check in result.stdout
