"""Features: what the last features keep under the paper's stresses, by way of training.

From the table of `measure` to the figures and sentences of the chapter's tie to the paper.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.weights.feature_flow.page import COLOURS
from stressbook.chapters.weights.feature_flow.scores import METHODS, network_name, of_network, order
from stressbook.chapters.weights.feature_flow.trainings import Training
from stressbook.drawing import style
from stressbook.drawing.outcomes import UNDECIDED, interval, spread
from stressbook.drawing.words import LABELS, paper_name

STRESSES = ("random-selection", "pca")
"""DR-1 and DR-2, in the words of a results table."""


def kept(results: pd.DataFrame) -> pd.DataFrame:
    """Return the percent of its full score that each network's features keep.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        A row for each `dataset`, `model`, `method`, `seed`, `stress` and `dimensions`: `kept`, a mean over draws, and
        `full`, the score without a stress. Empty where no features were measured.
    """
    rows = results[results["layer"].eq("features")]
    rows = rows.assign(method=[Training.parse(one).method for one in rows["variant"]])
    key = ["dataset", "model", "method", "seed"]
    full = rows[rows["stress"].eq("none")].groupby(key)["score"].mean()
    scores = rows[rows["stress"].isin(STRESSES)].groupby([*key, "stress", "dimensions"])["score"].mean().to_frame("score")
    joined = scores.join(full.rename("full"))
    return joined.assign(kept=100 * joined["score"] / joined["full"])


def drawn(results: pd.DataFrame) -> tuple[str, str] | None:
    """Return the network whose features are drawn, or None where none were measured."""
    index = kept(results).index
    return None if index.empty else (str(index[0][0]), str(index[0][1]))


def plot(results: pd.DataFrame) -> Figure:
    """Draw the share of the full score over the number of dimensions, a panel a stress.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    matplotlib.figure.Figure
    """
    network = drawn(results)
    figure, axes = style.page_wide(len(STRESSES), height=2.7)
    if network is None:
        return figure
    table = of_network(kept(results), *network)["kept"]
    for ax, stress in zip(axes, STRESSES, strict=True):
        for method in order(table.index.unique("method")):
            wide = table.xs((method, stress), level=("method", "stress")).unstack("seed")  # noqa: PD010
            ax.plot(wide.index, wide, color=COLOURS[method], linewidth=0.8, alpha=0.55)
            ax.plot(wide.index, wide.mean(axis=1), color=COLOURS[method], label=METHODS[method], **style.OURS)
        ax.set_xscale("log", base=2)
        places = sorted(table.index.unique("dimensions"))
        ax.set_xticks(places, [str(place) for place in places])
        ax.tick_params(labelsize=style.SMALL)
    style.finish_page_wide(figure, axes, [LABELS[stress] for stress in STRESSES], "dimensions kept", columns=3)
    return figure


def caption(results: pd.DataFrame) -> str:
    """Say what the figure shows."""
    network = drawn(results)
    if network is None:
        return "No features were measured in this run."
    return (
        f"{network_name(*network)}: what a linear SVM scores on fewer dimensions of the last features, in percent of its "
        "score on all. Thin lines are trainings, thick ones means."
    )


def verdicts(results: pd.DataFrame) -> str:
    """Say whether features of feature flow keep more, as a Markdown list."""
    table, lines = kept(results), []
    for dataset, model in dict.fromkeys(zip(*(table.index.get_level_values(i) for i in (0, 1)), strict=True)):
        part = of_network(table, dataset, model)
        means = part.groupby(["method", "seed", "stress"])[["kept", "full"]].mean()
        if not {"flow", "plain"} <= set(means.index.unique("method")):
            continue
        said = []
        for stress in STRESSES:
            of_stress = means.xs(stress, level="stress")["kept"]
            change = (of_stress.xs("flow", level="method") - of_stress.xs("plain", level="method")).dropna()
            mean, low, high = interval(change)
            verdict = "**keeps more**" if low > 0 else "**keeps less**" if high < 0 else UNDECIDED
            said.append(f"{paper_name(stress)} {spread(mean, low, high)} points of the kept share, {verdict}")
        full = means["full"].groupby("method").mean()
        lines.append(
            f"- {network_name(dataset, model)}, feature flow against weight decay: {'; '.join(said)}. Full scores are "
            f"{full['flow']:.1f}% and {full['plain']:.1f}%."
        )
    return "\n".join(lines) or "- Not measured in this run."


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    network = drawn(results)
    if network is None:
        return "Two empty panels: no features were measured."
    means = of_network(kept(results), *network)["kept"].groupby(["stress", "method", "dimensions"]).mean()
    parts = []
    for stress in STRESSES:
        for method in order(means.index.unique("method")):
            values = means.loc[stress, method]
            said = ", ".join(f"{value:.0f}% with {place}" for place, value in values.items())
            parts.append(f"{paper_name(stress)}, {METHODS[method]}: {said}")
    return f"Share of the full score kept over the number of dimensions, {network_name(*network)}. {'. '.join(parts)}."
