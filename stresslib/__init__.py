"""stresslib: put feature vectors under stress, and measure what a linear classifier still scores.

The companion of "Deep Neural Networks Under Stress" (Carvalho, Cord, Avila, Thome, Valle; ICIP 2016). In the order of
the data flow: images -> features -> stress -> evaluation -> results. A public name is imported when it is first used, so
that ``import stresslib`` is fast and needs no PyTorch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

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
    "recommend",
    "separation_index",
    "smoothness_index",
    "sweep",
    "write_results",
]

if TYPE_CHECKING:
    from stresslib import codec
    from stresslib.codec.recommending import recommend
    from stresslib.datasets import load_images
    from stresslib.evaluation.linear_svm import LinearSVM
    from stresslib.evaluation.metrics import average_precision
    from stresslib.evaluation.protocol import evaluate
    from stresslib.evaluation.separation import separation_index
    from stresslib.evaluation.smoothness import smoothness_index
    from stresslib.extraction import Extractor, extract
    from stresslib.features import FeatureSet, load_feature_sets, load_features
    from stresslib.paper.counterparts import counterparts
    from stresslib.paper.published import agreement, agreement_summary, curve_order, published
    from stresslib.results import read_results, write_results
    from stresslib.running.grid import sweep
    from stresslib.stress.on_features.allocation import AllocatedQuantizer
    from stresslib.stress.on_features.quantization import BitErasure, UniformQuantizer
    from stresslib.stress.on_features.reduction import PrincipalComponents, RandomSelection
    from stresslib.stress.spec import bits_per_vector, compression_rate, make_stress
else:  # hidden from type checkers: with __getattr__, no name would be an error to them
    _MODULES = {
        "codec.recommending": ["recommend"],
        "datasets": ["load_images"],
        "evaluation.linear_svm": ["LinearSVM"],
        "evaluation.metrics": ["average_precision"],
        "evaluation.protocol": ["evaluate"],
        "evaluation.separation": ["separation_index"],
        "evaluation.smoothness": ["smoothness_index"],
        "extraction": ["Extractor", "extract"],
        "features": ["FeatureSet", "load_feature_sets", "load_features"],
        "paper.counterparts": ["counterparts"],
        "paper.published": ["agreement", "agreement_summary", "curve_order", "published"],
        "results": ["read_results", "write_results"],
        "running.grid": ["sweep"],
        "stress.on_features.allocation": ["AllocatedQuantizer"],
        "stress.on_features.quantization": ["BitErasure", "UniformQuantizer"],
        "stress.on_features.reduction": ["PrincipalComponents", "RandomSelection"],
        "stress.spec": ["bits_per_vector", "compression_rate", "make_stress"],
    }
    _HOME = {name: module for module, names in _MODULES.items() for name in names}

    def __getattr__(name: str) -> object:
        if name == "codec":
            return import_module("stresslib.codec")
        if name in _HOME:
            return getattr(import_module(f"stresslib.{_HOME[name]}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
