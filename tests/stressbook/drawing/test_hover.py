"""Titles of marks: each mark of a curve says its panel, its curve and its values, and nothing else is changed."""

from __future__ import annotations

import re
from pathlib import Path

from matplotlib.figure import Figure

from stressbook.drawing.style import save_figure


def drawn(folder: Path) -> str:
    """Two panels that share an axis: a curve with a gap, one without marks, and points, one of them on the curve."""
    figure = Figure(layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    left.set(title="photographs", xlabel="bits", ylabel="score (%)")
    left.plot([1, 2, 4], [50, float("nan"), 99.25], marker="o", label="ours & theirs")
    left.plot([1, 4], [60, 60], label="no marks")
    right.scatter([1000, 2048], [50, 99.25], label="points")
    right.plot([2048], [99.25], "s", label="_unnamed")
    save_figure(figure, folder, "drawn")
    return (folder / "drawn.svg").read_text(encoding="utf-8")


def test_every_mark_says_its_panel_its_curve_and_both_values(tmp_path: Path) -> None:
    titles = re.findall(r"<use [^>]*><title>(.*?)</title></use>", drawn(tmp_path), re.DOTALL)
    assert titles[:2] == [
        "photographs; ours &amp; theirs; bits 1; score (%) 50",
        "photographs; ours &amp; theirs; bits 4; score (%) 99.25",
    ]
    # The right panel has no title and no label of its own for what it shares; its two marks at one place say both.
    assert titles[2] == "points; 1,000; score (%) 50"
    assert titles[3:] == ["2,048; score (%) 99.25\npoints; 2,048; score (%) 99.25"] * 2


def test_the_picture_is_the_same_and_its_bytes_are_those_of_the_next_run(tmp_path: Path) -> None:
    text = drawn(tmp_path / "one")
    assert text == drawn(tmp_path / "two")
    assert text.count("<title>") == 5
