"""Rate: the score that is kept at so many bytes a vector, by the paper's stress, by Q-A, and by what people use instead.

Draws the table of `measure` and says who is best within each budget; `savings` sets Q-A beside the paper's stress.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from stressbook.chapters.beyond.rate.measure import BUDGETS, family, method_names, paper_spec, tested_rows
from stressbook.drawing import style, tables
from stresslib.codec.peers import BYTES, INTERVAL, RECALL, RETRIEVAL, VOTES
from stresslib.results import FEATURES, read_results

TIE = 0.5
"""Points within which two scores are called equal: about one standard error of a score of 3,000 images."""

FAMILIES = {
    "qa": "QA",
    "fc": "FC (the paper)",
    "faiss-sq": "faiss SQ",
    "faiss-pca-sq": "faiss PCA + SQ",
    "faiss-pq": "faiss PQ",
    "faiss-opq": "faiss OPQ",
    "faiss-rq": "faiss PCA + RQ",
    "faiss-itq": "faiss ITQ",
    "faiss-lsh": "faiss LSH",
    "faiss-rabitq": "faiss RaBitQ, 1 bit",
    "turboquant": "TurboQuant",
    "eden": "EDEN",
    "rabitq": "RaBitQ",
    "lvq": "LVQ",
    "leanvec": "LeanVec",
    "lloyd-bins": "QA's bits, Lloyd-Max bins",
    "sklearn-kmeans-bins": "PCA + k-means bins",
    "sklearn-projection": "random projection",
    "truncation": "truncation",
    "sentence-transformers": "int8, binary",
    "zstd": "float16, zstd",
    "none": "float32",
}
"""Name of each family of methods on curves and in tables."""

OURS = ("qa", "fc")
"""The families that this library has; all others are those of other libraries."""

_COLOURS = {"qa": "#111111", "fc": style.COLOURS["pca+uniform"]}
"""Colours of the families of :data:`OURS`."""

_NAMED = (("#0072B2", "s"), ("#AA4499", "D"), ("#007A5A", "^"))
"""Colours and markers of the peers that are named on the curves, best first."""

_GREY = "#BDBDBD"
"""Colour of all other peers."""

PADDING = 1.001
"""Blocks of codes are padded to whole bytes: a vector may take that many times its bits."""


def scores_per_byte(results: pd.DataFrame, vectors: int | None = None) -> pd.DataFrame:
    """Return the scores on test rows with the name, size and relative score of each method.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter, with the columns :data:`stresslib.codec.peers.BYTES`.
    vectors : int, optional
        Number of vectors over which the cost of what they share is spread. Default: that cost is not counted.

    Returns
    -------
    pandas.DataFrame
        With ``family``, ``spec`` (the stress, or the name of the peer), ``total`` (bytes of a vector) and ``kept`` (percent
        of the score of float32 vectors in the same metric).
    """
    table = _mean_of_seeds(tested_rows(results))
    table["family"] = table["stress"].map(family)
    table["spec"] = method_names(table)
    table["total"] = table["bytes"] + (0 if vectors is None else table["side_bytes"] / vectors)
    key = [*FEATURES, "metric"]
    full = table[table["stress"] == "none"].set_index(key)["score"]
    table["kept"] = 100 * table["score"] / full.reindex(pd.MultiIndex.from_frame(table[key])).to_numpy()
    return table


def _mean_of_seeds(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each method and metric: of a random method the mean over its seeds, of the ends of intervals too."""
    measured = [name for name in ("score", "objective_gap", *BYTES, *INTERVAL) if name in table]
    key = [name for name in table if name not in (*measured, "repeat")]
    return table.groupby(key, dropna=False, sort=False)[measured].mean().reset_index()


def _of_metric(table: pd.DataFrame, metric: str | None) -> pd.DataFrame:
    """Return the rows of a metric; without one, of the metric of the classification."""
    return tables.first_metric(table) if metric is None else table[table["metric"] == metric]


