"""The numeric gradient helper that students are given."""

from __future__ import annotations

import importlib.util
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from places import ROOT


def load(name: str) -> ModuleType:
    path = ROOT / "solutions" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"_solution_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


gradient_check = load("gradient_check")

ARRAYS = hnp.arrays(np.float64, hnp.array_shapes(max_dims=3, max_side=3), elements=st.floats(-100, 100))


@pytest.mark.parametrize("shape", [(), (1,), (4,), (2, 3), (2, 1, 3, 2)], ids=str)
def test_numeric_gradient_finds_a_known_derivative_in_any_shape(shape):
    array = np.asarray(np.random.default_rng(0).normal(size=shape))
    factors = np.random.default_rng(1).normal(size=shape)
    numeric = gradient_check.numeric_gradient(lambda a: np.sum(factors * np.sin(a)), array)
    assert numeric.shape == shape
    assert numeric.dtype == np.float64
    np.testing.assert_allclose(numeric, factors * np.cos(array), rtol=1e-7, atol=1e-9)


def test_numeric_gradient_is_central():
    # A one-sided difference of a square is off by the step; a central one is exact but for rounding.
    numeric = gradient_check.numeric_gradient(lambda a: float(a[0] ** 2), np.array([0.0]), step=0.1)
    assert abs(numeric[0]) < 1e-15


def test_numeric_gradient_keeps_the_array_even_if_the_function_writes_into_its_argument():
    array = np.arange(4.0)
    array.flags.writeable = False

    def spoil(a):
        value = np.sum(a**2)
        a[:] = 99
        return value

    np.testing.assert_allclose(gradient_check.numeric_gradient(spoil, array), 2 * np.arange(4.0), atol=1e-8)


def test_numeric_gradient_accepts_memory_that_is_not_contiguous():
    array = np.random.default_rng(2).normal(size=(6, 4)).T[::2, ::-1]
    np.testing.assert_allclose(gradient_check.numeric_gradient(lambda a: np.sum(a**3), array), 3 * array**2, rtol=1e-6)


def test_relative_error_is_the_largest_one():
    a, b = np.array([1.0, 2.0, 0.0]), np.array([1.0, 3.0, 0.0])
    assert gradient_check.relative_error(a, b) == pytest.approx(1 / 5)


def test_relative_error_of_tiny_numbers_is_measured_against_a_floor():
    assert gradient_check.relative_error(np.array([1e-12]), np.array([-1e-12])) == pytest.approx(2e-4)


@given(ARRAYS)
def test_relative_error_is_zero_for_equal_and_one_for_opposite_arrays(a):
    assert gradient_check.relative_error(a, a.copy()) == 0
    shifted = np.abs(a) + 1
    assert gradient_check.relative_error(shifted, -shifted) == pytest.approx(1)


@given(ARRAYS, st.floats(-2, 2))
def test_relative_error_is_symmetric_and_at_most_one(a, factor):
    b = factor * a
    error = gradient_check.relative_error(a, b)
    assert error == gradient_check.relative_error(b, a)
    assert 0 <= error <= 1


def test_relative_error_refuses_shapes_that_would_broadcast():
    with pytest.raises(ValueError, match=r"expected equal shapes, got \(3,\) and \(3, 1\)"):
        gradient_check.relative_error(np.ones(3), np.ones((3, 1)))


def test_relative_error_passes_on_what_is_not_a_number():
    assert np.isnan(gradient_check.relative_error(np.array([1.0, np.nan]), np.ones(2)))


def test_relative_error_of_nothing_is_zero():
    assert gradient_check.relative_error(np.zeros((0, 3)), np.zeros((0, 3))) == 0
