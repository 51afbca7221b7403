"""Half of the sum of x and its absolute value; the slope is read off the output."""

import numpy as np


class ReluLayer:
    def forward(self, x):
        return {"x": x, "out": (x + abs(x)) / 2}

    def backward(self, cache, grad_output):
        return np.where(cache["out"] == 0, 0.0, grad_output)
