"""Library: which feature sets are at hand, shipped or in the user's cache, and how one is found by its name.

Above FeatureSet and the file formats; whatever takes ``DATASET/MODEL/LAYER`` or a path looks it up here.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import fsspec

from stresslib.digests import extraction_digest
from stresslib.features.featureset import PAPERS_WAY, FeatureSet
from stresslib.features.storage import DAMAGE, SUFFIXES, OtherKindError, read_arrays, read_description
from stresslib.files import cache_dir, text_sha256, write_text

EMBEDDED = Path(__file__).parents[1] / "embedded"
"""Folder of the features that are shipped with the package."""


def load_features(
    source: str | os.PathLike[str], model: str | None = None, layer: str = "pooled", *, normalize: bool = True
) -> FeatureSet:
    """Load a feature set: shipped with the package, else in the user's cache, else a file.

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
        Divide each row by its L2 norm, as the paper does before any stress; a row of zeros stays zero. With False a saved
        set is memory-mapped.

    Returns
    -------
    FeatureSet

    Raises
    ------
    FileNotFoundError
        When there is no such set; the message has the command that makes it.
    ValueError
        When the file is damaged or not a feature set; the message names it.

    Examples
    --------
    >>> from stresslib import load_features
    >>> load_features("scenes15", "efficientnet-lite0")
    FeatureSet(scenes15/efficientnet-lite0/pooled: 4467 x 1280, 15 classes, 1498 training and 2969 test rows, accuracy)
    """
    features = _load(_find(source, model, layer))
    return features.normalized() if normalize else features


def load_feature_sets(
    dataset: str | Sequence[str], model: str | Sequence[str], layer: str | Sequence[str] = "pooled"
) -> list[FeatureSet]:
    """Load every combination of data sets, networks and layers, normalised; each argument is one name or a list.

    Parameters
    ----------
    dataset, model, layer : str or sequence of str
        A data set that is a path, or ``DATASET/MODEL/LAYER``, is taken as it is, whatever the others are.

    Returns
    -------
    list of FeatureSet

    Raises
    ------
    FileNotFoundError, ValueError
        As for :func:`load_features`.

    Examples
    --------
    >>> from stresslib import load_feature_sets
    >>> [features.name for features in load_feature_sets(["scenes15", "digits"], "efficientnet-lite0")]
    ['scenes15/efficientnet-lite0/pooled', 'digits/efficientnet-lite0/pooled']
    """
    paths = [_find(*names) for names in _combinations(dataset, model, layer)]
    return [_load(path).normalized() for path in dict.fromkeys(paths)]


def absent_features(
    dataset: str | Sequence[str], model: str | Sequence[str], layer: str | Sequence[str] = "pooled"
) -> list[tuple[str, str, str]]:
    """List those feature sets that :func:`load_feature_sets` would load, but that have to be extracted first.

    Parameters
    ----------
    dataset, model, layer : str or sequence of str
        As for :func:`load_feature_sets`.

    Returns
    -------
    list of (str, str, str)
        Data set, network and layer of each. Paths, and names of another form, are left to the loading to judge.
    """
    absent = []
    for names in _combinations(dataset, model, layer):
        parts = tuple(names if len(names) == 3 else names[0].split("/"))
        if len(parts) != 3 or not all(parts) or Path(names[0]).is_file():
            continue
        if not any(path.is_file() for path in _places(*parts)):
            absent.append(parts)
    return absent


def _combinations(
    dataset: str | Sequence[str], model: str | Sequence[str], layer: str | Sequence[str]
) -> list[tuple[str, ...]]:
    """Return the arguments of :func:`_find` for each combination, duplicates once."""
    found: list[tuple[str, ...]] = []
    for name in _listed(dataset):
        if "/" in name or name.endswith(SUFFIXES):
            found.append((name,))
        else:
            found += [(name, one_model, one_layer) for one_model in _listed(model) for one_layer in _listed(layer)]
    return list(dict.fromkeys(found))


def _listed(names: str | Sequence[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def features_path(dataset: str, model: str, layer: str) -> Path:
    """Return the path at which the user's cache keeps a feature set."""
    return _cached() / f"{_stem(dataset, model, layer)}.safetensors"


