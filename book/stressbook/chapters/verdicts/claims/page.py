"""Claims: the paper's sentences beside what was measured, each judged by one rule that was fixed beforehand.

From the table of claims to the figure, the verdicts and the tables of the page; the front page has the verdicts too.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.verdicts.claims.measure import CLAIMS, INTERVAL, RANDOM, Claim
from stressbook.chapters.verdicts.classical.page import headline as classical_headline
from stressbook.drawing import style, tables, words
from stresslib.paper.published import with_shares
from stresslib.results import FEATURES, read_results
from stresslib.stress.spec import compression_rate, parse_spec

MARGIN = 0.5
"""Points by which a kept share may lie below the paper's while the claim still holds."""

FILLED: dict[str, Any] = {"holds": 1.0, "in part": 0.45, "does not hold": 0.0}
"""The verdicts, and the opacity of the filling of a point for each."""

UNTESTED = (
    (
        "The easier the data set, the more of its score is kept: VOC 2007, then MIT-67, then Food-101 (Figure 3)",
        "these three data sets, in one network: `stresslib reproduce figure-3 --profile paper`",
    ),
)
"""Claims that cannot be tested with the data at hand, and what a test would take."""


def verdict(low: float, high: float, paper: float) -> str:
    """Judge a claim by the interval of what is kept and by what the paper keeps, in percent of the full score.

    Returns
    -------
    {"holds", "in part", "does not hold"}
        Holds: the lower bound is at least the paper's share minus half a point. In part: the interval contains that value.

    Examples
    --------
    >>> from stressbook.chapters.verdicts.claims.page import verdict
    >>> verdict(98.7, 99.5, paper=99.1), verdict(97.9, 98.9, paper=99.1), verdict(96.0, 97.0, paper=99.1)
    ('holds', 'in part', 'does not hold')
    """
    if low >= paper - MARGIN:
        return "holds"
    return "in part" if high >= paper - MARGIN else "does not hold"


def paper_share(claim: Claim) -> float:
    """Return the percent of its full score that the paper's VGG-M keeps on VOC 2007 in the setting of a claim."""
    table = tables.published_shares()
    table = table[(table["model"] == "vgg-m") & (table["dataset"] == "voc2007") & (table["layer"] == "relu7")]
    stress = parse_spec(claim.spec(4096)).stress
    at = table["stress"].eq(stress) & table["values"].eq(claim.values)
    if claim.step is not None:
        at &= table["step"].eq(claim.step)
    return float(table.loc[at, "kept"].iloc[0])


def judged_claims(table: pd.DataFrame) -> pd.DataFrame:
    """Judge each claim on each feature set.

    Parameters
    ----------
    table : pandas.DataFrame
        As returned by :func:`~stressbook.chapters.verdicts.claims.measure.measure`.

    Returns
    -------
    pandas.DataFrame
        A row for each claim and feature set: `claim`, `stress`, `features`, `rate` (percent of the bits saved here), `paper`
        (the share that the paper keeps, in percent), the interval, and `verdict`.
    """
    rows = []
    for claim in CLAIMS:
        paper = paper_share(claim)
        for names, measured in table.groupby(FEATURES, sort=False):
            width = int(measured["n_features"].iloc[0])
            parsed = parse_spec(claim.spec(width))
            for row in measured[measured["spec"].eq(str(parsed))].to_dict("records"):
                rows.append(
                    {
                        "claim": claim.said,
                        "stress": parsed.stress,
                        "features": ", ".join(map(str, names)),
                        "rate": 100 * compression_rate(parsed, width),
                        "paper": paper,
                        **{name: row[name] for name in INTERVAL},
                        "verdict": verdict(row["kept_low"], row["kept_high"], paper),
                    }
                )
    return pd.DataFrame(rows)


def verdicts(table: pd.DataFrame, classical: str = "") -> str:
    """Say for how many feature sets each claim holds.

    Parameters
    ----------
    table : pandas.DataFrame
    classical : str, default=""
        What :func:`classical_verdict` says of the claim that has a page of its own; empty leaves it out.

    Returns
    -------
    str
        A Markdown list.
    """
    lines = []
    for claim, rows in judged_claims(table).groupby("claim", sort=False):
        counts = rows["verdict"].value_counts()
        said = [f"{name} for {counts[name]}" for name in FILLED if name in counts]
        lines.append(f"- {claim}: **{', '.join(said)}** of {len(rows)}.")
    if classical:
        lines.append(f"- {classical}")
    lines += [f"- {said}: **not testable here**." for said, _ in UNTESTED]
    return "\n".join(lines)


def classical_verdict(path: str | os.PathLike[str]) -> str:
    """Say what became of the claim about classical features, from classical.csv in the folder of a table of claims.

    Parameters
    ----------
    path : path-like
        The table of claims; empty when it has just been measured.

    Returns
    -------
    str
        The headline of the page on classical features; without its table, that there is such a page.
    """
    file = Path(path).with_name("classical.csv") if path else None
    if file is None or not file.is_file():
        return "Deep features withstand more than classical ones: judged on a page of its own."
    return classical_headline(read_results(file))


