"""Library: which feature sets are at hand, shipped or in the user's cache, and how each is found by its name.

Above the file formats; a figure's data set is one of these names, or a path.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import fsspec

from stresslib.digests import extraction_digest
from stresslib.features.featureset import FeatureSet
from stresslib.features.storage import DAMAGE, SUFFIXES, read, read_description
from stresslib.files import cache_dir, text_sha256

EMBEDDED = Path(__file__).parents[1] / "embedded"
"""Folder of the features that are shipped with the package."""


def load_features(
    source: str | os.PathLike[str], model: str | None = None, layer: str = "pooled", *, normalize: bool = True
) -> FeatureSet:
    """Load a feature set: one shipped with the package, else one from the user's cache, else a file.

    Parameters
    ----------
    source : str or path-like
        A data set's name (with `model`), ``"DATASET/MODEL/LAYER"``, the path of a saved feature set, or its address in an
        object store that fsspec knows, such as ``"s3://BUCKET/mine.safetensors"``.
    model : str, optional
        The network's name.
    layer : str, default="pooled"
        The layer's name; used with `model`.
    normalize : bool, default=True
        Divide each row by its L2 norm, as the paper does before any stress. A row of zeros stays as it is. With False a
        saved set is memory-mapped.

    Returns
    -------
    FeatureSet

    Raises
    ------
    FileNotFoundError
        When there is no such set; the message has the command that makes it.
    ValueError
        When the file is damaged or no feature set; the message names it.

    Examples
    --------
    >>> from stresslib import load_features
    >>> load_features("scenes15", "efficientnet-lite0")
    FeatureSet(scenes15/efficientnet-lite0/pooled: 4467 x 1280, 15 classes, 1498 training and 2969 test rows, accuracy)
    """
    features = _feature_set(_find(source, model, layer))
    return features.normalized() if normalize else features


def load_feature_sets(
    dataset: str | Sequence[str], model: str | Sequence[str], layer: str | Sequence[str] = "pooled"
) -> list[FeatureSet]:
    """Load every combination of data sets, networks and layers, normalised; each may be one name or a list.

    Parameters
    ----------
    dataset, model, layer : str or sequence of str
        A data set that is a path, or ``DATASET/MODEL/LAYER``, is taken as it is.

    Returns
    -------
    list of FeatureSet

    Raises
    ------
    FileNotFoundError, ValueError
        As of :func:`load_features`.

    Examples
    --------
    >>> from stresslib import load_feature_sets
    >>> [features.name for features in load_feature_sets(["scenes15", "digits"], "efficientnet-lite0")]
    ['scenes15/efficientnet-lite0/pooled', 'digits/efficientnet-lite0/pooled']
    """
    paths = [_find(*names) for names in _combined(dataset, model, layer)]
    return [_feature_set(path).normalized() for path in dict.fromkeys(paths)]


def absent_features(
    dataset: str | Sequence[str], model: str | Sequence[str], layer: str | Sequence[str] = "pooled"
) -> list[tuple[str, str, str]]:
    """Name the feature sets, of those that :func:`load_feature_sets` would load, that would have to be extracted first.

    Returns
    -------
    list of (str, str, str)
        Data set, network and layer of each.
    """
    absent = []
    for names in _combined(dataset, model, layer):
        parts = tuple(names if len(names) == 3 else names[0].split("/"))
        if (
            len(parts) == 3
            and all(parts)
            and not Path(names[0]).is_file()
            and not any(path.is_file() for path in _places(*parts))
        ):
            absent.append(parts)
    return absent


def _combined(dataset: str | Sequence[str], model: str | Sequence[str], layer: str | Sequence[str]) -> list[tuple[str, ...]]:
    return list(
        dict.fromkeys(
            (name,) if "/" in name or name.endswith(SUFFIXES) else (name, one_model, one_layer)
            for name in _listed(dataset)
            for one_model in _listed(model)
            for one_layer in _listed(layer)
        )
    )


def _listed(names: str | Sequence[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def features_path(dataset: str, model: str, layer: str) -> Path:
    """Return where the user's cache keeps a feature set."""
    return cache_dir() / "features" / f"{_stem(dataset, model, layer)}.safetensors"


