"""Indices without a classifier: beside slow versions over every order of ties, by hand, at 1 bit, and what is refused."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid

import stresslib as sl
from stresslib.evaluation.neighbours import TIES
from stresslib.evaluation.separation import separation_index
from stresslib.evaluation.smoothness import smoothness_index
from stresslib.running.separation_sweep import INDICES, sweep_separation

# The slow, obvious version


def orders(point: list[int], others: list[list[int]]) -> list[tuple[int, ...]]:
    """All orders of the others by their distance, in whole numbers; those of equal distance in each of their orders."""
    distances = [sum((a - b) ** 2 for a, b in zip(point, other, strict=True)) for other in others]
    groups = [[k for k, d in enumerate(distances) if d == level] for level in sorted(set(distances))]
    parts = [list(itertools.permutations(group)) for group in groups]
    return [tuple(itertools.chain.from_iterable(choice)) for choice in itertools.product(*parts)]


def obvious(values: Callable[[int, int], float], X: Any, queries: Any, order: int, reduce: Any, ties: str) -> list[float]:
    """Each row's value: `values` of its neighbours reduced, for every order; then what the rule makes of these."""
    found = []
    for i, point in enumerate(X if queries is None else queries):
        others = [j for j in range(len(X)) if queries is not None or j != i]
        all_orders = orders(point, [X[j] for j in others])
        results = [reduce([values(i, others[k]) for k in one[:order]]) for one in all_orders]
        rules = {"first": results[0], "any": max(results), "all": min(results), "expected": sum(results) / len(results)}
        found.append(rules[ties])
    return found


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def agreement(mode: str, y: list[int], judged: list[int]) -> tuple[Callable[[int, int], float], Any]:
    if mode == "anti":
        return lambda i, j: float(judged[i] != y[j]), min
    return lambda i, j: float(judged[i] == y[j]), min if mode == "strict" else mean


cases = st.integers(4, 6).flatmap(
    lambda n: st.tuples(
        st.lists(st.lists(st.integers(0, 2), min_size=2, max_size=2), min_size=n, max_size=n),
        st.lists(st.integers(0, 1), min_size=n, max_size=n).filter(lambda y: 2 <= sum(y) <= len(y) - 2),
        st.integers(1, 3),
    )
)


@given(cases, st.sampled_from(["strict", "soft", "anti"]), st.sampled_from(TIES), st.booleans())
def test_separation_is_that_of_every_order(case: Any, mode: str, ties: str, cross: bool) -> None:
    X, y, order = case
    queries, judged = ([row[::-1] for row in X[:3]], y[:3]) if cross else (None, y)
    expected = obvious(*agreement(mode, y, judged)[:1], X, queries, order, agreement(mode, y, judged)[1], ties)
    more = {"X_test": queries, "y_test": judged} if cross else {}
    # A step of 0.1, which no sum of squares is exact with, and far from the origin.
    shifted = 0.1 * np.array(X) + 1000
    if cross:
        more["X_test"] = 0.1 * np.array(queries) + 1000
    for kind in (np.array(X), shifted):
        given_more = more if kind is shifted or not cross else {**more, "X_test": np.array(queries)}
        got = separation_index(kind, y, order, mode, ties, per="point", **given_more)
        np.testing.assert_allclose(got, expected, atol=1e-12)


@given(cases, st.sampled_from(["strict", "soft"]), st.sampled_from(TIES), st.sampled_from(["linear", "exponential"]))
def test_smoothness_is_that_of_every_order(case: Any, mode: str, ties: str, kind: str) -> None:
    X, y, order = case
    t = [3 * label + row[0] ** 2 for label, row in zip(y, X, strict=True)]

    def value(i: int, j: int, rank: int) -> float:
        d = sorted(abs(t[i] - t[k]) for k in range(len(t)) if k != i)
        own, least, whole = abs(t[i] - t[j]), d[rank], mean([0, *d])
        if kind == "linear":
            return 1.0 if d[-1] == least else (d[-1] - own) / (d[-1] - least)
        return math.exp(-2 * (own - least) / whole) if whole else 1.0

    expected = []
    for i, point in enumerate(X):
        others = [j for j in range(len(X)) if j != i]
        ranked = [
            [value(i, others[k], rank) for rank, k in enumerate(one[:order])]
            for one in orders(point, [X[j] for j in others])
        ]
        results = [min(one) if mode == "strict" else mean(one) for one in ranked]
        rules = {"first": results[0], "any": max(results), "all": min(results), "expected": mean(results)}
        expected.append(rules[ties])
    got = smoothness_index(X, t, order, mode, ties, kind=kind, gamma=2, per="point")
    np.testing.assert_allclose(got, expected, atol=1e-12)


