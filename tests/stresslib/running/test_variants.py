"""Variants: the protocol with one thing changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import normalize

import stresslib as sl
from stresslib.results import VARIANT, read_results, results_table, write_results
from stresslib.running.variants import Variant, centred, fewer, renormalised, sweep_variants, tuned


@pytest.fixture(scope="module")
def scenes() -> sl.FeatureSet:
    """Real features, few of them."""
    return fewer(sl.load_features("scenes15", "efficientnet-lite0"), 10)


def test_the_protocol_is_among_its_variants(scenes: sl.FeatureSet) -> None:
    """The empty variant is a plain sweep; another classifier is another row of the same setting."""
    variants = [Variant(), Variant("C=10", sl.LinearSVM(C=10))]
    table = sweep_variants(scenes, ["none", "DR1:8"], variants, n_jobs=1, progress=False)
    plain = sl.sweep(scenes, ["none", "DR1:8"], n_jobs=1, progress=False)
    pd.testing.assert_frame_equal(table.loc[table[VARIANT] == "", list(plain)], plain)
    assert table.groupby(VARIANT, sort=False).size().to_dict() == {"": 2, "C=10": 2}
    other = table.loc[table[VARIANT] == "C=10", "score"].to_numpy()
    assert abs(other - plain["score"].to_numpy()).min() > 0


def test_renormalised_rows_have_unit_norm_after_the_stress(scenes: sl.FeatureSet) -> None:
    """The same as a classifier of rows that were normalised by hand; its gap is reported too."""
    stressed = sl.make_stress("DR1:16").fit(scenes.X[scenes.train]).transform(scenes.X)
    by_hand = normalize(stressed)
    model = sl.LinearSVM().fit(by_hand[scenes.train], scenes.y[scenes.train])
    right = 100 * (model.predict(by_hand[scenes.test]) == scenes.y[scenes.test]).mean()
    table = sl.evaluate(scenes, "DR1:16", renormalised())
    assert table["score"].item() == pytest.approx(right, abs=0.04)
    assert 0 < table["objective_gap"].item() <= 1e-5


def test_centred_is_the_usual_pca(scenes: sl.FeatureSet) -> None:
    """Behind PCA without centring, to take the mean is to project centred rows."""
    train = scenes.X[scenes.train]
    model = centred().fit(sl.PrincipalComponents(5).fit_transform(train), scenes.y[scenes.train])
    usual = sl.PrincipalComponents(5).fit(train)
    expected = (train - train.mean(axis=0)) @ usual.components_.T
    np.testing.assert_allclose(model[0].transform(usual.transform(train)), expected, atol=1e-5)


def test_c_is_chosen_on_training_rows(scenes: sl.FeatureSet) -> None:
    """The choice is one of those offered; in a pipeline too; the gap of the winner is in the table."""
    model = tuned((1e-4, 1.0), renormalised()).fit(scenes.X[scenes.train], scenes.y[scenes.train])
    assert model.best_params_ == {"linearsvm__C": 1.0}
    assert 0 < sl.evaluate(scenes, "none", tuned((1.0, 10.0)))["objective_gap"].item() <= 1e-5


def test_fewer_training_rows_are_nested_and_leave_the_test_rows() -> None:
    """Of each class as many as asked for, the test rows as they were; more than there are is an error that says so."""
    features = sl.load_features("scenes15", "efficientnet-lite0")
    five, ten = fewer(features, 5), fewer(features, 10)
    assert np.bincount(five.y[five.train]).tolist() == [5] * 15
    np.testing.assert_array_equal(five.X[five.test], features.X[features.test])
    assert {row.tobytes() for row in five.X[five.train]} < {row.tobytes() for row in ten.X[ten.train]}
    with pytest.raises(ValueError, match="5000 are wanted"):
        fewer(features, 5000)


def test_a_table_keeps_its_variants(tmp_path: Path) -> None:
    """Written and read they are the same; a table without any has no such column."""
    rows = [{"dataset": "a", "model": "b", "layer": "c", "n_features": 4, "stress": "none", "metric": "accuracy"}] * 2
    table = results_table({**row, "score": 50.0} for row in rows)
    write_results(table, tmp_path / "plain.csv")
    write_results(table.assign(**{VARIANT: ["", "bias"]}), tmp_path / "variants.csv")
    assert VARIANT not in read_results(tmp_path / "plain.csv")
    assert read_results(tmp_path / "variants.csv")[VARIANT].fillna("").tolist() == ["", "bias"]