def _cached() -> Path:
    return cache_dir() / "features"


def embedded_path(dataset: str, model: str, layer: str) -> Path:
    """Return the path at which the package keeps a feature set that is shipped with it."""
    return EMBEDDED / f"{_stem(dataset, model, layer)}.safetensors.xz"


def _stem(*names: str) -> str:
    return "--".join(re.sub("[/:]", "-", name) for name in names)


@cache
def shipped_with_checkout() -> dict[str, str]:
    """Return the SHA-256 of every feature file that a checkout of the project ships, by its file name.

    An installed package brings the small ones only.
    """
    index: dict[str, str] = json.loads((EMBEDDED / "index.json").read_text(encoding="utf-8"))
    return index


def check_free(dataset: str, model: str, layer: str, place: str, preprocessing: str, *, again: bool = False) -> None:
    """Refuse a name for new features in the cache that stands for others: shipped ones, or ones of other images.

    Parameters
    ----------
    dataset, model, layer : str
    place : str
        The ``place_sha256`` of the images.
    preprocessing : str
    again : bool, default=False
        Whether features in the cache may be replaced, whatever they are.

    Raises
    ------
    ValueError
        When the name is taken; the message says how to keep both.
    """
    name = f"{dataset}/{model}/{layer}"
    if embedded_path(dataset, model, layer).is_file():
        raise ValueError(
            f"{name} is shipped with stresslib, and is what that name finds; write the new ones to a file of your own: "
            f"-o {_stem(dataset, model, layer)}.safetensors"
        )
    path = features_path(dataset, model, layer)
    if again or not path.is_file():
        return
    try:
        known = read_description(path)["provenance"]
    except (*DAMAGE, OSError):
        return  # damaged, to be replaced
    for what, key, new in (
        ("other images", "place_sha256", place),
        ("another preprocessing", "preprocessing", preprocessing),
    ):
        if known.get(key, new) != new:
            raise ValueError(
                f"{name} is in the cache, from {what}; keep both with -o {_stem(dataset, model, layer)}.safetensors, or "
                "replace it with --again"
            )


def is_answered(path: Path, provenance: dict[str, Any], skip: bool) -> bool:
    """Return whether a feature file is what an extraction with this provenance would write again.

    Parameters
    ----------
    path : pathlib.Path
    provenance : dict
        All that the vectors depend on.
    skip : bool
        Whether it may lack images that were unreadable.
    """
    try:
        known = read_description(path)["provenance"]
    except (*DAMAGE, OSError):
        return False
    wanted = json.loads(json.dumps(provenance))  # tuples become lists, as in the file
    return (skip or "skipped" not in known) and all(known.get(key) == value for key, value in wanted.items())


def list_features() -> list[tuple[str, Path]]:
    """List the feature sets at hand as (``DATASET/MODEL/LAYER``, path), shipped ones first."""
    found: dict[str, Path] = {}
    for folder in (EMBEDDED, _cached()):
        for path in sorted(folder.glob("[!.]*--*--*.safetensors*")):
            # The shards of an extraction that is under way are here too.
            if path.name.endswith(SUFFIXES):
                found.setdefault(path.name.split(".safetensors")[0].replace("--", "/"), path)
    return list(found.items())


def shadowed() -> list[tuple[str, Path]]:
    """List the feature sets in the user's cache whose name finds shipped ones, as :func:`list_features` lists the others."""
    shipped = {name: path for name, path in list_features() if path.parent == EMBEDDED}
    cached = [(name, features_path(*name.split("/"))) for name in shipped]
    return [(name, path) for name, path in cached if path.is_file()]