# By hand


def test_a_line_of_points() -> None:
    """Points 0, 1, 5, 6, 8 of classes a, a, b, b, a."""
    X, y = np.array([0, 1, 5, 6, 8])[:, None], list("aabba")
    assert separation_index(X, y) == pytest.approx(4 / 5)
    assert separation_index(X, y, mode="anti") == pytest.approx(1 / 5)
    assert separation_index(X, y, 2) == 0
    # Two nearest: (1, 5), (0, 5), (6, 8), (5, 8), (6, 5).
    assert separation_index(X, y, 2, "soft", per="point").tolist() == [0.5, 0.5, 0.5, 0.5, 0]
    # Means 3 and 5.5: 0 and 1 are nearer to theirs, 5 and 6 too, 8 is not.
    assert separation_index(X, y, mode="centre", per="class").tolist() == pytest.approx([2 / 3, 1])
    cross = separation_index(X, y, X_test=[[7.5], [3.1]], y_test=["b", "b"], per="point")
    assert cross.tolist() == [0, 1]
    # A point on the train set itself is its own nearest neighbour there.
    assert separation_index(X, y, X_test=X, y_test=y) == 1


def test_one_bit_under_the_four_rules() -> None:
    """Rows 00 00 00 01 01 11 with labels a a b a b b, order 2, counted by hand.

    A row 00 has two copies, which are its two nearest, whatever the rule: (a b), (a b), (a a). A row 01 has one copy, then
    three rows 00 and the row 11, all of them one bit away. The row 11 has two rows 01.
    """
    X = np.array([[0, 0], [0, 0], [0, 0], [0, 1], [0, 1], [1, 1]])
    y = list("aababb")
    # Nobody's two nearest can both agree.
    assert separation_index(X, y, 2, ties="any", per="point").tolist() == [0, 0, 0, 0, 0, 0]
    soft = {
        # Row 3 (a): the copy b, then one of a, a, b, b. Row 4 (b): the copy a, then one of a, a, b, b. Row 5 (b): a and b.
        "expected": [0.5, 0.5, 0, 0.25, 0.25, 0.5],
        "first": [0.5, 0.5, 0, 0.5, 0, 0.5],
        "any": [0.5, 0.5, 0, 0.5, 0.5, 0.5],
        "all": [0.5, 0.5, 0, 0, 0, 0.5],
    }
    nearest = {
        # Order 1. Rows 0, 1, 5: one of the two nearest agrees. Row 2: none does. Rows 3, 4: their copy does not.
        "expected": [0.5, 0.5, 0, 0, 0, 0.5],
        "first": [1, 1, 0, 0, 0, 0],
        "any": [1, 1, 0, 0, 0, 1],
        "all": [0, 0, 0, 0, 0, 0],
    }
    one_dictionary = sl.UniformQuantizer(n_values=2, scope="shared")
    for vectors in (X, X.astype(np.float32) / 3, one_dictionary.fit_transform(0.3 * X + 0.7)):
        for ties in TIES:
            assert separation_index(vectors, y, 2, "soft", ties, per="point") == pytest.approx(soft[ties]), ties
            assert separation_index(vectors, y, ties=ties, per="point") == pytest.approx(nearest[ties]), ties


def test_one_bit_of_real_features(scenes: sl.FeatureSet) -> None:
    """Of 300 rows of one bit a number, ties at the nearest are those of the codes, whose distances are whole numbers."""
    X, y = scenes.X[:300, :48], scenes.y[:300] % 3
    quantizer = sl.UniformQuantizer(n_values=2, scope="shared").fit(X)
    codes, decoded = quantizer.encode(X).astype(int), quantizer.transform(X)
    assert decoded.dtype == np.float32
    distances = np.abs(codes[:, None] - codes[None]).sum(axis=2)
    np.fill_diagonal(distances, 99)
    nearest = distances == distances.min(axis=1, keepdims=True)
    assert nearest.sum() > 3 * len(X)  # full of ties, or nothing is tested
    agree = np.where(nearest, y[:, None] == y, np.nan)
    expected = {
        "expected": np.nanmean(agree, axis=1),
        "first": (y[:, None] == y)[np.arange(300), nearest.argmax(axis=1)],
        "any": np.nanmax(agree, axis=1),
        "all": np.nanmin(agree, axis=1),
    }
    for ties in TIES:
        np.testing.assert_allclose(separation_index(decoded, y, ties=ties, per="point"), expected[ties], atol=1e-12)


