"""Order: reduce then quantise, as in the paper, against quantise then reduce.

Principal components of quantised values are no longer quantised. They are measured as they are, 32 bits each, and
quantised once more, which makes the stored bits those of the paper's order.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import seaborn
from matplotlib.figure import Figure

from stresslib.features import FeatureSet
from stresslib.figures import style
from stresslib.figures.referee.frame import LEVEL, Answer, agreeing, beside, by_set, zero
from stresslib.published import GRID, with_shares
from stresslib.quantization import UniformQuantizer
from stresslib.results import VARIANT
from stresslib.spec import FLOAT_BITS, bits_per_vector
from stresslib.sweep import sweep

FLOATS = "quantised-first"
"""Quantise, reduce: the components are stored as 32-bit numbers."""

TWICE = "quantised-first-and-last"
"""Quantise, reduce, quantise: as many bits as reduce, quantise."""

STRESS = "pca+uniform"


def quantised(features: FeatureSet, values: int) -> FeatureSet:
    """Return a feature set whose values went through Q-2, its dictionaries fitted on the training rows.

    Parameters
    ----------
    features : FeatureSet
    values : int
        Size of the dictionaries.

    Returns
    -------
    FeatureSet
        Under the same name.
    """
    quantizer = UniformQuantizer(values).fit(features.X[features.train])
    return FeatureSet(
        quantizer.transform(features.X),
        features.y,
        features.train,
        features.metric,
        features.classes,
        features.files,
        features.provenance,
    )


def measure(features: FeatureSet, steps: Iterable[int], values: Iterable[int], **options: Any) -> pd.DataFrame:
    """Evaluate both orders.

    Parameters
    ----------
    features : FeatureSet
    steps : iterable of int
        Dimensions, in twentieths.
    values : iterable of int
        Sizes of the dictionaries of Q-2.
    **options : Any
        As of :func:`stresslib.sweep`.

    Returns
    -------
    pandas.DataFrame
        A results table with a column `variant`: empty for the paper's order, :data:`FLOATS` or :data:`TWICE` for the other.
        Rows of both orders are of the stress ``pca+uniform``, and say how many dimensions and values they have.
    """
    sizes, values = [features.X.shape[1] * step // GRID for step in steps], list(values)
    alone = [f"DR2:{size}" for size in sizes]
    both = [f"DR2:{size},Q2:{count}" for count in values for size in sizes]
    tables = [sweep(features, ["none", *alone, *both], **options).assign(**{VARIANT: ""})]
    for count in values:
        again = [f"DR2:{size},Q2:{count}" for size in sizes]
        table = sweep(quantised(features, count), [*alone, *again], **options)
        first = table["stress"] == "pca"
        named: Any = {VARIANT: np.where(first, FLOATS, TWICE), "stress": STRESS, "values": table["values"].fillna(count)}
        tables.append(table.assign(**named))
    return pd.concat(tables, ignore_index=True).astype({VARIANT: "string", "stress": "string"})


def at_equal_bits(results: pd.DataFrame) -> pd.DataFrame:
    """Set each reduction of quantised values beside the best of the paper's order that takes no more bits.

    Returns
    -------
    pandas.DataFrame
        `features`, `dimensions`, `values`, `bits` (32 a dimension), `kept` and, of the paper's order, `kept_protocol`
        with its `bits_protocol`.
    """
    rows = []
    for _, table in style.sets(results.assign(**{VARIANT: results[VARIANT].fillna("")})):
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
                    "features": style.named(table),
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
        f"dimensions, {worst['values']} values, {style.named(twice.loc[[worst.name]])})",
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
    style.close(figure, axes, names)
    return figure


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return what each order keeps, with the bits that it stores, in percent of the full score."""
    rows = []
    for _, part in style.sets(results.assign(**{VARIANT: results[VARIANT].fillna("")})):
        shares = with_shares(part)
        both = shares[shares["stress"] == STRESS]
        wide = both.pivot_table(index=["dimensions", "values"], columns=VARIANT, values="kept").reset_index()
        plain = shares[shares["stress"] == "pca"].set_index("dimensions")["kept"]
        for row in wide.to_dict("records"):
            size, count = int(row["dimensions"]), int(row["values"])
            rows.append(
                {
                    "features": style.named(part),
                    "dimensions": size,
                    "values": count,
                    "bits": bits_per_vector(f"DR2:{size},Q2:{count}", int(part["n_features"].iloc[0])),
                    "reduce, quantise": row[""],
                    "quantise, reduce, quantise": row[TWICE],
                    "bits of floats": FLOAT_BITS * size,
                    "quantise, reduce": row[FLOATS],
                    "reduce": plain.get(size, float("nan")),
                }
            )
    return pd.DataFrame(rows).set_index(["features", "dimensions", "values"]).round(1)


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
    return [(style.named(part), part) for _, part in rows.groupby(["dataset", "model", "layer"], sort=False)]
