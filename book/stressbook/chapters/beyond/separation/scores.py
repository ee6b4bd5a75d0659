"""Scores: the index of each stress beside the score of the classifier, and how far the two agree.

Reads the table of `measure`; `page` draws what is computed here, `choices` chooses by it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from stressbook.chapters.open_questions.answers import data_set
from stresslib.features import METRICS
from stresslib.running.separation_sweep import INDICES
from stresslib.stress.spec import FLOAT_BITS, bits_per_vector, parse_spec

PRIMARY = "SI"
"""The index on which the verdicts rest, fixed beforehand: the others are shown and not chosen from."""

NEAR = 95.0
"""Percent of the full score from which on a stress is of interest: below, any meter sees the damage."""

ORDERED = 0.9
"""Rank correlation that an index should reach for its order of the stresses to stand for that of the scores."""

TIE = 0.1
"""Two rank correlations no further apart are called a tie: over a hundred settings each is known to about as much."""

VALIDATION = "-validation"
"""Ending of a data set's name in the rows that were scored on a validation part."""


def index_and_score(results: pd.DataFrame) -> pd.DataFrame:
    """Return the indices and the scores of each stress in one row.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        A row for each feature set and stress, the unstressed first: `name`, `spec`, `bits` of a vector and `value_bits` of
        one number, each index, `score` on test rows, `validation`, and `kept` (percent of the full score).
    """
    rows = results[results["repeat"].isna() & results["metric"].isin([*INDICES, *METRICS])]
    scored = np.where(rows["dataset"].str.endswith(VALIDATION), "validation", "score")
    dataset = rows["dataset"].str.removesuffix(VALIDATION)
    rows = rows.assign(
        name=dataset + ", " + rows["model"] + ", " + rows["layer"],
        what=rows["metric"].where(rows["metric"].isin(INDICES), scored),
    )
    wide = rows.pivot_table(index=["name", "n_features", "spec"], columns="what", values="score", sort=False)
    table = wide.reindex(columns=[*INDICES, "score", "validation"]).dropna().reset_index().rename_axis(None, axis=1)
    # In the order in which the grids were measured; the layers, which come first in the table, have another.
    places = {name: place for place, name in enumerate(dict.fromkeys(rows.loc[rows["what"] == "score", "name"]))}
    table = table.sort_values("name", key=lambda names: names.map(places), kind="stable", ignore_index=True)
    parsed = [parse_spec(spec) for spec in table["spec"]]
    table["bits"] = [bits_per_vector(spec, width) for spec, width in zip(parsed, table["n_features"], strict=True)]
    table["value_bits"] = [FLOAT_BITS if spec.level is None else bits_per_vector(f"Q2:{spec.level}", 1) for spec in parsed]
    full = table[table["spec"] == "none"].set_index("name")["score"]
    return table.assign(kept=100 * table["score"] / table["name"].map(full))


def stressed_by_name(results: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Split :func:`index_and_score` into feature sets, without the unstressed rows.

    Yields
    ------
    name : str
    rows : pandas.DataFrame
    """
    rows = index_and_score(results)
    for name, part in rows[rows["spec"] != "none"].groupby("name", sort=False):
        yield str(name), part


def residuals(index: pd.Series, score: pd.Series) -> np.ndarray[Any, Any]:
    """Return what the least-squares line from the index to the score leaves, in points."""
    slope, level = np.polyfit(index, score, 1)
    left: np.ndarray[Any, Any] = score.to_numpy() - (slope * index.to_numpy() + level)
    return left


def correlations(results: pd.DataFrame) -> pd.DataFrame:
    """Correlate each index with the score, over all stresses and over those that keep most of the score.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        Indexed by feature set and index: `settings`, `pearson`, `spearman`; `near`, how many of them keep 95% of the full
        score, with their rank correlation `spearman_near`; `residual`, the standard deviation of the score around a straight
        line.
    """
    rows = {}
    for name, part in stressed_by_name(results):
        for index in INDICES:
            near = part[part["kept"] >= NEAR]
            rows[name, index] = {
                "settings": len(part),
                "pearson": part[index].corr(part["score"]),
                "spearman": part[index].corr(part["score"], method="spearman"),
                "near": len(near),
                "spearman_near": near[index].corr(near["score"], method="spearman"),
                "residual": float(np.std(residuals(part[index], part["score"]))),
            }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["features", "index"])


def verdicts(results: pd.DataFrame) -> str:
    """Say how far the ranks of the index are those of the score, as a Markdown list."""
    lines = []
    for name, rows in correlations(results).groupby(level="features", sort=False):
        of_index: dict[Any, Any] = rows.droplevel("features").to_dict("index")
        row = of_index[PRIMARY]
        line = f"- {data_set(str(name))}: over {row['settings']:.0f} settings, the ranks of {PRIMARY} and of the score "
        line += f"correlate by **{row['spearman']:.2f}**"
        if row["near"] > 2:
            line += f", over the {row['near']:.0f} that keep {NEAR:.0f}% of the full score by **{row['spearman_near']:.2f}**"
        line += f". Around a straight line the score scatters by {row['residual']:.2f} points. "
        lines.append(line + _compared(row["spearman"], of_index))
    lines.append(
        f"- Two rank correlations within {TIE} of each other count as a tie: few settings tell them no further apart."
    )
    return "\n".join(lines)


def _compared(primary: float, of_index: dict[Any, Any]) -> str:
    """Say which other index ranks stresses more as the score does; within :data:`TIE` it is a tie."""
    others = {index: row["spearman"] for index, row in of_index.items() if index != PRIMARY}
    best = max(others, key=lambda index: others[index])
    if others[best] > primary + TIE:
        return f"{best} comes nearer, by {others[best]:.2f}."
    if others[best] < primary - TIE:
        return f"No other index comes as near; the next is {best}, by {others[best]:.2f}."
    return f"{best}, by {others[best]:.2f}, is a tie."


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return :func:`correlations` to two decimals, under the headings of the page."""
    found = correlations(results)
    whole = {name: found[name].astype(int) for name in ("settings", "near")}
    names = {"near": f"keep {NEAR:.0f}%", "spearman_near": "Spearman of these", "residual": "residual SD"}
    return found.assign(**whole).rename(columns={"pearson": "Pearson", "spearman": "Spearman", **names}).round(2)
