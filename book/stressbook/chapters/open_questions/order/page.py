"""Order: reduce then quantise, as in the paper, against quantise then reduce.

Principal components of quantised values are no longer quantised. They are measured as they are, 32 bits each, and
quantised once more, which makes the stored bits those of the paper's order.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import seaborn
from matplotlib.figure import Figure

from stressbook.chapters.open_questions.answers import LEVEL, Answer, agreeing, beside, by_set, zero
from stressbook.chapters.open_questions.order.measure import FLOATS, STRESS, TWICE
from stressbook.drawing import style
from stressbook.drawing.tables import feature_sets, features_name
from stresslib.paper.published import with_shares
from stresslib.results import VARIANT
from stresslib.stress.spec import bits_per_vector


def at_equal_bits(results: pd.DataFrame) -> pd.DataFrame:
    """Set each reduction of quantised values beside the best of the paper's order that takes no more bits.

    Returns
    -------
    pandas.DataFrame
        `features`, `dimensions`, `values`, `bits` (32 a dimension), `kept` and, of the paper's order, `kept_protocol`
        with its `bits_protocol`.
    """
    rows = []
    for _, table in feature_sets(results.assign(**{VARIANT: results[VARIANT].fillna("")})):
        shares = with_shares(table)
        shares = shares[shares["stress"] == STRESS].astype({"n_features": int, "dimensions": int, "values": int})
        stored = [_bits(row) for row in shares.to_dict("records")]
        shares = shares.assign(bits=stored)
        theirs = shares[shares[VARIANT] == ""]
        for row in shares[shares[VARIANT] == FLOATS].to_dict("records"):
            allowed = theirs[theirs["bits"] <= row["bits"]]
            best = allowed.iloc[allowed["kept"].argmax()]
            rows.append(
                {
                    "features": features_name(table),
                    **{name: row[name] for name in ("dimensions", "values", "bits", "kept")},
                    "kept_protocol": best["kept"],
                    "bits_protocol": best["bits"],
                }
            )
    return pd.DataFrame(rows)


def _bits(row: dict[Any, Any]) -> int:
    quantizer = "" if row[VARIANT] == FLOATS else f",Q2:{row['values']}"
    return bits_per_vector(f"DR2:{row['dimensions']}{quantizer}", row["n_features"])


def answer(results: pd.DataFrame) -> Answer:
    """Answer from the run: which order keeps more of the score?"""
    twice, floats = beside(results, TWICE), beside(results, FLOATS)
    better, worse = int((twice["difference"] > LEVEL).sum()), int((twice["difference"] < -LEVEL).sum())
    mean = float(twice["difference"].mean())
    counts = (
        f"quantising before as well is better in {better} and worse in {worse} of {len(twice)} settings, by more than "
        f"{LEVEL} points"
    )
    if better == worse == 0:
        said = f"The order makes no difference: at equal stored bits no score moves by more than {LEVEL} points."
    elif better and not worse:
        said = f"Quantise first: at equal stored bits {counts}."
    elif worse and not better:
        said = f"Reduce first, as the paper does: at equal stored bits {counts}."
    elif max(better, worse) >= 3 * min(better, worse):
        first = "Mostly quantise first" if better > worse else "Mostly reduce first, as the paper does"
        said = f"{first}: at equal stored bits {counts}."
    else:
        said = f"It depends on the setting: at equal stored bits {counts}."
    said += (
        f" Left as 32-bit numbers, the components of quantised values score {floats['difference'].mean():+.2f} points on "
        "average against the paper's order at the same dimensions and values"
    )
    equal = at_equal_bits(results)
    wins = int((equal["kept"] - equal["kept_protocol"] > LEVEL).sum())
    said += (
        f"; given as many bits, the paper's order keeps at least as much in {len(equal) - wins} of {len(equal)} settings "
        f"(within {LEVEL} points)."
    )
    worst = twice.iloc[twice["difference"].abs().argmax()]
    return Answer(
        "Does it matter whether dimensions are reduced first, or values quantised first?",
        said,
        f"at equal bits {mean:+.2f} points on average, at most {worst['difference']:+.2f} ({worst['dimensions']} "
        f"dimensions, {worst['values']} values, {features_name(twice.loc[[worst.name]])})",
        agreeing(list(by_set(twice).values())),
    )


def plot(results: pd.DataFrame) -> Figure:
    """Draw what quantising first changes, against the size of the dictionaries.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    matplotlib.figure.Figure
    """
    looks = {TWICE: ("-", "at equal bits"), FLOATS: (":", "components left as 32-bit numbers")}
    tables = {variant: beside(results, variant) for variant in looks}
    names = list(dict.fromkeys(by_set(tables[TWICE])))
    figure, axes = style.panels(len(names), height=2.7)
    for ax, name in zip(axes, names, strict=True):
        for variant, (line, said) in looks.items():
            for here, part in _parts(tables[variant]):
                if here != name:
                    continue
                curves = list(part.groupby("dimensions"))
                shades = seaborn.light_palette(style.COLOURS[STRESS], len(curves) + 2)[2:]
                for (_, curve), colour, marker in zip(curves, shades, "osD^vP", strict=False):
                    share = 100 * (curve["dimensions"] / curve["n_features"]).iloc[0]
                    fill = colour if line == "-" else "white"
                    look = {"color": colour, "marker": marker, "markerfacecolor": fill, "linestyle": line}
                    label = f"{share:.0f}% of dimensions, {said}"
                    ax.plot(curve["values"], curve["difference"], linewidth=1.6, markersize=5, label=label, **look)
        zero(ax, "change by quantising\nfirst (points)")
        values = sorted(tables[TWICE]["values"].unique())
        ax.set_xscale("log", base=2)
        ax.set_xticks(values, values)
        ax.minorticks_off()
        ax.set_xlabel("values in a dictionary")
    style.add_titles_and_legend(figure, axes, names)
    return figure


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data."""
    said = []
    for variant, name in ((TWICE, "at equal bits"), (FLOATS, "left as 32-bit numbers")):
        for title, part in _parts(beside(results, variant)):
            low, high = part["difference"].min(), part["difference"].max()
            said.append(f"{title}, {name}: {low:+.2f} to {high:+.2f} points")
    return "What quantising before the reduction changes, against the size of the dictionaries. " + "; ".join(said) + "."


def _parts(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Split rows into feature sets, each with its name."""
    return [(features_name(part), part) for _, part in rows.groupby(["dataset", "model", "layer"], sort=False)]
