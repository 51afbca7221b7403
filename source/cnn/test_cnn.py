"""Public checks for the assignment `cnn`. Run them beside your cnn.py:  pytest -x test_cnn.py

They come task by task, in the order in which you work: first the type of a result, then its shape, its dtype and its
values. The expected numbers were worked out by hand, so work them out too when one disagrees with yours. The tests
that grade you use more shapes than these: other strides and filter sizes, images that are not square, one example,
one filter, memory that is not contiguous.
"""

import numpy as np

from cnn import Convolution2dLayer, ConvolutionalNetwork, MaxPooling2dLayer
from gradient_check import numeric_gradient, relative_error
from mlp import MultilayerPerceptron


def _expect_array(name, actual):
    assert isinstance(actual, np.ndarray), f"{name}: expected a numpy.ndarray, got {type(actual).__name__}"


def _expect_cache(cache):
    assert isinstance(cache, dict), f"cache: expected a dict, got {type(cache).__name__}"
    for key in ("x", "out"):
        assert key in cache, f'cache: expected the keys "x" and "out", got {sorted(map(str, cache))}'
        _expect_array(f'cache["{key}"]', cache[key])


def _expect_shape(name, actual, shape):
    assert np.shape(actual) == shape, f"{name}: expected shape {shape}, got {np.shape(actual)}"


def _expect_float64(name, actual):
    dtype = np.asarray(actual).dtype
    assert dtype == np.float64, f"{name}: expected dtype float64, got {dtype}"


def _expect_values(name, actual, expected):
    expected = np.array(expected, dtype=np.float64)
    _expect_shape(name, actual, expected.shape)
    wrong = np.argwhere(~np.isclose(actual, expected, rtol=1e-8, atol=1e-12))
    if len(wrong) > 0:
        first = tuple(int(i) for i in wrong[0])
        place = ", ".join(map(str, first))
        raise AssertionError(
            f"{name}[{place}]: expected {expected[first]:g}, got {actual[first]:g} "
            f"({len(wrong)} of {expected.size} values differ)"
        )


def _expect_unchanged(name, actual, before):
    assert np.array_equal(actual, before), f"{name}: expected it to stay as it was, but the call changed it"


def _expect_small_error(name, analytic, numeric):
    _expect_shape(name, analytic, numeric.shape)
    error = relative_error(analytic, numeric)
    assert error < 1e-6, f"{name}: expected a relative error below 1e-6 to the numeric gradient, got {error:.2g}"


def _right_cache(layer, x, out):
    # What forward should return for x: your own cache, if forward runs already, with "x" and "out" put right in it.
    try:
        cache = layer.forward(x)
    except Exception:  # whatever is wrong with forward, it is not what these checks are about
        cache = None
    if not isinstance(cache, dict):
        cache = {}
    for key, right in (("x", x), ("out", np.array(out, dtype=np.float64))):
        own = cache.get(key)
        if not (isinstance(own, np.ndarray) and own.shape == right.shape and np.allclose(own, right)):
            cache[key] = right
    return cache


def _convolution_example():
    # One image of 3 x 4 pixels, two filters of 2 x 2, stride 1: out has 2 x 3 places and 2 channels.
    x = np.array([[[[1.0, 2.0, 0.0, -1.0], [3.0, -2.0, 1.0, 4.0], [0.0, 5.0, -3.0, 2.0]]]])
    layer = Convolution2dLayer(filter_size=2, stride=1, n_outchannel=2)
    layer.weights = np.array([[[1.0, 2.0], [-1.0, 3.0]], [[0.0, -2.0], [4.0, 1.0]]])
    return layer, x


