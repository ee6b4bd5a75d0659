"""Rate: the score that is kept at so many bytes a vector, by the paper's stress, by Q-A, and by what people use instead.

Draws what `stresslib.codec.peers` measured; here are the stresses to choose from, the choice, the Pareto front and who wins.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stressbook.chapters.beyond.rate.measure import BUDGETS, family, least, specs
from stressbook.drawing import style, tables
from stresslib.codec.peers import RETRIEVAL

TIE = 0.5
"""Points of the score within which two methods are called equal: about one standard error of a score of 3,000 images."""

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
"""What a legend calls each way."""

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


def _split(results: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    held_out = results["dataset"].str.endswith("-validation")
    return results[held_out], results[~held_out]


def measured(results: pd.DataFrame, vectors: int | None = None) -> pd.DataFrame:
    """Return what was measured on test rows, with names and shares of the full score.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the figure, with the columns of :data:`stresslib.codec.peers.BYTES`.
    vectors : int, optional
        Over how many vectors what they share is spread; without, it is not counted.

    Returns
    -------
    pandas.DataFrame
        With ``family``, ``spec`` (the stress, or the peer's name), ``total`` (bytes of a vector) and ``kept`` (percent of
        the score of float32 vectors, of the same metric).
    """
    table = _split(results)[1].reset_index(drop=True)
    table["family"] = table["stress"].map(family)
    table["spec"] = specs(table)
    table["total"] = table["bytes"] + (0 if vectors is None else table["side_bytes"] / vectors)
    key = ["dataset", "model", "layer", "metric"]
    full = table[table["stress"] == "none"].set_index(key)["score"]
    table["kept"] = 100 * table["score"] / full.reindex(pd.MultiIndex.from_frame(table[key])).to_numpy()
    return table


def pareto(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of which none has as few bytes and a better score, or fewer bytes and as good a score.

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
    >>> from stressbook.chapters.beyond.rate.page import pareto
    >>> pareto(pd.DataFrame({"total": [8, 8, 16, 32], "score": [80, 81, 80.5, 90]}))["score"].tolist()
    [81.0, 90.0]
    """
    ordered = rows.sort_values(["total", "score"], ascending=[True, False], kind="stable")
    before = ordered["score"].cummax().shift(fill_value=-np.inf)
    return ordered[ordered["score"] > before]


def winners(results: pd.DataFrame, vectors: int | None = None, metric: str | None = None) -> pd.DataFrame:
    """Say who is best within each budget.

    Parameters
    ----------
    results, vectors
        As for :func:`measured`.
    metric : str, optional
        Default: that of the classification.

    Returns
    -------
    pandas.DataFrame
        One row a data set and budget: the best `peer` with its `peer_score`, our `qa_score` and `fc_score`, and `ahead`,
        the points by which QA is ahead of the best of all others. A method counts for a budget if it needs no more.
    """
    rows = []
    table = measured(results, vectors)
    table = tables.first_metric(table) if metric is None else table[table["metric"] == metric]
    for (dataset, model, layer), here in table.groupby(["dataset", "model", "layer"], sort=False):
        others = here[~here["family"].isin(["qa", "fc", "none"])]
        for size in BUDGETS:
            best = {
                name: group.sort_values("score", ascending=False, kind="stable").iloc[0]
                for name, part in (
                    ("peer", others),
                    ("qa", here[here["family"] == "qa"]),
                    ("fc", here[here["family"] == "fc"]),
                )
                if len(group := part[part["total"] <= size * _FILLED])
            }
            # A budget at which nothing was measured is none of this table's.
            if not others["total"].between(size * 0.51, size).any():
                continue
            rivals = [best[name]["score"] for name in ("peer", "fc") if name in best]
            rows.append(
                {
                    "features": f"{dataset}, {model}, {layer}",
                    "bytes": size,
                    "peer": best["peer"]["stress"],
                    "peer_score": best["peer"]["score"],
                    "fc_score": best["fc"]["score"] if "fc" in best else np.nan,
                    "qa_score": best["qa"]["score"] if "qa" in best else np.nan,
                    "ahead": best["qa"]["score"] - max(rivals) if "qa" in best else np.nan,
                }
            )
    return pd.DataFrame(rows)


