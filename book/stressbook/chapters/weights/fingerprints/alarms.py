"""Alarms: is a network a copy, by how many prints it hits? What a threshold catches, and whom it accuses.

From the table of `measure` to the chapter's ROC curves, and to what ``stresslib verify`` says.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import binomtest

from stressbook.chapters.weights.fingerprints.effects import KINDS
from stressbook.chapters.weights.fingerprints.rows import by_suspect, copy_name, hits, name_of, places
from stressbook.drawing import style
from stresslib.stress.on_weights.fingerprints import Verification

COLOURS = {"C": "#111111", "C+filter": "#C98A00", "RC": "#9CC8E6", "RC+GM": "#1B8A8F", "LTRC": "#7B3FA0"}
"""Colour of each kind of print."""

VERDICTS = ("a copy", "cannot say", "unrelated")


def auc(copies: Any, others: Any) -> float:
    """Return the chance that a copy hits more prints than another network does, ties counted half.

    Examples
    --------
    >>> from stressbook.chapters.weights.fingerprints.alarms import auc
    >>> auc([90, 50], [10, 50])
    0.875
    """
    ours, theirs = np.asarray(copies, dtype=float)[:, None], np.asarray(others, dtype=float)[None]
    return float(np.mean((ours > theirs) + 0.5 * (ours == theirs)))


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return what the threshold that catches every copy does, a row for each network, eps and kind.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        Columns `base`, `eps`, `kind`; `copies` and `others`, how many; `auc`; `threshold`, the fewest hits of a copy in
        percent; `most`, the most hits of another network, and `who`; `alarms`, how many others reach the threshold, with the
        exact interval `low` to `high` of their share in percent. None where there is no copy or no other network.
    """
    seen = by_suspect(hits(results))
    found = []
    for (base, eps, kind), rows in seen.groupby(["base", "eps", "kind"], sort=False):
        copies, others = rows[rows["role"] == "copy"], rows[rows["role"] == "other"]
        if copies.empty or others.empty:
            continue
        threshold, worst = copies["hits"].min(), others.sort_values("hits", kind="stable").iloc[-1]
        alarms = int((others["hits"] >= threshold).sum())
        ends = binomtest(alarms, len(others)).proportion_ci(method="exact")
        found.append(
            {
                "base": base,
                "eps": eps,
                "kind": kind,
                "copies": len(copies),
                "others": len(others),
                "auc": auc(copies["hits"], others["hits"]),
                "threshold": threshold,
                "most": worst["hits"],
                "who": worst["model"],
                "alarms": alarms,
                "low": 100 * ends.low,
                "high": 100 * ends.high,
            }
        )
    return pd.DataFrame(found)


def shown(results: pd.DataFrame) -> pd.DataFrame:
    """Return :func:`table` in the words of the page."""
    rows = table(results)
    if rows.empty:
        return rows
    known = {place: number for number, place in enumerate(places(rows))}
    order = [known[place] for place in zip(rows["base"], rows["eps"], strict=True)]
    kinds = rows["kind"].map({kind: place for place, kind in enumerate(KINDS)})
    rows = rows.assign(order=order, place=kinds).sort_values(["order", "place"])
    index = pd.MultiIndex.from_arrays(
        [rows["base"].map(name_of), rows["eps"].map("{:g}".format), rows["kind"]], names=["prints of", "ε", "kind"]
    )
    said: dict[str, list[str]] = {
        "AUC": [f"{area:.3f}" for area in rows["auc"]],
        "fewest hits of a copy": [f"{share:.0f}%" for share in rows["threshold"]],
        "most of another": [f"{share:.0f}%" for share in rows["most"]],
        "false alarms": [f"{alarms} of {others}" for alarms, others in zip(rows["alarms"], rows["others"], strict=True)],
    }
    return pd.DataFrame(said, index=index)


