"""Tables: results split into feature sets, and the small tables that a page shows.

Between the results tables of the chapters' measures and the pages that draw them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pandas as pd

from stressbook.drawing.words import LABELS, data_sets, human_name, paper_name
from stresslib.paper.published import agreement_summary, published, with_shares
from stresslib.results import FEATURES


def published_shares() -> pd.DataFrame:
    """Return :func:`stresslib.published` with the columns of :func:`stresslib.paper.published.with_shares`.

    Returns
    -------
    pandas.DataFrame
        The caller's own: it may be changed.
    """
    return _published_shares().copy()


@cache  # a page asks up to thirty times
def _published_shares() -> pd.DataFrame:
    return with_shares(published())


def feature_sets(results: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Split a results table into feature sets, each with a title and the rows of its first metric.

    Parameters
    ----------
    results : pandas.DataFrame
        In the schema of results tables; further columns are kept.

    Yields
    ------
    title : str
        Data set, network and layer in words, as :func:`stressbook.drawing.words.human_name` has them.
    rows : pandas.DataFrame
    """
    for names, rows in results.groupby(FEATURES, sort=False):
        metric = rows["metric"].iloc[0]
        yield human_name(*map(str, names)), rows[rows["metric"] == metric]


def features_title(rows: pd.DataFrame) -> str:
    """Return what a title calls a feature set, from its rows: :func:`stressbook.drawing.words.human_name`."""
    return human_name(*map(str, rows[FEATURES].iloc[0]))


def features_name(rows: pd.DataFrame) -> str:
    """Return the name of a feature set where readers are to type it, from its rows: ``"DATASET, MODEL, LAYER"``."""
    return ", ".join(rows[FEATURES].iloc[0])


def first_metric(results: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that figures draw: those of the first metric of each feature set."""
    return pd.concat([rows for _, rows in feature_sets(results)], ignore_index=True)


def scored_by(results: pd.DataFrame) -> str:
    """Say by which metric the data sets of a results table are scored.

    Examples
    --------
    >>> import pandas as pd
    >>> from stressbook.drawing.tables import scored_by
    >>> rows = [("voc2007-val", "net", "fc", "mAP"), ("caltech101", "net", "fc", "mean-class-accuracy")]
    >>> scored_by(pd.DataFrame(rows, columns=["dataset", "model", "layer", "metric"]))
    'mAP on VOC 2007, mean class accuracy on Caltech-101'
    """
    by_metric: dict[str, dict[str, None]] = {}
    for _, rows in feature_sets(results):
        dataset, metric = rows[["dataset", "metric"]].iloc[0]
        by_metric.setdefault(metric, {})[dataset] = None
    return ", ".join(f"{metric.replace('-', ' ')} on {data_sets(names)}" for metric, names in by_metric.items())


def draws(results: pd.DataFrame) -> str:
    """Say what a drawn curve is of several random selections: their mean and its band, or the only one."""
    count = int(results["repeat"].nunique())
    return f"the mean of {count} draws in a band of one standard deviation" if count > 1 else "one draw"


def percent_kept(rows: pd.DataFrame) -> pd.Series:
    """Return the dimensions kept, in percent of the full vector."""
    return 100 * rows["dimensions"].astype(float) / rows["n_features"].astype(float)


def comparison(results: pd.DataFrame, reference: pd.DataFrame, place: str, values: list[int]) -> pd.DataFrame:
    """Make a small table of the kept shares at some places, ours and below them the paper's.

    Parameters
    ----------
    results, reference : pandas.DataFrame
        With the columns of :func:`stresslib.paper.published.with_shares`.
    place : {"step", "values"}
        The column that holds the place of a row on its curve.
    values : list of int
        The places to show.

    Returns
    -------
    pandas.DataFrame
        A row for each curve, a column for each place: percent of the curve's own full score.
    """
    rows = {}
    for stress in LABELS:
        for prefix, source in (("", results), ("paper: ", reference)):
            for title, table in feature_sets(source):
                curve = table[table["stress"] == stress].groupby(place)["kept"].mean()
                if len(curve):
                    shares = [curve.get(value, float("nan")) for value in values]
                    rows[paper_name(stress), prefix + title] = shares
    index = pd.MultiIndex.from_tuples(rows, names=["stress", "features"])
    return pd.DataFrame(rows.values(), index=index, columns=pd.Index(values, name=place)).round(1)


def beside(small: pd.DataFrame, column: str, ways: dict[str, str], names: dict[str, str]) -> str:
    """Say what some rows of :func:`comparison` keep in one column, ours and then the paper's.

    Parameters
    ----------
    small : pandas.DataFrame
        As :func:`comparison` returns it.
    column : str
    ways : dict
        By the paper's name of a stress, what the sentence calls it, such as ``"at random"``.
    names : dict
        By the name of a feature set in `small`, what the sentence calls it.

    Returns
    -------
    str
        ``"NAME keeps 85.2% of its score at random and 98.1% by principal components, NAME 95.2% and 99.1%"``.
    """
    parts: list[str] = []
    for name, called in names.items():
        kept = {way: small[column].get((stress, name)) for stress, way in ways.items()}
        shares = {way: f"{share:.1f}%" for way, share in kept.items() if pd.notna(share)}
        if parts and shares:
            parts.append(f"{called} {' and '.join(shares.values())}")
        elif shares:
            said = " and ".join(f"{share} {way}" for way, share in shares.items())
            parts.append(f"{called} keeps {said.replace('%', '% of its score', 1)}")
    return ", ".join(parts)


def with_dashes(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table for display, with a dash in place of every missing number."""
    return table.astype(object).where(table.notna(), "–")


def agreement_table(points: pd.DataFrame) -> pd.DataFrame:
    """Summarise how far our curves agree with the published ones, in the columns that fit a page.

    Parameters
    ----------
    points : pandas.DataFrame
        As returned by :func:`stresslib.agreement`.

    Returns
    -------
    pandas.DataFrame
        Indexed by the names of the two curves, metric and stress: the number of places where both were measured, the
        largest and the mean absolute difference in points, and the rank correlation, to two decimals.
    """
    summary, theirs = agreement_summary(points), [f"published_{name}" for name in FEATURES]
    names = pd.DataFrame(
        {
            "ours": [human_name(*names) for names in summary[FEATURES].itertuples(index=False)],
            "paper": [human_name(*names) for names in summary[theirs].itertuples(index=False)],
            "metric": summary["metric"],
            "stress": [paper_name(stress) for stress in summary["stress"]],
        }
    )
    columns = {
        "points": "places",
        "largest_difference": "largest",
        "mean_difference": "mean",
        "rank_correlation": "rank corr.",
    }
    return summary.set_index(pd.MultiIndex.from_frame(names))[list(columns)].rename(columns=columns).round(2)
