"""Rate: the score that is kept at so many bytes a vector, by the paper's stress, by Q-A, and by what people use instead.

Draws the table of `measure` and says who is best within each budget; `savings` sets Q-A beside the paper's stress.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stressbook.chapters.beyond.rate.measure import BUDGETS, family, method_names, paper_spec, tested_rows
from stressbook.drawing import style, tables
from stresslib.codec.peers import RETRIEVAL
from stresslib.results import FEATURES

TIE = 0.5
"""Points within which two scores are called equal: about one standard error of a score of 3,000 images."""

FAMILIES = {
    "qa": "QA allocated bits (ours)",
    "fc": "FC (the paper)",
    "faiss-sq": "faiss scalar quantizer",
    "faiss-pca-sq": "faiss PCA, scalar quantizer",
    "faiss-pq": "faiss PQ",
    "faiss-opq": "faiss OPQ",
    "faiss-rq": "faiss PCA, residual quantizer",
    "faiss-itq": "faiss ITQ",
    "faiss-lsh": "faiss LSH",
    "faiss-rabitq": "faiss RaBitQ",
    "sklearn-kmeans-bins": "DR-2, scikit-learn's k-means bins",
    "sklearn-projection": "scikit-learn's random projection",
    "truncation": "plain truncation",
    "sentence-transformers": "int8, binary",
    "zstd": "float16 under zstd",
    "none": "float32",
}
"""Label of each family of methods in a legend."""

_QA_COLOUR = "#111111"

_LOOKS = {
    "faiss-sq": ("#0072B2", "s"),
    "faiss-pca-sq": ("#0072B2", "v"),
    "faiss-pq": ("#AA4499", "D"),
    "faiss-opq": ("#AA4499", "P"),
    "faiss-rq": ("#AA4499", "X"),
    "faiss-itq": ("#007A5A", "^"),
    "faiss-lsh": ("#007A5A", "v"),
    "faiss-rabitq": ("#007A5A", "<"),
    "sklearn-kmeans-bins": ("#D55E00", "s"),
    "sklearn-projection": ("#D55E00", ">"),
    "truncation": ("#888888", "h"),
    "sentence-transformers": ("#888888", "*"),
    "zstd": ("#888888", "p"),
    "none": ("#888888", "o"),
}
"""Colour and marker of each peer."""

PADDING = 1.001
"""Blocks of codes are padded to whole bytes: a vector may take that many times its bits."""

_MOST_ROWS_WITHOUT_PEERS = 6
"""Rows of a data set that was not compared with peers, at most; it is not drawn."""


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
    table = tested_rows(results).reset_index(drop=True)
    table["family"] = table["stress"].map(family)
    table["spec"] = method_names(table)
    table["total"] = table["bytes"] + (0 if vectors is None else table["side_bytes"] / vectors)
    key = [*FEATURES, "metric"]
    full = table[table["stress"] == "none"].set_index(key)["score"]
    table["kept"] = 100 * table["score"] / full.reindex(pd.MultiIndex.from_frame(table[key])).to_numpy()
    return table


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
            "peer": here[~here["family"].isin(["qa", "fc", "none"])],
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


def table(results: pd.DataFrame, metric: str | None = None) -> pd.DataFrame:
    """Return :func:`best_by_budget` to two decimals, under the headings of the page."""
    best = best_by_budget(results, metric=metric).set_index(["features", "bytes"])
    names = {"peer": "best peer", "peer_score": "its score", "fc_score": "FC", "qa_score": "QA", "ahead": "QA ahead by"}
    return best.rename(columns=names).round(2)


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
    words = [f"{size:,}" for size in sizes]
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
    table = _of_metric(scores_per_byte(results), metric)
    drawn = [rows for _, rows in table.groupby(FEATURES, sort=False) if len(rows) > _MOST_ROWS_WITHOUT_PEERS]
    figure, axes = style.panels(len(drawn), height=4.2, sharey=False)
    titles = []
    for ax, rows in zip(axes, drawn, strict=True):
        front = pareto_front(rows)
        ax.step(front["total"], front["kept"], where="post", color="#C9C9C9", linewidth=7, label="Pareto front", zorder=0.5)
        for name in FAMILIES:
            _draw_family(ax, rows[rows["family"] == name], name)
        paper = rows[rows["spec"] == paper_spec(int(rows["n_features"].iloc[0]))]
        look = {"marker": "o", "s": 90, "facecolors": "none", "edgecolors": style.COLOURS["pca+uniform"], "linewidths": 1.6}
        ax.scatter(paper["total"], paper["kept"], label="the paper's 10%, 27 values", zorder=4, **look)
        ax.set_xscale("log", base=2)
        ax.set_xticks([size for size in BUDGETS if size <= 2 * rows["total"].max()])
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        ax.set_xlabel("bytes of a vector")
        ours = rows[rows["family"].isin(["qa", "fc"])]["kept"]
        ax.set_ylim(ours.min() - 6, max(100.0, rows["kept"].max()) + 1.5)
        titles.append(f"{tables.features_name(rows)} ({rows['metric'].iloc[0]})")
    style.finish(figure, axes, titles, columns=2)
    return figure


def _draw_family(ax: Axes, rows: pd.DataFrame, name: str) -> None:
    if rows.empty:
        return
    best = rows.groupby("total")["kept"].max()
    if name in ("qa", "fc"):
        colour = _QA_COLOUR if name == "qa" else style.COLOURS["pca+uniform"]
        ax.plot(best.index, best, color=colour, label=FAMILIES[name], zorder=3, **style.OURS)
        return
    colour, marker = _LOOKS[name]
    ax.plot(best.index, best, color=colour, marker=marker, linewidth=0.9, markersize=4.5, alpha=0.85, label=FAMILIES[name])


def alt_text(results: pd.DataFrame, metric: str | None = None) -> str:
    """Describe the figure in words, from its data."""
    what = "mean average precision of a search" if metric == RETRIEVAL else "score"
    said = verdicts(results, metric=metric).replace("- ", "").replace("**", "").replace("\n", " ")
    return f"Curves of the share of the {what} that is kept against bytes of a vector, one for each method. {said}"
