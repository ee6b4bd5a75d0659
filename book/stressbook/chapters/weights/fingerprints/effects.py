"""Effects: what each step of the method changes, judged against directions that were written down before the run.

From the table of `measure` to numbers and sentences of the page; `page` draws them.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.weights.fingerprints.rows import (
    MADE,
    NEAR,
    Interval,
    accuracies,
    by_seed,
    copy_name,
    data_name,
    hits,
    interval,
    name_of,
    places,
)
from stressbook.drawing import style

KINDS = ("C", "C+filter", "RC", "RC+GM", "LTRC")
"""The kinds in the order of the page."""

COLOURS = {"robustness": "#1B8A8F", "transfer": "#7B3FA0", "uniqueness": "#111111"}
"""Colour of each measure: of copies, of other networks, and of their difference."""


@dataclass(frozen=True)
class Expectation:
    """A direction that was expected before the run.

    Attributes
    ----------
    measure : {"robustness", "transfer", "uniqueness"}
    sign : {-1, 1}
    kind, than : str
        Of prints.
    """

    measure: str
    sign: int
    kind: str
    than: str


EXPECTED = (
    Expectation("robustness", 1, "RC", "C"),
    Expectation("robustness", 1, "RC+GM", "RC"),
    Expectation("robustness", 1, "RC+GM", "C"),
    Expectation("transfer", -1, "LTRC", "RC"),
    Expectation("transfer", -1, "LTRC", "RC+GM"),
    Expectation("uniqueness", 1, "LTRC", "C"),
    Expectation("uniqueness", 1, "LTRC", "RC+GM"),
)
"""What the authors claim. LTRC differs from RC+GM, which costs the same, by its filter alone."""

AS_EXPECTED, OPPOSITE, UNDECIDED = "as expected", "the other way", "undecided"

DIRECTIONS = {1: "higher", -1: "lower"}


@dataclass(frozen=True)
class Judged:
    """An expectation, where it was looked at, and what was found."""

    expected: Expectation
    base: str
    eps: float
    found: Interval

    @property
    def verdict(self) -> str:
        """As expected, or the other way, where the whole interval is on that side of zero; else undecided."""
        low, high = (self.expected.sign * end for end in (self.found.low, self.found.high))
        if min(low, high) > 0:
            return AS_EXPECTED
        return OPPOSITE if max(low, high) < 0 else UNDECIDED


def judged(results: pd.DataFrame, near: float = NEAR) -> list[Judged]:
    """Judge every direction, for each network and eps that were measured.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.
    near : float, default=2.0
        Points that a copy may have lost.

    Returns
    -------
    list of Judged
        Differences are paired: prints of one seed start from one noise, and go to the same classes.
    """
    mine = hits(results, near)
    wide = by_seed(mine).reset_index()
    found = []
    for base, eps in places(mine):
        rows = wide[wide["base"].eq(base) & wide["eps"].eq(eps)]
        for one in EXPECTED:
            measured = rows.pivot_table(index="seed", columns="kind", values=one.measure)
            if {one.kind, one.than} <= set(measured):
                found.append(Judged(one, base, eps, interval(measured[one.kind] - measured[one.than])))
    return found


def verdicts(results: pd.DataFrame) -> str:
    """Say what became of each expectation, as a Markdown list."""
    every, lines = judged(results), []
    for one in EXPECTED:
        mine = [entry for entry in every if entry.expected == one]
        said = "; ".join(f"{where(entry)} {entry.found} **{entry.verdict}**" for entry in mine)
        if mine:
            lines.append(f"- {one.measure} of {one.kind} {DIRECTIONS[one.sign]} than of {one.than}: {said}.")
    return "\n".join(lines) or "- Not measured in this run."


def where(entry: Judged) -> str:
    """Return the network and eps of a judgement, as a list has them."""
    return f"{name_of(entry.base)} at ε {entry.eps:g}"


def not_reproduced(results: pd.DataFrame) -> str:
    """List the expectations that came out the other way, or are undecided, as Markdown."""
    every, lines = judged(results), []
    for verdict in (OPPOSITE, UNDECIDED):
        for one in EXPECTED:
            found = [entry for entry in every if entry.expected == one and entry.verdict == verdict]
            if found:
                said = "; ".join(f"{where(entry)} {entry.found}" for entry in found)
                lines.append(f"- {one.measure} of {one.kind} {DIRECTIONS[one.sign]} than of {one.than}: {verdict}: {said}.")
    return "\n".join(lines) or "- Nothing: every direction came out as expected."


def sensitivity(results: pd.DataFrame) -> str:
    """Say whether the verdicts depend on how near to its base a copy has to be."""
    mine = [entry.verdict for entry in judged(results)]
    parts = []
    for near in (1.0, 5.0):
        other = [entry.verdict for entry in judged(results, near)]
        turned = sum({one, two} == {AS_EXPECTED, OPPOSITE} for one, two in zip(mine, other, strict=True))
        changed = sum(one != two for one, two in zip(mine, other, strict=True))
        parts.append(f"at {near:.0f}, {changed} of {len(mine)} verdicts change, {turned} of them to the opposite")
    return f"Copies count within {NEAR:.0f} points of their base. With the line elsewhere: {'; '.join(parts)}."


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return what was measured, a row for each network, eps and kind: means in percent."""
    means = by_seed(hits(results)).groupby(MADE).mean().reset_index()
    order = {place: number for number, place in enumerate(places(hits(results)))}
    means["order"] = [order[place] for place in zip(means["base"], means["eps"], strict=True)]
    means["place"] = means["kind"].map({kind: place for place, kind in enumerate(KINDS)})
    means = means.sort_values(["order", "place"])
    names = [means["base"].map(name_of), means["eps"].map("{:g}".format), means["kind"]]
    index = pd.MultiIndex.from_arrays(names, names=["prints of", "ε", "kind"])
    return means[["own", "robustness", "transfer", "uniqueness"]].set_axis(index).round(1)


