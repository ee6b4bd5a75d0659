"""Rate: the score that is kept at so many bytes a vector, by the paper's stress, by Q-A, and by what people use instead.

Draws what `stresslib.peers` measured; here are the stresses to choose from, the choice, the Pareto front and who wins.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stresslib.codec import accounting
from stresslib.features import FeatureSet
from stresslib.figures import style
from stresslib.peers import RETRIEVAL, measure, peers
from stresslib.spec import bits_per_vector
from stresslib.sweep import sweep

BUDGETS = (8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
"""Bytes of a vector."""

SIZES = (32, 40, 48, 56, 64, 72)
"""Bytes of a vector, up to the paper's 80, at which its loss is looked for."""

SPLITS, FEW_SPLITS = 10, 3
"""Validation parts by which the stress of the paper's loss is chosen, a matter of tenths of a point, and all others."""

VALUES = (2, 4, 8, 16, 32, 64, 256)
"""Sizes of FC's dictionaries, each of a whole number of bits."""

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


def paper_spec(n_features: int) -> str:
    """Return the paper's headline stress, a tenth of the dimensions with 27 values each, for vectors of a width."""
    return f"DR2:{n_features // 10},Q2:27"


def candidates(
    n_features: int, budgets: Iterable[int] = BUDGETS, n_train: int | None = None, values: Iterable[int] = VALUES
) -> list[str]:
    """Return the stresses to choose from: FC of each size of dictionary, QA on several numbers of components.

    Parameters
    ----------
    n_features : int
    budgets : iterable of int
        Bytes of a vector, at most.
    n_train : int, optional
        Training rows: there are no more principal components.
    values : iterable of int
        Sizes of FC's dictionaries.

    Returns
    -------
    list of str

    Examples
    --------
    >>> from stresslib.figures.rate import candidates
    >>> candidates(1280, [8])[-6:]
    ['DR2:8,Q2:256', 'DR2:9,QA:64', 'DR2:16,QA:64', 'DR2:21,QA:64', 'DR2:32,QA:64', 'DR2:64,QA:64']
    """
    # Beyond half of the components nothing is lost any more, and nothing is left to choose.
    most = n_features // 2 if n_train is None else min(n_features // 2, n_train)
    found, values = [], list(values)
    for size in budgets:
        bits = 8 * size
        found += [f"DR2:{bits // (count - 1).bit_length()},Q2:{count}" for count in values]
        found += [f"DR2:{bits // part},QA:{bits}" for part in (7, 4, 3, 2, 1)]
    return [spec for spec in dict.fromkeys(found) if int(spec.partition(",")[0][4:]) <= most]


def specs(rows: pd.DataFrame) -> list[str]:
    """Return the stresses of the rows of a results table, of peers the names."""
    found = []
    for stress, size, count in zip(rows["stress"], rows["dimensions"], rows["values"], strict=True):
        if family(stress) == "fc":
            stress = f"DR2:{size},Q2:{count}"
        elif family(stress) == "qa":
            stress = f"DR2:{size},QA:{stress.split('-')[1]}"
        found.append(str(stress))
    return found


def family(stress: str) -> str:
    """Return the key of :data:`FAMILIES` of a stress or peer."""
    if stress.startswith("pca+"):
        return "qa" if "allocated" in stress else "fc"
    return stress.partition(":")[0]


def validated(held_out: pd.DataFrame) -> pd.DataFrame:
    """Return the mean validation score of each stress over the splits.

    Parameters
    ----------
    held_out : pandas.DataFrame
        Results of :func:`candidates` on validation parts of feature sets, `repeat` being the split.

    Returns
    -------
    pandas.DataFrame
        One row a feature set and stress: ``spec``, ``family``, ``bits`` of a vector, ``score``, ``splits``.
    """
    table = style.drawn(held_out)
    key = ["dataset", "model", "layer", "n_features", "stress", "dimensions", "values"]
    table = table.groupby(key, dropna=False, sort=False)["score"].agg(["mean", "size"]).reset_index()
    names = specs(table)
    return table.assign(
        dataset=table["dataset"].str.removesuffix("-validation"),
        spec=names,
        family=table["stress"].map(family),
        bits=[bits_per_vector(spec, width) for spec, width in zip(names, table["n_features"], strict=True)],
    ).rename(columns={"mean": "score", "size": "splits"})


def chosen(held_out: pd.DataFrame, budgets: Iterable[int]) -> list[str]:
    """Choose FC's and QA's best stress for each budget, by the validation score of one feature set; of equals the narrowest.

    Parameters
    ----------
    held_out : pandas.DataFrame
        As for :func:`validated`.
    budgets : iterable of int
        Bytes of a vector.

    Returns
    -------
    list of str
    """
    table, found = validated(held_out).sort_values("dimensions", kind="stable"), []
    for size in budgets:
        # Less than a byte may be left over.
        fitting = table[(table["bits"] <= 8 * size) & (table["bits"] > 8 * size - 8)]
        for name in ("fc", "qa"):
            rows = fitting[fitting["family"] == name].sort_values("score", ascending=False, kind="stable")
            found += rows["spec"].head(1).tolist()
    return list(dict.fromkeys(found))


