"""Doses: how much of each stress a network bears until a share of its score is lost, between what was measured.

Between the committed tables, by the list of `stresses`, and the page. Nothing is measured here, and nothing extrapolated.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.isotonic import isotonic_regression

from stressbook.chapters.beyond.gauge.stresses import STRESSES, Source, Stress
from stressbook.drawing import words
from stresslib.results import read_results

LEVELS = (99, 95, 90)
"""Percent of the score that is to be kept."""

BELOW, REACHED, BEYOND, BETWEEN = "below", "reached", "beyond", "between"
"""Of a dose: less is kept at the smallest one that was measured; it lies between two; more is kept at the largest. Of a
median alone: bounds of some networks leave it open between two doses."""

FEW = 3
"""Doses of a network that a median of networks counts at least: between fewer lies too much."""

MORE = ("level", "seed", "area", "x", "y", "rotation", "side", "bytes")
"""Columns of numbers that tell doses or networks apart, where a table has them."""

_KEYS = ["dataset", "model", "layer", "variant", "level"]
_USUAL = ("pooled", "features", "logits", "relu7", "own")
_ARTEFACT = re.compile(r"^\w+(?::\d+)?/([^/]+)/([^/]+)/(\d+)$")


def monotone(dose: ArrayLike, kept: ArrayLike, chosen: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return the doses in ascending order, and what is kept as the nearest sequence that never rises.

    Parameters
    ----------
    dose, kept : array-like, shape (n_doses,)
    chosen : bool, default=False
        Whether a larger dose that keeps more replaces a smaller one, as it does for who may choose the setting.

    Returns
    -------
    dose, kept : numpy.ndarray, shape (n_different_doses,)
        Of equal doses the mean counts; of chosen ones the best.

    Examples
    --------
    >>> from stressbook.chapters.beyond.gauge.doses import monotone
    >>> monotone([50, 25, 75], [90, 100, 94])[1].tolist()
    [100.0, 92.0, 92.0]
    >>> monotone([50, 25, 75], [90, 100, 94], chosen=True)[1].tolist()
    [100.0, 94.0, 94.0]
    """
    groups = pd.Series(np.asarray(kept, dtype=float)).groupby(np.round(np.asarray(dose, dtype=float), 6))
    curve = groups.max() if chosen else groups.mean()
    best = curve.to_numpy()
    falling = np.maximum.accumulate(best[::-1])[::-1] if chosen else isotonic_regression(best, increasing=False)
    return curve.index.to_numpy(dtype=float), falling


def largest_dose(dose: np.ndarray, kept: np.ndarray, percent: float) -> tuple[float, str]:
    """Return the largest dose at which a share of the score is kept, on the line through what was measured.

    Parameters
    ----------
    dose, kept : numpy.ndarray, shape (n_doses,)
        As :func:`monotone` returns them.
    percent : float

    Returns
    -------
    dose : float
        Where it lies off the grid, the end of the grid on that side.
    where : {"below", "reached", "beyond"}

    Examples
    --------
    >>> import numpy as np
    >>> from stressbook.chapters.beyond.gauge.doses import largest_dose
    >>> dose, kept = np.array([50.0, 80.0, 90.0]), np.array([98.0, 96.0, 86.0])
    >>> [largest_dose(dose, kept, percent) for percent in (99, 97, 95, 80)]
    [(50.0, 'below'), (65.0, 'reached'), (81.0, 'reached'), (90.0, 'beyond')]
    """
    above = int((kept >= percent).sum())
    if above == 0:
        return float(dose[0]), BELOW
    if above == len(dose):
        return float(dose[-1]), BEYOND
    start, end = above - 1, above
    share = (kept[start] - percent) / (kept[start] - kept[end])
    # Rounding must not carry it over the next measured dose.
    return float(min(dose[start] + share * (dose[end] - dose[start]), dose[end])), REACHED


def read(folder: str | Path, name: str) -> pd.DataFrame | None:
    """Read a table of the folder with those of :data:`MORE` that it has; None where there is none."""
    path = Path(folder) / f"{name}.csv"
    if not path.is_file():
        return None
    there = pd.read_csv(path, nrows=0).columns
    return read_results(path, [one for one in MORE if one in there])


