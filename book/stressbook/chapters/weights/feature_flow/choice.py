"""Choice: which strength of each way of training, and which rule of pruning, does best on the validation images.

Between the rows of `measure` and everything that compares ways of training: all of them get the same tries.
"""

from __future__ import annotations

import pandas as pd

from stressbook.chapters.weights.feature_flow.names import PRUNED, VALIDATION
from stressbook.chapters.weights.feature_flow.trainings import Training


def validated(rows: pd.DataFrame) -> pd.DataFrame:
    """Return what each training scores on the validation images by each rule: a mean over shares, none pruned among them.

    Parameters
    ----------
    rows : pandas.DataFrame
        With `dataset`, `model`, `variant`, `seed`, `stress`, `level`, `metric` and `score`; other rows are left out.

    Returns
    -------
    pandas.DataFrame
        Columns `dataset`, `model`, `method`, `strength`, `epochs`, `variant`, `seed`, `rule` and `score`.
    """
    key = ["dataset", "model", "variant", "seed"]
    rows = rows[rows["metric"].eq(VALIDATION)]
    whole = rows[rows["stress"].eq("none")].set_index(key)["score"]
    pruned = rows[rows["stress"].str.startswith(PRUNED)]
    sums = pruned.groupby([*key, "stress"], sort=False)["score"].agg(["sum", "count"]).reset_index("stress")
    found = sums.assign(score=(sums["sum"] + whole.reindex(sums.index)) / (sums["count"] + 1)).reset_index()
    trainings = found["variant"].map(Training.parse)
    return found.assign(
        rule=found["stress"].str.removeprefix(PRUNED),
        method=[one.method for one in trainings],
        strength=[one.strength for one in trainings],
        epochs=[one.epochs for one in trainings],
    )[["dataset", "model", "method", "strength", "epochs", "variant", "seed", "rule", "score"]]


def chosen(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the best strength and rule of each method, by :func:`validated`; of equal ones the first.

    Parameters
    ----------
    rows : pandas.DataFrame
        As :func:`validated` takes them.

    Returns
    -------
    pandas.DataFrame
        A row for each `dataset`, `model`, `method` and number of `epochs`; the columns of :func:`validated`.
    """
    table = validated(rows)
    best = table.groupby(["dataset", "model", "method", "epochs"], sort=False)["score"].idxmax()
    return table.loc[best].reset_index(drop=True)