def embedded_path(dataset: str, model: str, layer: str) -> Path:
    """Return where the package keeps a feature set that is shipped with it."""
    return EMBEDDED / f"{_stem(dataset, model, layer)}.safetensors.xz"


def _stem(*names: str) -> str:
    return "--".join(re.sub("[/:]", "-", name) for name in names)


def list_features() -> list[tuple[str, Path]]:
    """List the feature sets at hand as (``DATASET/MODEL/LAYER``, path), shipped ones first."""
    found: dict[str, Path] = {}
    for folder in (EMBEDDED, cache_dir() / "features"):
        for path in sorted(folder.glob("[!.]*--*--*.safetensors*")):
            # The shards of an extraction that is under way lie here too.
            if not path.name.endswith(SUFFIXES):
                continue
            found.setdefault(path.name.split(".safetensors")[0].replace("--", "/"), path)
    return list(found.items())


def reports() -> list[str]:
    """Say what is to be known of the user's cache of features: files of other code, and extractions that did not end."""
    lines = []
    for path in sorted((cache_dir() / "features").glob("[!.]*")):
        if path.name.endswith(".shards"):
            shards = len(list(path.glob("[0-9]*")))
            lines.append(f"{path.name}: {shards} shards of an extraction that did not end")
        elif path.name.endswith(SUFFIXES[0]):
            try:
                provenance = read_description(path)["provenance"]
            except (*DAMAGE, OSError):
                lines.append(f"{path.name}: damaged, or not a feature set; remove it")
                continue
            if "code" in provenance and provenance["code"] not in (extraction_digest(), extraction_digest("classical")):
                lines.append(f"{path.name}: extracted by other code than this; 'stresslib extract' makes it anew")
            if provenance.get("preprocessing", "paper") != "paper":
                lines.append(f"{path.name}: its preprocessing is {provenance['preprocessing']}, which its name does not say")
    return lines


def _places(*names: str) -> tuple[Path, Path]:
    return embedded_path(*names), features_path(*names)


def _find(source: str | os.PathLike[str], model: str | None = None, layer: str = "pooled") -> Path:
    text = os.fspath(source)
    if model is None:
        if "://" in text:
            return _fetched(text)
        path = Path(text)
        if path.is_file():
            return path
        if text.endswith(SUFFIXES):
            raise FileNotFoundError(f"{text}: there is no such file")
        parts = text.split("/")
        if len(parts) != 3 or not all(parts):
            raise FileNotFoundError(f"{text!r} is neither a feature file nor DATASET/MODEL/LAYER")
        text, model, layer = parts
    for path in _places(text, model, layer):
        if path.is_file():
            return path
    at_hand = ", ".join(name for name, _ in list_features())
    raise FileNotFoundError(
        f"there are no features {text}/{model}/{layer}; make them with "
        f"'stresslib extract {text} --model {model} --layer {layer}'. At hand: {at_hand}"
    )


def _fetched(url: str) -> Path:
    """Return a local copy of a file in an object store, made anew when the original has changed."""
    folder = cache_dir() / "remote" / text_sha256(url)[:16]
    options = {"cache_storage": str(folder), "same_names": True, "check_files": True}
    try:
        return Path(fsspec.open_local(f"filecache::{url}", filecache=options))
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{url}: there is no such file") from error
    except (ImportError, ValueError) as error:
        raise ValueError(f"{url} cannot be read: {error}") from error


def _feature_set(path: Path) -> FeatureSet:
    try:
        X, y, train, described = read(path)
        return FeatureSet(
            X, y, train, described["metric"], described["classes"], described["files"], described["provenance"]
        )
    except DAMAGE as error:
        raise ValueError(f"{path} is damaged or not a feature set: {error}") from error