def pareto_front(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that no other row beats: by a better score in as few bytes, or as good a score in fewer.

    Parameters
    ----------
    rows : pandas.DataFrame
        With ``total`` and ``score``, of one feature set and metric.

    Returns
    -------
    pandas.DataFrame
        In the order of their bytes.

    Examples
    --------
    >>> import pandas as pd
    >>> from stressbook.chapters.beyond.rate.page import pareto_front
    >>> pareto_front(pd.DataFrame({"total": [8, 8, 16, 32], "score": [80, 81, 80.5, 90]}))["score"].tolist()
    [81.0, 90.0]
    """
    ordered = rows.sort_values(["total", "score"], ascending=[True, False], kind="stable")
    best_of_smaller = ordered["score"].cummax().shift(fill_value=-np.inf)
    return ordered[ordered["score"] > best_of_smaller]


def best_by_budget(results: pd.DataFrame, vectors: int | None = None, metric: str | None = None) -> pd.DataFrame:
    """Return the best methods within each budget.

    Parameters
    ----------
    results, vectors
        As :func:`scores_per_byte` takes them.
    metric : str, optional
        Default: that of the classification.

    Returns
    -------
    pandas.DataFrame
        A row for each data set and budget: the best `peer` and its `peer_score`, `qa_score` and `fc_score`, and `ahead`, the
        points by which QA exceeds the best of all others. A method counts for a budget if it needs no more bytes. Budgets at
        which no peer was measured are left out.
    """
    rows = []
    table = _of_metric(scores_per_byte(results, vectors), metric)
    for (dataset, model, layer), here in table.groupby(FEATURES, sort=False):
        methods = {
            "peer": here[_of_peers(here)],
            "qa": here[here["family"] == "qa"],
            "fc": here[here["family"] == "fc"],
        }
        for size in BUDGETS:
            if not methods["peer"]["total"].between(size * 0.51, size).any():
                continue
            best = {}
            for name, part in methods.items():
                within = part[part["total"] <= size * PADDING]
                if len(within):
                    best[name] = within.sort_values("score", ascending=False, kind="stable").iloc[0]
            others = [best[name]["score"] for name in ("peer", "fc") if name in best]
            rows.append(
                {
                    "features": f"{dataset}, {model}, {layer}",
                    "bytes": size,
                    "peer": best["peer"]["stress"],
                    "peer_score": best["peer"]["score"],
                    "fc_score": best["fc"]["score"] if "fc" in best else np.nan,
                    "qa_score": best["qa"]["score"] if "qa" in best else np.nan,
                    "ahead": best["qa"]["score"] - max(others) if "qa" in best else np.nan,
                }
            )
    return pd.DataFrame(rows)


def plot_winners(results: pd.DataFrame, metric: str | None = None) -> Figure:
    """Draw who is ahead at each number of bytes: a row a feature set, a square a budget, in the colour of the winner.

    Parameters
    ----------
    results, metric
        As :func:`plot` takes them.

    Returns
    -------
    matplotlib.figure.Figure
        A square names the winner and by how many points it is ahead of the best of the other side; within :data:`TIE` it
        is pale, and says level.
    """
    best = best_by_budget(results, metric=metric).dropna(subset="ahead")
    names, sizes = list(dict.fromkeys(best["features"])), sorted(best["bytes"].unique())
    figure, ax = plt.subplots(figsize=(1.5 + 0.95 * len(sizes), 1.1 + 0.6 * len(names)), layout="constrained")
    for _, row in best.iterrows():
        place = sizes.index(row["bytes"]), names.index(row["features"])
        colour, ink, words = _winner(row)
        ax.add_patch(Rectangle((place[0] - 0.48, place[1] - 0.46), 0.96, 0.92, color=colour))
        ax.text(*place, words, color=ink, ha="center", va="center", fontsize=7.5)
    ax.set_xticks(range(len(sizes)), [f"{size:,}" for size in sizes])
    ax.set_yticks(range(len(names)), [", ".join(name.split(", ")[::2]) for name in names])
    ax.set(xlim=(-0.55, len(sizes) - 0.45), ylim=(len(names) - 0.45, -0.55), xlabel="bytes of a vector")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return figure


def _winner(row: pd.Series) -> tuple[str, str, str]:
    """Return the colour of a square, that of its words, and the words."""
    ahead = row["ahead"]
    if abs(ahead) <= TIE:
        return "#ECECEC", "#333333", "level"
    if ahead > 0:
        return _COLOURS["qa"], "white", f"QA\n+{ahead:.1f}"
    is_fc = row["fc_score"] > row["peer_score"]
    name = FAMILIES["fc"] if is_fc else FAMILIES[family(row["peer"])]
    return (_COLOURS["fc"] if is_fc else _NAMED[0][0]), "white", f"{name.removeprefix('faiss ')}\n+{-ahead:.1f}"


def winners_alt(results: pd.DataFrame, metric: str | None = None) -> str:
    """Describe the picture of the winners in words, from its data."""
    best = best_by_budget(results, metric=metric).dropna(subset="ahead")
    won = [(int((best["ahead"] > TIE).sum()), "QA is ahead"), (int((best["ahead"].abs() <= TIE).sum()), "the two are level")]
    won.append((int((best["ahead"] < -TIE).sum()), "another method is ahead"))
    said = ", ".join(f"in {count} {what}" for count, what in won)
    return f"A square for each feature set and number of bytes, {len(best)} in all: {said}."


def other_uses(results: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return what the nearest rows tell beside the search itself: how many are found again, and what they vote for.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    dict of str to pandas.DataFrame
        By metric and feature set: as :func:`methods` returns it. Empty of a table that was measured without them.
    """
    metrics = [name for name in results["metric"].dropna().unique() if name == RECALL or name.startswith(VOTES)]
    return {f"{metric}: {name}": table for metric in metrics for name, table in methods(results, metric).items()}


RELATED = ("faiss-pq", "faiss-opq", "faiss-rq", "turboquant", "eden", "rabitq", "leanvec", "lloyd-bins")
"""The families of :func:`against_qa`: those that differ from QA in one idea each."""


def against_qa(results: pd.DataFrame, metric: str | None = None) -> dict[str, pd.DataFrame]:
    """Return by how many points some methods are above QA within each of the smaller budgets, a table a feature set.

    Parameters
    ----------
    results, metric
        As :func:`methods` takes them.

    Returns
    -------
    dict of str to pandas.DataFrame
        A row for each family of :data:`RELATED` that the table has, a column for each budget up to 128 bytes.
    """
    found = {}
    for rows in compared(results, metric):
        sizes = [size for size in BUDGETS if size <= 128]
        best = {size: rows[rows["total"] <= size * PADDING].groupby("family")["score"].max() for size in sizes}
        table = pd.DataFrame({size: scores - scores.get("qa", np.nan) for size, scores in best.items()})
        table = table.loc[[name for name in RELATED if name in table.index]].rename(index=FAMILIES)
        if len(table):
            shown = table.map("{:+.1f}".format, na_action="ignore").rename_axis(None)
            found[tables.features_name(rows)] = shown.rename_axis("bytes", axis=1)
    return found


def winners(results: pd.DataFrame, metric: str | None = None) -> dict[str, pd.DataFrame]:
    """Return :func:`best_by_budget` to two decimals, a table a feature set, under the headings of the page."""
    names = {"peer": "best other", "peer_score": "its score", "fc_score": "FC", "qa_score": "QA", "ahead": "QA ahead by"}
    best = best_by_budget(results, metric=metric).rename(columns=names)
    numbers = list(names.values())[1:]
    best[numbers] = best[numbers].map("{:.2f}".format, na_action="ignore")
    return {
        str(name): rows.drop(columns="features").set_index("bytes") for name, rows in best.groupby("features", sort=False)
    }


def _of_peers(rows: pd.DataFrame) -> pd.Series:
    return ~rows["family"].isin([*OURS, "none"])


def _best_within(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the best share that each family keeps in at most so many bytes: a row a family, a column a budget."""
    sizes = rows.loc[_of_peers(rows), "total"]
    return pd.DataFrame(
        {
            size: rows[rows["total"] <= size * PADDING].groupby("family")["kept"].max()
            for size in BUDGETS
            if sizes.between(size * 0.51, size * PADDING).any()
        }
    )


def methods(results: pd.DataFrame, metric: str | None = None) -> dict[str, pd.DataFrame]:
    """Return what every method keeps within each budget, a table a feature set, best on average first.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.
    metric : str, optional
        Default: that of the classification.

    Returns
    -------
    dict of str to pandas.DataFrame
        By the name of the feature set: percent of the score of float32 vectors, to one decimal.
    """
    found = {}
    for rows in compared(results, metric):
        kept = _best_within(rows).drop(index="none", errors="ignore")
        kept = kept.loc[kept.fillna(0).mean(axis=1).sort_values(ascending=False, kind="stable").index]
        found[tables.features_name(rows)] = (
            kept.rename(index=FAMILIES).rename_axis(None).rename_axis("bytes", axis=1).round(1)
        )
    return found


def compared(results: pd.DataFrame, metric: str | None) -> list[pd.DataFrame]:
    """Return the rows of each feature set that was compared with other libraries, of one metric."""
    table = _of_metric(scores_per_byte(results), metric)
    return [rows for _, rows in table.groupby(FEATURES, sort=False) if _of_peers(rows).any()]


def best_peers(results: pd.DataFrame, metric: str | None = None) -> list[str]:
    """Return the three families of other libraries that keep most, on average over the budgets and feature sets."""
    kept = [_best_within(rows).drop(index=[*OURS, "none"], errors="ignore") for rows in compared(results, metric)]
    means = pd.concat([table.fillna(0).mean(axis=1) for table in kept], axis=1).mean(axis=1)
    return means.sort_values(ascending=False, kind="stable").index[: len(_NAMED)].tolist()


def read(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read a table of the chapter, with the intervals where it has them."""
    there = pd.read_csv(path, nrows=0).columns
    return read_results(path, [*BYTES, *(name for name in INTERVAL if name in there)])


def accounts(costs: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Split the table of :func:`~stressbook.chapters.beyond.rate.measure.accounts` by stress, for display."""
    shown = costs.map(lambda number: f"{number:,.0f}" if number >= 1000 else f"{number:.1f}", na_action="ignore")
    shown = shown.rename(columns={"reduction pays from": "PCA pays from"})
    return {str(spec): rows.droplevel("spec").rename_axis(None) for spec, rows in shown.groupby(level="spec", sort=False)}


def headline(results: pd.DataFrame) -> str:
    """Say how often QA scores above the best other method at equal bytes, level or below, to classify and to search."""
    best, search = (best_by_budget(results, metric=metric).dropna(subset="ahead") for metric in (None, RETRIEVAL))
    text = f"**At equal bytes, a classifier on QA's vectors scores {_compared_with_best(best)}.**"
    gained = int((best["qa_score"] - best["fc_score"] > TIE).sum())
    text += f" QA is more than {TIE} points ahead of the paper's FC in {gained} of them."
    if search.empty:
        return text
    return f"{text} A [search](#search-rate) over QA's vectors scores {_compared_with_best(search)}."


def search_headline(results: pd.DataFrame) -> str:
    """Say how often a search over QA's vectors finds more than over those of the best other method of equal bytes."""
    best = best_by_budget(results, metric=RETRIEVAL).dropna(subset="ahead")
    return f"**At equal bytes, a search over QA's vectors scores {_compared_with_best(best)}.**"


def _compared_with_best(best: pd.DataFrame) -> str:
    lost, wins = best[best["ahead"] < -TIE], best[best["ahead"] > TIE]
    parts = [
        (len(best) - len(lost) - len(wins), f"within {TIE} points of the best other method"),
        (len(wins), "above it" if len(lost) + len(wins) < len(best) else "above the best other method"),
        (len(lost), "below it" if len(lost) < len(best) else "below the best other method"),
    ]
    text = _listed([f"{what} in {count} of {len(best)}" for count, what in parts if count])
    if lost.empty:
        return text
    sizes = lost["bytes"].unique()
    where = f", at {_enumerated(sorted(sizes))} bytes" if len(sizes) < best["bytes"].nunique() else ""
    return f"{text} (by up to {-lost['ahead'].min():.1f} points{where})"


def verdicts(results: pd.DataFrame, vectors: int | None = None, metric: str | None = None) -> str:
    """Say for each data set at which budgets QA wins, ties or loses, and to which method, as a Markdown list.

    Parameters
    ----------
    results, vectors, metric
        As :func:`best_by_budget` takes them.

    Returns
    -------
    str
    """
    lines = []
    for name, rows in best_by_budget(results, vectors, metric).groupby("features", sort=False):
        known = rows.dropna(subset="ahead")
        wins, losses = known[known["ahead"] > TIE], known[known["ahead"] < -TIE]
        ties = known[known["ahead"].abs() <= TIE]
        said = []
        if len(wins):
            said.append(f"QA **wins** at {_enumerated(wins['bytes'])} bytes, by {_span(wins['ahead'])} points")
        if len(ties):
            said.append(f"is **level** with the best other within {TIE} points at {_enumerated(ties['bytes'])} bytes")
        rivals = losses["peer"].where(~(losses["fc_score"] > losses["peer_score"]), "FC")
        for rival, lost in losses.groupby(rivals, sort=False):
            said.append(f"**loses** to {rival} at {_enumerated(lost['bytes'])} bytes, by {_span(-lost['ahead'])} points")
        too_small = rows[rows["ahead"].isna()]
        if len(too_small):
            said.append(f"does not fit in {_enumerated(too_small['bytes'])} bytes")
        if said and not said[0].startswith("QA"):
            said[0] = f"QA {said[0]}"
        gained = rows[rows["qa_score"] - rows["fc_score"] > TIE]
        if len(gained):
            points = _span(gained["qa_score"] - gained["fc_score"])
            said.append(f"it is ahead of **FC** at {_enumerated(gained['bytes'])} bytes, by {points} points")
        lines.append(f"- {name}: {'; '.join(said)}.")
    return "\n".join(lines)


def _enumerated(sizes: Iterable[int]) -> str:
    return _listed([f"{size:,}" for size in sizes])


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _span(numbers: pd.Series) -> str:
    low, high = f"{numbers.min():.2f}", f"{numbers.max():.2f}"
    return low if low == high else f"{low} to {high}"


def plot(results: pd.DataFrame, metric: str | None = None) -> Figure:
    """Draw the share of the score that is kept against the bytes of a vector, a panel a data set, with the Pareto front.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.
    metric : str, optional
        Default: that of the classification.

    Returns
    -------
    matplotlib.figure.Figure
    """
    drawn, named = compared(results, metric), best_peers(results, metric)
    figure, axes = style.panels(len(drawn), height=4.2, sharey=False)
    titles = []
    for ax, rows in zip(axes, drawn, strict=True):
        front = pareto_front(rows)
        ax.step(front["total"], front["kept"], where="post", color="#E4E4E4", linewidth=7, label="Pareto front", zorder=0.5)
        ours = rows[rows["family"].isin(OURS)]["kept"]
        lowest, highest = ours.min() - 6, max(100.0, rows["kept"].max()) + 1.5
        _draw_families(ax, rows, named, (highest - lowest) / 19)
        paper = rows[rows["spec"] == paper_spec(int(rows["n_features"].iloc[0]))]
        look = {"marker": "o", "s": 90, "facecolors": "none", "edgecolors": style.COLOURS["pca+uniform"], "linewidths": 1.6}
        ax.scatter(paper["total"], paper["kept"], label="the paper's 10%, 27 values", zorder=4, **look)
        ax.set_xscale("log", base=2)
        ax.set_xticks([size for size in BUDGETS if size <= 2 * rows["total"].max()])
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:.0f}")
        ax.tick_params(axis="x", labelsize="small")
        ax.set_xlabel("bytes of a vector")
        ax.set_xlim(left=rows["total"].min() / 6)
        ax.set_ylim(lowest, highest)
        titles.append(f"{tables.features_title(rows)} ({rows['metric'].iloc[0]})")
    style.finish(figure, axes, titles, columns=3)
    return figure


def _draw_families(ax: Axes, rows: pd.DataFrame, named: list[str], gap: float) -> None:
    """Draw a curve for each family; the names of ours and of the best peers stand where theirs begin."""
    looks = dict(zip(named, _NAMED, strict=False))
    begins = {}
    for name in FAMILIES:
        if name == "none":
            continue
        best = rows[rows["family"] == name].groupby("total")["kept"].max()
        if best.empty:
            continue
        if name in OURS:
            ax.plot(best.index, best, color=_COLOURS[name], zorder=3, **style.OURS)
        elif name in looks:
            colour, marker = looks[name]
            ax.plot(best.index, best, color=colour, marker=marker, linewidth=1.2, markersize=4.5, zorder=2.5)
        else:
            ax.plot(best.index, best, color=_GREY, marker=".", linewidth=0.8, label="other methods (in the table)", zorder=1)
            continue
        begins[name] = (best.index[0], best.iloc[0])
    heights = style.spread([kept for _, kept in begins.values()], gap)
    for (name, (size, kept)), height in zip(begins.items(), heights, strict=True):
        colour = _COLOURS[name] if name in OURS else looks[name][0]
        ax.annotate(
            FAMILIES[name],
            (size, kept),
            (size / 1.2, height),
            color=colour,
            ha="right",
            va="center",
            fontsize="small",
            fontweight="bold",
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.6, "shrinkA": 0, "shrinkB": 3},
        )


def alt_text(results: pd.DataFrame, metric: str | None = None) -> str:
    """Describe the figure in words, from its data."""
    what = "mean average precision of a search" if metric == RETRIEVAL else "score"
    said = verdicts(results, metric=metric).replace("- ", "").replace("**", "").replace("\n", " ")
    return f"Curves of the share of the {what} that is kept against bytes of a vector, one for each method. {said}"
