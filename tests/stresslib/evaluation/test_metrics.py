"""Average precision in its three definitions, and the accuracies: by hand, against others, and on input that is none."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from stresslib import average_precision
from stresslib.evaluation.metrics import SCORES, predicted_classes

DEFINITIONS = ("voc2007", "area", "voc2010")


def mixed(numbers: list[int]) -> bool:
    return 1 in numbers and -1 in numbers


truths = st.lists(st.sampled_from([1, -1, 0]), min_size=2, max_size=40).filter(mixed)


@st.composite
def rankings(draw: st.DrawFn) -> tuple[list[int], list[float]]:
    """Labels with difficult entries, and scores with many ties."""
    truth = draw(truths)
    score = draw(st.lists(st.sampled_from([-2.0, -0.5, 0.0, 0.5, 1.0, 3.0]), min_size=len(truth), max_size=len(truth)))
    return truth, score


def development_kit(truth: list[int], score: list[float]) -> float:
    """The VOC 2007 kit's VOCevalcls, line by line: difficult rows stay in the ranking and count neither way."""
    order = sorted(range(len(truth)), key=lambda row: -score[row])
    positives = sum(1 for label in truth if label > 0)
    true_positives, false_positives, recall, precision = 0, 0, [], []
    for row in order:
        true_positives += truth[row] > 0
        false_positives += truth[row] < 0
        ranked = true_positives + false_positives
        recall.append(true_positives / positives)
        precision.append(true_positives / ranked if ranked else math.nan)
    total = 0.0
    for level in (0.0, 0.1, 0.2, 0.30000000000000004, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0):
        reached = [p for p, r in zip(precision, recall, strict=True) if r >= level and not math.isnan(p)]
        total += max(reached, default=0.0) / 11
    return total


def test_equal_scores_leave_the_order_of_the_rows() -> None:
    """The kit's sort is stable: with one score for all, rows are ranked as they come, difficult ones taken out.

    Column 0: 1 -1 . 1 -1, precision 1, 1/2, 2/3, 1/2 at recall 1/2, 1/2, 1, 1.
        11 points: six levels up to 0.5 have 1, five have 2/3. Area: (1 + 2/3) / 2. It falls already, so interpolation
        changes nothing.
    Column 1: -1 1 1 . 1, precision 0, 1/2, 2/3, 3/4 at recall 0, 1/3, 2/3, 1.
        The best precision ahead is 3/4 everywhere. Area: (1/2 + 2/3 + 3/4) / 3 = 23/36.
    Column 2: . -1 1 -1 1, precision 0, 1/2, 1/3, 1/2 at recall 0, 1/2, 1/2, 1. All three are 1/2.
    """
    truth = np.array([[1, -1, 0], [-1, 1, -1], [0, 1, 1], [1, 0, -1], [-1, 1, 1]])
    score = np.zeros(truth.shape)
    expected = {
        "voc2007": [(6 + 5 * 2 / 3) / 11, 3 / 4, 1 / 2],
        "area": [5 / 6, 23 / 36, 1 / 2],
        "voc2010": [5 / 6, 3 / 4, 1 / 2],
    }
    for definition in DEFINITIONS:
        np.testing.assert_allclose(average_precision(truth, score, definition), expected[definition], rtol=1e-14)
        np.testing.assert_allclose(average_precision(truth, score + 7.5, definition), expected[definition], rtol=1e-14)


@pytest.mark.parametrize(
    ("definition", "led", "followed"), [("voc2007", 17 / 22, 1 / 2), ("area", 3 / 4, 5 / 12), ("voc2010", 3 / 4, 1 / 2)]
)
def test_ties_are_ranked_in_row_order(definition: str, led: float, followed: float) -> None:
    """Of equal scores the earlier row counts as higher; the first row is alone at the top, the other three are tied.

    1 - - 1: precision 1 at recall 1/2 and 2/4 at recall 1. 11 points (6 + 5/2) / 11, both areas (1 + 1/2) / 2.
    - - 1 1: precision 1/3 at recall 1/2 and 2/4 at recall 1. Best ahead 1/2 everywhere, plain area (1/3 + 1/2) / 2.
    """
    score = [0.9, 0.5, 0.5, 0.5]
    assert average_precision([1, -1, -1, 1], score, definition) == pytest.approx(led)
    assert average_precision([-1, -1, 1, 1], score, definition) == pytest.approx(followed)


