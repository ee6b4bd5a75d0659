"""Separation: does an index of the features alone, without a classifier, say how far they can be compressed?

Four experiments: the index by layer, beside the score over the grid of Figure 5, as a way to choose, and for a regression.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure

from stresslib.features import METRICS, FeatureSet, load_feature_sets
from stresslib.figures import figure_5, separation_networks, style
from stresslib.figures.separation_networks import SMOOTHNESS, STRESSED, UNTRAINED
from stresslib.results import SETTING
from stresslib.separation import INDICES, sweep_separation
from stresslib.spec import bits_per_vector, parse_spec
from stresslib.sweep import sweep

PRIMARY = "SI"
"""The index on which verdicts rest, fixed beforehand: the others are looked at, not chosen from."""

WITHIN = 1.0
"""Points that an index, or a validation score, may lose for a stress to be chosen."""

NEAR = 95.0
"""Percent of the full score from which on a stress is of interest: below, any meter sees the damage."""

GROWN = 1.0
"""Points by which an index is to differ between the first layer and the last, to be said to rise or fall."""

_ORDERED = 0.9
"""Rank correlation from which on an index is said to order stresses as the classifier does."""

VALIDATION = "-validation"

_LOOKS = {
    "SI": ("#111111", "o"),
    "SI(5)": ("#7B3FA0", "s"),
    "CSI": ("#C98A00", "^"),
    "SmI": ("#111111", "D"),
    "SmI(5)": ("#7B3FA0", "P"),
    "exponential SmI": ("#1B8A8F", "v"),
}

_NAMES = {
    "efficientnet-lite0": "EfficientNet-Lite0",
    "mlp": "small network",
    "caltech101": "Caltech-101",
    "scenes15": "15-Scenes",
}

_RAMP = ListedColormap(["#E9C68C", "#CF9445", "#A9662A", "#7A4316", "#472506"])
"""Colours of 1 to 5 bits a value: light to dark, of FC's brown."""


def measure_layers(networks: Sequence[str], layers: Sequence[str], seeds: int, values: list[int]) -> pd.DataFrame:
    """Measure the index in each layer of some networks, and both indices in those of the small networks.

    Parameters
    ----------
    networks : sequence of str
        ``DATASET/MODEL`` of features at hand.
    layers : sequence of str
        Early to late.
    seeds : int
        Small networks of each kind.
    values : list of int
        Sizes of the dictionaries under which a layer of the regression is put.

    Returns
    -------
    pandas.DataFrame
        In the schema of results tables.
    """
    found = [f for name in networks for f in load_feature_sets([f"{name}/{layer}" for layer in layers], "")]
    tables = joblib.Parallel(-1)(joblib.delayed(sweep_separation)(f, "none", n_jobs=1) for f in found)
    small = [separation_networks.digits(seeds), separation_networks.diabetes(seeds, values)]
    return pd.concat([*tables, *small], ignore_index=True)


