"""Chapters that measure any feature set, on rows with several labels, some of them difficult."""

from __future__ import annotations

import numpy as np
import pytest
from toy_features import make_features

import stresslib as sl
from stressbook.chapters.beyond.rate import measure as rate
from stressbook.chapters.beyond.rate import page as rate_page
from stressbook.chapters.beyond.separation import measure as separation
from stressbook.chapters.open_questions.selection import measure as selection
from stresslib.codec.peers import RECALL, RETRIEVAL, VOTES


@pytest.fixture(scope="module")
def features() -> sl.FeatureSet:
    """With difficult entries in every class and both parts, and so much noise that they would move a score."""
    drawn = make_features(n=120, d=40, classes=3, multilabel=True)
    drawn = drawn.replace(X=drawn.X + np.random.default_rng(1).normal(0, 0.25, drawn.X.shape))
    assert ((drawn.y[drawn.train] == 0).any(axis=0) & (drawn.y[drawn.test] == 0).any(axis=0)).all()
    return drawn


def by_hand(features: sl.FeatureSet) -> float:
    """Each class by itself, without its difficult rows in training or in the ranking."""
    scores = []
    for signs in features.y.T:
        learnt, ranked = features.train & (signs != 0), features.test & (signs != 0)
        model = sl.LinearSVM(tol=1e-8).fit(features.X[learnt], signs[learnt])
        scores.append(sl.average_precision(signs[ranked], model.decision_function(features.X[ranked]).ravel()))
    return 100 * float(np.mean(scores))


def test_choosing_on_validation_rows(features: sl.FeatureSet) -> None:
    """Both parts are scored as by hand; the validation part is of training rows, and has every class."""
    measured = selection.measure(features, [4], n_jobs=1, progress=False)
    assert measured["metric"].unique().tolist() == ["mAP"]
    part = features.validation()
    for one, name in ((features, "toy"), (part, "toy-validation")):
        rows = measured[measured["dataset"] == name].set_index("spec")["score"]
        assert rows["none"] == pytest.approx(by_hand(one), abs=0.3)
    assert all((part.y[mask] == sign).any(axis=0).all() for mask in (part.train, part.test) for sign in (1, -1))


def test_rate_against_score(features: sl.FeatureSet) -> None:
    """Scored by mAP on validation and test rows, and searched by a shared label."""
    table = rate.measure(features, [4], [], ["truncation"], splits=2, n_jobs=1, progress=False)
    assert set(table["metric"]) == {"mAP", RETRIEVAL, RECALL, f"{VOTES}mAP"}
    tested = rate.tested_rows(table)
    full = tested[(tested["spec"] == "none") & (tested["metric"] == "mAP")]["score"].item()
    assert full == pytest.approx(by_hand(features), abs=0.3)
    assert {"none", "fc", "qa", "truncation"} == set(rate_page.scores_per_byte(table)["family"])


def test_the_meter_beside_the_score(features: sl.FeatureSet) -> None:
    """Index, test score and validation score of one setting; the index is that of the training rows alone."""
    table = separation.over_grid(features, [2], [4], n_jobs=1, progress=False)
    scored = set(zip(table["dataset"], table["metric"], strict=True))
    assert {("toy", "mAP"), ("toy-validation", "mAP"), ("toy", "SI")} <= scored
    none = table[(table["spec"] == "none") & (table["metric"] == "SI")]["score"].item()
    train = features.train
    assert none == pytest.approx(100 * sl.separation_index(features.X[train], features.y[train]))
