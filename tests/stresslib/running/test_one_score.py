"""One setting has one score, whatever asked for it: an evaluation, a sweep of any size, or the codec's files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toy_features import make_features

import stresslib as sl

SPECS = [
    "none",
    "DR1:30",
    "DR1:7",
    "DR2:1",
    "DR2:8",
    "Q1:3",
    "Q2:5",
    "QB:52",
    "QA:40",
    "DR1:30,Q1:4",
    "DR1:7,QB:50",
    "DR2:9,Q1:7",
    "DR2:8,Q2:4",
    "DR2:1,Q2:5",
    "DR2:5,QB:54",
    "DR2:8,QA:20",
]
"""All tokens, and reductions with each quantizer."""

SCORES = ["score", "objective_gap"]


@pytest.fixture(params=["narrow", "wide"])
def features(request: pytest.FixtureRequest) -> sl.FeatureSet:
    """Rows of float32, fewer or more numbers of each than training rows."""
    made = make_features(420, 60) if request.param == "narrow" else make_features(90, 700)
    assert (made.X.shape[1] > made.train.sum()) == (request.param == "wide")
    return sl.FeatureSet(made.X.astype(np.float32), made.y, made.train, provenance=made.provenance)


def sweep(features: sl.FeatureSet, specs: list[str], **options: Any) -> Any:
    return sl.sweep(features, specs, n_jobs=1, progress=False, **options)


@pytest.mark.parametrize("classifier", [sl.LinearSVM(), sl.LinearSVM(fit_intercept=True, C=10)], ids=["paper", "bias"])
def test_alone_and_in_sweeps_of_any_size_the_digits_are_the_same(features: sl.FeatureSet, classifier: Any) -> None:
    most = min(features.X.shape[1], int(features.train.sum()))
    larger = [f"DR2:{most}", "DR1:50", "DR1:55", "DR2:30,Q2:9", *SPECS]
    table = sweep(features, larger, classifier=classifier)[SCORES].tail(len(SPECS))
    for row, spec in zip(table.values.tolist(), SPECS, strict=True):
        assert [row] == sl.evaluate(features, spec, classifier)[SCORES].values.tolist(), spec
        assert [row] == sweep(features, [spec], classifier=classifier)[SCORES].values.tolist(), spec


def test_repeats_too(features: sl.FeatureSet) -> None:
    table = sweep(features, ["DR1:40", "DR1:9", "DR1:9,Q2:4"], repeats=3, random_state=4)
    seeds = [(spec, seed) for spec in ("DR1:40", "DR1:9", "DR1:9,Q2:4") for seed in (4, 5, 6)]
    alone = [sl.evaluate(features, spec, random_state=seed)[SCORES].values.tolist()[0] for spec, seed in seeds]
    assert table[SCORES].values.tolist() == alone


@pytest.mark.parametrize("spec", [spec for spec in SPECS if "QB" not in spec])
def test_vectors_from_the_codecs_file_score_the_same(features: sl.FeatureSet, tmp_path: Path, spec: str) -> None:
    """The file has the stressed vectors themselves, and they are classified as they are."""
    read = sl.codec.CompressedFeatures(sl.codec.compress(features, spec, tmp_path / "vectors.stress"))[:]
    decoded = sl.FeatureSet(read, features.y, features.train)
    assert sl.evaluate(decoded, "none")[SCORES].equals(sl.evaluate(features, spec)[SCORES])


def test_a_projected_number_does_not_depend_on_its_company() -> None:
    """Any rows, in any order, on any number of components: each number has the digits that it has among all."""
    generator = np.random.default_rng(0)
    X = generator.normal(size=(300, 90)).astype(np.float32)
    stress = sl.PrincipalComponents().fit(X)
    whole = stress.transform(X)
    np.testing.assert_allclose(whole, X.astype(np.float64) @ stress.components_.T.astype(np.float64), rtol=1e-5, atol=1e-6)
    for size in (1, 2, 3, 17, 64, 89):
        few = sl.PrincipalComponents(size).fit(X)
        for rows in ([5], [299, 3], list(range(1, 300, 7)), list(range(130, 300))):
            np.testing.assert_array_equal(few.transform(X[rows]), whole[rows, :size])
