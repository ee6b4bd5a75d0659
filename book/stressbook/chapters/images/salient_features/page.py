"""Salient features: the chapter's first figure, its headline, its answers in three sentences, and its table.

Draws and says what `effects` computes; detectors, layers and a picture of an attack are modules of their own.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stressbook.chapters.images.salient_features.effects import (
    ATTACKS,
    EXPECTED,
    called,
    is_partial,
    judged,
    means,
    name,
    own_names,
    standing,
)
from stressbook.chapters.images.salient_features.names import (
    BENIGN,
    BOTH,
    CONFIDENCE,
    DENOISER,
    MISSED,
    RAW,
    SALIENT,
    SHORTER,
    STATIC,
    TRIVIAL,
    WORST,
)
from stressbook.drawing import style
from stressbook.drawing.outcomes import AS_EXPECTED, OPPOSITE, UNDECIDED, spread

COLOURS = {RAW: "#6F6F6F", SALIENT: "#7B3FA0", DENOISER: "#1B8A8F", CONFIDENCE: "#C98A00"}
"""Colour of each filter; the stresses of the paper have those of the book."""


def colour_of(filter_name: str) -> str:
    """Return the colour of a filter."""
    tokens = tuple(part.split(":")[0] for part in filter_name.split(","))
    of_stress = {("Q2",): "uniform-per-dimension", ("DR2",): "pca", ("DR2", "Q2"): "pca+uniform"}
    return COLOURS[filter_name] if filter_name in COLOURS else str(style.COLOURS[of_stress[tokens]])


def data_drawn(results: pd.DataFrame) -> str:
    """Return the data set of the headline: CIFAR-10 where it was measured."""
    there = list(dict.fromkeys(results["dataset"]))
    return "cifar10" if "cifar10" in there else str(there[0])


def drawn(results: pd.DataFrame, dataset: str) -> pd.DataFrame:
    """Return the filters of a figure's panel, with their mean accuracies by attack."""
    found = _of_data(results, dataset)
    ours = [one for one in (RAW, SALIENT, DENOISER) if one in found.index]
    return found.reindex([*ours, *own_names(found.index)])


def _of_data(results: pd.DataFrame, dataset: str) -> pd.DataFrame:
    found = means(results, "accuracy")
    return found[found.index.get_level_values("dataset") == dataset].droplevel("dataset")


def plot(results: pd.DataFrame) -> Figure:
    """Draw the accuracy behind each filter, without an attack, under the one that was shown, and under the strongest.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    matplotlib.figure.Figure
    """
    datasets = list(dict.fromkeys(results["dataset"]))
    # Each has its own stresses: shared scales would give all panels the names of the last one.
    figure, axes = style.panels(len(datasets), height=1.95, sharey=False)
    for ax, dataset in zip(axes, datasets, strict=True):
        _draw(ax, drawn(results, dataset))
        ax.set_title(name(dataset), fontsize=style.SMALL, fontweight="bold", loc="left")
    axes[-1].set_xlabel("right (%)", fontsize=style.SMALL)
    figure.suptitle("○ no attack   ◆ the attack it was shown   ● the strongest of all", fontsize=style.SMALL)
    return figure


def _draw(ax: Axes, found: pd.DataFrame) -> None:
    for place, (filter_name, row) in enumerate(found.iterrows()):
        colour = colour_of(str(filter_name))
        ax.plot([row[STATIC], row[WORST]], [place, place], color=colour, linewidth=1.4, alpha=0.6, zorder=1)
        for kind, marker, look in (
            (BENIGN, "o", {"markerfacecolor": "white"}),
            (STATIC, "D", {"alpha": 0.65}),
            (WORST, "o", {}),
        ):
            ax.plot(row[kind], place, marker, color=colour, label=ATTACKS[kind], **{"markersize": 6.5, **look})  # type: ignore[arg-type]
    ax.set_yticks(range(len(found)), [called(str(one)) for one in found.index], fontsize=style.SMALL)
    for label, filter_name in zip(ax.get_yticklabels(), found.index, strict=True):
        label.set(color=colour_of(str(filter_name)), fontweight="bold" if filter_name == SALIENT else "normal")
    ax.set_ylim(len(found) - 0.5, -0.5)
    ax.set_xlim(-3, 103)
    ax.grid(axis="x", color="#E3E3E3", linewidth=0.8)
    ax.grid(visible=False, axis="y")
    ax.tick_params(labelsize=style.SMALL)


def caption(results: pd.DataFrame) -> str:
    """Say what the first figure shows."""
    seeds = results["seed"].nunique()
    strongest = "the strongest one, image by image, of those on the network, through another filter, and through this one"
    if is_partial(results):
        strongest = "the strongest one of those on the network and through this filter; none was made through another"
    several = f"means of {seeds} trainings" if seeds > 1 else "one training"
    return (
        f"Accuracy behind each filter, {several}. The line leads from the attack on the network alone, which the salient "
        f"features were shown in training, to {strongest}."
    )


