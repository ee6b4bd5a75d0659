"""The classifier: one linear support vector machine per class, with the gap that says how well it was solved.

Between the stress and the metrics. `squared_hinge` solves, in torch; `hinge` solves the plain hinge loss, by LIBLINEAR.
"""

from __future__ import annotations

import warnings
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import column_or_1d, gen_batches
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from stresslib.arrays import plain_labels, unwrapped
from stresslib.evaluation import hinge
from stresslib.evaluation.metrics import predicted_classes
from stresslib.evaluation.threads import import_torch

Array = NDArray[Any]


class LinearSVM(ClassifierMixin, BaseEstimator):
    """Linear support vector machine, one class against the rest, without a bias unless asked for.

    Parameters
    ----------
    C : float or array-like of shape (n_classes,), default=1.0
        Weight of the losses against the norm of the weights: one value for all classes, or one for each.
    loss : {"squared_hinge", "hinge"}, default="squared_hinge"
        The plain hinge is solved by LIBLINEAR, to its own tolerance `tol`.
    fit_intercept : bool, default=False
        True adds a constant feature of 1, whose weight is regularised as the others are (LIBLINEAR's bias).
    positive_weight : float, default=1.0
        Weight of the losses of each class's positive rows; that of its negative rows is 1.
    tol : float, default=1e-5
        Largest relative duality gap of a problem that counts as solved. Where it is 1e-5 or more, float32 is used as far
        as the problem allows.
    precomputed : bool, default=False
        True: `X` holds inner products with the training rows, a square matrix in `fit`, as in
        ``sklearn.svm.SVC(kernel="precomputed")``. `coef_` then has a multiplier for each training row.
    device : str, default="cpu"
        Where torch computes: ``"cpu"``, ``"cuda"``, ``"cuda:1"``...

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, or column numbers where `y` was a matrix.
    coef_ : ndarray of shape (n_classes, n_features), or (1, n_features) for two labels
    intercept_ : ndarray of shape (n_classes,) or (1,)
        Zeros without a bias.
    objective_ : ndarray of shape (n_classes,) or (1,)
        ``|w|^2 / 2 + C sum(loss)`` of each class, the bias counted in ``w``; the loss is ``max(0, 1 - y w.x)``, squared
        for ``"squared_hinge"``.
    objective_gap_ : ndarray of shape (n_classes,) or (1,)
        ``(primal - dual) / primal``: at most this share of the objective could still be gained. 0 means solved exactly.
    n_features_in_ : int
        Number of features seen in `fit`.

    See Also
    --------
    sklearn.svm.LinearSVC : The same problem, class by class.

    Notes
    -----
    The paper's protocol says linear SVM; that it has no bias and C near 1 is inferred from its published numbers
    (protocol 1.4).

    Examples
    --------
    >>> import numpy as np
    >>> from stresslib import LinearSVM
    >>> X = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9]])
    >>> LinearSVM().fit(X, ["cat", "cat", "dog", "dog"]).predict([[1.0, 0.2]])
    array(['cat'], dtype='<U3')
    """

    _parameter_constraints: dict[str, list[Any]] = {
        "C": [Interval(Real, 0, None, closed="neither"), "array-like"],
        "loss": [StrOptions({"squared_hinge", "hinge"})],
        "fit_intercept": ["boolean"],
        "positive_weight": [Interval(Real, 0, None, closed="neither")],
        "tol": [Interval(Real, 0, None, closed="neither")],
        "precomputed": ["boolean"],
        "device": [str],
    }

    def __init__(
        self,
        C: float | ArrayLike = 1.0,
        *,
        loss: str = "squared_hinge",
        fit_intercept: bool = False,
        positive_weight: float = 1.0,
        tol: float = 1e-5,
        precomputed: bool = False,
        device: str = "cpu",
    ) -> None:
        self.C = C
        self.loss = loss
        self.fit_intercept = fit_intercept
        self.positive_weight = positive_weight
        self.tol = tol
        self.precomputed = precomputed
        self.device = device

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        coef_init: ArrayLike | None = None,
        intercept_init: ArrayLike | None = None,
    ) -> LinearSVM:
        """Solve one problem per class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Class labels; or a matrix of 1 (positive) and 0 (negative); or, where it holds a -1, of 1 (positive),
            -1 (negative) and 0 (ignored).
        sample_weight : array-like of shape (n_samples,), optional
            Weight of each row's losses, not negative; default 1.
        coef_init : array-like of the shape of `coef_`, optional
            Warm start, such as the solution of a similar problem: fewer steps lead to the same solution, up to `tol`.
        intercept_init : array-like of the shape of `intercept_`, optional
            Warm start of the bias. Default 0.

        Returns
        -------
        self : LinearSVM

        Raises
        ------
        ValueError
            When there is only one class, a column has no positive or no negative row, `C` does not have one value for each
            class, or torch is not installed.

        Warns
        -----
        sklearn.exceptions.ConvergenceWarning
            When a gap stays above `tol`.
        """
        self._validate_params()
        labels = None if y is None else plain_labels(y, "y", column_is_labels=False)
        rows, targets = validate_data(
            self, unwrapped(X, "X"), labels, multi_output=True, dtype=[np.float32, np.float64], order="C"
        )
        _check_finite(rows, "X")
        signs = self._signs(targets)
        weight = _check_sample_weight(sample_weight, rows, dtype=np.float64, ensure_non_negative=True)
        cost = self._costs(signs, weight)
        if self.precomputed and (rows.shape[0] != rows.shape[1] or self.loss != "squared_hinge"):
            raise ValueError(f"precomputed inner products are a square matrix, for the squared hinge; got {rows.shape}")
        if self.fit_intercept:
            # A constant feature of 1 adds 1 to each inner product.
            rows = rows + 1 if self.precomputed else np.column_stack([rows, np.ones(len(rows), dtype=rows.dtype)])
        if self.loss == "squared_hinge":
            start = self._start(coef_init, intercept_init, (signs.shape[1], rows.shape[1]))
            weights, self.objective_, self.objective_gap_ = self._solve_squared_hinge(rows, signs, cost, start)
        else:
            weights, self.objective_, self.objective_gap_ = hinge.solve(rows, signs, cost, self.tol)
        width = self.n_features_in_
        self.coef_ = weights[:, :width]
        self.intercept_ = np.zeros(len(weights))
        if self.fit_intercept:
            self.intercept_ = weights.sum(axis=1) if self.precomputed else weights[:, width]
        worst = int(self.objective_gap_.argmax())
        if self.objective_gap_[worst] > self.tol and self.loss == "squared_hinge":
            warnings.warn(
                f"the gap of class {self.classes_[-len(weights) :][worst]} stays at {self.objective_gap_[worst]:.1e}, above "
                f"tol={self.tol:.1e}; a smaller C, or features on a smaller scale, are easier",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def _start(
        self, coef_init: ArrayLike | None, intercept_init: ArrayLike | None, shape: tuple[int, int]
    ) -> NDArray[np.float64] | None:
        if coef_init is None:
            return None
        start = np.asarray(coef_init, dtype=np.float64)
        if self.fit_intercept and not self.precomputed:
            bias = np.zeros(len(start)) if intercept_init is None else np.asarray(intercept_init, dtype=np.float64)
            start = np.column_stack([start, bias])
        if start.shape != shape or not np.isfinite(start).all():
            raise ValueError(
                f"coef_init is a finite matrix like coef_, {shape} with the bias; got one of shape {start.shape}"
            )
        return start

    def _signs(self, y: Array) -> Array:
        """Return the targets as a matrix of 1, -1 and 0, one column for each problem."""
        self._labels = y.ndim == 1 or (y.shape[1] == 1 and -1 not in y)
        self._negative = -1
        if self._labels:
            y = column_or_1d(y, warn=True)
            check_classification_targets(y)
            self.classes_ = np.unique(y)
            if len(self.classes_) < 2:
                raise ValueError(f"y has only one class, {self.classes_[0]!r}; a classifier needs at least two")
            positive = self.classes_[1:] if len(self.classes_) == 2 else self.classes_
            return np.where(y[:, None] == positive, 1.0, -1.0)
        self.classes_ = np.arange(y.shape[1])
        if not np.isin(y, (1, -1, 0)).all():
            raise ValueError("a matrix y holds 1 and 0, or 1, -1 and 0 (ignored); it has other values")
        if -1 not in y:
            self._negative = 0
            y = np.where(y == 1, 1, -1)
        for value, kind in ((1, "positive"), (-1, "negative")):
            missing = np.flatnonzero(~(y == value).any(axis=0))
            if len(missing):
                raise ValueError(f"class {missing[0]} (column of y) has no {kind} row; each class needs both kinds")
        return y.astype(np.float64)

    def _costs(self, signs: Array, weight: Array) -> Array:
        """Return the weight of each loss, in one column if it is the same for all problems."""
        C = np.asarray(self.C, dtype=np.float64)
        if C.ndim > 1 or (C.ndim == 1 and len(C) != signs.shape[1]) or not (np.isfinite(C) & (C > 0)).all():
            raise ValueError(f"C={self.C!r}; it is a positive number, or one for each of {signs.shape[1]} problems")
        cost = weight[:, None] * C
        if self.positive_weight != 1:
            cost = cost * np.where(signs > 0, self.positive_weight, 1)
        for value, kind in ((1, "positive"), (-1, "negative")):
            missing = np.flatnonzero(~((signs == value) & (weight[:, None] > 0)).any(axis=0))
            if len(missing):
                name = self.classes_[-signs.shape[1] :][missing[0]]
                raise ValueError(f"class {name} has no {kind} row of a weight above 0; each class needs both kinds")
        return cost * (signs != 0) if (signs == 0).any() else cost

    def _solve_squared_hinge(self, X: Array, signs: Array, cost: Array, start: Array | None) -> tuple[Array, Array, Array]:
        # Imported only now: torch takes seconds to import, and results can be looked at without it.
        torch = import_torch()
        from stresslib.evaluation.squared_hinge import solve

        place = torch.device(self.device)
        # The solver takes one row for each problem.
        targets, costs = (torch.from_numpy(np.ascontiguousarray(one.T)).to(place) for one in (signs, cost))
        # torch warns about read-only memory, though nothing is written to it.
        rows = torch.from_numpy(np.require(X, requirements="W")).to(place)
        first = None if start is None else torch.from_numpy(np.require(start, requirements="W")).to(place)
        solved = solve(rows, targets, costs, self.tol, precomputed=self.precomputed, start=first)
        weights, objective, gap = (one.cpu().numpy() for one in solved)
        return weights, objective, gap

    def decision_function(self, X: ArrayLike) -> Array:
        """Return the decision values, ``X @ coef_.T + intercept_``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes), or (n_samples,) for two labels
        """
        check_is_fitted(self)
        rows: NDArray[Any] = validate_data(self, unwrapped(X, "X"), reset=False, dtype=[np.float32, np.float64])
        _check_finite(rows, "X")
        batches = gen_batches(len(rows), 1024)  # in float64, without a float64 copy of all rows
        scores = np.vstack([rows[batch].astype(np.float64) @ self.coef_.T for batch in batches]) + self.intercept_
        return scores[:, 0] if self._labels and scores.shape[1] == 1 else scores

    def predict(self, X: ArrayLike) -> Array:
        """Return the class with the largest decision value; for a matrix y, 1 where it is above 0.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            Negatives of a matrix are written as they were in `fit`, 0 or -1.
        """
        scores = self.decision_function(X)
        if not self._labels:
            return np.where(scores > 0, 1, self._negative)
        return self.classes_[predicted_classes(scores)]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = self.precomputed
        tags.classifier_tags.multi_label = True
        tags.target_tags.multi_output = True
        return tags


def _check_finite(rows: Array, name: str) -> None:
    """Refuse numbers that are not finite, also where scikit-learn is told not to look: a stress may have made them."""
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(rows.sum(dtype=np.float64)):  # one number to look at, where all is well
            return
    bad = np.argwhere(~np.isfinite(rows))
    if len(bad):
        row, column = bad[0]
        raise ValueError(
            f"{name} holds {rows[row, column]} in row {row}, column {column} where the classifier reads it; values are "
            f"finite: divide features that reach the limits of {rows.dtype} before the stress"
        )