def _stride_example():
    # Two images of 5 x 4 pixels, one filter of 2 x 2, stride 2: out has 2 x 2 places, and the last row is not seen.
    x = np.array(
        [
            [[[1.0, 0.0, 2.0, 1.0], [3.0, 1.0, -1.0, 2.0], [0.0, 2.0, 4.0, -2.0], [1.0, 1.0, 0.0, 3.0], [9.0] * 4]],
            [[[2.0, -1.0, 0.0, 3.0], [1.0, 0.0, 5.0, 1.0], [-3.0, 1.0, 2.0, 2.0], [0.0, 4.0, 1.0, -1.0], [7.0] * 4]],
        ]
    )
    layer = Convolution2dLayer(filter_size=2, stride=2, n_outchannel=1)
    layer.weights = np.array([[[2.0, 1.0], [-1.0, 3.0]]])
    return layer, x


def test_conv_forward_type():
    layer, x = _convolution_example()
    _expect_cache(layer.forward(x))


def test_conv_forward_shape():
    layer, x = _convolution_example()
    _expect_shape('cache["out"]', layer.forward(x)["out"], (1, 2, 2, 3))
    layer, x = _stride_example()
    _expect_shape('stride 2: cache["out"]', layer.forward(x)["out"], (2, 1, 2, 2))


def test_conv_forward_dtype():
    layer, x = _convolution_example()
    _expect_float64('cache["out"]', layer.forward(x)["out"])


def test_conv_forward_values():
    layer, x = _convolution_example()
    # By hand, filter 0 at (0, 0): 1*1 + 2*2 + 3*(-1) + (-2)*3 = -4.
    expected = [[[[-4, 7, 9], [14, -14, 18]], [[6, -7, 10], [9, 15, -18]]]]
    _expect_values('cache["out"]', layer.forward(x)["out"], expected)


def test_conv_forward_values_with_stride():
    layer, x = _stride_example()
    # By hand, image 0 at (0, 1), which starts at pixel (0, 2): 2*2 + 1*1 + (-1)*(-1) + 2*3 = 12.
    expected = [[[[2, 12], [4, 15]]], [[[2, 1], [7, 2]]]]
    _expect_values('stride 2: cache["out"]', layer.forward(x)["out"], expected)


def test_conv_forward_changes_nothing():
    layer, x = _convolution_example()
    x_before, weights_before = x.copy(), layer.weights.copy()
    cache = layer.forward(x)
    _expect_unchanged("x", x, x_before)
    _expect_unchanged("weights", layer.weights, weights_before)
    _expect_values('cache["x"]', cache["x"], x_before)
    _expect_values('second call: cache["out"]', layer.forward(x)["out"], cache["out"])


def test_conv_backward_type():
    layer, x = _convolution_example()
    cache = _right_cache(layer, x, [[[[-4, 7, 9], [14, -14, 18]], [[6, -7, 10], [9, 15, -18]]]])
    _expect_array("gradient", layer.backward(cache, np.ones((1, 2, 2, 3))))


def test_conv_backward_shape():
    layer, x = _convolution_example()
    cache = _right_cache(layer, x, [[[[-4, 7, 9], [14, -14, 18]], [[6, -7, 10], [9, 15, -18]]]])
    _expect_shape("gradient", layer.backward(cache, np.ones((1, 2, 2, 3))), (2, 2, 2))


def test_conv_backward_dtype():
    layer, x = _convolution_example()
    cache = _right_cache(layer, x, [[[[-4, 7, 9], [14, -14, 18]], [[6, -7, 10], [9, 15, -18]]]])
    _expect_float64("gradient", layer.backward(cache, np.ones((1, 2, 2, 3))))


def test_conv_backward_values():
    layer, x = _convolution_example()
    cache = _right_cache(layer, x, [[[[-4, 7, 9], [14, -14, 18]], [[6, -7, 10], [9, 15, -18]]]])
    grad_output = np.array([[[[1.0, 0.0, 2.0], [-1.0, 3.0, 0.0]], [[2.0, -1.0, 0.0], [0.0, 1.0, -2.0]]]])
    x_before, grad_before, weights_before = x.copy(), grad_output.copy(), layer.weights.copy()
    # By hand, filter 0 at (0, 0): 1*1 + 0*2 + 2*0 + (-1)*3 + 3*(-2) + 0*1 = -8.
    expected = [[[-8, 5], [20, -8]], [[-4, -3], [19, -12]]]
    _expect_values("gradient", layer.backward(cache, grad_output), expected)
    _expect_values("second call: gradient", layer.backward(cache, grad_output), expected)
    _expect_unchanged('cache["x"]', cache["x"], x_before)
    _expect_unchanged("grad_output", grad_output, grad_before)
    _expect_unchanged("weights", layer.weights, weights_before)


