"""Scale: what many images would take, in time, storage and fits.

Arithmetic, from the speeds that `measure` finds where the page is made; fits grow with rows as in the solver's benchmark.
"""

from __future__ import annotations

import joblib
import pandas as pd

from stressbook.chapters.running.performance.page import growth
from stresslib.stress.spec import bits_per_vector, parse_spec

N_FEATURES = 4096
"""Numbers in a vector of the problem that the solver's benchmark measures."""


def storage(specs: list[str], n_features: int, images: float) -> pd.DataFrame:
    """Return the storage that the vectors of some images take under each stress, by arithmetic.

    Parameters
    ----------
    specs : list of str
    n_features : int
    images : float

    Returns
    -------
    pandas.DataFrame
        Indexed by the stress: bits and bytes per vector, gigabytes for all, percent of float32.
    """
    rows = {}
    for spec in specs:
        bits = bits_per_vector(spec, n_features)
        rows[str(parse_spec(spec))] = {
            "bits a vector": bits,
            "bytes a vector": bits / 8,
            "gigabytes": images * bits / 8 / 1e9,
            "percent of float32": 100 * bits / (32 * n_features),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("stress").round(2)


def time_needed(images: float, speeds: dict[str, float]) -> pd.DataFrame:
    """Return how long each step takes for some images on a machine like this one, by arithmetic.

    Parameters
    ----------
    images : float
    speeds : dict of str to float
        Images per second of each step, as measured here.

    Returns
    -------
    pandas.DataFrame
        Indexed by the step: images a second, machine-hours, and how many machines are done within a day.
    """
    rows = {
        step: {
            "a second": speed,
            "machine-hours": images / speed / 3600,
            "machines for one day": images / speed / 86_400,
        }
        for step, speed in speeds.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("step").round(1)


def fitting(scaling: pd.DataFrame, rows: list[int]) -> pd.DataFrame:
    """Return what the fit of a setting costs with more training vectors: measured, and extrapolated beyond the largest.

    Parameters
    ----------
    scaling : pandas.DataFrame
        The solver's benchmark: columns `what grows`, `size`, `seconds`.
    rows : list of int
        Numbers of training vectors.

    Returns
    -------
    pandas.DataFrame
        Indexed by the number: seconds per setting, gigabytes of the vectors, and whether the time was measured.
    """
    measured = scaling[scaling["what grows"] == "rows"]
    largest, power = measured.iloc[-1], growth(measured)
    costs = {}
    for count in rows:
        exact = measured.loc[measured["size"] == count, "seconds"]
        extrapolated = largest["seconds"] * (count / largest["size"]) ** power
        seconds = exact.item() if len(exact) else extrapolated
        costs[count] = {
            "seconds a setting": seconds,
            "gigabytes of float32": 4 * N_FEATURES * count / 1e9,
            "known by": "measured" if len(exact) else f"its power {power:.2f}",
        }
    return pd.DataFrame.from_dict(costs, orient="index").rename_axis("training vectors").round(2)


def headline(images: float, table: pd.DataFrame, sizes: pd.DataFrame, machine: str) -> str:
    """Say in two sentences what `images` take; `table` is of :func:`time_needed`, `sizes` of :func:`storage`."""
    extract, smallest = table.iloc[0], sizes.iloc[-1]
    return (
        f"**{images:,.0f} images are {extract['machine-hours']:,.0f} hours of a machine like this one ({machine}, "
        f"{joblib.cpu_count()} cores), or one day of {extract['machines for one day']:,.0f} of them.** Their vectors are "
        f"{sizes.iloc[0]['gigabytes']:,.0f} GB in float32 and {smallest['gigabytes']:,.0f} GB under {sizes.index[-1]}."
    )
