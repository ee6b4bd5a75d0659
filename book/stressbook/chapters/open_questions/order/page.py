"""Order: reduce then quantise, as in the paper, against quantise then reduce.

Principal components of quantised values are no longer quantised. They are measured as they are, 32 bits each, and
quantised once more, which makes the stored bits those of the paper's order.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stressbook.chapters.open_questions.answers import (
    Answer,
    Finding,
    by_feature_set,
    data_set,
    mean_differences,
    on_each_data_set,
    paired_with_protocol,
    say_findings,
    sign_agreement,
)
from stressbook.chapters.open_questions.order.measure import FLOATS, STRESS, TWICE
from stressbook.drawing import style, tables
from stresslib.paper.published import with_shares
from stresslib.results import TOLERANCE, VARIANT
from stresslib.stress.spec import FLOAT_BITS, bits_per_vector


def shares_of_first_metric(results: pd.DataFrame) -> list[pd.DataFrame]:
    """Return the rows of each feature set with the shares that they keep; the paper's order has an empty variant."""
    named = results.assign(**{VARIANT: results[VARIANT].fillna("")})
    return [with_shares(rows) for _, rows in tables.feature_sets(named)]


def at_equal_bits(results: pd.DataFrame) -> pd.DataFrame:
    """Compare each reduction of quantised values with the best of the paper's order that takes no more bits.

    Returns
    -------
    pandas.DataFrame
        `features`, `dimensions`, `values`, `bits` (32 a dimension), `kept` and, of the paper's order, `kept_protocol`
        with its `bits_protocol`.
    """
    rows = []
    for shares in shares_of_first_metric(results):
        both = shares[shares["stress"] == STRESS].astype({"n_features": int, "dimensions": int, "values": int})
        both = both.assign(bits=[_stored_bits(row) for row in both.to_dict("records")])
        protocol = both[both[VARIANT] == ""]
        for row in both[both[VARIANT] == FLOATS].to_dict("records"):
            allowed = protocol[protocol["bits"] <= row["bits"]]
            best = allowed.iloc[allowed["kept"].argmax()]
            rows.append(
                {
                    "features": tables.features_name(both),
                    **{name: row[name] for name in ("dimensions", "values", "bits", "kept")},
                    "kept_protocol": best["kept"],
                    "bits_protocol": best["bits"],
                }
            )
    return pd.DataFrame(rows)


def _stored_bits(row: dict[Any, Any]) -> int:
    return FLOAT_BITS * row["dimensions"] if row[VARIANT] == FLOATS else bits_per_vector(row["spec"], row["n_features"])


def answer(results: pd.DataFrame) -> Answer:
    """Answer from the results: which order keeps more of the score?"""
    twice, floats = paired_with_protocol(results, TWICE), paired_with_protocol(results, FLOATS)
    means = pd.Series(mean_differences(twice))
    found, _ = say_findings(twice, _find)
    equal = at_equal_bits(results)
    losses = int((equal["kept"] - equal["kept_protocol"] > TOLERANCE).sum())
    worst = twice.iloc[twice["difference"].abs().argmax()]
    return Answer(
        found,
        f"Mean change by quantising before the reduction as well, in points: {on_each_data_set(means, '+.2f')}",
        sign_agreement("The mean change", means),
        f"The largest change of a single setting is {worst['difference']:+.1f} points ({worst['dimensions']} dimensions, "
        f"{worst['values']} values, {data_set(worst['dataset'])}). Left as 32-bit numbers, the components of "
        f"quantised values score {floats['difference'].mean():+.2f} points on average against the paper's order at "
        f"the same dimensions and values; given as many bits, the paper's order keeps at least as much in "
        f"{len(equal) - losses} of {len(equal)} settings.",
        points=float(means.abs().max()),
    )


