"""Gauge: the picture of all stresses on one scale, the sentences about it, and the table that sorts.

Draws and says what `doses` and `prediction` compute; nothing is computed here but medians.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stressbook.chapters.beyond.gauge.doses import BELOW, BETWEEN, BEYOND, LEVELS, REACHED, medians
from stressbook.chapters.beyond.gauge.prediction import CANNOT_TELL, FEWEST, METER
from stressbook.chapters.beyond.gauge.stresses import (
    ADVERSARY,
    FEATURES,
    IMAGES,
    STRESSES,
    TEMPLATES,
    UNITS,
    WEIGHTS,
)
from stressbook.drawing import style, words
from stressbook.drawing.outcomes import AS_EXPECTED, OPPOSITE
from stressbook.drawing.sortable import sortable
from stresslib.files import write_text

LOOKS: dict[str, dict[str, Any]] = {
    FEATURES: {"color": "#332288", "marker": "o"},
    WEIGHTS: {"color": "#B8415A", "marker": "s"},
    UNITS: {"color": "#117733", "marker": "D"},
    IMAGES: {"color": "#997700", "marker": "^"},
    ADVERSARY: {"color": "#882255", "marker": "v"},
    TEMPLATES: {"color": "#3A8F83", "marker": "P"},
}
"""Colour and marker of what is put under stress; no colour is that of a stress in the book."""

MIDDLE = 95
"""Percent of the score whose dose orders the stresses, and is their point in the picture."""

SAID = {BELOW: "less than {}", REACHED: "{}", BEYOND: "more than {}", BETWEEN: "between {} and {}"}
"""How a dose is said by where it lies."""

_SIGNS = {BELOW: "< ", REACHED: "", BEYOND: "> "}


def ordered(table: pd.DataFrame) -> pd.DataFrame:
    """Return the medians of all stresses, those that take most first, on the common scale and then on their own.

    Parameters
    ----------
    table : pandas.DataFrame
        As :func:`stressbook.chapters.beyond.gauge.doses.matrix` returns it.

    Returns
    -------
    pandas.DataFrame
        Indexed by the stress: `target`, `scale`, `common`, `networks`, `largest` (the largest dose that was tried), and for
        each level `dose_99`, `where_99`, `most_99` and so on. Stresses on a scale of their own stand in the list's order.
    """
    facts = table.groupby("stress", sort=False)[["target", "scale", "common"]].first()
    facts["largest"] = table.groupby("stress", sort=False)["largest"].max()
    for percent in LEVELS:
        middle = medians(table, percent)
        facts[[f"{one}_{percent}" for one in ("dose", "where", "most")]] = middle[["dose", "where", "most"]]
        facts["networks"] = middle["networks"]
    shared = facts[facts["common"]].sort_values(
        [f"dose_{MIDDLE}", f"where_{MIDDLE}"], ascending=[False, True], kind="stable"
    )
    return pd.concat([shared, facts[~facts["common"]]])


def plot(table: pd.DataFrame) -> Figure:
    """Draw how much of each stress the middle network takes, and each network as a point behind it.

    Parameters
    ----------
    table : pandas.DataFrame
        As :func:`stressbook.chapters.beyond.gauge.doses.matrix` returns it.

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = ordered(table)
    parts = [part for part in (rows[rows["common"]], rows[~rows["common"]]) if len(part)]
    heights = [len(part) + 1.5 for part in parts]
    figure, axes = style.panels(
        len(parts), height=0.29 * sum(heights) / len(parts) + 0.25, sharey=False, height_ratios=heights
    )
    for ax, part in zip(axes, parts, strict=True):
        is_common = bool(part["common"].iloc[0])
        _draw(ax, part, table, is_common)
        label = "taken away: % of the bits, weights or pixels" if is_common else "% of the largest dose that was tried"
        ax.set_xlabel(label)
        title = "one scale: information taken away" if is_common else "on scales of their own"
        ax.set_title(title, fontsize="medium", fontweight="bold", loc="left")
    handles = [
        axes[0].plot([], [], linestyle="", markersize=6, label=target, **look)[0]
        for target, look in LOOKS.items()
        if rows["target"].eq(target).any()
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=3, frameon=False, fontsize="small")
    return figure


