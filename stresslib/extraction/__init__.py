"""Extraction: from an image to a vector, by a pre-trained network; the first stop of the chain is fed from here."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stresslib.extraction.extractor import Extractor
    from stresslib.extraction.job import extract
    from stresslib.extraction.registry import NETWORKS, imagenet_classes

_LAZY = {
    "NETWORKS": "stresslib.extraction.registry",
    "Extractor": "stresslib.extraction.extractor",
    "extract": "stresslib.extraction.job",
    "imagenet_classes": "stresslib.extraction.registry",
}

__all__ = ["NETWORKS", "Extractor", "extract", "imagenet_classes"]


def __getattr__(name: str) -> Any:
    # torchvision takes seconds to import, and the facts about networks need neither it nor torch.
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
