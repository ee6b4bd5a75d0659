"""Claims: the paper's sentences beside what was measured, each judged by one rule that was fixed beforehand.

From the table of claims to the figure, the verdicts and the tables of the page; the front page has the verdicts too.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.transforms import blended_transform_factory

from stressbook.chapters.verdicts.claims.measure import CLAIMS, INTERVAL, RANDOM, Claim
from stressbook.chapters.verdicts.classical.page import headline as classical_headline
from stressbook.drawing import style, tables, words
from stresslib.paper.published import with_shares
from stresslib.results import FEATURES, read_results
from stresslib.stress.spec import bits_per_vector, compression_rate, parse_spec

MARGIN = 0.5
"""Points by which a kept share may lie below the paper's while the claim still holds."""

MARKS = {"holds": "●", "in part": "◐", "does not hold": "○"}
"""The verdicts, and the mark of each in the grid."""

FILLED: dict[str, Any] = {"holds": 1.0, "in part": 0.45, "does not hold": 0.0}
"""The opacity of the filling of a point of the figure, for each verdict."""

NETWORKS = {
    "bvlc-googlenet": "GoogLeNet",
    "efficientnet-lite0": "EfficientNet-Lite0",
    "efficientnet-lite2": "EfficientNet-Lite2",
}
"""The names of networks in the grid and the figure."""

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


def short_name(claim: Claim) -> str:
    """Return what a claim is called at the head of a column: the bits that it saves, or those that it leaves a value.

    Examples
    --------
    >>> from stressbook.chapters.verdicts.claims.page import CLAIMS, short_name
    >>> short_name(CLAIMS[0]), short_name(CLAIMS[-1])
    ('98.4% fewer bits', '2 bits a value (Q-2)')
    """
    spec = parse_spec(claim.spec(4096))
    if claim.step is None:
        return f"{bits_per_vector(spec, 1)} bits a value ({words.paper_name(spec.stress)})"
    return f"{100 * compression_rate(spec, 4096):.1f}% fewer bits"


def set_name(dataset: str, model: str, layer: str) -> str:
    """Return what a feature set is called in the grid and the figure; the layer goes without saying where it is pooled.

    Examples
    --------
    >>> from stressbook.chapters.verdicts.claims.page import set_name
    >>> set_name("voc2007-val", "bvlc-googlenet", "pooled"), set_name("digits", "resnet50", "fc")
    ('VOC 2007 · GoogLeNet', 'digits · resnet50 · fc')
    """
    parts = [words.DATA_SETS.get(dataset, dataset), NETWORKS.get(model, model)]
    return " · ".join(parts if layer == "pooled" else [*parts, layer])


def judged_claims(table: pd.DataFrame) -> pd.DataFrame:
    """Judge each claim on each feature set.

    Parameters
    ----------
    table : pandas.DataFrame
        As returned by :func:`~stressbook.chapters.verdicts.claims.measure.measure`.

    Returns
    -------
    pandas.DataFrame
        A row for each claim and feature set, those of the paper's data set first: `claim`, `column` (its short name),
        `stress`, `dataset`, `features`, `rate` (percent of the bits saved here), `paper` (the share that the paper keeps, in
        percent), the interval, and `verdict`.
    """
    sets = [(set_name(*map(str, names)), rows) for names, rows in table.groupby(FEATURES, sort=False)]
    sets.sort(key=lambda one: not one[0].startswith(words.NAMES["voc2007"]))
    rows = []
    for claim in CLAIMS:
        paper = paper_share(claim)
        for name, measured in sets:
            width = int(measured["n_features"].iloc[0])
            parsed = parse_spec(claim.spec(width))
            for row in measured[measured["spec"].eq(str(parsed))].to_dict("records"):
                rows.append(
                    {
                        "claim": claim.said,
                        "column": short_name(claim),
                        "stress": parsed.stress,
                        "dataset": row["dataset"],
                        "features": name,
                        "rate": 100 * compression_rate(parsed, width),
                        "paper": paper,
                        **{name: row[name] for name in INTERVAL},
                        "verdict": verdict(row["kept_low"], row["kept_high"], paper),
                    }
                )
    return pd.DataFrame(rows)


