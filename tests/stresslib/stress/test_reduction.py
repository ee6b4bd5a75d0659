"""DR-1 and DR-2: which dimensions are kept, and on what they are projected."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from stresslib import PrincipalComponents, RandomSelection


def rows(n: int, d: int, seed: int = 0, dtype: type = np.float64) -> np.ndarray:
    """Non-negative rows whose dimensions differ in spread, so that no two eigenvalues are close."""
    generator = np.random.default_rng(seed)
    return (np.maximum(generator.normal(0.5, 1, (n, d)), 0) * np.linspace(1, 3, d)).astype(dtype)


def up_to_sign(actual: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Turn each row of `actual` to the side of the same row of `expected`: an eigenvector has no sign of its own."""
    return actual * np.sign((actual * expected).sum(axis=1, keepdims=True))


@given(st.integers(1, 60), st.integers(0, 2**32 - 1), st.data())
def test_subsets_of_one_seed_are_nested(width: int, seed: int, data: st.DataObject) -> None:
    """A smaller selection is part of a larger one, is of the size asked for, and keeps the order of the dimensions."""
    larger = data.draw(st.integers(1, width))
    smaller = data.draw(st.integers(1, larger))
    X = np.arange(width)[None, :].astype(float)
    few, many = (RandomSelection(k, random_state=seed).fit_transform(X)[0] for k in (smaller, larger))
    assert len(few) == smaller and len(many) == larger
    assert set(few) <= set(many)
    assert (np.diff(few) > 0).all()


def test_one_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    """A selection can be repeated, and repeats with other seeds are other draws."""
    X = rows(5, 40)
    first, again, other = (RandomSelection(20, random_state=seed).fit_transform(X) for seed in (3, 3, 4))
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


def test_a_selection_is_the_same_for_every_row_and_for_rows_not_seen() -> None:
    """The authors' published code drew anew on every call; here training and test rows keep the same dimensions."""
    selection = RandomSelection(4, random_state=1).fit(rows(6, 9))
    kept = selection.get_support(indices=True)
    unseen = rows(3, 9, seed=7)
    np.testing.assert_array_equal(selection.transform(unseen), unseen[:, kept])


def test_without_a_number_every_dimension_is_kept() -> None:
    """The default of both reductions loses nothing but, for the projection, the axes."""
    X = rows(30, 6)
    np.testing.assert_array_equal(RandomSelection().fit_transform(X), X)
    projected = PrincipalComponents().fit_transform(X)
    np.testing.assert_allclose(projected @ projected.T, X @ X.T, atol=1e-12)


@pytest.mark.parametrize("reduction", [RandomSelection, PrincipalComponents])
def test_more_components_than_features_are_refused(reduction: type) -> None:
    """The message has the number that was asked for and the number that there is."""
    with pytest.raises(ValueError, match=r"n_components=7 is more than.* 6 feature"):
        reduction(7).fit(rows(20, 6))


def test_more_components_than_training_rows_are_refused() -> None:
    """The covariance of 5 rows has no 6 directions; the message says which of the two sides is short."""
    with pytest.raises(ValueError, match=r"n_components=6 is more than 5, the smaller of 5 training rows and 20 feature"):
        PrincipalComponents(6).fit(rows(5, 20))


@pytest.mark.parametrize("reduction", [RandomSelection, PrincipalComponents])
@pytest.mark.parametrize("number", [0, -1, 2.0, "3"])
def test_a_number_of_components_is_a_positive_integer(reduction: type, number: object) -> None:
    """Zero dimensions do not make a vector, and a share such as 0.5 is not silently taken for a number."""
    with pytest.raises(ValueError, match="n_components"):
        reduction(number).fit(rows(5, 4))


def test_the_basis_is_that_of_the_centred_covariance_and_the_mean_stays_in() -> None:
    """The authors' `cov`, `eig` and ``X * P``, written again with NumPy."""
    X, unseen = rows(50, 8), rows(5, 8, seed=1)
    values, vectors = np.linalg.eigh(np.cov(X, rowvar=False))
    basis = vectors[:, np.argsort(-values)].T
    pca = PrincipalComponents(5).fit(X)
    np.testing.assert_allclose(up_to_sign(pca.components_, basis[:5]), basis[:5], atol=1e-10)
    np.testing.assert_allclose(pca.transform(unseen), unseen @ pca.components_.T, rtol=1e-12)
    assert np.abs(pca.transform(X).mean(axis=0)).max() > 0.1, "the projection was centred"


