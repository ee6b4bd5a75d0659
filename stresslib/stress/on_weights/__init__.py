"""Stress on weights: pruned, rounded and synthesised copies of a network, stress while it trains, and fingerprints.

Beside stress on images: the image stays as it is, and the network loses something.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__all__ = [
    "FeatureFlow",
    "Fingerprints",
    "StressedTraining",
    "count_synapses",
    "fingerprint",
    "measure_flow",
    "prune",
    "round_weights",
    "synthesize",
    "uniqueness_score",
    "verify",
]

if TYPE_CHECKING:
    from stresslib.stress.on_weights.feature_flow import FeatureFlow, measure_flow
    from stresslib.stress.on_weights.fingerprints import Fingerprints, fingerprint, uniqueness_score, verify
    from stresslib.stress.on_weights.pruning import prune
    from stresslib.stress.on_weights.rounding import round_weights
    from stresslib.stress.on_weights.synthesis import StressedTraining, count_synapses, synthesize
else:
    _HOME = {
        "FeatureFlow": "feature_flow",
        "Fingerprints": "fingerprints",
        "StressedTraining": "synthesis",
        "count_synapses": "synthesis",
        "fingerprint": "fingerprints",
        "measure_flow": "feature_flow",
        "prune": "pruning",
        "round_weights": "rounding",
        "synthesize": "synthesis",
        "uniqueness_score": "fingerprints",
        "verify": "fingerprints",
    }

    def __getattr__(name: str) -> object:
        if name in _HOME:
            return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
