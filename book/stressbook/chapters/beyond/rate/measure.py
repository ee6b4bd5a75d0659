"""Rate: choose stresses on validation rows, then measure them and the peers on test rows, at equal bytes a vector.

Takes a feature set and makes the results table that `page` and `savings` draw; `stresslib.codec.peers` writes and reads the
files.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import pandas as pd

from stresslib.codec import accounting
from stresslib.codec.peers import measure as measure_on_disk
from stresslib.codec.peers import peers
from stresslib.codec.recommending import candidates
from stresslib.features import FeatureSet
from stresslib.paper.published import sizes_at
from stresslib.results import FEATURES
from stresslib.running.grid import sweep
from stresslib.stress.spec import bits_per_vector

BUDGETS = (8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
"""Bytes of a vector at which every method is measured."""

SIZES = (32, 40, 48, 56, 64, 72)
"""Bytes of a vector at which a stress is sought that loses no more than the paper's."""

SPLITS, FEW_SPLITS = 10, 3
"""Validation parts: many to match the paper's loss, a matter of tenths of a point; few for every other choice."""

COLLECTIONS = (10_000, 1_000_000)
"""Numbers of vectors over which the cost of what they share is spread."""

VALIDATION = "-validation"
"""Ending of a data set's name in the rows that were scored on a validation part."""


def paper_spec(n_features: int) -> str:
    """Return the paper's headline stress for vectors of a width: a tenth of the dimensions, 27 values each."""
    return f"DR2:{sizes_at(n_features, [2], exact=True)[0]},Q2:27"


def method_names(rows: pd.DataFrame) -> list[str]:
    """Return the method of each row of a results table: the stress as a spec, or the name of the peer."""
    return rows["spec"].fillna(rows["stress"]).tolist()


def family(stress: str) -> str:
    """Return the family of a stress or peer: a key of :data:`stressbook.chapters.beyond.rate.page.FAMILIES`."""
    if stress.startswith("pca+"):
        return "qa" if "allocated" in stress else "fc"
    return stress.partition(":")[0]