def least(held_out: pd.DataFrame) -> pd.DataFrame:
    """Find the stresses of fewest bits that lose no more on validation rows than the paper's headline stress does.

    Parameters
    ----------
    held_out : pandas.DataFrame
        As for :func:`validated`.

    Returns
    -------
    pandas.DataFrame
        For each feature set three rows of :func:`validated`, ``what`` being ``"paper"``, ``"fc"`` (of other dimensions and
        values than the paper's) and ``"qa"``; a family that never gets there is absent. Of equal bits the best.
    """
    parts = []
    for _, rows in validated(held_out).groupby(["dataset", "model", "layer"], sort=False):
        paper = rows[rows["spec"] == paper_spec(int(rows["n_features"].iloc[0]))]
        if paper.empty:
            continue
        parts.append(paper.assign(what="paper"))
        # A mean over other parts is no mean to compare with.
        enough = rows[(rows["splits"] == paper["splits"].item()) & (rows["score"] >= paper["score"].item())]
        enough = enough.sort_values(["bits", "score"], ascending=[True, False])
        parts += [enough[enough["family"] == name].head(1).assign(what=name) for name in ("fc", "qa")]
    return pd.concat(parts, ignore_index=True) if parts else validated(held_out).head(0).assign(what="")


def compute(
    features: FeatureSet,
    budgets: Iterable[int] = BUDGETS,
    sizes: Iterable[int] = SIZES,
    families: Iterable[str] | None = None,
    *,
    splits: int = SPLITS,
    n_jobs: int = -1,
    store: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Choose stresses on validation parts of the training rows; measure them, and the peers, on the test rows.

    Parameters
    ----------
    features : FeatureSet
    budgets : iterable of int
        Bytes of a vector, at which all are measured.
    sizes : iterable of int
        Bytes of a vector, at which the loss of the paper's stress is looked for.
    families : iterable of str, optional
        Peers, by the keys of :data:`FAMILIES`. Default: all.
    splits : int, default=10
        Validation parts for the choice at `sizes`, each drawn from all training rows; at `budgets` the first three do.
    n_jobs, store
        As for :func:`stresslib.sweep`.
    progress : bool, default=True
        Whether to show progress bars.

    Returns
    -------
    pandas.DataFrame
        The table of the figure: what scored on validation parts, `repeat` being the part, and then on test rows.
    """
    width, budgets, sizes = features.X.shape[1], list(budgets), list(sizes)
    parts = [features.validation(random_state=split) for split in range(splits)]
    training = min(int(part.train.sum()) for part in parts)
    paper = paper_spec(width)
    closely = [paper, *candidates(width, sizes, training, (8, 16, 32))]
    roughly = [*closely, *(spec for spec in candidates(width, budgets, training) if spec not in closely)]
    held_out = pd.concat(
        sweep(part, roughly if split < FEW_SPLITS else closely, n_jobs=n_jobs, store=store, progress=progress).assign(
            repeat=split
        )
        for split, part in enumerate(parts)
    )
    ours = ["none", paper, *chosen(held_out, budgets), *least(held_out)["spec"]]
    rivals = [peer for peer in (peers(width, budgets) if budgets else []) if families is None or peer.family in families]
    tested = measure(features, [*dict.fromkeys(ours), *rivals], n_jobs=n_jobs)
    return pd.concat([held_out, tested], ignore_index=True)


def _split(results: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    held_out = results["dataset"].str.endswith("-validation")
    return results[held_out], results[~held_out]


def measured(results: pd.DataFrame, vectors: int | None = None) -> pd.DataFrame:
    """Return what was measured on test rows, with names and shares of the full score.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the figure, with the columns of :data:`stresslib.peers.BYTES`.
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
    >>> from stresslib.figures.rate import pareto
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
    table = style.drawn(table) if metric is None else table[table["metric"] == metric]
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
    tested = style.drawn(measured(results))
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
    table = style.drawn(table) if metric is None else table[table["metric"] == metric]
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


def accounted(features: FeatureSet, specs: Iterable[str], vectors: Iterable[int] = (10_000, 1_000_000)) -> pd.DataFrame:
    """Count all that some stresses cost, in each packing.

    Parameters
    ----------
    features : FeatureSet
    specs : iterable of str
    vectors : iterable of int
        Over how many vectors what they share is spread.

    Returns
    -------
    pandas.DataFrame
        Bytes of a vector: as the paper counts, the entropy's limit, packed; all that vectors share; packed with its part of
        that for each of `vectors`; and from how many vectors on all this is less than float32, and less than the same
        quantizer without the reduction.
    """
    parts = []
    vectors = list(vectors)
    for spec in specs:
        table = accounting(features, spec, vectors=vectors)
        wide = table.pivot_table(index=["spec", "packing"], columns="vectors", values="total_bits", sort=False) / 8
        first = table.drop_duplicates(["spec", "packing"]).set_index(["spec", "packing"])
        bytes_ = (
            first[["paper_bits", "entropy_bits", "packed_bits"]].rename(columns=lambda name: name.removesuffix("_bits")) / 8
        )
        totals = wide.rename(columns=lambda count: f"all, of {count:,}")
        shared = first[["side_bytes", "pays_from", "reduction_pays_from"]].rename(
            columns=lambda name: name.replace("_", " ")
        )
        parts.append(pd.concat([bytes_, totals, shared], axis=1))
    return pd.concat(parts).round(1)
