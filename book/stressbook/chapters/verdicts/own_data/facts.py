"""Own data: what of the paper's experiment is the paper's here, and what is not, as the feature set itself says.

From the provenance of a feature set and the registries to a table of the page; nothing is measured.
"""

from __future__ import annotations

import pandas as pd

from stresslib.datasets import DATASETS
from stresslib.extraction import NETWORKS
from stresslib.features import FeatureSet

WHOLE, NETWORK = "voc2007", "googlenet"
"""The paper's data set, and the one of its networks that is here too."""

_COUNTS = DATASETS[WHOLE].counts
assert _COUNTS is not None, "the registry has the counts of the paper's data set"
COUNTS = _COUNTS
"""Images and classes of the paper's data set."""


def facts(features: FeatureSet) -> pd.DataFrame:
    """Return what the paper had, what is here, and whether that is the same.

    Parameters
    ----------
    features : FeatureSet
        Of a part of VOC 2007 by GoogLeNet, as `stresslib extract` writes it.

    Returns
    -------
    pandas.DataFrame
        A row for each part of the experiment: `the paper`, `here` and `the same`.
    """
    known, data = features.provenance, DATASETS[features.provenance["dataset"]]
    network, own = NETWORKS[NETWORK], NETWORKS[known["model"]]
    difficult = int((features.y == 0).sum())
    missing = known.get("missing", "")
    rows = [
        ("data set", DATASETS[WHOLE].about.partition(":")[0], data.about.partition(":")[0], "partly"),
        ("classes", str(COUNTS.classes), str(len(features.classes)), _yes(COUNTS.classes == len(features.classes))),
        ("split", "trainval trains, test tests", known.get("split", "unknown").partition(";")[0], "no"),
        ("training images", f"{COUNTS.train:,}", f"{int(features.train.sum()):,}", "no"),
        ("test images", f"{COUNTS.test:,}", f"{int(features.test.sum()):,}", "no"),
        ("missing images", "none", missing or "none", _yes(not missing)),
        ("files", "the official JPEGs", "a public copy of them, re-encoded at full size", "no"),
        ("difficult objects", "ignored", f"ignored: {difficult:,} labels of 0", "yes"),
        ("metric", "mAP over 11 recalls", f"{features.metric} over 11 recalls", "yes"),
        ("architecture", network.facts.form, own.facts.form, _yes(network.facts.form == own.facts.form)),
        ("layer", "inception5b, the map before the average", "the same map, and its average, which is shipped", "yes"),
        ("weights", network.source, f"{own.source} ({known['weights_sha256'][:12]}…)", "no"),
        ("resizing", "MATLAB's imresize to the square", f"the same square, by Pillow ({known['preprocessing']})", "almost"),
    ]
    return pd.DataFrame(rows, columns=["", "the paper", "here", "the same"]).set_index("")


def _yes(same: bool) -> str:
    return "yes" if same else "no"
