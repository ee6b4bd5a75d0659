"""Settings: every measured setting of the book in one table, and the best of them under a budget of bits.

Joins the committed results with the published numbers and measures nothing itself; the page and the charts of the explorer
take their rows from here.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from stressbook.chapters.beyond.rate.page import scores_per_byte
from stressbook.chapters.rerun.figure_5.page import STRESS, pareto_front
from stressbook.drawing.tables import first_metric
from stresslib.codec.peers import BYTES
from stresslib.paper.published import GRID, published, with_shares
from stresslib.results import FEATURES, SETTING, VARIANT, read_results
from stresslib.stress.spec import bits_per_vector

TABLES = (
    "figure-5",
    "figure-4",
    "figure-3",
    "figure-2",
    "bit-erasure",
    "layers",
    "classical",
    "networks",
    "combination",
)
"""The tables under results/ that hold the book's stresses under the paper's own protocol."""

STRESSES = ("none", "random-selection", "pca", "uniform-shared", "uniform-per-dimension", "bit-erasure", "pca+uniform")
"""The stresses that are shown."""

KEY = ["published", *FEATURES]
"""Columns that say which feature set a row belongs to, the paper's apart from ours."""

PEERS = {
    "faiss-pq": "PQ",
    "faiss-opq": "OPQ",
    "faiss-rq": "RQ",
    "turboquant": "TurboQuant",
    "rabitq": "RaBitQ",
    "leanvec": "LeanVec",
    "sentence-transformers: int8": "int8",
    "sentence-transformers: binary": "binary",
    "truncation": "truncation",
}
"""What the chart has of other libraries: the beginning of each method's name, and the word for it."""

PAPER = "voc2007/vgg-m/relu7"
"""The feature set of the paper's Figure 5."""

PAPER_WIDTH = 4096
"""Its dimensions."""

MARK = (2, 27)
"""Place on the paper's grid of dimensions, and number of values, of the setting that its abstract quotes."""


def gather(folder: str | Path, own: Iterable[str] = ()) -> pd.DataFrame:
    """Collect every setting of the book, ours and the published ones, with what it costs and what it keeps.

    Parameters
    ----------
    folder : path-like
        Holds the tables of the figures, as results/ does; those of :data:`TABLES` that exist are read.
    own : iterable of path-like, optional
        Results tables that go before those of the folder.

    Returns
    -------
    pandas.DataFrame
        A row for each setting, by feature set and then by bits: `dataset`, `model`, `layer`, `n_features`, `metric` (the
        first of the feature set), whether it is `published`, `stress`, `dimensions`, `values`, `removed_bits`, its `spec`,
        the `bits` of a vector, `score` (mean over `draws` rows, percent), `kept` (percent of the full score), and `front`:
        whether no other setting of its feature set costs as little and keeps as much.

    Raises
    ------
    ValueError
        When there is no table to read.

    Notes
    -----
    Left out are settings that store nothing at all (64 erased bits) and those whose full score is unknown.
    """
    paths = [*map(Path, own), *(path for name in TABLES if (path := Path(folder) / f"{name}.csv").is_file())]
    if not paths:
        raise ValueError(f"{folder} has none of {', '.join(f'{name}.csv' for name in TABLES)}; is it the folder results/?")
    ours = first_metric(pd.concat([_own_protocol(path) for path in paths], ignore_index=True).drop_duplicates(SETTING))
    parts = [with_shares(table).assign(published=flag) for table, flag in ((ours, False), (published(), True))]
    table = pd.concat(parts, ignore_index=True)
    table = table[table["stress"].isin(STRESSES)]
    key = [*KEY, "n_features", "metric", "stress", "spec", "dimensions", "values", "removed_bits"]
    if "source" in table:  # a number that is both in a figure and in the supplement is one setting
        table = table.drop_duplicates([*key, "repeat"])
    means = table.groupby(key, dropna=False, sort=False).agg(
        score=("score", "mean"), kept=("kept", "mean"), draws=("score", "size")
    )
    means = means.reset_index().dropna(subset=["kept"])
    means["bits"] = [
        bits_per_vector(spec, int(width)) for spec, width in zip(means["spec"], means["n_features"], strict=True)
    ]
    means = means[means["bits"] > 0].assign(front=False)
    parts = []
    for _, settings in means.groupby(KEY, sort=False):
        settings = settings.sort_values(["bits", "kept"], ascending=[True, False], kind="stable")
        parts.append(settings.assign(front=pareto_front(settings["bits"], settings["kept"])))
    return pd.concat(parts, ignore_index=True)