def _draw(ax: Axes, part: pd.DataFrame, table: pd.DataFrame, is_common: bool) -> None:
    ax.grid(visible=False, axis="y")
    ax.grid(axis="x", color="#E3E3E3", linewidth=0.8)
    names = []
    for place, (name, row) in enumerate(part.iterrows()):
        unit = 1.0 if is_common else 100 / float(row["largest"])
        look = LOOKS[str(row["target"])]
        every = table[table["stress"].eq(str(name)) & table[f"where_{MIDDLE}"].eq(REACHED)][f"dose_{MIDDLE}"] * unit
        ax.plot(every, [place] * len(every), "|", color=look["color"], alpha=0.4, markersize=9, label="_each network")
        ends = [float(row[f"dose_{percent}"]) * unit for percent in (LEVELS[0], LEVELS[-1])]
        ax.plot(ends, [place, place], color=look["color"], linewidth=5, alpha=0.35, solid_capstyle="butt")
        dose, most = (float(row[f"{one}_{MIDDLE}"]) * unit for one in ("dose", "most"))
        where = row[f"where_{MIDDLE}"]
        # What bounds leave open is dotted; an arrow says on which side of the grid it lies.
        ends = [0, dose] if where == BELOW else [dose, min(most, 100)]
        ax.plot(ends, [place, place], ":", color=look["color"], linewidth=1.2)
        look = {**look, "marker": {BEYOND: "$→$", BELOW: "$←$"}.get(where, look["marker"])}
        look = {**look, "markerfacecolor": "white"} if where == BETWEEN else look
        at = (dose + most) / 2 if where == BETWEEN else dose
        ax.plot(
            [at], [place], markersize=11 if where in (BELOW, BEYOND) else 8, zorder=5, label=f"{name}, {MIDDLE}%", **look
        )
        names.append(f"{name} ({row['networks']})" if is_common else f"{name}, to {_own(row)} ({row['networks']})")
    ax.set_yticks(range(len(names)), names, fontsize="small")
    for text, target in zip(ax.get_yticklabels(), part["target"], strict=True):
        text.set_color(LOOKS[str(target)]["color"])
    ax.set(ylim=(len(names) - 0.4, -0.6), xlim=(-2, 103))
    ax.tick_params(axis="y", length=0)


def _own(row: pd.Series) -> str:
    """Return the largest dose of a stress with the unit of its scale."""
    unit = str(row["scale"]).split(" ")[0]
    return f"{row['largest']:g}{unit if unit in ('%', '°') else ''}"


def _said(row: pd.Series, percent: int, unit: str = "%") -> str:
    numbers = [f"{row[f'{one}_{percent}']:.1f}{unit}" for one in ("dose", "most")]
    return SAID[str(row[f"where_{percent}"])].format(*numbers)


def headline(table: pd.DataFrame, pairs: pd.DataFrame) -> str:
    """Say what takes most and least on the common scale, how far networks differ in it, and how many stresses agree.

    Parameters
    ----------
    table : pandas.DataFrame
        As :func:`stressbook.chapters.beyond.gauge.doses.matrix` returns it.
    pairs : pandas.DataFrame
        As :func:`stressbook.chapters.beyond.gauge.prediction.correlations` returns it.
    """
    rows = ordered(table)
    shared = rows[rows["common"]]
    enough = shared[shared["networks"] >= min(FEWEST, shared["networks"].max())]
    reached = enough[enough[f"where_{MIDDLE}"].eq(REACHED)]
    most, least = enough.iloc[0], (reached if len(reached) else enough).iloc[-1]
    said = f"**For a twentieth of the score {most.name} takes away {_said(most, MIDDLE)} {_counted(most)}"
    if most.name != least.name:
        said += f", and {least.name} {_said(least, MIDDLE)} {_counted(least)}"
    said += f"**: medians over {' and '.join(str(one['networks']) for one in (most, least))} networks."
    wide = widest(table)
    if wide is not None:
        said += (
            f" No stress has one limit: {wide['stress']} costs one network 5% of its score at {wide['low']:.1f}%, another "
            f"at {wide['high']:.1f}%."
        )
    return f"{said} {agreement(pairs)}"


