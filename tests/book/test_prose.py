"""Numbers in the prose that nobody computes while the book is built: each is computed here, and must stand there."""

from __future__ import annotations

import re

import pytest
from places import ROOT

import stresslib as sl
from stressbook.chapters.verdicts.claims.page import FILLED, MARGIN
from stressbook.drawing.style import COLOURS
from stressbook.drawing.words import paper_name
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
    """Of Food-101 half of the images of ten classes are there."""
    text = (ROOT / "book" / "method.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([\w-]+)[^|]*(\|.*)$", text, re.M))
    names = ("voc2007-val", "food101-10", "caltech101", "scenes15", "digits", "coco")
    assert list(rows)[-len(names) :] == list(names)
    shipped = {name: sl.load_features(name, "efficientnet-lite0") for name in names[:-1]}
    sizes = {name: (f"{len(f.y):,}", f"{f.train.sum():,}", f"{f.test.sum():,}") for name, f in shipped.items()}
    first = {name: int((f.y[f.train] == 0).sum()) for name, f in shipped.items() if f.y.ndim == 1}
    voc, food = shipped["voc2007-val"], shipped["food101-10"]
    count, train, test = sizes["voc2007-val"]
    assert f"{count} photographs of VOC 2007, {len(voc.classes)} classes" in rows["voc2007-val"]
    assert f"{train} of train train, {test} of val test" in rows["voc2007-val"] and voc.metric == "mAP"
    assert f"{len(voc.provenance['missing'].split(', '))} images are missing" in rows["voc2007-val"]
    count, train, test = sizes["food101-10"]
    assert f"{count} photographs of Food-101 of ETH Zurich, {len(food.classes)} of its 101 classes" in rows["food101-10"]
    assert f"{train} train, {test} test" in rows["food101-10"] and 2 * len(food.y) == 10_000
    assert f"scikit-learn's {sizes['digits'][0]} handwritten digits" in rows["digits"]
    assert f"{first['digits']} of each class train" in rows["digits"]
    assert f"{first['caltech101']} images of each class train" in rows["caltech101"]
    for name in ("caltech101", "scenes15"):
        assert f"{len(shipped[name].classes)} classes" in rows[name]


def test_colours_of_the_page_on_reading_are_those_of_the_figures() -> None:
    text = (ROOT / "book" / "reading.md").read_text(encoding="utf-8")
    named = dict(re.findall(r'style="color:(#\w+)".*\{term\}`([\w-]+)`', text))
    assert named == {colour: paper_name(stress) for stress, colour in COLOURS.items()}


def test_the_rule_of_the_page_on_reading_is_that_of_the_claims() -> None:
    text = (ROOT / "book" / "reading.md").read_text(encoding="utf-8")
    assert "the paper's share, minus half a point" in text and MARGIN == 0.5
    assert re.findall(r"^\| [^|]*\*\*([\w ]+)\*\* \|", text, re.M) == list(FILLED)


@pytest.mark.parametrize(("layer", "words"), [("pooled", "codewords: {:,} numbers"), ("pyramid", "with a pyramid {:,};")])
def test_widths_of_bossanova(layer: str, words: str) -> None:
    method = find_method("bossanova")
    text = (ROOT / "book" / "method.md").read_text(encoding="utf-8")
    assert f"{method.codewords:,} codewords" in text and words.format(method.width(layer)) in text


def test_the_preconditioner_has_so_many_directions() -> None:
    text = (ROOT / "book" / "solver.md").read_text(encoding="utf-8")
    assert f"finds the {conjugate_gradients._RANK} steepest directions" in text
    assert "The default stops at $10^{-5}$." in text and sl.LinearSVM().tol == 1e-5
