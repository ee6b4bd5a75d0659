"""The classifier: the problem it solves, how well, and the three forms of its targets."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import LinearSVC

from stresslib import FeatureSet, LinearSVM, evaluate, load_features, sweep
from stresslib.evaluation import conjugate_gradients
from stresslib.evaluation.unknowns import cholesky_factor


def problem(n: int = 60, d: int = 12, classes: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rectified rows of classes that overlap."""
    generator = np.random.default_rng(seed)
    y = np.arange(n) % classes
    return np.maximum(generator.normal(0, 1, (n, d)) + 0.8 * (np.arange(d) % classes == y[:, None]), 0), y


def primal(X: np.ndarray, y: np.ndarray, w: np.ndarray, C: float, loss: str) -> float:
    """Half the squared norm plus C times the losses, row by row."""
    total = float(w @ w) / 2
    for row, label in zip(X, y, strict=True):
        miss = max(0.0, 1 - label * float(w @ row))
        total += C * (miss**2 if loss == "squared_hinge" else miss)
    return total


@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("loss", ["squared_hinge", "hinge"])
@pytest.mark.parametrize("C", [0.3, 5.0])
def test_the_objective_is_that_of_the_weights(C: float, loss: str, fit_intercept: bool) -> None:
    """What is reported can be worked out again from the fitted weights; a bias counts in the norm."""
    X, y = problem()
    model = LinearSVM(C, loss=loss, fit_intercept=fit_intercept).fit(X, y)
    extended = np.column_stack([X, np.ones(len(X))])
    for number in range(3):
        w = np.append(model.coef_[number], model.intercept_[number])
        expected = primal(extended, np.where(y == number, 1, -1), w, C, loss)
        # Down to a gap of 1e-5 the products are float32.
        assert model.objective_[number] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("C", [1e-3, 1.0, 100.0])
def test_the_gap_bounds_what_is_left_to_gain(C: float, fit_intercept: bool) -> None:
    """It is small and not negative, and no solution, however exact, is better by more than it."""
    X, y = problem()
    rough = LinearSVM(C, fit_intercept=fit_intercept, tol=0.05).fit(X, y)
    exact = LinearSVM(C, fit_intercept=fit_intercept, tol=1e-10).fit(X, y)
    assert (rough.objective_gap_ >= 0).all() and (exact.objective_gap_ >= 0).all()
    assert (exact.objective_gap_ < 1e-9).all()
    gained = (rough.objective_ - exact.objective_) / rough.objective_
    assert (gained <= rough.objective_gap_ + 1e-6).all()
    assert (LinearSVM(C, fit_intercept=fit_intercept).fit(X, y).objective_gap_ < 1e-3).all()


def test_the_gap_of_a_solved_hinge_is_small_too() -> None:
    """0 means solved: a problem solved to 1e-8 must not look as if nearly all of it were left to gain."""
    model = LinearSVM(loss="hinge", tol=1e-8).fit(*problem())
    assert (model.objective_gap_ >= 0).all() and (model.objective_gap_ < 1e-2).all()


def test_features_of_zero_are_solved_by_zero() -> None:
    """At 64 erased bits nothing is left: the weights are 0, the objective is C n, and the first class wins."""
    model = LinearSVM(2.0).fit(np.zeros((6, 3)), [0, 1, 2, 0, 1, 2])
    assert not model.coef_.any()
    np.testing.assert_allclose(model.objective_, 12)
    np.testing.assert_array_equal(model.objective_gap_, 0)
    assert model.predict(np.zeros((2, 3))).tolist() == [0, 0]


@pytest.mark.parametrize("classes", [2, 3])
def test_without_a_bias_it_is_liblinears_solution(classes: int) -> None:
    """Same weights as scikit-learn's LinearSVC set so, for two classes and for more."""
    X, y = problem(classes=classes)
    theirs = LinearSVC(dual=False, fit_intercept=False, tol=1e-10).fit(X, y)
    ours = LinearSVM(tol=1e-14).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-7)
    np.testing.assert_array_equal(ours.intercept_, np.zeros(len(ours.coef_)))
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))


