"""stresslib: put feature vectors under stress, and measure what a linear classifier still scores.

The companion of "Deep Neural Networks Under Stress" (Carvalho, Cord, Avila, Thome, Valle; ICIP 2016). In the order of
the data flow: images -> features -> reduction -> quantization -> evaluation -> results -> figures.
"""

from importlib import import_module
from typing import Any

from stresslib import codec
from stresslib.evaluation.linear_svm import LinearSVM
from stresslib.evaluation.metrics import average_precision
from stresslib.evaluation.protocol import evaluate
from stresslib.evaluation.separation import separation_index, smoothness_index
from stresslib.features import FeatureSet, load_feature_sets, load_features
from stresslib.paper.counterparts import counterparts
from stresslib.paper.published import agreement, agreement_summary, curve_order, published
from stresslib.results import read_results, write_results
from stresslib.running.grid import sweep
from stresslib.stress.on_features.quantization import AllocatedQuantizer, BitErasure, UniformQuantizer
from stresslib.stress.on_features.reduction import PrincipalComponents, RandomSelection
from stresslib.stress.spec import bits_per_vector, compression_rate, make_stress

__version__ = "0.1.0"

_LAZY = {"Extractor": "stresslib.extraction", "extract": "stresslib.extraction", "load_images": "stresslib.datasets"}

__all__ = [
    "AllocatedQuantizer",
    "BitErasure",
    "Extractor",
    "FeatureSet",
    "LinearSVM",
    "PrincipalComponents",
    "RandomSelection",
    "UniformQuantizer",
    "agreement",
    "agreement_summary",
    "average_precision",
    "bits_per_vector",
    "codec",
    "compression_rate",
    "counterparts",
    "curve_order",
    "evaluate",
    "extract",
    "load_feature_sets",
    "load_features",
    "load_images",
    "make_stress",
    "published",
    "read_results",
    "separation_index",
    "smoothness_index",
    "sweep",
    "write_results",
]


def __getattr__(name: str) -> Any:
    # torch takes seconds to import, and only extraction needs it.
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