def unfinished() -> list[Path]:
    """List the folders of shards that extractions have left, in the user's cache or noted there, beside an output."""
    noted = sorted(_cached().glob("[!.]*.shards"))
    places = [Path(path.read_text(encoding="utf-8")) if path.is_file() else path for path in noted]
    return [path for path in places if path.is_dir()]


def note_shards(folder: Path) -> None:
    """Note in the user's cache a folder of shards that lies elsewhere, so that :func:`unfinished` finds it."""
    note = _cached() / folder.name
    if not note.exists():
        with contextlib.suppress(OSError):  # a cache that cannot be written
            write_text(note, os.fspath(folder.resolve()))


def remove_shards(folder: Path) -> None:
    """Remove a folder of shards, and what is noted of it in the user's cache."""
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        (_cached() / folder.name).unlink(missing_ok=True)


def reports() -> list[str]:
    """Return one line on each file in the user's cache of features that calls for attention.

    These are damaged files, files made by other code or with another preprocessing than their names suggest, and the shards
    of extractions that did not finish.
    """
    lines = []
    for path in unfinished():
        where = "" if path.parent == _cached() else f", in {path.parent}"
        shards = len(list(path.glob("[0-9]*")))
        lines.append(f"{path.name}: {shards} shards of an extraction that did not end{where}; 'cache --shards' removes them")
    for path in sorted(_cached().glob(f"[!.]*{SUFFIXES[0]}")):
        lines += [f"{path.name}: {remark}" for remark in _remarks(path)]
    return lines


def _remarks(path: Path) -> list[str]:
    """Say what is odd about a feature file in the user's cache."""
    try:
        provenance = read_description(path)["provenance"]
    except (*DAMAGE, OSError):
        return ["damaged, or not a feature set; remove it"]
    remarks = []
    if "code" in provenance and provenance["code"] not in (extraction_digest(), extraction_digest("classical")):
        remarks.append("extracted by other code than this; 'stresslib extract' makes it anew")
    way = provenance.get("preprocessing", PAPERS_WAY)
    if way != PAPERS_WAY and f"preprocessing={way}" not in path.name:
        remarks.append(f"its preprocessing is {way}, which its name does not say")
    return remarks


def _places(*names: str) -> tuple[Path, Path]:
    return embedded_path(*names), features_path(*names)


def _find(source: str | os.PathLike[str], model: str | None = None, layer: str = "pooled") -> Path:
    """Return the file of a feature set, from the arguments of :func:`load_features`."""
    text = os.fspath(source)
    if model is None:
        if "://" in text:
            return _fetch(text)
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
    raise FileNotFoundError(_absence(text, model, layer))


def _absence(dataset: str, model: str, layer: str) -> str:
    """Say that there are no such features, and how to get them."""
    at_hand = ", ".join(name for name, _ in list_features())
    in_checkout = ""
    if embedded_path(dataset, model, layer).name in shipped_with_checkout():
        in_checkout = ", or take them from a checkout of the project, which ships them (this installation does not)"
    return (
        f"there are no features {dataset}/{model}/{layer}; make them with "
        f"'stresslib extract {dataset} --model {model} --layer {layer}'{in_checkout}. At hand: {at_hand}"
    )


def _fetch(url: str) -> Path:
    """Return a local copy of a file in an object store, made anew when the original has changed."""
    folder = cache_dir() / "remote" / text_sha256(url)[:16]
    options = {"cache_storage": str(folder), "same_names": True, "check_files": True}
    try:
        return Path(fsspec.open_local(f"filecache::{url}", filecache=options))
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{url}: there is no such file") from error
    except (ImportError, ValueError) as error:
        raise ValueError(f"{url} cannot be read: {error}") from error


def _load(path: Path) -> FeatureSet:
    try:
        X, y, train, description = read_arrays(path)
        return FeatureSet(
            X, y, train, description["metric"], description["classes"], description["files"], description["provenance"]
        )
    except OtherKindError:
        raise
    except DAMAGE as error:
        raise ValueError(f"{path} is damaged or not a feature set: {error}") from error
