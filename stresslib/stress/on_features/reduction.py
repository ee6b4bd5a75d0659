"""Dimensionality reduction: fewer numbers per vector. DR-1 keeps some dimensions at random, DR-2 the leading principal ones.

Second stop of the chain: FeatureSet -> reduction -> quantization -> evaluation. Each stress is fitted on training rows.
"""

from __future__ import annotations

from copy import copy
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import qr, svd
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectorMixin
from sklearn.utils import check_random_state, gen_batches
from sklearn.utils._param_validation import Interval
from sklearn.utils.extmath import svd_flip
from sklearn.utils.validation import check_is_fitted, validate_data

from stresslib.arrays import unwrapped

_BLOCK = 128
"""Rows and components of one product of :func:`project`."""


def project(rows: NDArray[Any], components: NDArray[Any]) -> NDArray[Any]:
    """Return ``rows @ components.T``, each number of which has the same digits whatever rows and components stand beside it.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
    components : ndarray of shape (n_components, n_features)

    Returns
    -------
    ndarray of shape (n_samples, n_components)
        Of the type of the rows.

    Examples
    --------
    >>> import numpy as np
    >>> from stresslib.stress.on_features.reduction import project
    >>> project(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[0.0, 1.0]]))
    array([[2.],
           [4.]])
    """
    # In what order a library adds up depends on the shape of the product, and in float32 on the place in it: all products
    # have one shape, and sums are rounded to float32 only at the end.
    projected = np.empty((len(rows), len(components)), dtype=rows.dtype)
    factors = [(few, _padded(components[few]).T) for few in gen_batches(len(components), _BLOCK)]
    for batch in gen_batches(len(rows), _BLOCK):
        block = _padded(rows[batch])
        for few, factor in factors:
            with np.errstate(over="ignore"):  # infinity says it, and the classifier names the row
                projected[batch, few] = (block @ factor)[: len(rows[batch]), : len(components[few])]
    return projected


def _padded(rows: NDArray[Any]) -> NDArray[np.float64]:
    padded = np.zeros((_BLOCK, rows.shape[1]))
    padded[: len(rows)] = rows
    return padded


def _right_singular_vectors(rows: NDArray[np.float64], n_vectors: int) -> NDArray[np.float64]:
    """Return the leading right singular vectors of a wide matrix, which is overwritten, with scikit-learn's signs.

    Those of its full solver but for the last digits, with a third of its memory: the matrix becomes its own orthonormal
    basis, and only a square one is decomposed.
    """
    basis, square = qr(rows.T, overwrite_a=True, mode="economic", check_finite=False)
    left = svd(square, overwrite_a=True, check_finite=False)[0]
    vectors = project(basis, left.T[:n_vectors]).T
    return np.asarray(svd_flip(None, vectors, u_based_decision=False)[1])


class RandomSelection(SelectorMixin, BaseEstimator):
    """Keep `n_components` dimensions chosen at random, the same for every row (DR-1).

    The dimensions are the first `n_components` of one random permutation, so the subsets of one seed are nested: the
    dimensions kept at 5 % are among those kept at 10 %. Kept dimensions stay in their original order.

    Parameters
    ----------
    n_components : int or None, default=None
        Number of dimensions to keep, from 1 to the number of features. None keeps all.
    random_state : int, RandomState instance or None, default=0
        Seed of the permutation.

    Attributes
    ----------
    support_ : ndarray of shape (n_features,), bool
        Which dimensions are kept.
    n_features_in_ : int
        Number of features seen in `fit`.

    See Also
    --------
    PrincipalComponents : Reduction that looks at the data.

    Notes
    -----
    Carvalho et al. (2016), DR-1. Nesting follows the advice in the authors' published code.

    Examples
    --------
    >>> import numpy as np
    >>> from stresslib import RandomSelection
    >>> X = np.arange(12.0).reshape(2, 6)
    >>> RandomSelection(n_components=2, random_state=0).fit_transform(X)
    array([[ 2.,  5.],
           [ 8., 11.]])
    >>> RandomSelection(n_components=3, random_state=0).fit_transform(X)
    array([[ 1.,  2.,  5.],
           [ 7.,  8., 11.]])
    """

    _parameter_constraints: dict[str, list[Any]] = {
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "random_state": ["random_state"],
    }

    def __init__(self, n_components: int | None = None, *, random_state: Any = 0) -> None:
        self.n_components = n_components
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: Any = None) -> RandomSelection:
        """Draw the dimensions to keep.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows; only their width matters.
        y : None
            Ignored.

        Returns
        -------
        self : RandomSelection

        Raises
        ------
        ValueError
            When `n_components` exceeds the number of features.
        """
        self._validate_params()
        rows: NDArray[Any] = validate_data(self, unwrapped(X, "X"), dtype=[np.float64, np.float32])
        width = rows.shape[1]
        kept = width if self.n_components is None else self.n_components
        if kept > width:
            raise ValueError(f"n_components={kept} is more than the {width} feature(s) there are")
        self.support_ = np.zeros(width, dtype=bool)
        self.support_[check_random_state(self.random_state).permutation(width)[:kept]] = True
        return self

    def transform(self, X: ArrayLike) -> Any:
        """Return the dimensions that are kept.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_components)
        """
        return super().transform(unwrapped(X, "X"))

    def _get_support_mask(self) -> NDArray[np.bool_]:
        check_is_fitted(self)
        return self.support_


