"""Tables: results split into feature sets, and the small tables that a page shows.

Between the results and the pages that draw them.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from stressbook.drawing.words import LABELS


def sets(results: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Split a results table into feature sets, each with a title and the rows of its first metric.

    Parameters
    ----------
    results : pandas.DataFrame
        In the schema of results tables; columns may be added.

    Yields
    ------
    title : str
    rows : pandas.DataFrame
    """
    for names, rows in results.groupby(["dataset", "model", "layer"], sort=False):
        metric = rows["metric"].iloc[0]
        yield f"{', '.join(map(str, names))} ({metric})", rows[rows["metric"] == metric]


def named(rows: pd.DataFrame) -> str:
    """Return the name of a feature set, from its rows, as tables and titles have it."""
    return ", ".join(rows[["dataset", "model", "layer"]].iloc[0])


def drawn(results: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that figures draw: those of each feature set's first metric."""
    return pd.concat([rows for _, rows in sets(results)], ignore_index=True)


def percent_kept(rows: pd.DataFrame) -> pd.Series:
    """Return the dimensions kept, in percent of the full vector."""
    return 100 * rows["dimensions"].astype(float) / rows["n_features"].astype(float)


def comparison(results: pd.DataFrame, reference: pd.DataFrame, place: str, values: list[int]) -> pd.DataFrame:
    """Make a small table of kept shares at some places, ours and the paper's under each other.

    Parameters
    ----------
    results, reference : pandas.DataFrame
        With the columns of :func:`stresslib.paper.published.with_shares`.
    place : {"step", "values"}
        The column that says where on the curve a row stands.
    values : list of int
        The places to show.

    Returns
    -------
    pandas.DataFrame
        One row a curve, one column a place: percent of the curve's own full score.
    """
    rows = {}
    for stress in LABELS:
        for whose, source in (("", results), ("paper: ", reference)):
            for _, table in sets(source):
                curve = table[table["stress"] == stress].groupby(place)["kept"].mean()
                name = whose + named(table)
                if len(curve):
                    rows[LABELS[stress].split()[0], name] = [curve.get(value, float("nan")) for value in values]
    index = pd.MultiIndex.from_tuples(rows, names=["stress", "features"])
    return pd.DataFrame(rows.values(), index=index, columns=pd.Index(values, name=place)).round(1)


def dashed(small: pd.DataFrame) -> pd.DataFrame:
    """Return a table to look at, with a dash where there is no number."""
    return small.astype(object).where(small.notna(), "–")


def short(summary: pd.DataFrame) -> pd.DataFrame:
    """Return the part of an agreement's summary that fits a page.

    Parameters
    ----------
    summary : pandas.DataFrame
        Of :func:`stresslib.agreement_summary`.

    Returns
    -------
    pandas.DataFrame
        Indexed by the two curves' names, metric and stress: the number of places where both were measured, the largest and
        the mean difference, the rank correlation; to two decimals.
    """
    named = pd.DataFrame(
        {
            "ours": summary["dataset"] + ", " + summary["model"] + ", " + summary["layer"],
            "paper": summary["published_dataset"] + ", " + summary["published_model"],
            "metric": summary["metric"],
            "stress": [LABELS[stress].split()[0] for stress in summary["stress"]],
        }
    )
    named = summary.set_index(pd.MultiIndex.from_frame(named))
    columns = {
        "points": "places",
        "largest_difference": "largest",
        "mean_difference": "mean",
        "rank_correlation": "rank corr.",
    }
    return named[list(columns)].rename(columns=columns).round(2)
