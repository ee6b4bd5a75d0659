"""Coding and pooling: from the descriptors of an image to one vector, by bag of words, BossaNova or Fisher vector.

The last step of the classical features; the vectors of the cells of a spatial pyramid are concatenated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stresslib.classical.codebook import Codebook, Mixture

Array = NDArray[Any]

PYRAMID = ((1, 1), (2, 2), (3, 1))
"""Rows and columns of each level of the spatial pyramid: the whole image, quarters, and three horizontal bands."""


def cells(places: Array, levels: Sequence[tuple[int, int]] = PYRAMID) -> Array:
    """Return the cell of each descriptor at each level of a pyramid.

    Parameters
    ----------
    places : ndarray of shape (n, 2)
        Row and column, from 0 to 1.
    levels : sequence of (int, int)
        Rows and columns of each level.

    Returns
    -------
    ndarray of shape (n, n_levels), int
        Cells are numbered through all levels: 0 is the first of the first level.

    Examples
    --------
    >>> import numpy as np
    >>> from stresslib.classical.coding import cells
    >>> cells(np.array([[0.1, 0.9], [0.9, 0.9]])).tolist()
    [[0, 2, 5], [0, 4, 7]]
    """
    found, before = [], 0
    for rows, columns in levels:
        row = np.minimum((places[:, 0] * rows).astype(int), rows - 1)
        column = np.minimum((places[:, 1] * columns).astype(int), columns - 1)
        found.append(before + row * columns + column)
        before += rows * columns
    return np.stack(found, axis=1)


def nearest(squares: Array, count: int) -> Array:
    """Return the columns of the `count` smallest values of each row, in no particular order."""
    if count >= squares.shape[1]:
        return np.broadcast_to(np.arange(squares.shape[1]), squares.shape)
    found: Array = np.argpartition(squares, count - 1, axis=1)[:, :count]
    return found


def soft_assignment(squares: Array, spread: Array, neighbours: int) -> tuple[Array, Array, Array]:
    """Assign each descriptor to its nearest codewords, with weights.

    Parameters
    ----------
    squares : ndarray of shape (n, m)
        Squared distances of descriptors to codewords.
    spread : ndarray of shape (m,)
        Spread of each cluster.
    neighbours : int
        Codewords to which a descriptor is assigned.

    Returns
    -------
    words : ndarray of shape (n, neighbours), int
    weights : ndarray of shape (n, neighbours), float64
        In proportion to ``exp(-distance^2 / spread^2)``; each row sums to 1.
    distances : ndarray of shape (n, neighbours), float64
        Distances to the codewords, in units of each codeword's spread.
    """
    words = nearest(squares, neighbours)
    distances = np.sqrt(np.take_along_axis(squares, words, axis=1), dtype=np.float64) / spread[words]
    # The exponent of the nearest codeword is 0; otherwise all exponentials would underflow far from all codewords.
    energies = distances**2
    weights = np.exp(energies.min(axis=1, keepdims=True) - energies)
    return words, weights / weights.sum(axis=1, keepdims=True), distances


def bossanova(
    squares: Array,
    codebook: Codebook,
    places: Array,
    levels: Sequence[tuple[int, int]] = PYRAMID[:1],
    *,
    neighbours: int,
    bins: int,
    alpha_min: float,
    alpha_max: float,
    weight: float,
) -> Array:
    """Pool descriptors as BossaNova does: for each codeword a histogram of distances, and how much the codeword was used.

    Parameters
    ----------
    squares : ndarray of shape (n, m)
        Squared distances of the image's descriptors to the codewords.
    codebook : Codebook
    places : ndarray of shape (n, 2)
        Row and column of each descriptor, from 0 to 1.
    levels : sequence of (int, int), default=((1, 1),)
        Rows and columns of each level of the pyramid.
    neighbours : int
        Codewords to which a descriptor is assigned.
    bins : int
        Bins of each histogram, of equal width.
    alpha_min, alpha_max : float
        Where the histogram begins and ends, in units of the codeword's spread; descriptors outside are in no bin.
    weight : float
        Weight of the bag-of-words term that follows the histogram.

    Returns
    -------
    ndarray of shape (n_cells, m, bins + 1), float64
        The histogram, and last `weight` times the bag-of-words term. Both are shares of the image's descriptors, so that the
        terms sum to `weight` over all codewords and cells of a level.

    Notes
    -----
    Avila, Thome, Cord, Valle and Araujo (2013), "Pooling in image representation: the visual codeword point of view". That
    each codeword has a histogram of its distances to the image's descriptors is what its abstract says. The rest could not
    be checked, and is the method as it is commonly described: the interval in units of the cluster's standard deviation
    (read as the root of the mean squared distance to the centre, since the deviation of distances about their own mean would
    leave nearly all of them outside), descriptors assigned to their nearest codewords, and the weighted bag-of-words term.

    Examples
    --------
    One codeword of spread 1, three descriptors at .5, 1 and 3 spreads; bins from .4 to 1.2 and from 1.2 to 2:

    >>> import numpy as np
    >>> from stresslib.classical import Codebook
    >>> from stresslib.classical.coding import bossanova
    >>> book = Codebook(np.eye(1), np.zeros((1, 1)), np.ones(1))
    >>> options = {"neighbours": 1, "bins": 2, "alpha_min": 0.4, "alpha_max": 2.0, "weight": 0.1}
    >>> bossanova(np.array([[0.25], [1.0], [9.0]]), book, np.full((3, 2), 0.5), **options).round(3).tolist()
    [[[0.667, 0.0, 0.1]]]
    """
    words, weights, distances = soft_assignment(squares, codebook.spread, neighbours)
    slots = np.floor((distances - alpha_min) / (alpha_max - alpha_min) * bins).astype(int)
    inside = (slots >= 0) & (slots < bins)
    shape = (squares.shape[1], bins + 1)
    histograms = (words, slots, weights * inside)
    terms = (words, np.full_like(words, bins), weight * weights)
    return _pooled(places, levels, shape, histograms, terms)


def bag_of_words(squares: Array, places: Array, levels: Sequence[tuple[int, int]] = PYRAMID[:1]) -> Array:
    """Pool descriptors as a bag of words: for each codeword, how many descriptors are nearest to it.

    Parameters
    ----------
    squares, places, levels
        As for :func:`bossanova`.

    Returns
    -------
    ndarray of shape (n_cells, m, 1), float64
        Shares of the image's descriptors.
    """
    words = squares.argmin(axis=1)[:, None]
    return _pooled(places, levels, (squares.shape[1], 1), (words, np.zeros_like(words), np.ones(words.shape)))


def fisher_vector(
    descriptors: Array, mixture: Mixture, places: Array, levels: Sequence[tuple[int, int]] = PYRAMID[:1]
) -> Array:
    """Pool descriptors as a Fisher vector: the direction in which each Gaussian would have to change to fit them better.

    Parameters
    ----------
    descriptors : ndarray of shape (n, 128)
    mixture : Mixture
    places, levels
        As for :func:`bossanova`.

    Returns
    -------
    ndarray of shape (n_cells, m * (2 d + 1)), float64
        Derivatives of the mean log-likelihood of a cell's descriptors with respect to the m weights, the m x d means and,
        with the opposite sign, the m x d deviations of the Gaussians, normalised to be comparable; zeros for a cell without
        descriptors.

    Raises
    ------
    OSError
        When scikit-image is not installed.

    Notes
    -----
    Sanchez, Perronnin, Mensink and Verbeek (2013), as scikit-image computes it. The square roots and the unit norm of what
    they call the improved Fisher vector come later: the root as `power` of a method, the norm when features are loaded.
    """
    try:
        from skimage.feature import fisher_vector as fisher_vector_of
    except ImportError as error:
        raise OSError("Fisher vectors need scikit-image; pip install stresslib[classical]") from error
    gaussians, reduced = mixture.gaussians(), mixture.reduce(descriptors)
    m, d = mixture.centres.shape
    vectors = np.zeros((sum(rows * columns for rows, columns in levels), m * (2 * d + 1)))
    for level in cells(places, levels).T:
        for cell in np.unique(level):
            vectors[cell] = fisher_vector_of(reduced[level == cell], gaussians)
    return vectors


def _pooled(
    places: Array, levels: Sequence[tuple[int, int]], shape: tuple[int, int], *entries: tuple[Array, Array, Array]
) -> Array:
    """Sum weights by cell, codeword and slot, as shares of the descriptors; slots with weight 0 may be out of range."""
    total = np.zeros((sum(rows * columns for rows, columns in levels), *shape))
    for level in cells(places, levels).T:
        for words, slots, weights in entries:
            row, column = np.nonzero(weights)
            at = np.ravel_multi_index((level[row], words[row, column], slots[row, column]), total.shape)
            total += np.bincount(at, weights[row, column], minlength=total.size).reshape(total.shape)
    return total / len(places)
