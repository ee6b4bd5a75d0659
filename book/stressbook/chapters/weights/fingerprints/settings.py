"""Settings: what each unknown of the method does, one changed at a time, and whether the library's own are good ones.

From the table of `measure` to the chapter's figure of what was tried.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.weights.fingerprints.effects import COLOURS
from stressbook.chapters.weights.fingerprints.measure import DEFAULTS, FIRST_OF_SWEEP
from stressbook.chapters.weights.fingerprints.rows import all_hits, by_seed, interval, name_of
from stressbook.drawing import style

TRIED = {"eps": "C", "steps": "C", "delta": "RC+GM", "draws": "RC+GM", "radius": "LTRC"}
"""The settings, and the kind of prints that each was tried on."""

LABELS = {
    "eps": "ε, distance from noise",
    "steps": "steps",
    "delta": "δ, noise on weights",
    "draws": "draws of noise",
    "radius": "radius of the filter",
}

QUARTER = 8.0
"""The library's own radius for images of 32 pixels."""


def tried(results: pd.DataFrame) -> pd.DataFrame:
    """Return what each value of each setting gives.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        Rows of :func:`~stressbook.chapters.weights.fingerprints.rows.by_seed` with the columns `setting`, `value` and
        `default`, whether it is the library's.
    """
    rows = all_hits(results)
    rows = by_seed(rows[rows["seed"] >= FIRST_OF_SWEEP]).reset_index()
    if rows.empty:
        return rows.assign(setting=[], value=[], default=[])
    rows["radius"] = rows["radius"].where(rows["radius"] >= 0, QUARTER)
    own = {**DEFAULTS, "radius": QUARTER}
    found = []
    for setting, kind in TRIED.items():
        mine = rows[rows["kind"] == kind]
        for other in TRIED:
            # All but eps are tried at one eps, the smaller one.
            if other in ("steps", "delta", "draws", "radius") and other != setting:
                mine = mine[mine[other].isin([own[other], -1.0])]
        if setting != "eps":
            mine = mine[mine["eps"] == rows.loc[rows["kind"] != "C", "eps"].min()]
        found.append(mine.assign(setting=setting, value=mine[setting], default=mine[setting].eq(own[setting])))
    order = list(dict.fromkeys(all_hits(results)["base"]))
    return pd.concat(found).sort_values("base", key=lambda bases: bases.map(order.index), kind="stable", ignore_index=True)


def values_of(rows: pd.DataFrame, setting: str) -> list[float]:
    """Return the values that were tried of a setting, from rows of :func:`tried`."""
    return sorted(rows.loc[rows["setting"] == setting, "value"].unique())


def plot(results: pd.DataFrame) -> Figure:
    """Draw robustness, transfer and uniqueness against each setting, means over the networks that were tried.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = tried(results)
    bases, names = list(dict.fromkeys(rows["base"])), [name for name in TRIED if len(values_of(rows, name)) > 1]
    looks: list[dict[str, Any]] = [{"linestyle": "-"}, {"linestyle": "--", "markerfacecolor": "white"}]
    figure, axes = style.page_wide(len(names), height=2.0, sharex=False)
    for ax, setting in zip(axes, names, strict=True):
        mine = rows[rows["setting"] == setting]
        values = values_of(rows, setting)
        for base, look in zip(bases, looks, strict=False):
            for measure, colour in COLOURS.items():
                curve = mine[mine["base"] == base].groupby("value")[measure].mean().reindex(values)
                dashed = {**style.OURS, "linewidth": 1.6, "markeredgecolor": colour, **look}
                ax.plot(range(len(values)), curve, color=colour, label=f"{measure}, {name_of(base)}", **dashed)
        ticks = [f"{value:g}" for value in values]
        ax.set_xticks(range(len(values)), ticks, fontsize=style.SMALL)
        for label, value in zip(ax.get_xticklabels(), values, strict=True):
            if mine.loc[mine["value"] == value, "default"].any():
                label.set(fontweight="bold")
        ax.set_ylim(0, 103)
        ax.tick_params(labelsize=style.SMALL)
    figure.supylabel("prints hit (%)", fontsize=11)
    style.add_titles_and_legend(figure, axes, [f"{LABELS[name]} ({TRIED[name]})" for name in names], columns=2)
    return figure


def verdicts(results: pd.DataFrame) -> str:
    """Say for each setting what the library's own value gives against the best, as a Markdown list."""
    rows, lines = tried(results), []
    for setting, kind in TRIED.items():
        mine = rows[rows["setting"] == setting]
        if len(values_of(rows, setting)) < 2:
            continue
        parts = []
        for base, of_base in mine.groupby("base", sort=False):
            wide = of_base.pivot_table(index="seed", columns="value", values="uniqueness")
            own = of_base.loc[of_base["default"], "value"]
            if own.empty:
                continue
            mine_value, best = float(own.iloc[0]), float(wide.columns[int(wide.mean().argmax())])
            found = interval(wide[best] - wide[mine_value])
            if best == mine_value:
                said = "the best of these"
            elif found.low > 0:
                said = f"**{best:g} is better**, by {found} points"
            else:
                said = f"{best:g} is not better beyond doubt, {found} points"
            parts.append(f"{name_of(str(base))}: {said}")
        values = ", ".join(f"{value:g}" for value in values_of(rows, setting))
        own_value = mine.loc[mine["default"], "value"]
        if parts:
            lines.append(
                f"- {LABELS[setting]} ({kind}): {own_value.iloc[0]:g} of {values}; uniqueness on {'; on '.join(parts)}."
            )
    return "\n".join(lines) or "- Not measured in this run."


def equal_cost(results: pd.DataFrame) -> str:
    """Say what RC+GM gains over C when both cost as many gradients, C by more steps, as a Markdown list."""
    rows, lines = tried(results), []
    for base, mine in rows.groupby("base", sort=False):
        own = mine[mine["setting"].eq("draws") & mine["default"]]
        plain = mine[mine["setting"].eq("steps")]
        if own.empty:
            continue
        gradients = float((own["steps"] * own["draws"]).iloc[0])
        plain = plain[plain["value"] == gradients]
        if plain.empty:
            continue
        gains = {
            measure: interval(own.set_index("seed")[measure] - plain.set_index("seed")[measure])
            for measure in ("robustness", "uniqueness")
        }
        said = ", ".join(f"{measure} {found}" for measure, found in gains.items())
        found = gains["uniqueness"]
        verdict = "RC+GM is worth it" if found.low > 0 else "C is better" if found.high < 0 else "undecided"
        lines.append(
            f"- {name_of(str(base))}: RC+GM, over C with {gradients:.0f} steps in place of {own['steps'].iloc[0]:.0f}: "
            f"{said} points. **{verdict}**."
        )
    return "\n".join(lines) or "- Not measured in this run."


def caption(results: pd.DataFrame) -> str:
    """Say what the figure of settings shows."""
    rows = tried(results)
    ball = rows.loc[rows["setting"] == "steps", "eps"]
    at = f" All but ε at ε {ball.iloc[0]:g}." if len(ball) else ""
    return f"One setting changed at a time, on prints that are not those of the experiment; the library's own in bold.{at}"


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure of settings in words, from its data."""
    said = verdicts(results).replace("- ", "").replace("**", "").replace("\n", " ")
    return f"Robustness, transfer and uniqueness against each setting. {said}"
