"""Evaluation of a setting, sweeps over many, and the table that they leave: order, seeds, bytes, and the store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from sklearn.base import BaseEstimator
from sklearn.linear_model import RidgeClassifier
from threadpoolctl import threadpool_limits
from toy_features import make_features

from stresslib import (
    FeatureSet,
    LinearSVM,
    average_precision,
    evaluate,
    make_stress,
    read_results,
    sweep,
    write_results,
)
from stresslib.results import COLUMNS, results_table
from stresslib.running import grid

SPECS = ["none", "DR1:10", "DR2:8,Q2:4", "Q1:3", "QB:52"]


def run(features: FeatureSet, specs: list[str], *arguments: Any, **options: Any) -> pd.DataFrame:
    """Sweep in this process and without a progress bar."""
    return sweep(features, specs, *arguments, **{"n_jobs": 1, "progress": False, **options})


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Note the settings that are really evaluated."""
    seen = []

    def counted(features: Any, spec: Any, *arguments: Any, random_state: int, **options: Any) -> pd.DataFrame:
        seen.append((str(spec), random_state))
        return evaluate(features, spec, *arguments, random_state=random_state, **options)

    monkeypatch.setattr(grid, "evaluate", counted)
    return seen


def test_an_evaluation_is_the_protocol_step_by_step(small: FeatureSet) -> None:
    """Stress fitted on training rows, both parts under it, classifier on the one, score on the other."""
    stress = make_stress("DR2:8,Q2:4")
    train = stress.fit_transform(small.X[small.train])
    model = LinearSVM(0.5).fit(train, small.y[small.train])
    right = model.predict(stress.transform(small.X[small.test])) == small.y[small.test]
    row = evaluate(small, "dr2:8, q2:4", LinearSVM(0.5)).iloc[0]
    assert row["score"] == pytest.approx(100 * right.mean(), rel=1e-12)
    assert row["objective_gap"] == model.objective_gap_.max()
    place = row[["dataset", "model", "layer", "n_features", "stress", "dimensions", "values", "metric"]].tolist()
    assert place == ["toy", "drawn", "only", 40, "pca+uniform", 8, 4, "accuracy"]
    assert row[["removed_bits", "repeat"]].isna().all()


def test_test_rows_teach_the_stress_nothing(small: FeatureSet) -> None:
    """Other test rows, same fitted stress and classifier: the gap of the training problem does not move."""
    changed = FeatureSet(np.where(small.train[:, None], small.X, 9 * small.X), small.y, small.train)
    for spec in SPECS:
        assert evaluate(small, spec)["objective_gap"][0] == evaluate(changed, spec)["objective_gap"][0]


def test_no_stress_beats_chance_and_no_bits_are_chance(small: FeatureSet) -> None:
    """The drawn classes can be told apart; with all bits erased the first class is always said."""
    first = 100 * (small.y[small.test] == 0).mean()
    assert evaluate(small, "none")["score"][0] > 60
    assert evaluate(small, "QB:64")["score"][0] == pytest.approx(first)


def test_the_real_features_are_classified(scenes: FeatureSet) -> None:
    """64 random dimensions of the shipped features: far above the chance of 15 classes, and solved."""
    row = evaluate(scenes, "DR1:64").iloc[0]
    assert 60 < row["score"] < 80
    assert row["objective_gap"] < 1e-4


def test_a_classifier_of_scikit_learn_may_take_the_place(small: FeatureSet) -> None:
    """Whatever has decision values will do; without a gap the cell stays empty, and the caller's copy stays unfitted."""
    classifier = RidgeClassifier()
    row = evaluate(small, "none", classifier).iloc[0]
    assert row["score"] > 60 and np.isnan(row["objective_gap"])
    assert not hasattr(classifier, "coef_")