def missing(folder: str | Path, stresses: Iterable[Stress] = STRESSES) -> list[str]:
    """Return the names of the tables that some stress is read from and that the folder lacks."""
    names = dict.fromkeys(source.table for stress in stresses for source in stress.sources)
    return [name for name in names if not (Path(folder) / f"{name}.csv").is_file()]


def curves(folder: str | Path, stresses: Iterable[Stress] = STRESSES) -> pd.DataFrame:
    """Return what each network keeps at each dose of each stress.

    Parameters
    ----------
    folder : path-like
        With the tables, as results/ is.
    stresses : iterable of Stress, default=STRESSES

    Returns
    -------
    pandas.DataFrame
        Columns `stress`, `dataset`, `network`, `chapter`, `dose` and `kept` (percent of the full score, means over draws and
        trainings); the dose 0, which is the full score, is left out. Of several curves of one network that with most doses
        counts; of equals the one of the first source.
    """
    tables: dict[str, pd.DataFrame | None] = {}
    parts = []
    for stress in stresses:
        for source in stress.sources:
            if source.table not in tables:
                tables[source.table] = read(folder, source.table)
            table = tables[source.table]
            if table is not None:
                parts.append(_curves(source, table, stress.chosen).assign(stress=stress.name, chapter=source.table))
    columns = ["stress", "dataset", "network", "chapter", "dose", "kept"]
    every = pd.concat([*parts, pd.DataFrame(columns=["part", *columns])], ignore_index=True)
    if every.empty:
        return every[columns]
    one, network = ["stress", "dataset", "network", "chapter", "part"], ["stress", "dataset", "network"]
    lengths = every.groupby(one, sort=False).size().rename("doses").reset_index()
    best = lengths.loc[lengths.groupby(network, sort=False)["doses"].idxmax(), one]
    return best.merge(every, on=one, how="left")[columns].astype({"dose": float, "kept": float})


def _curves(source: Source, table: pd.DataFrame, chosen: bool) -> pd.DataFrame:
    """Return `dataset`, `network`, `part` (of which rows a curve is), `dose` and `kept` of the rows of a source."""
    table = table.assign(level=table.get("level", np.nan))
    table = table.assign(variant=table["variant"].fillna("").astype(str) if "variant" in table else "")
    rows = source.prepare(table)
    rows = rows[rows["metric"].isin(source.metrics)]
    stressed = rows[rows["stress"].isin(source.stresses)]
    empty = pd.DataFrame(columns=["dataset", "network", "part", "dose", "kept"])
    if stressed.empty:
        return empty
    stressed = stressed.assign(dose=source.dose(stressed, table)).dropna(subset=["dose"])
    # A level that is no dose tells networks apart, such as generations of a lineage; -1 is none.
    is_network = ~stressed["spec"].fillna("").isin(["", "none"])
    stressed = stressed.assign(level=stressed["level"].where(is_network).fillna(-1))
    rows = rows.assign(level=rows["level"].fillna(-1))
    keys = [*_KEYS, "metric"]
    if source.kept is not None:
        means = stressed.assign(kept=source.kept(stressed["score"]))
    else:
        full = rows[rows["stress"].eq("none")].groupby(keys, dropna=False)["score"].mean().rename("full")
        own = stressed[stressed["dose"].eq(0)].groupby(keys, dropna=False)["score"].mean().rename("own")
        means = stressed.join(full, on=keys).join(own, on=keys)
        means = means.assign(kept=100 * means["score"] / means["full"].fillna(means["own"]))
    means = means[means["dose"].gt(0)].dropna(subset=["kept"])
    parts = []
    for place, (values, part) in enumerate(means.groupby([*keys, "stress"], dropna=False, sort=False)):
        names: dict[str, Any] = dict(zip(keys, values, strict=False))
        # Chosen settings are compared by their means over draws, not draw by draw.
        each = part.groupby(["dose", part["spec"].fillna("")])["kept"].mean().reset_index()
        dose, kept = monotone(each["dose"].to_numpy(), each["kept"].to_numpy(), chosen)
        parts.append(
            pd.DataFrame({"dose": dose, "kept": kept}).assign(
                dataset=names["dataset"], network=network_name(names), part=f"{place}"
            )
        )
    return pd.concat(parts or [empty], ignore_index=True)


