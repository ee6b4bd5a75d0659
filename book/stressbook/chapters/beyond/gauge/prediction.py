"""Prediction: do networks that withstand one stress withstand another, and does the meter say which do?

From the curves of `doses` to rank correlations over networks; the expectations stand here, as they were before any number.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from stressbook.chapters.beyond.gauge.doses import curves, network_name, read
from stressbook.chapters.beyond.gauge.stresses import STRESSES, Stress
from stressbook.drawing.outcomes import outcome

EXPECTED = 1
"""The sign of every correlation, as it was expected before any was computed: one toughness, whatever the stress."""

FEWEST = 5
"""Networks that have to share two stresses before a correlation is said."""

CANNOT_TELL = "cannot tell"

METER = "separation index"
"""What stands in the place of a stress: the meter, SI(5) of a network's last layer before its logits."""

DRAWS, SEED = 2000, 0

_LAST = {
    "separation": ("pooled",),
    "shared-kernels": ("features",),
    "feature-flow": ("7 layer3.0", "6 layers.19"),
    "context": ("layer3",),
    "components": ("features",),
}
"""Where tables have the meter, and of which layer."""


def withstood(measured: pd.DataFrame, stresses: Iterable[Stress] = STRESSES) -> pd.DataFrame:
    """Return what each network keeps at one dose of each stress, which is the same for all networks.

    Parameters
    ----------
    measured : pandas.DataFrame
        As :func:`stressbook.chapters.beyond.gauge.doses.curves` returns it.
    stresses : iterable of Stress

    Returns
    -------
    pandas.DataFrame
        Columns `stress`, `dataset`, `network`, `chapter` and `kept`; networks whose doses all lie on one side have no row.
    """
    at = {stress.name: stress.at for stress in stresses}
    lines = []
    for (name, dataset, network), curve in measured.groupby(["stress", "dataset", "network"], sort=False):
        dose, kept = curve["dose"].to_numpy(), curve["kept"].to_numpy()
        if dose[0] <= at[str(name)] <= dose[-1]:
            share = float(np.interp(at[str(name)], dose, kept))
            lines.append([name, dataset, network, curve["chapter"].iloc[0], share])
    return pd.DataFrame(lines, columns=["stress", "dataset", "network", "chapter", "kept"])


def meter(folder: str | Path) -> pd.DataFrame:
    """Return the separation index of each network, in the columns of :func:`withstood`; the mean over trainings."""
    parts = [pd.DataFrame(columns=["stress", "dataset", "network", "chapter", "kept"])]
    for name, layers in _LAST.items():
        table = read(folder, name)
        if table is None:
            continue
        rows = table[table["metric"].eq("SI(5)") & table["stress"].eq("none") & table["layer"].isin(layers)]
        rows = rows.assign(variant=rows["variant"].fillna("") if "variant" in rows else "")
        means = rows.groupby(["dataset", "model", "variant"], sort=False)["score"].mean().reset_index(name="kept")
        networks = [
            network_name({"model": row.model, "layer": "features", "variant": row.variant, "level": np.nan})
            for row in means.itertuples()
        ]
        parts.append(means.assign(stress=METER, network=networks, chapter=name)[parts[0].columns])
    found = pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)
    return found.drop_duplicates(["dataset", "network"])


def kendall_within(first: np.ndarray, second: np.ndarray, group: np.ndarray) -> float:
    """Return Kendall's tau-b over the pairs of networks of one group alone; NaN where no pair differs in both.

    Examples
    --------
    >>> import numpy as np
    >>> from stressbook.chapters.beyond.gauge.prediction import kendall_within
    >>> kendall_within(np.array([1, 2, 9, 8]), np.array([5, 6, 2, 1]), np.array(["a", "a", "b", "b"]))
    1.0
    """
    i, j = np.triu_indices(len(first), 1)
    same = group[i] == group[j]
    one, two = np.sign(first[i] - first[j])[same], np.sign(second[i] - second[j])[same]
    pairs = np.sqrt(float((one**2).sum()) * float((two**2).sum()))
    return float((one * two).sum() / pairs) if pairs else np.nan


