"""Choices: the cheapest way to keep a score, for so many images, by what is put under stress: weights, features, or both.

Between the table of `measure` and the page. A setting is chosen on one half of the test images and judged on the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from stressbook.chapters.weights.fingerprints.networks import FILES
from stressbook.chapters.weights.weights_or_features.names import AS_TRAINED, CHOICE

WITHIN = 1.0
"""Points of accuracy that may be lost, by which a setting is chosen."""

IMAGES = (1_000, 30_000, 1_000_000)
"""How many images have their vectors kept, beside the one network."""

NOTHING, WEIGHTS, FEATURES, BOTH = "nothing", "weights alone", "features alone", "both"
KINDS = (FEATURES, WEIGHTS, BOTH)

EXPECTED = {IMAGES[0]: WEIGHTS, IMAGES[-1]: FEATURES}
"""Which of the two alone takes fewer bytes, as it was expected before the run; in between, nothing was."""


def paired(results: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each pair of stresses, with both scores and what was put under stress.

    Parameters
    ----------
    results : pandas.DataFrame
        The table of the chapter.

    Returns
    -------
    pandas.DataFrame
        Columns `group`, `model`, `weights`, `spec`, `kind`, `chosen_by`, `score`, `bytes`, `side_bytes`, `file_bytes`.
    """
    cells = ["dataset", "model", "variant", "stress", "dimensions", "values", "bytes", "side_bytes", "file_bytes"]
    table = results.assign(**{one: results[one].fillna(0) for one in ("dimensions", "values")})
    wide = table.pivot_table(index=cells, columns="metric", values="score", sort=False).reset_index()
    wide = wide.rename(columns={"accuracy": "score", CHOICE: "chosen_by"})
    weights, features = wide["variant"].ne(AS_TRAINED), wide["stress"].ne("none")
    wide["kind"] = np.select([weights & features, weights, features], [BOTH, WEIGHTS, FEATURES], NOTHING)
    wide["group"] = [group_of(row.dataset, row.model) for row in wide.itertuples()]
    wide["weights"] = wide["variant"].str.removeprefix("weights=")
    return wide


def group_of(dataset: Any, model: Any) -> str:
    """Return which networks one is compared with: published ones of CIFAR-10, or those of one training here.

    Examples
    --------
    >>> from stressbook.chapters.weights.weights_or_features.choices import group_of
    >>> group_of("cifar10", "resnet20"), group_of("digits", "digits/resnet8:8/twice/0")
    ('published networks on CIFAR-10', 'networks trained here on digits')
    """
    name = {"cifar10": "CIFAR-10"}.get(str(dataset), str(dataset))
    return f"published networks on {name}" if model in FILES else f"networks trained here on {name}"


def totals(table: pd.DataFrame, images: int) -> pd.Series:
    """Return the bytes of network, vectors and what these share, of rows of :func:`paired`."""
    return table["file_bytes"] + images * table["bytes"] + table["side_bytes"]


def groups(results: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Yield the name of each group, its base (the first network whose weights are put under stress), and its rows."""
    table = paired(results)
    for group, rows in table.groupby("group", sort=False):
        stressed = rows.loc[rows["variant"].ne(AS_TRAINED), "model"]
        if len(stressed):
            yield str(group), str(stressed.iloc[0]), rows


def cheapest(rows: pd.DataFrame, base: str, images: int) -> pd.DataFrame:
    """Choose, for each kind of stress, the setting of the fewest bytes that loses at most :data:`WITHIN` points.

    Parameters
    ----------
    rows : pandas.DataFrame
        Of one group, as :func:`groups` yields them.
    base : str
        The network that is put under stress, and whose score is to be kept.
    images : int

    Returns
    -------
    pandas.DataFrame
        A row for each kind, in the order of :data:`NOTHING` and :data:`KINDS`: that of :func:`paired`, `total`, and `lost`,
        points on the other images.
    """
    mine = rows[rows["model"].eq(base)].assign(total=totals(rows, images))
    whole = mine[mine["kind"].eq(NOTHING)].iloc[0]
    kept = mine[mine["chosen_by"] >= whole["chosen_by"] - WITHIN]
    found = []
    for kind in (NOTHING, *KINDS):
        # What one alone may do, both may: they need not do both.
        allowed = kept if kind == BOTH else kept[kept["kind"].isin([kind, NOTHING])]
        found.append(allowed.loc[allowed["total"].idxmin()].to_dict() | {"kind": kind})
    table = pd.DataFrame(found).set_index("kind")
    return table.assign(lost=whole["score"] - table["score"])


def crossing(rows: pd.DataFrame, base: str) -> float:
    """Return from how many images on the features alone, stressed, take fewer bytes than the weights alone, stressed.

    NaN where they never do, or always.
    """
    few: pd.DataFrame = cheapest(rows, base, 1)
    many: pd.DataFrame = cheapest(rows, base, 10**12)
    weights: Any = few.loc[WEIGHTS]
    features: Any = many.loc[FEATURES]
    saved = features["file_bytes"] + features["side_bytes"] - weights["file_bytes"] - weights["side_bytes"]
    each = weights["bytes"] - features["bytes"]
    return float(saved) / float(each) if saved > 0 and each > 0 else float("nan")


def excess(rows: pd.DataFrame) -> pd.Series:
    """Return by how many points each pair of stresses loses more than its two stresses lose apart, summed."""
    found: list[float] = []
    for _, part in rows.groupby("model", sort=False):
        cells = part["stress"] + part["dimensions"].astype(str) + part["values"].astype(str)
        wide = part.assign(cell=cells).pivot_table(index="weights", columns="cell", values="score", sort=False)
        plain, none = wide.loc["none"], cells[part["stress"].eq("none")].iloc[0]
        together = (plain - wide).sub(plain[none] - wide[none], axis=0)  # what features lose after that stress, and before
        pairs = together.drop(index="none", columns=none)
        found += pairs.to_numpy().ravel().tolist()
    return pd.Series(found)


def front(rows: pd.DataFrame, images: int) -> pd.DataFrame:
    """Return the rows that no cheaper one beats on the images that choose, from the cheapest on."""
    ordered = rows.assign(total=totals(rows, images)).sort_values(["total", "chosen_by"], ascending=[True, False])
    best = ordered["chosen_by"].cummax()
    return ordered[ordered["chosen_by"].eq(best) & ~best.duplicated()]
