"""Rate: choose stresses on validation rows, then measure them and the peers on test rows, at equal bytes a vector.

Takes a feature set and makes the results table that `page` and `savings` draw; `stresslib.codec.peers` writes and reads the
files.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from stresslib.codec import accounting
from stresslib.codec.peers import RETRIEVAL, Peer, peers
from stresslib.codec.peers import measure as measure_on_disk
from stresslib.codec.peers.measuring import RESAMPLES, SEEDS, search
from stresslib.codec.recommending import candidates
from stresslib.evaluation.threads import one_thread
from stresslib.features import FeatureSet
from stresslib.paper.published import sizes_at
from stresslib.results import FEATURES, result_rows, results_table
from stresslib.running.grid import sweep
from stresslib.running.tasks import run_tasks
from stresslib.stress.on_features.reduction import PrincipalComponents
from stresslib.stress.spec import Spec, bits_per_vector, make_stress, parse_spec

BUDGETS = (8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
"""Bytes of a vector at which every method is measured."""

SIZES = (32, 40, 48, 56, 64, 72)
"""Bytes of a vector at which a stress is sought that loses no more than the paper's."""

SPLITS, FEW_SPLITS = 10, 3
"""Validation parts: many to match the paper's loss, a matter of tenths of a point; few for every other choice."""

CHOSEN = 128
"""Bytes of a vector up to which settings of peers are chosen on validation rows, and random ones are drawn several times.

Beyond, all settings are tested, once: the best on the test rows counts, which favours them, and hours are saved.
"""

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


def validation_scores(held_out: pd.DataFrame, metric: str | None = None) -> pd.DataFrame:
    """Return the mean validation score of each stress over the splits.

    Parameters
    ----------
    held_out : pandas.DataFrame
        Results of :func:`candidates` on validation parts of feature sets; `repeat` is the split. Rows of peers do not count.
    metric : str, optional
        Default: the first of each feature set, that of the classification.

    Returns
    -------
    pandas.DataFrame
        A row for each feature set and stress: ``spec``, ``family``, ``bits`` of a vector, ``score``, ``splits``.
    """
    ours = held_out[held_out["spec"].notna()]
    wanted = ours.groupby(FEATURES, sort=False)["metric"].transform("first") if metric is None else metric
    key = [*FEATURES, "n_features", "stress", "spec", "dimensions", "values"]
    scores = ours[ours["metric"] == wanted].groupby(key, dropna=False, sort=False)["score"]
    table = scores.agg(["mean", "size"]).reset_index()
    names = method_names(table)
    return table.assign(
        dataset=table["dataset"].str.removesuffix(VALIDATION),
        spec=names,
        family=table["stress"].map(family),
        bits=[bits_per_vector(spec, width) for spec, width in zip(names, table["n_features"], strict=True)],
    ).rename(columns={"mean": "score", "size": "splits"})


def best_on_validation(held_out: pd.DataFrame, budgets: Iterable[int], metric: str | None = None) -> list[str]:
    """Choose FC's and QA's best stress for each budget by the validation score; ties go to the fewest dimensions.

    Parameters
    ----------
    held_out : pandas.DataFrame
        Of one feature set, as :func:`validation_scores` takes it.
    budgets : iterable of int
        Bytes of a vector.
    metric : str, optional
        As :func:`validation_scores` takes it.

    Returns
    -------
    list of str
    """
    table, found = validation_scores(held_out, metric).sort_values("dimensions", kind="stable"), []
    for size in budgets:
        # A stress fits a budget if it leaves less than a byte of it unused.
        fitting = table[(table["bits"] <= 8 * size) & (table["bits"] > 8 * size - 8)]
        for name in ("fc", "qa"):
            rows = fitting[fitting["family"] == name].sort_values("score", ascending=False, kind="stable")
            found += rows["spec"].head(1).tolist()
    return list(dict.fromkeys(found))


def best_peers_on_validation(
    held_out: pd.DataFrame, tried: Iterable[Sequence[Peer]], metric: str | None = None
) -> list[Peer]:
    """Choose the setting of each peer for each budget by the validation score, as those of our stresses are chosen.

    Parameters
    ----------
    held_out : pandas.DataFrame
        Of one feature set, with the rows of all settings of which one has to be chosen.
    tried : iterable of sequence of Peer
        Settings of one family and budget each.
    metric : str, optional
        As :func:`validation_scores` takes it.

    Returns
    -------
    list of Peer
        One of each; ties go to the first.
    """
    metric = held_out["metric"].iloc[0] if metric is None else metric
    scores = held_out[held_out["metric"] == metric].groupby("stress")["score"].mean()
    return [settings[0] if len(settings) == 1 else max(settings, key=lambda peer: scores[peer.name]) for settings in tried]


