"""Scale: what an image and a setting cost here, how that grows, and what a thousand million images would take.

Measured where the page is made, and arithmetic from there; the growth with rows is that of the solver's benchmark.
"""

from __future__ import annotations

import joblib
import pandas as pd

from stressbook.chapters.running.performance.page import growth
from stresslib.stress.spec import bits_per_vector, parse_spec


def storage(specs: list[str], n_features: int, images: float) -> pd.DataFrame:
    """Return what the vectors of some images take under stresses, by arithmetic.

    Parameters
    ----------
    specs : list of str
    n_features : int
    images : float

    Returns
    -------
    pandas.DataFrame
        Indexed by the stress: bits and bytes a vector, gigabytes for all, percent of float32.
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
    """Return how long steps take for some images, each on one machine like this, by arithmetic.

    Parameters
    ----------
    images : float
    speeds : dict of str to float
        Images a second of each step, as measured here.

    Returns
    -------
    pandas.DataFrame
        Indexed by the step: a second's images, machine-hours, and machines that are done within a day.
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
    """Return what a setting's fit costs with more training vectors: measured up to the largest, by its power beyond.

    Parameters
    ----------
    scaling : pandas.DataFrame
        The solver's benchmark: columns `what grows`, `size`, `seconds`.
    rows : list of int
        Numbers of training vectors.

    Returns
    -------
    pandas.DataFrame
        Indexed by the number: seconds a setting, gigabytes of the vectors, and whether it was measured.
    """
    measured = scaling[scaling["what grows"] == "rows"]
    largest, power = measured.iloc[-1], growth(measured)
    table = {}
    for count in rows:
        exact = measured.loc[measured["size"] == count, "seconds"]
        seconds = exact.item() if len(exact) else largest["seconds"] * (count / largest["size"]) ** power
        table[count] = {
            "seconds a setting": seconds,
            "gigabytes of float32": 4 * 4096 * count / 1e9,
            "known by": "measured" if len(exact) else f"its power {power:.2f}",
        }
    return pd.DataFrame.from_dict(table, orient="index").rename_axis("training vectors").round(2)


def headline(images: float, table: pd.DataFrame, sizes: pd.DataFrame, machine: str) -> str:
    """Say in two sentences what so many images take."""
    extract, least = table.iloc[0], sizes.iloc[-1]
    return (
        f"**{images:,.0f} images are {extract['machine-hours']:,.0f} hours of a machine like this one ({machine}, "
        f"{joblib.cpu_count()} cores), or one day of {extract['machines for one day']:,.0f} of them.** Their vectors are "
        f"{sizes.iloc[0]['gigabytes']:,.0f} GB in float32 and {least['gigabytes']:,.0f} GB under {sizes.index[-1]}."
    )
