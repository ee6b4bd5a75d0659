"""Errata: what the published numbers say about themselves, and that a changed number would be noticed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from stressbook.chapters.verdicts.errata import page, statements
from stresslib.paper.published import published, with_shares


def changed(monkeypatch: pytest.MonkeyPatch, change: Callable[[pd.DataFrame], None]) -> pd.Series:
    """Which statements hold in a published table with a change."""
    table = published()
    change(table)
    monkeypatch.setattr(statements, "published", table.copy)
    monkeypatch.setattr(statements.tables, "published_shares", with_shares(table).copy)
    return statements.checked_statements()["holds"]


def test_every_statement_holds() -> None:
    """And each says with which numbers."""
    checked = statements.checked_statements()
    assert checked["holds"].all()
    assert checked["numbers"].str.contains(r"\d").all()
    assert page.headline(checked).startswith(f"**{len(checked)} of {len(checked)} statements")


@pytest.mark.parametrize(
    ("dataset", "images", "others"), [("mit67", 1340, [1339, 1341, 670]), ("food101", 29_998, [25_250, 29_997, 30_000])]
)
def test_the_scores_are_counts_of_the_test_images(dataset: str, images: int, others: list[int]) -> None:
    """k/1340 and k/29998, and no other size near; ETHZ's Food-101 has 25,250."""
    scores = statements.single_runs(dataset)
    assert len(scores) == 25
    assert statements.fitting(scores, [images, *others]) == [images]
    assert statements.distance(scores, others).min() > 0.2


@pytest.mark.parametrize(("dataset", "images", "first_class"), [("mit67", 1340, 20), ("food101", 29_998, 333)])
def test_all_zero_features_score_the_first_class(dataset: str, images: int, first_class: int) -> None:
    """With every bit erased all images go to class 1: 20 of 1,340, and 333 of 29,998."""
    table = published()
    rows = table[table["dataset"].eq(dataset) & table["removed_bits"].ge(62)]
    assert len(rows) == 3
    assert rows["score"].tolist() == [round(100 * first_class / images, 6)] * 3


@pytest.mark.parametrize(
    ("place", "statement"),
    [
        ({"dataset": "mit67", "removed_bits": 10}, 0),
        ({"dataset": "food101", "removed_bits": 10}, 1),
        ({"dataset": "mit67", "dimensions": 409}, 2),
        ({"dataset": "food101", "dimensions": 409}, 3),
        ({"source": "figure-5", "dimensions": 409, "values": 27}, 7),
        ({"source": "figure-5", "dimensions": 409, "values": 17}, 8),
        ({"source": "figure-4", "stress": "uniform-shared", "values": 7}, 9),
    ],
)
def test_another_score_is_noticed(monkeypatch: pytest.MonkeyPatch, place: dict[str, object], statement: int) -> None:
    """Each numerical statement depends on the numbers that it is about."""

    def change(table: pd.DataFrame) -> None:
        rows = pd.Series(data=True, index=table.index)
        for name, value in place.items():
            rows &= table[name].eq(value)
        assert rows.any()
        table.loc[rows, "score"] += 0.97  # no whole number of images of either data set

    holds = changed(monkeypatch, change)
    assert not holds[statement]


def test_another_deviation_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deviations that divide by n - 1 would not have been taken for such by n."""

    def change(table: pd.DataFrame) -> None:
        table["score_sd"] *= (10 / 9) ** 0.5

    assert not changed(monkeypatch, change)[4]


def test_the_figure_shows_where_the_counts_fit() -> None:
    """In each panel the marked size lies below the line of rounding, and nearly every other one far above."""
    figure = page.plot()
    for ax, images in zip(figure.axes, statements.TEST_IMAGES.values(), strict=True):
        curve, point = ax.lines[:2]
        assert np.max(point.get_xdata()) == images
        assert np.sort(curve.get_ydata())[1] > 1e-3 > np.max(point.get_ydata())
    assert "1,340" in page.alt_text()
    assert "29,998" in page.alt_text()
