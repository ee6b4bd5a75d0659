"""Calibration and corruption errors: worked-out numbers, and the conventions that others have otherwise."""

from __future__ import annotations

import numpy as np
import pytest

from stresslib.evaluation.calibration import (
    ALEXNET_ERRORS,
    brier_score,
    expected_calibration_error,
    mean_corruption_error,
    negative_log_likelihood,
    relative_mean_corruption_error,
)


def test_a_confidence_on_a_border_is_in_the_upper_bin() -> None:
    # With bins closed on the right, both rows would share one, and the error would be 0.05.
    p = np.array([[0.6, 0.4], [0.5, 0.5]])
    assert expected_calibration_error(p, [0, 1], n_bins=5) == pytest.approx(0.45)


def test_certainty_is_in_the_last_bin_and_ties_go_to_the_first_class() -> None:
    assert expected_calibration_error(np.eye(3), [0, 1, 2]) == 0
    assert expected_calibration_error([[0.5, 0.5]], [0]) == pytest.approx(0.5)
    assert expected_calibration_error([[0.5, 0.5]], [1]) == pytest.approx(0.5)


def test_the_calibration_error_of_three_bins() -> None:
    p = [[0.9, 0.1], [0.94, 0.06], [0.7, 0.3], [0.3, 0.7]]
    # 13 of 15: 0.9, right; 14: 0.94, wrong; 10: 0.7 twice, one right.
    assert expected_calibration_error(p, [0, 1, 0, 0]) == pytest.approx((0.1 + 0.94 + abs(1 - 1.4)) / 4)


def test_the_brier_score_is_summed_over_classes() -> None:
    assert brier_score([[0.2, 0.3, 0.5]], [2]) == pytest.approx(0.04 + 0.09 + 0.25)
    assert brier_score([[0.0, 1.0]], [0]) == 2


def test_a_probability_of_zero_counts_as_one_in_ten_million() -> None:
    assert negative_log_likelihood([[0.0, 1.0]], [0]) == pytest.approx(-np.log(1e-7), abs=1e-6)


def test_alexnet_has_a_mean_corruption_error_of_one() -> None:
    alexnet = np.array(list(ALEXNET_ERRORS.values()))
    assert alexnet.mean() == pytest.approx(0.789, abs=5e-4)
    assert mean_corruption_error(np.repeat(alexnet[:, None], 5, axis=1)) == pytest.approx(1)
    assert relative_mean_corruption_error(np.repeat(alexnet[:, None], 5, axis=1), 0.4348) == pytest.approx(1)


def test_fewer_corruptions_need_a_reference_of_their_own() -> None:
    kept = [error for name, error in ALEXNET_ERRORS.items() if name != "frost"]
    errors = np.outer(kept, [0.4, 0.5, 0.6, 0.5, 0.5])
    assert mean_corruption_error(errors, kept) == pytest.approx(0.5)
    assert mean_corruption_error(errors, np.outer(kept, [1.0, 0.5])) == pytest.approx(0.5 / 0.75)
    with pytest.raises(ValueError, match=r"shape \(14, 5\) and the reference's \(15,\)"):
        mean_corruption_error(errors)


@pytest.mark.parametrize("score", [expected_calibration_error, brier_score, negative_log_likelihood])
@pytest.mark.parametrize(
    ("p", "y", "message"),
    [
        ([[0.5, 0.5], [0.5, 0.1]], [0, 1], "row 1 of p does not hold probabilities: it sums to 0.6"),
        ([[2.0, -1.0]], [0], "row 0 of p"),
        ([[np.nan, 1.0]], [0], "row 0 of p"),
        ([[0.5, 0.5]], [2], "integers from 0 to 1"),
        ([[0.5, 0.5]], [0.0], "integers from 0 to 1"),
        ([0.5, 0.5], [0, 1], r"p of shape \(2,\)"),
        (np.zeros((0, 2)), np.zeros(0, int), r"p of shape \(0, 2\)"),
    ],
)
def test_what_are_no_probabilities_is_refused(score: object, p: object, y: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        score(p, y)  # type: ignore[operator]


def test_percent_are_refused() -> None:
    with pytest.raises(ValueError, match="give fractions, not percent"):
        mean_corruption_error(np.full((15, 5), 30.0))
    with pytest.raises(ValueError, match="n_bins=0"):
        expected_calibration_error([[1.0, 0.0]], [0], n_bins=0)
