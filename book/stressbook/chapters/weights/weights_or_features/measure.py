"""Weights or features: measure every pair of a stress on a network's weights and one on the features that it then computes.

Takes names of networks and of stresses, and makes the results table that the page draws. `sizes` counts bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from torch import nn

from stressbook.chapters.weights.fingerprints.networks import data_of, find, load, make
from stressbook.chapters.weights.shared_kernels.trainings import TUNED, make_network
from stressbook.chapters.weights.weights_or_features.names import CHOICE, MORE
from stressbook.chapters.weights.weights_or_features.sizes import model_bytes, side_bytes, vector_bytes
from stresslib.evaluation.protocol import decide
from stresslib.evaluation.threads import one_thread
from stresslib.features import FeatureSet
from stresslib.files import file_sha256
from stresslib.results import result_rows, results_table
from stresslib.running.tasks import run_tasks
from stresslib.stress.on_weights.pruning import prune
from stresslib.stress.on_weights.rounding import round_weights
from stresslib.stress.spec import Spec, parse_spec
from stresslib.training.data import load_arrays
from stresslib.training.fit import predict
from stresslib.training.vectors import LAYER

COUNTS = {"cifar10": (2000, 6000), "digits": (1000, 797)}
"""Training images, equally many of each class, on which stress and classifier are fitted, and test images, the first ones:
one half chooses settings, the other judges them."""


def measure(
    networks: Sequence[str], others: Sequence[str], weights: Sequence[str], specs: Sequence[str], **options: Any
) -> pd.DataFrame:
    """Score features of networks: every stress of the weights with every stress of the features.

    Parameters
    ----------
    networks : sequence of str
        ``DATA/ARCHITECTURE/RECIPE/SEED``, or the names of published networks of CIFAR-10.
    others : sequence of str
        As `networks`; their weights are left as they are.
    weights : sequence of str
        ``none``, ``prune:SHARE``, ``round:BITS``, or ``prune:SHARE,round:BITS``.
    specs : sequence of str
        Stresses of the features, ``none`` among them; of more dimensions than a network has, left out for it.
    **options : Any
        For :func:`stresslib.running.tasks.run_tasks`: `n_jobs`, `store`, `progress`.

    Returns
    -------
    pandas.DataFrame
        A results table with the columns of :data:`~stressbook.chapters.weights.weights_or_features.names.MORE`; `variant`
        is ``weights=`` and what was done to them.
    """
    jobs = {key: value for key, value in options.items() if key != "store"}
    tuned = [name for name in (*networks, *others) if name.split("/")[2:3] == [TUNED]]
    run_tasks(_make, [{"name": name} for name in tuned], name="trainings", **jobs)
    make([name for name in (*networks, *others) if name not in tuned], **jobs)
    pairs = [(name, done) for name in networks for done in weights]
    pairs += [(name, "none") for name in others if (name, "none") not in pairs]
    settings = [{"name": name, "weights": file_sha256(find(name)), "done": done} for name, done in pairs]
    parsed = [parse_spec(spec) for spec in specs]
    found = run_tasks(measure_weights, settings, parsed, name="weights or features", **options)
    return results_table([row for rows in found for row in rows], MORE)


def _make(name: str) -> str:
    return str(make_network(name))


def measure_weights(specs: list[Spec], name: str, weights: str, done: str) -> list[dict[str, Any]]:
    """Measure the features of one network after one stress of its weights.

    Parameters
    ----------
    specs : list of Spec
        Stresses of the features, as far as these have so many dimensions.
    name, weights : str
        Of the network: its name, and SHA-256 of its file.
    done : str
        What is done to the weights.

    Returns
    -------
    list of dict
        Rows of a results table: two metrics, each of one half of the test images.
    """
    module, bits = stressed(load(name), done)
    base = data_of(name)
    count, tests = COUNTS[base]
    data = load_arrays(f"{base}:{count}" if base != "digits" else base)
    images = np.concatenate([data.train_images, data.test_images[:tests]])
    labels = np.concatenate([data.train_labels, data.test_labels[:tests]])
    train = np.arange(len(images)) < len(data.train_images)
    with one_thread():
        X = predict(module.features, images)  # type: ignore[arg-type]
    norms = np.linalg.norm(X, axis=1, keepdims=True)
    features = FeatureSet(X / np.where(norms > 0, norms, 1), labels, train=train, classes=data.classes)
    origin = {"dataset": base, "model": name, "layer": LAYER, "n_features": X.shape[1]}
    judged = labels[~train]
    half = np.arange(len(judged)) % 2 == 0
    rows = []
    for spec in (one for one in specs if (one.dimensions or 0) <= X.shape[1]):
        decision, gap = decide(features, spec)
        right = decision.argmax(1) == judged
        scores = {"accuracy": float(right[~half].mean()), CHOICE: float(right[half].mean())}
        cells = {
            "bytes": vector_bytes(str(spec), X.shape[1]),
            "side_bytes": side_bytes(str(spec), X.shape[1]),
            "file_bytes": model_bytes(module, bits),
        }
        rows += result_rows(origin, spec, scores, objective_gap=gap, variant=f"weights={done}", **cells)
    return rows


def stressed(module: nn.Module, done: str) -> tuple[nn.Module, int | None]:
    """Put a network's weights under stress.

    Parameters
    ----------
    module : torch.nn.Module
    done : str
        ``none``, ``prune:SHARE``, ``round:BITS``, or ``prune:SHARE,round:BITS``; pruned first.

    Returns
    -------
    module : torch.nn.Module
        A copy.
    bits : int or None
        Of a rounded weight.

    Raises
    ------
    ValueError
        When it is none of these.

    Examples
    --------
    >>> from torch import nn
    >>> from stressbook.chapters.weights.weights_or_features.measure import stressed
    >>> stressed(nn.Linear(4, 2), "prune:0.5,round:6")[1]
    6
    """
    bits = None
    for part in done.split(","):
        what, _, number = part.partition(":")
        try:
            if what == "prune":
                module = prune(module, float(number))
            elif what == "round":
                bits = int(number)
                module = round_weights(module, bits)
            elif done != "none":
                raise ValueError
        except ValueError as error:
            raise ValueError(
                f"{done!r} can be done to no weights: none, prune:SHARE, round:BITS, or the two with a comma; {error}"
            ) from None
    return module, bits
