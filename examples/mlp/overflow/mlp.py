"""A multilayer perceptron in NumPy: linear layers with ReLU between them, softmax and mean cross-entropy at the end.

In the assignment `mlp` its layers are written. In the assignment `cnn`, which follows, this module is given complete, and
nothing here is to be changed.

A layer's `forward` returns a cache, a dict with the input under "x" and the result under "out". Its `backward` takes
that cache and the gradient of the loss with respect to "out", and hands on the gradients that are asked for. Layers
remember nothing between two calls, and change none of the arrays that they are given. All arrays are float64, and their
first axis counts the examples.
"""

import numpy as np


class LinearLayer:
    """Every unit is a weighted sum of all inputs, plus a bias of its own.

    weights: (n_inputs, n_units), a column for each unit. biases: (n_units,).
    """

    def __init__(self, weights, biases):
        self.weights = weights
        self.biases = biases

    def forward(self, x):
        """Compute all units for a batch of examples: x (batch, n_inputs) -> cache["out"]: (batch, n_units).

        out[n, j] is the sum over i of x[n, i] * weights[i, j], plus biases[j]. No loop is needed.
        """
        out = x @ self.weights + self.biases
        return {"x": x, "out": out}

    def backward(self, cache, grad_output):
        """Compute the gradients of the loss with respect to the weights, the biases and the input.

        grad_output: (batch, n_units), the gradient with respect to cache["out"] -> {"weights": (n_inputs, n_units),
        "biases": (n_units,), "x": (batch, n_inputs)}

        A weight and a bias act in every example, so their gradients are sums over the batch, not means. An input acts in
        one example only, but on every unit.
        """
        x = cache["x"]
        grad_weights = x.T @ grad_output
        grad_biases = np.sum(grad_output, axis=0)
        grad_x = grad_output @ self.weights.T
        return {"weights": grad_weights, "biases": grad_biases, "x": grad_x}


class ReluLayer:
    """The rectifier: what is positive passes, everything else becomes 0. It has nothing to learn."""

    def forward(self, x):
        """Let positive numbers pass: x (batch, n_units) -> cache["out"], in the shape of x; -2, 0, 3 give 0, 0, 3."""
        out = np.maximum(0, x)
        return {"x": x, "out": out}

    def backward(self, cache, grad_output):
        """Compute the gradient with respect to the input: grad_output (batch, n_units) -> the same shape.

        Where x was positive, the gradient passes unchanged. Everywhere else it is 0, also where x was exactly 0.
        """
        grad_x = np.where(cache["x"] > 0, grad_output, 0)
        return grad_x


