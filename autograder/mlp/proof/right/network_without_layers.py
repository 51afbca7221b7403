"""The network does the matrix products itself, changes its parameters in place, and keeps masks in its cache."""

import numpy as np


class MultilayerPerceptron:
    def __init__(self, sizes, rng=0):
        rng = np.random.default_rng(rng)
        self.sizes = tuple(sizes)
        self.weights = [rng.normal(0, np.sqrt(2 / n_in), (n_in, n_out)) for n_in, n_out in zip(sizes[:-1], sizes[1:])]
        self.weights[-1] *= 0.01
        self.biases = [np.zeros(n_out) for n_out in self.sizes[1:]]

    def forward(self, x):
        inputs, masks, signal = [x], [], x
        for weights, biases in zip(self.weights[:-1], self.biases[:-1]):
            summed = signal @ weights + biases
            masks.append(summed > 0)
            signal = summed * masks[-1]
            inputs.append(signal)
        logits = signal @ self.weights[-1] + self.biases[-1]
        scores = np.exp(logits - logits.max(axis=1, keepdims=True))
        out = scores / scores.sum(axis=1, keepdims=True)
        return {"x": x, "inputs": inputs, "masks": masks, "logits": logits, "out": out}

    def loss(self, cache, labels):
        logits = cache["logits"]
        right = logits[np.arange(len(labels)), labels]
        return float(np.mean(np.logaddexp.reduce(logits, axis=1) - right))

    def backward(self, cache, labels):
        delta = (cache["out"] - np.eye(self.sizes[-1])[labels]) / len(labels)
        weights, biases = [None] * len(self.weights), [None] * len(self.biases)
        depth = len(self.weights) - 1
        while True:
            weights[depth] = cache["inputs"][depth].T @ delta
            biases[depth] = delta.sum(axis=0)
            delta = delta @ self.weights[depth].T
            if depth == 0:
                break
            depth -= 1
            delta *= cache["masks"][depth]
        return {"weights": weights, "biases": biases, "x": delta}

    def update(self, grads, learning_rate):
        for own, given in ((self.weights, grads["weights"]), (self.biases, grads["biases"])):
            for array, grad in zip(own, given):
                array -= learning_rate * grad

    def predict(self, x):
        return self.forward(x)["out"].argmax(axis=1)
