"""A multilayer perceptron in NumPy: linear layers with ReLU between them, softmax and mean cross-entropy at the end.

It is the network of the previous assignment, and it is complete: in the assignment `cnn` nothing here is to be
changed. All arrays are float64.
"""

import numpy as np


class MultilayerPerceptron:
    """A classifier with one hidden ReLU layer for every size between the first and the last.

    sizes: number of inputs, hidden units, ..., number of classes, so (72, 32, 10) has one hidden layer of 32 units.
    rng: a seed or a numpy Generator, from which the weights are drawn. Equal seeds give equal weights.

    self.weights: list of (n_in, n_out). self.biases: list of (n_out,).
    """

    def __init__(self, sizes, rng=0):
        rng = np.random.default_rng(rng)
        self.sizes = tuple(sizes)
        # He initialisation: the variance 2 / n_in keeps the signal's size from one ReLU layer to the next.
        self.weights = [
            rng.normal(0, np.sqrt(2 / n_in), (n_in, n_out)) for n_in, n_out in zip(self.sizes[:-1], self.sizes[1:])
        ]
        # Small last weights: a fresh network is undecided, and its loss is close to ln(n_classes).
        self.weights[-1] *= 0.01
        self.biases = [np.zeros(n_out) for n_out in self.sizes[1:]]

    def forward(self, x):
        """Compute class probabilities: x (batch, n_inputs) -> cache["out"]: (batch, n_classes), rows add up to 1.

        cache["inputs"]: what went into each linear layer, the first one being x. cache["logits"]: the last layer's
        result before the softmax.
        """
        inputs = []
        signal = x
        for depth, (weights, biases) in enumerate(zip(self.weights, self.biases)):
            if depth > 0:
                signal = np.maximum(signal, 0)
            inputs.append(signal)
            signal = signal @ weights + biases
        return {"x": x, "inputs": inputs, "logits": signal, "out": softmax(signal)}

    def loss(self, cache, labels):
        """Return the mean cross-entropy, in nats, of the predictions in cache. labels: (batch,) integers."""
        return mean_cross_entropy(cache["logits"], labels)

    def backward(self, cache, labels):
        """Compute the gradients of the mean cross-entropy. labels: (batch,) integers.

        Returns {"weights": list like self.weights, "biases": list like self.biases, "x": (batch, n_inputs)}; the last
        one is the gradient with respect to the input, for the layers in front. The mean over the batch is in all of
        them.
        """
        grad = cache["out"].copy()
        grad[np.arange(len(labels)), labels] -= 1
        grad /= len(labels)
        weight_grads, bias_grads = [], []
        for depth in reversed(range(len(self.weights))):
            signal = cache["inputs"][depth]
            weight_grads.insert(0, signal.T @ grad)
            bias_grads.insert(0, grad.sum(axis=0))
            grad = grad @ self.weights[depth].T
            if depth > 0:  # back through the ReLU, which let pass what was positive
                grad = grad * (signal > 0)
        return {"weights": weight_grads, "biases": bias_grads, "x": grad}

    def update(self, grads, learning_rate):
        """Take one step of gradient descent. grads: what `backward` returned; its "x" is not used here."""
        self.weights = [weights - learning_rate * grad for weights, grad in zip(self.weights, grads["weights"])]
        self.biases = [biases - learning_rate * grad for biases, grad in zip(self.biases, grads["biases"])]

    def predict(self, x):
        """Return the most probable class of every example: x (batch, n_inputs) -> (batch,) integers."""
        return self.forward(x)["out"].argmax(axis=1)


def softmax(logits):
    """Turn scores into probabilities, row by row: (batch, n_classes) -> (batch, n_classes)."""
    # Without the shift, exp overflows for logits above 709. The shift cancels in the quotient.
    scores = np.exp(logits - logits.max(axis=1, keepdims=True))
    return scores / scores.sum(axis=1, keepdims=True)


def mean_cross_entropy(logits, labels):
    """Return the mean of -log(probability of the right class), in nats.

    logits: (batch, n_classes). labels: (batch,) integers. Ten equally probable classes give ln 10 = 2.303.
    """
    # From logits and not from probabilities: a probability can round to 0, its logarithm need not be infinite.
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return float(-log_probabilities[np.arange(len(labels)), labels].mean())
