"""Softmax: probabilities from logits"""

import pytest
from cases import FEW, LAYOUTS, LOGITS, PREDICTIONS, Prediction, every, lay_out

from cnn_assignment.testing import assert_array, assert_unchanged, put


def expect(reference, logits):
    """The right probabilities."""
    return reference.SoftmaxCrossEntropy().softmax(logits)


@every(PREDICTIONS, Prediction.at_random)
@pytest.mark.points(7)
def test_values(student, reference, rng, once, case):
    """The probabilities of every example, and they add up to 1"""
    logits, _ = case.draw(rng)
    expected = once(expect, reference, logits)
    assert_array(student.SoftmaxCrossEntropy().softmax(logits), expected, "probabilities", axes=LOGITS)


@pytest.mark.parametrize("size", [1e3, -1e3, 1e6], ids=["near 1000", "near -1000", "a million apart"])
@pytest.mark.points(3)
def test_large_logits(student, reference, rng, once, size):
    """Huge logits give ordinary probabilities, and neither nan nor inf"""
    logits, _ = FEW.draw(rng)
    # Around a million the logits of an example differ by as much as that; around a thousand by little.
    logits = logits * size if size > 1e5 else logits + size
    logits[-1] = 2 * logits[-1]
    expected = once(expect, reference, logits)
    assert_array(student.SoftmaxCrossEntropy().softmax(logits), expected, "probabilities", axes=LOGITS)


@pytest.mark.points(1)
def test_far_apart(student, reference, rng, once):
    """An example with huge logits takes nothing from the other examples of its batch"""
    logits, _ = FEW.draw(rng)
    logits[0] += 2000
    logits[-1] -= 2000
    expected = once(expect, reference, logits)
    assert_array(student.SoftmaxCrossEntropy().softmax(logits), expected, "probabilities", axes=LOGITS)


@pytest.mark.points(1)
def test_memory(student, reference, rng, once):
    """The logits may be a view that does not lie in memory row by row"""
    logits, _ = FEW.draw(rng)
    expected = once(expect, reference, logits)
    for layout in LAYOUTS:
        found = student.SoftmaxCrossEntropy().softmax(lay_out(student, logits, layout))
        assert_array(found, expected, "probabilities", axes=LOGITS)


@pytest.mark.points(2)
def test_arguments_unchanged(student, reference, rng, once):
    """The logits stay as they are"""
    logits, _ = FEW.draw(rng)
    expected = once(expect, reference, logits)
    given = put(student, logits)
    found = student.SoftmaxCrossEntropy().softmax(given)
    assert_unchanged(given, logits, "logits")
    assert_array(found, expected, "probabilities", axes=LOGITS)


@pytest.mark.points(1)
def test_called_again(student, reference, rng, once):
    """Earlier probabilities stay right when softmax is called again"""
    first, _ = FEW.draw(rng)
    # As many examples, then one more.
    batches = first, rng.normal(size=first.shape), rng.normal(size=(len(first) + 1, FEW.n_classes))
    right = [once(expect, reference, logits) for logits in batches]
    end = student.SoftmaxCrossEntropy()
    found = [end.softmax(logits) for logits in batches]
    for place, probabilities, expected in zip(("first", "second", "third"), found, right, strict=True):
        assert_array(probabilities, expected, f"{place} probabilities", axes=LOGITS)
