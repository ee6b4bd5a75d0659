"""Numbers in the prose that nobody computes while the book is built: each is computed here, and must stand there."""

from __future__ import annotations

import pytest
from places import ROOT

import stresslib as sl
from stresslib.classical import find_method
from stresslib.evaluation import conjugate_gradients
from stresslib.results import TOLERANCE


def test_the_tolerance_is_so_many_test_images() -> None:
    text = (ROOT / "book" / "method.md").read_text(encoding="utf-8")
    test = sl.load_features("caltech101", "efficientnet-lite0").test.sum()
    assert f"a tolerance of {TOLERANCE} points: {TOLERANCE / 100 * test:.0f} test images of Caltech-101" in " ".join(
        text.split()
    )


def test_the_table_of_data_sets() -> None:
    text = (ROOT / "book" / "method.md").read_text(encoding="utf-8")
    digits, caltech = (sl.load_features(name, "efficientnet-lite0") for name in ("digits", "caltech101"))
    per_class = {name: int((f.y[f.train] == 0).sum()) for name, f in (("digits", digits), ("caltech101", caltech))}
    assert f"| digits | scikit-learn's {len(digits.y):,} handwritten digits" in text
    assert f"{per_class['digits']} of each class train" in text
    assert f"{per_class['caltech101']} images of each class train" in text


@pytest.mark.parametrize(("layer", "words"), [("pooled", "codewords: {:,} numbers"), ("pyramid", "with a pyramid {:,};")])
def test_widths_of_bossanova(layer: str, words: str) -> None:
    method = find_method("bossanova")
    text = (ROOT / "book" / "method.md").read_text(encoding="utf-8")
    assert f"{method.codewords:,} codewords" in text and words.format(method.width(layer)) in text


def test_the_preconditioner_has_so_many_directions() -> None:
    text = (ROOT / "book" / "solver.md").read_text(encoding="utf-8")
    assert f"finds the {conjugate_gradients._RANK} steepest directions" in text
    assert "The default stops at $10^{-5}$." in text and sl.LinearSVM().tol == 1e-5