def alt_text(results: pd.DataFrame) -> str:
    """Describe the first figure in words, from its data."""
    parts = []
    for dataset in dict.fromkeys(results["dataset"]):
        said = ", ".join(
            f"{called(str(one))} {row[BENIGN]:.0f}, {row[STATIC]:.0f} and {row[WORST]:.0f}%"
            for one, row in drawn(results, str(dataset)).iterrows()
        )
        parts.append(f"{name(str(dataset))}: {said}")
    return f"Accuracy without an attack, under the attack that was shown, and under the strongest. {'. '.join(parts)}."


def headline(results: pd.DataFrame) -> str:
    """Answer the question of the page, as its first paragraph."""
    dataset = data_drawn(results)
    found = drawn(results, dataset)
    salient, raw = found.loc[SALIENT], found.loc[RAW]
    stands = standing(results)
    of_salient = stands[stands["filter"].eq(SALIENT)]
    broken = of_salient["outcome"].eq("broken")
    if broken.all():
        answer = "Not against an attack that knows them"
    elif of_salient["outcome"].eq("holds").all():
        answer = "Yes, against every attack that was tried"
    elif broken.any():
        answer = "Not on all data against an attack that knows them"
    else:
        answer = "Undecided"
    parts = [
        f"**{answer}.** On {name(dataset)}, the attack that salient features were shown leaves {raw[STATIC]:.0f}% right "
        f"without them and **{salient[STATIC]:.0f}%** with them; the strongest attack leaves **{salient[WORST]:.0f}%**."
    ]
    if DENOISER in found.index:
        static, worst = found.loc[DENOISER, [STATIC, WORST]]
        parts.append(f"A plain denoiser of the same cost, without a discriminator, has {static:.0f}% and {worst:.0f}%.")
    if len(of_salient) > 1:
        parts.append(f"On {int(broken.sum())} of {len(of_salient)} data sets the strongest attack breaks them.")
    return " ".join(parts)


def answers(results: pd.DataFrame) -> str:
    """Give the verdicts of the chapter: a fixed attack, no attack, an attack that knows the defence, and detection."""
    return "\n".join(
        (
            f"- **Against a fixed attack**: {_by_outcome(results, 0)}.",
            f"- **Without an attack**: {_by_outcome(results, 1)}.",
            f"- **Against an adaptive one**: {_by_standing(results)}.",
            f"- **As a detector**, beside the same one on raw features: {_by_outcome(results, 10)}; beside the largest "
            f"probability: {_by_outcome(results, 11)}.",
        )
    )


def _by_outcome(results: pd.DataFrame, place: int) -> str:
    """Say of an expectation on which data sets it came out how."""
    rows = judged(results)
    better = "better" if EXPECTED[place].sign else "no worse"
    words = {AS_EXPECTED: better, OPPOSITE: "**worse**", UNDECIDED: UNDECIDED}
    parts = [
        f"{name(row['dataset'])} {words[row['outcome']]}, {spread(row['mean'], row['low'], row['high'])} points"
        for row in rows[rows["place"].eq(place)].to_dict("records")
    ]
    return "; ".join(parts) or "not measured"


def _by_standing(results: pd.DataFrame) -> str:
    rows = standing(results)
    rows = rows[rows["filter"].eq(SALIENT)]
    return "; ".join(
        f"{name(row['dataset'])} {'**broken**' if row['outcome'] == 'broken' else row['outcome']}, "
        f"{row['benign']:.0f}% without an attack and {row['strongest']:.0f}% under the strongest"
        for row in rows.to_dict("records")
    )


def table(results: pd.DataFrame, dataset: str) -> pd.DataFrame:
    """Return the accuracies on one data set, a row for each filter, a column for each attack: means over trainings."""
    found = _of_data(results, dataset)
    first = [one for one in (RAW, SALIENT, TRIVIAL, DENOISER, SHORTER) if one in found.index]
    found = found.loc[[*first, *own_names(found.index)], [one for one in ATTACKS if one in found]]
    return found.rename(index=called, columns=ATTACKS).rename_axis(index="filter", columns=None).round(1)


def filters_standing(results: pd.DataFrame) -> str:
    """Say of each filter of the paper's whether the strongest attack breaks it, as a Markdown list."""
    rows = standing(results)
    lines = []
    for dataset, part in rows.groupby("dataset", sort=False):
        said = ", ".join(
            f"{called(row['filter'])} {row['strongest']:.0f}% of {row['benign']:.0f}% ({row['outcome']})"
            for row in part.to_dict("records")
        )
        lines.append(f"- {name(str(dataset))}: {said}.")
    return "\n".join(lines)


def missed(results: pd.DataFrame) -> str:
    """Say how many attacked images are classified wrongly and raise no alarm, when the attack knows all."""
    found = means(results, MISSED)[BOTH]
    words = {SALIENT: "salient and trivial features", RAW: "raw features", CONFIDENCE: "largest probability"}
    parts = []
    for dataset in found.index.unique("dataset"):
        said = ", ".join(f"{who} {found[dataset, one]:.0f}%" for one, who in words.items())
        parts.append(f"{name(str(dataset))}: {said}")
    return f"{'; '.join(parts)}."
