"""The same curve: bands beside scores, the rule of the verdicts by hand, and that figure and words follow the table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import stresslib as sl
from stressbook.chapters.rerun.direct import measure, page
from stresslib.evaluation.bootstrap import bootstrap_kept, bootstrap_rankings
from stresslib.paper.published import published
from stresslib.results import TOLERANCE, result_rows, results_table
from stresslib.stress.spec import parse_spec

ORIGIN = {"dataset": "voc2007-val", "model": "bvlc-googlenet", "layer": "inception5b", "n_features": 50176}


def theirs(stress: str, column: str, value: int) -> float:
    """The published mAP of GoogLeNet at one place."""
    table = published()
    rows = table[(table["model"] == "googlenet") & (table["stress"] == stress) & (table[column] == value)]
    return float(rows["score"].iloc[0])


def toy(beyond: float = 0.0, layer: str = "inception5b") -> pd.DataFrame:
    """Scores at two places that are the published ones, with bands of a point; the second band lies `beyond` below."""
    rows = []
    for spec, score, shift in (
        ("none", 80.584842, 0.0),
        ("DR1:2508", theirs("random-selection", "dimensions", 2508), 0.0),
        ("QB:52", theirs("bit-erasure", "removed_bits", 52), beyond),
    ):
        kept, middle = 100 * score / 80.584842, score - shift
        bands = {"score_low": middle - 0.5, "score_high": middle, "kept": kept, "kept_low": kept, "kept_high": kept}
        rows += result_rows({**ORIGIN, "layer": layer}, parse_spec(spec), {"mAP": score / 100}, **bands)
    return results_table(rows, measure.BANDS)


def several(rows: int = 80) -> sl.FeatureSet:
    """Vectors with two labels each, some of them difficult."""
    generator = np.random.default_rng(0)
    X = generator.normal(size=(rows, 20)).astype(np.float32)
    y = np.where(X[:, :2] + 0.5 * generator.normal(size=(rows, 2)) > 0, 1, -1)
    y[::9, 0] = 0
    return sl.FeatureSet(X, y, np.arange(rows) < rows // 2, metric="mAP")


def test_scores_are_those_of_a_sweep_and_lie_in_their_bands() -> None:
    """A random selection has one row, the mean over its draws; the whole vector keeps all of every resample."""
    features = several()
    table = measure.measure(features, [10, 20], [0, 52], repeats=3, resamples=200, n_jobs=1, progress=False)
    swept = sl.sweep(features, ["none", "DR1:9", "DR1:20", "QB:0", "QB:52"], repeats=3, n_jobs=1, progress=False)
    means = swept.groupby("spec")["score"].mean()
    assert table["spec"].tolist() == ["none", "DR1:9", "DR1:20", "QB:0", "QB:52"]
    assert table["score"].tolist() == pytest.approx(means[table["spec"]].tolist())
    assert table["kept"].tolist() == pytest.approx((100 * table["score"] / table["score"].iloc[0]).tolist())
    whole = table.set_index("spec").loc["none", ["kept", "kept_low", "kept_high"]]
    assert whole.tolist() == pytest.approx([100, 100, 100])
    assert (table["score_low"] < table["score_high"]).all()


def test_the_share_has_the_interval_of_the_claims() -> None:
    """Both functions draw the same resamples."""
    generator = np.random.default_rng(1)
    truth = np.where(generator.random((60, 3)) < 0.3, 1, -1)
    truth[::7] = 0
    full, worse = (truth + generator.normal(size=truth.shape) * noise for noise in (1, 2))
    _, kept = bootstrap_rankings(truth, full, [worse], resamples=100)
    assert tuple(kept) == pytest.approx(tuple(bootstrap_kept(truth, full, [worse], "mAP", resamples=100)))


def test_difficult_entries_stay_ignored() -> None:
    """What the classifier says about them changes no band."""
    features = several()
    truth = features.y[features.test]
    full = np.random.default_rng(2).normal(size=truth.shape)
    other = np.where(truth == 0, 99.0, full)
    assert bootstrap_rankings(truth, full, [full], resamples=50) == bootstrap_rankings(truth, other, [other], resamples=50)


def test_one_label_an_image_is_refused() -> None:
    """An accuracy has nothing to be compared with."""
    features = sl.FeatureSet(np.eye(8), [0, 1] * 4, np.arange(8) < 4)
    with pytest.raises(ValueError, match="the score is accuracy"):
        measure.measure(features, n_jobs=1, progress=False)


@pytest.mark.parametrize(
    ("beyond", "said"),
    [
        (0.0, "**within the band** at all 1 places, at most 0.0 points"),
        (0.9 * TOLERANCE, "**within the band**"),
        (2.0, "**outside the band** at 1 of 1 places (52 bits); the farthest, 52 bits erased, is 80.8, 2.0 points above"),
    ],
)
def test_the_rule_by_hand(beyond: float, said: str) -> None:
    """A band that ends at the published score, or lower: up to the tolerance it still holds."""
    lines = page.verdicts(toy(beyond)).splitlines()
    assert len(lines) == 4
    assert next(line for line in lines if line.startswith("- Q-B, mAP")).startswith(f"- Q-B, mAP: {said}")
    assert sum("outside" in line for line in lines) == (beyond > TOLERANCE)


def test_figure_and_words_say_the_same() -> None:
    """The title of a panel, the headline and the cross follow one number."""
    figure = page.plot(toy(2.0))
    titles = [ax.get_title() for ax in figure.axes]
    assert titles[-1] == "Q-B, mAP: 0 of 1 in our band"
    assert titles[0] == "DR-1, share: 1 of 1 in our band"
    assert "Q-B 1 of 1 by the share kept and 0 of 1 by mAP" in page.headline(toy(2.0))
    crosses = [line for line in figure.axes[-1].lines if line.get_marker() == "x"]
    assert [float(line.get_ydata()[0]) for line in crosses] == pytest.approx([80.840711])
    assert "Q-B, mAP: 0 of 1" in page.alt_text(toy(2.0))


def test_another_layer_is_a_control() -> None:
    """Beside the map it is judged and not drawn; alone, as in a quick run, it is drawn under its name."""
    both: Any = pd.concat([toy(), toy(2.0, layer="pooled")])
    assert len(page.drawn(both)) == 4
    assert "Control, pooled: Q-B, mAP: **outside" in page.verdicts(both)
    alone = toy(layer="pooled")
    assert page.plot(alone).axes[0].get_title().startswith("pooled, DR-1")
    assert "a control" in page.headline(alone)
