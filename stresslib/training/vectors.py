"""Vectors: what a trained network makes of images before its last layer, as a feature set that can be put under stress.

Between trained networks and everything that takes features: stresses, sweeps, the codec.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from stresslib.digests import library_versions
from stresslib.features import FeatureSet, features_path
from stresslib.files import file_sha256
from stresslib.training.artefacts import SHIPPED, Address
from stresslib.training.data import load_arrays

LAYER = "features"
"""What the layer is called in the name of such a feature set."""


def vectors_name(name: str) -> tuple[str, str, str]:
    """Return data set, model and layer of the vectors of a trained network.

    Parameters
    ----------
    name : str
        ``DATA/ARCHITECTURE/RECIPE/SEED``.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> from stresslib.training.vectors import vectors_name
    >>> vectors_name("cifar10:10000/resnet8/apr-p/0")
    ('cifar10', 'resnet8+apr-p+seed=0', 'features')
    """
    address = Address.parse(name)
    model = f"{address.architecture.replace(':', '-')}+{address.recipe}+seed={address.seed}"
    return address.data.partition(":")[0], model, LAYER


def vectors_path(name: str) -> Path:
    """Return the file of the vectors of a trained network: the shipped one, else that in the user's cache.

    Parameters
    ----------
    name : str
        ``DATA/ARCHITECTURE/RECIPE/SEED``.

    Returns
    -------
    pathlib.Path
        Which :func:`stresslib.load_features` reads, if it is there.
    """
    shipped = SHIPPED / f"{'--'.join(vectors_name(name))}.safetensors.xz"
    return shipped if shipped.is_file() else features_path(*vectors_name(name))


def trained_vectors(name: str, count: int = 2000, *, folder: str | os.PathLike[str] | None = None) -> FeatureSet:
    """Return the vectors of a trained network, of some of the images that it was trained on and of as many test images.

    Parameters
    ----------
    name : str
        ``DATA/ARCHITECTURE/RECIPE/SEED``; the network is at hand.
    count : int, default=2000
        Of training images, equally many of each class, and of test images, the first ones. Where there are fewer test
        images, all of them.
    folder : path-like, optional
        Of the data, as :func:`~stresslib.training.data.load_arrays` takes it.

    Returns
    -------
    FeatureSet
        Not normalised. Training rows first.

    Raises
    ------
    FileNotFoundError
        When the network or its data are not there.
    ValueError
        When it was trained on fewer images.

    Examples
    --------
    >>> from stresslib.training.trained import train
    >>> from stresslib.training.vectors import trained_vectors
    >>> path = train("digits:20/lenet5/plain/0", precision="float32", progress=False)
    >>> trained_vectors("digits:20/lenet5/plain/0", 20)
    FeatureSet(digits/lenet5+plain+seed=0/features: 40 x 84, 10 classes, 20 training and 20 test rows, accuracy)
    """
    from stresslib.training.fit import predict  # only now: names and files need no PyTorch
    from stresslib.training.trained import load_trained

    address, module = Address.parse(name), load_trained(name)
    base, _, trained_on = address.data.partition(":")
    if trained_on and count > int(trained_on):
        raise ValueError(f"count={count}: {name} was trained on {trained_on} images")
    # Parts of one seed are nested: the network was trained on these images.
    data = load_arrays(f"{base}:{count}", folder=folder, seed=address.seed)
    images = np.concatenate([data.train_images, data.test_images[:count]])
    labels = np.concatenate([data.train_labels, data.test_labels[:count]])
    dataset, model, layer = vectors_name(name)
    provenance = {
        "dataset": dataset,
        "model": model,
        "layer": layer,
        "origin": address.data,
        "split": f"{count} of the images that the network was trained on, equally many of each class; the first test images",
        "precision": "float32",
        "weights_sha256": file_sha256(address.find()),
        "versions": dict(one.split(" ", 1) for one in library_versions()),
    }
    return FeatureSet(
        predict(module.features, images),  # type: ignore[arg-type]
        labels,
        train=np.arange(len(images)) < count,
        classes=data.classes,
        provenance=provenance,
    )
