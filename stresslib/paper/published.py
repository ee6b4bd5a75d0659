"""What the authors published, and how a results table of ours agrees with it.

The table holds the 1,210 figures of the supplementary material; `agreement` joins it with any sweep.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from stresslib.results import COLUMNS, CURVE, FEATURES, TOLERANCE, with_specs

GRID = 20
"""Steps of the paper's grid of dimensions: 5% each."""

PLACE = ["step", "values", "removed_bits"]
"""Columns that say where on its curve a row lies."""

NAMESAKES = {"upmc-food101": "food101", "food101": "food101-ethz"}
"""Data sets of ours, and what the paper's table calls them: by its counts, its Food-101 is UPMC's (protocol 1.3)."""

_PUBLISHED_COLUMNS = {name: kind for name, kind in COLUMNS.items() if name not in ("repeat", "objective_gap")} | {
    "score_sd": "float64",
    "source": "string",
    "paper_name": "string",
}
_SCALE = [name for name in CURVE if name != "stress"]


def published() -> pd.DataFrame:
    """Return the figures that the authors published.

    Returns
    -------
    pandas.DataFrame
        1,210 rows in the columns of a results table, with `score_sd` (population standard deviation over the authors'
        repeats), `source` (figure or part of the supplement) and `paper_name` (DR-1, Q-2, ...).

    Notes
    -----
    From the detailed and supplementary results that the authors published beside their code (MicaelCarvalho/
    DNNsUnderStress, MIT licence). 98 rows are both in a figure and in the supplement: 1,112 settings are distinct.

    Examples
    --------
    >>> from stresslib import published
    >>> len(published())
    1210
    """
    table = with_specs(pd.read_csv(Path(__file__).with_name("published.csv"), dtype=_PUBLISHED_COLUMNS))
    return table[list(_PUBLISHED_COLUMNS)]


def grid_dimensions(n_features: int) -> list[int]:
    """Return the paper's 20 sizes of a reduced vector, about 5% to 100% of `n_features`.

    They come from adding 0.05 twenty times in floating point and rounding down (protocol 1.5), hence 2047 of 4096.

    Examples
    --------
    >>> from stresslib.paper.published import grid_dimensions
    >>> grid_dimensions(4096)[:10]
    [204, 409, 614, 819, 1024, 1228, 1433, 1638, 1843, 2047]
    """
    share, sizes = 0.0, []
    for _ in range(GRID):
        share += 0.05
        sizes.append(int(n_features * share))
    return sizes


