"""The network keeps shapes and a to-do list in its own cache, and backward reads them from there."""

import numpy as np


class ConvolutionalNetwork:
    def __init__(self, convolution, pooling, mlp):
        self.convolution = convolution
        self.pooling = pooling
        self.mlp = mlp

    def forward(self, x):
        convolution = self.convolution.forward(x)
        pooling = self.pooling.forward(convolution["out"])
        flat = pooling["out"].reshape(pooling["out"].shape[0], -1)
        mlp = self.mlp.forward(flat)
        return {
            "convolution": convolution,
            "pooling": pooling,
            "mlp": mlp,
            "out": mlp["out"],
            "pooled_shape": pooling["out"].shape,
            "way_back": [(self.pooling, pooling), (self.convolution, convolution)],
        }

    def backward(self, cache, labels):
        mlp_grads = self.mlp.backward(cache["mlp"], labels).copy()
        grad = mlp_grads["x"].reshape(cache["pooled_shape"])
        for layer, layer_cache in cache["way_back"]:
            grad = layer.backward(layer_cache, grad)
        return dict(mlp=mlp_grads, convolution=grad)

    def loss(self, cache, labels):
        return self.mlp.loss(cache["mlp"], labels)

    def predict(self, x):
        return np.argmax(self.forward(x)["out"], axis=1)

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
