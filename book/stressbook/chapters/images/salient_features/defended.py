"""Defended: a network with each filter and detector, under attacks that know nothing of them, something, or everything.

A part of `measure`; `victims` has the networks and `filters` what stands behind them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from stressbook.chapters.images.salient_features.filters import (
    Alarm,
    Filtered,
    StressFilter,
    Views,
    Watched,
    equal_steps,
)
from stressbook.chapters.images.salient_features.names import (
    ADAPTIVE,
    AUC,
    BENIGN,
    BOTH,
    CONFIDENCE,
    DENOISER,
    DETECTOR,
    ENSEMBLE,
    MISSED,
    PARTIAL,
    RAW,
    SALIENT,
    SHORTER,
    STATIC,
    STEP,
    TRANSFERRED,
    TRIVIAL,
    WIDER,
    WORST,
)
from stressbook.chapters.images.salient_features.victims import Victim, attack
from stresslib.defence import SalientFeatureExtractor, fit_detector, fit_generator
from stresslib.results import result_rows
from stresslib.stress.on_images import autoattack, fgsm
from stresslib.stress.spec import parse_spec

Array = NDArray[Any]
Rows = list[dict[str, Any]]

WIDER_BY = 1.5
"""Radius of the larger attack, in radii of the one that the extractor is shown."""

ENSEMBLE_IMAGES = 100
"""Test images of AutoAttack, the first ones."""

FALSE_ALARMS = 0.05
"""Share of benign images that may raise an alarm."""


@dataclass(frozen=True)
class Pairs:
    """Features of training images before and after an attack: some to learn from, some held out."""

    benign: Tensor
    attacked: Tensor
    labels: Tensor
    learnt: int

    @classmethod
    def of(cls, victim: Victim, benign: Array, attacked: Array, labels: Array) -> Pairs:
        """Return pairs as tasks are given them."""
        return cls(torch.from_numpy(benign), torch.from_numpy(attacked), torch.from_numpy(labels), victim.bench.pairs)

    @property
    def training(self) -> tuple[Tensor, Tensor]:
        return self.benign[: self.learnt], self.attacked[: self.learnt]

    @property
    def both(self) -> Tensor:
        """The rows to learn from, the benign ones first."""
        return torch.cat(self.training)

    @property
    def is_attacked(self) -> Tensor:
        """Which of `both` are."""
        return torch.arange(2 * self.learnt) >= self.learnt

    @property
    def held_out(self) -> tuple[Tensor, Tensor, Tensor]:
        return tuple(one[self.learnt :] for one in (self.benign, self.attacked, self.labels))  # type: ignore[return-value]


@contextmanager
def drawing(seed: int) -> Iterator[None]:
    """Seed torch's generator for a block, and leave it as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def defend(
    data: str,
    seed: int,
    weights: str,
    benign: Array,
    attacked: Array,
    labels: Array,
    rates: dict[str, float],
    specs: Sequence[str],
    denoise: bool,
    ensemble: bool,
) -> Rows:
    """Train the defences of a network, attack them, and score what they still get right.

    Parameters
    ----------
    data : str
    seed : int
        Of the defences, and of the network where it has several.
    weights : str
        SHA-256 of the network's file.
    benign, attacked, labels : ndarray
        As :func:`~stressbook.chapters.images.salient_features.victims.attacked_pairs` returns them.
    rates : dict
        Learning rates, as :class:`~stressbook.chapters.images.salient_features.victims.Bench` has them.
    specs : sequence of str
        Stresses of the paper that stand in as filters, and are attacked through.
    denoise : bool
        Whether to train the denoiser, too. Without it no attack is transferred.
    ensemble : bool
        Whether AutoAttack goes through the network, the salient features and the denoiser, too.

    Returns
    -------
    list of dict
        Rows of a results table.
    """
    victim = Victim.of(data, seed)
    bench, network, pairs = victim.bench, victim.load(), Pairs.of(victim, benign, attacked, labels)
    at = origin(victim, seed, pairs.benign.shape[1])
    extractor = SalientFeatureExtractor(
        steps=bench.steps,
        learning_rate=rates["salient"],
        detector_learning_rate=rates["both"],
        random_state=seed,
        device="cpu",
        progress=False,
    ).fit(*(one.numpy() for one in pairs.training))
    filters: dict[str, nn.Module] = {RAW: nn.Identity(), SALIENT: extractor.salient_, TRIVIAL: extractor.trivial_}
    if denoise:
        with drawing(seed):
            filters[DENOISER] = denoiser(pairs, equal_steps(pairs.benign.shape[1], bench.steps), rates["denoiser"])
        with drawing(seed):
            filters[SHORTER] = denoiser(pairs, bench.steps, rates["denoiser"])
    filters |= {spec: StressFilter(spec, pairs.training[0].numpy()) for spec in specs}
    defended = {name: Filtered(network, one).eval() for name, one in filters.items()}
    with drawing(seed):
        raw = fit_detector(pairs.both, pairs.is_attacked, learning_rate=rates["raw"])
    views = Views(extractor.salient_, extractor.trivial_)
    alarms: dict[str, nn.Module] = {
        SALIENT: Alarm(views, extractor.detector_).eval(),
        RAW: Alarm(nn.Identity(), raw).eval(),
        CONFIDENCE: Unsure(network).eval(),
    }
    x, y = victim.tests()
    static = _static(victim, network, x, y, seed)
    rows = _filters(at, victim, seed, defended, static, y)
    if ensemble:
        rows += _bar(at, victim, seed, defended, x, y)
    return rows + _detectors(at, victim, seed, defended, alarms, static, y, pairs)