def test_conv_backward_values_with_stride():
    layer, x = _stride_example()
    cache = _right_cache(layer, x, [[[[2, 12], [4, 15]]], [[[2, 1], [7, 2]]]])
    grad_output = np.array([[[[1.0, -1.0], [2.0, 0.0]]], [[[0.0, 3.0], [-2.0, 1.0]]]])
    # By hand, the weight at (0, 0): image 0 gives 1*1 + (-1)*2 + 2*0 + 0*4, image 1 gives 0*2 + 3*0 + (-2)*(-3) + 1*2.
    expected = [[[7, 12], [22, -5]]]
    _expect_values("stride 2: gradient", layer.backward(cache, grad_output), expected)


def test_conv_backward_numeric_gradient():
    rng = np.random.default_rng(1)
    x, grad_output = rng.normal(size=(2, 1, 6, 5)), rng.normal(size=(2, 3, 2, 2))
    layer = Convolution2dLayer(filter_size=3, stride=2, n_outchannel=3)
    layer.weights = rng.normal(size=(3, 3, 3))
    gradient = layer.backward(layer.forward(x), grad_output)

    def loss(weights):
        other = Convolution2dLayer(filter_size=3, stride=2, n_outchannel=3)
        other.weights = weights
        return np.sum(grad_output * other.forward(x)["out"])

    _expect_small_error("gradient", gradient, numeric_gradient(loss, layer.weights))


def _pooling(filter_size, corners):
    # A pooling layer with right windows: corners[row, col] is the upper left pixel. If your own views are not right
    # yet, it is told these, so that the checks of forward and backward do not wait for them.
    layer = MaxPooling2dLayer(filter_size=filter_size)

    def right_views(x):
        for (row, col), (top, left) in corners.items():
            yield row, col, x[:, :, top : top + filter_size, left : left + filter_size]

    # One row and one column are left over.
    h, w = (max(corner[axis] for corner in corners.values()) + filter_size + 1 for axis in (0, 1))
    x = np.arange(1.0 * h * w).reshape(1, 1, h, w)
    expected = {(row, col): view for row, col, view in right_views(x)}
    try:
        # Views may never end, if they are wrong.
        views = layer._get_filtersizeXfiltersize_views(x)
        own = [entry for _, entry in zip(range(len(corners) + 1), views, strict=False)]
        found = {(row, col): view for row, col, view in own}
        are_right = len(own) == len(corners) and all(np.array_equal(found[at], expected[at]) for at in corners)
    except Exception:  # whatever is wrong with them, it is not what these checks are about
        are_right = False
    if not are_right:
        layer._get_filtersizeXfiltersize_views = right_views
    return layer


def _pooling_example():
    # One example with two channels of 3 x 5 pixels, windows of 2 x 2: two windows, last row and last column dropped.
    return np.array(
        [
            [
                [[1.0, -2.0, 4.0, 0.0, 9.0], [3.0, 2.0, -1.0, 5.0, 8.0], [7.0, 6.0, -3.0, 2.0, 1.0]],
                [[-4.0, -1.0, -6.0, -2.0, 5.0], [-3.0, -2.0, -8.0, -7.0, 3.0], [1.0, 2.0, 3.0, 4.0, 6.0]],
            ]
        ]
    )