_FILLED = 1.001
"""Blocks of codes are filled up to whole bytes: a vector may have that much more than its bits."""


def winners_table(results: pd.DataFrame, metric: str | None = None) -> pd.DataFrame:
    """Return who is best within each budget, to two decimals."""
    table = winners(results, metric=metric).set_index(["features", "bytes"])
    names = {"peer": "best peer", "peer_score": "its score", "fc_score": "FC", "qa_score": "QA", "ahead": "QA ahead by"}
    return table.rename(columns=names).round(2)


def verdicts(results: pd.DataFrame, vectors: int | None = None, metric: str | None = None) -> str:
    """Say for each data set at which budgets QA wins, ties and loses, and to whom, as a Markdown list."""
    lines = []
    for name, rows in winners(results, vectors, metric).groupby("features", sort=False):
        known = rows.dropna(subset="ahead")
        wins, losses = known[known["ahead"] > TIE], known[known["ahead"] < -TIE]
        ties = known[known["ahead"].abs() <= TIE]
        said = []
        if len(wins):
            said.append(f"QA **wins** at {_listed(wins['bytes'])} bytes, by {_range(wins['ahead'])} points")
        if len(ties):
            said.append(f"is **level** with the best other within {TIE} points at {_listed(ties['bytes'])} bytes")
        rivals = losses["peer"].where(~(losses["fc_score"] > losses["peer_score"]), "FC")
        for rival, lost in losses.groupby(rivals, sort=False):
            said.append(f"**loses** to {rival} at {_listed(lost['bytes'])} bytes, by {_range(-lost['ahead'])} points")
        if len(missing := rows[rows["ahead"].isna()]):
            said.append(f"does not fit in {_listed(missing['bytes'])} bytes")
        if said and not said[0].startswith("QA"):
            said[0] = f"QA {said[0]}"
        gained = rows[rows["qa_score"] - rows["fc_score"] > TIE]
        if len(gained):
            points = _range(gained["qa_score"] - gained["fc_score"])
            said.append(f"it is ahead of **FC** at {_listed(gained['bytes'])} bytes, by {points} points")
        lines.append(f"- {name}: {'; '.join(said)}.")
    return "\n".join(lines)


def _listed(sizes: Iterable[int]) -> str:
    words = [f"{size:,}" for size in sizes]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _range(numbers: pd.Series) -> str:
    low, high = f"{numbers.min():.2f}", f"{numbers.max():.2f}"
    return low if low == high else f"{low} to {high}"


def beyond(results: pd.DataFrame) -> pd.DataFrame:
    """Set the stress of fewest bits beside the paper's, chosen on validation rows, scored on test rows.

    Parameters
    ----------
    results : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
        One row a feature set and stress of :func:`least`: bits, what part of the paper's they are, the share of all bits
        that is saved, scores on validation and test rows, and what is kept of the score without a stress.
    """
    held_out, _ = _split(results)
    found = least(held_out)
    tested = tables.first_metric(measured(results))
    key = ["dataset", "model", "layer", "spec"]
    table = found.merge(tested[[*key, "score", "kept"]], on=key, suffixes=("_validation", ""))
    table["features"] = table["dataset"] + ", " + table["model"] + ", " + table["layer"]
    paper = table[table["what"] == "paper"].set_index("features")["bits"]
    table["of_paper"] = 100 * table["bits"] / table["features"].map(paper)
    table["rate"] = 100 * (1 - table["bits"] / (32 * table["n_features"].astype(float)))
    columns = ["spec", "bits", "of_paper", "rate", "score_validation", "score", "kept"]
    return table.set_index(["features", "what"])[columns]


def beyond_table(results: pd.DataFrame) -> pd.DataFrame:
    """Return :func:`beyond`, to two decimals."""
    names = {
        "of_paper": "% of the paper's bits",
        "rate": "% of bits saved",
        "score_validation": "validation score",
        "score": "test score",
        "kept": "% of score kept",
    }
    return beyond(results).rename(columns=names).round(2)


