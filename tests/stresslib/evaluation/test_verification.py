"""Verification: the authors' numbers, errors counted by hand, and bad input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stresslib.evaluation.verification import (
    det_curve,
    equal_error_rate,
    false_acceptance_rate,
    false_rejection_rate,
    mean_auc,
)

GOLD = np.load(Path(__file__).with_name("authors_verification.npz"))
"""Scores that were made up, and what the authors' `compute_metrics` says of them (sigver at 6f8f438)."""

GENUINE, RANDOM, SKILLED = ([GOLD[f"m_{kind}_user{user}"] for user in (0, 1)] for kind in ("genuine", "random", "skilled"))


def test_the_authors_numbers() -> None:
    assert false_rejection_rate(GENUINE) == pytest.approx(GOLD["m_res_FRR"])
    assert false_acceptance_rate(RANDOM) == pytest.approx(GOLD["m_res_FAR_random"])
    assert false_acceptance_rate(SKILLED) == pytest.approx(GOLD["m_res_FAR_skilled"])
    assert mean_auc(GENUINE, SKILLED) == pytest.approx(GOLD["m_res_mean_AUC"])
    assert [mean_auc([g], [s]) for g, s in zip(GENUINE, SKILLED, strict=True)] == pytest.approx(GOLD["m_res_auc_list"])
    both = equal_error_rate(GENUINE, SKILLED, as_published=True)
    assert both == (pytest.approx(GOLD["m_res_EER"]), GOLD["m_res_global_threshold"])
    each = equal_error_rate(GENUINE, SKILLED, per_user=True, as_published=True)
    assert each.rate == pytest.approx(GOLD["m_res_EER_userthresholds"])
    assert each.threshold == (GOLD["m_user0_threshold"], GOLD["m_user1_threshold"])


def test_a_dropped_threshold_changes_the_rate() -> None:
    scores = [GOLD["m_trap_genuine"]], [GOLD["m_trap_skilled"]]
    assert equal_error_rate(*scores, as_published=True).rate == pytest.approx(GOLD["m_trap_EER_authors"])
    assert equal_error_rate(*scores).rate == pytest.approx(GOLD["m_trap_EER_all_thresholds"])
    # .05, between the thresholds that are looked at, lets 4 of 14 down and 4 of 15 in.
    assert equal_error_rate(GENUINE, SKILLED) == (pytest.approx((4 / 14 + 4 / 15) / 2), 0.05)


def test_how_often_dropping_matters() -> None:
    random = np.random.default_rng(0)
    differ = 0
    for _ in range(200):
        genuine, forged = [random.normal(1, 1, 8).round(2)], [random.normal(0, 1, 8).round(2)]
        differ += equal_error_rate(genuine, forged).rate != equal_error_rate(genuine, forged, as_published=True).rate
    assert 0.15 < differ / 200 < 0.6


def test_thresholds_of_users_are_their_own() -> None:
    genuine, forged = [[2.0, 1.0], [12.0, 11.0]], [[0.0, -1.0], [10.0, 9.0]]
    assert equal_error_rate(genuine, forged, per_user=True) == (0.0, (1.0, 11.0))
    assert equal_error_rate(genuine, forged).rate == 0.5


def test_of_equal_thresholds_the_highest_is_taken() -> None:
    # At 3 nothing forged of ten is in and 2 of 10 are out, at 2.5 two are in and none out: the first of these counts.
    genuine, forged = [[3.0] * 8 + [2.5] * 2], [[2.5] * 2 + [0.0] * 8]
    assert equal_error_rate(genuine, forged) == (pytest.approx(0.1), 3.0)


def test_both_errors_at_every_threshold() -> None:
    curve = det_curve([[1.0, 2.0], [3.0]], [[0.0], [2.0]])
    assert curve.thresholds.tolist() == [np.inf, 3, 2, 1, 0]
    assert curve.false_rejection == pytest.approx([1, 2 / 3, 1 / 3, 0, 0])
    assert curve.false_acceptance == pytest.approx([0, 0, 0.5, 0.5, 1])


scores = st.lists(st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=6), min_size=1, max_size=4)


@given(scores, st.data())
def test_the_rate_is_the_least_of_all_thresholds_and_order_does_not_matter(
    users: list[list[float]], data: st.DataObject
) -> None:
    forged = data.draw(
        st.lists(st.lists(st.integers(-5, 5).map(float), min_size=1), min_size=len(users), max_size=len(users))
    )
    rate, threshold = equal_error_rate(users, forged)
    apart = abs(false_rejection_rate(users, threshold) - false_acceptance_rate(forged, threshold))
    for limit in [*np.arange(-5.5, 6, 0.5), np.inf]:
        assert apart <= abs(false_rejection_rate(users, limit) - false_acceptance_rate(forged, limit)) + 1e-9
    assert rate == pytest.approx((false_rejection_rate(users, threshold) + false_acceptance_rate(forged, threshold)) / 2)
    assert equal_error_rate(users[::-1], [one[::-1] for one in forged[::-1]]) == (pytest.approx(rate), threshold)
    # A steady change of the scores is none of the errors.
    assert equal_error_rate([np.exp(one) for one in users], [np.exp(one) for one in forged]).rate == pytest.approx(rate)


@pytest.mark.parametrize(
    ("genuine", "forged", "message"),
    [
        ([], [], "genuine has no users; give a list of arrays, one a user"),
        ([1.0, 2.0], [[1.0]], r"genuine has scores of shape \(\) for user 0"),
        ([[1.0]], [[1.0], [2.0]], "genuine scores of 1 users and forged ones of 2"),
        ([[1.0]], [[]], "forged has no scores for user 0; leave the user out"),
        ([[1.0, np.nan]], [[1.0]], "genuine has NaN among the scores of user 0"),
    ],
)
def test_scores_that_cannot_be_are_refused(genuine: list[object], forged: list[object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        equal_error_rate(genuine, forged)  # type: ignore[arg-type]
