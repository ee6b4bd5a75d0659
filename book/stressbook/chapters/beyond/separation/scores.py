"""Scores: the index beside the classifier's score, stress by stress."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure

from stressbook.chapters.beyond.separation.panels import grid
from stresslib.evaluation.separation import INDICES
from stresslib.features import METRICS
from stresslib.stress.spec import bits_per_vector, parse_spec

PRIMARY = "SI"
"""The index on which verdicts rest, fixed beforehand: the others are looked at, not chosen from."""

NEAR = 95.0
"""Percent of the full score from which on a stress is of interest: below, any meter sees the damage."""

ORDERED = 0.9
"""Rank correlation from which on an index is said to order stresses as the classifier does."""

VALIDATION = "-validation"

_RAMP = ListedColormap(["#E9C68C", "#CF9445", "#A9662A", "#7A4316", "#472506"])
"""Colours of 1 to 5 bits a value: light to dark, of FC's brown."""


def beside(results: pd.DataFrame) -> pd.DataFrame:
    """Set index and score of each stress beside each other.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        One row a feature set and stress, the unstressed first: `name`, `spec`, `bits` of a vector and `value_bits` of one
        number, each index, `score` on test rows, `validation`, and `kept` (percent of the full score).
    """
    rows = results[results["repeat"].isna() & results["metric"].isin([*INDICES, *METRICS])]
    scored = np.where(rows["dataset"].str.endswith(VALIDATION), "validation", "score")
    dataset = rows["dataset"].str.removesuffix(VALIDATION)
    specs = [
        "none" if stress == "none" else f"DR2:{size},Q2:{count}"
        for stress, size, count in zip(rows["stress"], rows["dimensions"], rows["values"], strict=True)
    ]
    rows = rows.assign(
        name=dataset + ", " + rows["model"] + ", " + rows["layer"],
        spec=specs,
        what=rows["metric"].where(rows["metric"].isin(INDICES), scored),
    )
    wide = rows.pivot_table(index=["name", "n_features", "spec"], columns="what", values="score", sort=False)
    table = wide.reindex(columns=[*INDICES, "score", "validation"]).dropna().reset_index().rename_axis(None, axis=1)
    # As they were measured; layers, which come first, are another order.
    places = {name: place for place, name in enumerate(dict.fromkeys(rows.loc[rows["what"] == "score", "name"]))}
    table = table.sort_values("name", key=lambda names: names.map(places), kind="stable", ignore_index=True)
    parsed = [parse_spec(spec) for spec in table["spec"]]
    table["bits"] = [bits_per_vector(spec, width) for spec, width in zip(parsed, table["n_features"], strict=True)]
    table["value_bits"] = [32 if spec.level is None else bits_per_vector(f"Q2:{spec.level}", 1) for spec in parsed]
    full = table[table["spec"] == "none"].set_index("name")["score"]
    return table.assign(kept=100 * table["score"] / table["name"].map(full))


def correlations(results: pd.DataFrame) -> pd.DataFrame:
    """Correlate each index with the score, over all stresses, and over those that keep most of the score.

    Returns
    -------
    pandas.DataFrame
        Indexed by feature set and index: `settings`, `pearson`, `spearman`; `near` of them keep 95% of the full score, whose
        rank correlation is `spearman_near`; the standard deviation of the score around a straight line is `residual`.
    """
    rows = {}
    for name, part in _stressed(results):
        for index in INDICES:
            near = part[part["kept"] >= NEAR]
            rows[name, index] = {
                "settings": len(part),
                "pearson": part[index].corr(part["score"]),
                "spearman": part[index].corr(part["score"], method="spearman"),
                "near": len(near),
                "spearman_near": near[index].corr(near["score"], method="spearman"),
                "residual": float(np.std(_residuals(part[index], part["score"]))),
            }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["features", "index"])


