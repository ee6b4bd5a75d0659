"""Page: the chapter's first figure and its headline: who hits how many prints, copies and others.

Draws and says what `rows` reads; the other figures are in `effects`, `alarms`, `margin`, `settings` and `pictures`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.weights.fingerprints import alarms, effects
from stressbook.chapters.weights.fingerprints.effects import KINDS
from stressbook.chapters.weights.fingerprints.rows import NEAR, by_suspect, data_name, hits, name_of
from stressbook.drawing import style

COPY, OTHER = "#1B8A8F", "#7B3FA0"

LOOKS: dict[str, dict[str, Any]] = {
    "copy": {"marker": "o", "color": COPY, "markersize": 5.5, "markeredgecolor": "white", "markeredgewidth": 0.5},
    "broken": {"marker": "o", "color": COPY, "markersize": 4.5, "markerfacecolor": "white"},
    "other": {"marker": "X", "color": OTHER, "markersize": 6.0, "markeredgecolor": "white", "markeredgewidth": 0.4},
}

LABELS = {"copy": "copies near the base", "broken": "copies that lost more", "other": "other networks"}


def drawn(results: pd.DataFrame) -> list[tuple[str, float]]:
    """Return the networks that the figure has a panel for, each with its larger eps, which the library has for CIFAR-10."""
    largest = hits(results).groupby("base", sort=False)["eps"].max()
    return [(str(base), float(eps)) for base, eps in largest.items()]


def plot(results: pd.DataFrame) -> Figure:
    """Draw the hits of every network, a column for each kind of print, a panel for each network that prints are of.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = by_suspect(hits(results))
    chosen = drawn(results)
    figure, axes = style.panels(len(chosen), height=2.6, sharex=True)
    for ax, (base, eps) in zip(axes, chosen, strict=True):
        mine = rows[rows["base"].eq(base) & rows["eps"].eq(eps)]
        kinds = [kind for kind in KINDS if kind in set(mine["kind"])]
        ax.axhspan(50, 70, color="#EEEEEE", linewidth=0, zorder=0)
        for place, kind in enumerate(kinds):
            for role, shift in (("copy", -0.16), ("broken", 0.0), ("other", 0.16)):
                shares = mine.loc[mine["kind"].eq(kind) & mine["role"].eq(role), "hits"].sort_values()
                places = place + shift + 0.05 * (np.arange(len(shares)) % 3 - 1)
                ax.plot(places, shares, linestyle="none", label=LABELS[role], **LOOKS[role])
        ax.set_xticks(range(len(kinds)), kinds, fontsize=style.SMALL)
        ax.set_ylim(-4, 105)
        ax.set_ylabel("prints hit (%)", fontsize=style.SMALL)
        ax.tick_params(labelsize=style.SMALL, labelbottom=True)
    data = {base: str(rows.loc[rows["base"].eq(base), "dataset"].iloc[0]) for base, _ in chosen}
    titles = [f"{name_of(base)} on {data_name(data[base])}, ε {eps:g}" for base, eps in chosen]
    style.add_titles_and_legend(figure, axes, titles, columns=3)
    return figure


def caption(results: pd.DataFrame) -> str:
    """Say what the first figure shows."""
    count = alarms.per_group(results) * hits(results)["seed"].nunique()
    return (
        f"How many of {count} prints of a network its copies and other networks hit, for each kind of print. Open: "
        f"copies that lost more than {NEAR:.0f} points of accuracy, which do not count. Grey: `stresslib verify` cannot say."
    )


def headline(results: pd.DataFrame) -> str:
    """Answer the question of the page, as its first paragraph."""
    found = alarms.table(results)
    if found.empty:
        return "**Not measured in this run:** there is no copy near its base, or no other network."
    chosen = set(drawn(results))
    rows = [row for row in found[found["kind"] == "C"].to_dict("records") if (row["base"], row["eps"]) in chosen]
    clean = [row for row in rows if row["alarms"] == 0]
    answer = "Yes" if len(clean) == len(rows) else f"On {len(clean)} of {len(rows)} networks" if clean else "No"
    parts: list[str] = []
    for row in rows:
        base = row["base"]
        least = "all" if row["threshold"] > 99.9 else f"at least {row['threshold']:.0f}%"
        if not parts:
            parts.append(
                f"every one of {row['copies']} copies of {name_of(base)} hits {least} of its plain prints, "
                f"of {row['others']} other networks none more than {row['most']:.0f}%"
            )
        else:
            parts.append(f"copies of {name_of(base)} hit {least}, others at most {row['most']:.0f}%")
    every = effects.judged(results)
    verdicts = [one.verdict for one in every]
    met = sum(verdict == effects.AS_EXPECTED for verdict in verdicts)
    opposite = sum(verdict == effects.OPPOSITE for verdict in verdicts)
    against = [one.verdict for one in every if one.expected.measure == "uniqueness"]
    rose, fell = against.count(effects.AS_EXPECTED), against.count(effects.OPPOSITE)
    directions = (
        f" Of {len(verdicts)} comparisons that the authors' claims decide, {met} came out as expected and {opposite} the "
        "other way. Uniqueness, which is what counts, rose with their last refinement "
        f"in {rose} of {len(against)}, fell in {fell}."
        if verdicts
        else ""
    )
    return f"**{answer}:** {'; '.join(parts)}.{directions}"


def alt_text(results: pd.DataFrame) -> str:
    """Describe the first figure in words, from its data."""
    rows = by_suspect(hits(results))
    parts = []
    for base, eps in drawn(results):
        mine = rows[rows["base"].eq(base) & rows["eps"].eq(eps)]
        means = mine.groupby(["kind", "role"])["hits"].mean().to_dict()
        both = {kind: [means.get((kind, role), float("nan")) for role in ("copy", "other")] for kind in KINDS}
        said = ", ".join(f"{kind} {copies:.0f}% and {others:.0f}%" for kind, (copies, others) in both.items() if others >= 0)
        parts.append(f"{name_of(base)} at ε {eps:g}: {said}")
    return f"Hits of copies and of other networks, means by kind of print. {'; '.join(parts)}."