class PrincipalComponents(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Project on the leading eigenvectors of the training covariance, without subtracting the mean (DR-2).

    The basis is that of an ordinary, centred principal component analysis; the projection is ``X @ components_.T``.
    Leaving the mean in matters to a classifier without a bias. Components are ordered by variance, so that
    a smaller `n_components` gives the first columns of a larger one.

    Parameters
    ----------
    n_components : int or None, default=None
        Number of components, from 1 to ``min(n_samples, n_features)``. None keeps them all.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        Orthonormal rows, of the training data's floating-point type. Computed in float64.
    n_features_in_ : int
        Number of features seen in `fit`.

    See Also
    --------
    RandomSelection : Reduction that does not look at the data.

    Notes
    -----
    With fewer rows than features, the last of as many components as rows lies where the training data has no variance: it
    is arbitrary and may differ between machines.

    Carvalho et al. (2016), DR-2; that the mean stays in follows the authors' published code.

    Examples
    --------
    >>> import numpy as np
    >>> from stresslib import PrincipalComponents
    >>> X = np.array([[0.0, 1.0], [2.0, 1.0], [4.0, 1.0]])
    >>> PrincipalComponents(n_components=1).fit_transform(X)
    array([[0.],
           [2.],
           [4.]])
    """

    _parameter_constraints: dict[str, list[Any]] = {
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(self, n_components: int | None = None) -> None:
        self.n_components = n_components

    def fit(self, X: ArrayLike, y: Any = None) -> PrincipalComponents:
        """Find the principal components.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows, at least two.
        y : None
            Ignored.

        Returns
        -------
        self : PrincipalComponents

        Raises
        ------
        ValueError
            When `n_components` exceeds ``min(n_samples, n_features)``.
        """
        self._validate_params()
        rows: NDArray[Any] = validate_data(self, unwrapped(X, "X"), dtype=[np.float64, np.float32], ensure_min_samples=2)
        n_samples, width = rows.shape
        most = min(n_samples, width)
        kept = most if self.n_components is None else self.n_components
        if kept > most:
            raise ValueError(
                f"n_components={kept} is more than {most}, the smaller of {n_samples} training rows and {width} feature(s)"
            )
        # In float32, or with a large mean, the eigenvectors of small eigenvalues are lost: the covariance is summed in
        # float64 over centred rows. Which way is cheaper depends on the smaller side of the matrix.
        centred = rows.astype(np.float64)
        centred -= centred.mean(axis=0)
        if n_samples >= width:
            components = PCA(kept, svd_solver="covariance_eigh", copy=False).fit(centred).components_
        else:
            components = _right_singular_vectors(centred, kept)
        self.components_ = components.astype(rows.dtype)
        return self

    @property
    def _n_features_out(self) -> int:
        return len(self.components_)

    def truncated(self, n_components: int) -> PrincipalComponents:
        """Return what a fit of fewer components would be, without fitting again.

        Parameters
        ----------
        n_components : int
            Number of components, at most as many as there are.

        Returns
        -------
        PrincipalComponents
            Fitted, with the leading components of this one.
        """
        check_is_fitted(self)
        if not 1 <= n_components <= len(self.components_):
            raise ValueError(f"n_components={n_components} is not from 1 to the {len(self.components_)} that were fitted")
        fewer = copy(self)
        fewer.n_components = n_components
        fewer.components_ = self.components_[:n_components]
        return fewer

    def transform(self, X: ArrayLike) -> NDArray[np.floating[Any]]:
        """Project rows on the components.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_components)
        """
        check_is_fitted(self)
        rows: NDArray[Any] = validate_data(self, unwrapped(X, "X"), reset=False, dtype=[np.float64, np.float32])
        return project(rows, self.components_)