def headline(table: pd.DataFrame) -> str:
    """Count the verdicts, in a sentence, and give all of them in a grid."""
    rows = judged_claims(table)
    counts = rows["verdict"].value_counts()
    said = {"holds": "holds", "in part": "holds in part", "does not hold": "does not hold"}
    parts = [f"{text} in {counts.get(name, 0)}" for name, text in said.items()]
    cells = grid(table)
    legend = ", ".join(f"{mark} {said[name]}" for name, mark in MARKS.items())
    if "–" in cells:
        legend += "; –: not possible, since the claim keeps more principal components than there are training images"
    return (
        f"**Of {len(rows)} pairs of a claim and a feature set, the claim {', '.join(parts)}.** The grid shows the percent "
        f"of the full score that is kept, and the verdict: {legend}.\n\n{cells}"
    )


def grid(table: pd.DataFrame) -> str:
    """Return what each feature set keeps under each claim, with the mark of the verdict, as a Markdown table.

    The first row is the paper's, which has no mark.
    """
    rows = judged_claims(table)
    cells = (rows["verdict"].map(MARKS) + "&nbsp;" + rows["kept"].map("{:.1f}".format)).rename("cell")
    wide = pd.concat([rows[["features", "column"]], cells], axis=1).pivot_table(
        index="features", columns="column", values="cell", aggfunc="first", sort=False
    )
    paper = rows.groupby("column", sort=False)["paper"].first()
    lines = [
        ["feature set", *paper.index],
        ["---", *["---:"] * len(paper)],
        ["the paper: VOC 2007 · VGG-M", *(f"{share:.1f}" for share in paper)],
        *([name, *cells] for name, *cells in wide[paper.index].fillna("–").itertuples()),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def verdicts(table: pd.DataFrame) -> str:
    """Say for how many feature sets each claim holds, as a Markdown list."""
    lines = []
    for claim, rows in judged_claims(table).groupby("claim", sort=False):
        counts = rows["verdict"].value_counts()
        said = [f"{name} for {counts[name]}" for name in FILLED if name in counts]
        lines.append(f"- {claim}: **{', '.join(said)}** of {len(rows)}.")
    return "\n".join(lines)


def elsewhere(path: str | os.PathLike[str]) -> str:
    """Return the claim that has a page of its own, and those that cannot be tested here, as a Markdown list.

    Parameters
    ----------
    path : path-like
        The table of claims, which has classical.csv beside it; empty when it has just been measured.
    """
    file = Path(path).with_name("classical.csv") if path else None
    said = "Do deep features withstand more stress than classical ones?"
    if file is not None and file.is_file():
        said += f" {classical_headline(read_results(file))}"
    lines = [f"- {said} {{doc}}`classical` has the pairs."]
    lines += [f"- {claim}: **not testable here**. A test needs {needed}." for claim, needed in UNTESTED]
    return "\n".join(lines)


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
        ax.set_title(" ", fontsize="medium")
        # The title begins at the left edge of the figure: beside the names of the feature sets the panel is narrow.
        edge = blended_transform_factory(figure.transFigure, ax.transAxes)
        ax.text(0.012, 1.03, claim, transform=edge, fontsize="medium", fontweight="bold").set_in_layout(False)
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
            rows[prefix + set_name(*map(str, names))] = cells
    return pd.DataFrame(rows).T.rename_axis("features").rename_axis("dimensions kept", axis=1)


def alt_text(table: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    return (
        "Intervals of the share of the full score that is kept, a panel for each claim, with the paper's share and the "
        "value that decides. " + verdicts(table).replace("- ", "").replace("**", "").replace("\n", " ")
    )
