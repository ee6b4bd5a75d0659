"""Intrinsic dimension: each estimate where it is known, the fewest dimensions by hand, and the answer on made-up tables."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

import stresslib as sl
from stressbook.chapters.open_questions.intrinsic_dimension import estimators, measure, page
from stressbook.chapters.open_questions.intrinsic_dimension.correlation import correlation
from stressbook.drawing import style
from stresslib.results import read_results, results_table


@pytest.mark.parametrize("inside", [1, 2, 5])
def test_two_nn_finds_the_dimension_of_an_even_cloud(inside: int) -> None:
    """Even in a cube, which is turned into 20 dimensions; rows that are there twice count once."""
    generator = np.random.default_rng(0)
    turn = np.linalg.qr(generator.normal(size=(20, 20)))[0][:inside]
    X = generator.random((2000, inside)) @ turn
    assert estimators.two_nn(X) == pytest.approx(inside, rel=0.12)
    assert estimators.two_nn(np.vstack([X, X[:500]])) == pytest.approx(estimators.two_nn(X))


@pytest.mark.parametrize("shape", [(60, 12), (12, 60)])
def test_the_spectrum_is_that_of_the_covariance(shape: tuple[int, int]) -> None:
    X = np.random.default_rng(1).normal(3, 1, shape)
    expected = np.linalg.eigvalsh(np.cov(X, rowvar=False))[::-1][: min(shape[0] - 1, shape[1])]
    np.testing.assert_allclose(estimators.variance_spectrum(X), expected, atol=1e-10)


@given(st.integers(1, 50), st.floats(0.1, 10))
def test_equal_variances_fill_as_many_dimensions_as_there_are(count: int, size: float) -> None:
    variances = np.full(count, size)
    assert estimators.participation_ratio(variances) == pytest.approx(count)
    assert estimators.effective_rank(variances) == pytest.approx(count)
    assert estimators.dimensions_for(variances, 1) == count


def test_the_fewest_dimensions_lie_where_the_curve_crosses() -> None:
    assert page.fewest([8, 32, 128], [90, 98, 100]) == pytest.approx(64)
    assert page.fewest([8, 32], [99, 100]) == 8
    assert math.isnan(page.fewest([8, 32], [90, 98.9]))


def test_the_correlation_is_spearmans_with_its_interval() -> None:
    generator = np.random.default_rng(2)
    x = generator.integers(0, 6, 15).astype(float)
    y = x + generator.normal(0, 2, 15)
    rho, low, high, p = correlation(x, y)
    assert rho == pytest.approx(spearmanr(x, y).statistic)
    assert low < rho < high
    assert p == pytest.approx(spearmanr(x, y).pvalue, abs=0.02)
    order = np.arange(10.0)
    assert correlation(order, order**3)[:3] == pytest.approx((1, 1, 1))
    assert all(map(math.isnan, correlation(order[:3], order[:3])))
    assert all(map(math.isnan, correlation(order, np.ones(10))))


def made(estimated: list[int], crossing: list[int]) -> pd.DataFrame:
    """Feature sets of 1,000 dimensions whose curves reach 99% at a known size, of both stresses, and 98% a tenth below."""
    tables = []
    for number, (estimate, size) in enumerate(zip(estimated, crossing, strict=True)):
        names = {"dataset": "made", "model": f"network{number}", "layer": "pooled", "n_features": 1000, "metric": "accuracy"}
        rows = [{**names, "stress": "none", "score": 50.0, "objective_gap": 0.0}]
        for stress in page.STRESSES.values():
            for dimensions, kept in ((size * 9 // 10, 98), (size, 99)):
                rows.append({**names, "stress": stress, "dimensions": dimensions, "score": kept / 2, "objective_gap": 0.0})
        tables.append(results_table(rows).assign(**dict.fromkeys(estimators.PREDICTORS, float(estimate))))
    return pd.concat(tables, ignore_index=True)


RISING = [20, 40, 60, 80, 100, 120, 140, 160]


@pytest.mark.parametrize(
    ("crossing", "said"),
    [
        (RISING, "In rank, yes: "),
        (RISING[::-1], "Only in reverse: "),
        ([80, 20, 160, 60, 140, 40, 120, 100], "Not shown: "),
    ],
)
def test_the_answer_follows_the_table(crossing: list[int], said: str) -> None:
    answered = page.answer(made(RISING, crossing))
    assert answered.answer.startswith(said)
    assert answered.basis.startswith("8 feature sets, ") and "p = " in answered.basis


def test_the_forecast_is_compared_with_what_is_needed() -> None:
    answered = page.answer(made(RISING, [2 * size for size in RISING]))
    assert "2 to 2 times the estimate" in answered.effect
    assert "rank correlation 1.00, 95% interval 1.00 to 1.00" in answered.answer


def test_few_feature_sets_say_that_they_are_few() -> None:
    assert "too few" in page.answer(made([20, 40, 60], [20, 40, 60])).answer
    assert set(page.correlations(made([20, 40, 60], [20, 40, 60])).to_numpy().ravel()) == {""}


def test_a_curve_that_never_keeps_enough_needs_all_dimensions() -> None:
    low = made([20], [100])
    low.loc[low["stress"] == "pca", "score"] -= 5
    assert page.needed(low)["DR2_fewest"].tolist() == [1000]
    assert page.needed(low)["DR1_fewest"].tolist() == [100]


def test_estimates_are_of_the_training_rows_alone(small: sl.FeatureSet) -> None:
    X = small.X.copy()
    X[small.test] = X[small.test][::-1] * 5
    other = sl.FeatureSet(X, small.y, small.train, small.metric, small.classes, provenance=small.provenance)
    tables = [measure.measure(one, [10.0, 50.0], n_jobs=1, progress=False) for one in (small, other)]
    names = list(estimators.PREDICTORS)
    assert tables[0][names].equals(tables[1][names])
    assert set(tables[0]["dimensions"].dropna()) == {4, 20}
    assert tables[0][names].drop_duplicates().shape == (1, 5)


def test_figure_table_and_words_come_from_the_file(tmp_path: Path) -> None:
    results = made(RISING, RISING)
    style.save(page.plot(results), results, tmp_path, "intrinsic-dimension", list(estimators.PREDICTORS))
    again = read_results(tmp_path / "intrinsic-dimension.csv", list(estimators.PREDICTORS))
    assert page.answer(again) == page.answer(results)
    assert page.table(again)["participation ratio"].tolist() == RISING
    assert "99% kept by 20 principal components and by 20 random dimensions" in page.alt_text(again)
