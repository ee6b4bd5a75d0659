"""Features: vectors with labels, split, metric and provenance, where every stress, sweep and figure starts."""

from stresslib.features.featureset import METRICS, UNTRAINED, FeatureSet, unit_rows
from stresslib.features.library import (
    EMBEDDED,
    absent_features,
    embedded_path,
    features_path,
    list_features,
    load_feature_sets,
    load_features,
    reports,
    shipped_with_checkout,
)
from stresslib.features.storage import SUFFIXES

__all__ = [
    "EMBEDDED",
    "METRICS",
    "SUFFIXES",
    "UNTRAINED",
    "FeatureSet",
    "absent_features",
    "embedded_path",
    "features_path",
    "list_features",
    "load_feature_sets",
    "load_features",
    "reports",
    "shipped_with_checkout",
    "unit_rows",
]
