"""Extraction: from an image to a vector, by a pre-trained network.

Before the first stop of the chain: networks and their layers, preprocessing, and the extractor that joins them.
"""

from stresslib.extraction.extractor import Extractor
from stresslib.extraction.job import extract
from stresslib.extraction.registry import NETWORKS, imagenet_classes

__all__ = ["NETWORKS", "Extractor", "extract", "imagenet_classes"]
