"""All layers have a common base class; the network keeps its layers in a list and goes back through it by recursion."""

import numpy as np


class Layer:
    def forward(self, x):
        return {"x": x, "out": self.apply(x)}

    def apply(self, x):
        raise TypeError("a layer says how it is applied")


class LinearLayer(Layer):
    def __init__(self, weights, biases):
        self.weights = weights
        self.biases = biases

    def apply(self, x):
        return np.add(np.matmul(x, self.weights), self.biases)

    def backward(self, cache, grad_output):
        ones = np.ones(len(grad_output))
        return dict(
            weights=np.tensordot(cache["x"], grad_output, axes=(0, 0)),
            biases=ones @ grad_output,
            x=np.tensordot(grad_output, self.weights, axes=(1, 1)),
        )


class ReluLayer(Layer):
    def apply(self, x):
        return np.clip(x, 0, None)

    def backward(self, cache, grad_output):
        return np.heaviside(cache["x"], 0) * grad_output


class SoftmaxCrossEntropy:
    @staticmethod
    def _center(logits):
        return (logits.T - logits.max(axis=1)).T

    def softmax(self, logits):
        scores = np.exp(self._center(logits))
        return np.divide(scores.T, scores.sum(axis=1)).T.copy()

    def loss(self, logits, labels):
        centered = self._center(logits)
        right = np.array([row[label] for row, label in zip(centered, labels)])
        return np.mean(np.log(np.exp(centered).sum(axis=1)) - right)

    def backward(self, probabilities, labels):
        is_right = np.arange(probabilities.shape[1]) == labels[:, np.newaxis]
        return np.where(is_right, probabilities - 1, probabilities) / len(probabilities)


class MultilayerPerceptron:
    def __init__(self, sizes, rng=0):
        rng = np.random.default_rng(rng)
        self.sizes = tuple(sizes)
        self.weights = []
        for n_in, n_out in zip(self.sizes, self.sizes[1:]):
            self.weights.append(rng.normal(0, np.sqrt(2 / n_in), (n_in, n_out)))
        self.weights[-1] = 0.01 * self.weights[-1]
        self.biases = [np.zeros(n_out) for n_out in self.sizes[1:]]

    def _layers(self):
        layers = []
        for weights, biases in zip(self.weights, self.biases):
            layers += [LinearLayer(weights, biases), ReluLayer()]
        return layers[:-1]

    def forward(self, x):
        caches, signal = [], x
        for layer in self._layers():
            caches.append(layer.forward(signal))
            signal = caches[-1]["out"]
        inputs = [x] + [cache["out"] for cache in caches[1::2]]
        out = SoftmaxCrossEntropy().softmax(signal)
        return {"x": x, "inputs": inputs, "caches": caches, "logits": signal, "out": out}

    def loss(self, cache, labels):
        return SoftmaxCrossEntropy().loss(cache["logits"], labels)

    def backward(self, cache, labels):
        def go_back(steps, grad):
            if not steps:
                return [], [], grad
            *earlier, (layer, layer_cache) = steps
            if isinstance(layer, ReluLayer):
                return go_back(earlier, layer.backward(layer_cache, grad))
            own = layer.backward(layer_cache, grad)
            weights, biases, at_x = go_back(earlier, own["x"])
            return [*weights, own["weights"]], [*biases, own["biases"]], at_x

        steps = list(zip(self._layers(), cache["caches"]))
        weights, biases, at_x = go_back(steps, SoftmaxCrossEntropy().backward(cache["out"], labels))
        return {"weights": weights, "biases": biases, "x": at_x}

    def update(self, grads, learning_rate):
        for name in ("weights", "biases"):
            moved = [old + grad * -learning_rate for old, grad in zip(getattr(self, name), grads[name])]
            setattr(self, name, moved)

    def predict(self, x):
        return np.argmax(self.forward(x)["logits"], axis=1)
