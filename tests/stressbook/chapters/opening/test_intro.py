"""The front page: what it says is in the table of claims, and every picture has one card, where the contents have it."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pandas as pd
import pytest
from PIL import Image
from places import ROOT

import stresslib as sl
from stressbook.chapters.opening.intro import page
from stressbook.chapters.verdicts.claims import measure as claims_measure
from stresslib.results import with_specs


def test_the_headline_is_that_of_the_table(tmp_path: Path) -> None:
    """Two feature sets that keep 99.5 and 95% cost half a percent and five."""
    spec = claims_measure.CLAIMS[0].spec(1280)
    rows = [
        {"dataset": name, "model": "net", "layer": "fc", "n_features": 1280, "stress": stress, "metric": "accuracy"}
        | {
            "dimensions": dimensions,
            "values": values,
            "score": kept,
            "kept": kept,
            "kept_low": kept - 0.1,
            "kept_high": kept + 0.1,
        }
        for name, share in (("good", 99.5), ("bad", 95.0))
        for stress, dimensions, values, kept in (("none", None, None, 100.0), ("pca+uniform", 128, 27, share))
    ]
    assert spec == "DR2:128,Q2:27"
    committed = sl.read_results(ROOT / "results" / "claims.csv", claims_measure.INTERVAL)
    table = pd.DataFrame(rows).reindex(columns=committed.columns)
    sl.write_results(with_specs(table), tmp_path / "claims.csv", claims_measure.INTERVAL)
    said = page.headline(tmp_path)
    assert "98.4% of the bits can go for 0.88% of the score" in said
    assert said.endswith("costs 0.50 to 5.00% on good and bad.")
    table = table.assign(dataset=table["dataset"].replace("bad", "voc2007-val"))
    sl.write_results(with_specs(table), tmp_path / "claims.csv", claims_measure.INTERVAL)
    assert page.headline(tmp_path).endswith("costs 5.00% on VOC 2007, the paper's data set, and 0.50% on good.")
    marks = [line.split(" | ")[1].removesuffix(" |").split("&nbsp;") for line in page.grid(tmp_path).splitlines()[3:5]]
    assert marks == [["○", "95.0"], ["●", "99.5"]], "VOC 2007 first"


def test_every_picture_has_a_card_and_a_small_thumbnail(tmp_path: Path) -> None:
    """In the order and under the parts of the contents; a page whose picture is not there has none."""
    for name in ("networks", "figure-4"):
        Image.new("RGBA", (1600, 900), "white").save(tmp_path / f"{name}.png")
    cards = page.index(ROOT / "results", tmp_path)
    assert (
        cards.index("**The paper, run again**")
        < cards.index("Figure 4: A handful of values per number is enough")
        < cards.index("**What the paper left open**")
    )
    assert cards.index(":link: figure-4") < cards.index(":link: networks") and cards.count("grid-item-card") == 2
    assert cards.count("::::{grid}") == 2
    for path in (tmp_path / "thumbnails").iterdir():
        assert path.suffix == ".webp" and path.stat().st_size < 30_000
        with Image.open(path) as image:
            assert image.size == page.THUMBNAIL


def test_the_front_page_takes_its_opening_from_the_page_of_all_stresses(tmp_path: Path) -> None:
    """Where that page did not run, it says nothing."""
    said = nbformat.v4.new_output("display_data", data={"text/markdown": "**FC takes most.** The rest less."})
    table = nbformat.v4.new_output("display_data", data={"text/markdown": "| a table |"})
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("page", outputs=[said, table])])
    nbformat.write(notebook, tmp_path / "gauge.ipynb")
    assert page.gauge(tmp_path) == ""
    (tmp_path / "gauge.svg").write_text("<svg/>")
    shown = page.gauge(tmp_path)
    assert shown.startswith("**FC takes most.** The rest less.\n\n```{figure} gauge.svg") and "a table" not in shown
    assert "{doc}`The page of all stresses <gauge>`" in shown


def test_a_card_has_the_answer_of_its_page(tmp_path: Path) -> None:
    """The first bold text of an output, without marks; what is bold in the prose is none."""
    Image.new("RGBA", (1600, 900), "white").save(tmp_path / "bias.png")
    said = nbformat.v4.new_output("display_data", data={"text/markdown": "**No: `QA` gains _0.1_ points.** More, **bold**."})
    cells = [nbformat.v4.new_markdown_cell("**Not this.**"), nbformat.v4.new_code_cell("say()", outputs=[said])]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "bias.ipynb")
    assert "\n\nNo: QA gains 0.1 points.\n:::" in page.index(ROOT / "results", tmp_path)


@pytest.mark.parametrize("name", ["grid", "headline"])
def test_the_front_page_stands_on_the_committed_results(name: str) -> None:
    assert len(getattr(page, name)(ROOT / "results")) > 200
