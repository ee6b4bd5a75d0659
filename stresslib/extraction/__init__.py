"""Extraction: from an image to a vector, by a pre-trained network; the first stop of the chain is fed from here."""

from importlib import import_module
from typing import TYPE_CHECKING

__all__ = ["NETWORKS", "Extractor", "extract", "imagenet_classes"]

if TYPE_CHECKING:
    from stresslib.extraction.extractor import Extractor
    from stresslib.extraction.job import extract
    from stresslib.extraction.registry import NETWORKS, imagenet_classes
else:  # hidden from type checkers: with __getattr__, no name would be an error to them
    _MODULES = {"NETWORKS": "registry", "Extractor": "extractor", "extract": "job", "imagenet_classes": "registry"}

    def __getattr__(name: str) -> object:
        # torchvision takes seconds to import, and the facts about networks need neither it nor torch.
        if name in _MODULES:
            return getattr(import_module(f"stresslib.extraction.{_MODULES[name]}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