def _find(twice: pd.DataFrame) -> Finding:
    better, worse = int((twice["difference"] > TOLERANCE).sum()), int((twice["difference"] < -TOLERANCE).sum())
    counts = (
        f"at equal stored bits, quantising before as well is worse in {worse} and better in {better} of {len(twice)} "
        f"settings, by more than {TOLERANCE} points"
    )
    if better == worse == 0:
        said = f"It makes no difference: at equal stored bits no score moves by more than {TOLERANCE} points"
        return Finding("neither", said)
    if max(better, worse) < 3 * min(better, worse):
        return Finding("either", f"It depends on the setting: {counts}")
    first = "Quantise first" if better > worse else "Reduce first, as the paper does"
    return Finding(first, f"{first}: {counts}")


def headline(results: pd.DataFrame) -> str:
    """Return the answer as the first paragraph of the page, in Markdown."""
    return answer(results).as_headline()


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return what each order keeps, in percent of the full score, with the bits that the paper's takes."""
    rows = []
    for shares in shares_of_first_metric(results):
        both = shares[shares["stress"] == STRESS]
        kept = both.pivot_table(index=["dimensions", "values"], columns=VARIANT, values="kept").reset_index()
        reduced = shares[shares["stress"] == "pca"].set_index("dimensions")["kept"]
        for row in kept.to_dict("records"):
            size, count = int(row["dimensions"]), int(row["values"])
            rows.append(
                {
                    "features": tables.features_name(shares),
                    "dimensions": size,
                    "values": count,
                    "bits": bits_per_vector(f"DR2:{size},Q2:{count}", int(shares["n_features"].iloc[0])),
                    "paper's": row[""],
                    "twice": row[TWICE],
                    "32-bit": row[FLOATS],
                    "not quantised": reduced.get(size, float("nan")),
                }
            )
    return pd.DataFrame(rows).set_index(["features", "dimensions", "values"]).round(1)


def plot(results: pd.DataFrame) -> Figure:
    """Draw what quantising first changes, against the size of the dictionaries.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    matplotlib.figure.Figure
    """
    twice = dict(by_feature_set(paired_with_protocol(results, TWICE)))
    floats = dict(by_feature_set(paired_with_protocol(results, FLOATS)))
    values = sorted({int(count) for rows in twice.values() for count in rows["values"]})
    figure, axes = style.panels(len(twice), height=2.7, columns=2)
    for ax, name in zip(axes, twice, strict=True):
        _draw_differences(ax, twice[name], "at equal bits", "-")
        if name in floats:
            _draw_differences(ax, floats[name], "as 32-bit numbers", ":")
        style.draw_zero_line(ax)
        ax.set_xscale("log", base=2)
        ax.set_xticks(values, [str(count) for count in values])
        ax.minorticks_off()
        ax.set(xlabel="values in a dictionary", ylabel="change by quantising\nfirst (points)")
    style.add_titles_and_legend(figure, axes, list(twice), columns=2)
    return figure


def _draw_differences(ax: Axes, rows: pd.DataFrame, storage: str, line: str) -> None:
    """Draw a curve for each number of dimensions; markers are filled where the line is solid."""
    curves = list(rows.groupby("dimensions"))
    shades = seaborn.light_palette(style.COLOURS[STRESS], len(curves) + 2)[2:]
    for (_, curve), colour, marker in zip(curves, shades, "osD^vP", strict=False):
        share = 100 * (curve["dimensions"] / curve["n_features"]).iloc[0]
        ax.plot(
            curve["values"],
            curve["difference"],
            color=colour,
            linestyle=line,
            linewidth=1.6,
            marker=marker,
            markersize=5,
            markerfacecolor=colour if line == "-" else "white",
            label=f"{share:.0f}% of dimensions, {storage}",
        )


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    ranges = []
    for variant, storage in ((TWICE, "at equal bits"), (FLOATS, "left as 32-bit numbers")):
        for name, rows in by_feature_set(paired_with_protocol(results, variant)):
            low, high = rows["difference"].min(), rows["difference"].max()
            ranges.append(f"{name}, {storage}: {low:+.2f} to {high:+.2f} points")
    return "What quantising before the reduction changes, against the size of the dictionaries. " + "; ".join(ranges) + "."
