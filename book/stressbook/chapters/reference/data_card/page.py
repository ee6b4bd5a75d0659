"""Data card: what each shipped feature set is, and what its 8 bits cost beside float32, stress by stress."""

from __future__ import annotations

import html
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from stressbook.chapters.reference.data_card.measure import FLOAT32
from stressbook.drawing import style, tables
from stressbook.drawing.words import LABELS
from stresslib.features import FeatureSet, load_features
from stresslib.files import file_sha256
from stresslib.paper.published import FEATURES
from stresslib.results import SETTING

STRESSES = {"none": "full vector", **{stress: label.split()[0] for stress, label in LABELS.items()}}
"""The stresses of the comparison and their short names, in the order in which they are shown."""

NONE = "#000000"
"""Colour of the full vectors, which are under no stress."""


# What the packing costs


def differences(results: pd.DataFrame) -> pd.DataFrame:
    """Return the shipped features' score minus that of float32, in points, setting by setting.

    Parameters
    ----------
    results : pandas.DataFrame
        Of :func:`specs`, for the shipped features and the originals. What stands there without the other is left out.

    Returns
    -------
    pandas.DataFrame
        One row a setting and metric: its columns, `score`, `score_float32` and `difference`. Of random selections, means
        over the draws.
    """
    key = [name for name in SETTING if name != "repeat"]
    means = results.groupby(key, dropna=False, sort=False)["score"].mean().reset_index()
    exact = means["layer"].str.endswith(FLOAT32)
    originals = means[exact].assign(layer=means["layer"].str.removesuffix(FLOAT32))
    both = means[~exact].merge(originals, on=key, suffixes=("", "_float32"))
    return both.assign(difference=both["score"] - both["score_float32"])


def costs(results: pd.DataFrame) -> pd.DataFrame:
    """Return what the packing costs each feature set under each stress, in its first metric.

    Parameters
    ----------
    results : pandas.DataFrame
        As for :func:`differences`.

    Returns
    -------
    pandas.DataFrame
        One row a feature set and stress: the number of `settings`, the `mean` difference, the `lowest` and the `highest`.
    """
    groups = differences(tables.first_metric(results)).groupby([*FEATURES, "stress"], sort=False)["difference"]
    return groups.agg(settings="size", mean="mean", lowest="min", highest="max").reset_index()


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return for each feature set, stress by stress, the difference that is largest in size, and its full score in float32.

    Parameters
    ----------
    results : pandas.DataFrame
        As for :func:`differences`.

    Returns
    -------
    pandas.DataFrame
        One row a feature set, to two decimals; a stress that was not measured has no column.
    """
    rows = differences(tables.first_metric(results))
    full = rows[rows["stress"] == "none"].set_index(FEATURES)["score_float32"].rename("full score")
    largest = rows.pivot_table("difference", FEATURES, "stress", lambda part: part.loc[part.abs().idxmax()], sort=False)
    measured = [stress for stress in STRESSES if stress in largest]
    small = pd.concat([largest[measured].rename(columns=STRESSES), full], axis=1).round(2)
    return small.set_axis(_joined(small.index))


def plot(results: pd.DataFrame) -> Figure:
    """Draw every difference as a dot: a row for each feature set, in it a line for each stress.

    Parameters
    ----------
    results : pandas.DataFrame
        As for :func:`differences`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    sets = list(differences(tables.first_metric(results)).groupby(FEATURES, sort=False))
    figure, [ax] = style.panels(1, height=0.62 * len(sets) + 0.4)
    looks = {
        stress: {"linestyle": "", "marker": "D" if stress == "none" else "o", "color": style.COLOURS.get(stress, NONE)}
        for stress in STRESSES
    }
    for place, (_, rows) in enumerate(sets):
        for line, (stress, look) in enumerate(looks.items(), 1):
            points = rows.loc[rows["stress"] == stress, "difference"]
            height = place + line / (len(looks) + 1)
            ax.plot(points, [height] * len(points), ms=3.4, mew=0, alpha=0.75, **look)
        ax.axhline(place, color="#CCCCCC", linewidth=0.6)
    ax.axvline(0, color="#888888", linewidth=0.8, zorder=0)
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", color="#E3E3E3", linewidth=0.8)
    names = [f"{dataset}\n{model}\n{layer}" for (dataset, model, layer), _ in sets]
    ax.set_yticks(np.arange(len(sets)) + 0.5, names, fontsize="small")
    ax.tick_params(axis="y", length=0)
    ax.set(ylim=(len(sets), 0), xlabel="shipped minus float32 (points of the score)")
    handles = [Line2D([], [], ms=5, mew=0, label=STRESSES[stress], **look) for stress, look in looks.items()]
    # Above the many rows: below them it would be a screen away on a phone.
    near = {"handlelength": 0.8, "handletextpad": 0.4, "columnspacing": 1.4}
    figure.legend(handles=handles, loc="outside upper center", ncols=7, frameon=False, fontsize="small", **near)
    return figure


