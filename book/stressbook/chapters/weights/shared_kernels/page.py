"""Shared kernels: the chapter's first figure, error against weights beside the authors' plot, and its headline.

Draws and says what `effects` and `sizes` compute; the other pictures are in `depth`, `redundancy` and `thinned`.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from stressbook.chapters.images.amplitude_phase.effects import name
from stressbook.chapters.weights.shared_kernels.effects import (
    FORMS,
    by_network,
    difference,
    means_of,
    of_dataset,
    outcome,
    paired,
)
from stressbook.chapters.weights.shared_kernels.sizes import PLOT, form_of
from stressbook.drawing import style
from stressbook.drawing.outcomes import AS_EXPECTED, OPPOSITE, interval

COLOURS = {
    "plain": "#C98A00",
    "regulated": "#B0413E",
    "mixed": "#1B8A8F",
    "mixed-regulated": "#7B3FA0",
    "none": "#8A8A8A",
    "mixed-none": "#111111",
    "shared-norm": "#D46A9F",
}
"""Colour of each form; narrow networks have that of the wide one."""

ORDER = ("plain", "regulated", "mixed", "mixed-regulated", "none", "mixed-none")


def dataset_drawn(results: pd.DataFrame) -> str:
    """Return the data set that the figures are about: CIFAR-10 where networks of it were measured."""
    there = by_network(results)["error"].dropna().index.unique("dataset")
    return "cifar10" if "cifar10" in there else str(there[0])


def plot(results: pd.DataFrame) -> Figure:
    """Draw the error of each network against its weights on the left, and the authors' plot on the right.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    matplotlib.figure.Figure
    """
    networks = of_dataset(results, dataset_drawn(results))
    figure, (left, right) = style.page_wide(2, height=3.5, sharex=False, sharey=False)
    means = means_of(networks)
    for narrow, wide in (("none-narrow", "none"), ("mixed-none-narrow", "mixed-none")):
        if {narrow, wide} <= set(means):
            ends = [[means[form][column] for form in (narrow, wide)] for column in ("parameters", "error")]
            left.plot(*ends, color=COLOURS[wide], linewidth=1, linestyle=":", zorder=1)
    for form, mean in means.items():
        colour, small = COLOURS.get(form.removesuffix("-narrow")), form.endswith("-narrow")
        if colour is None or form == "shared-norm":
            continue
        rows, marker = networks.xs(form, level="form"), "D" if "none" in form else "o"
        left.plot(rows["parameters"], rows["error"], "o", color=colour, markersize=3 if small else 4.5, alpha=0.5, mew=0)
        look: dict[str, Any] = {
            "color": colour,
            "markersize": 5 if small else 8,
            "mec": "white",
            "mew": 0.8,
            "linestyle": "none",
        }
        label = "_" if small else FORMS[form]  # a line whose label begins so is in no legend
        left.plot(mean["parameters"], mean["error"], marker=marker, label=label, **look)
    for label, (error, millions) in PLOT.items():
        form = form_of(label)
        right.plot(millions, error, "D" if form == "mixed-none" else "o", color=COLOURS[form], markersize=6, mfc="white")
    _logarithmic(left, lambda count: f"{count / 1000:g}k")
    _logarithmic(right, lambda millions: f"{millions:g}M")
    titles = [f"{name(dataset_drawn(results))}, error (%)", "authors' plot, error (%)"]
    style.add_titles_and_legend(figure, [left, right], titles, columns=2)
    for ax in (left, right):
        ax.set_xlabel("weights", fontsize=style.SMALL)
        ax.tick_params(labelsize=style.SMALL)
    return figure


def _logarithmic(ax: Axes, said: Any) -> None:
    ax.set_xscale("log")
    low, high = ax.get_xlim()
    ax.set_xlim(low * 0.7, high * 1.9)
    ticks = [step * 10**power for power in range(-2, 8) for step in (1, 3) if low * 0.7 <= step * 10**power <= high * 1.9]
    ax.xaxis.set_major_locator(FixedLocator(ticks))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: said(value)))
    bottom, top = ax.get_ylim()
    ax.set_ylim(bottom - 0.1 * (top - bottom), top + 0.1 * (top - bottom))


def caption(results: pd.DataFrame) -> str:
    """Say what the first figure shows."""
    trainings = of_dataset(results, dataset_drawn(results)).index.unique("seed").size
    several = f"one of {trainings} trainings" if trainings > 1 else "the one training"
    return (
        f"Error against the number of weights. Left, {name(dataset_drawn(results))}: a faint point is {several}, a large "
        "one the mean; circles share kernels, diamonds do not. Dotted lines lead to narrower networks that share nothing. "
        "Right: what the authors plot, of networks of width 128 and data that it does not name."
    )


def headline(results: pd.DataFrame) -> str:
    """Answer the question of the page, as its first paragraph."""
    dataset = dataset_drawn(results)
    networks = of_dataset(results, dataset)
    means = means_of(networks)
    cost = interval(paired(networks["error"], "plain", "none"))
    answer = {1: "No, one kernel is not enough", -1: "Yes, one kernel is enough", 0: "Undecided by so few trainings"}[
        _side(cost)
    ]
    said = (
        f"**{answer}.** On {name(dataset)}, one kernel for all layers, {means['plain']['parameters']:,.0f} weights in all, "
        f"errs in {means['plain']['error']:.1f}%; the same network with a kernel for each layer, "
        f"{means['none']['parameters']:,.0f} weights, in {means['none']['error']:.1f}%, "
        f"{difference(*cost)}."
    )
    if {"mixed-regulated", "mixed-none"} <= set(means):
        near = interval(paired(networks["error"], "mixed-regulated", "mixed-none"))
        verdict = outcome(0, near[1], near[2])
        word = {AS_EXPECTED: "**recovers it**", OPPOSITE: "**does not recover it**"}.get(verdict, "may recover it")
        share = 100 * means["mixed-regulated"]["parameters"] / means["mixed-none"]["parameters"]
        said += (
            f" A kernel a width with regulators, {share:.0f}% of the weights of the widening network, {word}: "
            f"{means['mixed-regulated']['error']:.1f}% against {means['mixed-none']['error']:.1f}%, "
            f"{difference(*near)}."
        )
    if "none-narrow" in means:
        equal = interval(paired(networks["error"], "plain", "none-narrow"))
        words = {-1: "fewer errors than", 1: "**more errors than**", 0: "errors that cannot be told from those of"}
        said += (
            f" At about as many weights, one kernel makes {words[_side(equal)]} a narrow network that shares nothing, "
            f"{difference(*equal)}."
        )
    return said


def _side(found: tuple[float, float, float]) -> int:
    """Return on which side of zero an interval lies; 0: it holds zero, or is of one training."""
    _, low, high = found
    return 1 if low > 0 else -1 if high < 0 else 0


def alt_text(results: pd.DataFrame) -> str:
    """Describe the first figure in words, from its data."""
    dataset = dataset_drawn(results)
    said = "; ".join(
        f"{FORMS[form]} {row['parameters']:,.0f} weights, {row['error']:.1f}%"
        for form, row in means_of(of_dataset(results, dataset)).items()
    )
    theirs = "; ".join(f"{one} {PLOT[one][1]:g} million, {PLOT[one][0]:g}%" for one in PLOT)
    return f"Error against weights on {name(dataset)}. {said}. The authors' plot: {theirs}."


def published(results: pd.DataFrame) -> pd.DataFrame:
    """Return the authors' errors of 18 layers beside ours of as many, on other data: compare directions alone."""
    ours = of_dataset(results, dataset_drawn(results)).groupby("form")["error"].mean()
    theirs = {form_of(label): PLOT[label][0] for label in ("DACNN18", "REG18", "MIX18", "MIX+REG18", "ResNet18")}
    both = pd.DataFrame({"theirs, error (%)": pd.Series(theirs), "ours, error (%)": ours}).loc[
        [form for form in ORDER if form in theirs and form in ours.index]
    ]
    return both.rename(index=FORMS).round(1)


def published_verdict(results: pd.DataFrame) -> str:
    """Say in how many pairs of forms ours lie in the authors' order, as a sentence."""
    both = published(results).to_numpy()
    pairs = [(i, j) for i in range(len(both)) for j in range(i)]
    same = sum((both[i, 0] - both[j, 0]) * (both[i, 1] - both[j, 1]) > 0 for i, j in pairs)
    return f"Of {len(pairs)} pairs of networks {same} are in the authors' order, by mean errors."