def denoiser(pairs: Pairs, steps: int, rate: float) -> nn.Module:
    """Train the generator of salient features without a discriminator."""
    targets = torch.cat([pairs.training[0]] * 2)
    return fit_generator(pairs.both, targets, steps=steps, learning_rate=rate, adversarial_weight=0)


def _filters(
    at: dict[str, Any], victim: Victim, seed: int, defended: dict[str, Filtered], static: dict[str, Tensor], y: Tensor
) -> Rows:
    """Score each filter on benign images and under each attack."""
    x, eps = static[BENIGN], victim.bench.eps
    radii = dict.fromkeys((BENIGN,), 0.0) | dict.fromkeys((STATIC, STEP), eps) | {WIDER: WIDER_BY * eps}
    adaptive = {
        name: static[STATIC] if name == RAW else attack(one, x, y, eps, victim.bench.attack_steps, seed)
        for name, one in defended.items()
        if name not in (TRIVIAL, SHORTER)  # the one is no defence, the other is there to be compared
    }
    rows: Rows = []
    for name, one in defended.items():
        right = {kind: _right(one, images, y) for kind, images in static.items()}
        if name in adaptive:
            right[ADAPTIVE] = _right(one, adaptive[name], y)
            # Who has not got this filter trains the other kind.
            surrogate = SALIENT if name == DENOISER else DENOISER
            if surrogate in adaptive:
                right[TRANSFERRED] = _right(one, adaptive[surrogate], y)
            strongest = [right[kind] for kind in (STATIC, TRANSFERRED, ADAPTIVE) if kind in right]
            right[WORST if TRANSFERRED in right else PARTIAL] = torch.stack(strongest).all(0)
        for kind, which in right.items():
            rows += _row(at, name, kind, {"accuracy": share(which)}, level=radii.get(kind, eps), images=len(y))
    return rows


def _bar(at: dict[str, Any], victim: Victim, seed: int, defended: dict[str, Filtered], x: Tensor, y: Tensor) -> Rows:
    """Score what AutoAttack leaves of the first test images."""
    some, labels = x[:ENSEMBLE_IMAGES], y[:ENSEMBLE_IMAGES]
    rows: Rows = []
    for name in (RAW, SALIENT, DENOISER):
        if name in defended:
            right = _right(defended[name], autoattack(defended[name], some, labels, victim.bench.eps, seed), labels)
            rows += _row(at, name, ENSEMBLE, {"accuracy": share(right)}, level=victim.bench.eps, images=len(labels))
    return rows


def _static(victim: Victim, network: nn.Module, x: Tensor, y: Tensor, seed: int) -> dict[str, Tensor]:
    """Return images as they are and after the attacks on the network without a defence."""
    eps = victim.bench.eps
    return {
        BENIGN: x,
        STATIC: attack(network, x, y, eps, victim.bench.attack_steps, seed),
        STEP: fgsm(network, x, y, eps),
        WIDER: attack(network, x, y, WIDER_BY * eps, victim.bench.attack_steps, seed),
    }


