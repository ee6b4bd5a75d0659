"""Names: the words of the chapter's results table that measuring and drawing share.

Below everything of the chapter; nothing here computes.
"""

from __future__ import annotations

BASE = "base"
"""In the column `variant`: the network of which every other one changes one component."""

ACCURACY, SEPARATION, DIVERGED = "accuracy", "SI(5)", "diverged"
"""In the column `metric`: of the network itself or of a classifier of its features; of the features; 100 where a training
ended in a loss that is not finite, and nothing else could be measured."""

RATE = "learning-rate"
"""In the column `stress`: a short training with the rate in `level`, scored on training images that it was not shown."""

MORE = ("level", "seed", "parameters")
"""Columns beside those of the schema: learning rate, seed of a training, number of weights."""
