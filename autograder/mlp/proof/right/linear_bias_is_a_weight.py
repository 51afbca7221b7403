"""The bias is the weight of one more input that is always 1. The enlarged input is kept in the cache."""

import numpy as np


class LinearLayer:
    def __init__(self, weights, biases):
        self.weights = weights
        self.biases = biases

    def _all_weights(self):
        return np.vstack([self.weights, self.biases])

    def forward(self, x):
        enlarged = np.hstack([x, np.ones((len(x), 1))])
        return {"x": x.copy(), "enlarged": enlarged, "out": enlarged.dot(self._all_weights())}

    def backward(self, cache, grad_output):
        enlarged = cache.get("enlarged")
        if enlarged is None:
            enlarged = np.hstack([cache["x"], np.ones((len(cache["x"]), 1))])
        of_weights = np.dot(enlarged.T, grad_output)
        of_inputs = np.dot(grad_output, self._all_weights().T)
        return {"weights": of_weights[:-1], "biases": of_weights[-1], "x": of_inputs[:, :-1]}