def validation_rows(results: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that were scored on validation parts."""
    return results[results["dataset"].str.endswith(VALIDATION)]


def tested_rows(results: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that were scored on test rows."""
    return results[~results["dataset"].str.endswith(VALIDATION)]


def validation_scores(held_out: pd.DataFrame) -> pd.DataFrame:
    """Return the mean validation score of each stress over the splits.

    Parameters
    ----------
    held_out : pandas.DataFrame
        Results of :func:`candidates` on validation parts of feature sets; `repeat` is the split.

    Returns
    -------
    pandas.DataFrame
        A row for each feature set and stress: ``spec``, ``family``, ``bits`` of a vector, ``score``, ``splits``.
    """
    metric = held_out.groupby(FEATURES, sort=False)["metric"].transform("first")
    key = [*FEATURES, "n_features", "stress", "spec", "dimensions", "values"]
    scores = held_out[held_out["metric"] == metric].groupby(key, dropna=False, sort=False)["score"]
    table = scores.agg(["mean", "size"]).reset_index()
    names = method_names(table)
    return table.assign(
        dataset=table["dataset"].str.removesuffix(VALIDATION),
        spec=names,
        family=table["stress"].map(family),
        bits=[bits_per_vector(spec, width) for spec, width in zip(names, table["n_features"], strict=True)],
    ).rename(columns={"mean": "score", "size": "splits"})


def best_on_validation(held_out: pd.DataFrame, budgets: Iterable[int]) -> list[str]:
    """Choose FC's and QA's best stress for each budget by the validation score; ties go to the fewest dimensions.

    Parameters
    ----------
    held_out : pandas.DataFrame
        Of one feature set, as :func:`validation_scores` takes it.
    budgets : iterable of int
        Bytes of a vector.

    Returns
    -------
    list of str
    """
    table, found = validation_scores(held_out).sort_values("dimensions", kind="stable"), []
    for size in budgets:
        # A stress fits a budget if it leaves less than a byte of it unused.
        fitting = table[(table["bits"] <= 8 * size) & (table["bits"] > 8 * size - 8)]
        for name in ("fc", "qa"):
            rows = fitting[fitting["family"] == name].sort_values("score", ascending=False, kind="stable")
            found += rows["spec"].head(1).tolist()
    return list(dict.fromkeys(found))


def fewest_bits(held_out: pd.DataFrame) -> pd.DataFrame:
    """Find the stresses of fewest bits that lose no more on validation rows than the paper's headline stress does.

    Parameters
    ----------
    held_out : pandas.DataFrame
        As :func:`validation_scores` takes it.

    Returns
    -------
    pandas.DataFrame
        Three rows of :func:`validation_scores` for each feature set, named by ``what``: ``"paper"``, ``"fc"`` (its
        dimensions and values may differ from the paper's) and ``"qa"``. A family that never reaches the paper's score is
        absent. Among stresses of equal bits the best score counts.
    """
    scores, parts = validation_scores(held_out), []
    for _, rows in scores.groupby(FEATURES, sort=False):
        paper = rows[rows["spec"] == paper_spec(int(rows["n_features"].iloc[0]))]
        if paper.empty:
            continue
        parts.append(paper.assign(what="paper"))
        # Means over different splits cannot be compared.
        enough = rows[(rows["splits"] == paper["splits"].item()) & (rows["score"] >= paper["score"].item())]
        enough = enough.sort_values(["bits", "score"], ascending=[True, False])
        parts += [enough[enough["family"] == name].head(1).assign(what=name) for name in ("fc", "qa")]
    return pd.concat(parts, ignore_index=True) if parts else scores.head(0).assign(what="")


def measure(
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
    budgets : iterable of int, default=BUDGETS
        Bytes of a vector at which all methods are measured.
    sizes : iterable of int, default=SIZES
        Bytes of a vector at which a stress is sought that loses no more than the paper's.
    families : iterable of str, optional
        Peers, by the keys of :data:`stressbook.chapters.beyond.rate.page.FAMILIES`. Default: all.
    splits : int, default=10
        Validation parts for the choice at `sizes`, each drawn from all training rows; the choice at `budgets` uses the
        first three.
    n_jobs, store
        As :func:`stresslib.sweep` takes them.
    progress : bool, default=True
        Whether to show progress bars.

    Returns
    -------
    pandas.DataFrame
        A results table with the columns :data:`stresslib.codec.peers.BYTES`: scores on validation parts, `repeat` being the
        part, then scores on test rows.
    """
    width, budgets, sizes = features.X.shape[1], list(budgets), list(sizes)
    parts = [features.validation(random_state=split) for split in range(splits)]
    n_train = min(int(part.train.sum()) for part in parts)
    paper = paper_spec(width)
    on_every_split = [paper, *candidates(width, sizes, n_train, (8, 16, 32))]
    others = [spec for spec in candidates(width, budgets, n_train) if spec not in on_every_split]
    scores = []
    for split, part in enumerate(parts):
        specs = on_every_split + others if split < FEW_SPLITS else on_every_split
        scores.append(sweep(part, specs, n_jobs=n_jobs, store=store, progress=progress).assign(repeat=split))
    held_out = pd.concat(scores)
    chosen = ["none", paper, *best_on_validation(held_out, budgets), *fewest_bits(held_out)["spec"]]
    rivals = peers(width, budgets) if budgets else []
    if families is not None:
        rivals = [peer for peer in rivals if peer.family in families]
    methods = [*dict.fromkeys(chosen), *rivals]
    tested = measure_on_disk(features, methods, n_jobs=n_jobs, store=store, progress=progress)
    return pd.concat([held_out, tested], ignore_index=True)


def measure_each(
    compared: Iterable[FeatureSet],
    without_peers: Iterable[FeatureSet],
    budgets: Iterable[int] = BUDGETS,
    families: Iterable[str] | None = None,
    **options: Any,
) -> pd.DataFrame:
    """Measure some feature sets at every budget beside the peers, and others for the saving over the paper alone.

    Parameters
    ----------
    compared, without_peers : iterable of FeatureSet
    budgets, families, **options
        As :func:`measure` takes them.

    Returns
    -------
    pandas.DataFrame
        The tables of :func:`measure`, one after the other.
    """
    tables = [measure(features, budgets, families=families, **options) for features in compared]
    tables += [measure(features, [], **options) for features in without_peers]
    return pd.concat(tables)


def specs_to_account(features: FeatureSet, results: pd.DataFrame) -> list[str]:
    """Return the stresses whose costs are set side by side.

    Parameters
    ----------
    features : FeatureSet
    results : pandas.DataFrame
        Of :func:`measure`.

    Returns
    -------
    list of str
        The paper's stress, QA with as many components and bits, and the QA of fewest bits that validation chose for this
        feature set, where there is one.
    """
    width = features.X.shape[1]
    paper = paper_spec(width)
    specs = [paper, f"{paper.partition(',')[0]},QA:{bits_per_vector(paper, width)}"]
    chosen = fewest_bits(validation_rows(results))
    of_features = (chosen[FEATURES] == [features.provenance[name] for name in FEATURES]).all(axis=1)
    return list(dict.fromkeys([*specs, *chosen.loc[of_features & (chosen["what"] == "qa"), "spec"]]))


def accounts(features: FeatureSet, specs: Iterable[str], vectors: Iterable[int] = COLLECTIONS) -> pd.DataFrame:
    """Count everything that some stresses cost, in each packing.

    Parameters
    ----------
    features : FeatureSet
    specs : iterable of str
    vectors : iterable of int, default=COLLECTIONS
        Numbers of vectors over which the cost of what they share is spread.

    Returns
    -------
    pandas.DataFrame
        Bytes of a vector as the paper counts, at the limit of an entropy coder, and packed; the same with a share of the
        side information, for each of `vectors`; bytes of the side information; and the numbers of vectors from which on
        the total is below that of float32, and below that of the same quantizer without the reduction.
    """
    parts = []
    vectors = list(vectors)
    for spec in specs:
        table = accounting(features, spec, vectors=vectors)
        totals = table.pivot_table(index=["spec", "packing"], columns="vectors", values="total_bits", sort=False) / 8
        first = table.drop_duplicates(["spec", "packing"]).set_index(["spec", "packing"])
        codes = first[["paper_bits", "entropy_bits", "packed_bits"]] / 8
        shared = first[["side_bytes", "pays_from", "reduction_pays_from"]]
        parts.append(
            pd.concat(
                [
                    codes.rename(columns=lambda name: name.removesuffix("_bits")),
                    totals.rename(columns=lambda count: f"all, of {count:,}"),
                    shared.rename(columns=lambda name: name.replace("_", " ")),
                ],
                axis=1,
            )
        )
    return pd.concat(parts).round(1)
