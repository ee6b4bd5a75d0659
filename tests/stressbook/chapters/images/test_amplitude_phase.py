"""The chapter on amplitude and phase: networks and features of made-up tables, verdicts for each outcome, and small runs."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from places import ROOT

import stresslib as sl
from stressbook.chapters.images.amplitude_phase import by_kind, compressibility, corrupted, effects, measure, page, pictures
from stressbook.chapters.images.amplitude_phase.photographs import mixed, square
from stressbook.drawing import style
from stressbook.reproduce.comparison import drift, read_every_column
from stressbook.reproduce.parameters import defaults
from stresslib.results import results_table
from stresslib.stress.on_images import recombine
from stresslib.training.data import load_arrays
from stresslib.training.trained import load_trained, train
from stresslib.training.vectors import trained_vectors, vectors_path

KINDS = ("contrast", "fog", "saturate")  # the last one is extra


def networks(
    errors: dict[str, list[float]], clean: dict[str, list[float]] | None = None, dataset: str = "cifar10"
) -> list[dict[str, Any]]:
    """By recipe, the error of each training under corruption: 10 less at severity 1, 10 more at 2; fog has 4 more."""
    rows: list[dict[str, Any]] = []
    for recipe, several in errors.items():
        for seed, error in enumerate(several):
            at = {
                "dataset": dataset,
                "model": "resnet8",
                "layer": "logits",
                "n_features": 10,
                "variant": recipe,
                "seed": seed,
            }
            right = (clean or {}).get(recipe, [70.0] * len(several))[seed]
            for stress, score in (("none", right), ("phase-kept", 90 - error), ("amplitude-kept", error)):
                rows.append({**at, "stress": stress, "metric": "accuracy", "score": score})
            rows.append({**at, "stress": "none", "metric": "ECE", "score": 3.0})
            for (place, kind), level in itertools.product(enumerate(KINDS), (1, 2)):
                shown = error + 4 * (place == 1) + (10 if level == 2 else -10)
                cells = {**at, "stress": kind, "level": level}
                rows.append({**cells, "metric": "accuracy", "score": 100 - shown})
                rows.append({**cells, "metric": "ECE", "score": shown / 4})
    return rows


def vectors(shares: dict[str, list[float]], dataset: str = "cifar10", lost: float = 10.0) -> list[dict[str, Any]]:
    """By recipe, the percent of its full score of 60 that each training keeps; of corrupted images, half, `lost` points less."""
    rows: list[dict[str, Any]] = []
    for recipe, several in shares.items():
        for seed, share in enumerate(several):
            at = {"model": "resnet8", "layer": "features", "n_features": 64, "variant": recipe, "seed": seed}
            at |= {"metric": "accuracy", "objective_gap": 1e-6}
            plain = {**at, "dataset": dataset}
            rows.append({**plain, "stress": "none", "score": 60.0})
            for draw in (0, 1):
                cells = {"stress": "random-selection", "dimensions": 6, "repeat": draw}
                rows.append({**plain, **cells, "score": 0.6 * share + (1 if draw else -1)})
            for cells in ({"stress": "pca", "dimensions": 6}, {"stress": "pca+uniform", "dimensions": 6, "values": 4}):
                rows.append({**plain, **cells, "score": 0.6 * share})
            for level, kind in ((0, ""), (1, "+fog"), (1, "+contrast"), (2, "+fog"), (2, "+contrast")):
                full = 60.0 if level == 0 else 30.0
                keeps = share if level == 0 else share - lost
                there = {**at, "dataset": f"{dataset}{kind}", "level": level}
                rows.append({**there, "stress": "none", "score": full})
                for size in (8, 16):
                    cells = {"stress": "pca+uniform", "dimensions": size, "values": 4}
                    rows.append({**there, **cells, "score": full * keeps / 100})
    return rows


def photographs() -> list[dict[str, Any]]:
    """Of a cat, a cup and a temple: the phase wins twice, the amplitude once, and three times it is something else."""
    names, classes = ("cat", "cup", "temple"), {"cat": 285, "cup": 968, "temple": 663}
    rows: list[dict[str, Any]] = []
    seen = {("cat", "cup"): 285, ("cat", "temple"): 285, ("cup", "cat"): 285}
    for phase, amplitude in itertools.product(names, repeat=2):
        at = {"dataset": "photographs", "model": "net", "layer": "logits", "n_features": 1000}
        at |= {"variant": f"phase={phase}, amplitude={amplitude}"}
        at |= {"stress": "none" if phase == amplitude else "amplitude-of-another"}
        first = classes[phase] if phase == amplitude else seen.get((phase, amplitude), 1)
        for rank, (number, score) in enumerate([(first, 50.0), (2, 20.0), (3, 10.0)], start=1):
            rows.append({**at, "metric": f"top-{rank}", "class": number, "score": score})
        if phase != amplitude:
            of_phase = 50.0 if first == classes[phase] else 5.0
            of_amplitude = 50.0 if first == classes[amplitude] else 4.0
            rows.append({**at, "metric": "class-of-phase", "class": classes[phase], "score": of_phase})
            rows.append({**at, "metric": "class-of-amplitude", "class": classes[amplitude], "score": of_amplitude})
    return rows


ERRORS = {
    "twice": [50.0, 52.0, 51.0],
    "operations": [45.0, 46.0, 47.0],
    "apr-p": [40.0, 43.0, 41.5],
    "apr-s": [40.0, 41.0, 42.5],
    "apr-sp": [35.0, 37.0, 36.5],
}
CLEAN = {"twice": [70.0, 71, 70], "apr-p": [67.0, 67, 67], "apr-s": [70.0, 71.2, 70.1], "apr-sp": [71.0, 69, 70]}
SHARES = {"twice": [90.0, 91, 92], "apr-p": [93.0, 94.2, 94.9], "apr-sp": [90.0, 92, 91]}


@pytest.fixture(scope="module")
def whole() -> pd.DataFrame:
    rows = [*networks(ERRORS, CLEAN), *networks({"twice": [20.0], "apr-p": [15.0]}, dataset="digits")]
    rows += [*vectors(SHARES), *photographs()]
    return results_table(rows, measure.MORE)
