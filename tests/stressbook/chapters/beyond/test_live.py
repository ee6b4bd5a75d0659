"""The page of live photographs: vectors that differ from the kept ones stop it, and its words have the numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from stressbook.chapters.beyond.live import measure, page


def test_live_vectors_that_differ_stop_the_page(tmp_path: Path) -> None:
    names = ["a.png", "b.png"]
    classes = measure.likeliest_classes(np.eye(2, 1000) * 9, names)
    vectors = np.float32([[1, 0], [0, 1]])
    page.save(Figure(), classes, vectors, tmp_path, "live")
    cosines = measure.cosines(vectors, tmp_path / "live.safetensors", names)
    assert cosines["cosine"].tolist() == [1, 1] and page.verdicts(cosines).startswith("The least cosine is 1.00000; below")
    assert page.table(cosines).index.tolist() == names
    with pytest.raises(ValueError, match=r"b\.png: the cosine"):
        measure.cosines(np.float32([[1, 0], [0.1, 1]]), tmp_path / "live.safetensors", names)
    assert page.verdicts(measure.cosines(vectors, "", names)).startswith("This run writes the vectors")


def test_photographs_are_shown_with_their_classes() -> None:
    pytest.importorskip("skimage")
    paths = measure.sample_photographs(["coffee.png", "page.png", "chelsea.png"])
    classes = measure.likeliest_classes(np.eye(3, 1000) * 9, [path.name for path in paths])
    assert classes["rank"].tolist() == 3 * [1, 2, 3, 4, 5]
    figure = page.plot(paths, classes)
    assert len(figure.axes) == 6
    first = classes.iloc[0]
    assert figure.axes[1].texts[0].get_text() == f"{first['name']}  {first['probability']:.0f}%"
    assert f"coffee.png: {first['name']}, {first['probability']:.0f}%" in page.alt_text(classes)
