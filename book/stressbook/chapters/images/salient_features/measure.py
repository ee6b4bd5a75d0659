"""Salient features: train the extractor and what it is compared with, attack all of them, and look at the layers.

Puts the parts together: `victims`, `defended`, `tuned` and `layers`. The pages draw the table that it makes.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import pandas as pd

from stressbook.chapters.images.salient_features.defended import defend
from stressbook.chapters.images.salient_features.layers import separate
from stressbook.chapters.images.salient_features.names import MORE
from stressbook.chapters.images.salient_features.tuned import tune
from stressbook.chapters.images.salient_features.victims import BENCHES, make_pairs
from stresslib.results import results_table
from stresslib.running.tasks import run_tasks


def measure(
    networks: Sequence[str],
    seeds: int,
    *,
    denoise: bool,
    rates: Sequence[float],
    detector_rates: Sequence[float],
    candidates: Sequence[str],
    ensemble: bool,
    **options: Any,
) -> pd.DataFrame:
    """Measure everything that the chapter shows.

    Parameters
    ----------
    networks : sequence of str
        Data sets whose networks are attacked.
    seeds : int
        Number of trainings of each defence, and of the network where it is trained here.
    denoise : bool
        Whether the denoiser is trained.
    rates, detector_rates : sequence of float
        Learning rates of generators and detectors, among which held-out pairs of the first seed choose.
    candidates : sequence of str
        Stresses of the paper, of which they choose a quantiser, a reduction, and both. Where one of the three is empty,
        rates and stresses are those of :data:`~stressbook.chapters.images.salient_features.victims.BENCHES`.
    ensemble : bool
        Whether AutoAttack is among the attacks: it needs the extra ``stresslib[adversarial]`` and minutes.
    **options : Any
        For :func:`stresslib.running.tasks.run_tasks`: `n_jobs`, `store`, `progress`.

    Returns
    -------
    pandas.DataFrame
        A results table with the columns of :data:`~stressbook.chapters.images.salient_features.names.MORE`.

    Raises
    ------
    ValueError
        When AutoAttack is asked for and not installed.
    """
    if ensemble and find_spec("art") is None:  # before hours of the rest
        raise ValueError("AutoAttack is not installed: pip install stresslib[adversarial], or go without, ensemble=false")
    rows: list[dict[str, Any]] = []
    for data in networks:
        settings = make_pairs(data, seeds, **options)
        parts: list[list[dict[str, Any]]] = []
        chosen: dict[str, Any] = {"rates": BENCHES[data].rates, "specs": list(BENCHES[data].specs)}
        if rates and detector_rates and candidates:
            grid = {"rates": list(rates), "detector_rates": list(detector_rates), "candidates": list(candidates)}
            [chosen] = run_tasks(tune, [{**settings[0], **grid}], name=f"{data}, tuning", **options)
            parts.append(chosen.pop("rows"))
        parts += run_tasks(
            defend,
            [{**one, **chosen, "denoise": denoise, "ensemble": ensemble} for one in settings],
            name=f"{data}, defences",
            **options,
        )
        looked_at = [{name: one[name] for name in ("data", "seed", "weights")} for one in settings]
        parts += run_tasks(separate, looked_at, name=f"{data}, layers", **options)
        rows += [row for part in parts for row in part]
    return results_table(rows, MORE)
