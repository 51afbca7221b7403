import numpy as np


class Convolution2dLayer:

    def __init__(self, filter_size=3, stride=1, n_outchannel=32):
        self.filter_size = filter_size
        self.stride = stride
        self.n_outchannel = n_outchannel

    def initialize_weights(self):
        self.weights = np.random.uniform(0, 1, (self.n_outchannel, self.filter_size, self.filter_size))

    def _get_output_size(self, x):
        h, w = x.shape[2:]
        return (h - self.filter_size) // self.stride + 1, (w - self.filter_size) // self.stride + 1

    def _get_filtersizeXfiltersize_views(self, x):
        out_h, out_w = self._get_output_size(x)
        for row in range(out_h):
            for col in range(out_w):
                top, left = row * self.stride, col * self.stride
                yield row, col, x[:, :, top : top + self.filter_size, left : left + self.filter_size]

    def forward(self, x):
        self.x = x  # for backward
        cache = {"x": x, "out": np.zeros((len(x), self.n_outchannel, *self._get_output_size(x)))}
        for row, col, view in self._get_filtersizeXfiltersize_views(x):
            cache["out"][:, :, row, col] = np.einsum("nij,kij->nk", view[:, 0], self.weights)
        return cache

    def backward(self, cache, grad_output):
        x = self.x
        out_h, out_w = grad_output.shape[2:]
        grads = np.zeros((self.n_outchannel, self.filter_size, self.filter_size))
        for row in range(self.filter_size):
            for col in range(self.filter_size):
                for r in range(out_h):
                    for c in range(out_w):
                        pixel = x[:, 0, r * self.stride + row, c * self.stride + col]
                        grads[:, row, col] += grad_output[:, :, r, c].T @ pixel
        return grads


class MaxPooling2dLayer:

    def __init__(self, filter_size=2):
        self.filter_size = filter_size

    def _get_filtersizeXfiltersize_views(self, x):
        size = self.filter_size
        h, w = x.shape[2:]
        for r in range(0, h - size + 1, size):
            for c in range(0, w - size + 1, size):
                yield r // size, c // size, x[:, :, r : r + size, c : c + size]

    def forward(self, x):
        batch, channels, h, w = x.shape
        self.x = x
        cache = {"x": x, "out": np.zeros((batch, channels, h // self.filter_size, w // self.filter_size))}
        for row, col, view in self._get_filtersizeXfiltersize_views(x):
            cache["out"][:, :, row, col] = np.amax(view, (2, 3))
        return cache

    def backward(self, cache, grad_output):
        x = self.x
        grads = np.zeros(x.shape)
        windows = self._get_filtersizeXfiltersize_views(x)
        grad_windows = self._get_filtersizeXfiltersize_views(grads)
        for (row, col, view), (_, _, grad_view) in zip(windows, grad_windows):
            best = view.max((2, 3), keepdims=True)
            grad_view[view == best] = 1
            grad_view *= grad_output[:, :, row, col, None, None]
        return grads


class ConvolutionalNetwork:

    def __init__(self, convolution, pooling, mlp):
        self.convolution = convolution
        self.pooling = pooling
        self.mlp = mlp

    def forward(self, x):
        convolution = self.convolution.forward(x)
        pooling = self.pooling.forward(convolution["out"])
        mlp = self.mlp.forward(pooling["out"].reshape(len(x), -1))
        return {"convolution": convolution, "pooling": pooling, "mlp": mlp, "out": mlp["out"]}

    def backward(self, cache, labels):
        mlp_grads = self.mlp.backward(cache["mlp"], labels)
        # undo the flatten
        grad_pooled = mlp_grads["x"].reshape(cache["pooling"]["out"].shape)
        grad_convolved = self.pooling.backward(cache["pooling"], grad_pooled)
        filter_grads = self.convolution.backward(cache["convolution"], grad_convolved)
        return {"convolution": filter_grads, "mlp": mlp_grads}

    def loss(self, cache, labels):
        return self.mlp.loss(cache["mlp"], labels)

    def predict(self, x):
        return self.forward(x)["out"].argmax(axis=1)

    def train(self, x, labels, learning_rate=0.3, n_epochs=30, batch_size=32, rng=0):
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
