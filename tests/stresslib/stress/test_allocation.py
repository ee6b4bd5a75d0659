"""Q-A: bits go where the variance is, widths are those of least error, and wrong codes are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import minimize_scalar
from scipy.stats import norm

import stresslib as sl
from stresslib.stress.bits import MOST_BITS
from stresslib.stress.on_features.allocation import NORMAL_ERROR, NORMAL_STEP


def squared_error(step: float, count: int) -> float:
    """Expected squared error of a standard normal number that goes to the nearest of some values a step apart."""
    values = step * (np.arange(count) - (count - 1) / 2)
    edges = np.concatenate([[-np.inf], (values[1:] + values[:-1]) / 2, [np.inf]])
    finite = np.where(np.isfinite(edges), edges, 0)
    share, first = np.diff(norm.cdf(edges)), -np.diff(norm.pdf(edges))
    second = share - np.diff(finite * norm.pdf(edges))
    return float((second - 2 * values * first + values**2 * share).sum())


@pytest.mark.parametrize("bits", range(1, 9))
def test_widths_are_those_of_least_error(bits: int) -> None:
    """Max (1960), Table II; found again by minimising the error."""
    count = 1 << bits
    best = minimize_scalar(lambda step: squared_error(step, count), bounds=(1 / count, 8 / count), method="bounded")
    assert NORMAL_STEP[bits] == pytest.approx(best.x, rel=1e-3)
    assert NORMAL_ERROR[bits] == pytest.approx(best.fun, rel=1e-3)


def test_bits_go_where_the_variance_is() -> None:
    """Variances 4 and 1: the wide one's bits gain 2.55, .98, .33 and .10, the narrow one's .64 and .24."""
    X = np.array([[-2.0, 1.0, 5.0], [2.0, -1.0, 5.0], [-2.0, -1.0, 5.0], [2.0, 1.0, 5.0]])
    shared = [sl.AllocatedQuantizer(n_bits).fit(X).bits_.tolist() for n_bits in (1, 2, 3, 4, 5)]
    assert shared == [[1, 0, 0], [2, 0, 0], [2, 1, 0], [3, 1, 0], [3, 2, 0]]
    quantizer = sl.AllocatedQuantizer(3).fit(X)
    # Two bits of a deviation of 2: widths of 2 * 0.995687; one bit of a deviation of 1: a width of 1.595769.
    assert quantizer.maximum_.tolist() == pytest.approx([4 * 0.995687, 1.595769, 5])
    assert quantizer.transform([[9.0, 0.1, 7.0]])[0].tolist() == pytest.approx([3 * 0.995687, 1.595769 / 2, 5])
    assert quantizer.bits_per_vector == 3


numbers = st.floats(-1e6, 1e6, width=32)


@settings(max_examples=100)
@given(st.data())
def test_all_bits_are_handed_out_and_none_to_what_does_not_vary(data: Any) -> None:
    width = data.draw(st.integers(1, 6))
    X = data.draw(arrays(np.float32, (5, width), elements=numbers))
    n_bits = data.draw(st.integers(1, 8 * width))
    quantizer = sl.AllocatedQuantizer(n_bits).fit(X)
    assert quantizer.bits_per_vector == n_bits and quantizer.bits_.max() <= 8
    codes = quantizer.encode(X)
    assert (codes >> quantizer.bits_).sum() == 0
    np.testing.assert_array_equal(quantizer.decode(codes), quantizer.transform(X))
    # More variance never has fewer bits.
    order = np.argsort(X.astype(np.float64).std(axis=0), kind="stable")
    spread = X.astype(np.float64).std(axis=0)[order]
    apart = np.diff(spread) > 1e-6 * spread[1:]
    assert (np.diff(quantizer.bits_[order].astype(int))[apart] >= 0).all()


def test_numbers_at_the_ends_of_the_type_are_no_infinity() -> None:
    for kind, large in ((np.float32, 3e38), (np.float64, 1e308)):
        X = np.array([[-large, 1.0], [large, 2.0]], dtype=kind)
        assert np.isfinite(sl.AllocatedQuantizer(8).fit_transform(X)).all()
    tiny = np.array([[1e-200], [3e-200]])
    assert sl.AllocatedQuantizer(1).fit_transform(tiny).ravel().tolist() == pytest.approx([1.2e-200, 2.8e-200], rel=0.01)


def test_too_many_bits_and_wrong_codes_are_refused() -> None:
    X = np.array([[0.0, 1.0], [4.0, 1.5]])
    with pytest.raises(ValueError, match="n_bits=17 is more than 8 for each of 2 feature"):
        sl.AllocatedQuantizer(17).fit(X)
    with pytest.raises(ValueError, match="more than 8 bits for each of 2 dimensions"):
        sl.bits_per_vector("DR2:2,QA:17", 10)
    quantizer = sl.AllocatedQuantizer(3).fit(X)
    assert quantizer.bits_.tolist() == [3, 0]
    with pytest.raises(ValueError, match=r"from 0 to 2 \*\* bits_ - 1 of their dimension; got 0 to 7"):
        quantizer.decode([[0, 7]])


def test_a_step_is_known_for_each_number_of_bits() -> None:
    assert len(NORMAL_STEP) == len(NORMAL_ERROR) == MOST_BITS + 1
