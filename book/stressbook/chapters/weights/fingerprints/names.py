"""Names: the words of the chapter's results table that measuring and drawing share.

Below everything of the chapter; nothing here computes.
"""

from __future__ import annotations

HITS = "hits"
"""In the column `metric`: the share of prints that a network puts into the classes that they were made for."""

ON_ALL = "accuracy-all"
"""In the column `metric`: accuracy on all test images; ``accuracy`` is on the first ones, which every network is shown."""

PRUNED, ROUNDED = "weights-pruned", "weights-rounded"
"""In the column `stress`: `level` is the share of the weights that are zero, or the bits of a weight."""

TUNED = "fine-tuned"
"""In the column `variant`: the copy was trained again for a while, its zeros held."""

MORE = ("level", "seed")
"""Columns beside those of the schema: how much of a stress, and of which noise prints are made."""
