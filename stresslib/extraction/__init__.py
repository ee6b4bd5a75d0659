"""Extraction: from an image to a vector, by a pre-trained network.

Before the first stop of the chain: networks and their layers, preprocessing, and the extractor that joins them.
"""

from stresslib.extraction.extractor import Extractor, extract
from stresslib.extraction.networks import NETWORKS, imagenet_classes

__all__ = ["NETWORKS", "Extractor", "extract", "imagenet_classes"]
