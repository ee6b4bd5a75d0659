"""Features: vectors with their labels, split, metric and provenance, in memory and on disk.

First stop of the chain: every stress, sweep and figure starts from a FeatureSet.
"""

from stresslib.features.featureset import METRICS, FeatureSet, unit_rows
from stresslib.features.library import (
    EMBEDDED,
    absent_features,
    embedded_path,
    features_path,
    list_features,
    load_feature_sets,
    load_features,
    reports,
)
from stresslib.features.storage import SUFFIXES

__all__ = [
    "EMBEDDED",
    "METRICS",
    "SUFFIXES",
    "FeatureSet",
    "absent_features",
    "embedded_path",
    "features_path",
    "list_features",
    "load_feature_sets",
    "load_features",
    "reports",
    "unit_rows",
]
