"""A convolutional network for single-channel images, in NumPy.

Two blocks are new here, a convolution and a max-pooling layer. A network puts them in front of a multilayer
perceptron: convolution -> pooling -> flatten -> MLP.

Every layer follows the same contract. `forward` returns a cache, a dict with the input under "x" and the result under
"out". `backward` takes that cache and the gradient of the loss with respect to "out", and returns the gradient that is
asked for. Layers remember nothing between two calls, and change none of the arrays that they are given.

All arrays are float64. Axes, in this order: example, channel, row, column.
"""

import numpy as np


class Convolution2dLayer:
    """Square filters that slide over images with one channel. No bias, no padding.

    filter_size: rows and columns of a filter. stride: pixels from one window to the next, in both directions; it may
    exceed the filter. n_outchannel: number of filters, and so of output channels.
    """

    def __init__(self, filter_size=3, stride=1, n_outchannel=32):
        self.filter_size = filter_size
        self.stride = stride
        self.n_outchannel = n_outchannel

    def initialize_weights(self):
        """Draw self.weights, (n_outchannel, filter_size, filter_size), from the uniform distribution on (0, 1)."""
        self.weights = np.random.uniform(0, 1, (self.n_outchannel, self.filter_size, self.filter_size))

    def _get_output_size(self, x):
        """Count the windows that fit: x (batch, 1, h, w) -> (out_h, out_w).

        out_h = (h - filter_size) // stride + 1, so 8 rows, filter 3, stride 2 give 3; the last row is not seen.
        """
        h, w = x.shape[2:]
        return (h - self.filter_size) // self.stride + 1, (w - self.filter_size) // self.stride + 1

    def _get_filtersizeXfiltersize_views(self, x):
        """Yield (row, col, view) for every window that fits into x, row by row.

        x: (batch, 1, h, w) -> view: (batch, 1, filter_size, filter_size), the same window of every image, and no copy.
        row and col count windows, not pixels: they say where in the output the window's result belongs.
        """
        out_h, out_w = self._get_output_size(x)
        for row in range(out_h):
            for col in range(out_w):
                top, left = row * self.stride, col * self.stride
                yield row, col, x[:, :, top : top + self.filter_size, left : left + self.filter_size]

    def forward(self, x):
        """Cross-correlate every image with every filter; the filter is not flipped.

        x: (batch, 1, h, w) -> cache["out"]: (batch, n_outchannel, out_h, out_w)
        out_h = (h - filter_size) // stride + 1, so 8 rows, filter 3, stride 2 give 3

        out[n, k, row, col] is the sum, over the pixels of the window at (row, col), of pixel times weight: window of
        image n, weights of filter k. One turn of the loop serves all images and all filters at once.
        """
        cache = {"x": x, "out": np.zeros((len(x), self.n_outchannel, *self._get_output_size(x)))}
        for row, col, view in self._get_filtersizeXfiltersize_views(x):
            for k in range(self.n_outchannel):
                cache["out"][:, k, row, col] = np.sum(view[:, 0] * self.weights[k], axis=(1, 2))
        return cache

    def backward(self, cache, grad_output):
        """Compute the gradient of the loss with respect to the weights.

        grad_output: (batch, n_outchannel, out_h, out_w) -> (n_outchannel, filter_size, filter_size)

        The gradient is a sum, not a mean, over all examples and all output positions. The loop visits the weights:
        here row and col are a place in the filter. The weight at (row, col) meets one pixel of every window, and with
        stride s neighbouring windows hand it pixels that lie s apart. It must be right for every stride, for a
        remainder that no window sees, and for a single example.
        """
        x = cache["x"]
        out_h, out_w = grad_output.shape[2:]
        grads = np.zeros((self.n_outchannel, self.filter_size, self.filter_size))
        for row in range(self.filter_size):
            for col in range(self.filter_size):
                x_seen = x[:, 0, row :: self.stride, col :: self.stride][:, :out_h, :out_w]
                for k in range(self.n_outchannel):
                    grads[k, row, col] = np.sum(x_seen * grad_output[:, k])
        return grads


