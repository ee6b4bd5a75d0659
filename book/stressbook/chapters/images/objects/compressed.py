"""Compressed: the last vectors of pasted objects under a feature stress, read by the network's own classifier.

The tie to the paper, a part of `measure`. The stress is fitted on the training photographs of Caltech-101, which are shipped
as vectors; so are those of the pasted objects in one network, so that no image is needed to run this again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stressbook.chapters.images.objects.pasted import Placement, object_variant
from stresslib.extraction.registry import find_network
from stresslib.features import load_features
from stresslib.features.storage import read_arrays, write_compact
from stresslib.results import result_rows
from stresslib.stress.spec import make_stress, parse_spec

Array = NDArray[Any]

FITTED_ON = "caltech101"
"""Photographs on whose training part a stress is fitted: nothing is learnt from the objects that are tested."""

SHIPPED = Path(__file__).with_name("pasted-sizes--efficientnet-lite0--pooled.safetensors.xz")
"""The vectors of SI-Score's sample objects, a byte a number."""


@dataclass(frozen=True)
class Vectors:
    """The last vectors of objects in the centre of backgrounds.

    Attributes
    ----------
    X : ndarray of shape (areas, objects, backgrounds, d), float32
        As the network makes them, not normalised: its classifier takes them so.
    dataset, model : str
    side : int
        Of the network's input, in pixels.
    objects : tuple of str
    classes : tuple of int
        ImageNet's number of each.
    areas : tuple of float
    """

    X: Array
    dataset: str
    model: str
    side: int
    objects: tuple[str, ...]
    classes: tuple[int, ...]
    areas: tuple[float, ...]

    def at(self, areas: Sequence[float]) -> Vectors:
        """Return the vectors of some of the areas."""
        return replace(self, X=self.X[[self.areas.index(area) for area in areas]], areas=tuple(areas))

    def save(self, path: Path = SHIPPED, **provenance: Any) -> Path:
        """Write the vectors in the form of shipped features; labels are the classes, and no row is for training."""
        rows = self.X.reshape(-1, self.X.shape[-1])
        labels = np.broadcast_to(np.array(self.classes, np.int64)[:, None], self.X.shape[:3]).reshape(-1)
        described = {name: getattr(self, name) for name in ("dataset", "model", "side", "objects", "classes", "areas")}
        return write_compact(path, rows, labels, np.zeros(len(rows), dtype=bool), {**described, "provenance": provenance})


def load_vectors(path: Path = SHIPPED) -> Vectors:
    """Read what :meth:`Vectors.save` wrote."""
    rows, _, _, described = read_arrays(path)
    names = {name: tuple(described[name]) for name in ("objects", "classes", "areas")}
    shape = (len(names["areas"]), len(names["objects"]), -1, rows.shape[1])
    return Vectors(rows.reshape(shape), described["dataset"], described["model"], described["side"], **names)


def shipped_vectors(networks: Sequence[str], areas: Sequence[float]) -> list[Vectors]:
    """Return the shipped vectors, where they are of one of these networks and have all areas."""
    if not SHIPPED.is_file():
        return []
    found = load_vectors()
    return [found] if found.model in networks and set(areas) <= set(found.areas) else []


def under_stress(vectors: Vectors, stresses: Iterable[str]) -> list[dict[str, Any]]:
    """Stress the vectors, and let the network's own last layer name their classes.

    Parameters
    ----------
    vectors : Vectors
    stresses : iterable of str
        Stress strings without a reduction: the classifier needs every dimension.

    Returns
    -------
    list of dict
        Rows of a results table, one for each stress, area and object: percent of the backgrounds.

    Raises
    ------
    ValueError
        When a stress leaves dimensions out.
    """
    specs = [parse_spec(stress) for stress in stresses]
    for spec in specs:
        if spec.dimensions is not None:
            raise ValueError(f"{spec} leaves dimensions out, and the network's classifier needs all; give Q1, Q2 or QB")
    known = load_features(FITTED_ON, vectors.model, normalize=False)
    training = known.X[known.train].astype(np.float64)
    weight, bias = _classifier(vectors.model)
    X = vectors.X.reshape(-1, vectors.X.shape[-1]).astype(np.float64)
    right = np.array(vectors.classes)[:, None]
    origin = {"dataset": vectors.dataset, "model": vectors.model, "layer": "pooled", "n_features": X.shape[1]}
    rows = []
    for spec in specs:
        stressed = make_stress(spec).fit(training).transform(X) if spec.tokens else X
        classes = (stressed @ weight.T + bias).argmax(axis=1).reshape(vectors.X.shape[:3])
        shares = (classes == right).mean(axis=2)
        for area, of_objects in zip(vectors.areas, shares, strict=True):
            cells = {**Placement("size", area).cells, "side": vectors.side}
            for name, share in zip(vectors.objects, of_objects, strict=True):
                rows += result_rows(origin, spec, {"accuracy": share}, variant=object_variant(name), **cells)
    return rows


def _classifier(model: str) -> tuple[Array, Array]:
    """Return weights and bias of the last layer of a network, which takes the last vector as it is."""
    network = find_network(model)
    module, _ = network.load()
    layer = module.get_submodule(network.layers["logits"])
    return tuple(one.detach().double().numpy() for one in (layer.weight, layer.bias))  # type: ignore[return-value, operator]


def bits_of(stress: str) -> float:
    """Return the bits of a number: 32 without a stress, the logarithm of its values, or what is not erased of 64."""
    spec = parse_spec(stress)
    if spec.removed_bits is not None:
        return 64.0 - spec.removed_bits
    return 32.0 if spec.dictionary_size is None else math.log2(spec.dictionary_size)
