"""Corrupted: trained networks on clean test images, on corrupted ones, and on ones that have another image's amplitude.

A part of `measure`. Corrupted images are made once for all networks; the features of some are put under a stress, too.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from stressbook.chapters.images.amplitude_phase.names import AMPLITUDE_KEPT, CALIBRATION, PHASE_KEPT
from stresslib.evaluation.calibration import expected_calibration_error
from stresslib.evaluation.linear_svm import LinearSVM
from stresslib.evaluation.metrics import SCORES
from stresslib.evaluation.threads import one_thread
from stresslib.features.featureset import unit_rows
from stresslib.files import file_sha256
from stresslib.results import result_rows
from stresslib.running.tasks import run_tasks
from stresslib.stress.on_images import CORRUPTIONS, corrupt, recombine
from stresslib.stress.spec import make_stress, parse_spec
from stresslib.training.artefacts import Address
from stresslib.training.data import load_arrays
from stresslib.training.fit import predict
from stresslib.training.trained import load_trained, train
from stresslib.training.vectors import LAYER

Array = NDArray[Any]
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Bench:
    """How the test images of a data set are corrupted.

    Attributes
    ----------
    scale : str
        Whose constants, as :func:`stresslib.stress.on_images.corrupt` takes it.
    kinds : tuple of str
        The corruptions that make sense for such images.
    count : int
        Test images that are corrupted or exchanged, the first ones; clean ones are all seen.
    vectors : int
        Training images, equally many of each class, whose features train the classifier that is tested on corrupted ones.
    """

    scale: str
    kinds: tuple[str, ...]
    count: int
    vectors: int


BENCHES = {
    "cifar10": Bench("cifar", tuple(CORRUPTIONS), count=2000, vectors=2000),
    # Grey, and 16 pixels wide: of the constants for photographs, those that are no lengths in pixels and need no colour.
    "digits": Bench(
        "imagenet",
        (
            "gaussian_noise",
            "shot_noise",
            "impulse_noise",
            "fog",
            "brightness",
            "contrast",
            "elastic_transform",
            "pixelate",
            "jpeg_compression",
        ),
        count=797,
        vectors=980,
    ),
}
"""By the data set that networks were trained on, or on a part of."""


def measure_networks(
    networks: str,
    recipes: Iterable[str],
    seeds: int,
    *,
    kinds: Sequence[str],
    severities: Sequence[int],
    crossed: Sequence[str],
    specs: Sequence[str],
    n_jobs: int = -1,
    progress: bool = True,
    **options: Any,
) -> Rows:
    """Measure networks of one architecture, trained on one data set by several recipes; train those that are not at hand.

    Parameters
    ----------
    networks : str
        ``DATA/ARCHITECTURE``, such as ``cifar10:10000/resnet8``.
    recipes : iterable of str
        Of :data:`stresslib.training.recipes.RECIPES`.
    seeds : int
        Number of trainings by each recipe.
    kinds : sequence of str
        Corruptions; those that make no sense for the data are left out.
    severities : sequence of int
    crossed : sequence of str
        Those of the corruptions after which the features are put under a stress, too.
    specs : sequence of str
        Stresses of the features, fitted on clean training images.
    n_jobs, progress, **options
        For :func:`stresslib.running.tasks.run_tasks`.

    Returns
    -------
    list of dict
        Rows of a results table: `variant` is the recipe, `seed` that of the training, `level` the severity. Corruptions, and
        ``phase-kept`` and ``amplitude-kept``, are in the column `stress`; where the features are under a stress, that is
        there, and the corruption behind the name of the data set.
    """
    data, _, _ = networks.partition("/")
    base = data.partition(":")[0]
    bench = BENCHES[base]
    names = [f"{networks}/{recipe}/{seed}" for seed in range(seeds) for recipe in recipes]
    make_networks(names, n_jobs=n_jobs, progress=progress)
    options |= {"n_jobs": n_jobs, "progress": progress}
    weights = {name: file_sha256(Address.parse(name).find()) for name in names}
    tests = load_arrays(base)
    images, labels = tests.test_images, tests.test_labels
    settings: list[dict[str, Any]] = [{"name": name, "weights": digest} for name, digest in weights.items()]
    clean = run_tasks(clean_and_exchanged, settings, images, labels, bench.count, name=f"{base}, clean", **options)
    conditions: list[dict[str, Any]] = [{"kind": "", "severity": 0, "specs": list(specs)}] if crossed else []
    conditions += [
        {"kind": kind, "severity": severity, "specs": list(specs) if kind in crossed else []}
        for kind in kinds
        if kind in bench.kinds
        for severity in severities
    ]
    shared = (images[: bench.count], labels[: bench.count], weights, bench.scale)
    prepare = functools.partial(_classifiers, data, bench.vectors, list(weights))
    corrupted = run_tasks(under_corruption, conditions, *shared, name=f"{base}, corrupted", prepare=prepare, **options)
    return [row for rows in (*clean, *corrupted) for row in rows]


def make_networks(names: Iterable[str], *, n_jobs: int = -1, progress: bool = True) -> None:
    """Train the networks that are not at hand, several at a time, and keep them in the user's cache."""
    missing = []
    for name in names:
        try:
            Address.parse(name).find()
        except FileNotFoundError:
            missing.append({"name": name})
    run_tasks(_train, missing, name="trainings", n_jobs=n_jobs, progress=progress)


