"""Average precision: does it matter to the claims which of three definitions is used?

The same decisions are ranked once for each class and scored by each definition: the paper's 11 points, the plain area, and
the area of VOC 2010. Where a row has one label they are scored by accuracy too, which is another question than ranking.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stressbook.chapters.open_questions.answers import (
    Answer,
    Finding,
    by_protocol,
    data_set,
    full_score,
    say_findings,
    sign_agreement,
)
from stressbook.chapters.verdicts.claims.measure import CLAIMS, RANDOM
from stressbook.chapters.verdicts.claims.page import MARGIN, paper_share
from stressbook.drawing import style, words
from stresslib.paper.published import GRID
from stresslib.results import TOLERANCE
from stresslib.stress.spec import parse_spec

NAMES = {"area": "area under the precisions (uninterpolated)", "voc2010": "VOC 2010 (interpolated area)"}
"""What a legend calls the definitions that are not the paper's."""

COLOURS = {"area": "#0072B2", "voc2010": "#D55E00"}


def shares(results: pd.DataFrame) -> pd.DataFrame:
    """Return what each claim's setting, and each random selection, keeps by each definition.

    Returns
    -------
    pandas.DataFrame
        One row for each feature set and setting: `features`, `setting`, whether it is a `claim`, the share that the
        `paper` keeps (NaN where there is no claim), the shares `voc2007`, `area` and `voc2010`, the `movement` (the largest
        difference of the latter two from the first, in points), and the share by `accuracy` (NaN where rows have several
        labels).
    """
    ranking = results["metric"] == "mAP"
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for features, variant, table in by_protocol(results[ranking]):
        for setting, is_claim, paper, kept in _settings(table):
            row = rows.setdefault((features, setting), {"claim": is_claim, "paper": paper, "accuracy": math.nan})
            row[variant or "voc2007"] = kept
    if not ranking.all():
        for features, _, table in by_protocol(results[~ranking]):
            for setting, _, _, kept in _settings(table):
                rows[features, setting]["accuracy"] = kept
    found = pd.DataFrame.from_dict(rows, orient="index").rename_axis(["features", "setting"]).reset_index()
    others = found[list(NAMES)].sub(found["voc2007"], axis=0)
    largest = others.abs().to_numpy().argmax(axis=1)
    return found.assign(movement=others.to_numpy()[np.arange(len(found)), largest])


def _settings(table: pd.DataFrame) -> Iterator[tuple[str, bool, float, float]]:
    """Yield each setting's label, whether it is a claim's, what the paper keeps, and what is kept here."""
    width = int(table["n_features"].iloc[0])
    for claim in CLAIMS:
        spec = parse_spec(claim.spec(width))
        count = int(spec.dictionary_size or 0)
        at = table["spec"].eq(str(spec))
        if at.any():
            size = "" if claim.step is None else f"{100 * claim.step // GRID}%, "
            label = words.paper_name(spec.stress)
            yield (
                f"{label}, {size}{count} values",
                True,
                paper_share(claim),
                float(table.loc[at, "kept"].mean()),
            )
    for step in RANDOM:
        at = table["stress"].eq("random-selection") & table["step"].eq(step)
        if at.any():
            yield f"DR-1, {100 * step // GRID}%", False, float("nan"), float(table.loc[at, "kept"].mean())