def test_pool_views_type():
    views = list(MaxPooling2dLayer(filter_size=2)._get_filtersizeXfiltersize_views(_pooling_example()))
    assert len(views) == 2, f"views: expected 2 windows, got {len(views)}"
    for entry in views:
        assert len(entry) == 3, f"views: expected entries of three, (row, col, view), got {len(entry)} values"
        for name, index in (("row", entry[0]), ("col", entry[1])):
            whole = isinstance(index, (int, np.integer))
            assert whole, f"views: expected {name} to be an integer, got {type(index).__name__}"
        _expect_array("view", entry[2])


def test_pool_views_shape():
    for _, _, view in MaxPooling2dLayer(filter_size=2)._get_filtersizeXfiltersize_views(_pooling_example()):
        _expect_shape("view", view, (1, 2, 2, 2))


def test_pool_views_dtype():
    for _, _, view in MaxPooling2dLayer(filter_size=2)._get_filtersizeXfiltersize_views(_pooling_example()):
        _expect_float64("view", view)


def test_pool_views_values():
    layer = MaxPooling2dLayer(filter_size=2)
    views = {(row, col): view for row, col, view in layer._get_filtersizeXfiltersize_views(_pooling_example())}
    places = sorted((int(row), int(col)) for row, col in views)
    assert places == [(0, 0), (0, 1)], f"views: expected the places [(0, 0), (0, 1)], got {places}"
    _expect_values("view at (0, 0)", views[0, 0], [[[[1, -2], [3, 2]], [[-4, -1], [-3, -2]]]])
    _expect_values("view at (0, 1)", views[0, 1], [[[[4, 0], [-1, 5]], [[-6, -2], [-8, -7]]]])