def verdicts(results: pd.DataFrame) -> str:
    """Say how many false alarms the threshold has that catches every copy, as a Markdown list."""
    rows, lines = table(results), []
    if rows.empty:
        return "- Not measured in this run: there is no copy near its base, or no other network."
    for base, mine in rows.groupby("base", sort=False):
        none = mine[mine["alarms"] == 0]
        others, copies = mine["others"].max(), mine["copies"].max()
        line = f"- Prints of {name_of(str(base))}, {copies} copies and {others} other networks: "
        if len(none) == len(mine):
            gap = (mine["threshold"] - mine["most"]).min()
            line += (
                f"**no false alarm** with any of {len(mine)} ways of making prints, and at least {gap:.0f} points between "
                "the copy with the fewest hits and the other network with the most. "
                f"With none of {others}, the rate of false alarms may still be up to {mine['high'].max():.0f}% (95%)."
            )
        else:
            bad = mine[mine["alarms"] > 0].sort_values("alarms", ascending=False)
            said = ", ".join(
                f"{row['kind']} at ε {row['eps']:g} {row['alarms']} of {row['others']} ({row['low']:.0f} to "
                f"{row['high']:.0f}%)"
                for row in bad.to_dict("records")
            )
            line += f"**false alarms** with {len(bad)} of {len(mine)} ways of making prints: {said}."
        lines.append(line)
    return "\n".join(lines)


def said(results: pd.DataFrame) -> pd.DataFrame:
    """Return what ``stresslib verify`` says with its own thresholds, counted.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        Indexed by `base`, `eps`, `kind` and `role`: how many networks get each of :data:`VERDICTS`.
    """
    rows = hits(results)
    groups, classes = rows["seed"].nunique(), int(results["n_features"].dropna().min())
    count = groups * per_group(results)
    seen = by_suspect(rows)
    seen = seen[seen["role"] != "base"]
    verdict = [_judged(round(share * count / 100), count, classes).verdict for share in seen["hits"]]
    keys = [seen[name] for name in ("base", "eps", "kind", "role")]
    wide: pd.DataFrame = pd.crosstab(keys, pd.Series(verdict, seen.index, name="verdict"))
    return wide.reindex(columns=list(VERDICTS), fill_value=0)


@cache  # exact intervals are slow, and many networks hit equally often
def _judged(hits: int, count: int, classes: int) -> Verification:
    return Verification.of(hits, count, classes)


def per_group(results: pd.DataFrame) -> int:
    """Return how many prints were made of each seed: the fewest of which all shares of hits are whole numbers."""
    shares = hits(results)["hits"].to_numpy() / 100
    return next(count for count in range(1, 1001) if np.allclose(shares * count, np.round(shares * count), atol=1e-4))


def said_verdicts(results: pd.DataFrame, kind: str = "C") -> str:
    """Say how often ``stresslib verify`` is right with prints of the default kind, as a Markdown list."""
    counts, lines = said(results), []
    for base, eps in places(hits(results)):
        mine = counts.xs((base, eps), level=("base", "eps"))
        if kind not in mine.index.unique("kind"):
            continue
        by_role = {str(role): row.to_dict() for role, row in mine.xs(kind, level="kind").iterrows()}
        parts = [
            f"{called} {', '.join(f'{count} × {verdict}' for verdict, count in by_role[role].items() if count)}"
            for role, called in (
                ("copy", "copies near the base"),
                ("broken", "copies that are not"),
                ("other", "other networks"),
            )
            if role in by_role
        ]
        mistakes = (("copy", "unrelated"), ("other", "a copy"))
        wrong = sum(by_role[role][verdict] for role, verdict in mistakes if role in by_role)
        lines.append(f"- {name_of(str(base))} at ε {eps:g}: {'; '.join(parts)}. **{wrong} wrong**.")
    return "\n".join(lines) or "- Not measured in this run."


