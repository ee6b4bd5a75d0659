"""Sets of a few numbers or a few images: refused by name before anything runs, or with how much an image is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

import stresslib as sl
from stressbook import notebook
from stressbook.chapters.beyond.rate.measure import paper_spec
from stressbook.chapters.open_questions.data_size import measure as data_size
from stressbook.chapters.open_questions.networks import measure as networks
from stressbook.chapters.open_questions.selection import measure as selection
from stressbook.chapters.reference.data_card import measure as data_card
from stressbook.chapters.rerun.figure_2 import measure as figure_2
from stressbook.chapters.rerun.figure_4 import page as figure_4
from stressbook.chapters.verdicts.claims import measure as claims
from stressbook.chapters.verdicts.classical import measure as classical
from stressbook.drawing.words import small_tests
from stresslib.paper.published import grid_dimensions, sizes_at


def narrow(width: int = 8, rows: int = 60, test: int = 20) -> sl.FeatureSet:
    generator = np.random.default_rng(0)
    return sl.FeatureSet(
        generator.normal(size=(rows, width)),
        np.arange(rows) % 2,
        np.arange(rows) < rows - test,
        provenance={"dataset": "narrow"},
    )


@pytest.mark.parametrize(
    "specs",
    [
        lambda width: figure_2.specs(width),
        lambda width: classical.specs(width, [1], [4], [32], [256]),
        lambda width: data_card.specs(width),
        lambda width: networks.specs(width, [1], [4]),
        lambda width: selection.specs(width, [4]),
        lambda width: data_size.specs(width, [1], [4]),
        lambda width: claims.CLAIMS[0].spec(width),
        paper_spec,
    ],
)
def test_a_share_of_less_than_one_dimension_is_named(specs: Any) -> None:
    """Not the stress DR1:0, which nobody has asked for."""
    with pytest.raises(ValueError, match=r"\d dimensions are too few for (5|10)% of them; take larger shares, or vectors"):
        specs(8)
    assert specs(40)


def test_sizes_are_those_of_the_papers_grid() -> None:
    """Both roundings, at every width that is shipped."""
    for width in (64, 512, 1024, 1280, 4096):
        assert sizes_at(width, range(1, 21)) == grid_dimensions(width)
        assert sizes_at(width, range(1, 21), exact=True) == [width * step // 20 for step in range(1, 21)]
    assert sizes_at(8, [5, 20]) == [2, 8]


def test_the_set_is_named_and_nothing_runs(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = narrow().save(tmp_path / "narrow.safetensors")
    monkeypatch.setattr(figure_2, "sweep", None)
    with pytest.raises(ValueError, match=r"^narrow/own/own: 8 dimensions are too few for 5%"):
        notebook.measured(figure_2.measure, str(path), "", "")


def test_the_page_says_how_much_one_image_is(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is half a point or more, and of what."""
    said: list[str] = []
    monkeypatch.setattr(notebook, "say", said.append)
    path = narrow(40).save(tmp_path / "narrow.safetensors")
    notebook.measured(lambda features: pd.DataFrame({"n": [1]}), str(path), "", "")
    assert len(said) == 1 and "20 test images: one of them is 5.0 points of the accuracy" in said[0]
    assert "above 100%" in said[0]
    assert small_tests([narrow(40, 600, 201)]) == ""
    uneven = narrow(40, 100, 50).replace(metric="mean-class-accuracy")
    assert "up to 2.0 points of the mean-class-accuracy" in small_tests([uneven])


def drawn(values: list[int], kept: float = 99.0) -> Any:
    """Figure 4 of a set measured at some sizes of the dictionary: its panels."""
    at = {"dataset": "d", "model": "m", "layer": "l", "n_features": 64, "metric": "accuracy"}
    rows = [{**at, "stress": "none", "score": 80.0}]
    rows += [{**at, "stress": s, "values": v, "score": 0.8 * kept} for s in figure_4.STRESSES for v in values]
    figure = figure_4.plot(sl.results.results_table(rows))
    plt.close(figure)
    return figure.axes


def test_the_enlarged_panel_of_figure_4_follows_what_was_asked() -> None:
    """Its width, and a share above 100%. The paper's grid is as it was."""
    whole, near, *_ = drawn([2, 3, 4, 8, 16, 30])
    assert near.get_xlim() == whole.get_xlim() == pytest.approx((1.75, 35)) and near.get_ylim() == pytest.approx((94, 101.5))
    whole, near, *_ = drawn([2, 4, 8, 64, 256], kept=105.3)
    assert near.get_ylim()[1] == pytest.approx(105.8) and whole.get_ylim()[1] > 105.3
    assert near.get_xlim() == whole.get_xlim() and whole.get_xlim()[1] > 256