@pytest.mark.parametrize(
    ("first", "negatives", "reached", "best_later"),
    [
        # Recall 3/10 is just below MATLAB's fourth level: only 0, 0.1 and 0.2 are reached with precision 1.
        (3, 7, 3, 10 / 17),
        # 6/10 and 7/10 are their levels exactly.
        (6, 10, 7, 10 / 20),
        (7, 6, 8, 10 / 16),
    ],
)
def test_recall_levels_are_those_of_matlab(first: int, negatives: int, reached: int, best_later: float) -> None:
    """The kit's 0:0.1:1 is not eleven times the nearest float: its 0.3 is the float just above that of 3/10.

    `first` of 10 positives lead, negatives follow, the other positives come last, where precision rises to its best.
    """
    truth = [1] * first + [-1] * negatives + [1] * (10 - first)
    score = -np.arange(len(truth), dtype=float)
    expected = (reached + (11 - reached) * best_later) / 11
    assert average_precision(truth, score) == pytest.approx(expected, rel=1e-14)


@given(rankings())
def test_the_default_is_the_development_kit(ranking: tuple[list[int], list[float]]) -> None:
    """The published scores were made by that program, so ours are made by the same steps."""
    assert average_precision(*ranking) == pytest.approx(development_kit(*ranking), rel=1e-12)


@given(truths, st.randoms(use_true_random=False))
def test_area_is_scikit_learns_where_nothing_is_tied(truth: list[int], random: Any) -> None:
    """With distinct scores the uninterpolated area has one value, whoever computes it."""
    score = np.array(random.sample(range(1000), len(truth)), dtype=float)
    kept = np.array(truth) != 0
    expected = average_precision_score(np.array(truth)[kept] == 1, score[kept])
    assert average_precision(truth, score, "area") == pytest.approx(expected, rel=1e-12)


@given(rankings(), st.sampled_from(DEFINITIONS))
def test_difficult_rows_are_as_if_not_there(ranking: tuple[list[int], list[float]], definition: str) -> None:
    """Leaving them out by hand changes nothing, and a perfect ranking of the others scores 1."""
    truth, score = np.array(ranking[0]), np.array(ranking[1])
    kept = truth != 0
    assert average_precision(truth, score, definition) == average_precision(truth[kept], score[kept], definition)
    perfect = np.where(kept, truth, 99 * score).astype(float)
    assert average_precision(truth, perfect, definition) == 1.0


@given(rankings())
def test_interpolation_only_raises(ranking: tuple[list[int], list[float]]) -> None:
    """The area under the precision made monotonic is no smaller, and all three are shares."""
    area, monotonic, eleven = (average_precision(*ranking, definition) for definition in ("area", "voc2010", "voc2007"))
    assert 0 < area <= monotonic <= 1 + 1e-12
    assert 0 < eleven <= 1 + 1e-12


def test_a_matrix_is_scored_column_by_column() -> None:
    """One number a class, in the order of the columns; one column gives a float."""
    generator = np.random.default_rng(0)
    truth, score = generator.choice([1, -1, 0], (30, 4)), generator.normal(size=(30, 4))
    scores = average_precision(truth, score)
    assert isinstance(scores, np.ndarray) and scores.shape == (4,)
    for column in range(4):
        alone = average_precision(truth[:, column], score[:, column])
        assert isinstance(alone, float) and alone == scores[column]