def test_a_bias_is_a_constant_feature_of_one() -> None:
    """LIBLINEAR's bias is regularised as every weight is."""
    X, y = problem()
    with_bias = LinearSVM(fit_intercept=True, tol=1e-9).fit(X, y)
    with_column = LinearSVM(tol=1e-9).fit(np.column_stack([X, np.ones(len(X))]), y)
    np.testing.assert_allclose(with_bias.coef_, with_column.coef_[:, :-1], atol=1e-8)
    np.testing.assert_allclose(with_bias.intercept_, with_column.coef_[:, -1], atol=1e-8)
    np.testing.assert_allclose(with_bias.objective_, with_column.objective_, rtol=1e-10)


def test_labels_and_both_kinds_of_matrix_pose_the_same_problems() -> None:
    """One class against the rest is the same whether the targets are labels, {1, 0} or {1, -1}."""
    X, y = problem()
    zeros = (y[:, None] == np.arange(3)).astype(int)
    signs = 2 * zeros - 1
    by_labels, by_zeros, by_signs = (LinearSVM(tol=1e-9).fit(X, target) for target in (y, zeros, signs))
    np.testing.assert_array_equal(by_zeros.coef_, by_signs.coef_)
    np.testing.assert_allclose(by_labels.coef_, by_signs.coef_, atol=1e-8)
    np.testing.assert_allclose(by_labels.objective_, by_signs.objective_, rtol=1e-10)


def test_predictions_of_a_matrix_are_written_as_its_negatives_were() -> None:
    """0 or -1, as in `fit`; 1 where the decision is above 0."""
    X, y = problem()
    zeros = (y[:, None] == np.arange(3)).astype(int)
    by_zeros, by_signs = LinearSVM().fit(X, zeros), LinearSVM().fit(X, 2 * zeros - 1)
    assert set(np.unique(by_zeros.predict(X))) == {0, 1}
    assert set(np.unique(by_signs.predict(X))) == {-1, 1}
    np.testing.assert_array_equal(by_zeros.predict(X) == 1, by_zeros.decision_function(X) > 0)


def test_ignored_entries_are_rows_that_are_not_there() -> None:
    """A difficult image is ignored for its class alone; for the other classes it is an ordinary row."""
    X, y = problem()
    signs = np.where(y[:, None] == np.arange(3), 1, -1)
    signs[::7, 0] = 0
    signs[1::5, 2] = 0
    model = LinearSVM(tol=1e-14).fit(X, signs)
    for column in range(3):
        rows = signs[:, column] != 0
        alone = LinearSVM(tol=1e-14).fit(X[rows], signs[rows, column])
        np.testing.assert_allclose(model.coef_[column], alone.coef_[0], atol=1e-8)
        assert model.objective_[column] == pytest.approx(alone.objective_[0], rel=1e-10)
        assert model.objective_gap_[column] < 1e-9


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["cat"] * 6, "only one class, .*'cat'"),
        ([[1, 0]] * 3 + [[0, 0]] * 3, r"class 1 .*no positive"),
        ([[1, 1]] * 3 + [[0, 1]] * 3, r"class 1 .*no negative"),
        ([[1, 1]] * 3 + [[-1, 0]] * 3, r"class 1 .*no negative"),
        ([[1, -1]] * 3 + [[-1, 0]] * 3, r"class 1 .*no positive"),
        ([[1, 2]] * 3 + [[0, 1]] * 3, "other values"),
        ([[1], [1], [1], [-1], [-1], [3]], "other values"),
    ],
)
def test_targets_that_pose_no_problem_are_refused(y: Any, message: str) -> None:
    """The class is named, so that one can find it among a hundred."""
    with pytest.raises(ValueError, match=message):
        LinearSVM().fit(np.eye(6), y)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_vectors_that_are_not_finite_are_refused(value: float) -> None:
    """In training and afterwards."""
    X, y = problem()
    model = LinearSVM().fit(X, y)
    X[4, 2] = value
    for call in (lambda: model.fit(X, y), lambda: model.decision_function(X), lambda: model.predict(X)):
        with pytest.raises(ValueError, match=r"NaN|infinity"):
            call()


def test_labels_may_be_words() -> None:
    """They come back as they were given, and sorted they are the rows of the weights."""
    X, y = problem()
    words = np.array(["street", "forest", "office"])[y]
    model = LinearSVM().fit(X, words)
    assert model.classes_.tolist() == ["forest", "office", "street"]
    assert (model.predict(X) == words).mean() > 0.7
    np.testing.assert_allclose(model.coef_[[2, 0, 1]], LinearSVM().fit(X, y).coef_, atol=1e-3)