def correlations(points: pd.DataFrame) -> pd.DataFrame:
    """Return the rank correlation of every two stresses over the networks that have both.

    Parameters
    ----------
    points : pandas.DataFrame
        As :func:`withstood` and :func:`meter` return it, one below the other.

    Returns
    -------
    pandas.DataFrame
        A row for each two that share a network: `first`, `second`, `networks`, `datasets`; where there are at least
        :data:`FEWEST` networks, `spearman`, `low` and `high` (95% of resamples of the networks), `kendall`, `within`
        (Kendall's among networks of one data set and the same two tables) and `outcome`; else NaN and :data:`CANNOT_TELL`.
    """
    wide = points.pivot_table(index=["dataset", "network"], columns="stress", values="kept", sort=False)
    chapters = points.pivot_table(
        index=["dataset", "network"], columns="stress", values="chapter", aggfunc="first", sort=False
    )
    lines = []
    for first, second in combinations(wide.columns, 2):
        both = wide[[first, second]].dropna()
        if both.empty:
            continue
        line = {"first": first, "second": second, "networks": len(both), "datasets": both.index.unique("dataset").size}
        lines.append(line | _correlation(both.to_numpy(), _groups(chapters.loc[both.index, [first, second]])))
    columns = ["first", "second", "networks", "datasets", "spearman", "low", "high", "kendall", "within", "outcome"]
    return pd.DataFrame(lines, columns=columns)


def _groups(chapters: pd.DataFrame) -> np.ndarray:
    names = [
        "|".join(map(str, (dataset, *row))) for (dataset, _), row in zip(chapters.index, chapters.to_numpy(), strict=True)
    ]
    return np.array(names)


def _correlation(both: np.ndarray, group: np.ndarray) -> dict[str, object]:
    if len(both) < FEWEST or min(len(np.unique(column)) for column in both.T) < 2:
        return dict.fromkeys(["spearman", "low", "high", "kendall", "within"], np.nan) | {"outcome": CANNOT_TELL}
    low, high = interval(both)
    return {
        "spearman": _spearman(both),
        "low": low,
        "high": high,
        "kendall": float(stats.kendalltau(*both.T).statistic),
        "within": kendall_within(both[:, 0], both[:, 1], group),
        "outcome": CANNOT_TELL if np.isnan(low) else outcome(EXPECTED, low, high),
    }


def _spearman(both: np.ndarray) -> float:
    return float(np.corrcoef(stats.rankdata(both, axis=0).T)[0, 1])


def interval(both: np.ndarray, draws: int = DRAWS) -> tuple[float, float]:
    """Return the 95% interval of Spearman's correlation by resampling networks; seeded.

    Parameters
    ----------
    both : numpy.ndarray, shape (n_networks, 2)
    draws : int, default=DRAWS
        Resamples in which all of a column is equal have no correlation, and are left out.

    Returns
    -------
    low, high : float
    """
    chosen = np.random.default_rng(SEED).integers(len(both), size=(draws, len(both)))
    ranks = stats.rankdata(both[chosen], axis=1)  # (n_draws, n_networks, 2)
    apart = ranks - ranks.mean(axis=1, keepdims=True)
    spread = np.sqrt((apart**2).sum(axis=1).prod(axis=1))
    found = (apart[..., 0] * apart[..., 1]).sum(axis=1)[spread > 0] / spread[spread > 0]
    if not len(found):
        return np.nan, np.nan
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


def all_correlations(folder: str | Path) -> pd.DataFrame:
    """Return :func:`correlations` of all stresses and the meter, from the tables of a folder."""
    return correlations(pd.concat([withstood(curves(folder)), meter(folder)], ignore_index=True))