def test_a_sweep_has_its_rows_in_the_order_of_the_stresses(small: FeatureSet) -> None:
    """A random stress takes a row for each repeat, the others one with an empty cell."""
    table = run(small, ["QB:52", "DR1:10,Q1:4", "none", "DR1:5"], repeats=3)
    assert table["stress"].tolist() == (
        ["bit-erasure", *["random-selection+uniform-shared"] * 3, "none", *["random-selection"] * 3]
    )
    assert table["repeat"].fillna(-1).tolist() == [-1, 0, 1, 2, -1, 0, 1, 2]
    assert {name: str(kind) for name, kind in table.dtypes.items()} == {name: str(kind) for name, kind in COLUMNS.items()}


def test_repeat_r_is_an_evaluation_with_the_seed_plus_r(small: FeatureSet) -> None:
    """Any row of a sweep can be computed again alone."""
    table = run(small, ["DR1:10"], repeats=3, random_state=40)
    alone = pd.concat([evaluate(small, "DR1:10", random_state=40 + repeat) for repeat in range(3)], ignore_index=True)
    alone = alone.assign(repeat=pd.array([0, 1, 2], dtype="Int64"))
    assert_frame_equal(table, alone, check_exact=True)
    assert (table["objective_gap"] <= 1e-5).all()
    assert len(set(table["score"])) > 1


def test_a_sweep_rounds_nothing(small: FeatureSet) -> None:
    """A gap near the end of double precision goes through a sweep as through an evaluation, two digits at least."""
    exact = LinearSVM(tol=1e-10)
    table, alone = run(small, ["none", "Q2:4"], exact), [evaluate(small, spec, exact) for spec in ("none", "Q2:4")]
    assert table["score"].tolist() == [row["score"][0] for row in alone]
    assert 0 < table["objective_gap"][0] == alone[0]["objective_gap"][0] < 1e-9
    assert 0 < table["objective_gap"][1] < 1e-9


def test_processes_change_nothing(small: FeatureSet) -> None:
    """One process or two, the table is the same in every digit."""
    one, two = (run(small, SPECS, repeats=2, n_jobs=n_jobs) for n_jobs in (1, 2))
    assert_frame_equal(one, two, check_exact=True)


def test_threads_change_nothing() -> None:
    """A sweep in one process leaves all cores to the linear algebra, one in many processes does not: same digits."""
    features = make_features(300, 200)
    with threadpool_limits(1):
        one = run(features, ["DR2:20,Q2:5"])
    with threadpool_limits(4):
        four = run(features, ["DR2:20,Q2:5"])
    assert_frame_equal(one, four, check_exact=True)