def plot(results: pd.DataFrame) -> Figure:
    """Draw ROC curves, a panel for each network and eps, a curve for each kind.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    matplotlib.figure.Figure
    """
    seen = by_suspect(hits(results))
    chosen = [(base, eps, rows) for (base, eps), rows in seen.groupby(["base", "eps"], sort=False)]
    figure, axes = style.page_wide(len(chosen), height=2.0)
    titles = []
    for ax, (base, eps, rows) in zip(axes, chosen, strict=True):
        for number, kind in enumerate(one for one in KINDS if one in set(rows["kind"])):
            mine = rows[rows["kind"] == kind]
            false, true = roc(mine.loc[mine["role"] == "copy", "hits"], mine.loc[mine["role"] == "other", "hits"])
            # A hair apart, since curves of kinds that make no error lie on each other.
            shift = 0.8 * (number - 2)
            ax.plot(false + shift, true + shift, color=COLOURS[kind], linewidth=1.8, label=kind)
        ax.plot([0, 100], [0, 100], color="#AAAAAA", linewidth=0.8, linestyle=":")
        ax.set(xlim=(-4, 104), ylim=(-4, 106))
        ax.tick_params(labelsize=style.SMALL)
        titles.append(f"{name_of(str(base))}, ε {eps:g}")
    figure.supxlabel("other networks accused (%)", fontsize=11)
    figure.supylabel("copies caught (%)", fontsize=11)
    style.add_titles_and_legend(figure, axes, titles, columns=5)
    return figure


def roc(copies: Any, others: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the shares of others and of copies that reach each threshold, in percent, from the highest threshold down.

    Examples
    --------
    >>> from stressbook.chapters.weights.fingerprints.alarms import roc
    >>> [axis.tolist() for axis in roc([90, 50], [10, 50])]
    [[0.0, 0.0, 50.0, 100.0], [0.0, 50.0, 100.0, 100.0]]
    """
    ours, theirs = np.asarray(copies, dtype=float), np.asarray(others, dtype=float)
    thresholds = np.concatenate([[np.inf], np.unique(np.concatenate([ours, theirs]))[::-1]])[:, None]
    return 100 * (theirs >= thresholds).mean(axis=1), 100 * (ours >= thresholds).mean(axis=1)


def caption(results: pd.DataFrame) -> str:
    """Say what the ROC curves show."""
    return (
        "Every threshold of hits: which share of copies it catches, and which share of other networks it accuses. Curves in "
        "the upper left corner make no error; they are drawn a hair apart."
    )


def alt_text(results: pd.DataFrame) -> str:
    """Describe the ROC curves in words, from their data."""
    rows = table(results)
    if rows.empty:
        return "No ROC curve: there is no copy near its base, or no other network."
    parts = [
        f"{name_of(str(base))}, ε {eps:g}: from {mine['auc'].min():.3f} to {mine['auc'].max():.3f}"
        for (base, eps), mine in rows.groupby(["base", "eps"], sort=False)
    ]
    return f"ROC curves of telling copies from other networks. Areas under them, over kinds: {'; '.join(parts)}."


def transcript(results: pd.DataFrame, kind: str = "C") -> str:
    """Return what ``stresslib verify`` prints of each network, for the first base at its larger eps, as a Markdown block.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.
    kind : str, default="C"
        Of prints.
    """
    rows = hits(results)
    count, classes = rows["seed"].nunique() * per_group(results), int(results["n_features"].dropna().min())
    seen = by_suspect(rows[rows["base"].eq(rows["base"].iloc[0]) & rows["kind"].eq(kind)])
    seen = seen[seen["eps"] == seen["eps"].max()]
    lines = [
        f"{name_of(row['model'])}{_state(row)}: {_judged(round(row['hits'] * count / 100), count, classes)}"
        for row in seen.to_dict("records")
    ]
    return "\n".join(["```text", *lines, "```"])


def _state(row: Any) -> str:
    if row["role"] in ("base", "other"):
        return ""
    return f", {copy_name(row)}, {row['accuracy']:.1f}% right"
