"""Stress on weights: pruning and rounding, on changed copies of a network; and fingerprints, which tell a copy from others.

Beside stress on images: the image stays as it is, and the network loses something.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__all__ = [
    "Fingerprints",
    "fingerprint",
    "prune",
    "round_weights",
    "uniqueness_score",
    "verify",
]

if TYPE_CHECKING:
    from stresslib.stress.on_weights.fingerprints import Fingerprints, fingerprint, uniqueness_score, verify
    from stresslib.stress.on_weights.pruning import prune
    from stresslib.stress.on_weights.rounding import round_weights
else:
    _HOME = {
        "Fingerprints": "fingerprints",
        "fingerprint": "fingerprints",
        "uniqueness_score": "fingerprints",
        "verify": "fingerprints",
        "prune": "pruning",
        "round_weights": "rounding",
    }

    def __getattr__(name: str) -> object:
        if name in _HOME:
            return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