def _train(name: str) -> str:
    return train(name, precision="float32", progress=False).name


def clean_and_exchanged(images: Array, labels: Array, count: int, name: str, weights: str) -> Rows:
    """Score a network on all test images, and on some that have one part of their own and one of another image.

    Parameters
    ----------
    images : ndarray of shape (n, C, H, W)
    labels : ndarray of shape (n,)
    count : int
        How many are exchanged, the first ones.
    name, weights : str
        Of the network: address, and SHA-256 of the file.

    Returns
    -------
    list of dict
        Rows of a results table.
    """
    module = load_trained(name)
    at = _origin(name, "logits", len(np.unique(labels)))
    _, logits = _outputs(module, images)
    rows = result_rows(at, None, _scores(logits, labels), stress="none")
    partners = draw_partners(labels[:count])
    _, logits = _outputs(module, exchanged(images[:count], partners))
    for stress, owners in ((PHASE_KEPT, labels[:count]), (AMPLITUDE_KEPT, labels[:count][partners])):
        rows += result_rows(at, None, {"accuracy": SCORES["accuracy"](owners, logits)}, stress=stress)
    return rows


def draw_partners(labels: Array, seed: int = 0) -> Array:
    """Draw for each image another one that shows something else.

    Parameters
    ----------
    labels : ndarray of shape (n,)
    seed : int, default=0

    Returns
    -------
    ndarray of shape (n,), int
        Numbers of images; one may be drawn more than once.

    Examples
    --------
    >>> from stressbook.chapters.images.amplitude_phase.corrupted import draw_partners
    >>> draw_partners([0, 1, 0, 0]).tolist()[0]
    1
    """
    labels, random = np.asarray(labels), np.random.default_rng(seed)
    return np.array([random.choice(np.flatnonzero(labels != label)) for label in labels])


def exchanged(images: Array, partners: Array) -> Array:
    """Return images with their own phase and the amplitude of their partners, clipped to [0, 1].

    Parameters
    ----------
    images : ndarray of shape (n, C, H, W), uint8 or float32 in [0, 1]
    partners : ndarray of shape (n,), int

    Returns
    -------
    ndarray of the same shape, float32
    """
    pixels = torch.from_numpy(np.ascontiguousarray(images))
    pixels = pixels.float() / 255 if pixels.dtype == torch.uint8 else pixels
    mixed: Array = recombine(pixels[torch.from_numpy(partners)], pixels).clamp(0, 1).numpy()
    return mixed