@pytest.mark.parametrize(
    ("target", "shape"),
    [("two labels", (60,)), ("three labels", (60, 3)), ("one column", (60, 1)), ("two columns", (60, 2))],
)
def test_shapes_of_the_decisions(target: str, shape: tuple[int, ...]) -> None:
    """As in scikit-learn for labels; for a matrix always one column a class, so that a metric can rely on it."""
    X, y = problem()
    signs = np.where(y[:, None] == np.arange(3), 1, -1)
    targets = {"two labels": y % 2, "three labels": y, "one column": signs[:, :1], "two columns": signs[:, :2]}
    model = LinearSVM().fit(X, targets[target])
    decision = model.decision_function(X)
    assert decision.shape == shape
    np.testing.assert_allclose(decision.reshape(60, -1), X @ model.coef_.T, atol=1e-12)
    assert model.predict(X).shape == (shape if "column" in target else (60,))


def test_two_fits_give_the_same_bytes() -> None:
    """Nothing in the solver is left to chance."""
    X, y = problem()
    first, again = LinearSVM().fit(X, y), LinearSVM().fit(X, y)
    assert first.coef_.tobytes() == again.coef_.tobytes()


def wide_problem() -> tuple[np.ndarray, np.ndarray]:
    """More features than rows: the solver works with the Gram matrix."""
    X, y = problem(d=150)
    return X / np.linalg.norm(X, axis=1, keepdims=True), y


@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("C", [0.01, 1.0, 1e4])
def test_more_features_than_rows_are_the_same_problem(C: float, fit_intercept: bool) -> None:
    """Features rotated into as many dimensions as there are rows have the same objective and the same scores."""
    X, y = wide_problem()
    rotation = np.linalg.qr(X.T)[0]
    wide = LinearSVM(C, fit_intercept=fit_intercept, tol=1e-13).fit(X, y)
    narrow = LinearSVM(C, fit_intercept=fit_intercept, tol=1e-13).fit(X @ rotation, y)
    np.testing.assert_allclose(wide.objective_, narrow.objective_, rtol=1e-9)
    np.testing.assert_allclose(wide.decision_function(X), narrow.decision_function(X @ rotation), atol=1e-6)


@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize(("C", "scale"), [(1e-3, 1.0), (1.0, 1.0), (1e5, 1.0), (1.0, 1e-7), (1.0, 1e4)])
def test_inner_products_are_enough(C: float, scale: float, fit_intercept: bool) -> None:
    """The same scores and objectives from the Gram matrix as from the features, without a feature being seen."""
    X, y = wide_problem()
    X, test = scale * X[:40], scale * X[40:]
    features = LinearSVM(C, fit_intercept=fit_intercept, tol=1e-13).fit(X, y[:40])
    products = LinearSVM(C, fit_intercept=fit_intercept, tol=1e-13, precomputed=True).fit(X @ X.T, y[:40])
    np.testing.assert_allclose(products.objective_, features.objective_, rtol=1e-8)
    assert (products.objective_gap_ <= 1e-13).all()
    scores = features.decision_function(test)
    np.testing.assert_allclose(products.decision_function(test @ X.T), scores, atol=1e-6 * np.abs(scores).max())
    with pytest.raises(ValueError, match="square"):
        LinearSVM(precomputed=True).fit(X, y[:40])


@pytest.mark.parametrize("scale", [2.0**-511, 1e-20, 1e-3, 1.0, 1e3])
@pytest.mark.parametrize("C", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("kind", ["overlapping", "wide", "twice", "zeros"])
def test_no_scale_and_no_cost_breaks_it(kind: str, C: float, scale: float) -> None:
    """The gap is reached, the weights are not all 0 and the predictions are LIBLINEAR's in float64, dual as it must be."""
    X, y = wide_problem() if kind == "wide" else problem()
    if kind == "twice":
        X, y = np.repeat(X, 2, axis=0), np.repeat(y, 2)
    if kind == "zeros":
        X[:, 3], X[:, 5] = 0, 0.5
        X[::4] = 0
    X = X * scale
    with warnings.catch_warnings():
        warnings.simplefilter("error" if scale * scale * C <= 1e6 else "ignore")
        ours = LinearSVM(C).fit(X, y)
    assert ours.coef_.any(axis=1).all()
    if scale * scale * C <= 1e6:
        assert (ours.objective_gap_ <= 1e-4).all()
    if scale * scale * C <= 1:
        theirs = LinearSVC(C=C, dual=True, fit_intercept=False, tol=1e-9, max_iter=100_000, random_state=0).fit(X, y)
        assert (ours.predict(X) == theirs.predict(X)).mean() >= 0.98
        np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=0.02 * np.abs(theirs.coef_).max())