def _stressed(results: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    rows = beside(results)
    for name, part in rows[rows["spec"] != "none"].groupby("name", sort=False):
        yield str(name), part


def _residuals(index: pd.Series, score: pd.Series) -> np.ndarray[Any, Any]:
    slope, level = np.polyfit(index, score, 1)
    residuals: np.ndarray[Any, Any] = score.to_numpy() - (slope * index.to_numpy() + level)
    return residuals


def in_words(results: pd.DataFrame) -> str:
    """Say how far the index orders stresses as the classifier does, as a Markdown list."""
    lines = []
    for name, rows in correlations(results).groupby(level="features", sort=False):
        here: dict[Any, Any] = rows.droplevel("features").to_dict("index")
        row, best = here[PRIMARY], max(here, key=lambda index: here[index]["spearman"])
        line = f"- {name}: over {row['settings']:.0f} settings {PRIMARY} and the score have a Pearson correlation of "
        line += f"{row['pearson']:.2f} and a Spearman correlation of **{row['spearman']:.2f}**: {_degree(row['spearman'])}. "
        line += f"Around a straight line the score scatters by {row['residual']:.2f} points. "
        if row["near"] > 2:
            line += f"Among the {row['near']:.0f} that keep {NEAR:.0f}% of the full score, ranks correlate by "
            line += f"**{row['spearman_near']:.2f}**: {_degree(row['spearman_near'])}"
        else:
            line += f"Too few keep {NEAR:.0f}% of the full score to say more"
        if best != PRIMARY:
            line += f". {best} is nearer to the classifier ({here[best]['spearman']:.2f})"
        lines.append(f"{line}.")
    return "\n".join(lines)


def _degree(correlation: float) -> str:
    if not correlation >= 0.5:
        return "the index does not say in what order the scores are"
    return "the order of the scores" if correlation >= ORDERED else "the order of the scores in part"


def plot(results: pd.DataFrame) -> Figure:
    """Draw the score against the index on the left, and what a straight line leaves on the right, a row a feature set.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    matplotlib.figure.Figure
    """
    parts, rows = list(_stressed(results)), beside(results)
    full, found = rows[rows["spec"] == "none"].set_index("name"), correlations(results)
    figure, axes = grid(len(parts), 2, 2.15, sharey=False)
    norm = BoundaryNorm(np.arange(0.5, 6), _RAMP.N)
    for left, right, (name, part) in zip(axes[::2], axes[1::2], parts, strict=True):
        residuals = _residuals(part[PRIMARY], part["score"])
        look: dict[str, Any] = {"c": part["value_bits"], "cmap": _RAMP, "norm": norm, "s": 16, "linewidths": 0}
        points = left.scatter(part[PRIMARY], part["score"], **look)
        ends = np.array([part[PRIMARY].min(), part[PRIMARY].max()])
        left.plot(ends, np.polyval(np.polyfit(part[PRIMARY], part["score"], 1), ends), color="#888888", linewidth=1)
        left.plot(*full.loc[[name], [PRIMARY, "score"]].to_numpy().T, "*", color="#111111", markersize=9, label="no stress")
        right.scatter(part["bits"], residuals, **look)
        right.axhline(0, color="#888888", linewidth=1, zorder=0)
        right.set_xscale("log", base=2)
        right.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        row = found.xs(name, level="features").loc[PRIMARY]
        left.set_title(name.rpartition(",")[0], fontsize="small", fontweight="bold", loc="left")
        right.set_title(f"r = {row['pearson']:.2f}, ρ = {row['spearman']:.2f}", fontsize="small", loc="right")
        left.set_ylabel("score (%)")
        right.set_ylabel("residual (points)")
    axes[-2].set_xlabel(f"{PRIMARY} of the training rows (%)")
    axes[-1].set_xlabel("bits of a vector")
    bar = figure.colorbar(points, ax=axes, location="bottom", ticks=range(1, 6), shrink=0.4, aspect=30, pad=0.02)
    bar.set_label("bits of a value", fontsize="small")
    axes[0].legend(frameon=False, fontsize="small", handletextpad=0.2)
    return figure


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure of index and score in words, from its data."""
    said = in_words(results).replace("- ", "").replace("**", "").replace("\n", " ")
    return f"Scatter plots of the score against the separation index, and of the residuals against the bits. {said}"


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return :func:`correlations`, to two decimals."""
    table = correlations(results)
    whole = {name: table[name].astype(int) for name in ("settings", "near")}
    names = {"near": f"keep {NEAR:.0f}%", "spearman_near": "Spearman of these", "residual": "residual SD"}
    table = table.assign(**whole).rename(columns={"pearson": "Pearson", "spearman": "Spearman", **names})
    return table.round(2)
