"""Margin: do hits fall with the score, and before it? Stress of weights and stress of features on one axis.

From the table of `measure` to the figure and sentences of the chapter's tie to the paper.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import spearmanr

from stressbook.chapters.weights.fingerprints.names import PRUNED, ROUNDED
from stressbook.chapters.weights.fingerprints.rows import (
    Interval,
    feature_hits,
    feature_scores,
    hits,
    interval,
    name_of,
)
from stressbook.drawing import style
from stressbook.drawing.words import LABELS, paper_name

WEIGHTS = {PRUNED: "weights pruned", ROUNDED: "weights rounded", "tuned": "weights pruned, fine-tuned"}
"""Stresses of weights, and what the page calls them."""

COLOURS = {PRUNED: "#111111", ROUNDED: "#C98A00", "tuned": "#8A8A8A"}

HURT = 98.0
"""Percent of the score up to which a stress counts as one that hurts."""


def kept(results: pd.DataFrame, kind: str = "C") -> pd.DataFrame:
    """Return what is left of the score, and of the hits, under each stress.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.
    kind : str, default="C"
        Of prints.

    Returns
    -------
    pandas.DataFrame
        A row for each `base`, `eps`, `stress` and its amount `level`, and `seed` of the noise: `score` and `hits`, each in
        percent of those without a stress; `of`, whether ``weights`` or ``features`` are under it.
    """
    rows = hits(results)
    rows = rows[rows["kind"] == kind]
    key = ["base", "eps", "seed"]
    full = rows[rows["role"] == "base"].set_index(key)[["hits", "accuracy"]]
    mine = rows[rows["role"].isin(["copy", "broken"])]
    whole = full.loc[pd.MultiIndex.from_frame(mine[key])].to_numpy()
    stress = np.where(mine["tuned"], "tuned", mine["stress"])
    weights = mine[key].assign(of="weights", stress=stress, level=mine["level"].map("{:g}".format))
    shares = 100 * mine[["hits", "accuracy"]].to_numpy() / whole
    weights = weights.assign(hits=shares[:, 0], score=shares[:, 1])
    return pd.concat([weights, _of_features(results, kind)], ignore_index=True)


def _of_features(results: pd.DataFrame, kind: str) -> pd.DataFrame:
    rows, scores = feature_hits(results), feature_scores(results)
    rows = rows[rows["kind"] == kind].merge(scores, on=["base", "stress", "spec"])
    key = ["base", "eps", "seed"]
    full = rows[rows["stress"] == "none"].set_index(key)[["hits", "accuracy"]]
    mine = rows[rows["stress"] != "none"]
    shares = 100 * mine[["hits", "accuracy"]].to_numpy() / full.loc[pd.MultiIndex.from_frame(mine[key])].to_numpy()
    found = mine[[*key, "stress"]].assign(of="features", level=mine["spec"], hits=shares[:, 0], score=shares[:, 1])
    return found[[*key, "of", "stress", "level", "hits", "score"]]


def judged(results: pd.DataFrame) -> pd.DataFrame:
    """Compare what is left of hits and score.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        A row for each `base`, `eps` and `of`: `correlation` of the ranks of both over all stresses; and over those that
        leave less than :data:`HURT` percent of the score, `count`, and the mean of hits less score with its interval.
    """
    found = []
    for (base, eps, of), rows in kept(results).groupby(["base", "eps", "of"], sort=False):
        means = rows.groupby(["stress", "level"])[["hits", "score"]].mean()
        hurt = rows[rows["score"] < HURT]
        gap = hurt.assign(gap=hurt["hits"] - hurt["score"]).groupby("seed")["gap"].mean()
        found.append(
            {
                "base": base,
                "eps": eps,
                "of": of,
                "correlation": float(spearmanr(means["hits"], means["score"]).statistic) if len(means) > 2 else np.nan,
                "count": hurt.groupby(["stress", "level"]).ngroups,
                "gap": interval(gap) if len(gap) else Interval(np.nan, np.nan, np.nan),
            }
        )
    return pd.DataFrame(found)


def verdicts(results: pd.DataFrame) -> str:
    """Say whether prints fall before the score does, as a Markdown list; that they do was expected."""
    lines = []
    for row in judged(results).to_dict("records"):
        gap = row["gap"]
        if not row["count"]:
            said = "no stress hurts it enough to say"
        elif gap.high < 0:
            said = f"**hits fall before the score**, {gap} points over {row['count']} stresses that hurt"
        elif gap.low > 0:
            said = f"**the score falls before the hits**, {gap} points over {row['count']} stresses that hurt"
        else:
            said = f"undecided, {gap} points over {row['count']} stresses that hurt"
        ranks = "" if np.isnan(row["correlation"]) else f"; rank correlation {row['correlation']:.2f}"
        lines.append(f"- {name_of(row['base'])} at ε {row['eps']:g}, stress of {row['of']}: {said}{ranks}.")
    return "\n".join(lines) or "- Not measured in this run."


def summary(results: pd.DataFrame) -> str:
    """Say in a sentence whether prints are a meter of the margin, at the smaller and at the larger eps."""
    rows = judged(results)
    sizes = rows.groupby("base")["eps"].transform("max").eq(rows["eps"]).map({True: "larger", False: "smaller"})
    parts = []
    for size, mine in rows.groupby(sizes):
        said = [gap for gap, count in zip(mine["gap"], mine["count"], strict=True) if count]
        first = sum(gap.high < 0 for gap in said)
        last = sum(gap.low > 0 for gap in said)
        parts.append(
            (str(size), f"at the {size} ε hits fall before the score in {first} of {len(said)} cases, after it in {last}")
        )
    both = "; ".join(text for _, text in sorted(parts, reverse=True))
    low, high = rows["correlation"].min(), rows["correlation"].max()
    ranks = f" Ranks of hits and scores correlate, {low:.2f} to {high:.2f}." if low > 0 else ""
    return f"{both[0].upper()}{both[1:]}.{ranks}" if both else ""


def plot(results: pd.DataFrame) -> Figure:
    """Draw hits against the score, each in percent of those without a stress, a panel for each network and eps.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    matplotlib.figure.Figure
    """
    table = kept(results)
    chosen = [(base, eps, rows) for (base, eps), rows in table.groupby(["base", "eps"], sort=False)]
    figure, axes = style.page_wide(len(chosen), height=2.3)
    titles = []
    for ax, (base, eps, rows) in zip(axes, chosen, strict=True):
        means = rows.groupby(["of", "stress", "level"], sort=False)[["score", "hits"]].mean().reset_index()
        for of, names in (("features", [name for name in LABELS if name != "bit-erasure"]), ("weights", list(WEIGHTS))):
            for stress in names:
                curve = means[means["of"].eq(of) & means["stress"].eq(stress)].sort_values("score")
                if curve.empty:
                    continue
                ax.plot(curve["score"], curve["hits"], **_look(of, stress))
        low = min(60.0, float(means["score"].min()) - 2)
        ax.plot([low, 102], [low, 102], color="#888888", linewidth=0.8, linestyle=":", zorder=0)
        ax.set(xlim=(low, 103), ylim=(0, 108))
        ax.tick_params(labelsize=style.SMALL)
        titles.append(f"{name_of(str(base))}, ε {eps:g}")
    figure.supxlabel("score kept (% of full score)", fontsize=11)
    figure.supylabel("hits kept (%)", fontsize=11)
    style.add_titles_and_legend(figure, axes, titles, columns=3)
    return figure


def _look(of: str, stress: str) -> dict[str, Any]:
    if of == "features":
        return {"color": style.COLOURS[stress], "label": f"features, {paper_name(stress)}", **_OPEN}
    alone = {"linestyle": "none", "marker": "D"} if stress == "tuned" else {}
    return {"color": COLOURS[stress], "label": WEIGHTS[stress], **style.OURS, **alone}


_OPEN: dict[str, Any] = {"linewidth": 1.0, "marker": "s", "markersize": 3.5, "markerfacecolor": "white"}


def caption(results: pd.DataFrame) -> str:
    """Say what the figure of the tie shows."""
    return (
        "What is left of the hits of C prints against what is left of the score. Filled: weights are under stress. Open "
        "squares: the vectors before the last layer are. Below the dotted line, hits fall before the score."
    )


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure of the tie in words, from its data."""
    said = verdicts(results).replace("- ", "").replace("**", "").replace("\n", " ")
    return f"Hits kept against score kept, for stress of weights and of features. {said}"
