"""Everything from the logarithms of the probabilities; right classes are a matrix with a 1 in every row."""

import numpy as np


class SoftmaxCrossEntropy:
    def _log_softmax(self, logits):
        return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)

    def softmax(self, logits):
        return np.exp(self._log_softmax(logits))

    def loss(self, logits, labels):
        one_hot = np.eye(logits.shape[1])[labels]
        return -np.sum(one_hot * self._log_softmax(logits)) / len(logits)

    def backward(self, probabilities, labels):
        one_hot = np.eye(probabilities.shape[1])[labels]
        return (probabilities - one_hot) / len(probabilities)