def test_what_cannot_be_solved_is_said() -> None:
    """Features of 1e20 ask for more digits than there are: a warning with the gap, and what it could do."""
    X, y = problem()
    with pytest.warns(ConvergenceWarning, match=r"gap of class \d stays at .*smaller C"):
        model = LinearSVM().fit(1e20 * X, y)
    assert np.isfinite(model.coef_).all() and (model.predict(1e20 * X) == y).mean() > 0.5


def test_features_beyond_all_measure_are_refused() -> None:
    """Their squares are not finites."""
    X, y = problem()
    with pytest.raises(ValueError, match="divide them"):
        LinearSVM().fit(1e200 * X, y)


@pytest.mark.parametrize("kind", ["weights", "multipliers", "products"])
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_a_start_decides_how_long_it_takes_and_not_where_it_ends(
    kind: str, fit_intercept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the solution a step or a few; from a wrong start as many as it takes, to the same objective."""
    X, y = problem(200, 60 if kind == "weights" else 300)
    X = X / np.linalg.norm(X, axis=1, keepdims=True)
    model = LinearSVM(100.0, fit_intercept=fit_intercept, precomputed=kind == "products", tol=1e-4)
    rows = X @ X.T if kind == "products" else X
    cold = clone(model).fit(rows, y)
    steps: list[int] = []
    search = conjugate_gradients.line_search
    monkeypatch.setattr(conjugate_gradients, "line_search", lambda *inputs: steps.append(1) or search(*inputs))
    counts = []
    for coef, intercept in (
        (None, None),
        (cold.coef_, cold.intercept_),
        (-5 * cold.coef_, cold.intercept_),
        (0 * cold.coef_, None),
    ):
        steps.clear()
        fitted = clone(model).fit(rows, y, coef_init=coef, intercept_init=intercept)
        counts.append(len(steps))
        np.testing.assert_allclose(fitted.objective_, cold.objective_, rtol=2e-4)
        assert (fitted.objective_gap_ <= 1e-4).all()
    assert counts[1] < counts[0]


def test_a_start_of_another_form_is_refused() -> None:
    X, y = problem()
    for start in (np.zeros((3, 11)), np.zeros((2, 12)), np.full((3, 12), np.nan)):
        with pytest.raises(ValueError, match=r"coef_init is a finite matrix like coef_, \(3, 12\)"):
            LinearSVM().fit(X, y, coef_init=start)


def test_weights_of_rows_are_repetitions() -> None:
    """A row of weight 2 stands for two, one of weight 0 for none."""
    X, y = problem()
    weight = np.arange(60) % 4
    weighted = LinearSVM(tol=1e-13).fit(X, y, sample_weight=weight)
    repeated = LinearSVM(tol=1e-13).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, atol=1e-6)
    np.testing.assert_allclose(weighted.objective_, repeated.objective_, rtol=1e-9)


def test_a_class_whose_rows_weigh_nothing_is_refused() -> None:
    """As one that has no rows is."""
    X, y = problem()
    with pytest.raises(ValueError, match=r"class 1 .*no positive .*weight"):
        LinearSVM().fit(X, y, sample_weight=(y != 1).astype(float))


def test_positives_may_weigh_more() -> None:
    """Twice as much for a class's positives is twice the weight for the rows of that class, in its own problem."""
    X, y = problem()
    model = LinearSVM(positive_weight=2, tol=1e-13).fit(X, y)
    for number in range(3):
        alone = LinearSVM(tol=1e-13).fit(X, y == number, sample_weight=1 + (y == number))
        np.testing.assert_allclose(model.coef_[number], alone.coef_[0], atol=1e-7)


def test_each_class_may_have_its_own_cost() -> None:
    """The problems of an array of costs are those of each cost alone."""
    X, y = problem()
    several = LinearSVM([0.01, 1.0, 100.0], tol=1e-13).fit(X, y)
    for number, C in enumerate((0.01, 1.0, 100.0)):
        np.testing.assert_allclose(several.coef_[number], LinearSVM(C, tol=1e-13).fit(X, y).coef_[number], atol=1e-6)
    with pytest.raises(ValueError, match="one for each of 3"):
        LinearSVM([1.0, 2.0]).fit(X, y)


def test_real_features_are_solved_as_liblinear_solves_them() -> None:
    """At the default tolerance at most 0.25 points and 0.1% of the objective off LIBLINEAR's, at 1e-6 at most two images."""
    features = load_features("scenes15", "efficientnet-lite0")
    train, test = features.X[features.train][:, ::4], features.X[features.test][:, ::4]
    y, truth = features.y[features.train], features.y[features.test]
    theirs = LinearSVC(dual=False, fit_intercept=False, tol=1e-6).fit(train.astype(np.float64), y)
    images = np.sum(theirs.predict(test) == truth)
    signs = np.where(y[:, None] == theirs.classes_, 1, -1)
    slack = np.maximum(0, 1 - signs * (train @ theirs.coef_.T))
    objective = (theirs.coef_**2).sum(axis=1) / 2 + (slack**2).sum(axis=0)
    for tol, most, share in ((1e-4, 0.0025 * len(truth), 1e-3), (1e-6, 2, 2e-6)):
        ours = LinearSVM(tol=tol).fit(train, y)
        assert abs(np.sum(ours.predict(test) == truth) - images) <= most
        np.testing.assert_allclose(ours.objective_, objective, rtol=share)
        assert (ours.objective_gap_ <= tol).all()


@pytest.mark.parametrize("C", [0, -1.0, "1", np.inf])
def test_the_weight_of_the_losses_is_positive(C: Any) -> None:
    """Refused by name."""
    with pytest.raises(ValueError, match="C"):
        LinearSVM(C).fit(*problem())


# --- what is not finite ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["squared_hinge", "hinge"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_number_that_is_not_finite_is_named_where_scikit_learn_does_not_look(loss: str, value: float) -> None:
    """In training and in test rows; it once kept the solver busy for ever."""
    X, y = problem()
    bad = X.copy()
    bad[3, 2] = value
    with config_context(assume_finite=True):
        model = LinearSVM(loss=loss).fit(X, y)
        for call in (lambda: LinearSVM(loss=loss).fit(bad, y), lambda: model.decision_function(bad)):
            with pytest.raises(ValueError, match=f"X holds {value} in row 3, column 2"):
                call()


def test_features_whose_projection_overflows_are_named() -> None:
    """Finite features, and a stress that leaves the range of float32: in a single evaluation and in a sweep."""
    generator, y = np.random.default_rng(0), np.arange(60) % 3
    X = (generator.normal(size=(3, 8))[y] + generator.normal(size=(60, 8))).astype(np.float32)
    big = FeatureSet(X / np.abs(X).max() * 3.3e38, y, np.arange(60) < 36)
    with pytest.raises(ValueError, match=r"X holds -?inf in row"):
        evaluate(big, "DR2:4")
    wide = FeatureSet(np.random.default_rng(0).normal(size=(40, 90)) * 1e20, np.arange(40) % 2, np.arange(40) < 30)
    with pytest.warns(ConvergenceWarning, match="features on a smaller scale, are easier"):  # it ends, and says so
        sweep(wide, ["DR1:40", "DR1:80"], n_jobs=1, progress=False)


@pytest.mark.parametrize("value", [torch.nan, torch.inf, 1e300])
def test_a_system_without_a_cholesky_factor_ends(value: float) -> None:
    """Raising the diagonal of an indefinite system helps; of one that is not finite it does not, and the loop ends."""
    system = torch.eye(4, dtype=torch.float64)
    system[0, 1] = system[1, 0] = value
    if value == 1e300:
        assert torch.isfinite(cholesky_factor(torch.tensor([[1.0, 2.0], [2.0, 1.0]]))).all()
    with pytest.raises(ValueError, match="no Cholesky factor"):
        cholesky_factor(system)
