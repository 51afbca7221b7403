"""Every sum is named by its axes."""

import numpy as np


class LinearLayer:
    def __init__(self, weights, biases):
        self.weights = weights
        self.biases = biases

    def forward(self, x):
        return {"x": x, "out": np.einsum("ni,ij->nj", x, self.weights) + self.biases[np.newaxis]}

    def backward(self, cache, grad_output):
        return {
            "weights": np.einsum("ni,nj->ij", cache["x"], grad_output),
            "biases": np.einsum("nj->j", grad_output),
            "x": np.einsum("nj,ij->ni", grad_output, self.weights),
        }
