"""Writer-dependent machines: the authors' draws and scores, weights and scaling by hand, other classifiers, bad input."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.svm import SVC

from stresslib import LinearSVM
from stresslib.evaluation.verification import equal_error_rate, false_acceptance_rate, false_rejection_rate, mean_auc
from stresslib.evaluation.writer_dependent import draw_references, fit_machine, radial_machine, verify

GOLD = np.load(Path(__file__).with_name("authors_verification.npz"))
"""Features that were made up, and what the authors' `train_test_all_users` says of them (sigver at 6f8f438)."""

PEOPLE = GOLD["exp_y"], GOLD["exp_yforg"], GOLD["dev_y"], GOLD["dev_yforg"]


def test_the_authors_draw() -> None:
    draw = draw_references(*PEOPLE, n_references=5, n_test=6, n_negatives=4, random_state=1234)
    assert np.array_equal(GOLD["exp_x"][np.concatenate(draw.references)], GOLD["train_x"])
    tested = np.concatenate([np.concatenate(rows) for rows in zip(draw.genuine, draw.skilled, strict=True)])
    assert np.array_equal(GOLD["exp_x"][tested], GOLD["test_x"])
    assert len(draw.negatives) == 6 * 4


@pytest.mark.parametrize(
    ("name", "classifier"),
    [("rbf_g2m11", None), ("rbf_g005", radial_machine(0.05)), ("linear", SVC(kernel="linear"))],
)
def test_the_authors_scores_and_errors(name: str, classifier: Any) -> None:
    draw = draw_references(*PEOPLE, n_references=5, n_test=6, n_negatives=4, random_state=1234)
    found = verify(GOLD["exp_x"], GOLD["dev_x"], draw, classifier)
    for kind in ("genuine", "random", "skilled"):
        assert np.array(getattr(found, kind)) == pytest.approx(GOLD[f"{name}_{kind}Preds"], abs=1e-9)
    both, each = (equal_error_rate(found.genuine, found.skilled, own, as_published=True) for own in (False, True))
    errors = [false_rejection_rate(found.genuine), false_acceptance_rate(found.random), false_acceptance_rate(found.skilled)]
    ours = [*errors, mean_auc(found.genuine, found.skilled), both.rate, each.rate, both.threshold]
    assert ours == pytest.approx(GOLD[f"{name}_metrics"].tolist())


def test_references_weigh_as_much_as_negatives_and_nothing_is_centred() -> None:
    random = np.random.default_rng(0)
    mine, theirs = random.normal(3, 2, (4, 5)), random.normal(1, 2, (20, 5))
    machine = fit_machine(mine, theirs, SVC(kernel="linear"))
    rows = np.concatenate([mine, theirs]) / np.concatenate([mine, theirs]).std(axis=0)
    plain = SVC(kernel="linear", class_weight={1: 5.0}).fit(rows, np.repeat([1, -1], [4, 20]))
    asked = random.normal(2, 2, (7, 5))
    scaled = asked / np.concatenate([mine, theirs]).std(axis=0)
    assert machine.decision_function(asked) == pytest.approx(plain.decision_function(scaled))


def test_the_linear_machine_of_the_paper_fits_too() -> None:
    draw = draw_references(*PEOPLE, n_references=5, n_test=6, n_negatives=4, random_state=1234)
    found = verify(GOLD["exp_x"], GOLD["dev_x"], draw, LinearSVM(fit_intercept=True))
    assert equal_error_rate(found.genuine, found.random).rate < 0.2


def test_a_draw_keeps_references_out_of_the_test() -> None:
    for seed in range(3):
        draw = draw_references(*PEOPLE, n_references=5, n_negatives=4, random_state=seed)
        for enrolled, tested, forged in zip(draw.references, draw.genuine, draw.skilled, strict=True):
            assert sorted([*enrolled, *tested, *forged]) == sorted({*enrolled, *tested, *forged})
            assert len(enrolled) + len(tested) == 14
    first, other = (draw_references(*PEOPLE, n_references=5, n_negatives=4, random_state=seed) for seed in (0, 1))
    assert not np.array_equal(first.references[0], other.references[0])


def test_a_user_without_forgeries_has_no_skilled_scores() -> None:
    draw = draw_references([0, 0, 0, 1, 1, 1], [0, 0, 0, 0, 0, 0], [5, 5], n_references=2, n_negatives=2)
    found = verify(np.eye(6), np.eye(6)[:2] + 1, draw)
    assert [len(one) for one in found.skilled] == [0, 0] and [len(one) for one in found.random] == [1, 1]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"n_references": 3}, "user 8 has 3 genuine signatures; 3 references and 1 to test are needed"),
        ({"n_references": 1, "n_test": 3}, "user 8 has 3 genuine signatures; 1 references and 3 to test"),
        ({"n_negatives": 3}, "development writer 1 has 2 genuine signatures; 3 negatives are needed"),
        ({"n_references": 0}, "n_references=0, n_negatives=1, n_test=None: each is at least 1"),
    ],
)
def test_too_few_signatures_are_named(changed: dict[str, int], message: str) -> None:
    options = {"n_references": 2, "n_negatives": 1, **changed}
    with pytest.raises(ValueError, match=message):
        draw_references([7] * 5 + [8] * 4, [0] * 4 + [1] + [0] * 3 + [1], [1, 1, 2, 2], **options)


def test_people_with_one_reference_or_forgeries_alone_are_named() -> None:
    with pytest.raises(ValueError, match="user 8 has 1 genuine signature; 1 references and 1 to test"):
        draw_references([7, 7, 8], [0, 0, 0], [1], n_references=1, n_negatives=1)
    with pytest.raises(ValueError, match="user 8 has 0 genuine signatures"):
        draw_references([7, 7, 8], [0, 0, 1], [1], n_references=1, n_negatives=1)
    with pytest.raises(ValueError, match=r"writer of shape \(3,\) and its forged ones of shape \(2,\)"):
        draw_references([7, 7, 8], [0, 0], [1], n_references=1, n_negatives=1)
    with pytest.raises(ValueError, match=r"references of shape \(0, 3\) and negatives of shape \(2, 3\)"):
        fit_machine(np.empty((0, 3)), np.ones((2, 3)))
