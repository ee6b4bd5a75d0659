"""Codebook: the codewords to which descriptors are assigned, or a mixture of Gaussians, learnt from training images only.

Between descriptors and coding; kept in the user's cache, so that an extraction that was stopped resumes with the same one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from threadpoolctl import threadpool_limits

from stresslib.files import replacing

if TYPE_CHECKING:  # the functions import it: to list the methods is to take no seconds
    from sklearn.mixture import GaussianMixture

Array = NDArray[Any]


@dataclass(frozen=True)
class _Vocabulary:
    """What a codebook and a mixture share.

    Attributes
    ----------
    components : ndarray of shape (d, 128), float32
        Principal components of the descriptors it was learnt from; the identity if these are not reduced.
    centres : ndarray of shape (m, d), float32
    """

    components: Array
    centres: Array

    def reduce(self, descriptors: Array) -> Array:
        """Project descriptors of shape (n, 128) into the space of the centres, (n, d)."""
        reduced: Array = descriptors @ self.components.T
        return reduced

    def save(self, path: str | os.PathLike[str], provenance: dict[str, Any]) -> Path:
        """Write it as a safetensors file, with its provenance as JSON in the header."""
        tensors = {field.name: np.ascontiguousarray(getattr(self, field.name)) for field in fields(self)}
        with replacing(path) as temporary:
            save_file(tensors, temporary, {"stresslib": json.dumps(provenance, sort_keys=True)})
        return Path(path)


@dataclass(frozen=True)
class Codebook(_Vocabulary):
    """Codewords in the space of reduced descriptors.

    Attributes
    ----------
    components : ndarray of shape (d, 128), float32
        Principal components of the descriptors it was learnt from; the identity if these are not reduced.
    centres : ndarray of shape (m, d), float32
    spread : ndarray of shape (m,), float32
        For each cluster, the root of the mean squared distance of its descriptors to its centre.
    """

    spread: Array

    def squared_distances(self, descriptors: Array) -> Array:
        """Return the squared distance of each descriptor to each codeword, of shape (n, m), float32."""
        reduced = self.reduce(descriptors)
        squares = np.einsum("ij,ij->i", reduced, reduced)[:, None] + np.einsum("ij,ij->i", self.centres, self.centres)
        squares -= 2 * (reduced @ self.centres.T)
        nonnegative: Array = np.maximum(squares, 0, out=squares)
        return nonnegative


@dataclass(frozen=True)
class Mixture(_Vocabulary):
    """A mixture of Gaussians with diagonal covariances, in the space of reduced descriptors.

    Attributes
    ----------
    components : ndarray of shape (d, 128), float32
        Principal components of the descriptors it was learnt from; the identity if these are not reduced.
    centres : ndarray of shape (m, d), float32
        Means.
    variances : ndarray of shape (m, d), float32
    shares : ndarray of shape (m,), float32
        Weights of the Gaussians; they sum to 1.
    """

    variances: Array
    shares: Array

    def gaussians(self) -> GaussianMixture:
        """Return the mixture as a fitted estimator of scikit-learn."""
        from sklearn.mixture import GaussianMixture

        fitted = GaussianMixture(len(self.centres), covariance_type="diag")
        fitted.weights_ = self.shares.astype(np.float64)
        fitted.means_ = self.centres.astype(np.float64)
        fitted.covariances_ = self.variances.astype(np.float64)
        fitted.precisions_cholesky_ = 1 / np.sqrt(fitted.covariances_)
        return fitted


def load_codebook(path: str | os.PathLike[str]) -> tuple[Codebook | Mixture, dict[str, Any]]:
    """Read a codebook, or a mixture, and its provenance.

    Raises
    ------
    ValueError
        When the file is damaged or not a codebook; the message names it.
    """
    try:
        with safe_open(path, "np") as tensors:
            kind = Mixture if "variances" in tensors.keys() else Codebook  # noqa: SIM118 (it is not a mapping)
            book = kind(**{field.name: tensors.get_tensor(field.name) for field in fields(kind)})
            return book, json.loads(tensors.metadata()["stresslib"])
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is damaged or not a codebook: {error}; remove it, and it is learnt anew") from error


def learn_codebook(descriptors: Iterable[Array], codewords: int, components: int = 64, *, seed: int = 0) -> Codebook:
    """Learn a codebook by principal components and k-means, in mini-batches.

    Parameters
    ----------
    descriptors : iterable of ndarray of shape (n_i, 128)
        Descriptors of the training images.
    codewords : int
    components : int, default=64
        Principal components to which descriptors are reduced; 0 leaves them as they are.
    seed : int, default=0

    Returns
    -------
    Codebook

    Raises
    ------
    ValueError
        When there are fewer descriptors than codewords or components.

    Notes
    -----
    A cluster that is empty, or whose descriptors are all equal, has no spread of its own; it gets the spread of all
    descriptors about their nearest codewords.
    """
    # One thread, because the last digits depend on how many threads share a sum, and the codebook must always be the same.
    with threadpool_limits(1):
        axes, reduced = _reduced(descriptors, codewords, components)
        from sklearn.cluster import MiniBatchKMeans

        model = MiniBatchKMeans(codewords, batch_size=4096, n_init=1, random_state=seed).fit(reduced)
        centres = model.cluster_centers_.astype(np.float32)
        labels = model.predict(reduced)
    squares = ((reduced - centres[labels]) ** 2).sum(axis=1, dtype=np.float64)
    members = np.maximum(np.bincount(labels, minlength=codewords), 1)
    spread = np.sqrt(np.bincount(labels, squares, minlength=codewords) / members)
    spread[spread == 0] = np.sqrt(squares.mean()) or 1
    return Codebook(axes, centres, spread.astype(np.float32))


def learn_mixture(descriptors: Iterable[Array], codewords: int, components: int = 64, *, seed: int = 0) -> Mixture:
    """Learn a mixture of Gaussians, by principal components and expectation maximisation.

    Parameters
    ----------
    descriptors, codewords, components, seed
        As for :func:`learn_codebook`; each codeword is a Gaussian.

    Returns
    -------
    Mixture

    Raises
    ------
    ValueError
        When there are fewer descriptors than Gaussians or components, or nearly all of them are equal.
    """
    with threadpool_limits(1):
        axes, reduced = _reduced(descriptors, codewords, components)
        try:
            from sklearn.mixture import GaussianMixture

            model = GaussianMixture(codewords, covariance_type="diag", random_state=seed).fit(reduced)
        except ValueError as error:
            raise ValueError(
                f"the {len(reduced)} descriptors of the training images are too similar for {codewords} Gaussians; take "
                "more images, or fewer of these (as in +codewords=8)"
            ) from error
    return Mixture(
        axes, model.means_.astype(np.float32), model.covariances_.astype(np.float32), model.weights_.astype(np.float32)
    )


def _reduced(descriptors: Iterable[Array], codewords: int, components: int) -> tuple[Array, Array]:
    """Return the principal components of descriptors, and the descriptors in their space, float32."""
    sample = np.concatenate(list(descriptors)).astype(np.float32)
    if len(sample) < max(codewords, components, 2):
        raise ValueError(
            f"the training images have {len(sample)} descriptors, for {codewords} codewords and {components} principal "
            "components; take more images, or fewer of these (as in +codewords=64+components=0)"
        )
    axes = np.eye(sample.shape[1])
    if components:
        # The mean is subtracted only to find the components; distances between descriptors do not depend on it.
        centred = sample - sample.mean(axis=0, dtype=np.float64)
        axes = np.linalg.eigh(centred.T @ centred)[1][:, : -components - 1 : -1].T
    return axes.astype(np.float32), sample @ axes.astype(np.float32).T
