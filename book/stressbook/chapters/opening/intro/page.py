"""Intro: what the front page says about the results, and its index of figures.

It reads the committed results and the pictures of the other pages; nothing is computed here.
"""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path

import pandas as pd
import yaml
from PIL import Image, ImageOps

from stressbook.chapters.verdicts.claims import page as claims_page
from stressbook.chapters.verdicts.claims.measure import CLAIMS, INTERVAL
from stressbook.drawing import words
from stresslib.files import replacing
from stresslib.paper.published import GRID
from stresslib.results import read_results

THUMBNAIL = (480, 360)
"""Width and height of a thumbnail, in pixels: twice those of a card, for screens with two pixels for one."""


def headline(results: str | Path) -> str:
    """Say what became of the first claim of the paper's abstract that has numbers, at the setting that the paper quotes.

    Parameters
    ----------
    results : path-like
        The folder with the table of claims.

    Returns
    -------
    str
        Markdown.

    Examples
    --------
    >>> print(headline("results")[:62])
    **The paper: 98.4% of the bits can go for 0.88% of the score.*
    """
    rows = claims_page.judged_claims(claims_table(results))
    claim = CLAIMS[0]
    first = rows[rows["claim"] == claim.said]
    lost = 100 - first["kept"]
    # The paper's own data set goes first, where the table has it.
    own = first["dataset"].str.startswith("voc2007")
    said = [f"{_range(lost[own])}% on VOC 2007, the paper's data set"] if own.any() else []
    if not own.all():
        others = words.data_sets(first.loc[~own, "dataset"].unique())
        said.append(f"{_range(lost[~own])}% on {others}")
    lowered = 100 - first["paper"].iloc[0]
    dimensions = words.percent_of_grid(claim.step or GRID)
    return (
        f"**The paper: {claim.said.split(' ')[0]} of the bits can go for {lowered:.2f}% of the score.** Here the same "
        f"setting, taken from the paper and not chosen on test images ({dimensions} of the dimensions, as principal "
        f"components with a dictionary each), costs {', and '.join(said)}."
    )


def gauge(output: str | Path) -> str:
    """Return what the page of all stresses says first, and its picture; empty where that page did not run.

    Parameters
    ----------
    output : path-like
        The folder with the executed pages and their pictures.

    Returns
    -------
    str
        Markdown.
    """
    page = Path(output) / "gauge.ipynb"
    if not page.is_file() or not page.with_suffix(".svg").is_file():
        return ""
    cells = json.loads(page.read_text(encoding="utf-8"))["cells"]
    shown = [one["data"].get("text/markdown", "") for cell in cells for one in cell.get("outputs", []) if "data" in one]
    said = next(filter(None, ("".join(text) for text in shown)), "")
    return (
        f"{said}\n\n```{{figure}} gauge.svg\n:alt: How much each stress takes away before the score falls; "
        "described on its page.\n:target: gauge.html\n\n"
        "How much each stress takes away while the median network keeps 95% of its score; "
        "bar: from 99% to 90%. {doc}`The page of all stresses <gauge>` has the rest.\n```"
    )


def _range(values: pd.Series) -> str:
    """Return the smallest and the largest value as words; one where they are the same."""
    return " to ".join(dict.fromkeys(f"{value:.2f}" for value in (values.min(), values.max())))


def index(results: str | Path, output: str | Path) -> str:
    """Return the index of figures as a grid of cards for each part of the book, and write the thumbnails.

    Parameters
    ----------
    results : path-like
        The folder of the results, beside notebooks/.
    output : path-like
        The folder with the pages' pictures, NAME.png; the thumbnails go to ``thumbnails/`` in it. A page without a picture
        has no card.

    Returns
    -------
    str
        Markdown of sphinx-design.
    """
    root = Path(results).parent
    catalogue = yaml.safe_load((root / "notebooks" / "figures.yml").read_text(encoding="utf-8"))
    lines = []
    for caption, pages in catalogue["parts"].items():
        # A page with others below it is a mapping.
        nested = [one if isinstance(one, dict) else {one: []} for one in pages]
        names = [name for one in nested for page, below in one.items() for name in (page, *below)]
        drawn = [name for name in names if (Path(output) / f"{name}.png").is_file()]
        cards = [_card(name, catalogue[name]["title"], Path(output)) for name in drawn]
        if cards:
            lines += [f"**{caption}**", "", "::::{grid} 2 2 3 3", ":gutter: 2", "", *cards, "::::", ""]
    return "\n".join(lines)


def _card(name: str, title: str, output: Path) -> str:
    picture = output / "thumbnails" / f"{name}.webp"
    picture.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(output / f"{name}.png") as image, replacing(picture) as temporary:
        small = ImageOps.pad(image.convert("RGB"), THUMBNAIL, color="white")
        small.save(temporary, "WEBP", quality=65)
    number = re.fullmatch(r"figure-(\d+)", name)
    text = f"Figure {number[1]}: {title}" if number else title
    return "\n".join(
        [
            f":::{{grid-item-card}} {text}",
            f":img-top: thumbnails/{name}.webp",
            ":img-alt: ",
            f":link: {name}",
            ":link-type: doc",
            ":class-title: sd-fs-6",
            ":class-body: answer",
            *_answer(output / f"{name}.ipynb"),
            ":::",
            "",
        ]
    )


def _answer(notebook: Path) -> list[str]:
    """Return what a notebook answers in bold, from its results, shortened to some lines; nothing where it does not."""
    if not notebook.is_file():
        return []
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        for output in cell.get("outputs", []):
            said = re.match(r"\*\*(.+?)\*\*", "".join(output.get("data", {}).get("text/markdown", "")), re.DOTALL)
            if said:
                plain = re.sub(r"[`*_]|\{\w+\}", "", said[1])
                return ["", textwrap.shorten(plain, 180, placeholder=" …")]
    return []


def grid(results: str | Path) -> str:
    """Return what each feature set keeps under each claim of the paper, as a Markdown table with its legend.

    Parameters
    ----------
    results : path-like
        The folder with the table of claims.
    """
    filled, half, empty = claims_page.MARKS.values()
    return (
        f"{claims_page.grid(claims_table(results))}\n\n"
        f"Percent of the full score that is kept. {filled}: the whole 95% interval lies above the paper's share less "
        f"{claims_page.MARGIN} points; {half}: that value lies in the interval; {empty}: the interval lies below it."
    )


def claims_table(results: str | Path) -> pd.DataFrame:
    """Read the table of claims from the folder of the tables."""
    return read_results(Path(results) / "claims.csv", INTERVAL)