def network_name(names: dict[str, Any]) -> str:
    """Return what a network is called, whichever table it is in.

    Parameters
    ----------
    names : dict
        `model`, `layer`, `variant` and `level` of a row.

    Examples
    --------
    >>> from stressbook.chapters.beyond.gauge.doses import network_name
    >>> row = {"model": "cifar10:5000/resnet8:8/twice/0", "layer": "features", "variant": "", "level": float("nan")}
    >>> network_name(row)
    'resnet8:8, twice'
    >>> network_name({"model": "bvlc-googlenet", "layer": "inception5b", "variant": "", "level": 0})
    'GoogLeNet, inception5b'
    """
    model, layer, variant = (str(names[one]) for one in ("model", "layer", "variant"))
    found = _ARTEFACT.match(model)
    base, *options = (found[1] if found else model).split("+")
    parts = [words.NETWORKS.get(base, base), *options, *([found[2]] if found else []), variant]
    parts += [] if layer in _USUAL or layer == model else [layer]
    generation = float(names["level"])
    parts += [f"generation {generation:.0f}"] if generation > 0 else []
    return ", ".join(part for part in parts if part)


def matrix(measured: pd.DataFrame, stresses: Iterable[Stress] = STRESSES) -> pd.DataFrame:
    """Return the dose of each stress at which each network keeps each of :data:`LEVELS`.

    Parameters
    ----------
    measured : pandas.DataFrame
        As :func:`curves` returns it.
    stresses : iterable of Stress, default=STRESSES

    Returns
    -------
    pandas.DataFrame
        A row for each stress, data set and network: `stress`, `target`, `dataset`, `network`, `scale`, `common`, `doses`
        (how many were measured), `smallest` and `largest` of them, for each level `dose_99` and `where_99` and so on, and
        `chapter`.
    """
    by_name = {stress.name: stress for stress in stresses}
    lines = []
    for (name, dataset, network), curve in measured.groupby(["stress", "dataset", "network"], sort=False):
        stress = by_name[str(name)]
        line = {"stress": name, "target": stress.target, "dataset": dataset, "network": network}
        line |= {"scale": f"{stress.unit} {stress.scale}".strip(), "common": stress.common, "doses": len(curve)}
        line |= {"smallest": curve["dose"].min(), "largest": curve["dose"].max()}
        for percent in LEVELS:
            place, where = largest_dose(curve["dose"].to_numpy(), curve["kept"].to_numpy(), percent)
            line |= {f"dose_{percent}": place, f"where_{percent}": where}
        lines.append({**line, "chapter": curve["chapter"].iloc[0]})
    return pd.DataFrame(lines)


def medians(table: pd.DataFrame, percent: int) -> pd.DataFrame:
    """Return the median over networks of the dose of each stress, as far as the bounds of some of them allow.

    Parameters
    ----------
    table : pandas.DataFrame
        As :func:`matrix` returns it.
    percent : int
        One of :data:`LEVELS`.

    Returns
    -------
    pandas.DataFrame
        Indexed by the stress: `dose`, `where`, `most` and `networks`, how many have at least :data:`FEW` doses; where none
        has, all count. The lower median is taken twice, with each bound replaced by the least and by the most it allows:
        `dose` is the first, or, where that is nothing, the second; `most` is the second, infinite where nothing is known.
        Two that differ by less than a tenth are reached.
    """
    lines = {}
    for name, rows in table.groupby("stress", sort=False):
        finer = rows[rows["doses"] >= FEW]
        counted = finer if len(finer) else rows
        dose, where = counted[f"dose_{percent}"], counted[f"where_{percent}"]
        middle = (len(counted) - 1) // 2
        least = float(dose.where(where.ne(BELOW), 0).sort_values().iloc[middle])
        most = float(dose.where(where.ne(BEYOND), np.inf).sort_values().iloc[middle])
        said = REACHED if most - least < 0.1 else BELOW if least == 0 else BEYOND if np.isinf(most) else BETWEEN
        lines[name] = {"dose": least or most, "where": said, "most": most, "networks": len(counted)}
    return pd.DataFrame.from_dict(lines, orient="index")