def headline(results: pd.DataFrame) -> str:
    """Say in a few sentences how far the shipped features' scores are from those of float32.

    Parameters
    ----------
    results : pandas.DataFrame
        As for :func:`differences`.

    Returns
    -------
    str
    """
    rows = differences(tables.first_metric(results))
    names = dict.fromkeys(results["dataset"] + "/" + results["model"] + "/" + results["layer"].str.removesuffix(FLOAT32))
    compared = set(rows["dataset"] + "/" + rows["model"] + "/" + rows["layer"])
    without = ", ".join(name for name in names if name not in compared)
    missing = f" Not in the cache as float32, and not compared: {without}." if without else ""
    if rows.empty:
        return missing.strip()
    sizes = rows["difference"].abs()
    full = sizes[rows["stress"] == "none"].max()
    worst = rows.sort_values("difference", key=abs).iloc[-1]
    words = {"dimensions": "dimensions", "values": "values", "removed_bits": "bits erased"}
    place = [f"{worst[column]} {word}" for column, word in words.items() if not pd.isna(worst[column])]
    return (
        f"**Over {len(rows)} settings of {len(compared)} feature sets the scores differ by {sizes.mean():.2f} points on "
        f"average, nine in ten by at most {sizes.quantile(0.9):.2f}; the mean with its sign is "
        f"{rows['difference'].mean():+.2f}.** Full vectors differ by {full:.2f} at most. The largest difference is that of "
        f"{', '.join([STRESSES[worst['stress']], *place])}, on {', '.join(worst[FEATURES])}: "
        f"{worst['score_float32']:.2f} in float32, {worst['score']:.2f} as shipped.{missing}"
    )


def alt_text(results: pd.DataFrame) -> str:
    """Describe the figure in words, from its data.

    Parameters
    ----------
    results : pandas.DataFrame
        As for :func:`differences`.

    Returns
    -------
    str
    """
    rows = differences(tables.first_metric(results))
    ranges = rows.groupby("stress")["difference"].agg(low="min", mean="mean", high="max").reindex(list(STRESSES)).dropna()
    parts = [f"{STRESSES[str(row.Index)]} {row.low:+.2f}, {row.mean:+.2f}, {row.high:+.2f}" for row in ranges.itertuples()]
    return (
        f"Dots for the score of the shipped features minus that of float32, in points, one a setting, in a row for each of "
        f"{len(rows[FEATURES].drop_duplicates())} feature sets. Lowest, mean and highest difference by stress: "
        f"{'; '.join(parts)}."
    )


# What the sets are


def card(path: Path) -> pd.Series:
    """Return what there is to know of a feature set, from its file.

    Parameters
    ----------
    path : path-like
        Of a saved feature set.

    Returns
    -------
    pandas.Series
        Named by a tuple of data set, network and layer. What the file does not record is missing.
    """
    features = load_features(path, normalize=False)
    origin = features.provenance
    size = path.stat().st_size
    return pd.Series(
        {
            "images": origin.get("archive", origin.get("origin")),
            "SHA-256 of the images": origin.get("archive_sha256"),
            "split": origin.get("split"),
            "train": int(features.train.sum()),
            "test": int(features.test.sum()),
            "classes": len(features.classes),
            "metric": features.metric,
            "one test image": _weight(features),
            "preprocessing": origin.get("preprocessing"),
            "SHA-256 of the weights": origin.get("weights_sha256"),
            "options": ", ".join(f"{name} {value}" for name, value in origin.get("options", {}).items()) or None,
            "SHA-256 of the codebook": origin.get("codebook_sha256"),
            "computed in": origin.get("precision"),
            "made with": ", ".join(f"{name} {number}" for name, number in origin.get("versions", {}).items()) or None,
            "width": features.X.shape[1],
            "signed": "yes" if features.X.min() < 0 else "no",
            "zeros": f"{100 * float((features.X == 0).mean()):.1f}%",
            "MB": round(size / 1e6, 1),
            "bits a number": f"{8 * size / features.X.size:.1f}",
            "file": path.name,
            "SHA-256": file_sha256(path),
        },
        name=tuple(str(origin[name]) for name in FEATURES),
    )


def _weight(features: FeatureSet) -> str:
    """Points that the score moves by when one test image turns."""
    if features.metric == "mAP":
        return "depends on its rank"
    weights = np.array([100 / features.test.sum()])
    if features.metric == "mean-class-accuracy":
        weights = 100 / len(features.classes) / np.bincount(features.y[features.test])
    ends = dict.fromkeys(f"{weight:.2g}" for weight in (weights.min(), weights.max()))
    return f"{' to '.join(ends)} points"


def inventory(cards: pd.DataFrame) -> str:
    """Say in a sentence how much there is; `cards` has a row of :func:`card` for each feature set."""
    datasets, networks, _ = (cards.index.unique(level) for level in range(3))
    return (
        f"**{len(cards)} feature sets** of {', '.join(datasets)}, made with {', '.join(networks)}: "
        f"{(cards['train'] + cards['test']).sum():,} vectors in {cards['MB'].sum():.1f} MB."
    )


def overview(cards: pd.DataFrame) -> pd.DataFrame:
    """Return the part of the cards that fits a phone: one row a feature set, the first eight digits of its SHA-256."""
    small = cards[["width", "signed", "MB", "SHA-256"]].assign(**{"SHA-256": cards["SHA-256"].str[:8]})
    small.insert(0, "train + test", [f"{train} + {test}" for train, test in zip(cards["train"], cards["test"], strict=True)])
    return small.set_axis(_joined(cards.index))


def details(cards: pd.DataFrame) -> str:
    """Return the whole cards as HTML, each folded under its name; a hash may break anywhere, so that it fits a phone."""
    folded = []
    for name, (_, facts) in zip(_joined(cards.index), cards.iterrows(), strict=True):
        items = "".join(f"<li>{html.escape(f'{fact}: {value}')}</li>" for fact, value in facts.dropna().items())
        folded.append(
            f'<details><summary>{html.escape(name)}</summary><ul style="overflow-wrap: anywhere">{items}</ul></details>'
        )
    return "\n".join(folded)


def _joined(names: pd.Index) -> list[str]:
    """Names of feature sets, each as one string."""
    return [", ".join(name) for name in names]