def _own_protocol(path: Path) -> pd.DataFrame:
    """Read a results table without the rows of protocols other than the paper's."""
    table = read_results(path)
    if VARIANT not in table:
        return table
    return table[table[VARIANT].fillna("").eq("")].drop(columns=VARIANT)


def peers(folder: str | Path) -> pd.DataFrame:
    """Return what the methods of :data:`PEERS` keep, from the table of the chapter on rate.

    Parameters
    ----------
    folder : path-like
        As :func:`gather` takes it; without rate.csv there are no peers.

    Returns
    -------
    pandas.DataFrame
        A row for each feature set, metric and setting of a peer: `dataset`, `model`, `layer`, `metric`, the `method`, its
        `kind`, the `bits` of a vector, and `score` and `kept` in percent.
    """
    columns = [*FEATURES, "metric", "method", "kind", "bits", "score", "kept"]
    path = Path(folder) / "rate.csv"
    if not path.is_file():
        return pd.DataFrame(columns=columns)
    table = scores_per_byte(read_results(path, BYTES)).rename(columns={"spec": "method"})
    table["kind"] = table["method"].map(PEERS).fillna(table["family"].map(PEERS))
    table["bits"] = (8 * table["total"]).round().astype(int)
    return table.loc[table["kind"].notna(), columns].reset_index(drop=True)


def best(settings: pd.DataFrame, budget: float) -> dict[Hashable, Any] | None:
    """Return the setting that keeps most of the score within a budget; ties go to the cheapest.

    Parameters
    ----------
    settings : pandas.DataFrame
        As returned by :func:`gather`, of one feature set.
    budget : float
        Bits of a vector.

    Returns
    -------
    dict or None
        The row; None when every setting costs more.

    Examples
    --------
    >>> import pandas as pd
    >>> from stressbook.chapters.rerun.explorer.settings import best
    >>> settings = pd.DataFrame({"bits": [8, 16, 32], "kept": [50.0, 90.0, 80.0], "front": [True, True, False]})
    >>> best(settings, 40)["bits"]
    16
    >>> best(settings, 7) is None
    True
    """
    affordable = settings[settings["front"] & (settings["bits"] <= budget)]
    dearest_first = affordable.sort_values("bits", ascending=False, kind="stable")
    return next(iter(dearest_first.to_dict("records")), None)


def features_path(settings: pd.DataFrame) -> str:
    """Return ``DATASET/MODEL/LAYER`` of the rows of one feature set."""
    return "/".join(settings[FEATURES].iloc[0])


def by_feature_set(settings: pd.DataFrame) -> list[pd.DataFrame]:
    """Return the rows of each feature set, ours first."""
    return [rows for _, rows in settings.groupby(KEY, sort=False)]


def is_paper(settings: pd.DataFrame) -> bool:
    """Return whether the rows of one feature set are the published ones that Figure 5 belongs to."""
    return bool(settings["published"].all()) and features_path(settings) == PAPER


def paper_settings(settings: pd.DataFrame) -> pd.DataFrame:
    """Return the published settings of Figure 5, with a front of their own."""
    return combined(next(rows for rows in by_feature_set(settings) if is_paper(rows)))


def combined(settings: pd.DataFrame) -> pd.DataFrame:
    """Return the settings of one feature set that combine both stresses, as Figure 5 does, with a front of their own."""
    rows = settings[settings["stress"] == STRESS]
    return rows.assign(front=pareto_front(rows["bits"], rows["kept"]))


def quoted_spec(width: int) -> str:
    """Return the setting that the paper's abstract quotes, for vectors of some width.

    Examples
    --------
    >>> from stressbook.chapters.rerun.explorer.settings import quoted_spec
    >>> quoted_spec(4096)
    'DR2:409,Q2:27'
    """
    step, values = MARK
    return f"DR2:{max(1, width * step // GRID)},Q2:{values}"