def _counted(row: pd.Series) -> str:
    return str(row["scale"]).removeprefix("% ")


def widest(table: pd.DataFrame) -> dict[str, Any] | None:
    """Return of which stress on the common scale networks take most differently; None where none was reached twice."""
    reached = table[table["common"].astype(bool) & table[f"where_{MIDDLE}"].eq(REACHED)]
    spans = reached.groupby("stress", sort=False)[f"dose_{MIDDLE}"].agg(["min", "max", "size"])
    spans = spans[spans["size"] > 1]
    if spans.empty:
        return None
    name = str((spans["max"] - spans["min"]).idxmax())
    return {"stress": name, "low": spans["min"].loc[name], "high": spans["max"].loc[name]}


def agreement(pairs: pd.DataFrame) -> str:
    """Say of how many pairs of stresses the correlation is as expected: of all, and of those on different parts."""
    known = pairs[pairs["outcome"].ne(CANNOT_TELL) & pairs["first"].ne(METER) & pairs["second"].ne(METER)]
    if known.empty:
        return f"Whether one stress predicts another, it cannot tell: no two are shared by {FEWEST} networks."
    target = {stress.name: stress.target for stress in STRESSES}
    apart = known[known["first"].map(target).ne(known["second"].map(target))]
    other = int(known["outcome"].eq(OPPOSITE).sum())
    return (
        f"Does withstanding one predict withstanding another? Of {len(known)} pairs that at least {FEWEST} networks share, "
        f"{int(known['outcome'].eq(AS_EXPECTED).sum())} rank the networks alike, the whole interval above zero, {other} the "
        f"other way, and the rest is undecided; of the {len(apart)} pairs that stress different parts of a network, "
        f"{int(apart['outcome'].eq(AS_EXPECTED).sum())} do."
    )


