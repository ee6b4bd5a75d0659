"""Intro: what the front page says about the results, and its index of figures.

It reads the committed results and the pictures of the other pages; nothing is computed here.
"""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import yaml
from PIL import Image, ImageOps

from stressbook.chapters.verdicts.claims import page as claims_page
from stressbook.chapters.verdicts.claims.measure import CLAIMS, INTERVAL
from stresslib.files import replacing
from stresslib.results import read_results

THUMBNAIL = (480, 360)
"""Width and height of a thumbnail, in pixels: twice those of a card, for screens with two pixels for one."""


def headline(results: str | Path) -> str:
    """Say what became of the first claim of the paper's abstract that has numbers.

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
    >>> print(headline("results")[:65])
    **The paper's headline: 98.4% of the bits can go for 0.88% of the
    """
    rows = claims_page.judged_claims(_claims_table(results))
    saved = CLAIMS[0].said.split(" ")[0]
    first = rows[rows["claim"] == CLAIMS[0].said]
    lost = 100 - first["kept"]
    # The paper's own data set goes first, where the table has it; the range is over all.
    own = lost[first["features"].str.startswith("voc2007")]
    on_theirs = f"On the paper's own data set, VOC 2007, it costs {_range(own)}% of the score here. " if len(own) else ""
    verdicts = ", ".join(f"{name} for {count}" for name, count in first["verdict"].value_counts().items())
    return (
        f"**The paper's headline: {saved} of the bits can go for {100 - first['paper'].iloc[0]:.2f}% of the score.** "
        f"{on_theirs}On the {len(first)} feature sets of this book, of photographs that anybody can have, the same "
        f"stress saves {first['rate'].min():.1f}% of the bits for {_range(lost)}% of the score. "
        f"By the rule of {{doc}}`claims`, the claim holds {verdicts}."
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
    for caption, names in catalogue["parts"].items():
        drawn = [name for name in names if (Path(output) / f"{name}.png").is_file()]
        cards = [_card(name, catalogue[name]["title"], Path(output)) for name in drawn]
        if cards:
            lines += [f"**{caption}**", "", "::::{grid} 2 2 3 3", ":gutter: 2", "", *cards, "::::", ""]
    return "\n".join(lines)


def _card(name: str, title: str, output: Path) -> str:
    picture = output / "thumbnails" / f"{name}.webp"
    picture.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(output / f"{name}.png") as image, replacing(picture) as temporary:
        # The top of a tall picture: a thumbnail has to be told from others, not to be read.
        small = ImageOps.fit(image.convert("RGB"), THUMBNAIL, centering=(0.5, 0.0))
        small.save(temporary, "WEBP", quality=80)
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
            ":::",
            "",
        ]
    )


def verdicts(results: str | Path) -> str:
    """Return the verdict on each claim, as a Markdown list.

    Parameters
    ----------
    results : path-like
        The folder with the tables.
    """
    return claims_page.verdicts(_claims_table(results), claims_page.classical_verdict(_claims_path(results)))


def _claims_path(results: str | Path) -> Path:
    return Path(results) / "claims.csv"


def _claims_table(results: str | Path) -> pd.DataFrame:
    return read_results(_claims_path(results), INTERVAL)
