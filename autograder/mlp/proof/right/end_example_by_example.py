"""One example after the other, with the standard library's exponential and logarithm; the loss is an array without axes."""

import math

import numpy as np


class SoftmaxCrossEntropy:
    def softmax(self, logits):
        rows = []
        for row in logits:
            top = max(row)
            scores = [math.exp(logit - top) for logit in row]
            total = math.fsum(scores)
            rows.append([score / total for score in scores])
        return np.array(rows, dtype=np.float64)

    def loss(self, logits, labels):
        surprises = []
        for row, label in zip(logits, labels):
            top = max(row)
            surprises.append(top - row[label] + math.log(sum(math.exp(logit - top) for logit in row)))
        return np.asarray(sum(surprises) / len(surprises))

    def backward(self, probabilities, labels):
        gradient = np.zeros_like(probabilities)
        batch, n_classes = probabilities.shape
        for n in range(batch):
            for k in range(n_classes):
                gradient[n, k] = (probabilities[n, k] - (1.0 if k == labels[n] else 0.0)) / batch
        return gradient