class SoftmaxCrossEntropy:
    """The end of the network: from logits to probabilities, to the loss, and to the gradient that goes back.

    logits: (batch, n_classes), any numbers. labels: (batch,) integers from 0 to n_classes - 1, the right classes.
    """

    def softmax(self, logits):
        """Turn logits into probabilities, example by example: (batch, n_classes) -> (batch, n_classes).

        A probability is exp(logit), divided by the sum of exp over the logits of the same example. Logits may be huge:
        exp(1000) overflows, although the probabilities are ordinary numbers. A constant that is added to all logits of
        an example does not change its probabilities.
        """
        probabilities = np.exp(logits) / np.sum(np.exp(logits), axis=1, keepdims=True)
        return probabilities

    def loss(self, logits, labels):
        """Return the mean over the batch of -log(probability of the right class), one number, in nats.

        Ten equally probable classes give ln 10 = 2.303. It must be right also where a probability is too small for
        float64 and rounds to 0: logits 0 and 1000 with label 0 give 1000. The logarithm of a quotient is a difference.
        """
        probabilities = self.softmax(logits)
        loss = np.mean(-np.log(probabilities[np.arange(len(labels)), labels]))
        return float(loss)

    def backward(self, probabilities, labels):
        """Compute the gradient of the loss with respect to the logits.

        probabilities: (batch, n_classes), what `softmax` gave -> gradient: (batch, n_classes)

        It is (probabilities - one_hot) / batch, where one_hot holds a 1 at the right class of each example and 0
        elsewhere. The mean over the batch is in it, so no layer in front divides again.
        """
        one_hot = np.zeros(probabilities.shape)
        one_hot[np.arange(len(labels)), labels] = 1
        grad_logits = (probabilities - one_hot) / len(labels)
        return grad_logits


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
        result before the softmax. cache["linear"] and cache["relu"]: the caches of the layers themselves. A ReLU stands
        before every linear layer but the first, so there is one fewer of them.
        """
        inputs, linear_caches, relu_caches = [], [], []
        signal = x
        for depth, (weights, biases) in enumerate(zip(self.weights, self.biases)):
            if depth > 0:
                relu_caches.append(ReluLayer().forward(signal))
                signal = relu_caches[-1]["out"]
            inputs.append(signal)
            linear_caches.append(LinearLayer(weights, biases).forward(signal))
            signal = linear_caches[-1]["out"]
        probabilities = SoftmaxCrossEntropy().softmax(signal)
        caches = {"linear": linear_caches, "relu": relu_caches}
        return {"x": x, "inputs": inputs, "logits": signal, "out": probabilities, **caches}

    def loss(self, cache, labels):
        """Return the mean cross-entropy, in nats, of the predictions in cache. labels: (batch,) integers."""
        return SoftmaxCrossEntropy().loss(cache["logits"], labels)

    def backward(self, cache, labels):
        """Compute the gradients of the mean cross-entropy. labels: (batch,) integers.

        Returns {"weights": list like self.weights, "biases": list like self.biases, "x": (batch, n_inputs)}; the last
        one is the gradient with respect to the input, for the layers in front. The mean over the batch is in all of
        them.

        The loop visits the linear layers from the last to the first. When a turn begins, grad is the gradient with
        respect to the output of the linear layer at this depth. When it ends, grads holds what this layer's own
        backward returns, and grad has gone back through the layer and through the ReLU before it, which is
        ReLU number depth - 1. Before the first linear layer there is none.
        """
        grad = SoftmaxCrossEntropy().backward(cache["out"], labels)
        weight_grads, bias_grads = [], []
        for depth in reversed(range(len(self.weights))):
            layer = LinearLayer(self.weights[depth], self.biases[depth])
            grads = layer.backward(cache["linear"][depth], grad)
            grad = grads["x"]
            if depth > 0:
                relu = ReluLayer()
                grad = relu.backward(cache["relu"][depth - 1], grad)
            weight_grads.insert(0, grads["weights"])
            bias_grads.insert(0, grads["biases"])
        return {"weights": weight_grads, "biases": bias_grads, "x": grad}

    def update(self, grads, learning_rate):
        """Take one step of gradient descent. grads: what `backward` returned; its "x" is not used here.

        Afterwards self.weights and self.biases hold the new parameters, layer by layer in their old order. The
        gradients stay as they are.
        """
        for depth in range(len(self.weights)):
            self.weights[depth] = self.weights[depth] - learning_rate * grads["weights"][depth]
            self.biases[depth] = self.biases[depth] - learning_rate * grads["biases"][depth]

    def predict(self, x):
        """Return the most probable class of every example: x (batch, n_inputs) -> (batch,) integers."""
        return self.forward(x)["out"].argmax(axis=1)


def softmax(logits):
    """Turn scores into probabilities, row by row: (batch, n_classes) -> (batch, n_classes)."""
    return SoftmaxCrossEntropy().softmax(logits)


def mean_cross_entropy(logits, labels):
    """Return the mean of -log(probability of the right class), in nats.

    logits: (batch, n_classes). labels: (batch,) integers. Ten equally probable classes give ln 10 = 2.303.
    """
    return SoftmaxCrossEntropy().loss(logits, labels)