def test_near_copies_far_from_the_mean_keep_their_order() -> None:
    """Two clusters far apart, in which a product of matrices cannot tell who is nearest, and differences can."""
    cluster = np.array([0, 1, 3, 6, 10, 15]) * 1e-4
    X = np.concatenate([cluster, cluster + 1e6])[:, None] * np.linspace(0.1, 1, 40)
    y = np.tile([0, 0, 1, 1, 0, 0], 2)
    assert separation_index(X, y, per="point").tolist() == [1, 1, 0, 1, 0, 1] * 2


def test_decoded_vectors_tie_where_their_codes_do(scenes: sl.FeatureSet) -> None:
    """Centres of one dictionary in float32 are not quite a step apart; two small steps and a wide one are equal still."""
    X, y = scenes.X[:200, :24], scenes.y[:200] % 3
    quantizer = sl.UniformQuantizer(n_values=6, scope="shared").fit(X)
    decoded, codes = quantizer.transform(X), quantizer.encode(X).astype(int)
    centres = np.unique(decoded).astype(float)
    assert len(np.unique(np.diff(centres))) > 1  # or nothing is tested
    for ties in TIES:
        assert separation_index(decoded, y, 3, "soft", ties) == pytest.approx(separation_index(codes, y, 3, "soft", ties))


def test_multilabel_rows_agree_by_a_shared_label() -> None:
    X = np.array([[0.0], [1], [3], [6], [10]])
    Y = np.array([[1, 1, -1], [-1, 1, 0], [1, -1, -1], [1, -1, 1], [-1, -1, -1]])
    # Row 0's nearest is 1, which shares the second; 1's is 0; 2's is 1, which shares none; 3's is 2. Row 4 has no label.
    np.testing.assert_equal(separation_index(X, Y, per="point"), [1, 1, 0, 1, np.nan])
    assert separation_index(X, Y) == 0.75
    assert separation_index(X, Y, per="class").tolist() == pytest.approx([2 / 3, 1, 1])
    one_of_three = np.eye(3, dtype=int)[[0, 1, 2, 0, 1, 2]]
    points = np.arange(6)[:, None] ** 2
    for mode in ("strict", "centre"):
        got = separation_index(points, one_of_three, mode=mode, per="class")
        assert got.tolist() == separation_index(points, [0, 1, 2, 0, 1, 2], mode=mode, per="class").tolist()


def test_difficult_labels_are_shared_with_nobody() -> None:
    """On a line at 0, 1, 3, 6, 10 and 11, by hand; ? is difficult: a? | a | b? | b | a? b? | a b.

    The nearest are 1, 0, 1, 2, 5 and 4. Rows 0, 2 and 4 have no label that is not difficult: they are neighbours, and are
    not judged. Of the others, row 1's nearest is row 0 and row 5's is row 4, which have their labels only as difficult
    ones, and row 3's is row 2: nobody agrees. The two nearest of row 1 are 0 and 2, of row 3 are 2 and 4 (at 3 and 4), of
    row 5 are 4 and 3, of which row 3 shares b. The mean of class a is that of rows 1 and 5, at 6; that of b of rows 3 and
    5, at 8.5.
    """
    X = np.array([[0.0], [1], [3], [6], [10], [11]])
    Y = np.array([[0, -1], [1, -1], [-1, 0], [-1, 1], [0, 0], [1, 1]])
    nan = np.nan
    np.testing.assert_equal(separation_index(X, Y, per="point"), [nan, 0, nan, 0, nan, 0])
    np.testing.assert_equal(separation_index(X, Y, 2, "soft", per="point"), [nan, 0, nan, 0, nan, 0.5])
    np.testing.assert_equal(separation_index(X, Y, 1, "anti", per="class"), [1, 1])
    # Row 1 is nearest to a's mean, row 3 to a's too (0 against 2.5), row 5 has both classes.
    np.testing.assert_equal(separation_index(X, Y, mode="centre", per="point"), [nan, 1, nan, 0, nan, 1])
    assert separation_index(X, Y, mode="centre") == pytest.approx(2 / 3)
    rows = sl.FeatureSet(np.r_[X, X], np.r_[Y, Y], np.arange(12) < 6)
    table = sweep_separation(rows, "none", indices=["SI", "CSI"], n_jobs=1)
    assert table["score"].tolist() == pytest.approx([0, 200 / 3])


