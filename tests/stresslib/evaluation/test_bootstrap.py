"""The bootstrap: it ends whatever the labels are, and where every class is in every resample nothing is left out.

What its intervals are worth is held by the tests of the claims, which use it.
"""

from __future__ import annotations

import numpy as np
import pytest

from stresslib.evaluation.bootstrap import bootstrap_kept, bootstrap_rankings
from stresslib.evaluation.metrics import SCORES


def rare(classes: int, rows: int = 200) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels with one positive a class, and two sets of decision values."""
    generator = np.random.default_rng(0)
    truth = -np.ones((rows, classes), dtype=np.int8)
    truth[np.arange(classes), np.arange(classes)] = 1
    full = truth + generator.normal(size=truth.shape)
    return truth, full, full + generator.normal(size=truth.shape)


def test_thirty_classes_of_one_positive_each_take_no_longer_than_others() -> None:
    """A resample has all of them once in a million times; it is not waited for."""
    kept, low, high = bootstrap_kept(*rare(30)[:2], [rare(30)[2]], "mAP", resamples=40)
    assert 0 < low < kept < high


def test_a_class_that_is_not_drawn_is_left_out_of_both_means() -> None:
    """Resample by resample, by hand."""
    truth, full, worse = rare(4, 12)
    generator = np.random.default_rng(3)
    generator.integers(1, size=(25, 1))
    shares = []
    for _ in range(25):
        rows = generator.integers(12, size=12)
        there = [column for column in range(4) if (truth[rows, column] == 1).any()]
        if there:
            means = [SCORES["mAP"](truth[rows][:, there], scores[rows][:, there]) for scores in (worse, full)]
            shares.append(100 * means[0] / means[1])
    found = bootstrap_kept(truth, full, [worse], "mAP", resamples=25, random_state=3)
    assert found[1:] == pytest.approx(np.percentile(shares, [2.5, 97.5]), rel=1e-12)


def test_intervals_are_those_of_before_where_every_class_is_always_drawn() -> None:
    """To the last digit: committed tables do not move."""
    generator = np.random.default_rng(0)
    truth = np.where(generator.random((120, 3)) < 0.4, 1, -1)
    full = truth + generator.normal(size=truth.shape)
    worse = [full + generator.normal(size=truth.shape) for _ in range(3)]
    found = bootstrap_kept(truth, full, worse, "mAP", resamples=60)
    assert found == pytest.approx((85.91207831667865, 80.97619636902554, 91.00322875177123), rel=1e-14)


def test_a_resample_is_scored_as_its_rows_are() -> None:
    """With difficult entries, a rare class and many ties: row by row, in the order of the originals."""
    generator = np.random.default_rng(5)
    truth = generator.choice([1, -1, 0], p=[0.2, 0.7, 0.1], size=(50, 4)).astype(np.int8)
    truth[:, 3] = -1
    truth[:2, 3] = 1
    full, worse = np.round(truth + generator.normal(size=(2, *truth.shape)))
    generator = np.random.default_rng(7)
    generator.integers(1, size=(150, 1))
    shares = []
    for _ in range(150):
        rows = np.sort(generator.integers(50, size=50))
        places = np.ix_(rows, np.flatnonzero((truth[rows] == 1).any(axis=0)))
        shares.append(100 * SCORES["mAP"](truth[places], worse[places]) / SCORES["mAP"](truth[places], full[places]))
    found = bootstrap_kept(truth, full, [worse], "mAP", resamples=150, random_state=7)
    assert found[1:] == pytest.approx(np.percentile(shares, [2.5, 97.5]), rel=1e-12)


def test_difficult_entries_are_ignored_whatever_their_scores_are() -> None:
    truth = np.array([[1, -1], [-1, 1], [0, 1], [1, 0], [-1, -1], [1, 1]] * 4)
    full = np.random.default_rng(0).normal(size=truth.shape)
    worse = full[::-1]
    moved = [np.where(truth == 0, 100.0, scores) for scores in (full, worse)]
    plain = bootstrap_kept(truth, full, [worse], "mAP", resamples=30)
    assert bootstrap_kept(truth, moved[0], [moved[1]], "mAP", resamples=30) == plain


def test_ten_images_by_hand() -> None:
    """One right, one wrong, eight difficult; the stress puts the difficult first, then the wrong one, then the right one.

    With p copies of the right image and n of the wrong one a resample scores 1 without stress, and p / (n + p) with it,
    however often the difficult ones are drawn. Of the resamples that have both images 5.4% have p = 1 and n = 3, and 1.1%
    less than their 1 / 4: that is the lower end, and 3 / 4 the upper one. Were the difficult ones ranked, 1 / 10 would be.
    """
    truth = np.array([[1], [-1], *8 * [[0]]])
    full, stressed = -np.arange(10.0)[:, None], np.arange(10.0)[:, None]
    score, kept = bootstrap_rankings(truth, full, [stressed])
    assert score == pytest.approx((50, 25, 75)) and kept == pytest.approx((50, 25, 75))
    assert bootstrap_kept(truth, full, [stressed], "mAP") == pytest.approx((50, 25, 75))


def test_labels_of_which_no_resample_says_anything_are_named() -> None:
    truth = np.array([[1], [-1]])
    with pytest.raises(ValueError, match="none of 1 resamples of 2 rows has positives and negatives"):
        for seed in range(20):
            bootstrap_kept(truth, np.ones((2, 1)), [np.ones((2, 1))], "mAP", resamples=1, random_state=seed)
