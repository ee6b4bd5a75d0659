"""Privacy: how often two databases of templates tell that the same people are in both, in words.

From the table of `measure`.
"""

from __future__ import annotations

import pandas as pd

from stressbook.chapters.people.signatures.effects import of_kind, shown
from stressbook.chapters.people.signatures.names import CHANCE, LEARNED, LINKED


def linkage(results: pd.DataFrame) -> str:
    """Say how often a person is found in another database, by the bytes of a template.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    str
        Markdown.
    """
    rows = of_kind(shown(results), LINKED, LEARNED).sort_values("bytes")
    chance = float(of_kind(shown(results), CHANCE, LEARNED)["score"].iloc[0])
    said = [
        f"at {row['bytes']:,.0f} bytes **{row['score']:.0f}%** ({row['score_low']:.0f} to {row['score_high']:.0f})"
        for row in rows.to_dict("records")
    ]
    return (
        "Of two databases with one genuine signature of each person, a nearest neighbour finds the same person "
        f"{', '.join(said)} of the time; by chance it would be {chance:.0f}%."
    )
