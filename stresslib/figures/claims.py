"""Claims: what the abstract and the captions of the paper say, what was measured here, and a verdict by one fixed rule.

The intervals are made by :func:`measure`, once; verdict and figure are drawn from the table that holds them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from tqdm import tqdm

from stresslib.evaluation.bootstrap import bootstrap_kept
from stresslib.evaluation.metrics import SCORES
from stresslib.evaluation.protocol import decide
from stresslib.features import FeatureSet
from stresslib.figures import classical, style
from stresslib.published import GRID, grid_dimensions, published, with_shares
from stresslib.results import read_results, results_table, write_results
from stresslib.spec import compression_rate, parse_spec

INTERVAL = ["kept", "kept_low", "kept_high"]
"""Columns that the table of claims adds to those of a results table: percent of the full score, and its 95% interval."""

MARGIN = 0.5
"""Points by which a kept share may lie below the paper's, and the claim still hold."""


@dataclass(frozen=True)
class Claim:
    """A sentence of the paper about one setting.

    Attributes
    ----------
    said : str
        What the paper says, and where.
    step : int or None
        Dimensions kept, in twentieths of the full vector.
    quantizer : {"Q1", "Q2"}
    values : int
        Size of the dictionary.
    """

    said: str
    step: int | None
    quantizer: str
    values: int

    def spec(self, n_features: int) -> str:
        """Return the stress of the claim, for vectors of some width."""
        token = f"{self.quantizer}:{self.values}"
        return token if self.step is None else f"DR2:{n_features * self.step // GRID},{token}"


CLAIMS = (
    Claim("98.4% compression costs 0.88% of the score (abstract; square in Figure 5)", 2, "Q2", 27),
    Claim("99.1% compression keeps 97.8% of the score (circle in Figure 5)", 2, "Q2", 8),
    Claim("96.9% compression keeps 99.6% of the score (cross in Figure 5)", 4, "Q2", 24),
    Claim("One dictionary, 3 bits a value: the full score (Figure 4)", None, "Q1", 7),
    Claim("A dictionary per dimension, 2 bits a value: the full score (Figure 4)", None, "Q2", 4),
)

RANDOM = (1, 2, 5, 10)
"""Sizes, in twentieths, at which random selection is measured too, for the claims that need other data."""


def measure(
    features: FeatureSet, *, repeats: int = 10, resamples: int = 2000, n_jobs: int = -1, progress: bool = True
) -> pd.DataFrame:
    """Measure each claim's setting, and random selection, with the interval of the share that is kept.

    Parameters
    ----------
    features : FeatureSet
    repeats : int, default=10
        Draws of a random selection.
    resamples : int, default=2000
        Of the bootstrap.
    n_jobs : int, default=-1
        Processes, as in joblib; -1 means one a core.
    progress : bool, default=True

    Returns
    -------
    pandas.DataFrame
        A results table with the columns of :data:`INTERVAL`. Of random selection there is a row a size: the mean over
        the draws.
    """
    width = features.X.shape[1]
    random = [f"DR1:{grid_dimensions(width)[step - 1]}" for step in RANDOM]
    specs = list(dict.fromkeys(["none", *(claim.spec(width) for claim in CLAIMS), *random]))
    runs = [(spec, seed) for spec in specs for seed in range(repeats if parse_spec(spec).is_random else 1)]
    calls = (joblib.delayed(decide)(features, spec, random_state=seed) for spec, seed in runs)
    running = joblib.Parallel(n_jobs, return_as="generator")(calls)
    judged = list(tqdm(running, features.name, len(runs), unit="setting", disable=not progress))
    truth, rows = features.y[features.test], []
    for spec in specs:
        decisions, gaps = zip(*(one for one, (ran, _) in zip(judged, runs, strict=True) if ran == spec), strict=True)
        parsed = parse_spec(spec)
        kept = bootstrap_kept(truth, judged[0][0], decisions, features.metric, resamples=resamples)
        rows.append(
            {
                **{name: features.provenance[name] for name in ("dataset", "model", "layer")},
                "n_features": width,
                "stress": parsed.stress,
                "dimensions": parsed.dimensions,
                "values": parsed.dictionary_size,
                "metric": features.metric,
                "score": 100 * np.mean([SCORES[features.metric](truth, decision) for decision in decisions]),
                "objective_gap": max(gaps),
                **dict(zip(INTERVAL, kept, strict=True)),
            }
        )
    return results_table(rows).assign(**{name: [row[name] for row in rows] for name in INTERVAL})


def write(table: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Write a table of claims as CSV, as :func:`stresslib.write_results` does."""
    write_results(table, path, INTERVAL)


def read(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read a table of claims, as :func:`stresslib.read_results` does."""
    return read_results(path, INTERVAL)


def verdict(low: float, high: float, paper: float) -> str:
    """Judge a claim by the interval of what is kept and by what the paper keeps, in percent of the full score.

    Returns
    -------
    {"holds", "in part", "does not hold"}
        Holds: the lower bound is at least the paper's share less half a point. In part: the interval contains that value.

    Examples
    --------
    >>> from stresslib.figures.claims import verdict
    >>> verdict(98.7, 99.5, paper=99.1), verdict(97.9, 98.9, paper=99.1), verdict(96.0, 97.0, paper=99.1)
    ('holds', 'in part', 'does not hold')
    """
    if low >= paper - MARGIN:
        return "holds"
    return "in part" if high >= paper - MARGIN else "does not hold"


def paper_share(claim: Claim) -> float:
    """Percent of its full score that the paper's VGG-M keeps on VOC 2007."""
    table = with_shares(published())
    table = table[(table["model"] == "vgg-m") & (table["dataset"] == "voc2007") & (table["layer"] == "relu7")]
    stress = parse_spec(claim.spec(4096)).stress
    at = table["stress"].eq(stress) & table["values"].eq(claim.values)
    if claim.step is not None:
        at &= table["step"].eq(claim.step)
    return float(table.loc[at, "kept"].iloc[0])


def judged(table: pd.DataFrame) -> pd.DataFrame:
    """Return each claim beside what was measured.

    Parameters
    ----------
    table : pandas.DataFrame
        Of :func:`measure`.

    Returns
    -------
    pandas.DataFrame
        One row a claim and feature set: `claim`, `stress`, `features`, `rate` (percent of the bits saved here), `paper`,
        the interval, and `verdict`.
    """
    rows = []
    for claim in CLAIMS:
        paper = paper_share(claim)
        for names, measured in table.groupby(["dataset", "model", "layer"], sort=False):
            width = int(measured["n_features"].iloc[0])
            parsed = parse_spec(claim.spec(width))
            at = measured["stress"].eq(parsed.stress) & measured["values"].eq(claim.values)
            if parsed.dimensions is not None:
                at &= measured["dimensions"].eq(parsed.dimensions)
            for row in measured[at].to_dict("records"):
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
        Of :func:`stresslib.figures.classical.headline`, or, where there is no such table, that there is a page.
    """
    file = Path(path).with_name("classical.csv") if path else None
    if file is None or not file.is_file():
        return "Deep features stand more than classical ones: judged on a page of its own."
    return classical.headline(read_results(file))


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
