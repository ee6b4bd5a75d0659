"""Choices: the stress that the index chooses, beside those that validation and the test score choose.

The part of the chapter's page about the index as a way to choose.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from stressbook.chapters.beyond.separation.scores import PRIMARY, index_and_score
from stressbook.chapters.open_questions.answers import data_set
from stresslib.running.separation_sweep import INDICES
from stresslib.stress.spec import parse_spec

WITHIN = 1.0
"""Points that an index, or a validation score, may lose for a stress to be chosen."""

_CRITERIA = {**{name: name for name in INDICES}, "validation": "validation", "test": "score"}
"""Ways to choose, with the column that each looks at; nobody can choose by the test score."""


def choices(results: pd.DataFrame) -> pd.DataFrame:
    """Choose the stress of fewest bits that loses no more than a point of an index, the validation or the test score.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        Indexed by feature set and way of choosing: `spec`, `bits`, the test `score`, and `lost`, the points by which that is
        below the score without a stress. Among stresses of equal bits the best by the same criterion is chosen.
    """
    rows = {}
    for name, part in index_and_score(results).groupby("name", sort=False):
        full = part[part["spec"] == "none"].iloc[0]
        for way, column in _CRITERIA.items():
            fits = part[part[column] >= full[column] - WITHIN]
            found = fits.sort_values(["bits", column], ascending=[True, False], kind="stable").iloc[0]
            lost = full["score"] - found["score"]
            rows[name, way] = {"spec": found["spec"], "bits": found["bits"], "score": found["score"], "lost": lost}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["features", "chosen by"])


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return :func:`choices` to two decimals, under the headings of the page."""
    renamed = choices(results).rename(columns={"score": "test score", "lost": "points lost"})
    return renamed.rename(index={"test": "test (nobody can)"}).round(2)


def verdicts(results: pd.DataFrame) -> str:
    """Say what choosing by the index costs, compared with choosing by validation, as a Markdown list."""
    lines = []
    for name, rows in choices(results).groupby(level="features", sort=False):
        by: dict[Any, Any] = rows.droplevel("features").to_dict("index")
        index, held_out = by[PRIMARY], by["validation"]
        lines.append(
            f"- {data_set(str(name))}: {PRIMARY} chooses {_stress(index)}, which loses **{index['lost']:.2f} "
            f"points** of the test score; validation chooses {_stress(held_out)}, which loses {held_out['lost']:.2f}. "
            f"{_bits_compared(index['bits'] / held_out['bits'])}"
        )
    return "\n".join(lines)


def _stress(choice: dict[str, Any]) -> str:
    """Return a chosen stress as a sentence has it."""
    if choice["spec"] == "none":
        return f"the vectors as they are ({choice['bits']:,} bits)"
    spec = parse_spec(choice["spec"])
    return f"{spec.dimensions} principal components of {spec.dictionary_size} values ({choice['bits']:,} bits)"


def _bits_compared(ratio: float) -> str:
    if ratio == 1:
        return "Both cost the same."
    return f"The index pays {ratio:.2f} times the bits." if ratio > 1 else f"The index takes {ratio:.2f} times the bits."
