"""Rate: the score that is kept at so many bytes a vector, by the paper's stress, by Q-A, and by what people use instead."""

from __future__ import annotations

import os
from collections.abc import Iterable

import pandas as pd

from stressbook.drawing import tables
from stresslib.codec import accounting
from stresslib.codec.peers import measure, peers
from stresslib.features import FeatureSet
from stresslib.running.grid import sweep
from stresslib.stress.spec import bits_per_vector

BUDGETS = (8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
"""Bytes of a vector."""

SIZES = (32, 40, 48, 56, 64, 72)
"""Bytes of a vector, up to the paper's 80, at which its loss is looked for."""

SPLITS, FEW_SPLITS = 10, 3
"""Validation parts by which the stress of the paper's loss is chosen, a matter of tenths of a point, and all others."""

VALUES = (2, 4, 8, 16, 32, 64, 256)
"""Sizes of FC's dictionaries, each of a whole number of bits."""


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
    >>> from stressbook.chapters.beyond.rate.measure import candidates
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
    table = tables.first_metric(held_out)
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