@pytest.mark.parametrize(
    ("truth", "score", "message"),
    [
        ([-1, -1, 0], [1, 2, 3], "y_true has no positive"),
        ([1, 1, 0], [1, 2, 3], "y_true has no negative"),
        ([1, 0, 0], [1, 2, 3], "y_true has no negative"),
        ([[1, 1], [-1, 1]], [[1, 2], [3, 4]], "column 1 of y_true has no negative"),
        ([[1, -1], [-1, -1]], [[1, 2], [3, 4]], "column 1 of y_true has no positive"),
        ([1, -1], [1, math.nan], "NaN or infinity"),
        ([1, -1], [math.inf, 0], "NaN or infinity"),
        ([1, -1, 2], [1, 2, 3], "other values than 1"),
        ([1, -1, math.nan], [1, 2, 3], "other values than 1"),
        ([1, -1, 0.5], [1, 2, 3], "other values than 1"),
        ([1, -1], [1, 2, 3], r"\(2,\).*\(3,\)"),
        ([[1], [-1]], [1, 2], r"\(2, 1\).*\(2,\)"),
        (1, 2, r"shape \(\)"),
    ],
)
@pytest.mark.parametrize("definition", DEFINITIONS)
def test_what_has_no_average_precision_is_refused(definition: str, truth: Any, score: Any, message: str) -> None:
    """A 0/1 matrix taken for one with difficult rows, a class without positives, a NaN: an error, never a number."""
    with pytest.raises(ValueError, match=message):
        average_precision(truth, score, definition)


def test_an_unknown_definition_is_answered_with_the_known_ones() -> None:
    """There are at least five average precisions in use; guessing is no help."""
    with pytest.raises(ValueError, match="'voc2012' is unknown; allowed are 'voc2007', 'area', 'voc2010'"):
        average_precision([1, -1], [1, 0], "voc2012")


def test_accuracies_by_hand() -> None:
    """Four rows of class 0, of which three are found, one of class 1, found, one of class 2, missed: 4/6 and 1.75/3."""
    truth = np.array([0, 0, 0, 0, 1, 2])
    decision = np.array([[3, 1, 0], [1, 0, 0], [2, 1, 1], [0, 1, 0], [0, 5, 1], [9, 1, 2]], dtype=float)
    assert SCORES["accuracy"](truth, decision) == pytest.approx(4 / 6)
    assert SCORES["mean-class-accuracy"](truth, decision) == pytest.approx((3 / 4 + 1 + 0) / 3)


def test_mean_class_accuracy_counts_classes_that_are_there() -> None:
    """A class that is predicted but not among the test rows is no class to average over, and warns of nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        score = SCORES["mean-class-accuracy"](np.array([0, 0, 1]), np.array([[1, 0, 0], [0, 0, 1], [0, 1, 0]], dtype=float))
    assert score == pytest.approx((1 / 2 + 1) / 2)


def test_mean_average_precision_is_the_mean_over_classes() -> None:
    """First column ranked perfectly, second the worst way round: 1 -> 1.0; - 1 -> 1/2."""
    truth = np.array([[1, -1], [-1, 1]])
    decision = np.array([[1.0, 1.0], [0.0, 0.0]])
    assert SCORES["mAP"](truth, decision) == pytest.approx((1 + 1 / 2) / 2)


def test_a_classifier_that_says_nothing_says_the_first_class() -> None:
    """At 62 erased bits all decisions are 0; the authors' scores there are the share of class 1."""
    assert predicted_classes(np.zeros((4, 3))).tolist() == [0, 0, 0, 0]
    assert predicted_classes(np.zeros(4)).tolist() == [0, 0, 0, 0]
    truth = np.repeat([0, 1, 2], [20, 660, 660])
    assert 100 * SCORES["accuracy"](truth, np.zeros((1340, 3))) == pytest.approx(1.492537, abs=5e-7)


def test_two_classes_have_one_column_of_decisions() -> None:
    """Above 0 is the second class."""
    assert predicted_classes(np.array([-1.0, 0.0, 1e-9])).tolist() == [0, 0, 1]


@pytest.mark.parametrize("metric", ["accuracy", "mean-class-accuracy"])
def test_no_class_is_the_largest_of_decision_values_that_are_not_numbers(metric: str) -> None:
    decision = np.array([[1.0, 0.0], [np.nan, 1.0]])
    with pytest.raises(ValueError, match="row 1 hold NaN"):
        SCORES[metric](np.array([0, 1]), decision)