def alt_text(table: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    rows = ordered(table)
    parts = [
        f"{name} ({row['target']}, {row['networks']} networks) {_said(row, MIDDLE, '')} {row['scale']}"
        for name, row in rows.iterrows()
    ]
    return (
        "A row for each stress with the dose at which the median network keeps 95% of its score, in a bar from 99% to 90%, "
        f"ordered by the dose; ticks are single networks. {'; '.join(parts)}."
    )


def caption() -> str:
    """Return the caption of the figure."""
    return (
        "How much each stress takes away before the score falls. Mark: the median network keeps 95%; bar: from 99% to 90%; "
        "ticks: each network at 95%; in brackets, how many the median is of. Where it lies on a dotted line, no more is "
        "known: an arrow for one end of what was measured, an open mark between two."
    )


def fragment(table: pd.DataFrame, pages: Sequence[str] = ()) -> str:
    """Return the matrix as a table of HTML that can be sorted and filtered, each row with a link to its chapter.

    Parameters
    ----------
    table : pandas.DataFrame
        As :func:`stressbook.chapters.beyond.gauge.doses.matrix` returns it.
    pages : sequence of str
        Names of the pages that the book has; a row of another chapter has no link.
    """
    heads = ["stress", "what", "data set", "network", *(f"{one}% kept" for one in LEVELS), "dose in", "chapter"]
    rows = (_row(row, pages) for _, row in table.iterrows())
    return sortable(heads, rows, "rows", "pruned digits", "The dose of each stress, by data set and network")


def _row(row: pd.Series, pages: Sequence[str]) -> str:
    chapter = str(row["chapter"])
    link = f'<a href="{chapter}.html">{escape(chapter)}</a>' if chapter in pages else escape(chapter)
    data = words.DATA_SETS.get(str(row["dataset"]), str(row["dataset"]))
    cells = [f'<th scope="row">{escape(str(row["stress"]))}</th>']
    cells += [f"<td>{escape(text)}</td>" for text in (str(row["target"]), data, str(row["network"]))]
    for percent in LEVELS:
        dose, where = row[f"dose_{percent}"], row[f"where_{percent}"]
        text = f"{escape(_SIGNS[where])}{dose:.1f}"
        # A dose that lies beyond a bound is sorted behind the bound itself.
        behind = dose + {BELOW: -1e-6, REACHED: 0, BEYOND: 1e-6}[where]
        cells.append(f'<td data-value="{behind:.7f}">{text}</td>')
    return f"<tr>{''.join(cells)}<td>{escape(str(row['scale']))}</td><td>{link}</td></tr>"


def pages_of(folder: str | Path) -> list[str]:
    """Return the names of the figures in ``notebooks/figures.yml`` beside a folder of results."""
    import yaml

    path = Path(folder).parent / "notebooks" / "figures.yml"
    return list(yaml.safe_load(path.read_text(encoding="utf-8"))) if path.is_file() else []


def left_out(names: Sequence[str]) -> str:
    """Say which tables are not there."""
    if not names:
        return "All tables that the list of stresses names are there."
    known = "`, `".join(names)
    return f"Left out, since their tables are not there yet: `{known}`. The page takes them up when they are."


def small(table: pd.DataFrame) -> pd.DataFrame:
    """Return the medians of all stresses as a table of words."""
    rows = ordered(table)
    shown = {f"{one}% kept": [_said(row, one, "") for _, row in rows.iterrows()] for one in LEVELS}
    return pd.DataFrame(
        {"what": rows["target"], **shown, "in": rows["scale"], "networks": rows["networks"]}, index=rows.index
    )


def judged(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the correlations of pairs that enough networks share, the strongest first, in words."""
    rows = pairs[pairs["outcome"].ne(CANNOT_TELL)].sort_values("spearman", ascending=False, kind="stable")
    names = [f"{first} and {second}" for first, second in zip(rows["first"], rows["second"], strict=True)]
    spans = [f"{row.spearman:+.2f} ({row.low:+.2f} to {row.high:+.2f})" for row in rows.itertuples()]
    within = ["–" if pd.isna(one) else f"{one:+.2f}" for one in rows["within"]]
    columns = {"networks": rows["networks"].to_list(), "data sets": rows["datasets"].to_list(), "Spearman (95%)": spans}
    columns |= {
        "Kendall": [f"{one:+.2f}" for one in rows["kendall"]],
        "within": within,
        "outcome": rows["outcome"].to_list(),
    }
    return pd.DataFrame(columns, index=pd.Index(names, name="stresses"))


def untold(pairs: pd.DataFrame) -> str:
    """Say which pairs too few networks share, and how many none does."""
    rows = pairs[pairs["outcome"].eq(CANNOT_TELL)]
    said = ", ".join(f"{row.first} and {row.second} ({row.networks})" for row in rows.itertuples())
    names = len({*pairs["first"], *pairs["second"]})
    none = names * (names - 1) // 2 - len(pairs)
    return (
        f"**{CANNOT_TELL.capitalize()}**, since fewer than {FEWEST} networks have both, or all keep equally much (networks "
        f"in brackets): {said or 'none'}. Of {none} further pairs, not one network has both."
    )


def meter_said(pairs: pd.DataFrame) -> str:
    """Say with which stresses the separation index goes, as far as it can be told."""
    rows = pairs[(pairs["first"].eq(METER) | pairs["second"].eq(METER)) & pairs["outcome"].ne(CANNOT_TELL)]
    if rows.empty:
        return f"Whether the {METER} predicts any of it, it cannot tell."
    parts = [
        f"{row['first'] if row['second'] == METER else row['second']} {row['spearman']:+.2f} "
        f"({row['outcome']}, {row['networks']} networks)"
        for row in rows.to_dict("records")
    ]
    return f"The meter, the {METER}, beside them: {', '.join(parts)}."


def save(figure: Figure, table: pd.DataFrame, pairs: pd.DataFrame, folder: str | Path, name: str) -> None:
    """Write the figure as SVG and PNG, the matrix as NAME.csv and the correlations as NAME-pairs.csv."""
    style.save_figure(figure, folder, name)
    for ending, one in (("", table), ("-pairs", pairs)):
        text = one.to_csv(index=False, lineterminator="\n", float_format="%.6f")
        write_text(Path(folder) / f"{name}{ending}.csv", text)