def turned(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the claims that one definition puts above the deciding value, and another below.

    Parameters
    ----------
    rows : pandas.DataFrame
        Of :func:`shares`.
    """
    claims = rows[rows["claim"]]
    above = claims[["voc2007", *NAMES]].ge(claims["paper"] - MARGIN, axis=0)
    return claims[above.any(axis=1) & ~above.all(axis=1)]


def answer(results: pd.DataFrame) -> Answer:
    """Answer from the results: how far does another definition move what the claims keep?"""
    claims = shares(results)[lambda rows: rows["claim"]]
    largest = claims.loc[claims.groupby("features", sort=False)["movement"].apply(lambda part: part.abs().idxmax())]
    each = [
        f"{row['movement']:+.2f} points on {data_set(row['features'])} ({row['setting']})"
        for row in largest.to_dict("records")
    ]
    means = claims.groupby("features", sort=False)["movement"].mean()
    found, more = say_findings(results, _find)
    return Answer(
        found,
        f"Largest movement of a claim's kept share: {', '.join(each)}",
        sign_agreement("The mean movement of the claims' shares", means),
        more,
        points=float(means.abs().max()),
    )


def _find(results: pd.DataFrame) -> Finding:
    rows = shares(results)
    claims = rows[rows["claim"]]
    over, reach = turned(rows), claims["movement"].abs().max()
    if len(over):
        verdict = "some"
        settings = " and ".join(f"that of {setting}" for setting in dict.fromkeys(over["setting"]))
        sentence = (
            f"For {len(over)} of {len(claims)} claims: kept shares move by up to {reach:.2f} points, and {settings} crosses "
            f"the value that decides, the paper's share less {MARGIN}"
        )
    elif reach <= TOLERANCE:
        verdict, sentence = "no", f"No: no claim's kept share moves by more than {TOLERANCE} points with another definition"
    else:
        verdict = "hardly"
        sentence = f"Hardly: kept shares of the claims move by up to {reach:.2f} points, and no claim changes sides"
    ranking = by_protocol(results[results["metric"] == "mAP"])
    full = {(features, variant): full_score(scored) for features, variant, scored in ranking}
    moved = [score - full[features, ""] for (features, variant), score in full.items() if variant]
    more = f"the full scores move by {min(moved):+.2f} to {max(moved):+.2f} points"
    random = rows[~rows["claim"]]
    if len(random):
        worst = random.iloc[random["movement"].abs().argmax()]
        more += f", and a random selection, which loses more, by up to {worst['movement']:+.2f} ({worst['setting']})"
    apart = (rows["accuracy"] - rows["voc2007"]).dropna()
    if len(apart):
        at = rows.loc[apart.index].iloc[apart.abs().argmax()]
        more += (
            f"; scoring by accuracy instead of ranking moves kept shares by {apart.min():+.1f} to {apart.max():+.1f} "
            f"({at['setting']}: {at['voc2007']:.1f}% by ranking, {at['accuracy']:.1f}% by accuracy)"
        )
    return Finding(verdict, sentence, f"{more[0].upper()}{more[1:]}.")


def headline(results: pd.DataFrame) -> str:
    """Return the answer as the first paragraph of the page, in Markdown."""
    return answer(results).as_headline()


def plot(results: pd.DataFrame) -> Figure:
    """Draw how far each other definition moves what is kept, setting by setting.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = shares(results)
    parts = list(rows.groupby("features", sort=False))
    figure, axes = style.panels(len(parts), height=3.0, columns=2, sharex=True)
    for ax, (_, part) in zip(axes, parts, strict=True):
        heights = np.arange(len(part))
        ax.axvline(0, color="#888888", linewidth=0.8, zorder=0)
        ax.axvspan(-TOLERANCE, TOLERANCE, color="#EEEEEE", zorder=0, label=f"no more than machines differ by ({TOLERANCE})")
        for (definition, name), shift, marker in zip(NAMES.items(), (-0.12, 0.12), "os", strict=True):
            moved = part[definition] - part["voc2007"]
            look: dict[str, Any] = {"color": COLOURS[definition], "marker": marker, "linestyle": "", "markersize": 6}
            ax.plot(moved, heights + shift, label=name, **look)
        ax.set_yticks(heights, part["setting"], fontsize="small")
        ax.set_ylim(len(part) - 0.5, -0.5)
        ax.grid(axis="y", visible=False)
        ax.grid(axis="x", color="#E3E3E3", linewidth=0.8)
        ax.tick_params(labelbottom=True)
        ax.set_xlabel("change of the kept share (points)")
    style.add_titles_and_legend(figure, axes, [str(name) for name, _ in parts])
    return figure


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return what is kept by each definition, to two decimals, beside what the paper keeps by its own."""
    rows = shares(results).drop(columns="claim").set_index(["features", "setting"]).round(2)
    rows = rows.rename(columns={"paper": "paper (11 points)", "voc2007": "11 points", "voc2010": "VOC 2010"})
    return rows.astype(object).where(rows.notna(), "")


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    movements = [
        f"{row['features']}, {row['setting']}: {row['movement']:+.2f} points" for row in shares(results).to_dict("records")
    ]
    return (
        "How far the share that is kept moves from its value by 11 points, by whichever other definition moves it more. "
        + "; ".join(movements)
        + "."
    )
