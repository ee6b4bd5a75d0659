"""Data sets: which images, labels, split and metric; extraction turns the ImageSets made here into FeatureSets."""

from stresslib.datasets.folders import from_folder
from stresslib.datasets.imageset import ImageSet
from stresslib.datasets.lists import from_csv, read_labels
from stresslib.datasets.loading import load_images
from stresslib.datasets.registry import DATASETS

__all__ = ["DATASETS", "ImageSet", "from_csv", "from_folder", "load_images", "read_labels"]
