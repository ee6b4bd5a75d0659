"""Nested and independent subsets: deviations and roughness of made-up curves, and what ten repeats resolve."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import stresslib as sl
from stressbook.chapters.open_questions.subsets import measure, page, statistics
from stresslib.paper.published import grid_dimensions
from stresslib.results import VARIANT, results_table
from stresslib.running.variants import fewer


def made(together: float, wide: float = 1.0, steps: int = 16, repeats: int = 10, name: str = "a") -> pd.DataFrame:
    """Normal scores of deviation 1; nested repeats share a part of the variance, and are `wide` times as wide."""
    draw = np.random.default_rng(0)
    shared = {"dataset": name, "model": "b", "layer": "c", "n_features": 1280, "metric": "accuracy"}
    sizes, parts = grid_dimensions(1280)[:steps], []
    for variant, part in (("", together), (measure.INDEPENDENT, 0.0)):
        common, own = draw.standard_normal((repeats, 1)), draw.standard_normal((repeats, steps))
        scores = 80 + (wide if not variant else 1) * (np.sqrt(part) * common + np.sqrt(1 - part) * own)
        rows = [{**shared, "stress": "none", "score": 90.0}]
        for (repeat, step), score in np.ndenumerate(scores):
            rows.append(
                {**shared, "stress": "random-selection", "dimensions": sizes[step], "repeat": repeat, "score": score}
            )
        parts.append(results_table(rows).assign(**{VARIANT: variant}))
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (made(0.95), "nesting makes a curve smoother, not surer"),
        (made(0.0), "nesting smooths nothing here"),
        (made(0.0, wide=4), "beyond what chance leaves"),
        (made(0.0), "Not measurably: "),
    ],
)
def test_the_answer_follows_the_numbers(table: pd.DataFrame, said: str) -> None:
    """Nested repeats that move together, that do not, and that deviate more."""
    answered = page.answer(table)
    assert said in answered.answer + answered.more
    assert len(page.plot(table).axes) == 1
    assert "a, b, c" in page.alt_text(table)


def test_roughness_of_independent_sizes_is_one() -> None:
    """Over many curves; of single ones a twentieth lies below the bound. A smooth curve has none."""
    draw = np.random.default_rng(0)
    places = pd.MultiIndex.from_product([map(str, range(200)), range(1, 21)], names=["features", "step"])
    curves = pd.DataFrame({"mean": draw.standard_normal(len(places)) / 3, "deviation": 1.0}, index=places).reset_index()
    measured, least = statistics.roughness(curves, 10)
    assert measured == pytest.approx(1, abs=0.08)
    assert 0.9 < least < 1
    alone = [statistics.roughness(curve, 10) for _, curve in curves.groupby("features")]
    assert np.mean([rough < bound for rough, bound in alone]) == pytest.approx(0.05, abs=0.04)
    assert statistics.roughness(curves.assign(mean=curves["step"] * 1.0), 10)[0] == pytest.approx(0, abs=1e-9)


def test_published_curves_are_too_smooth_for_independent_subsets() -> None:
    """Nineteen parts of twenty shared by a repeat's sizes leave little deviation to the way between them."""
    table = made(0.95, steps=20, repeats=200)
    assert "too smooth for independent subsets" in page.verdicts(table)
    assert statistics.ratios(table)["rise"] == pytest.approx(np.sqrt(0.05), abs=0.03)


def test_a_curve_without_four_neighbours_has_no_roughness() -> None:
    """It says so."""
    assert "from four consecutive sizes on" in page.verdicts(made(0.5, steps=3))


def test_the_interval_is_students() -> None:
    """Ten numbers by hand, against scipy's interval of their mean."""
    scores = np.array([81.2, 80.4, 82.0, 79.9, 81.1, 80.8, 81.5, 80.2, 81.9, 80.6])
    low, high = stats.t.interval(0.95, 9, loc=scores.mean(), scale=stats.sem(scores))
    assert statistics.resolution(scores.std())[0] == pytest.approx(high - low)


def test_the_smallest_difference_is_found_four_times_of_five() -> None:
    """Two thousand pairs of ten draws, that far apart."""
    draw = np.random.default_rng(0)
    apart = statistics.resolution(np.sqrt(0.9))[1]  # of the population's deviation, which is that much smaller for ten
    one, two = draw.standard_normal((2, 2000, 10))
    found = stats.ttest_ind(one, two + apart, axis=1).pvalue < 0.05
    assert found.mean() == pytest.approx(0.8, abs=0.03)


def test_independent_subsets_share_no_more_than_chance() -> None:
    """Nested ones are the sweep's own; the others have a seed for each size, and so other scores."""
    features = fewer(sl.load_features("scenes15", "efficientnet-lite0"), 5)
    table = measure.measure(features, [1, 2], repeats=2, n_jobs=1, progress=False)
    nested = sl.sweep(features, ["none", "DR1:64", "DR1:128"], repeats=2, n_jobs=1, progress=False)
    pd.testing.assert_frame_equal(table.loc[table[VARIANT] == "", list(nested)], nested)
    other = table[table[VARIANT] == measure.INDEPENDENT]
    again = sl.sweep(features, "DR1:128", random_state=2000, repeats=2, n_jobs=1, progress=False)
    assert other.loc[other["dimensions"] == 128, "score"].tolist() == again["score"].tolist()
    with pytest.raises(ValueError, match="at least 2"):
        measure.measure(features, [1], repeats=1)
