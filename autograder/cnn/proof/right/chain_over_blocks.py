"""The network loops over a list of named blocks, and hands out more gradients than it was asked for."""

import numpy as np


class ConvolutionalNetwork:
    def __init__(self, convolution, pooling, mlp):
        self.convolution = convolution
        self.pooling = pooling
        self.mlp = mlp

    def _blocks(self):
        return [("convolution", self.convolution), ("pooling", self.pooling), ("mlp", self.mlp)]

    def forward(self, x):
        cache, signal = {"x": x}, x
        for name, block in self._blocks():
            if name == "mlp":
                signal = signal.reshape(len(x), -1)
            cache[name] = block.forward(signal)
            signal = cache[name]["out"]
        cache["out"] = signal
        return cache

    def backward(self, cache, labels):
        grads = {}
        upstream = labels
        for name, block in reversed(self._blocks()):
            grads[name] = block.backward(cache[name], upstream)
            if name == "mlp":
                batch, channels, rows, cols = cache["pooling"]["out"].shape
                upstream = grads[name]["x"].reshape(-1, channels, rows, cols)
            else:
                upstream = grads[name]
        grads["norms"] = {"convolution": float(np.linalg.norm(grads["convolution"]))}
        return grads

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