def test_components_survive_a_mean_far_from_zero() -> None:
    """Vectors that nobody normalised may sit far out; the small components are still those of the covariance."""
    X = rows(60, 4) * 10.0 ** -np.arange(4) @ np.linalg.qr(np.random.default_rng(2).normal(size=(4, 4)))[0]
    expected = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)[2]
    moved = PrincipalComponents().fit(X + 1e4).components_
    np.testing.assert_allclose(up_to_sign(moved, expected), expected, atol=1e-6)


@pytest.mark.parametrize("n", [12, 50])
def test_fewer_components_are_the_first_columns_of_more(n: int) -> None:
    """One fit at the largest size serves every smaller size, with more rows than features and with fewer."""
    X = rows(n, 20)
    many, few = PrincipalComponents(10).fit(X), PrincipalComponents(4).fit(X)
    np.testing.assert_allclose(few.components_, many.components_[:4], atol=1e-12)
    np.testing.assert_allclose(few.transform(X), many.transform(X)[:, :4], atol=1e-12)


def test_fewer_rows_than_features_span_the_same_subspace() -> None:
    """The cheaper way that is taken with few rows finds the same leading directions as the covariance does."""
    X = rows(15, 30)
    values, vectors = np.linalg.eigh(np.cov(X, rowvar=False))
    leading = vectors[:, np.argsort(-values)[:6]]
    found = PrincipalComponents(6).fit(X).components_
    np.testing.assert_allclose(found.T @ found, leading @ leading.T, atol=1e-10)
    np.testing.assert_allclose(found @ found.T, np.eye(6), atol=1e-12)


def test_wide_rows_are_decomposed_as_scikit_learn_does_in_a_fraction_of_its_memory() -> None:
    """An SVD of the whole matrix takes some seven times the rows' float32; signs are scikit-learn's, too."""
    X = rows(150, 6000, dtype=np.float32)
    expected = PCA(149, svd_solver="full").fit(X.astype(np.float64)).components_
    np.testing.assert_allclose(PrincipalComponents(149).fit(X).components_, expected, atol=1e-7)
    tracemalloc.start()
    PrincipalComponents(10).fit(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * X.nbytes


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("reduction", [RandomSelection, PrincipalComponents])
def test_the_type_stays_and_the_input_is_left_alone(reduction: type, dtype: type) -> None:
    """Features of float32 are not doubled in size on the way, and no stress writes into its input."""
    X = rows(12, 6, dtype=dtype)
    before = X.copy()
    X.setflags(write=False)
    assert reduction(3).fit_transform(X).dtype == dtype
    np.testing.assert_array_equal(X, before)


def test_single_precision_components_come_from_a_double_precision_fit() -> None:
    """What float32 features are projected on is right to float32, not to what is left after a sum in float32."""
    X = rows(200, 10, dtype=np.float32)
    single, double = PrincipalComponents().fit(X).components_, PrincipalComponents().fit(X.astype(np.float64)).components_
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, double, atol=1e-6)


@pytest.mark.parametrize("shape", [(40, 12), (12, 40)])
def test_the_first_components_of_a_larger_fit_are_those_of_a_smaller_one(shape: tuple[int, int]) -> None:
    """So that one fit serves a whole grid, to the last byte."""
    X = np.random.default_rng(0).random(shape).astype(np.float32)
    largest, small = PrincipalComponents(11).fit(X), PrincipalComponents(4).fit(X)
    first = largest.truncated(4)
    assert first.components_.tobytes() == small.components_.tobytes()
    assert first.transform(X).tobytes() == small.transform(X).tobytes()
    assert first.get_feature_names_out().tolist() == small.get_feature_names_out().tolist()
    assert largest.components_.shape == (11, shape[1])
    with pytest.raises(ValueError, match="11"):
        largest.truncated(12)