def test_smoothness_compares_rank_by_rank() -> None:
    """Points 0, 1, 3, 7 with targets 0, 2, 1, 6: the second neighbour beside the second nearest target.

    Distances of the targets from 0 are 1, 2, 6, of its neighbours 2, 1: 4/5 and 5/4. From 2 they are 1, 2, 4 and 2, 1: 2/3
    and 3/2; from 1 they are 1, 1, 5 and 1, 1; from 6 they are 4, 5, 6 and 5, 4: 1/2 and 2.
    """
    X, t = [[0], [1], [3], [7]], [0, 2, 1, 6]
    assert smoothness_index(X, t, 2, per="point").tolist() == pytest.approx([4 / 5, 2 / 3, 1, 1 / 2])
    assert smoothness_index(X, t, 2, "soft", per="point").tolist() == pytest.approx([41 / 40, 13 / 12, 1, 5 / 4])
    assert smoothness_index(X, t, per="point").tolist() == pytest.approx([4 / 5, 2 / 3, 1, 1 / 2])
    # Mean distances, 0 of the row itself counted: 9/4, 7/4, 7/4, 15/4.
    one = [math.exp(-4 / 9), math.exp(-4 / 7), 1, math.exp(-4 / 15)]
    assert smoothness_index(X, t, kind="exponential", per="point").tolist() == pytest.approx(one)
    assert smoothness_index(X, t, 2, kind="exponential", per="point").tolist() == pytest.approx(one)
    both = [math.cosh(4 / 9), math.cosh(4 / 7), 1, math.cosh(4 / 15)]
    assert smoothness_index(X, t, 2, "soft", kind="exponential", per="point").tolist() == pytest.approx(both)


def test_smoothness_of_unseen_rows_counts_all_training_rows() -> None:
    """From target 0 the rows' are 1, 3, 5 far, in the order of their distance 3, 1: 1/2 and 2, and the mean is 3."""
    options = {"X_test": [[0]], "t_test": [0]}
    assert smoothness_index([[1], [2], [9]], [3, 1, 5], 2, **options) == pytest.approx(1 / 2)
    got = smoothness_index([[1], [2], [9]], [3, 1, 5], 2, "soft", kind="exponential", **options)
    assert got == pytest.approx(math.cosh(2 / 3))


def test_targets_that_are_all_equal_are_smooth() -> None:
    for kind in ("linear", "exponential"):
        assert smoothness_index(np.arange(5)[:, None], np.full(5, 7.0), 2, kind=kind) == 1


# Properties and peers


def test_what_classifiers_say(small: sl.FeatureSet) -> None:
    """The cross index is the score of a classifier by the nearest neighbour, the centre one that of the nearest mean."""
    X, y, train, test = small.X, small.y, small.train, small.test
    peer = KNeighborsClassifier(1).fit(X[train], y[train])
    cross = {"X_test": X[test], "y_test": y[test]}
    assert separation_index(X[train], y[train], **cross) == pytest.approx(peer.score(X[test], y[test]))
    centroid = NearestCentroid().fit(X[train], y[train])
    got = separation_index(X[train], y[train], mode="centre", **cross)
    assert got == pytest.approx(centroid.score(X[test], y[test]))


@given(st.integers(0, 1000))
def test_what_changes_no_distance_changes_no_index(seed: int) -> None:
    generator = np.random.default_rng(seed)
    y = np.arange(30) % 3
    X = generator.normal(size=(30, 4)) + y[:, None]
    moved = 7 * X @ np.linalg.qr(generator.normal(size=(4, 4)))[0] + 3
    order = generator.permutation(30)
    for number, mode in INDICES.values():
        index = separation_index(X, y, number, mode)
        assert separation_index(moved, y, number, mode) == pytest.approx(index)
        assert separation_index(X[order], y[order], number, mode) == pytest.approx(index)
    low, middle, high = (separation_index(np.rint(X), y, 2, ties=ties) for ties in ("all", "expected", "any"))
    assert low <= middle + 1e-12 and middle <= high + 1e-12


def test_scale_counts_unless_it_is_taken_out() -> None:
    X, y = np.array([[0, 0], [10, 1], [20, 0], [30, 1]]), [0, 1, 0, 1]
    assert separation_index(X, y) == 0
    assert separation_index(X * [0.01, 1], y) == 1
    assert separation_index(X, y, standardize=True) == separation_index(X / X.std(axis=0), y) == 1


def test_images_are_flattened_and_not_changed() -> None:
    X = np.random.default_rng(0).normal(size=(20, 3, 2, 2)).astype(np.float32)
    before, y = X.copy(), np.arange(20) % 2
    assert separation_index(X, y) == separation_index(X.reshape(20, -1), y)
    np.testing.assert_array_equal(X, before)


# Bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": [[0.0], [np.nan], [1], [2]]}, "X holds nan in row 1, column 0"),
        ({"X": [0, 1, 2, 3]}, "X has numbers, one vector a row; got int64 of shape"),
        ({"X": [[1e200], [0], [1], [2]]}, "beyond 1e150"),
        ({"y": [1, 1, 1, 1]}, "y has only one class"),
        ({"y": ["a", "a", "a", "b"]}, "class b has a single row"),
        ({"y": [1, 1, 0]}, "for each of 4 vectors; got shape"),
        ({"y": [1, 1, 0, np.nan]}, "y has no label in row 3"),
        ({"y": [[1, 0], [1, 2], [0, 1], [0, 1]]}, "it has other values"),
        ({"y": [[1, 0], [1, 0], [1, 0], [1, 0]]}, "class 1 has no row"),
        ({"order": 4}, "order=4: a row has 3 others among which to look; order is a whole number, 1 to 3"),
        ({"order": 1.5}, "order=1.5"),
        ({"mode": "hard"}, "mode='hard' is unknown; allowed are strict, soft, anti, centre"),
        ({"ties": "last"}, "ties='last' is unknown; allowed are expected, first, any, all"),
        ({"per": "row"}, "per='row' is unknown"),
        ({"order": 2, "mode": "centre"}, "looks at the nearest mean alone"),
        ({"X_test": [[1]]}, "give X_test and the other, or neither"),
        ({"X_test": [[1, 2]], "y_test": [0]}, "X_test has 2 numbers a row, X 1"),
        ({"X_test": [[1]], "y_test": [7]}, "y_test has the label 7, which no row of y has"),
        ({"X_test": [[1]], "y_test": [[0, 1]]}, "give both in one form"),
    ],
)
def test_bad_input_is_named_in_one_line(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        separation_index(**{"X": [[0], [1], [2], [3]], "y": [0, 0, 1, 1], **change})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"t": [0, 1, np.inf]}, "t holds .* in row 2; targets are finite"),
        ({"t": ["a", "b", "c"]}, "t has numbers"),
        ({"gamma": 0}, "gamma=0; it is a positive number"),
        ({"kind": "square"}, "allowed are linear, exponential"),
        ({"X_test": [[1]], "t_test": [[1, 2]]}, "t_test has 2 targets a row, t 1"),
    ],
)
def test_bad_targets_are_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        smoothness_index(**{"X": [[0], [1], [2]], "t": [0, 1, 2], **change})


# Under stress


def test_a_sweep_has_the_rows_of_every_sweep(small: sl.FeatureSet) -> None:
    """Training rows alone count; each number is that of the index on rows that were put under the stress one by one."""
    specs = ["none", "DR1:8", "DR2:6", "DR2:6,Q2:2", "Q1:2"]
    table = sweep_separation(small, specs, repeats=2, n_jobs=1)
    assert list(table.columns) == list(sl.evaluate(small, "none").columns)
    assert len(table) == 3 * 6 and table["score"].between(0, 100).all()
    train, y = small.X[small.train], small.y[small.train]
    for spec, dimensions, values in (("DR2:6,Q2:2", 6, 2), ("DR2:6", 6, None), ("Q1:2", None, 2)):
        rows = table[table["dimensions"].eq(dimensions) if dimensions else table["dimensions"].isna()]
        rows = rows[rows["values"].eq(values) if values else rows["values"].isna()]
        stressed = sl.make_stress(spec).fit_transform(train)
        for name, (order, mode) in INDICES.items():
            score = rows.loc[rows["metric"] == name, "score"].item()
            assert score == pytest.approx(100 * separation_index(stressed, y, order, mode)), (spec, name)
    other = sl.FeatureSet(np.where(small.train[:, None], small.X, 5), small.y, small.train, provenance=small.provenance)
    assert sweep_separation(other, specs, repeats=2, n_jobs=1).equals(table)


_SCRIPT = """
import sys, resource, numpy as np
from stresslib.evaluation.separation import separation_index
n = int(sys.argv[1])
X = np.random.default_rng(0).normal(size=(n, 8)).astype(np.float32)
separation_index(X[:200], np.arange(200) % 5)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
separation_index(X, np.arange(n) % 5, 5)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="kilobytes of memory are those of Linux")
def test_memory_does_not_grow_with_the_square() -> None:
    """12,000 rows have 1.15 GB of distances; a fifth of that is allowed."""
    run = subprocess.run([sys.executable, "-c", _SCRIPT, "12000"], capture_output=True, text=True, check=True)
    assert int(run.stdout) < 230_000
