"""Data card, the cards: what there is to know of each shipped feature set, from its file.

From the files to the tables and the folded lists of the page; no score is read here.
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from stresslib.features import FeatureSet, load_features
from stresslib.files import file_sha256
from stresslib.results import FEATURES


def card(path: Path) -> pd.Series:
    """Return what a feature set records about itself, and the measures of its file.

    Parameters
    ----------
    path : path-like
        Of a saved feature set.

    Returns
    -------
    pandas.Series
        Named by a tuple of data set, network and layer. What the file does not record is missing.
    """
    features = load_features(path, normalize=False)
    origin = features.provenance
    size = path.stat().st_size
    return pd.Series(
        {
            "images": origin.get("archive", origin.get("origin")),
            "SHA-256 of the images": origin.get("archive_sha256"),
            "split": origin.get("split"),
            "incomplete": origin.get("incomplete"),
            "images that are missing": origin.get("missing"),
            "train": int(features.train.sum()),
            "test": int(features.test.sum()),
            "classes": len(features.classes),
            "metric": features.metric,
            "one test image": _weight(features),
            "preprocessing": origin.get("preprocessing"),
            "SHA-256 of the weights": origin.get("weights_sha256"),
            "options": ", ".join(f"{name} {value}" for name, value in origin.get("options", {}).items()) or None,
            "SHA-256 of the codebook": origin.get("codebook_sha256"),
            "computed in": origin.get("precision"),
            "made with": ", ".join(f"{name} {number}" for name, number in origin.get("versions", {}).items()) or None,
            "width": features.X.shape[1],
            "signed": "yes" if features.X.min() < 0 else "no",
            "zeros": f"{100 * float((features.X == 0).mean()):.1f}%",
            "MB": round(size / 1e6, 1),
            "bits a number": f"{8 * size / features.X.size:.1f}",
            "file": path.name,
            "SHA-256": file_sha256(path),
        },
        name=tuple(str(origin[name]) for name in FEATURES),
    )


def _weight(features: FeatureSet) -> str:
    """Return by how many points the score moves when one test image is decided differently."""
    if features.metric == "mAP":
        return "depends on its rank"
    weights = np.array([100 / features.test.sum()])
    if features.metric == "mean-class-accuracy":
        weights = 100 / len(features.classes) / np.bincount(features.y[features.test])
    ends = dict.fromkeys(f"{weight:.2g}" for weight in (weights.min(), weights.max()))
    return f"{' to '.join(ends)} points"


def cards(paths: Iterable[Path]) -> pd.DataFrame:
    """Return the cards of some files, a row for each."""
    return pd.DataFrame([card(path) for path in paths])


def headline(table: pd.DataFrame) -> str:
    """Say in a sentence how much there is; `table` is of :func:`cards`."""
    datasets, networks, _ = (table.index.unique(level) for level in range(3))
    return (
        f"**{len(table)} feature sets** of {', '.join(datasets)}, made with {', '.join(networks)}: "
        f"{(table['train'] + table['test']).sum():,} vectors in {table['MB'].sum():.1f} MB."
    )


def overview(table: pd.DataFrame) -> pd.DataFrame:
    """Return the part of the cards that fits a phone: a row for each, with the first eight digits of its SHA-256."""
    small = table[["width", "signed", "MB", "SHA-256"]].assign(**{"SHA-256": table["SHA-256"].str[:8]})
    small.insert(0, "train + test", [f"{train} + {test}" for train, test in zip(table["train"], table["test"], strict=True)])
    return small.set_axis(feature_set_names(table))


def folded(table: pd.DataFrame) -> str:
    """Return the whole cards as HTML, each folded under its name; a hash may break anywhere, so that it fits a phone."""
    parts = []
    for name, (_, facts) in zip(feature_set_names(table), table.iterrows(), strict=True):
        items = "".join(f"<li>{html.escape(f'{fact}: {value}')}</li>" for fact, value in facts.dropna().items())
        parts.append(
            f'<details><summary>{html.escape(name)}</summary><ul style="overflow-wrap: anywhere">{items}</ul></details>'
        )
    return "\n".join(parts)


def feature_set_names(table: pd.DataFrame) -> list[str]:
    """Return the names of the feature sets, as tables and headings have them."""
    return [", ".join(name) for name in table.index]
