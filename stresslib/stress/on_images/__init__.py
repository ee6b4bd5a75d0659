"""Stress on images: amplitude and phase, objects pasted elsewhere, corruptions, attacks; before a network sees them.

A name is imported when it is first used: pasting and corruptions need no PyTorch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__all__ = [
    "CORRUPTIONS",
    "AmplitudePhasePairs",
    "AmplitudePhaseSingle",
    "RandomOperation",
    "autoattack",
    "corrupt",
    "fgsm",
    "paste",
    "pgd",
    "recombine",
]

if TYPE_CHECKING:
    from stresslib.stress.on_images.amplitude_phase import AmplitudePhasePairs, AmplitudePhaseSingle, recombine
    from stresslib.stress.on_images.attacks import autoattack, fgsm, pgd
    from stresslib.stress.on_images.corruptions import CORRUPTIONS, corrupt
    from stresslib.stress.on_images.operations import RandomOperation
    from stresslib.stress.on_images.pasting import paste
else:
    _HOME = {
        "AmplitudePhasePairs": "amplitude_phase",
        "AmplitudePhaseSingle": "amplitude_phase",
        "recombine": "amplitude_phase",
        "autoattack": "attacks",
        "fgsm": "attacks",
        "pgd": "attacks",
        "CORRUPTIONS": "corruptions",
        "corrupt": "corruptions",
        "RandomOperation": "operations",
        "paste": "pasting",
    }

    def __getattr__(name: str) -> object:
        if name in _HOME:
            return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
