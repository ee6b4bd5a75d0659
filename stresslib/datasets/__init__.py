"""Data sets: which images, which labels, which split, which metric.

Before the first stop of the chain: an ImageSet goes through a network and comes out as a FeatureSet.
"""

from stresslib.datasets.imageset import ImageSet, from_csv, from_folder, read_labels
from stresslib.datasets.loading import load_images
from stresslib.datasets.registry import DATASETS

__all__ = ["DATASETS", "ImageSet", "from_csv", "from_folder", "load_images", "read_labels"]
