"""The classifier: one linear support vector machine per class, with the gap that says how well it was solved.

Between quantization and the metrics. The sums are LIBLINEAR's, through scikit-learn.
"""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import lsq_linear
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.svm import LinearSVC
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

Array = NDArray[Any]


class LinearSVM(ClassifierMixin, BaseEstimator):
    """Linear support vector machine, one class against the rest, without a bias unless asked for.

    Parameters
    ----------
    C : float, default=1.0
        Weight of the losses against the norm of the weights.
    loss : {"squared_hinge", "hinge"}, default="squared_hinge"
    fit_intercept : bool, default=False
        True adds a constant feature of 1, whose weight is regularised as the others are (LIBLINEAR's bias).
    tol : float, default=1e-4
        LIBLINEAR's tolerance for stopping.

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
        ``(primal - dual) / primal``: at most this share of the objective could still be gained. 0 is solved.
    n_features_in_ : int
        Number of features seen in `fit`.

    See Also
    --------
    sklearn.svm.LinearSVC : The solver underneath.

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
        "C": [Interval(Real, 0, None, closed="neither")],
        "loss": [StrOptions({"squared_hinge", "hinge"})],
        "fit_intercept": ["boolean"],
        "tol": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self, C: float = 1.0, *, loss: str = "squared_hinge", fit_intercept: bool = False, tol: float = 1e-4
    ) -> None:
        self.C = C
        self.loss = loss
        self.fit_intercept = fit_intercept
        self.tol = tol

    def fit(self, X: ArrayLike, y: ArrayLike) -> LinearSVM:
        """Solve one problem per class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Class labels; or a matrix of 1 (positive) and 0 (negative); or, where it holds a -1, of 1 (positive),
            -1 (negative) and 0 (ignored).

        Returns
        -------
        self : LinearSVM

        Raises
        ------
        ValueError
            When there is only one class, or a column has no positive or no negative.
        """
        self._validate_params()
        rows, targets = validate_data(self, X, y, multi_output=True, dtype=np.float64, order="C")
        signs = self._signs(targets)
        weights = self._weights(rows, np.ravel(targets)) if self._labels else self._solve_columns(rows, signs)
        width = rows.shape[1]
        self.coef_ = weights[:, :width]
        self.intercept_ = weights[:, width] if self.fit_intercept else np.zeros(len(weights))
        self.objective_, self.objective_gap_ = self._objective(rows, signs)
        return self

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
            return np.where(y[:, None] == positive, 1, -1)
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
        return y

    def _liblinear(self) -> LinearSVC:
        return LinearSVC(
            C=self.C,
            loss=self.loss,
            fit_intercept=self.fit_intercept,
            tol=self.tol,
            dual=self.loss == "hinge",
            random_state=0,
            max_iter=10_000,
        )

    def _weights(self, X: Array, y: Array) -> Array:
        solver = self._liblinear().fit(X, y)
        return np.column_stack([solver.coef_, solver.intercept_]) if self.fit_intercept else solver.coef_

    def _solve_columns(self, X: Array, signs: Array) -> Array:
        return np.vstack([self._weights(X[column != 0], column[column != 0]) for column in signs.T])

    def _objective(self, X: Array, signs: Array) -> tuple[Array, Array]:
        norms = (self.coef_**2).sum(axis=1) + self.intercept_**2
        slack = np.maximum(0, 1 - signs * (X @ self.coef_.T + self.intercept_)) * (signs != 0)
        # A feasible point of the dual: the multipliers that the slacks imply, on the best scale along their ray.
        if self.loss == "squared_hinge":
            losses, multipliers = (slack**2).sum(axis=0), 2 * self.C * slack
            curvature = (multipliers**2).sum(axis=0) / (2 * self.C)
        else:
            losses, multipliers = slack.sum(axis=0), self._hinge_multipliers(X, signs)
            curvature = np.zeros(len(norms))
        primal = norms / 2 + self.C * losses
        combined = (multipliers * signs).T @ X
        curvature = curvature + (combined**2).sum(axis=1)
        if self.fit_intercept:
            curvature = curvature + (multipliers * signs).sum(axis=0) ** 2
        total = multipliers.sum(axis=0)
        scale = np.divide(total, curvature, out=np.ones_like(total), where=curvature > 0)
        if self.loss == "hinge":
            scale = np.minimum(scale, 1)
        dual = scale * total - scale**2 * curvature / 2
        return primal, np.clip(np.divide(primal - dual, primal, out=np.zeros_like(primal), where=primal > 0), 0, 1)

    def _hinge_multipliers(self, X: Array, signs: Array) -> Array:
        # C beyond the margin, 0 before it; on the margin, what is missing to make up the weights.
        if self.fit_intercept:
            X = np.column_stack([X, np.ones(len(X))])
        weights = np.column_stack([self.coef_, self.intercept_]) if self.fit_intercept else self.coef_
        margins = signs * (X @ weights.T)
        multipliers = self.C * ((margins < 1 - 1e-3) & (signs != 0))
        for column in range(signs.shape[1]):
            on = (np.abs(margins[:, column] - 1) <= 1e-3) & (signs[:, column] != 0)
            if on.any():
                left = weights[column] - (multipliers[:, column] * signs[:, column]) @ X
                support = (signs[on, column, None] * X[on]).T
                multipliers[on, column] = lsq_linear(support, left, bounds=(0, self.C)).x
        return multipliers

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
        rows: NDArray[Any] = validate_data(self, X, reset=False, dtype=np.float64)
        scores = rows @ self.coef_.T + self.intercept_
        return scores[:, 0] if self._labels and scores.shape[1] == 1 else scores

    def predict(self, X: ArrayLike) -> Array:
        """Return the class with the largest decision value; for a matrix y, 1 where it is above 0.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            Negatives of a matrix are written as `fit` had them, 0 or -1.
        """
        scores = self.decision_function(X)
        if not self._labels:
            return np.where(scores > 0, 1, self._negative)
        return self.classes_[(scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        tags.target_tags.multi_output = True
        return tags
