"""Claims: what the abstract and the captions of the paper say, what was measured here, and a verdict by one fixed rule.

The intervals are made by :func:`measure`, once; verdict and figure are drawn from the table that holds them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.verdicts.claims.measure import MARGIN, RANDOM, judged
from stressbook.chapters.verdicts.classical import page
from stressbook.drawing import style
from stresslib.paper.published import GRID, published, with_shares
from stresslib.results import read_results

FACES: dict[str, Any] = {"holds": 1.0, "in part": 0.45, "does not hold": 0.0}
"""How much of its colour a point is filled with, for each verdict."""


def plot(table: pd.DataFrame) -> Figure:
    """Draw the interval of what each feature set keeps, for each claim, and the value that decides.

    Parameters
    ----------
    table : pandas.DataFrame
        Of :func:`measure`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = judged(table)
    names, claims = list(rows["features"].unique()), list(rows["claim"].unique())
    figure, axes = style.panels(len(claims), height=0.55 + 0.26 * len(names), sharex=True)
    for ax, claim in zip(axes, claims, strict=True):
        here = rows[rows["claim"] == claim].set_index("features").reindex(names)
        colour, paper = style.COLOURS[here["stress"].iloc[0]], here["paper"].iloc[0]
        ax.axvline(paper - MARGIN, color="#333333", linewidth=1, linestyle=(0, (4, 2)), label=f"decides: paper - {MARGIN}")
        ax.axvline(paper, color="#999999", linewidth=0.8, label="the paper keeps (VGG-M on VOC 2007)")
        for place, row in enumerate(here.to_dict("records")):
            ax.plot([row["kept_low"], row["kept_high"]], [place, place], color=colour, linewidth=2.4, solid_capstyle="butt")
            ax.plot(row["kept"], place, "o", ms=7, mec=colour, mew=1.6, mfc="white")
            ax.plot(row["kept"], place, "o", ms=7, mec=colour, mew=1.6, mfc=colour, alpha=FACES[row["verdict"]])
            ink = "black" if row["verdict"] == "holds" else "#A33A00"
            ax.text(
                1.01, place, row["verdict"], transform=ax.get_yaxis_transform(), va="center", fontsize="small", color=ink
            )
        ax.set_yticks(range(len(names)), names, fontsize="small")
        ax.set_ylim(len(names) - 0.5, -0.5)
        ax.grid(axis="y", visible=False)
        ax.grid(axis="x", color="#E3E3E3", linewidth=0.8)
        # From the left edge of the figure on: the names of the feature sets leave the panel little width.
        ax.set_title(claim, fontsize="medium", fontweight="bold", loc="left", x=-0.72)
    axes[-1].set_xlabel("score kept (% of full score), 95% interval")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", frameon=False, fontsize="small")
    return figure


def beside(path: str | os.PathLike[str]) -> str:
    """Return the verdict on classical features, from their results table in the folder of a table of claims.

    Parameters
    ----------
    path : path-like
        Of the table of claims; empty where it was measured just now.

    Returns
    -------
    str
        Of :func:`stressbook.chapters.verdicts.classical.page.headline`, or, where there is no such table, that there is a page.
    """
    file = Path(path).with_name("classical.csv") if path else None
    if file is None or not file.is_file():
        return "Deep features stand more than classical ones: judged on a page of its own."
    return page.headline(read_results(file))


def summary(table: pd.DataFrame, classical_features: str = "") -> str:
    """Say for how many feature sets each claim holds, as a Markdown list; `classical_features` is of :func:`beside`."""
    lines = []
    for claim, rows in judged(table).groupby("claim", sort=False):
        counts = rows["verdict"].value_counts()
        said = [f"{name} for {counts[name]}" for name in FACES if name in counts]
        lines.append(f"- {claim}: **{', '.join(said)}** of {len(rows)}.")
    lines += [f"- {classical_features}"] if classical_features else []
    lines += [f"- {said}: **not testable here**." for said, _ in OPEN]
    return "\n".join(lines)


def details(table: pd.DataFrame) -> str:
    """Say for each claim what the paper has, what was measured, and the verdict, as Markdown."""
    parts = []
    for claim, rows in judged(table).groupby("claim", sort=False):
        parts.append(
            f"### {claim}\n\nThe paper keeps {rows['paper'].iloc[0]:.2f}%, with VGG-M on VOC 2007.\n\n"
            "| features | bits saved | kept | 95% interval | verdict |\n|---|---|---|---|---|"
        )
        parts[-1] += "".join(
            f"\n| {row['features']} | {row['rate']:.1f}% | {row['kept']:.2f}% "
            f"| {row['kept_low']:.2f} to {row['kept_high']:.2f} | **{row['verdict']}** |"
            for row in rows.to_dict("records")
        )
    return "\n\n".join(parts)


OPEN = (
    (
        "The easier the data set, the more of its score is kept: VOC 2007, then MIT-67, then Food-101 (Figure 3)",
        "these three data sets, in one network: `stresslib reproduce figure-3 --profile paper`",
    ),
)
"""Claims that the data at hand cannot test, and what would."""


def random_selection(table: pd.DataFrame) -> pd.DataFrame:
    """Return what random selection keeps, with its interval, and what the paper's feature sets keep.

    Parameters
    ----------
    table : pandas.DataFrame
        Of :func:`measure`.

    Returns
    -------
    pandas.DataFrame
        One row a feature set, one column a share of the dimensions.
    """
    ours, theirs = with_shares(table), with_shares(published())
    theirs = theirs[theirs["source"].isin(("figure-2", "figure-3"))]
    rows = {}
    for whose, source in (("", ours), ("paper: ", theirs)):
        chosen = source[source["stress"].eq("random-selection") & source["step"].isin(RANDOM)]
        for names, curve in chosen.groupby(["dataset", "model", "layer"], sort=False):
            cells = {}
            for row in curve.to_dict("records"):
                interval = f" ({row['kept_low']:.1f} to {row['kept_high']:.1f})" if "kept_low" in row else ""
                cells[f"{100 * row['step'] // GRID}%"] = f"{row['kept']:.1f}{interval}"
            rows[whose + ", ".join(map(str, names))] = cells
    return pd.DataFrame(rows).T.rename_axis("features").rename_axis("dimensions kept", axis=1)


def alt_text(table: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    return (
        "Intervals of the share of the full score that is kept, a panel for each claim, with the paper's share and the "
        "value that decides. " + summary(table).replace("- ", "").replace("**", "").replace("\n", " ")
    )