def corrupted(images: Array, kind: str, severity: int, scale: str) -> Array:
    """Corrupt images one after the other, with one generator whose seed is the severity.

    Parameters
    ----------
    images : ndarray of shape (n, C, H, W), uint8 or float32 in [0, 1]
        In color, or grey: of these, the first of three equal channels is kept.
    kind, severity, scale
        As :func:`stresslib.stress.on_images.corrupt` takes them.

    Returns
    -------
    ndarray of the same shape, uint8
    """
    levels = images if images.dtype == np.uint8 else np.rint(255 * images).astype(np.uint8)
    channels = levels.shape[1]
    levels = np.broadcast_to(levels, (len(levels), 3, *levels.shape[2:])).transpose(0, 2, 3, 1)
    random = np.random.RandomState(severity)
    made = [corrupt(np.ascontiguousarray(one), kind, severity, scale=scale, random_state=random) for one in levels]
    return np.ascontiguousarray(np.stack(made).transpose(0, 3, 1, 2)[:, :channels])


def under_corruption(
    images: Array,
    labels: Array,
    weights: dict[str, str],
    scale: str,
    classifiers: dict[str, dict[str, Any]],
    kind: str,
    severity: int,
    specs: list[str],
) -> Rows:
    """Score networks on corrupted images, and classifiers on their features under stresses.

    Parameters
    ----------
    images, labels : ndarray
        Of test images.
    weights : dict
        SHA-256 of the file of each network, by its address.
    scale : str
        Of the corruption's constants.
    classifiers : dict
        By address and spec: a stress and a classifier, fitted.
    kind : str
        The corruption; empty: none, and only the features are scored.
    severity : int
    specs : list of str
        May be empty.

    Returns
    -------
    list of dict
        Rows of a results table.
    """
    seen = corrupted(images, kind, severity, scale) if kind else images
    rows: Rows = []
    with one_thread():
        for name in weights:
            features, logits = _outputs(load_trained(name), seen)
            if kind:
                at = _origin(name, "logits", logits.shape[1])
                rows += result_rows(at, None, _scores(logits, labels), stress=kind, level=severity)
            at = _origin(name, LAYER, features.shape[1])
            at["dataset"] += f"+{kind}" if kind else ""
            for spec in specs:
                stress, classifier = classifiers[name][spec]
                decision = classifier.decision_function(stress.transform(unit_rows(features)))
                scores = {"accuracy": SCORES["accuracy"](labels, decision)}
                gap = float(max(classifier.objective_gap_))
                rows += result_rows(at, parse_spec(spec), scores, level=severity, objective_gap=gap)
    return rows


def _classifiers(
    data: str, count: int, names: list[str], settings: list[dict[str, Any]]
) -> tuple[dict[str, dict[str, Any]]]:
    """Fit stresses and classifiers on features of clean images that a network was trained on, where a setting needs them."""
    specs = list(dict.fromkeys(spec for setting in settings for spec in setting["specs"]))
    fitted: dict[str, dict[str, Any]] = {name: {} for name in names if specs}
    seeds = {Address.parse(name).seed for name in fitted}
    parts = {seed: load_arrays(f"{data.partition(':')[0]}:{count}", seed=seed) for seed in seeds}
    with one_thread():
        for name, by_spec in fitted.items():
            part = parts[Address.parse(name).seed]  # parts of one seed are nested: the network knows these images
            features = unit_rows(_outputs(load_trained(name), part.train_images)[0])
            for spec in specs:
                stress = make_stress(spec).fit(features)
                by_spec[spec] = (stress, LinearSVM().fit(stress.transform(features), part.train_labels))
    return (fitted,)


def _outputs(module: Any, images: Array) -> tuple[Array, Array]:
    """Return the features of images and the logits that follow from them."""
    features = predict(module.features, images)
    with torch.inference_mode():
        return features, module.network.linear(torch.from_numpy(features)).numpy()


def _scores(logits: Array, labels: Array) -> dict[str, float]:
    exponentials = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    return {
        "accuracy": SCORES["accuracy"](labels, probabilities),
        CALIBRATION: expected_calibration_error(probabilities, labels),
    }


def _origin(name: str, layer: str, width: int) -> dict[str, Any]:
    address = Address.parse(name)
    of_network = {"dataset": address.data.partition(":")[0], "model": address.architecture, "layer": layer}
    return {**of_network, "n_features": width, "variant": address.recipe, "seed": address.seed}
