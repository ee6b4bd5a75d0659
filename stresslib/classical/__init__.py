"""Classical features: from an image to a vector without a network; the paper compares its networks with one, BossaNova."""

from stresslib.classical.codebook import Codebook, Mixture, learn_codebook, learn_mixture, load_codebook
from stresslib.classical.descriptors import DenseSift
from stresslib.classical.extractor import ClassicalExtractor, codebook_of
from stresslib.classical.methods import LAYERS, METHODS, Method, find_method, is_method

__all__ = [
    "LAYERS",
    "METHODS",
    "ClassicalExtractor",
    "Codebook",
    "DenseSift",
    "Method",
    "Mixture",
    "codebook_of",
    "find_method",
    "is_method",
    "learn_codebook",
    "learn_mixture",
    "load_codebook",
]