def counted(results: pd.DataFrame) -> pd.DataFrame:
    """Return the accuracy of every copy, and whether it counts.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        A row for each kind of copy, a column for each network that prints are of; percent, in brackets where the copy lost
        more than :data:`NEAR` points.
    """
    bases = list(dict.fromkeys(hits(results)["base"]))
    rows = accuracies(results)
    columns = {}
    for base in bases:
        mine = rows[rows["model"] == base]
        said = [
            f"{accuracy:.1f}" if lost <= NEAR else f"({accuracy:.1f})"
            for accuracy, lost in zip(mine["accuracy"], mine["lost"], strict=True)
        ]
        columns[name_of(base) + ("" if mine["dataset"].iloc[0] == "cifar10" else ", digits")] = pd.Series(
            said, [copy_name(row) for row in mine.to_dict("records")]
        )
    return pd.DataFrame(columns).rename_axis("copy")


def plot(results: pd.DataFrame) -> Figure:
    """Draw robustness, transfer and uniqueness by kind, a panel for each network and eps of CIFAR-10.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    matplotlib.figure.Figure
    """
    wide = by_seed(hits(results)).reset_index()
    chosen = [(*place, wide[wide["base"].eq(place[0]) & wide["eps"].eq(place[1])]) for place in places(hits(results))]
    figure, axes = style.page_wide(len(chosen), height=2.0)
    titles = []
    for ax, (base, eps, rows) in zip(axes, chosen, strict=True):
        kinds = [kind for kind in KINDS if kind in set(rows["kind"])]
        for number, (measure, colour) in enumerate(COLOURS.items()):
            found = [interval(rows.loc[rows["kind"] == kind, measure]) for kind in kinds]
            for place, one in enumerate(found):
                ax.plot([place + 0.08 * (number - 1)] * 2, [one.low, one.high], color=colour, linewidth=1.4)
            shifted = [place + 0.08 * (number - 1) for place in range(len(kinds))]
            ax.plot(shifted, [one.value for one in found], color=colour, label=measure, **{**style.OURS, "linewidth": 1.6})
        ax.set_xticks(range(len(kinds)), [kind.replace("+", "+\n") for kind in kinds], fontsize=style.SMALL)
        ax.set_ylim(0, 103)
        ax.tick_params(labelsize=style.SMALL)
        titles.append(f"{name_of(str(base))}, ε {eps:g}")
    figure.supylabel("prints hit (%)", fontsize=11)
    style.add_titles_and_legend(figure, axes, titles, columns=3)
    return figure


def caption(results: pd.DataFrame) -> str:
    """Say what the figure of kinds shows."""
    seeds = hits(results)["seed"].nunique()
    return (
        "By kind: hits in copies near the base's accuracy (robustness), in other networks (transfer), and their difference "
        f"(uniqueness). Bars are 95% intervals over {seeds} groups of prints."
    )


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure of kinds in words, from its data."""
    said = []
    for (base, eps), rows in table(results).reset_index().groupby(["prints of", "ε"], sort=False):
        kinds = ", ".join(
            f"{row['kind']} {row['robustness']:.0f}, {row['transfer']:.0f} and {row['uniqueness']:.0f}"
            for row in rows.to_dict("records")
        )
        said.append(f"{base} at ε {eps}: {kinds}")
    return f"Robustness, transfer and uniqueness by kind of print, in percent. {'; '.join(said)}."


def published_accuracies(results: pd.DataFrame) -> str:
    """Say how near the accuracy of other people's networks is to what their author states."""
    from stressbook.chapters.weights.fingerprints.names import ON_ALL
    from stressbook.chapters.weights.fingerprints.networks import FILES

    rows = results[results["metric"].eq(ON_ALL)].set_index("model")["score"]
    if rows.empty:
        return ""
    said = ", ".join(
        f"{name_of(str(model))} {score:.2f}% ({FILES[str(model)].accuracy:.2f}%)" for model, score in rows.items()
    )
    apart = max(abs(score - FILES[str(model)].accuracy) for model, score in rows.items())
    agree = "as stated" if apart <= 0.05 else f"up to {apart:.2f} points from what is stated"
    tests = data_name("cifar10")
    return f"On all test images of {tests}, in brackets what their author states: {said}. That is {agree}."