def measure_grid(
    features: FeatureSet,
    tenths: Iterable[int],
    values: Iterable[int],
    *,
    random_state: int = 0,
    n_jobs: int = -1,
    store: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Measure a feature set under the stresses of Figure 5: by the index, by the classifier, and by it on validation rows.

    Parameters
    ----------
    features : FeatureSet
    tenths, values : iterable of int
        As of :func:`stresslib.figures.figure_5.specs`.
    random_state : int, default=0
        Of the validation part, a third of the training rows.
    n_jobs, store, progress
        As of :func:`stresslib.sweep`.

    Returns
    -------
    pandas.DataFrame
        In the schema of results tables. The index sees training rows alone.
    """
    part = features.validation(random_state=random_state)
    specs = figure_5.specs(features.X.shape[1], tenths, values, int(part.train.sum()))
    options: dict[str, Any] = {"n_jobs": n_jobs, "store": store, "progress": progress}
    scores = pd.concat([sweep(features, specs, **options), sweep(part, specs, **options)])
    indices = sweep_separation(features, specs, n_jobs=n_jobs)
    return pd.concat([scores[scores["metric"] == features.metric], indices], ignore_index=True)


def joined(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Return one table of several, without the settings that stand in two of them."""
    return pd.concat(tables, ignore_index=True).drop_duplicates(SETTING, ignore_index=True)


# By layer


def depth(results: pd.DataFrame) -> pd.DataFrame:
    """Return the index of each layer, before any stress, as a mean over repeats.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        One row a network's layer and index: `dataset`, `network` (without the mark of an untrained one), `trained`,
        `layer`, `place` (0 is the first layer), `metric`, `score`. Networks with one layer are left out.
    """
    rows = results[results["stress"].eq("none") & results["metric"].isin(_LOOKS)]
    key = ["dataset", "model", "layer", "metric"]
    table = rows.groupby(key, sort=False)["score"].mean().reset_index()
    table["network"] = table["model"].str.removesuffix(UNTRAINED)
    table["trained"] = ~table["model"].str.endswith(UNTRAINED)
    table["place"] = table.groupby(["dataset", "model", "metric"], sort=False).cumcount()
    several = table.groupby(["dataset", "model", "metric"])["layer"].transform("size") > 1
    return table[several].reset_index(drop=True)


def trends(results: pd.DataFrame) -> pd.DataFrame:
    """Say of each network and index how it goes from the first layer to the last.

    Returns
    -------
    pandas.DataFrame
        One row a network and index: `first`, `last`, `change` in points, `order` (rank correlation with depth) and `trend`:
        ``"rises"`` or ``"falls"`` where the change is more than a point and the ranks go that way too, ``"stays level"``
        where it is not more, else ``"goes up and down"``.
    """
    rows = []
    for (dataset, network, trained, metric), part in depth(results).groupby(
        ["dataset", "network", "trained", "metric"], sort=False
    ):
        first, last = part["score"].iloc[0], part["score"].iloc[-1]
        order = float(part["score"].corr(part["place"], method="spearman"))
        change = last - first
        trend = "stays level" if abs(change) <= GROWN else "goes up and down"
        if abs(change) > GROWN and change * order > 0:
            trend = "rises" if change > 0 else "falls"
        at = {"dataset": dataset, "network": network, "trained": trained, "metric": metric}
        rows.append({**at, "first": first, "last": last, "change": change, "order": order, "trend": trend})
    return pd.DataFrame(rows)


def _called(dataset: str, network: str) -> str:
    name = f"{_NAMES.get(network, network)}, {_NAMES.get(dataset, dataset)}"
    return f"{name} (regression)" if dataset == "diabetes" else name


def layers_in_words(results: pd.DataFrame, smooth: bool = False) -> str:
    """Say where an index rises with depth, trained and untrained, as a Markdown list.

    Parameters
    ----------
    results : pandas.DataFrame
    smooth : bool, default=False
        Whether of the smoothness indices, instead of the separation indices.
    """
    lines = []
    table = trends(results)
    table = table[table["metric"].isin(SMOOTHNESS if smooth else INDICES)]
    for (dataset, network), rows in table.groupby(["dataset", "network"], sort=False):
        parts = []
        for trained, kind in rows.sort_values("trained", ascending=False, kind="stable").groupby("trained", sort=False):
            said = [
                f"{row['metric']} {'**' + row['trend'] + '**' if trained else row['trend']} "
                f"({row['first']:.1f} to {row['last']:.1f})"
                for row in kind.to_dict("records")
            ]
            parts.append(f"{'trained' if trained else 'untrained'}, {', '.join(said)}")
        lines.append(f"- {_called(str(dataset), str(network))}: {'; '.join(parts)}.")
    return "\n".join(lines)


def plot_layers(results: pd.DataFrame) -> Figure:
    """Draw the index against depth, a panel a network: filled and thick trained, open and dashed before training.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    matplotlib.figure.Figure
    """
    table = depth(results)
    panels = list(table.groupby(["dataset", "network"], sort=False))
    count = -(-len(panels) // 2)
    figure, axes = _grid(count, 2, 2.5)
    for ax, ((dataset, network), rows) in zip(axes, panels, strict=False):
        for (trained, metric), curve in rows.groupby(["trained", "metric"], sort=False):
            colour, marker = _LOOKS[str(metric)]
            look = {**style.OURS, "linewidth": 2} if trained else {**style.PAPER, "linestyle": (0, (4, 2))}
            ax.plot(curve["place"], curve["score"], color=colour, **{**look, "marker": marker})
        names = rows.drop_duplicates("place").sort_values("place")["layer"]
        ax.set_xticks(range(len(names)), names, rotation=40, ha="right", rotation_mode="anchor", fontsize="small")
        ax.set_title(_called(str(dataset), str(network)), fontsize="small", fontweight="bold")
        ax.set_ylim(0, 103)
    for ax in axes[len(panels) :]:
        ax.set_axis_off()
    for ax in axes[::2]:
        ax.set_ylabel("index (%)")
    used = [name for name in _LOOKS if name in set(table["metric"])]
    handles: list[Any] = [
        axes[0].plot([], [], color=_LOOKS[name][0], **{**style.OURS, "linewidth": 2, "marker": _LOOKS[name][1]})[0]
        for name in used
    ]
    handles.append(axes[0].plot([], [], color="#555555", **{**style.PAPER, "linestyle": (0, (4, 2))})[0])
    figure.legend(
        handles, [*used, "the same, before training"], loc="outside lower center", ncols=4, frameon=False, fontsize="small"
    )
    return figure


def layers_alt(results: pd.DataFrame) -> str:
    """Describe the figure of the layers in words, from its data."""
    said = "\n".join([layers_in_words(results), layers_in_words(results, smooth=True)])
    plain = said.strip().replace("- ", "").replace("**", "").replace("\n", " ")
    return f"Indices against depth, one panel a network, trained and untrained; first and last layer in percent. {plain}"


# Beside the score


def beside(results: pd.DataFrame) -> pd.DataFrame:
    """Set index and score of each stress beside each other.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        One row a feature set and stress, the unstressed first: `name`, `spec`, `bits` of a vector and `value_bits` of one
        number, each index, `score` on test rows, `validation`, and `kept` (percent of the full score).
    """
    rows = results[results["repeat"].isna() & results["metric"].isin([*INDICES, *METRICS])]
    scored = np.where(rows["dataset"].str.endswith(VALIDATION), "validation", "score")
    dataset = rows["dataset"].str.removesuffix(VALIDATION)
    specs = [
        "none" if stress == "none" else f"DR2:{size},Q2:{count}"
        for stress, size, count in zip(rows["stress"], rows["dimensions"], rows["values"], strict=True)
    ]
    rows = rows.assign(
        name=dataset + ", " + rows["model"] + ", " + rows["layer"],
        spec=specs,
        what=rows["metric"].where(rows["metric"].isin(INDICES), scored),
    )
    wide = rows.pivot_table(index=["name", "n_features", "spec"], columns="what", values="score", sort=False)
    table = wide.reindex(columns=[*INDICES, "score", "validation"]).dropna().reset_index().rename_axis(None, axis=1)
    # As they were measured; layers, which come first, are another order.
    places = {name: place for place, name in enumerate(dict.fromkeys(rows.loc[rows["what"] == "score", "name"]))}
    table = table.sort_values("name", key=lambda names: names.map(places), kind="stable", ignore_index=True)
    parsed = [parse_spec(spec) for spec in table["spec"]]
    table["bits"] = [bits_per_vector(spec, width) for spec, width in zip(parsed, table["n_features"], strict=True)]
    table["value_bits"] = [32 if spec.level is None else bits_per_vector(f"Q2:{spec.level}", 1) for spec in parsed]
    full = table[table["spec"] == "none"].set_index("name")["score"]
    return table.assign(kept=100 * table["score"] / table["name"].map(full))


def correlations(results: pd.DataFrame) -> pd.DataFrame:
    """Correlate each index with the score, over all stresses, and over those that keep most of the score.

    Returns
    -------
    pandas.DataFrame
        Indexed by feature set and index: `settings`, `pearson`, `spearman`; `near` of them keep 95% of the full score, whose
        rank correlation is `spearman_near`; the standard deviation of the score around a straight line is `residual`.
    """
    rows = {}
    for name, part in _stressed(results):
        for index in INDICES:
            near = part[part["kept"] >= NEAR]
            rows[name, index] = {
                "settings": len(part),
                "pearson": part[index].corr(part["score"]),
                "spearman": part[index].corr(part["score"], method="spearman"),
                "near": len(near),
                "spearman_near": near[index].corr(near["score"], method="spearman"),
                "residual": float(np.std(_residuals(part[index], part["score"]))),
            }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["features", "index"])


def _stressed(results: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    rows = beside(results)
    for name, part in rows[rows["spec"] != "none"].groupby("name", sort=False):
        yield str(name), part


def _residuals(index: pd.Series, score: pd.Series) -> np.ndarray[Any, Any]:
    slope, level = np.polyfit(index, score, 1)
    residuals: np.ndarray[Any, Any] = score.to_numpy() - (slope * index.to_numpy() + level)
    return residuals


def correlations_in_words(results: pd.DataFrame) -> str:
    """Say how far the index orders stresses as the classifier does, as a Markdown list."""
    lines = []
    for name, rows in correlations(results).groupby(level="features", sort=False):
        here: dict[Any, Any] = rows.droplevel("features").to_dict("index")
        row, best = here[PRIMARY], max(here, key=lambda index: here[index]["spearman"])
        line = f"- {name}: over {row['settings']:.0f} settings {PRIMARY} and the score have a Pearson correlation of "
        line += f"{row['pearson']:.2f} and a Spearman correlation of **{row['spearman']:.2f}**: {_degree(row['spearman'])}. "
        line += f"Around a straight line the score scatters by {row['residual']:.2f} points. "
        if row["near"] > 2:
            line += f"Among the {row['near']:.0f} that keep {NEAR:.0f}% of the full score, ranks correlate by "
            line += f"**{row['spearman_near']:.2f}**: {_degree(row['spearman_near'])}"
        else:
            line += f"Too few keep {NEAR:.0f}% of the full score to say more"
        if best != PRIMARY:
            line += f". {best} is nearer to the classifier ({here[best]['spearman']:.2f})"
        lines.append(f"{line}.")
    return "\n".join(lines)


def _degree(correlation: float) -> str:
    if not correlation >= 0.5:
        return "the index does not say in what order the scores are"
    return "the order of the scores" if correlation >= _ORDERED else "the order of the scores in part"


def plot_scores(results: pd.DataFrame) -> Figure:
    """Draw the score against the index on the left, and what a straight line leaves on the right, a row a feature set.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    matplotlib.figure.Figure
    """
    parts, rows = list(_stressed(results)), beside(results)
    full, found = rows[rows["spec"] == "none"].set_index("name"), correlations(results)
    figure, axes = _grid(len(parts), 2, 2.15, sharey=False)
    norm = BoundaryNorm(np.arange(0.5, 6), _RAMP.N)
    for left, right, (name, part) in zip(axes[::2], axes[1::2], parts, strict=True):
        residuals = _residuals(part[PRIMARY], part["score"])
        look: dict[str, Any] = {"c": part["value_bits"], "cmap": _RAMP, "norm": norm, "s": 16, "linewidths": 0}
        points = left.scatter(part[PRIMARY], part["score"], **look)
        ends = np.array([part[PRIMARY].min(), part[PRIMARY].max()])
        left.plot(ends, np.polyval(np.polyfit(part[PRIMARY], part["score"], 1), ends), color="#888888", linewidth=1)
        left.plot(*full.loc[[name], [PRIMARY, "score"]].to_numpy().T, "*", color="#111111", markersize=9, label="no stress")
        right.scatter(part["bits"], residuals, **look)
        right.axhline(0, color="#888888", linewidth=1, zorder=0)
        right.set_xscale("log", base=2)
        right.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        row = found.xs(name, level="features").loc[PRIMARY]
        left.set_title(name.rpartition(",")[0], fontsize="small", fontweight="bold", loc="left")
        right.set_title(f"r = {row['pearson']:.2f}, ρ = {row['spearman']:.2f}", fontsize="small", loc="right")
        left.set_ylabel("score (%)")
        right.set_ylabel("residual (points)")
    axes[-2].set_xlabel(f"{PRIMARY} of the training rows (%)")
    axes[-1].set_xlabel("bits of a vector")
    bar = figure.colorbar(points, ax=axes, location="bottom", ticks=range(1, 6), shrink=0.4, aspect=30, pad=0.02)
    bar.set_label("bits of a value", fontsize="small")
    axes[0].legend(frameon=False, fontsize="small", handletextpad=0.2)
    return figure


def scores_alt(results: pd.DataFrame) -> str:
    """Describe the figure of index and score in words, from its data."""
    said = correlations_in_words(results).replace("- ", "").replace("**", "").replace("\n", " ")
    return f"Scatter plots of the score against the separation index, and of the residuals against the bits. {said}"


def correlations_table(results: pd.DataFrame) -> pd.DataFrame:
    """Return :func:`correlations`, to two decimals."""
    table = correlations(results)
    whole = {name: table[name].astype(int) for name in ("settings", "near")}
    names = {"near": f"keep {NEAR:.0f}%", "spearman_near": "Spearman of these", "residual": "residual SD"}
    table = table.assign(**whole).rename(columns={"pearson": "Pearson", "spearman": "Spearman", **names})
    return table.round(2)


# As a way to choose

_WAYS = {**{name: name for name in INDICES}, "validation": "validation", "test": "score"}
"""Ways to choose, and the columns that they look at; by the test score nobody can."""


def choices(results: pd.DataFrame) -> pd.DataFrame:
    """Choose the stress of fewest bits that loses no more than a point: of an index, of the validation, of the test score.

    Returns
    -------
    pandas.DataFrame
        Indexed by feature set and way: `spec`, `bits`, and on test rows `score` and `lost`, the points below that without a
        stress. Of equal bits the one that is best by what was looked at.
    """
    rows = {}
    for name, part in beside(results).groupby("name", sort=False):
        full = part[part["spec"] == "none"].iloc[0]
        for way, column in _WAYS.items():
            fits = part[part[column] >= full[column] - WITHIN]
            found = fits.sort_values(["bits", column], ascending=[True, False], kind="stable").iloc[0]
            lost = full["score"] - found["score"]
            rows[name, way] = {"spec": found["spec"], "bits": found["bits"], "score": found["score"], "lost": lost}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["features", "chosen by"])


def choices_table(results: pd.DataFrame) -> pd.DataFrame:
    """Return :func:`choices`, to two decimals."""
    table = choices(results).rename(columns={"score": "test score", "lost": "points lost"})
    return table.rename(index={"test": "test (nobody can)"}).round(2)


def choices_in_words(results: pd.DataFrame) -> str:
    """Say what the choice by the index costs, against that by validation, as a Markdown list."""
    lines = []
    for name, rows in choices(results).groupby(level="features", sort=False):
        here: dict[Any, Any] = rows.droplevel("features").to_dict("index")
        index, held = here[PRIMARY], here["validation"]
        kept = "within" if index["lost"] <= WITHIN else "more than"
        line = (
            f"- {name}: {PRIMARY} chooses `{index['spec']}`, {index['bits']} bits, which loses {index['lost']:.2f} points "
        )
        line += f"of the test score, **{kept} the point**; validation chooses `{held['spec']}`, {held['bits']} bits, which "
        line += f"loses {held['lost']:.2f}{_compared(index['bits'] / held['bits'])}"
        lines.append(line)
    return "\n".join(lines)


def _compared(ratio: float) -> str:
    if ratio == 1:
        return ". Both cost the same."
    return f". The index pays {ratio:.2f} times the bits." if ratio > 1 else f". The index takes {ratio:.2f} times the bits."


def times_in_words(path: str | os.PathLike[str]) -> str:
    """Say how long both ways to choose took where they were measured, as a Markdown paragraph.

    Parameters
    ----------
    path : path-like
        ``separation-choice.csv`` of the benchmark.
    """
    if not Path(path).is_file():
        return "How long both take was not measured on this machine: `python benchmarks/separation.py choice` does."
    table = pd.read_csv(path)
    parts = [
        f"{row['features']} {row['index_seconds']:.1f} s by the index, {row['validation_seconds']:.1f} s by validation"
        for row in table.to_dict("records")
    ]
    ratio = table["validation_seconds"] / table["index_seconds"]
    if ratio.min() > 1:
        said = f"The index is the faster way, {ratio.min():.1f} to {ratio.max():.1f} times"
    elif ratio.max() < 1:
        said = f"**The index is not the faster way**: validation takes {ratio.min():.2f} to {ratio.max():.2f} times as long"
    else:
        said = "Neither way is the faster one everywhere: validation takes "
        said += f"{ratio.min():.2f} to {ratio.max():.2f} times as long"
    settings = ", ".join(map(str, sorted(set(table["settings"]))))
    return f"{said}. Measured for {settings} settings, principal components included: {'; '.join(parts)}."


def costs_in_words(folder: str | os.PathLike[str]) -> str:
    """Say what one index costs beside what else finds neighbours, as a Markdown list.

    Parameters
    ----------
    folder : path-like
        With ``separation-speed.csv`` and ``separation-memory.csv`` of the benchmark.
    """
    lines = []
    path = Path(folder) / "separation-speed.csv"
    if path.is_file():
        table = pd.read_csv(path)
        for order, rows in table.groupby("order"):
            seconds = rows.set_index("way")["seconds"]
            peers = ", ".join(f"{way} {seconds[way]:.1f} s" for way in seconds.drop("ours").index)
            line = f"- {rows['rows'].iloc[0]:,} vectors of {rows['width'].iloc[0]:,} numbers, order {order}: "
            lines.append(f"{line}**{seconds['ours']:.1f} s**; {peers}.")
    path = Path(folder) / "separation-memory.csv"
    if path.is_file():
        table = pd.read_csv(path)
        rows = table[table["way"] == "ours"].sort_values("rows")
        first, last = rows.iloc[0], rows.iloc[-1]
        grown, squared = last["MB"] / first["MB"], (last["rows"] / first["rows"]) ** 2
        verdict = "no square" if grown < squared / 4 else "**nearly the square**"
        lines.append(
            f"- From {first['rows']:,} to {last['rows']:,} vectors of {last['width']} numbers, memory grows {grown:.1f} "
            f"times, {verdict} (that would be {squared:.0f} times): {first['MB']:.0f} to {last['MB']:.0f} MB, beside "
            f"{8e-6 * last['rows'] ** 2:,.0f} MB for all distances. The last takes {last['seconds']:.0f} s."
        )
    return "\n".join(lines) or "Not measured on this machine: `python benchmarks/separation.py` does."


# Regression


def smoothness(results: pd.DataFrame) -> pd.DataFrame:
    """Return what a stress does to the layer of the regression, as a mean over repeats, to one decimal.

    Returns
    -------
    pandas.DataFrame
        Indexed by the number of values: the smoothness indices of the layer, and R² of the rest of the network, in percent.
    """
    rows = results[results["dataset"].eq("diabetes") & results["model"].eq("mlp") & results["layer"].eq(STRESSED)]
    rows = rows.assign(values=rows["values"].astype("string").fillna("no stress"))
    table = rows.pivot_table(index="values", columns="metric", values="score", sort=False)
    order = ["no stress", *sorted((name for name in table.index if name != "no stress"), key=int)]
    return table.loc[order, [*SMOOTHNESS, "R2"]].rename_axis("values").rename_axis(None, axis=1).round(1)


def smoothness_in_words(results: pd.DataFrame) -> str:
    """Say what a stress does to smoothness and to what is explained, as a Markdown paragraph."""
    table = smoothness(results)
    moved = (table - table.loc["no stress"]).drop(index="no stress")
    index, explained = moved["SmI"].abs().max(), moved["R2"].abs().max()
    worst = moved["SmI"].abs().idxmax()
    line = f"With one dictionary a dimension on `{STRESSED}`, SmI moves by at most {index:.1f} points ({worst} values), R² "
    line += f"by at most {explained:.1f}. "
    order = table["SmI"].drop("no stress").corr(table["R2"].drop("no stress"), method="spearman")
    if max(index, explained) <= GROWN:
        return line + "Neither sees the stress."
    if len(table) < 4 or not np.isfinite(order):
        return line
    return (
        line
        + f"Over the dictionaries their ranks correlate by {order:.2f}: "
        + ("SmI tells what will be explained." if order >= 0.5 else "**SmI does not tell what will be explained.**")
    )


# The page


def headline(results: pd.DataFrame) -> str:
    """Say in two sentences what was found, as the page's first paragraph."""
    found = correlations(results).xs(PRIMARY, level="index")
    low, high = found["spearman"].min(), found["spearman"].max()
    span = f"{low:.2f}" if len(found) == 1 else f"{low:.2f} to {high:.2f}"
    if low >= _ORDERED:
        said = "orders stresses as the classifier does"
    elif low >= 0.5:
        said = "orders stresses in part as the classifier does"
    else:
        said = "does not everywhere order stresses as the classifier does"
    picked = choices(results)["lost"].unstack("chosen by")  # noqa: PD010
    some = {way: _part(int((picked[way] <= WITHIN).sum()), len(picked)) for way in (PRIMARY, "validation")}
    line = f"**Without a classifier, the separation index of the training rows {said} (rank correlation {span}).** Of the "
    line += (
        f"stresses that it chooses, the fewest bits within a point of the index, {some[PRIMARY]} lose at most a point of "
    )
    line += f"the test score; of those that validation chooses, {some['validation']}."
    return line


def _part(some: int, of: int) -> str:
    return {0: "none", of: "all"}.get(some, f"{some} of {of}")


def not_reproduced(results: pd.DataFrame) -> str:
    """List what is otherwise than the indices' authors have it, as Markdown."""
    lines = []
    for row in trends(results).to_dict("records"):
        name = f"{row['metric']} of {_called(row['dataset'], row['network'])}"
        went = f"({row['first']:.1f} to {row['last']:.1f})"
        if row["trained"] and row["trend"] != "rises":
            lines.append(f"- {name} {row['trend']} with depth, though the network is trained {went}.")
        if not row["trained"] and row["trend"] == "rises":
            lines.append(f"- {name} rises with depth {went}, though the network is not trained.")
    for row in correlations(results).xs(PRIMARY, level="index").reset_index().to_dict("records"):
        if not row["spearman"] >= _ORDERED:
            line = f"- On {row['features']}, {PRIMARY} orders the settings by {row['spearman']:.2f} as the score does"
            lines.append(f"{line}, not by {_ORDERED}.")
    for row in choices(results).xs(PRIMARY, level="chosen by").reset_index().to_dict("records"):
        if row["lost"] > WITHIN:
            lines.append(f"- On {row['features']}, what {PRIMARY} chooses loses {row['lost']:.2f} points, not one.")
    return "\n".join(lines) or "- Nothing: all of it did."


def _grid(rows: int, columns: int, height: float, **options: Any) -> tuple[Figure, list[Axes]]:
    """Make panels beside and above each other, in the book's look."""
    figure, axes = style.panels(rows * columns, height=height / columns, **options)
    grid = figure.add_gridspec(rows, columns)
    for place, ax in enumerate(axes):
        ax.set_subplotspec(grid[divmod(place, columns)])
        if options.get("sharey", True) and place % columns:
            ax.tick_params(labelleft=False)
    return figure, axes
