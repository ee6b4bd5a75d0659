"""Tuned: learning rates of extractor, denoiser and detectors, and the stresses of the paper, chosen on held-out pairs.

A part of `measure`: all that is trained gets the same grid, and everything the same data to be chosen by.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch import nn

from stressbook.chapters.images.salient_features.defended import (
    Pairs,
    Rows,
    area,
    denoiser,
    drawing,
    held_out_score,
    origin,
)
from stressbook.chapters.images.salient_features.filters import Alarm, StressFilter, Views, equal_steps
from stressbook.chapters.images.salient_features.names import AUC, DENOISER, DETECTOR, RAW, SALIENT, TUNING, VALIDATION
from stressbook.chapters.images.salient_features.victims import Victim
from stresslib.defence import fit_detector, fit_generator
from stresslib.results import result_rows
from stresslib.stress.spec import parse_spec

Array = NDArray[Any]


def tune(
    data: str,
    seed: int,
    weights: str,
    benign: Array,
    attacked: Array,
    labels: Array,
    rates: Sequence[float],
    detector_rates: Sequence[float],
    candidates: Sequence[str],
) -> dict[str, Any]:
    """Train with each learning rate, fit each stress, and score all on held-out pairs.

    Parameters
    ----------
    data, seed, weights, benign, attacked, labels
        As :func:`~stressbook.chapters.images.salient_features.defended.defend` takes them.
    rates, detector_rates : sequence of float
        Of generators, and of detectors; at least one each.
    candidates : sequence of str
        Stresses: quantisers, reductions, and both.

    Returns
    -------
    dict
        `rates` and `specs` are the best, as :class:`~stressbook.chapters.images.salient_features.victims.Bench` has them;
        `rows` of a results table, whose `level` is the learning rate.
    """
    victim = Victim.of(data, seed)
    bench, network, pairs = victim.bench, victim.load(), Pairs.of(victim, benign, attacked, labels)
    at = {**origin(victim, seed, pairs.benign.shape[1]), "variant": TUNING, "images": len(pairs.held_out[2])}
    rows: Rows = []
    best: dict[str, tuple[float, Any]] = {}

    def keep(family: str, score: float, choice: Any) -> None:
        """Of equally good choices the first is kept."""
        if family not in best or score > best[family][0]:
            best[family] = (score, choice)

    def generated(rate: float, target: int) -> nn.Module:
        with drawing(seed):
            targets = torch.cat([pairs.training[target]] * 2)
            return fit_generator(pairs.both, targets, steps=bench.steps, learning_rate=rate)

    for rate in rates:
        with drawing(seed):
            plain = denoiser(pairs, equal_steps(pairs.benign.shape[1], bench.steps), rate)
        for name, made in ((SALIENT, generated(rate, 0)), (DENOISER, plain)):
            score = held_out_score(network, made, pairs)
            keep(name, score, rate)
            rows += result_rows(at, None, {"accuracy": score}, stress=name, level=rate, layer=VALIDATION)
    for text in candidates:
        spec = parse_spec(text)
        score = held_out_score(network, StressFilter(text, pairs.training[0].numpy()), pairs)
        keep(f"stress, {bool(spec.reduction)}, {bool(spec.quantizer)}", score, text)
        rows += result_rows(at, spec, {"accuracy": score}, layer=VALIDATION)
    views = Views(*(generated(best[SALIENT][1], target) for target in (0, 1))).eval()
    for name, called, looks_at in ((SALIENT, "both", views), (RAW, "raw", nn.Identity())):
        with torch.no_grad():
            features = looks_at(pairs.both)
        for rate in detector_rates:
            with drawing(seed):
                alarm = Alarm(looks_at, fit_detector(features, pairs.is_attacked, learning_rate=rate)).eval()
            with torch.no_grad():
                score = area(*(alarm(one) for one in pairs.held_out[:2]))
            keep(called, score, rate)
            rows += result_rows(at, None, {AUC: score}, stress=name, level=rate, layer=f"{DETECTOR}, {VALIDATION}")
    return {
        "rows": rows,
        "rates": {name: best[name][1] for name in bench.rates},
        "specs": [choice for family, (_, choice) in best.items() if family.startswith("stress")],
    }