def test_two_runs_leave_the_same_bytes_and_reading_gives_them_back(small: FeatureSet, tmp_path: Path) -> None:
    """Results under version control change only when a result does."""
    for name in ("one.csv", "two.csv"):
        write_results(run(small, SPECS, repeats=2), tmp_path / name)
    content = (tmp_path / "one.csv").read_bytes()
    assert content == (tmp_path / "two.csv").read_bytes()
    assert b"\r" not in content and content.startswith(",".join(COLUMNS).encode() + b"\n")
    table = read_results(tmp_path / "one.csv")
    expected = run(small, SPECS, repeats=2)
    assert_frame_equal(table, expected.round({"score": 6}), rtol=0.05, atol=1e-12)
    assert table["score"].tolist() == pytest.approx(expected["score"].tolist(), abs=6e-7)
    write_results(table, tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_bytes() == content


@pytest.mark.parametrize("name", ["a,b", 'the "best"', "Ärger", "NA", "None", "null", "nan", "1"])
def test_any_name_survives_a_results_table(tmp_path: Path, name: str) -> None:
    """A folder of images may be called anything, even what a reader of CSV takes for a missing value."""
    row = {"dataset": name, "model": "m", "layer": "l", "n_features": 4, "stress": "none", "metric": "accuracy", "score": 50}
    table = results_table([row])
    write_results(table, tmp_path / "r.csv")
    assert_frame_equal(read_results(tmp_path / "r.csv"), table)


@pytest.mark.parametrize(
    "content", ["", "a,b\n1,2\n", "dataset,model\nx,y\n", "\0\0\0", ",".join(COLUMNS) + "\n" + ",".join("x" * 12)]
)
def test_a_file_that_is_no_results_table_is_named(tmp_path: Path, content: str) -> None:
    """With the columns that a table has."""
    path = tmp_path / "r.csv"
    path.write_text(content)
    with pytest.raises(ValueError, match="objective_gap") as caught:
        read_results(path)
    assert str(path) in str(caught.value)


def test_all_stresses_are_checked_before_the_first_runs(small: FeatureSet, calls: list[Any]) -> None:
    """A typing error at the end of a long list is found at once."""
    with pytest.raises(ValueError, match="'Q3:4'"):
        run(small, ["none", "DR1:10", "Q3:4"])
    with pytest.raises(ValueError, match="'DR1:41' keeps more dimensions than the 40"):
        run(small, ["none", "DR1:41"])
    with pytest.raises(ValueError, match="repeats=0"):
        run(small, ["none"], repeats=0)
    assert calls == []


def test_more_components_than_training_rows_are_found_before_the_first_run(calls: list[Any]) -> None:
    """12 training rows of 30 dimensions have 12 components; a random selection may keep all 30."""
    features = make_features(24, 30)
    with pytest.raises(ValueError, match=r"'DR2:13,Q2:4' keeps more dimensions than the 12 .*toy/drawn/only"):
        run(features, ["none", "DR2:12", "DR2:13,Q2:4"])
    assert calls == []
    assert len(run(features, ["DR2:12", "DR1:30"])) == 2


def test_a_mean_class_accuracy_comes_with_the_accuracy() -> None:
    """Two rows a setting: the convention of the data set, and the metric of the paper; each is scored in its own way."""
    features = make_features(metric="mean-class-accuracy")
    table = run(features, ["none", "DR1:10"], repeats=2)
    assert table["metric"].tolist() == ["mean-class-accuracy", "accuracy"] * 3
    assert table["repeat"].fillna(-1).tolist() == [-1, -1, 0, 0, 1, 1]
    by_accuracy = FeatureSet(features.X, features.y, features.train)
    assert table["score"][1] == pytest.approx(evaluate(by_accuracy, "none")["score"][0])


def test_a_multi_label_set_gives_a_mean_average_precision() -> None:
    """Difficult entries are left out of training and of the score."""
    features = make_features(multilabel=True)
    table = run(features, ["none", "Q2:3"])
    assert table["metric"].tolist() == ["mAP", "mAP"]
    model = LinearSVM().fit(features.X[features.train], features.y[features.train])
    decision = model.decision_function(features.X[features.test])
    expected = 100 * np.mean(average_precision(features.y[features.test], decision))
    assert table["score"][0] == pytest.approx(expected, rel=1e-12)


def test_what_is_stored_is_not_computed_again(small: FeatureSet, tmp_path: Path, calls: list[Any]) -> None:
    """A second call finds all settings, a wider one computes only the new ones, and the table is the same."""
    first = run(small, SPECS, repeats=2, store=tmp_path)
    assert len(calls) == 6
    again = run(small, SPECS, repeats=2, store=tmp_path)
    assert len(calls) == 6
    assert_frame_equal(again, first, check_exact=True)
    assert_frame_equal(run(small, SPECS, repeats=2), first, check_exact=True)
    calls.clear()
    run(small, ["dr2:8 , q2:4", *SPECS, "Q2:7"], repeats=3, store=tmp_path)
    assert calls == [("DR1:10", 2), ("Q2:7", 0)]


def test_a_repeat_is_stored_by_its_seed(small: FeatureSet, tmp_path: Path, calls: list[Any]) -> None:
    """Repeat 1 from seed 0 is repeat 0 from seed 1; what is not random has no seed to differ by."""
    zero = run(small, ["DR1:10", "none"], repeats=2, store=tmp_path)
    calls.clear()
    one = run(small, ["DR1:10", "none"], repeats=2, random_state=1, store=tmp_path)
    assert calls == [("DR1:10", 2)]
    assert one["score"][0] == zero["score"][1] and one["repeat"].tolist()[:2] == [0, 1]


def test_a_stopped_sweep_keeps_what_was_done(small: FeatureSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The third setting fails; the others are done, and the next call does the third alone."""
    seen: list[str] = []

    def breaks(features: Any, spec: Any, *arguments: Any, **options: Any) -> pd.DataFrame:
        seen.append(str(spec))
        if len(seen) == 3:
            raise MemoryError("too much")
        return evaluate(features, spec, *arguments, **options)

    monkeypatch.setattr(grid, "evaluate", breaks)
    with pytest.raises(RuntimeError, match=r"1 of 5 settings failed, the first with .*: MemoryError: too much"):
        run(small, SPECS, store=tmp_path)
    assert seen == SPECS
    run(small, SPECS, store=tmp_path)
    assert seen[len(SPECS) :] == SPECS[2:3]


def recomputed(features: FeatureSet, store: Path, calls: list[Any], *arguments: Any) -> bool:
    """Whether a call with these inputs computes anything, given what lies in the store."""
    calls.clear()
    run(features, ["none"], *arguments, store=store)
    return bool(calls)


@pytest.mark.parametrize("change", ["vector", "label", "split", "name", "C", "tolerance"])
def test_other_inputs_are_computed_anew(small: FeatureSet, tmp_path: Path, calls: list[Any], change: str) -> None:
    """The key of the store holds features, their name and every setting of the classifier."""
    assert recomputed(small, tmp_path, calls) and not recomputed(small, tmp_path, calls)
    X, y, train, provenance = small.X.copy(), small.y.copy(), small.train.copy(), dict(small.provenance)
    arguments = []
    if change == "vector":
        X[3, 4] += 1e-6
    elif change == "label":
        y[5] = (y[5] + 1) % 3
    elif change == "split":
        train[0] = False
    elif change == "name":
        provenance["layer"] = "other"
    else:
        arguments = [LinearSVM(2.0) if change == "C" else LinearSVM(tol=1e-4)]
    other = FeatureSet(X, y, train, small.metric, small.classes, provenance=provenance)
    assert recomputed(other, tmp_path, calls, *arguments)
    assert not recomputed(small, tmp_path, calls)


class Weighted(BaseEstimator):
    """A classifier with a long parameter: decisions are weighted features."""

    def __init__(self, weights: np.ndarray) -> None:
        self.weights = weights

    def fit(self, X: np.ndarray, y: np.ndarray) -> Weighted:
        return self

    def decision_function(self, X: np.ndarray) -> np.ndarray:
        return X[:, :3] * self.weights[1000:1003]


def test_a_classifier_is_known_by_all_of_its_parameters(small: FeatureSet, tmp_path: Path, calls: list[Any]) -> None:
    """The short form in which scikit-learn prints a long parameter leaves out the middle, where these two differ."""
    weights = np.ones(3000)
    assert recomputed(small, tmp_path, calls, Weighted(weights))
    other = weights.copy()
    other[1000] = -1
    assert recomputed(small, tmp_path, calls, Weighted(other))


def test_a_damaged_store_costs_a_computation_and_no_more(small: FeatureSet, tmp_path: Path, calls: list[Any]) -> None:
    """A stored file that is cut off is computed again, or at least named."""
    run(small, ["none"], store=tmp_path)
    (stored,) = tmp_path.glob("*.json")
    stored.write_text(stored.read_text()[:20])
    try:
        table = run(small, ["none"], store=tmp_path)
    except ValueError as error:
        assert str(stored) in str(error)
    else:
        assert table["score"].notna().all()


def test_nothing_but_json_is_stored(small: FeatureSet, tmp_path: Path) -> None:
    """No pickles: what lies in the store can be read by eye."""
    run(small, SPECS, store=tmp_path / "new" / "folder")
    stored = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert len(stored) == len(SPECS) and {file.suffix for file in stored} == {".json"}
