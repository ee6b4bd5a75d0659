"""Images: from a file to upright RGB, and to the array that a network takes; for networks and classical methods alike."""

from stresslib.images.decode import UnreadableImageError, find_levels, open_image
from stresslib.images.levels import Levels
from stresslib.images.preprocessing import WAYS, Preprocessing, read_input

__all__ = ["WAYS", "Levels", "Preprocessing", "UnreadableImageError", "find_levels", "open_image", "read_input"]