def intervals(table: pd.DataFrame) -> str:
    """Return a section for each claim, in Markdown: what the paper keeps, and a table of the intervals and verdicts."""
    parts = []
    for claim, rows in judged_claims(table).groupby("claim", sort=False):
        lines = [
            f"| {row['features']} | {row['rate']:.1f}% | {row['kept']:.2f}% "
            f"| {row['kept_low']:.2f} to {row['kept_high']:.2f} | **{row['verdict']}** |"
            for row in rows.to_dict("records")
        ]
        parts.append(
            f"### {claim}\n\nThe paper keeps {rows['paper'].iloc[0]:.2f}%, with VGG-M on VOC 2007.\n\n"
            "| features | bits saved | kept | 95% interval | verdict |\n|---|---|---|---|---|\n" + "\n".join(lines)
        )
    return "\n\n".join(parts)


def untested() -> str:
    """Return the claims that the data at hand cannot test and what each would take, as a Markdown list."""
    return "\n".join(f"- **{said}.** It takes {needed}." for said, needed in UNTESTED)


def plot(table: pd.DataFrame) -> Figure:
    """Draw the interval of what each feature set keeps, a panel for each claim, and the value that decides.

    Parameters
    ----------
    table : pandas.DataFrame
        As for :func:`judged_claims`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = judged_claims(table)
    names, claims = list(rows["features"].unique()), list(rows["claim"].unique())
    figure, axes = style.panels(len(claims), height=0.55 + 0.26 * len(names), sharex=True)
    for ax, claim in zip(axes, claims, strict=True):
        here = rows[rows["claim"] == claim].set_index("features").reindex(names)
        stress, paper = rows.loc[rows["claim"] == claim, ["stress", "paper"]].iloc[0]
        colour = style.COLOURS[stress]
        ax.axvline(paper - MARGIN, color="#333333", linewidth=1, linestyle=(0, (4, 2)), label=f"decides: paper - {MARGIN}")
        ax.axvline(paper, color="#999999", linewidth=0.8, label="the paper keeps (VGG-M on VOC 2007)")
        for place, row in enumerate(here.to_dict("records")):
            if pd.isna(row["kept"]):
                ax.text(1.01, place, "not possible", transform=ax.get_yaxis_transform(), va="center", fontsize="small")
                continue
            ax.plot([row["kept_low"], row["kept_high"]], [place, place], color=colour, linewidth=2.4, solid_capstyle="butt")
            ax.plot(row["kept"], place, "o", ms=7, mec=colour, mew=1.6, mfc="white")
            ax.plot(row["kept"], place, "o", ms=7, mec=colour, mew=1.6, mfc=colour, alpha=FILLED[row["verdict"]])
            ink = "black" if row["verdict"] == "holds" else "#A33A00"
            ax.text(
                1.01, place, row["verdict"], transform=ax.get_yaxis_transform(), va="center", fontsize="small", color=ink
            )
        ax.set_yticks(range(len(names)), names, fontsize="small")
        ax.set_ylim(len(names) - 0.5, -0.5)
        ax.grid(axis="y", visible=False)
        ax.grid(axis="x", color="#E3E3E3", linewidth=0.8)
        # The title begins at the left edge of the figure: beside the names of the feature sets the panel is narrow.
        ax.set_title(claim, fontsize="medium", fontweight="bold", loc="left", x=-0.72)
    axes[-1].set_xlabel("score kept (% of full score), 95% interval")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", frameon=False, fontsize="small")
    return figure


def random_selection(table: pd.DataFrame) -> pd.DataFrame:
    """Return what random selection keeps, with its interval, and what the paper's feature sets keep.

    Parameters
    ----------
    table : pandas.DataFrame
        As for :func:`judged_claims`.

    Returns
    -------
    pandas.DataFrame
        A row for each feature set, a column for each share of the dimensions.
    """
    ours, theirs = with_shares(table), tables.published_shares()
    theirs = theirs[theirs["source"].isin(("figure-2", "figure-3"))]
    rows = {}
    for prefix, source in (("", ours), ("paper: ", theirs)):
        chosen = source[source["stress"].eq("random-selection") & source["step"].isin(RANDOM)]
        for names, curve in chosen.groupby(FEATURES, sort=False):
            cells = {}
            for row in curve.to_dict("records"):
                interval = f" ({row['kept_low']:.1f} to {row['kept_high']:.1f})" if "kept_low" in row else ""
                cells[words.percent_of_grid(row["step"])] = f"{row['kept']:.1f}{interval}"
            rows[prefix + ", ".join(map(str, names))] = cells
    return pd.DataFrame(rows).T.rename_axis("features").rename_axis("dimensions kept", axis=1)


def alt_text(table: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    return (
        "Intervals of the share of the full score that is kept, a panel for each claim, with the paper's share and the "
        "value that decides. " + verdicts(table).replace("- ", "").replace("**", "").replace("\n", " ")
    )