def sizes_at(n_features: int, steps: Iterable[int], *, exact: bool = False) -> list[int]:
    """Return the sizes of a reduced vector at some places of the paper's grid.

    Parameters
    ----------
    n_features : int
        Width of the vectors.
    steps : iterable of int
        Places on the grid, in twentieths of the full vector.
    exact : bool, default=False
        Round twentieths down exactly (2048 of 4096), not along the paper's floating-point grid (2047).

    Returns
    -------
    list of int

    Raises
    ------
    ValueError
        Where a share is less than one dimension.

    Examples
    --------
    >>> from stresslib.paper.published import sizes_at
    >>> sizes_at(4096, [1, 10]), sizes_at(4096, [10], exact=True)
    ([204, 2047], [2048])
    >>> sizes_at(8, [1])
    Traceback (most recent call last):
        ...
    ValueError: 8 dimensions are too few for 5% of them; take larger shares, or vectors of at least 20 dimensions
    """
    grid = [n_features * step // GRID for step in range(1, GRID + 1)] if exact else grid_dimensions(n_features)
    steps = list(steps)
    sizes = [grid[step - 1] for step in steps]
    if 0 in sizes:
        share = 100 * steps[sizes.index(0)] // GRID
        raise ValueError(
            f"{n_features} dimensions are too few for {share}% of them; take larger shares, or vectors of at least "
            f"{-(-100 // share)} dimensions"
        )
    return sizes


def _steps(n_features: int) -> dict[int, int]:
    # The paper rounds down in two ways: along its floating-point grid, and (2048 of 4096) exactly.
    exact = {n_features * step // GRID: step for step in range(1, GRID + 1)}
    return exact | {size: step for step, size in enumerate(grid_dimensions(n_features), start=1)}


def with_shares(table: pd.DataFrame) -> pd.DataFrame:
    """Add what makes curves of different networks and data sets comparable.

    Parameters
    ----------
    table : pandas.DataFrame
        A results table, or the published one.

    Returns
    -------
    pandas.DataFrame
        The table with `step` (the grid's index: dimensions in twentieths of the full vector, empty off the grid) and
        `kept` (percent of the full score of the same data set, network, layer and metric, empty where there is none).

    Notes
    -----
    The full score is the row of stress ``none``; of a published curve, its own row at 0 erased bits, else the last of
    random selection. Layer pool5 was published without any: 30 values on each of its curves stand in for it.
    """
    table = table.copy()
    steps = {int(width): _steps(int(width)) for width in table["n_features"].unique()}
    table["step"] = pd.array(
        [
            None if pd.isna(size) else steps[width].get(size)
            for width, size in zip(table["n_features"], table["dimensions"], strict=True)
        ],
        dtype="Int64",
    )
    stress = table["stress"]
    own = _mean_scores(table, table["removed_bits"].eq(0) & stress.eq("bit-erasure")).where(stress.eq("bit-erasure"))
    whole = _mean_scores(table, stress.eq("random-selection") & table["step"].eq(GRID))
    full = _mean_scores(table, stress.eq("none")).fillna(own).fillna(whole)
    if "source" in table:  # a column of the published table alone
        finest = table["layer"].eq("pool5") & table["values"].eq(30)
        full = full.fillna(_mean_scores(table, finest, CURVE))
    table["kept"] = 100 * table["score"] / full
    return table


def _mean_scores(table: pd.DataFrame, chosen: pd.Series, key: list[str] = _SCALE) -> pd.Series:
    """Return, for every row of the table, the mean score of the chosen rows that share its key."""
    means = table[chosen].groupby(key)["score"].mean().rename("full").reset_index()
    return table[key].merge(means, on=key, how="left")["full"].set_axis(table.index)


def agreement(results: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """Compare a results table with published curves of the same stress, point by point.

    Scores are compared in percent of each curve's own full score; where network, layer, data set and metric are the
    paper's own, as they are.

    Parameters
    ----------
    results : pandas.DataFrame
        A sweep's table that holds the stress ``none``.
    reference : pandas.DataFrame
        :func:`published`, or some rows of it: each curve of `results` meets each curve there that has its stress.

    Returns
    -------
    pandas.DataFrame
        One row for each point that both have: the curve's columns, `published_dataset`, `published_model` and
        `published_layer`, the place (`step`, `values`, `removed_bits`), `scale` ("kept" or "score"), `ours` (mean over
        repeats), `theirs` and `difference`, in points.

    Raises
    ------
    ValueError
        When a curve of `results` needs its full score and does not have one.

    Examples
    --------
    >>> import stresslib as sl
    >>> f = sl.load_features("scenes15", "efficientnet-lite0")
    >>> results = sl.sweep(f, ["none", "Q2:4", "Q2:8"], n_jobs=1, progress=False)
    >>> points = sl.agreement(results, sl.published().query("source == 'figure-4'"))
    >>> points[["stress", "values", "published_dataset", "scale"]].values.tolist()
    [['uniform-per-dimension', 4, 'voc2007', 'kept'], ['uniform-per-dimension', 8, 'voc2007', 'kept']]
    """
    ours, theirs = with_shares(results), with_shares(published())
    identity = [*FEATURES, "metric", "stress"]
    theirs = theirs.merge(reference[[*identity, "source"]].drop_duplicates(), on=[*identity, "source"])
    theirs = theirs.drop_duplicates([*identity, *PLACE])
    means = ours.groupby([*CURVE, *PLACE], dropna=False, sort=False)[["score", "kept"]].mean().reset_index()
    # Missing places meet each other: a stress without dimensions has none on either side.
    both = means.merge(theirs, on=["stress", *PLACE], suffixes=("", "_published"))
    both = both[both["stress"] != "none"]
    same = both["dataset"].replace(NAMESAKES) == both["dataset_published"]
    for name in ("model", "layer", "metric"):
        same &= both[name] == both[f"{name}_published"]
    if both.loc[~same, "kept"].isna().any():
        lacking = both.loc[~same & both["kept"].isna(), "dataset"].iloc[0]
        raise ValueError(f"results of {lacking} hold no row of stress 'none'; a kept share needs the full score")
    return (
        pd.DataFrame(
            {
                **{name: both[name] for name in CURVE},
                **{f"published_{name}": both[f"{name}_published"] for name in FEATURES},
                **{name: both[name] for name in PLACE},
                "scale": np.where(same, "score", "kept"),
                "ours": both["kept"].where(~same, both["score"]),
                "theirs": both["kept_published"].where(~same, both["score_published"]),
            }
        )
        .assign(difference=lambda table: table["ours"] - table["theirs"])
        .dropna(subset=["difference"])
        .reset_index(drop=True)
    )


def agreement_summary(points: pd.DataFrame) -> pd.DataFrame:
    """Summarise an agreement, one row for each pair of curves.

    Parameters
    ----------
    points : pandas.DataFrame
        As :func:`agreement` returns it.

    Returns
    -------
    pandas.DataFrame
        The curves' columns, the number of `points`, `largest_difference` and `mean_difference` (absolute, in points),
        and `rank_correlation` (Spearman's, empty where a curve is constant).

    Examples
    --------
    >>> import stresslib as sl
    >>> theirs = sl.published().query("source == 'figure-4'")
    >>> summary = sl.agreement_summary(sl.agreement(theirs, theirs))  # with itself
    >>> summary[["stress", "points", "largest_difference"]].values.tolist()
    [['uniform-shared', 29, 0.0], ['uniform-per-dimension', 29, 0.0]]
    """
    pair = [*CURVE, "published_dataset", "published_model", "published_layer", "scale"]
    rows = []
    for key, curve in points.groupby(pair, sort=False):
        constant = curve["ours"].nunique() < 2 or curve["theirs"].nunique() < 2
        rows.append(
            {
                **dict(zip(pair, key, strict=True)),
                "points": len(curve),
                "largest_difference": curve["difference"].abs().max(),
                "mean_difference": curve["difference"].abs().mean(),
                "rank_correlation": np.nan if constant else curve["ours"].corr(curve["theirs"], method="spearman"),
            }
        )
    return pd.DataFrame(rows, columns=[*pair, "points", "largest_difference", "mean_difference", "rank_correlation"])


def curve_order(points: pd.DataFrame, by: str | list[str] = "stress") -> pd.DataFrame:
    """Measure how far our curves lie in the order of the published ones: what keeps more there should keep more here.

    Parameters
    ----------
    points : pandas.DataFrame
        As :func:`agreement` or :func:`stresslib.counterparts` returns it, each of our curves beside one published curve.
    by : str or list of str, default="stress"
        Columns that the curves of one comparison share: ``"stress"`` sets data sets, networks or layers against each
        other, ``["dataset", "model", "layer", "metric"]`` the stresses on one feature set.

    Returns
    -------
    pandas.DataFrame
        One row for each comparison: the columns `by`, the number of `curves`, of `places` that at least two of them share
        and of `pairs` of curves at all these places; the percent of pairs that have the `same_order` in both tables, and of
        those that have the `opposite_order`; the percent of places at which all pairs have the same (`same_places`); and
        Kendall's `tau`, pairs in the same minus pairs in the opposite order, over all pairs.

    Raises
    ------
    ValueError
        When one of our curves is compared with several published ones.

    Notes
    -----
    Two curves within :data:`stresslib.results.TOLERANCE` points of each other are level there. A pair that is level in both
    tables has the same order; one that is level in only one of them has neither the same nor the opposite order. Curves on
    different scales (``score`` and ``kept``) are not a pair.

    Examples
    --------
    >>> import stresslib as sl
    >>> theirs = sl.published().query("source == 'figure-2'")  # the three curves of random selection, each beside itself
    >>> points = sl.agreement(theirs, theirs).query("model == published_model")
    >>> sl.curve_order(points)[["stress", "curves", "places", "pairs", "same_order"]].values.tolist()
    [['random-selection', 3, 20, 60, 100.0]]
    """
    by = [by] if isinstance(by, str) else by
    theirs = [f"published_{name}" for name in FEATURES]
    points = points.dropna(subset=["difference"]).drop_duplicates(
        [*FEATURES, "metric", "stress", *theirs, *PLACE], ignore_index=True
    )
    curve = points.groupby([*FEATURES, "metric", "stress"]).ngroup()
    published_curve = points.groupby([*theirs, "stress"]).ngroup()
    if len(set(zip(curve, published_curve, strict=True))) > curve.nunique():
        raise ValueError("a curve stands beside several published ones; an order needs one each")
    place = list(dict.fromkeys([*by, *PLACE, "scale"]))
    points = points[[*place, "ours", "theirs"]].assign(curve=curve, published_curve=published_curve)
    pairs = points.merge(points, on=place, suffixes=("", "_other"))
    pairs = pairs[(pairs["curve"] < pairs["curve_other"]) & (pairs["published_curve"] != pairs["published_curve_other"])]
    apart = [pairs[whose] - pairs[f"{whose}_other"] for whose in ("ours", "theirs")]
    here, there = (np.sign(points_apart.where(points_apart.abs() > TOLERANCE, 0)) for points_apart in apart)
    pairs = pairs.assign(same=here == there, opposite=here * there < 0)
    rows = []
    for key, group in pairs.groupby(by, sort=False):
        places = group.groupby(place, dropna=False)["same"].all()
        rows.append(
            {
                **dict(zip(by, key, strict=True)),
                "curves": len({*group["curve"], *group["curve_other"]}),
                "places": len(places),
                "pairs": len(group),
                "same_order": 100 * group["same"].mean(),
                "opposite_order": 100 * group["opposite"].mean(),
                "same_places": 100 * places.mean(),
                "tau": group["same"].mean() - group["opposite"].mean(),
            }
        )
    counts = ["curves", "places", "pairs", "same_order", "opposite_order", "same_places", "tau"]
    return pd.DataFrame(rows, columns=[*by, *counts])
