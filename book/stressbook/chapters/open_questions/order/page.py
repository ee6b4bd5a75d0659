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
    by_feature_set,
    mean_differences,
    paired_with_protocol,
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
    better, worse = int((twice["difference"] > TOLERANCE).sum()), int((twice["difference"] < -TOLERANCE).sum())
    mean = float(twice["difference"].mean())
    counts = (
        f"quantising before as well is better in {better} and worse in {worse} of {len(twice)} settings, by more than "
        f"{TOLERANCE} points"
    )
    if better == worse == 0:
        finding = f"The order makes no difference: at equal stored bits no score moves by more than {TOLERANCE} points."
    elif better and not worse:
        finding = f"Quantise first: at equal stored bits {counts}."
    elif worse and not better:
        finding = f"Reduce first, as the paper does: at equal stored bits {counts}."
    elif max(better, worse) >= 3 * min(better, worse):
        first = "Mostly quantise first" if better > worse else "Mostly reduce first, as the paper does"
        finding = f"{first}: at equal stored bits {counts}."
    else:
        finding = f"It depends on the setting: at equal stored bits {counts}."
    finding += (
        f" Left as 32-bit numbers, the components of quantised values score {floats['difference'].mean():+.2f} points on "
        "average against the paper's order at the same dimensions and values"
    )
    equal = at_equal_bits(results)
    wins = int((equal["kept"] - equal["kept_protocol"] > TOLERANCE).sum())
    finding += (
        f"; given as many bits, the paper's order keeps at least as much in {len(equal) - wins} of {len(equal)} settings "
        f"(within {TOLERANCE} points)."
    )
    worst = twice.iloc[twice["difference"].abs().argmax()]
    return Answer(
        "Does it matter whether dimensions are reduced first, or values quantised first?",
        finding,
        f"at equal bits {mean:+.2f} points on average, at most {worst['difference']:+.2f} ({worst['dimensions']} "
        f"dimensions, {worst['values']} values, {tables.features_name(twice.loc[[worst.name]])})",
        sign_agreement(list(mean_differences(twice).values())),
    )


def headline(results: pd.DataFrame) -> str:
    """Return the answer as the first paragraph of the page, in Markdown."""
    return answer(results).as_paragraph()


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return what each order keeps, with the bits that it stores, in percent of the full score."""
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
                    "reduce, quantise": row[""],
                    "quantise, reduce, quantise": row[TWICE],
                    "bits of floats": FLOAT_BITS * size,
                    "quantise, reduce": row[FLOATS],
                    "reduce": reduced.get(size, float("nan")),
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
    figure, axes = style.panels(len(twice), height=2.7)
    for ax, name in zip(axes, twice, strict=True):
        _draw_differences(ax, twice[name], "at equal bits", "-")
        if name in floats:
            _draw_differences(ax, floats[name], "components left as 32-bit numbers", ":")
        style.draw_zero_line(ax)
        ax.set_xscale("log", base=2)
        ax.set_xticks(values, [str(count) for count in values])
        ax.minorticks_off()
        ax.set(xlabel="values in a dictionary", ylabel="change by quantising\nfirst (points)")
    style.add_titles_and_legend(figure, axes, list(twice))
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