def held_out_score(network: nn.Module, between: nn.Module, pairs: Pairs) -> float:
    """Return the mean of the accuracies on benign and on attacked held-out features: by it settings are chosen."""
    benign, attacked, labels = pairs.held_out
    read = Filtered(network, between).eval().read
    with torch.no_grad():
        return (share(read(benign).argmax(1) == labels) + share(read(attacked).argmax(1) == labels)) / 2


def _detectors(
    at: dict[str, Any],
    victim: Victim,
    seed: int,
    defended: dict[str, Filtered],
    alarms: dict[str, nn.Module],
    static: dict[str, Tensor],
    y: Tensor,
    pairs: Pairs,
) -> Rows:
    """Score detectors by what they hear, and by what goes past them and is classified wrongly."""
    x, network = static[BENIGN], defended[RAW].network
    rows: Rows = []
    for name, alarm in alarms.items():
        filtered = defended[name if name in defended else RAW]
        limit = _limit(alarm, pairs.held_out[0])
        # An attack on the network alone leaves it sure: to its confidence that is the adaptive one.
        past = static[STATIC] if name == CONFIDENCE else _past(Watched(filtered, alarm, limit).eval(), x, y, victim, seed)
        images = {kind: one for kind, one in static.items() if kind != BENIGN} | {BOTH: past}
        calm = _heard(alarm, network, x)
        for kind, one in images.items():
            heard, right = _heard(alarm, network, one), _right(filtered, one, y)
            scores = {AUC: area(calm, heard), MISSED: share(~right & (heard <= limit))}
            level = victim.bench.eps * (WIDER_BY if kind == WIDER else 1)
            rows += _row(at, name, kind, scores, layer=DETECTOR, level=level, images=len(y))
        raised = share(calm > limit)
        rows += _row(at, name, BENIGN, {"alarms": raised}, layer=DETECTOR, level=0.0, images=len(y))
    return rows


class Unsure(nn.Module):
    """The alarm of one line: minus the largest probability."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.last = network.network.linear  # type: ignore[union-attr]

    def forward(self, features: Tensor) -> Tensor:
        return -self.last(features).softmax(1).max(1).values  # type: ignore[operator]


def area(calm: Tensor, heard: Tensor) -> float:
    """Return the area under the ROC curve: how likely an attacked image is heard louder than a benign one."""
    truth = np.r_[np.zeros(len(calm)), np.ones(len(heard))]
    return float(roc_auc_score(truth, torch.cat([calm, heard]).numpy()))


def _limit(alarm: nn.Module, benign: Tensor) -> float:
    """Return the limit above which few held-out benign features are heard."""
    with torch.no_grad():
        return float(torch.quantile(alarm(benign), 1 - FALSE_ALARMS))


def _heard(alarm: nn.Module, network: nn.Module, images: Tensor) -> Tensor:
    with torch.no_grad():
        return torch.cat([alarm(network.features(part)) for part in images.split(500)])  # type: ignore[operator]


def _past(watched: Watched, x: Tensor, y: Tensor, victim: Victim, seed: int) -> Tensor:
    """Attack filter and detector at once, aiming at the likeliest of the wrong classes."""
    with torch.no_grad():
        logits = watched(x)[:, :-1]
    wrong = logits.scatter(1, y[:, None], -torch.inf).argmax(1)
    return attack(watched, x, wrong, victim.bench.eps, victim.bench.attack_steps, seed, targeted=True)


def _right(module: nn.Module, images: Tensor, y: Tensor) -> Tensor:
    with torch.no_grad():
        return torch.cat([module(part).argmax(1) for part in images.split(500)]) == y


def share(which: Tensor) -> float:
    """Return the share of rows that are true."""
    return float(which.double().mean())


def origin(victim: Victim, seed: int, width: int) -> dict[str, Any]:
    """Return the cells that all rows of a network have."""
    return {"dataset": victim.data, "model": victim.model, "layer": "logits", "n_features": width, "seed": seed}


def _row(at: dict[str, Any], name: str, kind: str, scores: dict[str, float], **more: Any) -> Rows:
    """Return rows: the filter is the stress, the attack the variant."""
    words = (RAW, SALIENT, TRIVIAL, DENOISER, SHORTER, CONFIDENCE)
    stress: dict[str, Any] = {"stress": name} if name in words else {}
    spec = None if stress else parse_spec(name)
    return result_rows({**at, "variant": kind}, spec, scores, **stress, **more)
