"""Shrinkage: how much of what a random selection loses is lost because its vectors are shorter, at the same C?"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from stressbook.chapters.open_questions.answers import curves
from stressbook.chapters.rerun.figure_2 import measure as figure_2_measure
from stressbook.drawing import tables
from stresslib.features import FeatureSet
from stresslib.results import VARIANT, read_results
from stresslib.running.variants import Variant, renormalised, sweep_variants, tuned
from stresslib.stress.spec import make_stress

STRESS = "random-selection"
RENORMALISED, TUNED, BOTH = "re-normalised", "C tuned", "re-normalised, C tuned"
NORM = "squared_norm"
"""Column beside those of a results table: mean squared norm of the stressed test rows."""


def measure(features: FeatureSet, steps: Iterable[int], repeats: int, **options: Any) -> pd.DataFrame:
    """Evaluate DR-1 at a fixed C and at one chosen for each setting, both also re-normalised after the stress.

    Parameters
    ----------
    features : FeatureSet
    steps : iterable of int
        Places on the paper's grid of dimensions.
    repeats : int
    **options : Any
        As of :func:`stresslib.sweep`.

    Returns
    -------
    pandas.DataFrame
        With the column :data:`NORM`. C is chosen where rows have one label.
    """
    # Where the principal components of the same grid are left out, what is left is DR-1.
    specs = [spec for spec in figure_2_measure.specs(features.X.shape[1], steps) if not spec.startswith("DR2")]
    protocols = [Variant(), Variant(RENORMALISED, renormalised())]
    if features.y.ndim == 1:
        protocols += [Variant(TUNED, tuned()), Variant(BOTH, tuned(classifier=renormalised()))]
    table = sweep_variants(features, specs, protocols, repeats=repeats, **options)
    norms = {
        (int(spec.split(":")[1]), repeat): _squared_norm(features, spec, repeat)
        for spec in specs[1:]
        for repeat in range(repeats)
    }
    whole = _squared_norm(features, "none", 0)
    places = zip(table["dimensions"], table["repeat"], strict=True)
    return table.assign(**{NORM: [whole if pd.isna(size) else norms[size, repeat] for size, repeat in places]})


def _squared_norm(features: FeatureSet, spec: str, seed: int) -> float:
    rows = make_stress(spec, random_state=seed).fit(features.X[:1]).transform(features.X[features.test])
    return float(np.einsum("ij,ij->i", rows, rows, dtype=np.float64).mean())


def read(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read a table of :func:`measure`."""
    return read_results(path, [NORM])


def losses(results: pd.DataFrame) -> pd.DataFrame:
    """Return what is lost at each size under each protocol, in points.

    Parameters
    ----------
    results : pandas.DataFrame
        Of :func:`measure`.

    Returns
    -------
    pandas.DataFrame
        One row a feature set, size and protocol: `features`, `step`, `share` of the dimensions in percent, `variant`,
        `score` (mean over repeats), `full` (the protocol's own full score), their difference `loss`; `undone`, the percent
        of the paper's protocol's loss that this one does not have; `gain`, its score above that protocol's; `norm`, the
        mean squared norm of what is left.
    """
    rows = []
    for name, variant, part in curves(results):
        full = part.loc[part["stress"] == "none", "score"].iloc[0]
        for _, here in part[part["stress"] == STRESS].groupby("step"):
            score = here["score"].mean()
            share = tables.percent_kept(here).iloc[0]
            at = {"features": name, "step": int(here["step"].iloc[0]), "share": share, VARIANT: variant}
            rows.append({**at, "score": score, "full": full, "loss": full - score, "norm": here[NORM].mean()})
    table = pd.DataFrame(rows)
    plain = table[table[VARIANT] == ""].set_index(["features", "step"])[["loss", "score"]]
    both = table.join(plain.add_suffix("_plain"), on=["features", "step"])
    return table.assign(undone=100 * (1 - both["loss"] / both["loss_plain"]), gain=both["score"] - both["score_plain"])


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Return scores, losses and the part of the loss that a protocol undoes, to a decimal."""
    rows = losses(results).rename(columns={"share": "dimensions (%)", VARIANT: "protocol", "undone": "loss undone (%)"})
    rows["protocol"] = rows["protocol"].replace("", "the paper's")
    rows["dimensions (%)"] = rows["dimensions (%)"].round().astype(int)
    columns = ["score", "loss", "loss undone (%)", "gain"]
    return rows.set_index(["features", "dimensions (%)", "protocol"])[columns].round(1)
