"""Variants: the protocol with one thing changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import normalize

import stresslib as sl
from stresslib.features.holdout import held_out
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


def many_labels(*rare: int) -> sl.FeatureSet:
    """Three classes, the last of them rare: some positives among twelve training rows, 0 and 5 unless others are given."""
    y = np.array([[1, -1, -1], [-1, 1, -1], [1, -1, -1], [0, 1, -1]] * 6)
    y[[*(rare or (0, 5)), 12], 2] = 1
    X = np.random.default_rng(0).random((24, 5)) + 2 * (y[:, [0, 1, 2, 0, 1]] == 1)
    return sl.FeatureSet(X, y, np.arange(24) < 12)


def test_c_is_chosen_by_ranking_where_rows_have_several_labels() -> None:
    """On a third of the training rows that has both kinds of every class: the choice by hand."""
    features = many_labels()
    X, y = features.X[features.train], features.y[features.train]
    model = tuned((1e-3, 1.0), renormalised(), several_labels=True).fit(X, y)
    rest, drawn = held_out(y, 1 / 3)
    by_hand = [renormalised(sl.LinearSVM(C=C)).fit(X[rest], y[rest]).decision_function(X[drawn]) for C in (1e-3, 1.0)]
    expected = [np.mean(sl.average_precision(y[drawn], decision)) for decision in by_hand]
    assert model.cv_results_["mean_test_score"].tolist() == pytest.approx(expected)
    assert model.best_params_ == {"linearsvm__C": (1e-3, 1.0)[int(np.argmax(expected))]}
    assert sl.evaluate(features, "none", tuned((1.0,), several_labels=True))["metric"].item() == "mAP"


def test_of_rows_with_several_labels_each_class_gets_its_positives() -> None:
    """At least so many of each; smaller sets are part of larger ones; the rare class cannot give three."""
    features = many_labels(0, 1, 5)
    two, three = fewer(features, 2), fewer(features, 3)
    assert (two.y[two.train] == 1).sum(axis=0).min() >= 2 and 4 <= two.train.sum() <= 6
    assert {row.tobytes() for row in two.X[two.train]} < {row.tobytes() for row in three.X[three.train]}
    with pytest.raises(ValueError, match="class '2' has 3 training rows; 4 are wanted"):
        fewer(features, 4)


@pytest.mark.parametrize("seed", range(20))
def test_a_validation_part_keeps_every_class(seed: int) -> None:
    """With two positives of the rare class one is in each part, whatever the seed: one draw in two would not do."""
    part = many_labels().validation(random_state=seed)
    for mask in (part.train, part.test):
        assert (part.y[mask] == 1).any(axis=0).all() and (part.y[mask] == -1).any(axis=0).all()
    assert (part.y[part.test][:, 2] == 1).sum() == 1 and part.test.sum() == 4


@pytest.mark.parametrize("seed", range(5))
def test_a_difficult_entry_is_no_member_of_a_validation_part(seed: int) -> None:
    """The rare class is difficult in all rows but its two positives and two negatives: each part has one of both."""
    features = many_labels()
    y = features.y.copy()
    y[[1, 2, 3, 4, 6, 7, 8, 10], 2] = 0
    part = features.replace(y=y).validation(random_state=seed)
    assert sorted(part.y[part.test][:, 2]) == [-1, 0, 0, 1]
    assert sorted(part.y[:, 2]) == sorted(y[features.train][:, 2])


def test_a_class_with_one_positive_cannot_be_in_both_parts() -> None:
    features = many_labels()
    y = features.y.copy()
    y[5, 2] = -1
    with pytest.raises(ValueError, match="class number 2 has 1 positives and 11 negatives"):
        features.replace(y=y).validation()


def test_a_table_keeps_its_variants(tmp_path: Path) -> None:
    """Written and read they are the same; a table without any has no such column."""
    rows = [{"dataset": "a", "model": "b", "layer": "c", "n_features": 4, "stress": "none", "metric": "accuracy"}] * 2
    table = results_table({**row, "score": 50.0} for row in rows)
    write_results(table, tmp_path / "plain.csv")
    write_results(table.assign(**{VARIANT: ["", "bias"]}), tmp_path / "variants.csv")
    assert VARIANT not in read_results(tmp_path / "plain.csv")
    assert read_results(tmp_path / "variants.csv")[VARIANT].fillna("").tolist() == ["", "bias"]