def settings_of_peers(width: int, budgets: Sequence[int], families: Iterable[str] | None = None) -> list[list[Peer]]:
    """Return the settings of each peer for each budget: lists of which one is to be chosen.

    Parameters
    ----------
    width : int
        Numbers of a vector.
    budgets : sequence of int
        Bytes of a vector.
    families : iterable of str, optional
        Families of peers. Default: all.

    Returns
    -------
    list of list of Peer
        Peers of a fixed size, of which there is nothing to choose, stand alone.
    """
    wanted = None if families is None else set(families)
    found: dict[tuple[str, int | str], list[Peer]] = {}
    every = peers(width, budgets) if budgets else []
    of_budgets = {peer.name: size for size in budgets for peer in peers(width, [size])}
    fixed = {peer.name for peer in every if peer.dimensions is None and not peer.is_random}
    for peer in every:
        if wanted is None or peer.family in wanted:
            key = peer.name if peer.name in fixed else of_budgets[peer.name]
            found.setdefault((peer.family, key), []).append(peer)
    return list(found.values())


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
    """Choose stresses, and settings of the peers, on validation parts of the training rows; measure them on the test rows.

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
        A results table with the columns :data:`stresslib.codec.peers.BYTES` and :data:`stresslib.codec.peers.INTERVAL`:
        scores on validation parts, `repeat` being the part, then scores on test rows, `repeat` being the seed of a random
        peer. What was chosen for the classifier is in the rows of its metric, what was chosen for a search in those of the
        others.
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
    options: dict[str, Any] = {"n_jobs": n_jobs, "store": store, "progress": progress}
    rivals = settings_of_peers(width, [size for size in budgets if size <= CHOSEN], families)
    undecided = [peer for settings in rivals if len(settings) > 1 for peer in settings if peer.least_rows <= n_train]
    to_search = candidates(width, budgets, n_train)
    for split, part in enumerate(parts[:FEW_SPLITS]):
        scores.append(measure_on_disk(part, undecided, **options).assign(repeat=split))
        scores.append(_searched(part, to_search, **options).assign(repeat=split))
    held_out = pd.concat(scores)
    rivals = [[peer for peer in settings if len(settings) == 1 or peer in undecided] for settings in rivals]
    rivals = [settings for settings in rivals if settings]
    chosen: dict[str | None, list[str | Peer]] = {}
    for metric in (None, RETRIEVAL):
        ours, theirs = best_on_validation(held_out, budgets, metric), best_peers_on_validation(held_out, rivals, metric)
        chosen[metric] = ["none", paper, *ours, *theirs]
    chosen[None] += fewest_bits(held_out)["spec"].tolist()
    tested = _tested(features, chosen[None], chosen[RETRIEVAL], **options)
    small = {peer.name for settings in rivals for peer in settings} | {peer.name for peer in undecided}
    large = [peer for settings in settings_of_peers(width, budgets, families) for peer in settings if peer.name not in small]
    return pd.concat([held_out, tested, measure_on_disk(features, large, **options)], ignore_index=True)


def _tested(
    features: FeatureSet, classified: Iterable[str | Peer], searched: Iterable[str | Peer], **options: Any
) -> pd.DataFrame:
    """Measure on test rows what was chosen, for its use alone: the classifier's rows come first."""
    classified, searched = list(dict.fromkeys(classified)), list(dict.fromkeys(searched))
    both = [method for method in classified if method in searched]
    only = ([method for method in methods if method not in both] for methods in (classified, searched))
    uses = ((next(only), True, False), (both, True, True), (next(only), False, True))
    options |= {"seeds": SEEDS, "resamples": RESAMPLES}
    return pd.concat(
        [
            measure_on_disk(features, methods, classification=classify, retrieval=retrieve, **options)
            for methods, classify, retrieve in uses
        ]
    )


def _searched(part: FeatureSet, specs: Iterable[str], **options: Any) -> pd.DataFrame:
    """Return the search's score of each stress on a validation part; nothing is written, what a file decodes to is known."""
    settings = [{"spec": parse_spec(spec)} for spec in specs]
    prepare = functools.partial(_projected, part)
    rows = run_tasks(_found, settings, part, name=f"{part.name}, searches", prepare=prepare, **options)
    return results_table(row for some in rows for row in some)


def _projected(part: FeatureSet, settings: list[dict[str, Any]]) -> tuple[NDArray[Any]]:
    """Return all rows on as many components of the training rows as the largest of the settings keeps."""
    most = max(setting["spec"].dimensions for setting in settings)
    with one_thread():
        return (PrincipalComponents(most).fit(part.X[part.train]).transform(part.X),)


def _found(part: FeatureSet, projected: NDArray[Any], spec: Spec) -> list[dict[str, Any]]:
    """Return the row of the table for one stress, of components that are computed."""
    rows = projected[:, : spec.dimensions]
    quantizer = make_stress(Spec(quantizer=spec.quantizer, level=spec.level)).fit(rows[part.train])
    return result_rows(part.origin, spec, {RETRIEVAL: search(quantizer.transform(rows), part.y, part.train)})


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
