"""Cross-entropy: the loss and its gradient"""

import numpy as np
import pytest
from cases import FEW, LOGITS, PREDICTIONS, Prediction, assert_number, assert_numbers, every

from cnn_assignment.testing import assert_array, assert_unchanged, put

# Labels in an order that a sort would change; one class is named twice, and one never.
LABELS = np.array([2, 0, 2, 0])
OTHER_LABELS = np.array([1, 2, 0, 1])


def expect_loss(reference, logits, labels):
    """The right loss."""
    return reference.SoftmaxCrossEntropy().loss(logits, labels)


def expect_grad(reference, logits, labels):
    """Right probabilities, and the right gradient."""
    end = reference.SoftmaxCrossEntropy()
    probabilities = end.softmax(logits)
    return probabilities, end.backward(probabilities, labels)


@every(PREDICTIONS, Prediction.at_random)
@pytest.mark.points(5)
def test_loss(student, reference, rng, once, case):
    """The mean cross-entropy of four batches"""
    # Of several batches, because one number alone may be right, or like another one, by accident.
    batches = [case.draw(rng) for _ in range(4)]
    expected = [once(expect_loss, reference, *batch) for batch in batches]
    end = student.SoftmaxCrossEntropy()
    assert_numbers([end.loss(*batch) for batch in batches], expected, "loss")


@pytest.mark.parametrize("size", [1e3, -1e3, 1e5], ids=["near 1000", "near -1000", "far apart"])
@pytest.mark.points(4)
def test_large_logits(student, reference, rng, once, size):
    """Huge logits give a finite loss, also where the probability of the right class rounds to 0"""
    logits, labels = FEW.draw(rng)
    logits = logits * size if size > 1e4 else logits + size
    # The class that is least probable is the right one of this example, and the most probable one of the next.
    labels[0], labels[1] = logits[0].argmin(), logits[1].argmax()
    expected = once(expect_loss, reference, logits, labels)
    assert_number(student.SoftmaxCrossEntropy().loss(logits, labels), expected, "loss")


@every(PREDICTIONS, Prediction.at_random)
@pytest.mark.points(6)
def test_gradient(student, reference, rng, once, case):
    """The gradient of the mean cross-entropy with respect to the logits"""
    logits, labels = case.draw(rng)
    probabilities, expected = once(expect_grad, reference, logits, labels)
    assert_array(student.SoftmaxCrossEntropy().backward(probabilities, labels), expected, "gradient", axes=LOGITS)


@pytest.mark.points(3)
def test_arguments_unchanged(student, reference, rng, once):
    """The logits, the probabilities and the labels stay as they are"""
    logits, _ = FEW.draw(rng)
    expected_loss = once(expect_loss, reference, logits, LABELS)
    probabilities, expected = once(expect_grad, reference, logits, LABELS)
    end = student.SoftmaxCrossEntropy()
    given, shares, classes = put(student, logits), put(student, probabilities), put(student, LABELS)
    loss = end.loss(given, classes)
    gradient = end.backward(shares, classes)
    assert_unchanged(given, logits, "logits")
    assert_unchanged(shares, probabilities, "probabilities")
    assert_unchanged(classes, LABELS, "labels")
    assert_number(loss, expected_loss, "loss")
    assert_array(gradient, expected, "gradient", axes=LOGITS)


@pytest.mark.points(2)
def test_called_again(student, reference, rng, once):
    """loss and backward work on what they are given, call after call, and earlier gradients stay right"""
    logits, _ = FEW.draw(rng)
    other, _ = FEW.draw(rng)
    one_more = rng.normal(size=(FEW.batch + 1, FEW.n_classes))
    batches = (logits, LABELS), (logits, OTHER_LABELS), (other, OTHER_LABELS), (one_more, np.append(LABELS, 1))
    losses = [once(expect_loss, reference, *batch) for batch in batches]
    found = [once(expect_grad, reference, *batch) for batch in batches]
    end = student.SoftmaxCrossEntropy()
    gradients = [
        end.backward(probabilities, labels) for (probabilities, _), (_, labels) in zip(found, batches, strict=True)
    ]
    places = "first", "second", "third", "fourth"
    for place, gradient, (_, expected) in zip(places, gradients, found, strict=True):
        assert_array(gradient, expected, f"{place} gradient", axes=LOGITS)
    for place, batch, expected in zip(places, batches, losses, strict=True):
        assert_number(end.loss(*batch), expected, f"{place} loss")