class MaxPooling2dLayer:
    """The maximum of every window, channel by channel. Windows are square and lie side by side: stride = filter_size.

    filter_size: rows and columns of a window. Rows and columns that do not fill a window are dropped.
    """

    def __init__(self, filter_size=2):
        self.filter_size = filter_size

    def _get_filtersizeXfiltersize_views(self, x):
        """Yield (row, col, view) for every whole window of x, row by row.

        x: (batch, channels, h, w) -> view: (batch, channels, filter_size, filter_size)
        row and col count windows, not pixels: 5 rows, filter 2 give the rows 0 and 1, and the last pixels are dropped.

        The views should be slices of x, as in the convolution, because `backward` below writes through them.
        """
        size = self.filter_size
        h, w = x.shape[2:]
        for row in range(h // size):
            for col in range(w // size):
                # copy so that nobody can break x by accident
                yield row, col, x[:, :, row * size : (row + 1) * size, col * size : (col + 1) * size].copy()

    def forward(self, x):
        """Keep the largest pixel of every window, for each example and each channel.

        x: (batch, channels, h, w) -> cache["out"]: (batch, channels, h // filter_size, w // filter_size)
        5 rows, 7 columns, filter 2 give (batch, channels, 2, 3). All pixels may be negative.
        """
        batch, channels, h, w = x.shape
        cache = {"x": x, "out": np.zeros((batch, channels, h // self.filter_size, w // self.filter_size))}
        for row, col, view in self._get_filtersizeXfiltersize_views(x):
            cache["out"][:, :, row, col] = view.reshape(batch, channels, -1).max(axis=2)
        return cache

    def backward(self, cache, grad_output):
        """Send the gradient of every window back to its largest pixel: the gradient with respect to x.

        grad_output: (batch, channels, h // filter_size, w // filter_size) -> (batch, channels, h, w), like cache["x"]

        Every other pixel of the window gets 0, and so does a pixel that no window sees. In a tie, either every tied
        maximum gets the whole gradient of the window, or only the first one, in row-major order, does.

        The loop walks over x and over the result together: `view` is a window of x, `grad_view` the same window of
        grads, and what is written into grad_view lands in grads. cache["x"] itself must not change.
        """
        x = cache["x"]
        grads = np.zeros(x.shape)
        windows = self._get_filtersizeXfiltersize_views(x)
        grad_windows = self._get_filtersizeXfiltersize_views(grads)
        for (row, col, view), (_, _, grad_view) in zip(windows, grad_windows):
            is_max = (view == np.max(view, axis=(2, 3), keepdims=True)).astype(float)
            grad_view[:] = is_max * grad_output[:, :, row, col][..., np.newaxis, np.newaxis]
        return grads


class ConvolutionalNetwork:
    """convolution -> pooling -> flatten -> MLP, for images with one channel.

    convolution: a Convolution2dLayer whose weights are set. pooling: a MaxPooling2dLayer. mlp: a MultilayerPerceptron
    with n_outchannel * pooled rows * pooled columns inputs.
    """

    def __init__(self, convolution, pooling, mlp):
        self.convolution = convolution
        self.pooling = pooling
        self.mlp = mlp

    def forward(self, x):
        """Compute class probabilities: x (batch, 1, h, w) -> cache["out"]: (batch, n_classes).

        The caches of the blocks are under "convolution", "pooling" and "mlp".
        """
        convolution = self.convolution.forward(x)
        pooling = self.pooling.forward(convolution["out"])
        mlp = self.mlp.forward(pooling["out"].reshape(len(x), -1))
        return {"convolution": convolution, "pooling": pooling, "mlp": mlp, "out": mlp["out"]}

    def backward(self, cache, labels):
        """Compute the gradients of the mean cross-entropy, block by block from the last to the first.

        labels: (batch,) integers -> {"convolution": gradient with respect to the filters, in their shape,
        "mlp": everything that the MLP's own backward returns}

        `self.mlp.backward` starts from the labels and already takes the mean over the batch. Under "x" it returns the
        gradient with respect to its own input, (batch, n_outchannel * pooled rows * pooled columns): the forward pass
        had flattened the pooled images to this shape, and the way back undoes it.
        """
        mlp_grads = self.mlp.backward(cache["mlp"], labels)
        grad_pooled = mlp_grads["x"].reshape(cache["pooling"]["out"].shape)
        grad_convolved = self.pooling.backward(cache["pooling"], grad_pooled)
        filter_grads = self.convolution.backward(cache["convolution"], grad_convolved)
        return {"convolution": filter_grads, "mlp": mlp_grads}

    def loss(self, cache, labels):
        """Return the mean cross-entropy of the predictions in cache, in nats. labels: (batch,) integers."""
        return self.mlp.loss(cache["mlp"], labels)

    def predict(self, x):
        """Return the most probable class of every image: x (batch, 1, h, w) -> (batch,) integers."""
        return self.forward(x)["out"].argmax(axis=1)

    def train(self, x, labels, learning_rate=0.3, n_epochs=30, batch_size=32, rng=0):
        """Fit filters and MLP by stochastic gradient descent; return the history.

        x: (n, 1, h, w), labels: (n,) integers. rng: a seed or a numpy Generator, which shuffles the examples.
        history: {"loss": [...], "accuracy": [...]}, one number an epoch. Both are means over the epoch's batches,
        taken before the step on each batch.
        """
        rng = np.random.default_rng(rng)
        history = {"loss": [], "accuracy": []}
        for _ in range(n_epochs):
            losses, hits = [], []
            order = rng.permutation(len(x))
            for start in range(0, len(x), batch_size):
                batch = order[start : start + batch_size]
                cache = self.forward(x[batch])
                losses.append(len(batch) * self.loss(cache, labels[batch]))
                hits.append(np.sum(cache["out"].argmax(axis=1) == labels[batch]))
                grads = self.backward(cache, labels[batch])
                self.convolution.weights = self.convolution.weights - learning_rate * grads["convolution"]
                self.mlp.update(grads["mlp"], learning_rate)
            history["loss"].append(float(sum(losses) / len(x)))
            history["accuracy"].append(float(sum(hits) / len(x)))
        return history