def test_pool_views_values_with_filter_3():
    x = np.arange(42.0).reshape(1, 1, 7, 6) ** 2
    views = list(MaxPooling2dLayer(filter_size=3)._get_filtersizeXfiltersize_views(x))
    places = sorted((int(row), int(col)) for row, col, _ in views)
    expected = [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert places == expected, f"views of 7 x 6 pixels: expected the places {expected}, got {places}"
    # Pixel number 6 * row + col holds its own square, so the window at (1, 0) starts with 18 squared.
    starts = {(0, 0): 0, (0, 1): 9, (1, 0): 324, (1, 1): 441}
    for row, col, view in views:
        _expect_shape(f"view at ({row}, {col})", view, (1, 1, 3, 3))
        _expect_values(f"view at ({row}, {col}), first pixel", view[0, 0, 0, 0], starts[int(row), int(col)])


def test_pool_forward_type():
    _expect_cache(_pooling(2, {(0, 0): (0, 0), (0, 1): (0, 2)}).forward(_pooling_example()))


def test_pool_forward_shape():
    cache = _pooling(2, {(0, 0): (0, 0), (0, 1): (0, 2)}).forward(_pooling_example())
    _expect_shape('cache["out"]', cache["out"], (1, 2, 1, 2))


def test_pool_forward_dtype():
    cache = _pooling(2, {(0, 0): (0, 0), (0, 1): (0, 2)}).forward(_pooling_example())
    _expect_float64('cache["out"]', cache["out"])


def test_pool_forward_values():
    layer, x = _pooling(2, {(0, 0): (0, 0), (0, 1): (0, 2)}), _pooling_example()
    # By hand: max(1, -2, 3, 2) = 3 and max(4, 0, -1, 5) = 5. All pixels of channel 1 in a window are negative.
    expected = [[[[3, 5]], [[-1, -2]]]]
    cache = layer.forward(x)
    _expect_values('cache["out"]', cache["out"], expected)
    _expect_values('second call: cache["out"]', layer.forward(x)["out"], expected)
    _expect_unchanged("x", x, _pooling_example())
    _expect_values('cache["x"]', cache["x"], x)


def test_pool_forward_values_with_filter_3():
    layer = _pooling(3, {(0, 0): (0, 0), (1, 0): (3, 0)})
    x = np.array([[[[5.0, 1, 2, 9], [0, 4, 3, 9], [2, 2, 6, 9], [-5, -1, -7, 9], [-2, -3, -9, 9], [-4, -8, -6, 9]]]])
    _expect_values('filter 3: cache["out"]', layer.forward(x)["out"], [[[[6], [-1]]]])


def test_pool_backward_type():
    layer = _pooling(2, {(0, 0): (0, 0), (0, 1): (0, 2)})
    cache = _right_cache(layer, _pooling_example(), [[[[3, 5]], [[-1, -2]]]])
    _expect_array("gradient", layer.backward(cache, np.ones((1, 2, 1, 2))))


def test_pool_backward_shape():
    layer = _pooling(2, {(0, 0): (0, 0), (0, 1): (0, 2)})
    cache = _right_cache(layer, _pooling_example(), [[[[3, 5]], [[-1, -2]]]])
    _expect_shape("gradient", layer.backward(cache, np.ones((1, 2, 1, 2))), (1, 2, 3, 5))


def test_pool_backward_dtype():
    layer = _pooling(2, {(0, 0): (0, 0), (0, 1): (0, 2)})
    cache = _right_cache(layer, _pooling_example(), [[[[3, 5]], [[-1, -2]]]])
    _expect_float64("gradient", layer.backward(cache, np.ones((1, 2, 1, 2))))


def test_pool_backward_values():
    layer = _pooling(2, {(0, 0): (0, 0), (0, 1): (0, 2)})
    cache = _right_cache(layer, _pooling_example(), [[[[3, 5]], [[-1, -2]]]])
    grad_output = np.array([[[[2.0, -3.0]], [[5.0, 0.5]]]])
    grad_before = grad_output.copy()
    # By hand: the maxima are 3 at (1, 0) and 5 at (1, 3) in channel 0, and -1 at (0, 1) and -2 at (0, 3) in channel 1.
    expected = [
        [
            [[0, 0, 0, 0, 0], [2, 0, 0, -3, 0], [0, 0, 0, 0, 0]],
            [[0, 5, 0, 0.5, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]],
        ]
    ]
    _expect_values("gradient", layer.backward(cache, grad_output), expected)
    _expect_values("second call: gradient", layer.backward(cache, grad_output), expected)
    _expect_unchanged('cache["x"]', cache["x"], _pooling_example())
    _expect_unchanged("grad_output", grad_output, grad_before)


def test_pool_backward_values_with_ties():
    layer, x = _pooling(2, {(0, 0): (0, 0)}), np.array([[[[1.0, 4.0], [4.0, 4.0]]]])
    gradient = layer.backward(_right_cache(layer, x, [[[[4]]]]), np.array([[[[3.0]]]]))
    _expect_shape("gradient", gradient, (1, 1, 2, 2))
    everyone, first = [[[[0, 3], [3, 3]]]], [[[[0, 3], [0, 0]]]]
    right = np.array_equal(gradient, everyone) or np.array_equal(gradient, first)
    assert right, f"ties: expected {everyone} (every maximum) or {first} (the first one), got {gradient.tolist()}"


def test_pool_backward_numeric_gradient():
    rng = np.random.default_rng(2)
    corners = {(0, 0): (0, 0), (0, 1): (0, 2), (1, 0): (2, 0), (1, 1): (2, 2)}
    layer = _pooling(2, corners)
    # Neighbouring values are 0.1 apart, so that no step of the check changes which pixel is the largest.
    x, grad_output = rng.permutation(75).reshape(1, 3, 5, 5) / 10, rng.normal(size=(1, 3, 2, 2))
    gradient = layer.backward(layer.forward(x), grad_output)

    def loss(pixels):
        return np.sum(grad_output * layer.forward(pixels)["out"])

    _expect_small_error("gradient", gradient, numeric_gradient(loss, x))


def _network_of_stand_ins():
    # Three blocks that do something simpler than the real ones, so that the chain can be followed by hand. Each one
    # insists on its own cache and on a gradient in the shape of its own output.
    class Convolution:
        def forward(self, x):
            return {"x": x, "out": np.repeat(x, 2, axis=1), "block": "convolution"}

        def backward(self, cache, grad_output):
            assert cache["block"] == "convolution", "convolution.backward: expected the convolution's cache"
            _expect_shape("convolution.backward: grad_output", grad_output, cache["out"].shape)
            return grad_output.sum(axis=(0, 2))

    class Pooling:
        def forward(self, x):
            return {"x": x, "out": x[:, :, :1, :], "block": "pooling"}

        def backward(self, cache, grad_output):
            assert cache["block"] == "pooling", "pooling.backward: expected the pooling's cache"
            _expect_shape("pooling.backward: grad_output", grad_output, cache["out"].shape)
            return np.concatenate([grad_output, 10 * grad_output], axis=2)

    class Perceptron:
        def forward(self, x):
            return {"x": x, "out": np.full((2, 2), 0.5), "block": "mlp"}

        def backward(self, cache, labels):
            assert cache["block"] == "mlp", "mlp.backward: expected the MLP's cache"
            _expect_values("mlp.backward: labels", labels, [1, 0])
            return {"weights": [np.array([[0.25]])], "biases": [], "x": np.array([[1.0, 2, 3, 4], [5, 6, -7, 8]])}

    network = ConvolutionalNetwork(Convolution(), Pooling(), Perceptron())
    return network, network.forward(np.arange(8.0).reshape(2, 1, 2, 2)), np.array([1, 0])


def test_cnn_chain_type():
    network, cache, labels = _network_of_stand_ins()
    grads = network.backward(cache, labels)
    assert isinstance(grads, dict), f"grads: expected a dict, got {type(grads).__name__}"
    for key in ("convolution", "mlp"):
        assert key in grads, f'grads: expected the keys "convolution" and "mlp", got {sorted(map(str, grads))}'
    _expect_array('grads["convolution"]', grads["convolution"])
    assert isinstance(grads["mlp"], dict), f'grads["mlp"]: expected a dict, got {type(grads["mlp"]).__name__}'


def test_cnn_chain_shape():
    network, cache, labels = _network_of_stand_ins()
    _expect_shape('grads["convolution"]', network.backward(cache, labels)["convolution"], (2, 2))


def test_cnn_chain_dtype():
    network, cache, labels = _network_of_stand_ins()
    _expect_float64('grads["convolution"]', network.backward(cache, labels)["convolution"])


def test_cnn_chain_values():
    network, cache, labels = _network_of_stand_ins()
    grads = network.backward(cache, labels)
    # By hand: channel 0 gets 1, 2 from example 0 and 5, 6 from example 1; the pooling's stand-in makes that 11 times.
    _expect_values('grads["convolution"]', grads["convolution"], [[66, 88], [-44, 132]])
    _expect_values('grads["mlp"]["weights"][0]', grads["mlp"]["weights"][0], [[0.25]])


def test_cnn_chain_numeric_gradient():
    rng = np.random.default_rng(3)
    convolution = Convolution2dLayer(filter_size=2, stride=1, n_outchannel=2)
    convolution.weights = rng.normal(size=(2, 2, 2))
    mlp = MultilayerPerceptron((8, 5, 3), rng=4)
    mlp.weights[-1] = rng.normal(size=(5, 3))  # larger than in a fresh MLP, so that rounding errors stay small
    network = ConvolutionalNetwork(convolution, MaxPooling2dLayer(filter_size=2), mlp)
    x, labels = rng.normal(size=(4, 1, 5, 5)), np.array([2, 0, 1, 2])
    gradient = network.backward(network.forward(x), labels)["convolution"]

    def loss(weights):
        other = Convolution2dLayer(filter_size=2, stride=1, n_outchannel=2)
        other.weights = weights
        changed = ConvolutionalNetwork(other, MaxPooling2dLayer(filter_size=2), mlp)
        return changed.loss(changed.forward(x), labels)

    _expect_small_error('grads["convolution"]', gradient, numeric_gradient(loss, convolution.weights))