def beyond_in_words(results: pd.DataFrame) -> str:
    """Say by how much Q-A undercuts the paper's headline stress, as a Markdown list."""
    lines, table = [], beyond(results)
    for name, rows in table.groupby(level="features", sort=False):
        here = rows.droplevel("features").to_dict("index")
        paper, ours = here["paper"], here.get("qa")
        if ours is None:
            lines.append(
                f"- {name}: **no gain**. No QA of the sizes tried scores on validation rows what {paper['spec']} does."
            )
            continue
        line = (
            f"- {name}: **{ours['spec']}** has {ours['bits']} bits, {ours['of_paper']:.0f}% of the {paper['bits']} of "
            f"{paper['spec']} ({ours['rate']:.2f}% of all bits saved, not {paper['rate']:.2f}%). On test rows it scores "
            f"{ours['score']:.2f}, {_beside(ours['score'] - paper['score'])} the paper's {paper['score']:.2f}"
        )
        if "fc" in here:
            fewer = here["fc"]
            line += f"; FC itself gets there with {fewer['bits']} bits ({fewer['spec']}), and scores {fewer['score']:.2f}"
        lines.append(line + ".")
    return "\n".join(lines)


def _beside(difference: float) -> str:
    words = f"{abs(difference):.2f} points {'above' if difference > 0 else 'below'}"
    return words if abs(difference) > TIE else f"level with ({words})"


def plot(results: pd.DataFrame, metric: str | None = None) -> Figure:
    """Draw what is kept of the score against the bytes of a vector, one panel a data set, with the Pareto front.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the figure.
    metric : str, optional
        Default: that of the classification.

    Returns
    -------
    matplotlib.figure.Figure
    """
    table = measured(results)
    table = tables.first_metric(table) if metric is None else table[table["metric"] == metric]
    # A data set without peers is there for the gain alone.
    drawn = [rows for _, rows in table.groupby(["dataset", "model", "layer"], sort=False) if len(rows) > _FEW]
    figure, axes = style.panels(len(drawn), height=4.2, sharey=False)
    titles = []
    for ax, rows in zip(axes, drawn, strict=True):
        front = pareto(rows)
        ax.step(front["total"], front["kept"], where="post", color="#C9C9C9", linewidth=7, label="Pareto front", zorder=0.5)
        for name in FAMILIES:
            _draw(ax, rows[rows["family"] == name], name)
        paper = rows[(rows["family"] == "fc") & (rows["values"] == 27)]
        look = {"marker": "o", "s": 90, "facecolors": "none", "edgecolors": style.COLOURS["pca+uniform"], "linewidths": 1.6}
        ax.scatter(paper["total"], paper["kept"], label="the paper's 10%, 27 values", zorder=4, **look)
        ax.set_xscale("log", base=2)
        ax.set_xticks([size for size in BUDGETS if size <= 2 * rows["total"].max()])
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        ax.set_xlabel("bytes of a vector")
        ours = rows[rows["family"].isin(["qa", "fc"])]["kept"]
        ax.set_ylim(ours.min() - 6, max(100.0, rows["kept"].max()) + 1.5)
        titles.append(f"{', '.join(rows[['dataset', 'model', 'layer']].iloc[0])} ({rows['metric'].iloc[0]})")
    style.finish(figure, axes, titles, columns=2)
    return figure


_FEW = 6
"""Rows of a data set that has no peers."""


def _draw(ax: Axes, rows: pd.DataFrame, name: str) -> None:
    if rows.empty:
        return
    best = rows.groupby("total")["kept"].max()
    if name in ("qa", "fc"):
        colour = "#111111" if name == "qa" else style.COLOURS["pca+uniform"]
        ax.plot(best.index, best, color=colour, label=FAMILIES[name], zorder=3, **style.OURS)
        return
    colour, marker = _LOOKS[name]
    ax.plot(best.index, best, color=colour, marker=marker, linewidth=0.9, markersize=4.5, alpha=0.85, label=FAMILIES[name])


def alt_text(results: pd.DataFrame, metric: str | None = None) -> str:
    """Describe the figure in words, from its data."""
    what = "mean average precision of a search" if metric == RETRIEVAL else "score"
    said = verdicts(results, metric=metric).replace("- ", "").replace("**", "").replace("\n", " ")
    return f"Curves of the share of the {what} that is kept against bytes of a vector, one for each method. {said}"
